-- show: ARGV ns, i, id, seq, value, job id, class, run, ms -> OK | STALE | FENCED | STORE key
-- Only the instance that owns the worker id shows anything; the job runs either way. What this instance
-- does is written down for `stockade top`, for as many ms: where that cannot be, nothing else suffers.
local id, seq, value = ARGV[3], ARGV[4], ARGV[5]
local mine, shown_at = instance(me), R .. 'worker:' .. id

local stop = fence() or wrong({mine, 'hash', WID, 'hash', shown_at, 'string'})
if stop then return stop end
if call('HGET', mine, 'open') ~= seq then return {'STALE'} end
local doing = S .. 'doing:' .. me
if tonumber(ARGV[9]) > 0 and not wrong({doing, 'hash'}) then
	call('DEL', doing)
	call('HSET', doing, 'seq', seq, 'job', ARGV[6], 'class', ARGV[7], 'queue', call('HGET', mine, 'q') or '',
		'attempt', ARGV[8], 'began', now_ms())
	call('PEXPIRE', doing, ARGV[9])
end
if call('HGET', WID, id) ~= me then return {'OK'} end
call('DEL', shown_at)
call('SET', shown_at, value)
call('HSET', mine, 'shown', 1)
return {'OK'}

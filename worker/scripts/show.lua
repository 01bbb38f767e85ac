-- show: ARGV ns, i, id, seq, value -> OK | STALE | FENCED | STORE key
-- Only the instance that owns the worker id shows anything; the job runs either way.
local id, seq, value = ARGV[3], ARGV[4], ARGV[5]
local mine, shown_at = instance(me), R .. 'worker:' .. id

local stop = fence() or wrong({mine, 'hash', WID, 'hash', shown_at, 'string'})
if stop then return stop end
if call('HGET', mine, 'open') ~= seq then return {'STALE'} end
if call('HGET', WID, id) ~= me then return {'OK'} end
call('DEL', shown_at)
call('SET', shown_at, value)
call('HSET', mine, 'shown', 1)
return {'OK'}

-- prune: ARGV ns, i, id, what, then its words; a dead Ruby worker, in the steps of its own pruner.
-- look cursor -> OK next_cursor now_ms {id, heartbeat}...: at most 511 of them, ours left out
-- show victim most -> OK 0 | 1 value | 2: no job, the job's record, longer than `most`
-- file victim heartbeat value record -> OK | STALE: it changed since it was looked at
local what, victim = ARGV[4], ARGV[5]
local BEATS = R .. 'workers:heartbeat'
local stop = fence() or wrong(resque_types)
if stop then return stop end

-- lengths first: a foreign value never makes our answer large
if what == 'look' then
	local page = call('HSCAN', BEATS, victim, 'COUNT', 64)
	local out = {'OK', page[1], now_ms()} -- a cursor is 64 bits wide: text
	for n = 1, #page[2], 2 do
		local id, beat = page[2][n], page[2][n + 1]
		if #out < 1024 and #id <= 512 and #beat <= 40 and call('HEXISTS', WID, id) == 0 then
			out[#out + 1] = id
			out[#out + 1] = beat
		end
	end
	return out
end

local shown_at = R .. 'worker:' .. victim
stop = wrong({shown_at, 'string', shown_at .. ':started', 'string', R .. 'failed', 'list'})
if stop then return stop end
if what == 'show' then
	local n = call('STRLEN', shown_at)
	if n == 0 then return {'OK', 0} end
	if n > tonumber(ARGV[6]) then return {'OK', 2} end
	return {'OK', 1, call('GET', shown_at)}
end

local beat, value, record = ARGV[6], ARGV[7], ARGV[8]
if call('HGET', BEATS, victim) ~= beat or (call('GET', shown_at) or '') ~= value
	or call('HEXISTS', WID, victim) == 1 then
	return {'STALE'}
end
call('HDEL', BEATS, victim)
if record ~= '' then call('RPUSH', R .. 'failed', record) end
forget_worker(victim)
return {'OK'}

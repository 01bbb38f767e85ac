-- beat: ARGV ns, i, id, started -> OK | FENCED | STORE key
-- Proof of life, and heals what a foreign pruner took away while we lived.
local id, started = ARGV[3], ARGV[4]
local started_at = R .. 'worker:' .. id .. ':started'

local stop = fence() or wrong(resque_types) or wrong({started_at, 'string'})
if stop then return stop end
local beats = tonumber(call('ZSCORE', LIVE, me)) or 0
local owner = call('HGET', WID, id)

call('ZREM', LIVE, me)
call('ZADD', LIVE, beats + 1, me)
if not owner then
	call('HSET', WID, id, me)
	owner = me
end
if owner == me then
	call('HDEL', R .. 'workers:heartbeat', id)
	call('HSET', R .. 'workers:heartbeat', id, iso(now_ms()))
	call('SADD', R .. 'workers', id)
	if call('EXISTS', started_at) == 0 then call('SET', started_at, started) end
end
return {'OK'}

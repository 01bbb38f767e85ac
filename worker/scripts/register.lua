-- register: ARGV ns, i, id, protocol, started, queues (one a line), failure backend
-- -> OK | ID_SHARED | FENCED | NEWER n | STORE key
local id, protocol, started, queues = ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local mine, shown_at = instance(me), R .. 'worker:' .. id

local bad = wrong({LIVE, 'zset', mine, 'hash', shown_at, 'string', shown_at .. ':started', 'string'})
	or wrong(resque_types)
if bad then return bad end
if call('ZSCORE', LIVE, me) then -- the last reply was lost
	return {call('HGET', mine, 'id') == id and 'OK' or 'FENCED'}
end
if call('EXISTS', mine) == 1 or call('ZSCORE', GRAVES, me) then return {'FENCED'} end
-- the newest 512 and the oldest 512: whoever floods `live` makes no start slow
for _, part in ipairs({{0, 511}, {-512, -1}}) do
	for _, other in ipairs(call('ZRANGE', LIVE, part[1], part[2])) do
		local theirs = #other == #me and try('HGET', instance(other), 'proto')
		theirs = type(theirs) == 'string' and tonumber(theirs) or 0
		if theirs > protocol then return {'NEWER', theirs} end
	end
end

-- the former instance of this id: what a foreign tool did to its job is known now or never
local former = call('HGET', WID, id)
local shared = former and call('ZSCORE', LIVE, former)
local theirs = former and former ~= me and call('TYPE', instance(former)).ok == 'hash'
local filed = theirs and call('HGET', instance(former), 'shown') == '1' and call('EXISTS', shown_at) == 0

call('DEL', shown_at)
call('HDEL', R .. 'workers:heartbeat', id)
if theirs then
	call('HSET', instance(former), 'shown', 0)
	-- neither live nor buried (somebody deleted `live`): its lists must still be found
	if not shared and not call('ZSCORE', GRAVES, former) then call('ZADD', GRAVES, now_ms(), former) end
	if filed then call('HSET', instance(former), 'filed', 1) end
end
call('HSET', mine, 'id', id, 'proto', protocol, 'queues', queues, 'seq', 0, 'open', 0, 'q', '',
	'shown', 0, 'filed', 0, 'done', 0, 'fb', ARGV[7])
call('ZADD', LIVE, 1, me)
call('HSET', WID, id, me)
call('HSET', R .. 'workers:heartbeat', id, iso(now_ms())) -- before `workers`, as Ruby's pruner expects
call('SADD', R .. 'workers', id)
call('SET', shown_at .. ':started', started)
return {shared and 'ID_SHARED' or 'OK'}

-- unregister: ARGV ns, i, id -> OK | AGAIN | FENCED | STORE key
-- What is in hand goes back to the front; i goes to the graves, because a blocking pop may still
-- deliver into its lists.
local id = ARGV[3]
local mine, ms, n_steps = instance(me), now_ms(), 0

local stop = fence() or wrong(resque_types) or wrong({mine, 'hash'})
if stop then return stop end
local state = call('HMGET', mine, 'queues', 'open', 'q', 'shown', 'filed')
for q in each_line(own_queues(state[1])) do
	stop = wrong({in_hand(me, q), 'list', queue(q), 'list'})
	if stop then return stop end
end
local foreign = (tonumber(state[2]) or 0) > 0 and foreign_filed(me, id, state[4], state[5])

if foreign then call('LPOP', in_hand(me, state[3])) end
call('HDEL', mine, 'open')
call('HSET', mine, 'open', 0, 'shown', 0, 'filed', 0)
for q in each_line(own_queues(state[1])) do
	local body = call('RPOP', in_hand(me, q))
	while body do
		put_back(q, body)
		n_steps = n_steps + 1
		if n_steps > 1000 then return {'AGAIN'} end
		body = call('RPOP', in_hand(me, q))
	end
end
if call('HGET', WID, id) == me then forget_worker(id) end
call('ZREM', LIVE, me)
call('ZADD', GRAVES, ms, me)
return {'OK'}

-- recover: ARGV ns, i, id, victim, protocol, max_payload, most, digest, record, then the caller's queues
-- -> OK | AGAIN | LOST, each with n_returned, n_foreign, n_orphans; FENCED | NEWER n | STORE key
-- An element over its recoveries is named (LOST queue body digest) and stays where it is until the
-- caller comes back with its record: whether bytes may be spliced is judged outside, and no element
-- is ever nowhere. An element that another worker filed meanwhile no longer has that digest here.
local victim, protocol, max_payload = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local most, named, record = tonumber(ARGV[7]), ARGV[8], ARGV[9]
local theirs, ms = instance(victim), now_ms()
local n_returned, n_foreign, n_orphans, n_steps = 0, 0, 0, 0

local function answer(name, ...) return {name, n_returned, n_foreign, n_orphans, ...} end

local stop = fence() or wrong(resque_types)
	or wrong({theirs, 'hash', instance(me), 'hash', count_types(ms)})
if stop then return stop end
if victim == me then return {'FENCED'} end
local state = call('HMGET', theirs, 'id', 'proto', 'queues', 'open', 'q', 'shown', 'filed')
local id, known = state[1], own_queues(state[3])
if (tonumber(state[2]) or 0) > protocol then return {'NEWER', tonumber(state[2])} end
local was_live = call('ZSCORE', LIVE, victim)
local died = tonumber(call('ZSCORE', GRAVES, victim))
if not known and not was_live and not died then return answer('OK') end

local mine, ours, others = {}, {}, {}
for n = 10, #ARGV do mine[ARGV[n]] = true end
for q in each_line(known or table.concat(ARGV, '\n', 10)) do
	if mine[q] then ours[#ours + 1] = q else others[#others + 1] = q end
end
for _, q in ipairs(ours) do
	stop = wrong({in_hand(victim, q), 'list', queue(q), 'list', failed_types(q)})
	if stop then return stop end
end
local has_open = (tonumber(state[4]) or 0) > 0
local foreign = id and has_open and foreign_filed(victim, id, state[6], state[7])
if foreign then
	stop = wrong({in_hand(victim, state[5]), 'list'})
	if stop then return stop end
end
local owner = id and call('HGET', WID, id) == victim

-- graves first: a half-open blocking pop can still deliver into these lists
call('ZREM', LIVE, victim)
if not died then
	died = ms
	call('ZADD', GRAVES, ms, victim)
end
if owner then forget_worker(id) end
if foreign and call('LPOP', in_hand(victim, state[5])) then n_foreign = 1 end
if known then call('HSET', theirs, 'open', 0, 'shown', 0, 'filed', 0) end

local function over(q, body, d)
	if record == '' or named ~= d then return false end
	call('RPOP', in_hand(victim, q))
	file_failure(q, record)
	statistic('failed')
	record = ''
	return true
end

for _, q in ipairs(ours) do
	local from = in_hand(victim, q)
	local body = call('LINDEX', from, -1)
	while body do
		n_steps = n_steps + 1
		if n_steps > 256 then return answer('AGAIN') end
		local d = digest(q, body)
		local times = counted('lost', ms, d)
		if #body > max_payload then -- reserve removes it from the queue, with its record
			call('RPOP', from)
			put_back(q, body)
		elseif times < most then
			call('RPOP', from)
			put_back(q, body)
			count('lost', ms, d)
			n_returned = n_returned + 1
		elseif not over(q, body, d) then
			return answer('LOST', q, body, d)
		end
		body = call('LINDEX', from, -1)
	end
end

local n_left = 0
for _, q in ipairs(others) do
	local n = try('LLEN', in_hand(victim, q))
	n_left = n_left + (type(n) == 'number' and n or 1)
end
if ms - died > 600000 then n_orphans = n_left end
if ms - died > 86400000 and n_left == 0 then
	call('ZREM', GRAVES, victim)
	call('DEL', theirs)
end
return answer('OK')

-- reserve: ARGV ns, i, id, max_payload, at (ISO), at (failed), ULID, dynamic (0 or 1), then queues in
-- priority order -> JOB | EMPTY | PAUSED | AGAIN, each with n_oversize, n_promoted; FENCED | STORE key
-- A dynamic list pops only from those that are members of Resque's `queues`, as Resque does.
-- Order: what is in hand, pauses, promotion, pop. The ledger's claim comes after this answer and
-- before show: its script speaks to the ledger's own link and keys only, never to these.
local id, max_payload = ARGV[3], tonumber(ARGV[4])
local at, failed_at, ulid, dynamic = ARGV[5], ARGV[6], ARGV[7], ARGV[8] == '1'
local mine, ms = instance(me), now_ms()
local n_oversize, n_promoted, n_steps = 0, 0, 0
local next_due, broken

local stop = fence() or wrong({mine, 'hash', R .. 'queues', 'set', R .. 'pause-all-workers', 'string',
	count_types(ms)})
if stop then return stop end
local state = call('HMGET', mine, 'queues', 'seq', 'open', 'q')
-- our own numbers, but anybody may have written there: what is no whole number counts as none
local function whole(text)
	local n = tonumber(text) or 0
	return n >= 0 and n < 4503599627370496 and math.floor(n) or 0
end
local known, seq, open = own_queues(state[1]) or '', whole(state[2]), whole(state[3])

local function answer(name, ...) return {name, n_oversize, n_promoted, ...} end

local function job(n, q, body, again)
	local tries, lost = 0, 0
	if any_counted(ms) then
		local d = digest(q, body)
		tries, lost = counted('tries', ms, d), counted('lost', ms, d)
	end
	return answer('JOB', n, q, body, tries, lost, again)
end

-- The body's element is in in_hand already. A few words survive of an element over max_payload.
local function taken(q, body)
	call('HDEL', mine, 'open')
	call('HSET', mine, 'seq', seq + 1, 'open', seq + 1, 'q', q, 'shown', 0, 'filed', 0)
	return job(seq + 1, q, body, 0)
end

local B64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
local function base64(s)
	local out = {}
	for n = 1, #s, 3 do
		local a, b, c = string.byte(s, n, n + 2)
		local v = a * 65536 + (b or 0) * 256 + (c or 0)
		local function sextet(shift)
			local k = math.floor(v / shift) % 64 + 1
			return string.sub(B64, k, k)
		end
		out[#out + 1] = sextet(262144) .. sextet(4096) .. (b and sextet(64) or '=')
			.. (c and sextet(1) or '=')
	end
	return table.concat(out)
end

local function over_size_types(q)
	return wrong({failed_types(q)}) or wrong({area_types('quarantine:' .. q)})
end

local function record_oversize(q, body)
	local name = string.sub(ulid, 1, 25) .. n_oversize
	local sha1 = redis.sha1hex(body)
	n_oversize = n_oversize + 1
	keep('quarantine:' .. q, name, string.format('{"v":1,"id":"%s","reason":"E_TOO_LARGE","queue":"%s",'
		.. '"at":"%s","bytes":%d,"sha256":null,"sha1":"%s","kid":null,"job":null,"n":1,"raw_b64":"%s"}',
		name, q, at, #body, sha1, base64(string.sub(body, 1, 256))), 1000, 8388608, ms)
	note('E_TOO_LARGE', q, string.format('{"failed_at":"%s","payload":{"class":"Stockade::Refused",'
		.. '"args":["E_TOO_LARGE","sha1:%s",%d]},"exception":"Stockade::Refused","error":"E_TOO_LARGE: '
		.. 'the element is larger than max_payload; its first 256 bytes are kept (quarantine %s)",'
		.. '"backtrace":[],"worker":"%s","queue":"%s"}', failed_at, sha1, #body, name, id, q))
end

local asked, given, order = {}, {}, {}
for n = 9, #ARGV do
	local q = ARGV[n]
	if not given[q] then
		given[q] = true
		asked[#asked + 1] = q
		order[#order + 1] = q
	end
end

-- (a) the same answer again: the last reply was lost. Never under a queue that is not asked for:
-- somebody else wrote that name, and what truly is in hand is found below
if open > 0 and given[state[4]] then
	local from = in_hand(me, state[4])
	stop = wrong({from, 'list'})
	if stop then return stop end
	local body = call('LINDEX', from, 0)
	if body then return job(open, state[4], body, 1) end
	call('HDEL', mine, 'open') -- someone deleted our list: nothing is in hand
end

local longer = known
for _, q in ipairs(asked) do
	if not string.find('\n' .. longer .. '\n', '\n' .. q .. '\n', 1, true) then
		longer = longer == '' and q or longer .. '\n' .. q
	end
end
if longer ~= known then
	call('HDEL', mine, 'queues')
	call('HSET', mine, 'queues', longer)
end
for q in each_line(known) do
	if not given[q] then order[#order + 1] = q end
end

-- (b) Resque's own pause: strip and downcase, "true" alone pauses
-- and never more than a few bytes of it: the pattern is quadratic, and anybody may have written there
local everything = call('GETRANGE', R .. 'pause-all-workers', 0, 63)
everything = string.lower(string.match(everything, '^%s*(.-)%s*$')) == 'true'
local paused, absent, flags, n_paused, n_absent = {}, {}, {}, 0, 0
for n, q in ipairs(asked) do
	paused[q] = everything or call('EXISTS', S .. 'paused:' .. q) == 1
	absent[q] = dynamic and call('SISMEMBER', R .. 'queues', q) == 0
	flags[n] = paused[q] and '1' or '0'
	if paused[q] then n_paused = n_paused + 1 end
	if absent[q] then n_absent = n_absent + 1 end
end
local function nothing(name)
	return answer(name, next_due or -1, table.concat(flags), #asked - n_absent,
		dynamic and call('SCARD', R .. 'queues') or 0)
end

-- (a) what blocking pops delivered: one is adopted by priority, the rest go back to the front
local holding = {}
for _, q in ipairs(order) do
	local from = in_hand(me, q)
	if call('EXISTS', from) == 1 then
		stop = wrong({from, 'list', queue(q), 'list'}) or over_size_types(q)
		if stop then return stop end
		holding[#holding + 1] = q
	end
end
local adopted
for _, q in ipairs(holding) do
	local from, keep_head = in_hand(me, q), 0
	while not adopted and given[q] and not paused[q] and keep_head == 0 do
		local head = call('LINDEX', from, 0)
		if not head then break end
		if #head <= max_payload then
			adopted, keep_head = {q, head}, 1
		else
			call('LPOP', from)
			record_oversize(q, head)
			if n_oversize >= 8 then return answer('AGAIN') end
		end
	end
	while call('LLEN', from) > keep_head do
		n_steps = n_steps + 1
		if n_steps > 1000 then return answer('AGAIN') end
		put_back(q, call('RPOP', from))
	end
end
if adopted then return taken(adopted[1], adopted[2]) end
if everything or (#asked > 0 and n_paused == #asked) then return nothing('PAUSED') end

-- (c) parked jobs that are due return to the back of their queue
for _, q in ipairs(asked) do
	local parked, parcel = S .. 'parked:' .. q, S .. 'parcel:' .. q
	if not paused[q] and call('EXISTS', parked) == 1 then
		local bad = wrong({parked, 'zset', parcel, 'hash', queue(q), 'list'})
		broken = broken or bad
		local due = bad and {} or n_promoted < 8
			and call('ZRANGEBYSCORE', parked, '-inf', ms, 'LIMIT', 0, 8 - n_promoted) or {}
		for _, handle in ipairs(due) do
			local body = call('HGET', parcel, handle)
			call('ZREM', parked, handle)
			call('HDEL', parcel, handle)
			if body then
				call('RPUSH', queue(q), body)
				call('SADD', R .. 'queues', q)
				absent[q] = false
				n_promoted = n_promoted + 1
			end
		end
		local first = not bad and call('ZRANGE', parked, 0, 0, 'WITHSCORES') or {}
		local wait = first[2] and math.min(math.max(0, tonumber(first[2]) - ms), 604800000)
		if wait and (not next_due or wait < next_due) then next_due = wait end
	end
end

-- (d, e) the first element of the first queue that has one; a wrong-typed queue does not hold up others
for _, q in ipairs(asked) do
	if not paused[q] and not absent[q] and call('EXISTS', queue(q)) == 1 then
		local bad = wrong({queue(q), 'list', in_hand(me, q), 'list'}) or over_size_types(q)
		broken = broken or bad
		local body = not bad and call('LPOP', queue(q))
		while body do
			if #body <= max_payload then
				call('RPUSH', in_hand(me, q), body)
				return taken(q, body)
			end
			record_oversize(q, body)
			if n_oversize >= 8 then return answer('AGAIN') end
			body = call('LPOP', queue(q))
		end
	end
end
return broken or nothing('EMPTY')

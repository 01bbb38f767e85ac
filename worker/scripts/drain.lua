-- drain: ARGV ns, i, id, max_payload, budget, first, most, dynamic, number, q, digests, kinds, full rows of kinds
--   (n, then area, max_entries, max_bytes, reason, note each), entries (n, then place, entry each), queues...
-- -> OK full counts q more sha1 body sha1 body... | AGAIN (a job is in hand) | FENCED | STORE key
-- First: heads of q leave while they are among digests (40 characters each; kinds has one letter for each, A
-- for the first row), at most as many as there are digests. Nothing else ever leaves. An element at a place of
-- entries is kept in its kind's area, the rest are only counted there as dropped. The same number asking again
-- gets the same counts.
-- Then: at most `most` elements from place `first` (0: the head) of the first queue that reserve would look at, of at most budget
-- bytes together, none over max_payload. They stay where they are. more: 1 where another follows.
-- counts: "12 0 3", one number for each row. full: 1 where Redis is over its memory (then nothing is kept of
-- junk), 2 where an area that may hold genuine jobs took no more, 3 for both.
local max_payload, budget, first = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local most, dynamic, number, from = tonumber(ARGV[7]), ARGV[8] == '1', ARGV[9], ARGV[10]
local digests, letters, n_kinds = ARGV[11], ARGV[12], tonumber(ARGV[13])
local mine, ms, at = instance(me), now_ms(), 14
local kinds, entries = {}, {}
for n = 1, n_kinds do
	kinds[n] = {area = ARGV[at], max_n = tonumber(ARGV[at + 1]), max_bytes = tonumber(ARGV[at + 2]),
		reason = ARGV[at + 3], text = ARGV[at + 4], gone = 0, lost = 0, fresh = {}}
	at = at + 5
end
local n_entries = tonumber(ARGV[at])
for n = 1, n_entries do entries[tonumber(ARGV[at + 2 * n - 1])] = ARGV[at + 2 * n] end
at = at + 1 + 2 * n_entries

local stop = fence() or wrong({mine, 'hash', R .. 'queues', 'set', R .. 'pause-all-workers', 'string'})
if stop then return stop end
local state = call('HMGET', mine, 'open', 'drained')
if (tonumber(state[1]) or 0) > 0 then return {'AGAIN'} end

-- the same words as in reserve
local everything = call('GETRANGE', R .. 'pause-all-workers', 0, 63)
everything = string.lower(string.match(everything, '^%s*(.-)%s*$')) == 'true'
local function is_open(q)
	return not everything and call('EXISTS', S .. 'paused:' .. q) == 0
		and not (dynamic and call('SISMEMBER', R .. 'queues', q) == 0)
end

-- Would an addition be refused now? The word changes nothing: no job is in hand.
local full, refused = false, false
local function file(kind, place)
	local entry = entries[place]
	if kind.area == '' then return end
	if not entry or (full and not firm(kind.area)) then
		kind.lost = kind.lost + 1
	elseif firm(kind.area) then
		kind.fresh[#kind.fresh + 1] = entry
	elseif not keep(kind.area, string.match(entry, '^{"v":1,"id":"(%w+)"') or '', entry, kind.max_n,
		kind.max_bytes, ms) then
		refused = true
	end
end

-- What a firm area has room for, in a few calls for all: each entry is new, its id was made for it.
local function keep_fresh(kind)
	local index, entries, area = S .. kind.area, S .. kind.area .. '#e', kind.area
	local n, members, bodies, sum = call('ZCARD', index), {}, {}, 0
	if n == 0 then
		call('DEL', entries)
		call('HDEL', COUNT, area .. ':bytes')
	end
	local bytes = tonumber(call('HGET', COUNT, area .. ':bytes')) or 0
	for _, entry in ipairs(kind.fresh) do
		if n >= kind.max_n or bytes + sum + #entry > kind.max_bytes then
			kind.lost, refused = kind.lost + 1, true
		else
			local id = string.match(entry, '^{"v":1,"id":"(%w+)"') or ''
			members[#members + 1], bodies[#bodies + 1] = ms, id
			members[#members + 1], bodies[#bodies + 1] = id, entry
			n, sum = n + 1, sum + #entry
		end
	end
	if sum > 0 then
		call('ZADD', index, unpack(members))
		call('HSET', entries, unpack(bodies))
		area_bytes(area, sum)
	end
end

local function leave()
	local places, n = {}, math.floor(#digests / 40)
	for k = n, 1, -1 do places[string.sub(digests, 40 * k - 39, 40 * k)] = k end
	full = type(try('HSET', mine, 'q', '')) == 'table'
	for _ = 1, n do
		local head = call('LINDEX', queue(from), 0)
		local place = head and places[redis.sha1hex(head)]
		if not place then break end
		call('LPOP', queue(from))
		local kind = kinds[string.byte(letters, place) - 64]
		kind.gone = kind.gone + 1
		file(kind, place)
		entries[place] = nil -- a second element of the same bytes is only counted
	end
	local counts = {}
	for k, kind in ipairs(kinds) do
		if #kind.fresh > 0 then keep_fresh(kind) end
		counts[k] = string.format('%d', kind.gone)
		if kind.lost > 0 then dropped(kind.area, kind.lost) end
		if kind.gone > 0 then note(kind.reason, from, kind.text) end
	end
	call('HDEL', mine, 'drained')
	local text = table.concat(counts, ' ')
	local state_now = (full and 1 or 0) + (refused and 2 or 0)
	call('HSET', mine, 'drained', number .. ' ' .. state_now .. ' ' .. text)
	return text, state_now
end

local counts, fullness = '', 0
local last, was_full, told = string.match(state[2] or '', '^(%d+) ([0-3]) ([%d ]*)$')
if last == number then
	counts, fullness = told, tonumber(was_full)
elseif #digests > 0 and is_open(from) then
	stop = wrong({queue(from), 'list', failed_types(from)})
	for _, kind in ipairs(kinds) do
		stop = stop or (kind.area ~= '' and wrong({area_types(kind.area)}))
	end
	if stop then return stop end
	counts, fullness = leave()
end

local out = {'OK', fullness, counts, '', 0}
for n = at, #ARGV do
	local q = ARGV[n]
	if most > 0 and is_open(q) and call('EXISTS', queue(q)) == 1 and not wrong({queue(q), 'list'}) then
		local bytes = 0
		out[4] = q
		for k = first, first + most - 1 do
			local body = call('LINDEX', queue(q), k)
			bytes = bytes + (body and #body or 0)
			out[5] = body and 1 or 0
			if not body or #body > max_payload or (k > first and bytes > budget) then break end
			out[#out + 1] = redis.sha1hex(body)
			out[#out + 1] = body
		end
		break
	end
end
return out

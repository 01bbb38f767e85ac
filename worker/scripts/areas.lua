-- Rides in front of reserve and settle: bounded areas of refused jobs, and the note in `failed`.
-- An area is a zset of members by age beside a hash member -> entry, so that one copy per id, show
-- and drop by id cost no scan. '#' stands in no queue name, so these names meet no others.
local COUNT = S .. 'quarantine:#count'

local function area_types(area)
	return S .. area, 'zset', S .. area .. '#e', 'hash', COUNT, 'hash'
end

local function area_bytes(area, by)
	local n = try('HINCRBY', COUNT, area .. ':bytes', by)
	if type(n) == 'table' then
		call('HSET', COUNT, area .. ':bytes', by)
		n = by
	end
	return n
end

-- what is kept for a key that may still be published is not pushed out by more of the kind
local function firm(area) return string.sub(area, 1, 11) == 'unknownkey:' end

local function dropped(area, n)
	if type(try('HINCRBY', COUNT, area .. ':dropped', n)) == 'table' then
		call('HSET', COUNT, area .. ':dropped', n)
	end
end

-- beyond max_n entries or max_bytes the oldest leave and are counted; a firm area takes no more: false
local function keep(area, member, entry, max_n, max_bytes, ms)
	local index, entries = S .. area, S .. area .. '#e'
	if call('ZCARD', index) == 0 then
		call('DEL', entries)
		call('HDEL', COUNT, area .. ':bytes')
	end
	local old = call('HGET', entries, member)
	if not old and firm(area) and (call('ZCARD', index) >= max_n
		or (tonumber(call('HGET', COUNT, area .. ':bytes')) or 0) + #entry > max_bytes) then
		dropped(area, 1)
		return false
	end
	if old then
		local n = (tonumber(string.match(old, '"n":(%d+),"raw_b64"')) or 1) + 1
		entry = string.gsub(entry, '"n":%d+,"raw_b64"',
			string.format('"n":%d,"raw_b64"', n), 1)
		area_bytes(area, -#old)
	end
	local bytes = area_bytes(area, #entry)
	call('ZREM', index, member)
	call('ZADD', index, ms, member)
	call('HSET', entries, member, entry)
	local n = call('ZCARD', index)
	while n > 0 and (n > max_n or bytes > max_bytes) do
		local oldest = call('ZRANGE', index, 0, 0)[1]
		bytes = area_bytes(area, -call('HSTRLEN', entries, oldest))
		call('ZREM', index, oldest)
		call('HDEL', entries, oldest)
		dropped(area, 1)
		n = n - 1
	end
	return true
end

-- at most one note per reason, queue and minute
local function note(reason, q, text)
	if text ~= '' and call('SET', S .. 'quarantine:#note:' .. reason .. ':' .. q, '1', 'EX', '60', 'NX') then
		file_failure(q, text)
	end
end

-- measure: ARGV ns, i, id, bytes of heads, n, n reasons, queues...
-- -> OK {length, parked, kept, head}... ; -1 where a key has another type; reads only
-- kept: what was refused and stands in the queue's areas. head: '' where there is none or no room for it.
local room, n_reasons = tonumber(ARGV[4]), tonumber(ARGV[5])
local function size(command, key)
	local n = try(command, key)
	return type(n) == 'number' and n or -1
end
local function kept(q)
	local sum = 0
	local areas = {'quarantine:' .. q, 'unknownkey:' .. q}
	for n = 6, 5 + n_reasons do areas[#areas + 1] = 'quarantine:' .. q .. '#' .. ARGV[n] end
	for _, area in ipairs(areas) do
		local n = size('ZCARD', S .. area)
		if n < 0 then return -1 end
		sum = sum + n
	end
	return sum
end
local out = {'OK'}
for n = 6 + n_reasons, #ARGV do
	local q, head = ARGV[n], ''
	local length = size('LLEN', queue(q))
	if length > 0 and room > 0 then
		local first = try('LINDEX', queue(q), 0)
		if type(first) == 'string' and #first <= room then
			head = first
			room = room - #first
		end
	end
	out[#out + 1] = {length, size('ZCARD', S .. 'parked:' .. q), kept(q), head}
end
return out

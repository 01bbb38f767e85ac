-- quarantine: ARGV ns, i, id, what, then its words; a person's command, so nobody is fenced -> STORE key, else
-- areas cursor                              -> OK next ms {area, entries, bytes, dropped, oldest, newest}...
-- names area...                             -> the same of these
-- page area rank most                       -> OK entries ms {member, time, length, head}...: oldest first
-- entry area member most                    -> OK 0 | 1 entry digest | 2 (longer than most)
-- release area member digest queue payload  -> OK | STALE: it is gone or another than was judged
-- drop area member...                       -> OK dropped
-- wipe area                                 -> OK dropped: the whole area, of whatever type
-- Lengths first: what others wrote here never makes an answer large. entries -1: a key of another type.
local what, area = ARGV[4], ARGV[5]
local index, entries = S .. area, S .. area .. '#e'
local BYTES = ':bytes'

local stop = wrong({COUNT, 'hash'})
if stop then return stop end
if what == 'areas' or what == 'names' then
	local out = {'OK', '0', now_ms()}
	local function tell(name)
		local bad = wrong({S .. name, 'zset', S .. name .. '#e', 'hash'})
		local first = bad and {} or call('ZRANGE', S .. name, 0, 0, 'WITHSCORES')
		local last = bad and {} or call('ZRANGE', S .. name, -1, -1, 'WITHSCORES')
		local kept, gone = call('HGET', COUNT, name .. BYTES), call('HGET', COUNT, name .. ':dropped')
		for _, v in ipairs({name, bad and -1 or call('ZCARD', S .. name), string.sub(kept or '0', 1, 20),
			string.sub(gone or '0', 1, 20), string.sub(first[2] or '', 1, 24),
			string.sub(last[2] or '', 1, 24)}) do
			out[#out + 1] = v
		end
	end
	if what == 'names' then
		for n = 5, #ARGV do tell(ARGV[n]) end
		return out
	end
	local page = call('HSCAN', COUNT, area, 'COUNT', 64)
	out[2] = page[1]
	for n = 1, #page[2], 2 do
		local field = page[2][n]
		local name = #field <= 166 and string.match(field, '^(%l+:[%w_.:#-]+)' .. BYTES .. '$')
		if name and #out < 4096 then tell(name) end
	end
	return out
end

if what == 'wipe' then
	local n = try('ZCARD', index)
	call('DEL', index, entries)
	call('HDEL', COUNT, area .. BYTES)
	return {'OK', type(n) == 'number' and n or 0}
end

stop = wrong({area_types(area)})
if stop then return stop end
if what == 'page' then
	local from = tonumber(ARGV[6])
	local page = call('ZRANGE', index, from, from + tonumber(ARGV[7]) - 1, 'WITHSCORES')
	local out = {'OK', call('ZCARD', index), now_ms()}
	for n = 1, #page, 2 do
		local entry = call('HGET', entries, page[n]) or ''
		out[#out + 1] = #page[n] <= 64 and page[n] or ''
		out[#out + 1] = string.sub(page[n + 1], 1, 24)
		out[#out + 1] = #entry
		out[#out + 1] = string.sub(entry, 1, 1024)
	end
	return out
end

local member = ARGV[6]
if what == 'entry' then
	local n = call('HSTRLEN', entries, member)
	if n == 0 or not call('ZSCORE', index, member) then return {'OK', 0} end
	if n > tonumber(ARGV[7]) then return {'OK', 2} end
	local entry = call('HGET', entries, member)
	return {'OK', 1, entry, redis.sha1hex(entry)}
end

local function out_of_it(name)
	if call('ZREM', index, name) == 0 then return false end
	area_bytes(area, -call('HSTRLEN', entries, name))
	call('HDEL', entries, name)
	return true
end

if what == 'drop' then
	local n = 0
	for k = 6, #ARGV do
		if out_of_it(ARGV[k]) then n = n + 1 end
	end
	return {'OK', n}
end

local digest_wanted, q, payload = ARGV[7], ARGV[8], ARGV[9]
stop = wrong({queue(q), 'list', R .. 'queues', 'set'})
if stop then return stop end
local entry = call('HGET', entries, member)
if not entry or redis.sha1hex(entry) ~= digest_wanted or not out_of_it(member) then return {'STALE'} end
call('RPUSH', queue(q), payload)
call('SADD', R .. 'queues', q)
return {'OK'}

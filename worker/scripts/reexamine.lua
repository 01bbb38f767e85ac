-- reexamine: ARGV ns, i, id, area, what, then its words -> FENCED | STORE key, else
-- look rank, kids...: OK rank, or OK rank member entry: the first of at most 32 entries from that rank on
--   whose key is one of kids (no kids: the first); rank is where to go on, -1 after the last
-- release member, queue, bytes: OK: its job is at the back of its queue again, to be judged anew | STALE
local area, what = ARGV[4], ARGV[5]
local index, entries = S .. area, S .. area .. '#e'

local stop = fence() or wrong({area_types(area)})
if stop then return stop end
if what == 'look' then
	local rank, wanted = tonumber(ARGV[6]), {}
	for n = 7, #ARGV do wanted[ARGV[n]] = true end
	local members = call('ZRANGE', index, rank, rank + 31)
	for n, member in ipairs(members) do
		local entry = call('HGET', entries, member)
		local kid = entry and string.match(entry, '"kid":"([%w_.-]+)","job":')
		if entry and (#ARGV == 6 or (kid and wanted[kid])) then
			return {'OK', rank + n - 1, member, entry}
		end
	end
	return {'OK', #members < 32 and -1 or rank + 32}
end

local member, q, body = ARGV[6], ARGV[7], ARGV[8]
stop = wrong({queue(q), 'list', R .. 'queues', 'set'})
if stop then return stop end
if call('ZREM', index, member) == 0 then return {'STALE'} end
area_bytes(area, -call('HSTRLEN', entries, member))
call('HDEL', entries, member)
call('RPUSH', queue(q), body)
call('SADD', R .. 'queues', q)
return {'OK'}

-- settle: ARGV ns, i, id, seq, what, record, delay_ms, handle, park_max, area, member, entry,
--         max_entries, max_bytes, reason, note, principal, its park_max, its slot (ms), its quarantine_max,
--         judged, violated (0 or 1), the breaker's rule (six numbers, for violations.lua), the result that
--         is kept, its job id, ms, how many there may be, their bytes; the job whose releases are pushed (1) or forgotten (0)
-- -> OK foreign_filed area_full opened kept released filed_before | ALREADY | STALE | PARKFULL | FENCED | STORE key
-- fail with the reason ParkFull: once while the record of the same job still stands where it was put.
-- A slot above 0: the job waits for a rate, and comes due one slot after the one parked before it.
-- The ledger's finish comes before this call, on its own link: settle is the last word on a job.
local id, seq, what = ARGV[3], ARGV[4], ARGV[5]
local record, delay_ms, handle, park_max = ARGV[6], tonumber(ARGV[7]), ARGV[8], tonumber(ARGV[9])
local area, member, entry = ARGV[10], ARGV[11], ARGV[12]
local max_entries, max_bytes = tonumber(ARGV[13]), tonumber(ARGV[14])
local reason, text, principal = ARGV[15], ARGV[16], ARGV[17]
local own_max, slot_ms, kept_max = tonumber(ARGV[18]), tonumber(ARGV[19]), tonumber(ARGV[20])
local judged, violated, rule = ARGV[21] == '1', ARGV[22] == '1', {}
for n = 1, 6 do rule[n] = tonumber(ARGV[22 + n]) end
local result, result_id, keep_ms = ARGV[29], ARGV[30], tonumber(ARGV[31])
local results_max, results_bytes = tonumber(ARGV[32]), tonumber(ARGV[33])
local releases, outbox = {}, ARGV[34] ~= '' and S .. 'outbox:' .. ARGV[34]
local mine, shown_at, ms = instance(me), R .. 'worker:' .. id, now_ms()
local signed = handle ~= ''
local parks = what == 'retry' or what == 'park'
if not signed then handle = me .. ':' .. seq end

local stop = fence() or wrong({mine, 'hash', WID, 'hash'})
if stop then return stop end
local state = call('HMGET', mine, 'open', 'done', 'q', 'shown', 'filed')
if state[1] ~= seq then return {state[2] == seq and 'ALREADY' or 'STALE'} end
local q = state[3] or ''
local parked, parcel = S .. 'parked:' .. q, S .. 'parcel:' .. q
local parkedby, slot = S .. 'parkedby:' .. principal, S .. 'slot:' .. principal
local keptby, kept = S .. 'quarantinedby:' .. principal, area .. ' ' .. member
local once = what == 'fail' and reason == 'ParkFull' and signed and S .. 'parkfull:' .. handle
local counts = what == 'quarantine' and principal ~= '' and kept_max > 0

stop = wrong({in_hand(me, q), 'list', R .. 'queues', 'set', count_types(ms)})
	or wrong({failed_types(q)})
	or (what == 'handback' and wrong({queue(q), 'list'}))
	or (parks and wrong({parked, 'zset', parcel, 'hash', parkedby, 'zset', slot, 'string'}))
	or (counts and wrong({keptby, 'zset'}))
	or ((judged or violated) and wrong({breaker_types(principal)}))
	or (what == 'quarantine' and wrong({area_types(area)}))
	or (result ~= '' and wrong({result_types(result_id)}))
	or (outbox and wrong({outbox, 'list'}))
	or (once and wrong({once, 'string'}))
if not stop and outbox then
	if ARGV[35] == '1' then releases = call('LRANGE', outbox, 0, 15) end
	for n = 1, #releases - 1, 2 do stop = stop or wrong({queue(releases[n]), 'list'}) end
end
if stop then return stop end
-- one copy stands for all of its id: a copy that comes again waits where the first one does
local waits = parks and tonumber(call('ZSCORE', parked, handle))
if parks and not waits and (call('ZCARD', parked) >= park_max
	or (principal ~= '' and call('ZCOUNT', parkedby, ms, '+inf') >= own_max)) then
	return {'PARKFULL'}
end
if counts and not call('ZSCORE', keptby, kept) and call('ZCARD', keptby) >= kept_max then
	-- entries that left their area since, because they were the oldest or somebody took them out
	for _, old in ipairs(call('ZRANGE', keptby, 0, 63)) do
		local where, who = string.match(old, '^(%S+) (%S+)$')
		if not where or call('HEXISTS', S .. where .. '#e', who) == 0 then call('ZREM', keptby, old) end
	end
	if call('ZCARD', keptby) >= kept_max then return {'PARKFULL'} end
end
local area_full = false
local foreign = foreign_filed(me, id, state[4], state[5])
local owner = call('HGET', WID, id) == me

local body = call('LPOP', in_hand(me, q))
if owner then call('DEL', shown_at) end
call('DEL', S .. 'doing:' .. me)
call('HDEL', mine, 'open')
call('HSET', mine, 'open', 0, 'done', seq, 'q', '', 'shown', 0, 'filed', 0)

local released = 0
if outbox then
	call('DEL', outbox)
	for n = 1, #releases - 1, 2 do
		call('RPUSH', queue(releases[n]), releases[n + 1])
		call('SADD', R .. 'queues', releases[n])
		released = released + 1
	end
end

local function processed()
	statistic('processed')
	if owner then statistic('processed:' .. id) end
end

local function forget_counts()
	if not body or not any_counted(ms) then return end
	local d = digest(q, body)
	local a, b = day_keys('tries', ms)
	local c, e = day_keys('lost', ms)
	for _, key in ipairs({a, b, c, e}) do call('HDEL', key, d) end
end

local function park()
	local due = waits or ms + delay_ms
	if principal ~= '' then
		call('ZREMRANGEBYSCORE', parkedby, '-inf', ms - 1)
		if slot_ms > 0 and not waits then
			-- never farther than one slot for each that waits: a clock set back locks nobody out
			local last = math.min(tonumber(call('GET', slot)) or 0,
				due + slot_ms * call('ZCARD', parkedby))
			due = math.max(due, last + slot_ms)
			call('SET', slot, string.format('%.0f', due), 'PX', math.ceil(due - ms) + 1000)
		end
		call('ZADD', parkedby, due, q .. ' ' .. handle)
		call('PEXPIREAT', parkedby, string.format('%.0f',
			tonumber(call('ZRANGE', parkedby, -1, -1, 'WITHSCORES')[2]) + 60000))
	end
	call('ZADD', parked, due, handle)
	call('HSET', parcel, handle, body)
end

-- Anybody can push copies of a job for which there is no room: its record in failed stands for all of them, as
-- long as it is there unchanged; where it is not, somebody may have retried it.
local function filed_before()
	local at, sha = string.match(call('GET', once) or '', '^(%d+) (%x+)$')
	local there = at and call('LINDEX', failed_list(q), at)
	return there and redis.sha1hex(there) == sha
end

local kept_result, copy = 0, false
if what == 'ok' then
	processed()
	forget_counts()
	if result ~= '' then
		kept_result = keep_result(result_id, result, keep_ms, results_max, results_bytes, ms)
	end
elseif what == 'fail' and once and filed_before() then
	copy = true
elseif what == 'fail' then
	processed()
	forget_counts()
	if once and not foreign then
		call('SET', once, call('LLEN', failed_list(q)) .. ' ' .. redis.sha1hex(record), 'EX', 60)
	end
	if not foreign then -- else the foreign tool's record stands for this failure
		file_failure(q, record)
		statistic('failed')
		if owner then statistic('failed:' .. id) end
	end
elseif what == 'drop' then
	note(reason, q, text)
elseif not body then
	return {'STALE'} -- someone deleted our list: there is nothing to keep
elseif what == 'handback' then
	if not foreign then put_back(q, body) end
elseif what == 'quarantine' then
	area_full = not keep(area, member, entry, max_entries, max_bytes, ms)
	if counts then call('ZADD', keptby, ms, kept) end
	note(reason, q, text)
else
	if what == 'retry' then
		processed()
		count('tries', ms, digest(q, body))
	end
	park()
end
local opened = 0
if judged or (violated and not call('ZSCORE', S .. 'violated:' .. principal, handle)) then
	count_judged(principal, rule[1], ms)
end
if violated then opened = count_violation(principal, handle, rule, ms) end
return {'OK', foreign and 1 or 0, area_full and 1 or 0, opened, kept_result, released, copy and 1 or 0}

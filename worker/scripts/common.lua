-- Rides in front of every script: names of keys, the fence, the type check (PROTOCOL.md).
-- ARGV[1] is the namespace, ARGV[2] the calling instance. KEYS is not used: no Redis Cluster.
local call, try = redis.call, redis.pcall
local ns, me = ARGV[1], ARGV[2]
local R, S = ns .. ':', ns .. ':stockade:'
local LIVE, GRAVES, WID = S .. 'live', S .. 'graves', S .. 'wid'

local function instance(i) return S .. 'w:' .. i end
local function in_hand(i, q) return S .. 'in:' .. i .. ':' .. q end
local function queue(q) return R .. 'queue:' .. q end

-- wants = {key, type, key, type, ...}: the answer STORE for the first of another type, else nil
local function wrong(wants)
	for n = 1, #wants, 2 do
		local t = call('TYPE', wants[n]).ok
		if t ~= 'none' and t ~= wants[n + 1] then
			return {'STORE', string.sub(wants[n], #R + 1)}
		end
	end
end

-- the answer of a caller that the others hold for dead, else nil
local function fence()
	local bad = wrong({LIVE, 'zset'})
	if bad then return bad end
	if not call('ZSCORE', LIVE, me) then return {'FENCED'} end
end

local function now_ms()
	local t = call('TIME')
	return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- "2026-11-23T06:51:14+00:00", as Ruby parses heartbeats (civil date of a day count, proleptic)
local function iso(ms)
	local s = math.floor(ms / 1000)
	local z = math.floor(s / 86400) + 719468
	local era = math.floor(z / 146097)
	local doe = z - era * 146097
	local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524)
		- math.floor(doe / 146096)) / 365)
	local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
	local mp = math.floor((5 * doy + 2) / 153)
	local month = mp < 10 and mp + 3 or mp - 9
	local year = yoe + era * 400 + (month <= 2 and 1 or 0)
	return string.format('%04d-%02d-%02dT%02d:%02d:%02d+00:00', year, month,
		doy - math.floor((153 * mp + 2) / 5) + 1, math.floor(s / 3600) % 24, math.floor(s / 60) % 60,
		s % 60)
end

-- w:<i> queues: one name a line, only ever longer; 256 names of 64 bytes at most, or not ours
local function each_line(text)
	return string.gmatch(text or '', '[^\n]+')
end
local function own_queues(text)
	if text and #text <= 16640 then return text end
end

-- lost:<day> and tries:<day>, today's first
local function day_keys(name, ms)
	local day = math.floor(ms / 86400000)
	return S .. name .. ':' .. day, S .. name .. ':' .. (day - 1)
end

-- jobs without an id are known by queue and bytes
local function digest(q, body)
	return redis.sha1hex(q .. '\n' .. body)
end

local function counted(name, ms, d)
	local today, before = day_keys(name, ms)
	return (tonumber(call('HGET', today, d)) or 0) + (tonumber(call('HGET', before, d)) or 0)
end

local function count(name, ms, d)
	local today = day_keys(name, ms)
	if type(try('HINCRBY', today, d, 1)) == 'table' then call('HSET', today, d, 1) end
	call('EXPIRE', today, 172800)
end

local function any_counted(ms)
	local a, b = day_keys('tries', ms)
	local c, d = day_keys('lost', ms)
	return call('EXISTS', a, b, c, d) > 0
end

local function count_types(ms)
	local a, b = day_keys('tries', ms)
	local c, d = day_keys('lost', ms)
	return a, 'hash', b, 'hash', c, 'hash', d, 'hash'
end

-- a foreign value in a statistic is not worth a job: its error is swallowed
local function statistic(name)
	try('INCRBY', R .. 'stat:' .. name, 1)
end

-- a Ruby pruner or `resque remove` has filed this instance's job: it deletes worker:<id>
local function foreign_filed(i, id, shown, filed)
	return filed == '1' or (shown == '1' and call('HGET', WID, id) == i
		and call('EXISTS', R .. 'worker:' .. id) == 0)
end

-- everything Resque's tools know of a worker id; the caller has checked that it owns the id
local function forget_worker(id)
	call('SREM', R .. 'workers', id)
	call('DEL', R .. 'worker:' .. id, R .. 'worker:' .. id .. ':started',
		R .. 'stat:processed:' .. id, R .. 'stat:failed:' .. id)
	call('HDEL', R .. 'workers:heartbeat', id)
	call('HDEL', WID, id)
end
local resque_types = {R .. 'workers', 'set', R .. 'workers:heartbeat', 'hash', R .. 'queues', 'set',
	WID, 'hash', GRAVES, 'zset'}

-- where this instance files failures: Resque's `failed`, or one list a queue (FAILURE_BACKEND)
local function failed_list(q)
	if call('HGET', instance(me), 'fb') == 'multi' then return R .. q .. '_failed' end
	return R .. 'failed'
end

-- the set of lists only where it is used: an ACL user need not be granted what nobody asks for
local function failed_types(q)
	local list = failed_list(q)
	if list == R .. 'failed' then return list, 'list' end
	return list, 'list', R .. 'failed_queues', 'set'
end

local function file_failure(q, text)
	local list = failed_list(q)
	if list ~= R .. 'failed' then call('SADD', R .. 'failed_queues', q .. '_failed') end
	call('RPUSH', list, text)
end

-- to the front of its queue, as if never taken
local function put_back(q, body)
	call('LPUSH', queue(q), body)
	call('SADD', R .. 'queues', q)
end

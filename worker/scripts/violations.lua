-- Rides in front of settle: a principal's breaker (PROTOCOL.md, Breaker). What its key's holder alone can cause
-- counts once per job id; enough of it within a window opens the breaker: held:<principal>, for a while.
local breaker_keys = function(p)
	return S .. 'violated:' .. p, S .. 'judged:' .. p, S .. 'held:' .. p, S .. 'trial:' .. p
end
local VIOLATIONS_KEPT = 5000

local function breaker_types(p)
	local ids, judged, held, trial = breaker_keys(p)
	return ids, 'zset', judged, 'hash', held, 'string', trial, 'string'
end

-- of all first decisions about this principal's jobs; six slots make a window
local function count_judged(p, window, ms)
	local _, judged = breaker_keys(p)
	local slot = math.floor(ms / (window / 6))
	if type(try('HINCRBY', judged, slot, 1)) == 'table' then call('HSET', judged, slot, 1) end
	for _, old in ipairs(call('HKEYS', judged)) do
		local n = tonumber(old)
		if not n or n < slot - 6 or n > slot then call('HDEL', judged, old) end
	end
	call('PEXPIRE', judged, 2 * window)
end

-- a violation by the job `id`; rule: {window, violations, ratio (%), least, hold, trial}. 1: the breaker opened
local function count_violation(p, id, rule, ms)
	local ids, judged, held, trial = breaker_keys(p)
	local window, violations, ratio, least, hold, probe = unpack(rule)
	if call('ZSCORE', ids, id) then return 0 end -- a copy: anybody can have pushed it
	call('ZADD', ids, ms, id)
	call('PEXPIRE', ids, 604800000)
	if call('ZCARD', ids) > VIOLATIONS_KEPT then call('ZREM', ids, call('ZRANGE', ids, 0, 0)[1]) end
	if call('EXISTS', held) == 1 then return 0 end
	local n, all = call('ZCOUNT', ids, ms - window + 1, ms), 0
	for _, v in ipairs(call('HVALS', judged)) do all = all + (tonumber(v) or 0) end
	-- on trial one is enough
	if call('EXISTS', trial) == 0 and n < violations and not (all >= least and n * 100 >= ratio * all) then
		return 0
	end
	call('SET', held, ms, 'PX', hold)
	call('SET', trial, ms, 'PX', hold + probe)
	return 1
end

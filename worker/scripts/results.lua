-- Rides in front of settle: results of jobs that are kept for a time (PROTOCOL.md, "Kept results").
-- `results` says when each ends, `results#bytes` how long it is and, under "all", how long all are.
local RESULTS, RESULT_BYTES = S .. 'results', S .. 'results#bytes'

local function result_types(job)
	return RESULTS, 'zset', RESULT_BYTES, 'hash', S .. 'result:' .. job, 'string'
end

-- our own number, but anybody may have written there: what is no whole number counts as none
local function result_bytes(name)
	local n = tonumber(call('HGET', RESULT_BYTES, name)) or 0
	return n >= 0 and n < 4503599627370496 and math.floor(n) or 0
end

-- one leaves; answers how many bytes are left
local function forget_result(job)
	local all = math.max(0, result_bytes('all') - result_bytes(job))
	call('ZREM', RESULTS, job)
	call('HDEL', RESULT_BYTES, job)
	call('HSET', RESULT_BYTES, 'all', all)
	call('DEL', S .. 'result:' .. job)
	return all
end

-- those that end next leave where there is no room, 1 000 of them at most. 1: kept, -1: no room
local function keep_result(job, text, ttl, max_n, max_bytes, ms)
	local all = forget_result(job)
	local n = call('ZCARD', RESULTS)
	if n == 0 then all = 0 end
	for _, old in ipairs(call('ZRANGEBYSCORE', RESULTS, '-inf', ms, 'LIMIT', 0, 64)) do
		all, n = forget_result(old), n - 1
	end
	for _ = 1, 1000 do
		if #text > max_bytes or n == 0 or (n < max_n and all + #text <= max_bytes) then break end
		all, n = forget_result(call('ZRANGE', RESULTS, 0, 0)[1]), n - 1
	end
	if n == 0 then all = 0 end
	if n >= max_n or all + #text > max_bytes then return -1 end
	call('ZADD', RESULTS, ms + ttl, job)
	call('HSET', RESULT_BYTES, job, #text, 'all', all + #text)
	call('SET', S .. 'result:' .. job, text, 'PX', ttl)
	local last = call('ZRANGE', RESULTS, -1, -1, 'WITHSCORES')[2]
	call('PEXPIREAT', RESULTS, string.format('%.0f', tonumber(last) + 60000))
	call('PEXPIREAT', RESULT_BYTES, string.format('%.0f', tonumber(last) + 60000))
	return 1
end

-- claim: ARGV ns, i, worker id, epoch, floor (ms), seq, over, job id, exp, runs, iat, lease (ms), keep (s),
--        factor (thousandths), n, n times (limiter, starts an hour, burst), then pairs (place, max_running)
-- -> RUN run | BUSY ms | RATE ms interval_ms limiter | DONE | EXHAUSTED runs | OLD | BLOCKED | CORRUPT,
--    each with the ledger's time in ms as second word; LOST; STORE key
-- Everything is asked before anything is written: a job that one limiter refuses spends no other's.
-- Without a job id (an unsigned queue) only the limiters are asked. The same i and seq asking again get
-- the same run. A lease that the instance `over` held has ended: its supervisor saw it die.
local epoch, floor, seq, over, id = ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]
local exp, runs, iat, lease = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local keep_s, factor, n_rates = tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])
local us = now_us()
local ms = math.floor(us / 1000)
local mine = raw(me)

local stop = wrong(EPOCH, 'hash')
if stop then return stop end
local state = call('HMGET', EPOCH, 'id', 'min_iat', 'mark', 'shards')
local mark, shards = tonumber(state[3]) or 0, tonumber(state[4]) or 0
if state[1] ~= epoch or mark < floor or shards < 1 then return {'LOST'} end

local key = id ~= '' and bucket(id, exp, shards)
stop = key and wrong(key, 'hash')
if stop then return stop end
local field = key and raw(id)
local text = key and call('HGET', key, field)
local was = text and parse(text)
local spent, run, left = 0, nil, nil
if was then
	if was.kind == 'D' then return {'DONE', ms} end
	if was.kind == 'X' then return {'BLOCKED', ms} end
	if was.kind == '?' then return {'CORRUPT', ms} end
	spent = was.n
	if was.kind == 'R' and was.i == mine and was.seq == seq then
		run = spent
	elseif was.kind == 'R' then
		if was.lease > ms and was.i ~= raw(over) then return {'BUSY', ms, was.lease - ms} end
		left = holder(was.i, was.seq)
	end
end
if key and not run then
	if spent >= runs then return {'EXHAUSTED', ms, spent} end
	if iat < (tonumber(state[2]) or 0) then return {'OLD', ms} end
end

-- every limiter first; the one that keeps the job longest is named
local wait, interval, by, take = 0, 0, '', {}
local function refuse(w, every, name)
	if w > wait then wait, by = w, name end
	if every > interval then interval = every end
end
for n = 1, n_rates do
	local name, burst = ARGV[13 + 3 * n], tonumber(ARGV[15 + 3 * n])
	local every = 3600000000 / tonumber(ARGV[14 + 3 * n]) * 1000 / factor
	local at = S .. 'rate:' .. name
	stop = wrong(at, 'string')
	if stop then return stop end
	-- the time at which all that was taken is earned again; a clock that jumped back locks nobody out
	local tat = math.max(math.min(tonumber(call('GET', at)) or 0, us + burst * every), us)
	if tat - us > (burst - 1) * every + 0.5 then
		refuse(tat - us - (burst - 1) * every, every, name)
	end
	take[n] = {at, tat + every}
end
local places = {}
for n = 16 + 3 * n_rates, #ARGV, 2 do
	local at = running(ARGV[n])
	stop = wrong(at, 'zset')
	if stop then return stop end
	places[#places + 1] = at
	if not run then
		call('ZREMRANGEBYSCORE', at, '-inf', ms)
		if left then call('ZREM', at, left) end
		if call('ZCARD', at) >= tonumber(ARGV[n + 1]) then refuse(500000, 50000, 'running:' .. ARGV[n]) end
	end
end
if not run and wait > 0 then return {'RATE', ms, math.ceil(wait / 1000), math.ceil(interval / 1000), by} end

call('HDEL', EPOCH, 'mark')
call('HSET', EPOCH, 'mark', string.format('%.0f', math.max(mark, ms)))
if not run then
	for _, t in ipairs(take) do
		call('SET', t[1], string.format('%.3f', t[2]), 'PX', math.ceil((t[2] - us) / 1000) + 1000)
	end
end
for _, at in ipairs(places) do
	call('ZADD', at, ms + lease, holder(mine, seq))
	call('PEXPIRE', at, lease + 86400000)
end
if not key then return {'RUN', ms, 0} end
call('HDEL', key, field)
call('HSET', key, field, 'R' .. string.char(run or spent + 1) .. mine .. seq .. ':'
	.. string.format('%.0f', ms + lease))
expire(key, exp, keep_s)
return {'RUN', ms, run or spent + 1}

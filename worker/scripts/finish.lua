-- finish: ARGV ns, i, worker id, seq, job id, exp, run, what (D done, F failed, U never started), keep (s),
--         then places (max_running) -> OK | ALREADY | STALE | STORE key
-- By the owner of the run only; an expired lease alone is not stale. A record that is gone refuses nobody:
-- the job ended past its time, or the ledger was lost, and then the epoch keeps older jobs away.
local seq, id, exp, run = ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local what, keep_s = ARGV[8], tonumber(ARGV[9])
local mine = raw(me)

local stop = wrong(EPOCH, 'hash')
if stop then return stop end
for n = 10, #ARGV do
	stop = wrong(running(ARGV[n]), 'zset')
	if stop then return stop end
end
local shards = tonumber(call('HGET', EPOCH, 'shards')) or 0
local key = id ~= '' and shards > 0 and bucket(id, exp, shards)
stop = key and wrong(key, 'hash')
if stop then return stop end

for n = 10, #ARGV do call('ZREM', running(ARGV[n]), holder(mine, seq)) end
if not key then return {'OK'} end
local field = raw(id)
local text = call('HGET', key, field)
local was = text and parse(text)
if was then
	if was.kind == 'X' then return {'OK'} end -- blocked meanwhile: that stays
	if was.kind == 'D' then return {was.n == run and what == 'D' and 'ALREADY' or 'STALE'} end
	if was.kind == 'F' then
		return {was.n == run - (what == 'U' and 1 or 0) and what ~= 'D' and 'ALREADY' or 'STALE'}
	end
	if was.kind ~= 'R' or was.i ~= mine or was.seq ~= seq then return {'STALE'} end
elseif what ~= 'D' then
	return {'OK'}
end
call('HDEL', key, field)
if what == 'D' then
	call('HSET', key, field, 'D' .. string.char(run))
elseif what == 'F' then
	call('HSET', key, field, 'F' .. string.char(run))
elseif run > 1 then
	call('HSET', key, field, 'F' .. string.char(run - 1))
end
expire(key, exp, keep_s)
return {'OK'}

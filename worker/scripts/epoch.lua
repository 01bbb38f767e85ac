-- epoch: ARGV ns, i, worker id, new epoch, min_iat, shards -> OK | STORE key
-- An operator's word that the ledger may be believed from here on; jobs issued before min_iat stay away.
-- Later than every epoch before, and never less careful: an earlier min_iat does not come back.
local id, min_iat, shards = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local ms = math.floor(now_us() / 1000)

local stop = wrong(EPOCH, 'hash')
if stop then return stop end
local state = call('HMGET', EPOCH, 'min_iat', 'at', 'mark', 'shards')
local at = math.max(ms, (tonumber(state[2]) or 0) + 1)
-- records stand where the number of shards says: it stays while there may be some
shards = tonumber(state[4]) or shards
call('DEL', EPOCH)
call('HSET', EPOCH, 'id', id, 'min_iat', string.format('%.0f', math.max(min_iat, tonumber(state[1]) or 0)),
	'at', string.format('%.0f', at), 'mark', string.format('%.0f', math.max(at, tonumber(state[3]) or 0)),
	'shards', shards)
return {'OK'}

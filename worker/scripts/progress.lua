-- progress: ARGV ns, i, id, seq, done, total, note -> OK | STALE | FENCED | STORE key
-- What the job in hand says of itself. The record was begun by show, with the time at which it ends.
local key = S .. 'doing:' .. me
local stop = fence() or wrong({key, 'hash'})
if stop then return stop end
if call('HGET', key, 'seq') ~= ARGV[4] then return {'STALE'} end
call('HDEL', key, 'note')
call('HSET', key, 'done', ARGV[5], 'total', ARGV[6], 'note', ARGV[7], 'at', now_ms())
return {'OK'}

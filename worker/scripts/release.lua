-- release: ARGV ns, i, id, seq, job id, ms, then queue and payload of each -> OK | STALE | FENCED | STORE key
-- What the job in hand releases if it is done, written down before the ledger hears that it is: settle pushes
-- it, or, if this worker dies in between, the settlement of the copy that the ledger then calls done.
local mine, outbox = instance(me), S .. 'outbox:' .. ARGV[5]
local stop = fence() or wrong({mine, 'hash', outbox, 'list'})
if stop then return stop end
for n = 7, #ARGV, 2 do
	-- a queue that this worker's user may not touch must be known now, not in the middle of settle
	local kind = try('TYPE', queue(ARGV[n]))
	if kind.err or (kind.ok ~= 'none' and kind.ok ~= 'list') then return {'STORE', 'queue:' .. ARGV[n]} end
end
if call('HGET', mine, 'open') ~= ARGV[4] then return {'STALE'} end
call('DEL', outbox)
for n = 7, #ARGV do call('RPUSH', outbox, ARGV[n]) end
call('PEXPIRE', outbox, ARGV[6])
return {'OK'}

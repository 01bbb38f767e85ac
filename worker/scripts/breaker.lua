-- breaker: ARGV ns, i, id, what, principals... -> FENCED, else
-- look: OK, then for each the milliseconds that it is held and that its trial lasts (0: not; -1: without an end)
-- pass (one principal): OK 1 for the one job that may start in this second, OK 0 for the rest
local stop = fence()
if stop then return stop end
local function ends_in(key)
	local ms = call('PTTL', key)
	return ms == -2 and 0 or ms
end
local out = {'OK'}
if ARGV[4] == 'pass' then
	local slot = S .. 'trialslot:' .. ARGV[5]
	if call('EXISTS', slot) == 1 then return {'OK', 0} end
	call('DEL', slot)
	call('SET', slot, 1, 'PX', 1000)
	return {'OK', 1}
end
for n = 5, #ARGV do
	out[#out + 1] = ends_in(S .. 'held:' .. ARGV[n])
	out[#out + 1] = ends_in(S .. 'trial:' .. ARGV[n])
end
return out

-- peers: ARGV ns, i, id, set (live or graves), first rank, most
-- -> OK next_rank {instance, score}... (next_rank 0: that was all) | FENCED | STORE key
-- Only what can be an instance: whoever may write to Redis may put megabytes there as a name.
local set, at, most = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local stop = fence() or wrong({S .. set, 'zset'})
if stop then return stop end
local out, n_looked = {'OK', 0}, 0
while n_looked < 4096 do
	local page = call('ZRANGE', S .. set, at, at + 63, 'WITHSCORES')
	for n = 1, #page, 2 do
		if #out == 2 + 2 * most then
			out[2] = at
			return out
		end
		at, n_looked = at + 1, n_looked + 1
		if #page[n] == #me and not string.find(page[n], '[^0-9a-f]') then
			out[#out + 1] = page[n]
			out[#out + 1] = page[n + 1]
		end
	end
	if #page < 128 then return out end
end
out[2] = at
return out

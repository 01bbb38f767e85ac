-- Rides in front of the ledger's scripts: its keys, its records, its epoch (PROTOCOL.md, "The ledger").
-- ARGV[1] is the namespace, ARGV[2] the calling instance, ARGV[3] its worker id. These scripts speak to
-- the ledger's own keys only, which may stand on a server of their own: no fence, `live` is elsewhere.
local call = redis.call
local me = ARGV[2]
local S = ARGV[1] .. ':stockade:'
local EPOCH = S .. 'epoch'

local function wrong(key, wanted)
	local t = call('TYPE', key).ok
	if t ~= 'none' and t ~= wanted then return {'STORE', string.sub(key, #ARGV[1] + 2)} end
end

local function now_us()
	local t = call('TIME')
	return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

local function raw(hex)
	return (string.gsub(hex, '..', function(x) return string.char(tonumber(x, 16)) end))
end

-- Records of one ten minutes of end times, spread over shards so that each hash stays a listpack: 25
-- bytes a record instead of 165 for a key of its own.
local function bucket(id, exp, shards)
	return S .. 'l:' .. math.floor(exp / 600) .. ':' .. tonumber(string.sub(id, 1, 8), 16) % shards
end

-- A bucket goes when its last job has ended and may not be admitted again either.
local function expire(key, exp, keep_s)
	call('EXPIREAT', key, (math.floor(exp / 600) + 1) * 600 + keep_s)
end

-- D n: done by run n. F n: n runs are spent. X: an operator blocked it. R n i seq:lease: run n is held.
local function parse(v)
	local kind, n = string.sub(v, 1, 1), string.byte(v, 2)
	if kind == 'X' and #v == 1 then return {kind = kind} end
	if (kind == 'D' or kind == 'F') and #v == 2 then return {kind = kind, n = n} end
	local seq, lease = string.match(string.sub(v, 19), '^(%d+):(%d+)$')
	if kind == 'R' and seq then
		return {kind = kind, n = n, i = string.sub(v, 3, 18), seq = seq, lease = tonumber(lease)}
	end
	return {kind = '?'}
end

-- Who runs now, one member for each lease, to count against max_running.
local function running(name) return S .. 'running:' .. name end
local function holder(i, seq) return i .. seq end

#!/bin/sh
# One captured job, ten thousand times, put into every wrong place by somebody who may write anything to Redis:
# its own queue again, other queues, another class, parked, in a worker's hand, delayed, failed, quarantine,
# among the unknown keys. It ran once and never runs again; it holds up and charges nobody; nothing of ours grows.
. tests/stage.sh
stage_up
trap 'stage_down' EXIT
printf 'x\n' >"$T/inputs/x.txt"
mkdir "$T/audit"
# little budget, so that a copy that spent any of it would be seen
sed -i '0,/rate = "1000\/s"; burst = 1000;/s//rate = "1\/h"; burst = 40;/' "$T/policy.conf"
EXTRA="audit_dir = \"$T/audit\"; breaker = { violations = 5; };" write_config
sed -i 's/"files", "low" \]/"files", "other", "low" ]/' "$T/stockade.conf"
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }
reasons() { grep -ac "\"event.reason\":\"$1\"" "$T/log"; }
counted() { grep -a worker.stopped "$T/log" | tail -1 | sed -n "s/.*\"stockade.$1\":\([0-9]*\).*/\1/p"; }
queues_empty() { [ "$(rcli llen resque:queue:files)$(rcli llen resque:queue:low)$(rcli llen resque:queue:other)" = 000 ]; }
rss_kib() { for p in $(tree_of "$WORKER"); do sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/status"; done 2>/dev/null | sort -n | tail -1; }
# of all keys; what Redis takes for scripts and clients is none of it
memory() { rcli --raw keys '*' | while read -r k; do rcli memory usage "$k" samples 0; done | awk '{ n += $1 } END { print n + 0 }'; }
records() { lcli --raw keys 'resque:stockade:l:*' | while read -r k; do lcli hlen "$k"; done | awk '{ n += $1 } END { print n + 0 }'; }
# each copy in other bytes: an extra that any tool may add makes it so
copies() { # copies N PAYLOAD LUA: LUA puts the text `body`, copy number i
	rcli eval "for i = 1, ARGV[1] do
		local body = string.gsub(ARGV[2], '}%s*\$', string.format(',\"queue_time\":%d}', i)) $3 end" 0 "$1" "$2" >/dev/null || echo "not ok - copies were not written"
}
push_to() { copies "$2" "$3" "redis.call('RPUSH', 'resque:queue:$1', body)"; }

captured=$(sign ChecksumFile '["x.txt"]')
later=$(sign ChecksumFile '["x.txt"]' --not-before "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)" --ttl 2h)
worker_start
push files "$captured"
check "the job runs, and is captured" wait_for 10 done_is 1
id=$(grep -a '"event.reason":"Done"' "$T/log" | sed 's/.*"stockade.job_id":"\([0-9a-f]*\)".*/\1/')
instance=$(rcli zrange resque:stockade:live 0 0)
before=$(rss_kib) base=$(memory)

push_to files 3000 "$captured"
push_to low 1000 "$captured"
push_to other 1000 "$captured"
push_to files 1000 "$(echo "$captured" | sed 's/"class":"ChecksumFile"/"class":"CsvSummary"/')"
push_to files 1000 "$later"
copies 1000 "$captured" "redis.call('ZADD', 'resque:stockade:parked:files', i, 'stuffed-' .. i)
	redis.call('HSET', 'resque:stockade:parcel:files', 'stuffed-' .. i, body)"
copies 200 "$captured" "redis.call('RPUSH', 'resque:stockade:in:$instance:files', body)"
copies 500 "$captured" "redis.call('RPUSH', 'resque:delayed:1700000000', body)
	redis.call('ZADD', 'resque:delayed_queue_schedule', 1700000000, '1700000000')"
copies 500 "$captured" "redis.call('RPUSH', 'resque:failed', '{\"failed_at\":\"2026/11/23 00:00:00 UTC\",\"payload\":' .. body .. ',\"exception\":\"X\",\"error\":\"x\",\"backtrace\":[],\"worker\":\"w\",\"queue\":\"files\"}')"
b64=$(printf '%s' "$captured" | base64 -w0)
for area in 'quarantine:files#E_EXPIRED' revoked:web-1 unknownkey:files; do
	rcli eval "for i = 1, ARGV[1] do local id = string.format('01ARZ3NDEKTSV4RRFFQ%07d', i)
		redis.call('ZADD', 'resque:stockade:' .. ARGV[2], 1, id)
		redis.call('HSET', 'resque:stockade:' .. ARGV[2] .. '#e', id, '{\"v\":1,\"id\":\"' .. id .. '\",\"reason\":\"E_EXPIRED\",\"queue\":\"files\",\"at\":\"2026-11-23T00:00:00Z\",\"bytes\":400,\"sha256\":\"' .. string.rep('0', 64) .. '\",\"kid\":\"web-1\",\"job\":null,\"n\":1,\"raw_b64\":\"' .. ARGV[3] .. '\"}') end" 0 300 "$area" "$b64" >/dev/null
done
rcli script flush >/dev/null
i=0
while [ $i -lt 20 ]; do
	i=$((i + 1))
	push files "$(sign ChecksumFile '["x.txt"]')"
	push low "$(sign ChecksumFile '["x.txt"]' --queue low)" # below the flooded one, of the same principal
done
push other "$("$STOCKADE" sign --key "$T/keys/other-1.key" --kid other-1 --aud "$AUD" --queue other --class ChecksumFile --runs 1 --ttl 1h '["x.txt"]')"
# as many of the budget of 40 as are left, and the other principal's
check "the good jobs of the same principal and another's run" wait_for 60 done_is 41
check "all copies have left the queues" wait_for 60 queues_empty
check "and what was parked" wait_for 30 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:parked:files) -le 2 ]"
kill -HUP "$WORKER" # areas are looked through again
check "and those among unknown and revoked keys" wait_for 30 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:unknownkey:files)\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:revoked:web-1) = 00 ]"
check "all of them are judged" wait_for 30 queues_empty
sleep 1
after=$(rss_kib)
check "it was started once" eq "$(grep -a '"event.action":"job.started"' "$T/log" | grep -ac "$id")" 1
check "the worker grew by less than 2 MiB ($before KiB, $after KiB)" test $((after - before)) -lt 2048
check "delayed and failed are as they were left" eq "$(rcli llen resque:delayed:1700000000) $(rcli llen resque:failed)" "500 $((500 + $(rcli keys 'resque:stockade:quarantine:#note:*' | grep -c .)))"
check "one copy is kept for each wrong place" eq "$(rcli zcard 'resque:stockade:quarantine:low#E_QUEUE_MISMATCH')$(rcli zcard 'resque:stockade:quarantine:other#E_QUEUE_MISMATCH')$(rcli zcard 'resque:stockade:quarantine:files#E_CLASS_MISMATCH')" 111
check "the job that is not due waits once; one good job waits for its rate" eq "$(rcli zcard resque:stockade:parked:files) $(rcli hlen resque:stockade:parcel:files)" "1 1"
check "nobody is charged with a violation" eq "$(rcli exists resque:stockade:violated:web)$(rcli exists resque:stockade:held:web)$(rcli exists resque:stockade:quarantinedby:web)" 000
check "neither breaker nor guard stirred" eq "$(events breaker.opened)$(events guard.diverts)" 00
check "the ledger holds a record for each job, not for each copy" test "$(records)" -le 42
check "the log has few lines of it" test "$(grep -acE 'R_REPLAY_DONE|_MISMATCH|D_NOT_BEFORE' "$T/log")" -le 700
rcli del resque:delayed:1700000000 resque:failed 'resque:stockade:quarantine:files#E_EXPIRED' 'resque:stockade:quarantine:files#E_EXPIRED#e' >/dev/null
grown=$(($(memory) - base))
echo "# Redis holds $grown bytes more than before"
check "what is left of them in Redis is less than 16 KiB" test "$grown" -lt 16384
worker_stop
"$STOCKADE" audit verify "$T/audit" >/dev/null
check "the trail verifies" eq $? 0
check "the copies of what ran are counted" test "$(counted verdict.R_REPLAY_DONE)" -ge 4800

#!/bin/sh
# Junk by the thousand: all of it is counted, a bounded sample kept, one note a minute written; the good jobs
# behind it and in other queues run; worker and Redis stay small; a Redis that is full is emptied.
. tests/stage.sh
. tests/lib/flood.sh
stage_up
trap 'stage_down' EXIT
printf 'x\n' >"$T/inputs/x.txt"
mkdir "$T/audit"
EXTRA="audit_dir = \"$T/audit\";" write_config
counted() { grep -a worker.stopped "$T/log" | tail -1 | sed -n "s/.*\"stockade.$1\":\([0-9]*\).*/\1/p"; }
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }
empty() { [ "$(rcli llen resque:queue:files)" = 0 ]; }
rss_kib() { # the largest process of the worker's own program under the supervisor
	for p in $(tree_of "$WORKER"); do sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/status"; done 2>/dev/null | sort -n | tail -1
}
memory() { rcli info memory | tr -d '\r' | sed -n 's/^used_memory://p'; }

worker_start
wait_for 10 logged worker.started
push files "$(sign ChecksumFile '["x.txt"]')"
check "a good job runs first" wait_for 10 done_is 1
before=$(rss_kib)
base=$(memory)

# FLOOD=100000: as many in all, else 13 000
n=$((${FLOOD:-13000} / 13))
s=$((30 + n / 50))
fill files unsigned $((3 * n))
push files "$(sign ChecksumFile '["x.txt"]')"
check "the good job behind $((3 * n)) unsigned ones runs" wait_for $s done_is 2
check "the flood is told of" logged flood.began
check "and its end" wait_for 5 logged flood.ended
fill files unknown $((3 * n))
push files "$(sign ChecksumFile '["x.txt"]')"
check "behind $((3 * n)) of an unknown key too" wait_for $s done_is 3
fill files badsig $((2 * n))
fill files notjson $((2 * n))
push files "$(sign ChecksumFile '["x.txt"]')"
check "behind $((4 * n)) of two kinds too" wait_for $s done_is 4
rcli set resque:pause-all-workers true >/dev/null # so that the good job is there first
fill files unsigned $((3 * n))
push low "$(sign ChecksumFile '["x.txt"]' --queue low)"
rcli del resque:pause-all-workers >/dev/null
check "and in a queue below the flooded one" wait_for $s done_is 5
check "all is gone" wait_for $s empty
after=$(rss_kib)
grown=$(($(memory) - base))
echo "# the worker's memory: $before KiB before, $after after; Redis's: $grown bytes more"
check "the worker grew by less than 2 MiB" test $((after - before)) -lt 2048
check "Redis by less than the bounds of both areas and 1 MiB" test "$grown" -lt $(((8 + 64 + 1) * 1048576))
worker_stop
check "every unsigned one is counted" eq "$(counted verdict.E_UNSIGNED)" $((6 * n))
check "every unknown key" eq "$(counted verdict.E_KEY_UNKNOWN)" $((3 * n))
check "every bad signature" eq "$(counted verdict.E_SIGNATURE)" $((2 * n))
check "every text that is no JSON" eq "$(counted verdict.E_OUTER_JSON)" $((2 * n))
check "most left many at a time" test "$(counted count.drained)" -gt $((12 * n))
check "the sample has its bound" eq "$(rcli zcard resque:stockade:quarantine:files)" 1000
check "what left without an entry, or left the sample, is counted there" eq \
	"$(rcli hget resque:stockade:quarantine:#count quarantine:files:dropped)" $((10 * n - 1000))
kept=$((3 * n > 20000 ? 20000 : 3 * n))
check "$kept jobs of the unknown key are kept" eq "$(rcli zcard resque:stockade:unknownkey:files)" $kept
check "an area that takes no more says so" eq "$(logged area.full && echo told)" "$([ $kept = 20000 ] && echo told)"
check "failed has a note for each reason and minute" test "$(rcli llen resque:failed)" -le 12
check "few log lines of $((13 * n)) refusals" test "$(grep -ac . "$T/log")" -lt 250
"$STOCKADE" audit verify "$T/audit" >"$T/audit.out" 2>&1
check "the trail verifies" eq $? 0
check "and is short" test "$(cat "$T"/audit/* | grep -ac .)" -lt 100
sums() { cat "$T"/audit/* 2>/dev/null | grep -a '"kind":"sum"' | grep -a "\"verdict\":\"$1\"" | sed 's/.*"count":\([0-9]*\).*/\1/' | awk '{ n += $1 } END { print n + 0 }'; }
check "and holds the sums, exactly" eq "$(sums E_UNSIGNED) $(sums E_KEY_UNKNOWN) $(sums E_SIGNATURE) $(sums E_OUTER_JSON)" \
	"$((6 * n)) $((3 * n)) $((2 * n)) $((2 * n))"
rcli del resque:stockade:unknownkey:files 'resque:stockade:unknownkey:files#e' >/dev/null
grown=$(($(memory) - base))
echo "# without the jobs of unknown keys: $grown bytes more"
check "without the jobs of unknown keys by less than the sample's bound and 1 MiB" test "$grown" -lt $(((8 + 1) * 1048576))

worker_start
wait_for 10 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' scard resque:workers) = 1 ]"

# --- a full Redis: the flood leaves though nothing may be added
used=$(memory)
rcli config set maxmemory-policy noeviction >/dev/null
rcli set resque:pause-all-workers true >/dev/null
fill files unsigned 20000
rcli config set maxmemory $((used + 1048576)) >/dev/null
check "Redis is full" sh -c "redis-cli -s '$REDIS_SOCK' set x y | grep -q OOM"
rcli del resque:pause-all-workers >/dev/null
check "a flood cannot wedge the queue" wait_for 60 empty
check "that is told by name" wait_for 5 logged redis.full
rcli config set maxmemory 0 >/dev/null
push files "$(sign ChecksumFile '["x.txt"]')"
check "jobs run again" wait_for 20 done_is 6
used=$(($(memory) - used))
echo "# Redis holds $used bytes more than before the flood"
check "Redis keeps less than 1 MiB of it" test "$used" -lt 1048576
worker_stop

# --- a ring that lost its key: everything is kept and told
rcli flushall >/dev/null
cp "$T/policy.conf" "$T/policy.good"
"$STOCKADE" keys generate --kid web-1 --principal web --out "$T/inputs" >"$T/wrong.stanza"
sed "s/$(public web)/$(sed -n 's/.*public *= *"\([^"]*\)".*/\1/p' "$T/wrong.stanza" | head -1)/" "$T/policy.good" >"$T/policy.conf"
worker_start
wait_for 10 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' scard resque:workers) = 1 ]"
i=0
while [ $i -lt 230 ]; do
	i=$((i + 1))
	sign ChecksumFile '["x.txt"]'
	echo
done >"$T/jobs"
while read -r job; do printf 'RPUSH resque:queue:files %s\r\n' "'$job'"; done <"$T/jobs" | rcli >/dev/null
check "they are drained" wait_for 20 empty
check "the guard raises its alarm" wait_for 5 logged guard.diverts
check "what came after is kept whole beside the unknown keys" wait_for 5 test "$(rcli zcard resque:stockade:unknownkey:files)" -ge 30
worker_stop
cp "$T/policy.good" "$T/policy.conf"
ran=$(grep -ac '"event.reason":"Done"' "$T/log")
kept=$(rcli zcard resque:stockade:unknownkey:files)
worker_drain
worker_drain
check "with the right key again they run" eq "$(($(grep -ac '"event.reason":"Done"' "$T/log") - ran))" "$kept"

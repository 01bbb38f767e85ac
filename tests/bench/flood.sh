#!/bin/sh
# How fast junk is drained, as ratios within one run: 100 000 elements many at a time against a part of
# them one by one, on one machine, one worker and one Redis (DRAIN=1 is the same program with drain_batch = 1).
# Prints a table; the last lines say whether the goals 10x, 7x and 4x were reached (exit 1 if not).
#   B=build sh tests/bench/flood.sh [elements]
set -u
B=${B:-build}
export B
. tests/stage.sh
many=${1:-100000}
few=$((many / 10))
stage_up
trap 'stage_down' EXIT
. tests/lib/flood.sh

now_ms() { date +%s%3N; }
rate() { # rate BATCH KIND N: elements a second, in $RATE
	EXTRA="drain_batch = $1;" write_config
	rcli flushall >/dev/null
	worker_start
	wait_for 10 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' scard resque:workers) = 1 ]"
	fill files "$2" "$3"
	from=$(now_ms)
	# one client that asks again and again: a new one for each look would take a part of the machine
	rcli -r -1 -i 0.02 llen resque:queue:files | grep -qxm1 0
	ms=$(($(now_ms) - from))
	worker_stop
	RATE=$(($3 * 1000 / (ms > 0 ? ms : 1)))
}

rc=0
printf '%-12s %14s %14s %8s %6s\n' junk 'one by one /s' 'drained /s' ratio goal
for row in unsigned:10 unknown:7 badsig:4; do
	kind=${row%:*} goal=${row#*:}
	rate 1 "$kind" "$few"
	one=$RATE
	rate 64 "$kind" "$many"
	ratio=$((RATE * 10 / (one > 0 ? one : 1)))
	printf '%-12s %14d %14d %7d.%d %5dx\n' "$kind" "$one" "$RATE" $((ratio / 10)) $((ratio % 10)) "$goal"
	[ "$kind" != badsig ] || awk -v one="$one" -v all="$RATE" -v verify="$("$B/test/mutations" --verify-us)" 'BEGIN {
		printf "a bad signature takes %.1f us one by one, %.1f drained, of which verifying it alone %.1f: at most %.1fx\n",
			1e6 / one, 1e6 / all, verify, 1e6 / one / verify }'
	[ "$ratio" -ge $((goal * 10)) ] || rc=1
done
exit $rc

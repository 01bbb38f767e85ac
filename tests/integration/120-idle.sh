#!/bin/sh
# How an idle worker wakes: at once, one worker per push, by priority, without losing what a blocking
# pop delivered while the queue was paused, the worker was told to stop, or the element is too large.
. tests/stage.sh
stage_up
trap 'kill $MONITOR 2>/dev/null; stage_down' EXIT
MONITOR=
printf 'x\n' >"$T/inputs/x.txt"
rows_csv big.csv 6000000
# a job of its own each time: a copy of one that ran would be a replay
fresh() { # fresh QUEUE: pushes it and leaves it in $one
	one=$(sign ChecksumFile '["x.txt"]')
	push "$1" "$one"
}

done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }
blocked() { rcli info clients | tr -d '\r' | sed -n 's/^blocked_clients://p'; }
blocked_is() { [ "$(blocked)" = "$1" ]; }
calls() { rcli info commandstats | sed -n "s/^cmdstat_$1:calls=\([0-9]*\),.*/\1/p"; }
watch() { : >"$T/monitor"; redis-cli -s "$REDIS_SOCK" monitor >"$T/monitor" 2>&1 & MONITOR=$!; wait_for 5 grep -q OK "$T/monitor"; }
unwatch() { kill "$MONITOR" 2>/dev/null; wait "$MONITOR" 2>/dev/null; MONITOR=; }

# --- latency, one worker on two queues
worker_start
check "an idle worker blocks once per queue" wait_for 10 blocked_is 2
watch
i=0
while [ $i -lt 20 ]; do
	i=$((i + 1))
	fresh files
	wait_for 5 done_is $i
done
check "twenty pushes, twenty jobs" done_is 20
sleep 0.2
unwatch
# from the push to the worker's next script, by Redis's own clock
latency=$(awk '/"rpush"/ { t = $1 } /"EVALSHA"/ && t { printf "%.1f\n", ($1 - t) * 1000; t = 0 }' "$T/monitor" | sort -n)
worst=$(echo "$latency" | tail -1)
echo "# pickup: median $(echo "$latency" | sed -n 10p) ms, worst $worst ms, of $(echo "$latency" | wc -l)"
check "the slowest pickup took less than 500 ms" test "${worst%.*}" -lt 500
check "the worker polls nothing: about one look a second" sh -c "
	a=\$(redis-cli -s '$REDIS_SOCK' info commandstats | sed -n 's/^cmdstat_blmove:calls=\([0-9]*\),.*/\1/p'); sleep 3
	b=\$(redis-cli -s '$REDIS_SOCK' info commandstats | sed -n 's/^cmdstat_blmove:calls=\([0-9]*\),.*/\1/p')
	echo \$((b - a)); [ \$((b - a)) -ge 4 ] && [ \$((b - a)) -le 10 ]"

# --- pause and resume while blocked
rcli set resque:pause-all-workers true >/dev/null
fresh files
sleep 1.5
check "what a pop took while paused is back in its queue" eq "$(rcli lindex resque:queue:files 0)" "$one"
check "and nowhere else" eq "$(rcli keys 'resque:stockade:in:*')" ""
check "a paused worker does not block" eq "$(blocked)" 0
rcli del resque:pause-all-workers >/dev/null
check "it runs after the pause" wait_for 3 done_is 21
rcli set resque:stockade:paused:low 1 >/dev/null
check "only the queue that is not paused is blocked on" wait_for 4 blocked_is 1
push low "$(sign ChecksumFile '["x.txt"]' --queue low)"
fresh files
check "the other queue goes on" wait_for 3 done_is 22
check "the paused one keeps its job" eq "$(rcli llen resque:queue:low)" 1
rcli del resque:stockade:paused:low >/dev/null
check "until it is resumed" wait_for 3 done_is 23

# --- an element over max_payload, pushed while blocked
check "it blocks again" wait_for 3 blocked_is 2
head -c 300000 /dev/zero | tr '\0' 'x' | rcli -x rpush resque:queue:files >/dev/null
check "an element over max_payload is recorded and removed" wait_for 5 grep -aq '"event.reason":"E_TOO_LARGE"' "$T/log"
check "and is nowhere" eq "$(rcli llen resque:queue:files) $(rcli keys 'resque:stockade:in:*')" "0 "
fresh files
check "the worker goes on" wait_for 5 done_is 24
check "and blocks again" wait_for 5 blocked_is 2

# --- a parked job that becomes due wakes nobody too late
push files "$(sign ChecksumFile '["x.txt"]' --not-before $(($(date +%s) + 2)))"
check "a parked job runs when it is due" wait_for 6 done_is 25

# --- USR2 while blocked: nothing stays with a worker that sits out
check "it blocks" wait_for 3 blocked_is 2
kill -USR2 "$WORKER"
check "USR2 ends the pops" wait_for 3 blocked_is 0
fresh files
sleep 0.5
check "a job stays in its queue" eq "$(rcli llen resque:queue:files) $(rcli keys 'resque:stockade:in:*')" "1 "
kill -CONT "$WORKER"
check "and runs after CONT" wait_for 3 done_is 26
i=0
while [ $i -lt 5 ]; do # a push racing with USR2 is run or left, never kept in hand
	i=$((i + 1))
	wait_for 3 blocked_is 2
	fresh files &
	pusher=$!
	sleep 0.00$i
	kill -USR2 "$WORKER"
	wait $pusher
	sleep 0.4
	[ -z "$(rcli keys 'resque:stockade:in:*')" ] || echo "# kept: $(rcli keys 'resque:stockade:in:*')"
	[ -z "$(rcli keys 'resque:stockade:in:*')" ] || break
	kill -CONT "$WORKER"
	wait_for 3 done_is $((26 + i)) || break
done
check "five pushes racing with USR2 are each done once" done_is 31

# --- TERM while blocked
check "it blocks" wait_for 3 blocked_is 2
before=$(date +%s%N)
worker_stop
took=$((($(date +%s%N) - before) / 1000000))
check "TERM ends a blocked worker with 0" eq "$RC" 0
check "in less than a second ($took ms)" test "$took" -lt 1000
check "nothing is in flight, nobody is registered" eq "$(rcli keys 'resque:stockade:in:*')$(rcli scard resque:workers)" 0

# --- TERM with pushes racing: no job is lost or doubled
: >"$T/log"
i=0 pushed=0
while [ $i -lt 5 ]; do
	i=$((i + 1))
	worker_start
	wait_for 10 blocked_is 2
	(for _ in 1 2 3 4; do fresh files; push low "$(sign ChecksumFile '["x.txt"]' --queue low)"; done) &
	pusher=$!
	sleep 0.0$i
	worker_stop
	wait $pusher
	pushed=$((pushed + 8))
done
left=$(($(rcli llen resque:queue:files) + $(rcli llen resque:queue:low)))
check "every job is done once or still in its queue" eq "$(($(grep -ac '"event.reason":"Done"' "$T/log") + left))" $pushed
check "none is in flight" eq "$(rcli keys 'resque:stockade:in:*')" ""
worker_drain
check "the rest is done" done_is $pushed

# --- many idle workers: one wakes
EXTRA='concurrency = 20; dead_after = "1h";' write_config
: >"$T/log"
worker_start
check "twenty workers block on two queues each" wait_for 60 blocked_is 40
sleep 1
before=$(calls evalsha)
i=0
while [ $i -lt 10 ]; do
	i=$((i + 1))
	fresh files
	sleep 0.1
done
check "ten pushes, ten jobs" wait_for 10 done_is 10
scripts=$(($(calls evalsha) - before))
# a job takes four scripts; twenty idle workers look once and beat five times a second each
echo "# ten pushes among twenty idle workers: $scripts scripts"
check "each job is admitted by one worker" eq "$(events job.admitted)" 10
worker_stop
EXTRA='concurrency = 20; beat = "30s"; dead_after = "1h";' write_config
sed -i '/^beat = "200ms"/d' "$T/stockade.conf"
: >"$T/log"
worker_start
check "twenty workers again, beating rarely" wait_for 60 blocked_is 40
sleep 1
watch
began=$(date +%s%N)
i=0
while [ $i -lt 20 ]; do
	i=$((i + 1))
	fresh files
	sleep 0.05
done
check "twenty pushes, twenty jobs" wait_for 10 done_is 20
took=$((($(date +%s%N) - began) / 1000000))
unwatch
# reserve alone has the time in the spelling of `failed` among its arguments
looks=$(grep -c '"EVALSHA".* UTC" "' "$T/monitor")
echo "# twenty pushes among twenty idle workers: $looks looks in $took ms"
# a herd would make 20 looks a push: 400 and more
check "no herd: a few looks a job, and one a second of each worker" test "$looks" -le $((20 * 6 + 20 * (took / 1000 + 2)))
check "and at least one a job" test "$looks" -ge 20
worker_stop

# --- a second job is not stuck behind a long one
EXTRA='concurrency = 2;' write_config
: >"$T/log"
worker_start
check "two workers block" wait_for 20 blocked_is 4
long=$(sign CsvSummary '["big.csv"]')
short=$(sign ChecksumFile '["x.txt"]' --queue low)
rcli eval "redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('RPUSH', KEYS[2], ARGV[2])" 2 \
	resque:queue:files resque:queue:low "$long" "$short" >/dev/null
check "the short job is done by the idle worker" wait_for 5 done_is 1
check "while the long one still runs" sh -c "[ \$(grep -ac job.started '$T/log') = 2 ] && grep -a '\"event.reason\":\"Done\"' '$T/log' | grep -q ChecksumFile"
check "which is done too" wait_for 30 done_is 2
worker_stop
check "exit 0" eq "$RC" 0

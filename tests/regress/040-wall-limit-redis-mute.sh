#!/bin/sh
# A Redis that takes connections and answers nothing, with a long redis_timeout: the wall limit of the
# running job, and an order to stop, are kept all the same. Both came late by up to redis_timeout.
. tests/stage.sh
CAGE_TESTS=$PWD/$B/test/hostile-cage
stage_up
trap 'kill -CONT "$REDIS_PID" 2>/dev/null; stage_down' EXIT
CAGE=$CAGE_TESTS
write_policy ', "Hostile::SleepMinutes"'
mkdir "$T/scratch"
configure() { # configure SETTINGS
	EXTRA=$1 write_config
	sed -i "s|^directories = .*|directories = { inputs = \"$T/inputs\"; scratch = \"$T/scratch\"; };|" "$T/stockade.conf"
}
slow='redis_timeout = "20s"; stuck_after = "60s"; term_timeout = "1s"; drain_timeout = "0s";'
configure "ceiling = { wall = \"3s\"; }; $slow"
job=$(sign Hostile::SleepMinutes '["120"]')
took() { sed -n 's/.*"event.action":"job.finished".*"stockade.wall_ms":\([0-9]*\).*/\1/p' "$T/log" | tail -1; }

push files "$job"
worker_start
check "a job runs" wait_for 20 logged job.started
kill -STOP "$REDIS_PID"
check "it ends while Redis stands still" wait_for 30 logged job.finished
check "as WallTimeout" grep -aq '"event.action":"job.finished".*"event.reason":"WallTimeout"' "$T/log"
echo "# wall limit 3000 ms, ended after $(took) ms"
check "and not late by a wait for Redis" test "$(took)" -lt 8000
kill -CONT "$REDIS_PID"
parked() { [ "$(rcli llen resque:failed)" = 1 ] || [ "$(rcli zcard resque:stockade:parked:files)" = 1 ]; }
check "its outcome is written when Redis goes on" wait_for 40 parked
worker_stop

# --- TERM while Redis stands still
: >"$T/log"
rcli flushall >/dev/null
configure "ceiling = { wall = \"3m\"; }; $slow"
push files "$(sign Hostile::SleepMinutes '["120"]')"
worker_start
check "a job runs" wait_for 20 logged job.started
kill -STOP "$REDIS_PID"
check "the outage is named" wait_for 10 logged redis.away
start=$(date +%s)
kill -TERM "$WORKER"
check "TERM ends the child" wait_for 30 logged job.finished
check "soon" test $(($(date +%s) - start)) -lt 10
kill -CONT "$REDIS_PID"
wait "$WORKER"
WORKER=
check "the job is back in its queue" eq "$(rcli llen resque:queue:files) $(rcli keys 'resque:stockade:in:*' | wc -w)" "1 0"

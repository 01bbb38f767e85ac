#!/bin/sh
# Redis is restarted under an idle worker, and is away for a while under a busy one: the same processes
# register again by themselves, heartbeats go on, and a job that ended meanwhile counts once.
. tests/stage.sh
EXTRA='redis_timeout = "500ms";'
stage_up
trap stage_down EXIT
registered() { # the worker of this process is what Resque's tools see, and its heartbeat is of now
	id=stage:$1:files,low
	[ "$(rcli smembers resque:workers)" = "$id" ] && [ "$(rcli exists "resque:worker:$id:started")" = 1 ] &&
		[ "$(rcli hget resque:workers:heartbeat "$id" | cut -c1-16)" = "$(date -u +%Y-%m-%dT%H:%M)" ]
}

# --- idle; everything Redis knew is lost
printf 'x\n' >"$T/inputs/x.txt"
worker_start
check "it registers" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' scard resque:workers)\" = 1 ]"
w=$(children_of "$WORKER")
redis_kill
sleep 1
redis_again
check "after a restart the same worker is registered again" wait_for 20 registered "$w"
check "it is the same process" eq "$(children_of "$WORKER")" "$w"
push files "$(sign ChecksumFile '["x.txt"]')"
check "and works" wait_for 20 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' get resque:stat:processed)\" = 1 ]"
worker_stop
check "TERM ends it with 0" eq "$RC" 0

# --- busy; Redis keeps what it knew, as with appendfsync always
: >"$T/log"
rcli flushall >/dev/null
rcli config set appendonly yes >/dev/null
rcli config set appendfsync always >/dev/null
wait_for 5 sh -c "redis-cli -s '$REDIS_SOCK' info persistence | grep -q 'aof_rewrite_in_progress:0'"
rows_csv big.csv 6000000
push files "$(sign CsvSummary '["big.csv"]')"
worker_start
check "a job starts" wait_for 10 logged job.started
w=$(children_of "$WORKER")
child=$(sed -n 's/.*"event.action":"job.started".*"stockade.pid":\([0-9]*\).*/\1/p' "$T/log")
kill -STOP "$child"
redis_kill
sleep 5
redis_again --appendonly yes --appendfsync always
check "while its job still runs the heartbeat goes on" wait_for 20 registered "$w"
beat=$(rcli hget resque:workers:heartbeat "stage:$w:files,low")
check "and advances" wait_for 5 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' hget resque:workers:heartbeat stage:$w:files,low)\" != '$beat' ]"
kill -CONT "$child"
check "the job counts" wait_for 20 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' get resque:stat:processed)\" = 1 ]"
check "once" eq "$(events job.started) $(rcli llen resque:failed)" "1 0"
check "in the same worker" eq "$(children_of "$WORKER")" "$w"
worker_stop
check "and TERM ends it with 0" eq "$RC" 0

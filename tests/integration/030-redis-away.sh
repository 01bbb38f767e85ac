#!/bin/sh
# Redis goes away while a job runs: the worker ends by name and the job stays in flight; when Redis
# is back, the next worker runs it.
. tests/stage.sh
stage_up
trap stage_down EXIT

awk 'BEGIN { print "a,b,c"; for (i = 0; i < 3000000; i++) print i ",1.5,x" }' >"$T/inputs/big.csv"
rcli config set appendonly yes >/dev/null
rcli config set appendfsync always >/dev/null
push files "$(sign CsvSummary '["big.csv"]')"
worker_start
check "the job starts" wait_for 10 logged job.started
redis_kill
check "the worker ends by name" wait_for 30 grep -aq '"event.reason":"REDIS_LOST"' "$T/log"
check "the supervisor lives on" kill -0 "$WORKER"
redis_again --appendonly yes --appendfsync always
check "the job came back and is done" wait_for 60 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' get resque:stat:processed)\" = 1 ]"
check "nothing is left in flight" wait_for 5 sh -c "[ -z \"\$(redis-cli -s '$REDIS_SOCK' keys 'resque:stockade:in:*')\" ]"
worker_stop

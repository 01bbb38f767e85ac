#!/bin/sh
# Redis goes away while a job runs: the worker and its job live on, the outcome waits in memory, and
# is written once when Redis is back.
. tests/stage.sh
# shellcheck disable=SC2034
EXTRA='redis_timeout = "500ms";'
stage_up
trap stage_down EXIT

rows_csv big.csv 6000000
rcli config set appendonly yes >/dev/null
rcli config set appendfsync always >/dev/null
wait_for 5 sh -c "redis-cli -s '$REDIS_SOCK' info persistence | grep -q 'aof_rewrite_in_progress:0'"
push files "$(sign CsvSummary '["big.csv"]')"
worker_start
check "the job starts" wait_for 10 logged job.started
w=$(children_of "$WORKER")
redis_kill
check "the outage is named" wait_for 10 grep -aq '"event.action":"redis.away".*"event.reason":"UNREACHABLE"' "$T/log"
check "the job ends while Redis is away" wait_for 30 logged job.finished
check "the same worker waits" eq "$(children_of "$WORKER")" "$w"
redis_again --appendonly yes --appendfsync always
check "the outcome is counted when Redis is back" wait_for 20 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' get resque:stat:processed)\" = 1 ]"
check "once: the job ran a single time" eq "$(events job.started) $(events job.finished)" "1 1"
check "by the same worker" eq "$(children_of "$WORKER")" "$w"
check "nothing is left in flight" wait_for 5 sh -c "[ -z \"\$(redis-cli -s '$REDIS_SOCK' keys 'resque:stockade:in:*')\" ]"
check "the end of the outage is logged" logged redis.back
worker_stop
check "TERM drains: exit 0" eq "$RC" 0
check "one outage is counted" grep -aq '"stockade.count.outages":1' "$T/log"

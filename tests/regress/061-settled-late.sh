#!/bin/sh
# A worker that dies between the ledger's record of a success and its settlement: the job came back, was R_REPLAY_DONE,
# was dropped, and no statistic ever had it.
. tests/stage.sh
stage_up
trap 'stage_down' EXIT
printf 'x\n' >"$T/inputs/x.txt"
rows_csv long.csv 3000000
EXTRA='dead_after = "1s";' write_config
job=$(sign CsvSummary '["long.csv"]')
worker_start
await 10 logged worker.started
push files "$job"
check "a job runs" wait_for 10 logged job.started
# settle finds a key of another type and does nothing; the ledger stands elsewhere
rcli del resque:queues >/dev/null
rcli set resque:queues x >/dev/null
check "it ends, and cannot be settled" wait_for 30 logged redis.wrong_type
check "the ledger has its success" eq "$(grep -ac '"event.action":"job.finished".*"event.reason":"Done"' "$T/log")" 1
tree=$(tree_of "$WORKER")
# shellcheck disable=SC2086
kill -9 "$WORKER" $tree 2>/dev/null
wait "$WORKER" 2>/dev/null
WORKER=
rcli del resque:queues >/dev/null
check "nothing is counted yet" eq "$(rcli get resque:stat:processed)" ""
: >"$T/log"
worker_start
check "a later worker counts it" wait_for 30 logged job.settled_late
check "once" eq "$(rcli get resque:stat:processed)" 1
check "it does not run again" eq "$(events job.started)" 0
push files "$job"
check "a copy pushed now is a replay as ever" wait_for 10 sh -c "grep -aq '\"event.reason\":\"R_REPLAY_DONE\"' '$T/log'"
check "and counts nothing" eq "$(rcli get resque:stat:processed)" 1
check "nothing failed" eq "$(rcli llen resque:failed)" 0
worker_stop

#!/bin/sh
# kill -9 of a worker in the middle of a job: the job stays in its in-flight list, and the worker
# that replaces it runs it first. Kills the child too, and leaves no process behind.
. tests/stage.sh
stage_up
trap stage_down EXIT

# a FIFO under the granted directory would do too, but a long CSV is an honest slow job
rows_csv big.csv 6000000
payload=$(sign CsvSummary '["big.csv"]')
push files "$payload"
worker_start
check "the job starts" wait_for 10 logged job.started
w=$(children_of "$WORKER")
in=$(rcli keys 'resque:stockade:in:*')
check "it is in exactly one in-flight list" eq "$(echo "$in" | wc -w)" 1
check "with its very bytes" eq "$(rcli lindex "$in" 0)" "$payload"
check "and shown to Resque" has "$(rcli get "resque:worker:stage:$w:files,low")" '"payload":{"class":"CsvSummary"'
child=$(sed -n 's/.*"event.action":"job.started".*"stockade.pid":\([0-9]*\).*/\1/p' "$T/log" | tail -1)
check "the child lives behind two filters" sh -c "grep -q '^Seccomp:.2' /proc/$child/status && [ \$(sed -n 's/^Seccomp_filters:.//p' /proc/$child/status) -ge 2 ]"
kill -9 "$w"
check "the child dies with its worker" wait_for 5 sh -c "! kill -0 $child"
check "the supervisor starts another worker, which takes the job back" wait_for 15 logged worker.recovered
check "and runs it to its end" wait_for 40 sh -c "grep -aq '\"event.reason\":\"Done\"' '$T/log'"
check "once" eq "$(rcli get resque:stat:processed)" 1
check "nothing is left in flight" wait_for 5 sh -c "[ -z \"\$(redis-cli -s '$REDIS_SOCK' keys 'resque:stockade:in:*')\" ]"
tree=$(tree_of "$WORKER")
check "supervisor, worker, nursery and zygote are there" test "$(echo "$tree" | wc -l)" -ge 4
worker_stop
check "TERM drains: exit 0" eq "$RC" 0
# shellcheck disable=SC2086
check "no process is left" gone $tree

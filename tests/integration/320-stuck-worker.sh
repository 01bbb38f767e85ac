#!/bin/sh
# A stopped worker holds a job past every limit of its own: its supervisor, which reads its tick, ends
# it, and the successor runs the job. A stopped supervisor that goes on kills nobody.
. tests/stage.sh
. tests/hosts.sh
stage_up
trap hosts_down EXIT
big_csv 6000000
push files "$(sign CsvSummary '["big.csv"]')"
host_start a "$(echo "$FAST" | sed 's/"30s"/"1s"/')"
check "a job runs" wait_for 10 host_logged a job.started
w=$(host_worker a)
child=$(sed -n 's/.*"event.action":"job.started".*"stockade.pid":\([0-9]*\).*/\1/p' "$T/a.log" | tail -1)
kill -STOP "$w"
check "the supervisor sees the tick stand still" wait_for 10 host_logged a worker.stuck
check "the stopped worker is gone" wait_for 5 gone "$w"
check "its child too" wait_for 5 gone "$child"
check "its successor takes the job back" wait_for 10 host_logged a worker.recovered
check "and runs it" wait_for 40 processed 1
check "nothing is left in flight" wait_for 5 eq "$(in_flight)" ""
w=$(host_worker a)
kill -STOP "$(host_pid a)"
sleep 2.5
kill -CONT "$(host_pid a)"
sleep 1
check "a supervisor that stood still itself kills nobody" eq "$(host_count a worker.stuck) $(host_worker a)" "1 $w"
tree=$(tree_of "$(host_pid a)")
host_stop a
check "TERM ends it with 0" eq "$RC" 0
# shellcheck disable=SC2086
check "no process is left" gone $tree

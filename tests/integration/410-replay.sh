#!/bin/sh
# A job runs once, whoever pushes its bytes again: beside it, after it, on another worker, after restarts
# of workers and of both servers; and one captured job, pushed ten thousand times, holds up nobody.
. tests/stage.sh
stage_up
trap 'kill -9 ${OTHER:-} 2>/dev/null; stage_down' EXIT
printf 'x\n' >"$T/inputs/x.txt"
rows_csv long.csv 3000000
job=$(sign ChecksumFile '["x.txt"]' --queue files,low)
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }
reasons() { grep -ac "\"event.reason\":\"$1\"" "$T/log"; }
counted() { # counted NAME: the last number of a worker.stopped line
	grep -a worker.stopped "$T/log" | tail -1 | sed -n "s/.*\"stockade.$1\":\([0-9]*\).*/\1/p"
}
nothing_left() { [ "$(rcli llen resque:queue:files)$(rcli llen resque:queue:low)" = 00 ]; }

push files "$job"
push files "$job"
push low "$job"
worker_drain
check "three copies: one ran" eq "$(reasons Done)" 1
check "the others are R_REPLAY_DONE" eq "$(counted verdict.R_REPLAY_DONE)" 2
check "and are gone without a record in failed" eq "$(rcli llen resque:failed)" 0
check "one success is recorded" eq "$(rcli get resque:stat:processed)" 1
push files "$job"
worker_drain
check "a worker that starts later knows it too" eq "$(reasons Done)" 1

# --- beside the running one, on another worker
long=$(sign CsvSummary '["long.csv"]')
push files "$long"
worker_start
OTHER=$WORKER
worker_start
check "two workers" wait_for 10 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' scard resque:workers) = 2 ]"
await 10 logged job.started
push files "$long"
check "a copy of a job that runs is D_BUSY" wait_for 10 sh -c "grep -aq '\"event.reason\":\"D_BUSY\"' '$T/log'"
check "and is parked, one copy of it" eq "$(rcli zcard resque:stockade:parked:files)" 1
check "the first one ends" wait_for 20 done_is 2
# the copy is parked until the lease ends; brought forward here
rcli zadd resque:stockade:parked:files 1 "$(rcli zrange resque:stockade:parked:files 0 0)" >/dev/null
check "the copy does not run then" wait_for 10 sh -c "[ \$(grep -ac R_REPLAY_DONE '$T/log') -ge 4 ]"
check "two jobs ran in all" eq "$(reasons Done)" 2
kill -TERM "$OTHER"
wait "$OTHER"
OTHER=
worker_stop

# --- runs: a job that fails is tried as often as it was signed for, whoever retries it
fails=$(sign CsvSummary '["not-there.csv"]' --runs 3)
i=0
while [ $i -lt 5 ]; do
	i=$((i + 1))
	push files "$fails"
	worker_drain
	rcli zadd resque:stockade:parked:files 1 "$(rcli zrange resque:stockade:parked:files 0 0)" >/dev/null 2>&1
done
check "three runs were started" eq "$(grep -a '"event.action":"job.started"' "$T/log" | grep -ac "$(grep -a '"event.reason":"Failed"' "$T/log" | head -1 | sed 's/.*"stockade.job_id":"\([0-9a-f]*\)".*/\1/')")" 3
check "the next is E_RUNS_EXHAUSTED" test "$(reasons E_RUNS_EXHAUSTED)" -ge 1
check "kept once, for an operator" eq "$(rcli zcard 'resque:stockade:quarantine:files#E_RUNS_EXHAUSTED')" 1

# --- one captured job, ten thousand times, into every wrong place
before_failed=$(rcli llen resque:failed)
many() { # many QUEUE PAYLOAD N
	rcli eval 'for i = 1, ARGV[2] do redis.call("RPUSH", KEYS[1], ARGV[1]) end' 1 "resque:queue:$1" "$2" "$3" >/dev/null
}
only=$(sign ChecksumFile '["x.txt"]')
push files "$only"
worker_drain
rcli script flush >/dev/null
keys=$(rcli dbsize)
many files "$only" 3000                                                       # a replay
many low "$only" 3000                                                         # a queue it was not signed for
many files "$(echo "$only" | sed 's/"class":"ChecksumFile"/"class":"CsvSummary"/')" 2000 # another class
many files "$(echo "$only" | sed 's/"class"/ "class"/')" 1000                 # other bytes of one message
many low "$(echo "$only" | sed 's/}$/,"queue":"files"}/')" 1000                # with an extra
push files "$(sign ChecksumFile '["x.txt"]')"
push low "$(sign ChecksumFile '["x.txt"]' --queue low)"
started=$(reasons Done)
worker_drain
check "ten thousand copies are drained" nothing_left
check "and hold up nobody: the jobs behind them ran" eq "$(($(reasons Done) - started))" 2
check "the copies of a done job are dropped" eq "$(counted verdict.R_REPLAY_DONE)" 4000
check "one copy is kept for each wrong place" eq "$(rcli zcard 'resque:stockade:quarantine:low#E_QUEUE_MISMATCH')$(rcli zcard 'resque:stockade:quarantine:files#E_CLASS_MISMATCH')" 11
check "nothing is parked" eq "$(rcli keys 'resque:stockade:parked:*')" ""
check "no principal is charged" eq "$(rcli keys 'resque:stockade:quarantinedby:*')$(rcli keys 'resque:stockade:slot:*')" ""
check "failed has at most one note per reason and queue" test $(($(rcli llen resque:failed) - before_failed)) -le 2
check "at most ten keys more" test $(($(rcli dbsize) - keys)) -le 10
check "the log has at most 400 lines of it" test "$(grep -acE 'R_REPLAY_DONE|_MISMATCH' "$T/log")" -le 420
check "the ledger holds a record for each job, not for each copy" test "$(lcli --raw keys 'resque:stockade:l:*' | while read -r k; do lcli hlen "$k"; done | awk '{ n += $1 } END { print n }')" -le 7

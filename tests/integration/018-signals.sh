#!/bin/sh
# Signals and variables as Resque's users know them.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
rows_csv big.csv 20000000
title() { tr '\0' ' ' <"/proc/$1/cmdline"; }
long() { push files "$(sign CsvSummary '["big.csv"]' --runs 1)"; }

worker_start
check "the worker registers" wait_for 10 eq "$(wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' scard resque:workers)\" = 1 ]" && rcli scard resque:workers)" 1
w=$(children_of "$WORKER")
check "an idle title begins with Resque's marker and names no queue" sh -c "wait; tr '\\0' ' ' </proc/$w/cmdline | grep -q '^resque-[0-9][0-9.]*: Waiting *\$'"

kill -USR2 "$WORKER"
check "USR2 pauses" wait_for 5 logged worker.paused
check "and says so in its title" wait_for 5 sh -c "tr '\\0' ' ' </proc/$w/cmdline | grep -q ': Paused'"
push files "$(sign ChecksumFile '["x.txt"]')"
sleep 0.4
check "nothing is reserved while paused" eq "$(rcli llen resque:queue:files)" 1
kill -CONT "$WORKER"
check "CONT goes on" wait_for 5 grep -aq '"event.reason":"Done"' "$T/log"

long
check "a long job starts" wait_for 10 logged job.started
check "the busy title is Resque's" wait_for 5 sh -c "tr '\\0' ' ' </proc/$w/cmdline | grep -qE '^resque-[0-9.]+: Forked [0-9]+ at [0-9]+'"
child=$(sed -n 's/.*"event.action":"job.started".*"stockade.pid":\([0-9]*\).*/\1/p' "$T/log" | tail -n 1)
check "and so is its child's" wait_for 5 sh -c "tr '\\0' ' ' </proc/$child/cmdline | grep -qE '^resque-[0-9.]+: Processing files since [0-9]+ \\[CsvSummary\\]'"
kill -USR1 "$WORKER"
check "USR1 ends the child by name" wait_for 5 grep -aq '"event.reason":"KilledExternally"' "$T/log"
check "it is filed as Resque files a killed child" wait_for 5 sh -c "redis-cli -s '$REDIS_SOCK' lrange resque:failed 0 -1 | grep -qE '\"exception\":\"Resque::DirtyExit\",\"error\":\"Child process received unhandled signal pid [0-9]+ SIGKILL \\(signal 9\\)\"'"
check "the same worker goes on" kill -0 "$w"
push files "$(sign ChecksumFile '["x.txt"]')"
check "with the next job" wait_for 5 eq "$(sleep 1; grep -ac '"event.reason":"Done"' "$T/log")" 2
worker_stop
check "TERM while idle: exit 0 and no registration" eq "$RC $(rcli scard resque:workers) $(rcli hlen resque:workers:heartbeat)" "0 0 0"
check "no key of that worker is left" eq "$(rcli --raw keys 'resque:worker:*')$(rcli --raw keys 'resque:stat:*:*')" ""

# --- QUIT waits for the job
: >"$T/log"
rows_csv some.csv 6000000
push files "$(sign CsvSummary '["some.csv"]')"
worker_start
check "a job runs" wait_for 10 logged job.started
kill -QUIT "$WORKER"
wait "$WORKER"
check "QUIT: the job finishes first" sh -c "grep -aq '\"event.reason\":\"Done\"' '$T/log'"
WORKER=

# --- TERM_CHILD: at once, then RESQUE_TERM_TIMEOUT; the job goes back instead of away
: >"$T/log"
long
TERM_CHILD=1 RESQUE_TERM_TIMEOUT=0.5 worker_start
check "a long job runs" wait_for 10 logged job.started
start=$(date +%s%N)
worker_stop
took=$((($(date +%s%N) - start) / 1000000))
check "TERM with TERM_CHILD ends it within a second or two ($took ms)" test "$took" -lt 2500
check "by name" grep -aq '"event.reason":"Shutdown"' "$T/log"
check "and the job is at the front of its queue" eq "$(rcli llen resque:queue:files)" 1
rcli del resque:queue:files >/dev/null

# --- variables
rcli del resque:failed >/dev/null
push files "$(sign ChecksumFile '["missing"]' --runs 1)"
FAILURE_BACKEND=redis_multi_queue PIDFILE=$T/pid VERBOSE=1 worker_drain
check "PIDFILE holds the pid without a newline" sh -c "grep -qE '^[0-9]+\$' '$T/pid' && [ \$(wc -l <'$T/pid') = 0 ]"
check "FAILURE_BACKEND=redis_multi_queue files under <queue>_failed" eq "$(rcli llen resque:files_failed) $(rcli smembers resque:failed_queues) $(rcli llen resque:failed)" "1 files_failed 0"
check "VERBOSE prints Resque's lines" grep -aq '^\*\*\* ' "$T/log"
VVERBOSE=1 worker_drain
check "VVERBOSE prints time and pid" grep -aqE '^\*\* \[[0-9:]{8} [0-9]{4}-[0-9]{2}-[0-9]{2}\] [0-9]+: ' "$T/log"
check "INTERVAL that is no number is refused" eq "$(INTERVAL=soon "$STOCKADE" work --config "$T/stockade.conf" >/dev/null 2>&1; echo $?)" 78
check "no queue: a sentence and 64" eq "$(sed '/^queues/d' "$T/stockade.conf" >"$T/noq.conf"; "$STOCKADE" work --config "$T/noq.conf" >/dev/null 2>&1; echo $?)" 64
sed '/^queues/d' "$T/stockade.conf" >"$T/noq.conf"
QUEUE=low QUEUES=files BACKGROUND=yes PIDFILE=$T/bg RESQUE_PROCLINE_PREFIX='team-a ' "$STOCKADE" work --config "$T/noq.conf"
check "BACKGROUND returns at once with 0" eq $? 0
check "and works on, as the pid in PIDFILE; QUEUES beats QUEUE" wait_for 5 sh -c "redis-cli -s '$REDIS_SOCK' smembers resque:workers | grep -qE '^stage:[0-9]+:files\$'"
check "RESQUE_PROCLINE_PREFIX stands in front of the marker" wait_for 5 sh -c "tr '\\0' ' ' </proc/\$(cat '$T/bg')/cmdline | grep -q '^team-a resque-[0-9]'"
kill -TERM "$(cat "$T/bg")"
check "TERM ends it" wait_for 5 sh -c "! kill -0 \$(cat '$T/bg')"

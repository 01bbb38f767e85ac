#!/bin/sh
# poll(2) refuses more entries than RLIMIT_NOFILE even when most are unused: with many slots and a low
# limit the supervisor once span at 100 % of a CPU and heard no signal.
. tests/stage.sh
EXTRA='memory_check = "warn";' # a hundred jobs need not fit into this machine
stage_up
trap stage_down EXIT

cpu_ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }
INTERVAL=1 COUNT=100 sh -c "ulimit -n 112; exec '$STOCKADE' work --config '$T/stockade.conf'" >>"$T/log" 2>&1 &
WORKER=$!
await 20 logged worker.start_failed
check "what did not fit is named" logged worker.start_failed
before=$(cpu_ticks "$WORKER")
sleep 2
used=$(($(cpu_ticks "$WORKER") - before))
check "the supervisor sleeps meanwhile ($used ticks of 200)" test "$used" -lt 60
kill -TERM "$WORKER"
await 20 gone "$WORKER"
check "and hears a signal" gone "$WORKER"

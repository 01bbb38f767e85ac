#!/bin/sh
# Whoever reads the log may die: a broken pipe under stderr once killed the supervisor at its next line
# (SIGPIPE), and with it, through pdeathsig, every worker.
. tests/stage.sh
stage_up
trap stage_down EXIT

mkfifo "$T/pipe"
# shellcheck disable=SC2217 # a reader that holds the pipe open and never reads
sleep 300 <"$T/pipe" &
reader=$!
"$STOCKADE" work --config "$T/stockade.conf" >"$T/out" 2>"$T/pipe" &
WORKER=$!
registered() { [ "$(rcli scard resque:workers)" = 1 ]; }
await 10 registered
kill "$reader"
wait "$reader" 2>/dev/null
first=$(children_of "$WORKER")
kill -9 "$first"
another() { new=$(children_of "$WORKER") && [ -n "$new" ] && [ "$new" != "$first" ] && registered; }
await 10 another
check "the supervisor outlives the reader of its log" kill -0 "$WORKER"
check "and replaces a dead worker as ever" another
push files "$(sign ChecksumFile '["no-such-file"]' --runs 1)"
emptied() { [ "$(rcli get resque:stat:failed)" = 1 ]; }
await 10 emptied
check "which works without anybody who reads" emptied
worker_stop
check "and stops with 0" eq "$RC" 0

#!/bin/sh
# Whoever reads the log may stand still: a full pipe under stderr once held the worker in write(2), with
# no beat and deaf to signals, so that others took its job and the service could not be stopped.
. tests/stage.sh
stage_up
trap stage_down EXIT

mkfifo "$T/pipe"
# shellcheck disable=SC2217 # a reader that holds the pipe open and never reads
sleep 300 <"$T/pipe" &
reader=$!
"$STOCKADE" work --config "$T/stockade.conf" >"$T/out" 2>"$T/pipe" &
WORKER=$!
n=0
while [ "$n" -lt 100 ]; do
	sign ChecksumFile '["no-such-file"]' --runs 1 >>"$T/jobs" # a copy of one that ran would be refused
	n=$((n + 1))
done
xargs -d '\n' redis-cli -s "$REDIS_SOCK" rpush resque:queue:files <"$T/jobs" >/dev/null
worked() { [ "$(rcli llen resque:failed)" = 100 ]; }
await 20 worked
check "a hundred jobs, three lines each, are worked off" worked
live=$(rcli zrange resque:stockade:live 0 0 withscores)
beaten() { [ "$(rcli zrange resque:stockade:live 0 0 withscores)" != "$live" ]; }
await 5 beaten
check "the worker still beats" beaten
cat "$T/pipe" >>"$T/log" &
last=$!
sleep 0.5
kill -TERM "$WORKER"
await 5 gone "$WORKER"
check "and hears a signal" gone "$WORKER"
sleep 0.3
kill "$last" "$reader" 2>/dev/null
check "the reader that wakes up is told how many lines it missed" grep -aqE '"event.action":"log.dropped","stockade.count":[1-9]' "$T/log"

#!/bin/sh
# A flood while the link to Redis is cut again and again, and with two workers at one queue: removing and
# looking ahead are one call on its way while the worker judges, so a lost reply must be asked for again. Every
# element is counted exactly once, and the good jobs among the junk run, each once.
. tests/stage.sh
. tests/lib/flood.sh
stage_up
trap 'stage_down' EXIT
printf 'x\n' >"$T/inputs/x.txt"
write_config
# summed over all workers that stopped
counted() { grep -a worker.stopped "$T/log" | sed -n "s/.*\"stockade.$1\":\([0-9]*\).*/\1/p" | awk '{ n += $1 } END { print n + 0 }'; }
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }
empty() { [ "$(rcli llen resque:queue:files)" = 0 ]; }
workers_are() { [ "$(rcli scard resque:workers)" = "$1" ]; }
mixed() { # mixed N: junk of two kinds with good jobs among it
	fill files badsig "$1"
	push files "$(sign ChecksumFile '["x.txt"]')"
	fill files unsigned "$1"
	push files "$(sign ChecksumFile '["x.txt"]')"
	fill files badsig "$1"
	push files "$(sign ChecksumFile '["x.txt"]')"
}

worker_start
wait_for 10 workers_are 1
push files "$(sign ChecksumFile '["x.txt"]')" # else the guard keeps what looks signed for a later look
check "a good job runs first" wait_for 10 done_is 1
mixed 3000
cuts=0
while ! empty && [ "$cuts" -lt 400 ]; do
	rcli client kill type normal >/dev/null && cuts=$((cuts + 1))
	sleep 0.05
done
check "the link was cut while it drained ($cuts times)" test "$cuts" -gt 3
check "the good jobs among 9 000 bad ones run" wait_for 30 done_is 4
check "all is gone" wait_for 10 empty
worker_stop
check "every bad signature is counted, once" eq "$(counted verdict.E_SIGNATURE)" 6000
check "every unsigned one too" eq "$(counted verdict.E_UNSIGNED)" 3000
check "the sample and what was left out of it make all of them" eq \
	"$(($(rcli zcard resque:stockade:quarantine:files) + $(rcli hget resque:stockade:quarantine:#count quarantine:files:dropped)))" 9000
check "most left many at a time" test "$(counted count.drained)" -gt 5000

: >"$T/log"
rcli flushall >/dev/null
EXTRA="concurrency = 2;" write_config
worker_start
wait_for 10 workers_are 2
mixed 3000
check "two workers: the good jobs among 9 000 bad ones run" wait_for 30 done_is 3
check "all is gone again" wait_for 10 empty
worker_stop
check "together they count every bad signature once" eq "$(counted verdict.E_SIGNATURE)" 6000
check "and every unsigned one" eq "$(counted verdict.E_UNSIGNED)" 3000

#!/bin/sh
# A worker's clock that jumps (a machine that was asleep, a hand at the clock) was seen at the ledger's next check only,
# up to half a minute later and never while the queue was busy: till then it refused good jobs for their times, and
# charged their principals with it. A jump is seen before the next job is judged; nothing is refused by a clock that is off.
. tests/stage.sh
if [ -z "$FAKETIME_LIB" ]; then
	echo "ok 1 - clocks that jump # SKIP install libfaketime"
	exit 0
fi
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
EXTRA='redis_start_wait = "60s";' write_config # a start as slow as that meets the jump itself, and waits too
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" -ge "$1" ]; }
jump() { # jump BY AFTER UNTIL: a worker whose clock is off by BY between these seconds of its life
	: >"$T/log"
	env LD_PRELOAD="$FAKETIME_LIB" FAKETIME="$1" FAKETIME_START_AFTER_SECONDS="$2" FAKETIME_STOP_AFTER_SECONDS="$3" \
		FAKETIME_DONT_FAKE_MONOTONIC=1 "$STOCKADE" work --config "$T/stockade.conf" >>"$T/log" 2>&1 &
	WORKER=$!
}
# jobs without end, so that one is always there when the last one ends
feed() { while [ ! -e "$T/enough" ]; do push files "$(sign ChecksumFile '["x.txt"]')"; echo x >>"$T/pushed"; done; }
trap 'touch "$T/enough"; stage_down' EXIT

# forward (JUMPS=+10d) good jobs were E_EXPIRED: the same look prevents it
for by in ${JUMPS:--2h}; do
	rm -f "$T/enough"
	: >"$T/pushed"
	jump "$by" 4 8
	check "$by: a worker" wait_for 30 logged worker.started
	feed &
	feeder=$!
	check "$by: its jobs run" wait_for 20 done_is 1
	check "$by: the jump is LEDGER_SKEW" wait_for 15 grep -aq LEDGER_SKEW "$T/log"
	check "$by: it is believed again once the clock is right" wait_for 30 logged ledger.fit
	touch "$T/enough"
	wait $feeder
	check "$by: all jobs run" wait_for 30 done_is "$(grep -c . "$T/pushed")"
	check "$by: none was refused for its times" eq "$(events job.refused)" 0
	check "$by: nobody was charged" eq "$(rcli exists resque:stockade:violated:web)" 0
	worker_stop
done

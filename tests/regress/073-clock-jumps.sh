#!/bin/sh
# A worker's clock that jumps (a machine that was asleep, a hand at the clock) was seen at the ledger's next check only,
# up to half a minute later and never while the queue was busy: till then it refused good jobs for their times, and
# charged their principals with it. A jump is seen before the next job is judged; nothing is refused by a clock that is off.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" -ge "$1" ]; }
# jobs without end, so that one is always there when the last one ends
feed() { while [ ! -e "$T/enough" ]; do push files "$(sign ChecksumFile '["x.txt"]')"; echo x >>"$T/pushed"; done; }
trap 'touch "$T/enough"; stage_down' EXIT

# forward (JUMPS=864000000) good jobs were E_EXPIRED: the same look prevents it
for by in ${JUMPS:--7200000}; do
	rm -f "$T/enough"
	: >"$T/pushed"
	: >"$T/log"
	clock_set "$T/clock" 0
	(
		clock_of "$T/clock"
		exec "$STOCKADE" work --config "$T/stockade.conf" >>"$T/log" 2>&1
	) &
	WORKER=$!
	check "$by: a worker" wait_for 30 logged worker.started
	feed &
	feeder=$!
	check "$by: its jobs run" wait_for 20 done_is 1
	clock_set "$T/clock" "$by"
	check "$by: the jump is LEDGER_SKEW" wait_for 15 grep -aq LEDGER_SKEW "$T/log"
	clock_set "$T/clock" 0
	check "$by: it is believed again once the clock is right" wait_for 30 logged ledger.fit
	touch "$T/enough"
	wait $feeder
	check "$by: all jobs run" wait_for 30 done_is "$(grep -c . "$T/pushed")"
	check "$by: none was refused for its times" eq "$(events job.refused)" 0
	check "$by: nobody was charged" eq "$(rcli exists resque:stockade:violated:web)" 0
	worker_stop
done

#!/bin/sh
# kill -9 of a worker that blocks on its queues while jobs are pushed, thirty times: before, during and
# after the delivery. Every job is recorded as done exactly once. A blocking pop ends each second and begins
# anew: a round in which that came between is no delivery, and one more is made in its stead.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"

blocked_is() { [ "$(rcli info clients | tr -d '\r' | sed -n 's/^blocked_clients://p')" = "$1" ]; }
# a worker that dies between the ledger's word and Resque's leaves a success that Resque never counted:
# its copy is dropped as what it is, done
processed_is() { [ $(($(rcli get resque:stat:processed) + $(grep -ac '"event.reason":"R_REPLAY_DONE"' "$T/log"))) = "$1" ]; }
in_flight() { rcli keys 'resque:stockade:in:*'; }
low() { sign ChecksumFile '["x.txt"]' --queue low; }

kills=0 pushed=0 delivered=0 round=0
while [ $round -lt 10 ] || { [ $delivered -lt 10 ] && [ $round -lt 30 ]; }; do
	round=$((round + 1))
	worker_start
	for way in stopped race after; do
		wait_for 20 blocked_is 2 || { echo "# nobody blocks: round $round, $way"; break; }
		w=$(children_of "$WORKER" | head -1)
		a=$(sign ChecksumFile '["x.txt"]') b=$(low)
		case $way in
		stopped) # Redis delivers, nobody reads: both elements lie in the dead worker's lists
			kill -STOP "$w"
			push files "$a"
			push low "$b"
			[ "$(in_flight | grep -c .)" = 2 ] && delivered=$((delivered + 1))
			kill -9 "$w"
			;;
		race)
			(push files "$a"; push low "$b") &
			pusher=$!
			sleep "0.00$((round % 10))"
			kill -9 "$w"
			wait $pusher
			;;
		after)
			kill -9 "$w"
			push files "$a"
			push low "$b"
			;;
		esac
		kills=$((kills + 1)) pushed=$((pushed + 2))
		wait_for 15 processed_is $pushed || echo "# round $round, $way: $(rcli get resque:stat:processed) of $pushed, in flight: $(in_flight)"
	done
	worker_stop
done
check "thirty workers were killed, or more" test "$kills" -ge 30
check "ten of them held two delivered elements that nobody had read" eq "$delivered" 10
check "every job is recorded as done, none twice" processed_is $pushed
check "none failed" eq "$(rcli llen resque:failed) $(rcli get resque:stat:failed)" "0 "
check "no queue holds one" eq "$(rcli llen resque:queue:files) $(rcli llen resque:queue:low)" "0 0"
check "none is in flight" eq "$(in_flight)" ""
check "the dead ones' jobs were taken back ($(grep -ac worker.recovered "$T/log") times)" test "$(grep -ac worker.recovered "$T/log")" -ge 10
check "the last supervisor ended with 0" eq "$RC" 0

#!/bin/sh
# Part of check-all, because nearly all of its time is waiting.
# The breaker's times as they really pass, short ones: violations of two windows are not added up, those of one are; a
# hold ends by itself, a trial lets one job a second through, a violation on trial holds again, a quiet trial closes;
# the share of violations counts in its window alone.
: "${B:=build}"
export B
make --no-print-directory -j"$(nproc)" B="$B" all >/dev/null || exit 70
. tests/stage.sh
stage_up
trap 'stage_down' EXIT
printf 'x\n' >"$T/inputs/x.txt"
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" -ge "$1" ]; }
stepped() { [ "$(events "breaker.$1")" -ge "$2" ]; }
violations_are() { [ "$(rcli zcard resque:stockade:violated:web)" = "$1" ]; }
bad() { sign Unheard '[]'; }
good() { sign ChecksumFile '["x.txt"]'; }
batch() { # batch KIND N...: all in the queue at one moment, already signed
	while [ $# -ge 2 ]; do
		i=0
		while [ $i -lt "$2" ]; do
			i=$((i + 1))
			"$1"
		done
		shift 2
	done >"$T/batch"
	xargs -d '\n' redis-cli -s "$REDIS_SOCK" rpush resque:queue:files <"$T/batch" >/dev/null
}

EXTRA='breaker = { violations = 6; window = "2s"; hold = "2s"; trial = "3s"; };' write_config
worker_start
wait_for 10 logged worker.started
batch bad 5
check "five violations" wait_for 10 violations_are 5
sleep 2.2 # the window
batch bad 5 good 1
check "five more, a window later" wait_for 10 violations_are 10
check "do not hold it" wait_for 10 done_is 1
check "nobody was held" eq "$(events breaker.opened) $(rcli exists resque:stockade:held:web)" "0 0"
sleep 2.2 # the window
batch bad 6
check "six in one window do" wait_for 10 stepped opened 1
batch good 10
check "its jobs wait" wait_for 10 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:parked:files) -ge 1 ]"
check "the hold ends by itself: it is on trial" wait_for 10 stepped half_open 1
check "and one of them runs" wait_for 10 done_is 2
batch bad 1
check "one violation on trial holds it again" wait_for 10 stepped opened 2
check "that ends too" wait_for 10 stepped half_open 2
began=$(grep -ac '"event.reason":"Done"' "$T/log")
check "a quiet trial closes it" wait_for 15 stepped closed 1
trial=$(($(grep -ac '"event.reason":"Done"' "$T/log") - began))
echo "# $trial jobs ran during that trial of three seconds"
check "about one job a second ran meanwhile" test "$trial" -le 6
check "and none was lost" wait_for 30 done_is 11
worker_stop

# --- the share of violations among first decisions
rcli flushall >/dev/null
: >"$T/log"
EXTRA='breaker = { violations = 1000; ratio = 50; least = 12; window = "2s"; hold = "2s"; trial = "1s"; };' write_config
worker_start
wait_for 10 logged worker.started
batch good 11
check "eleven good ones" wait_for 10 done_is 11
sleep 2.5 # the window, and a sixth of it
batch bad 8
check "eight bad ones a window later are too few decisions to judge by" wait_for 10 violations_are 8
sleep 1
check "nobody was held" eq "$(events breaker.opened)" 0
sleep 2.5
batch good 8 bad 9
check "nine of seventeen in one window are too many" wait_for 10 stepped opened 1
check "then it closes again" wait_for 15 stepped closed 1
worker_stop

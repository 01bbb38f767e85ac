#!/bin/sh
# Where a principal's park_max or quarantine_max is reached, a further job becomes a ParkFull record with its payload. Each
# copy of it did too: anybody who pushes copies of one captured job filled `failed` without end. One record stands for all
# of them while it is there unchanged; where it was retried or removed the job is filed again, and never lost.
. tests/stage.sh
stage_up
trap stage_down EXIT
sed -i '0,/park_max = 1000/s//park_max = 2/; 0,/quarantine_max = 1000/s//quarantine_max = 2/' "$T/policy.conf"
later() { sign ChecksumFile '["x.txt"]' --not-before $(($(date +%s) + 3000)); }
copies() { # copies PAYLOAD N
	rcli eval 'for i = 1, ARGV[2] do redis.call("RPUSH", KEYS[1], ARGV[1]) end' 1 resque:queue:files "$1" "$2" >/dev/null
}
records() { rcli lrange resque:failed 0 -1 | grep -c ParkFull; }
all() { rcli lrange resque:failed 0 -1; }
for _ in 1 2; do
	push files "$(later)"
	push files "$(sign Unheard '[]')"
done
worker_drain
waits=$(later)
refused=$(sign Unheard '[]')
copies "$waits" 100
copies "$refused" 100
copies "$waits" 100
worker_drain
check "drained" eq "$RC $(rcli llen resque:queue:files)" "0 0"
check "one record for each of both jobs" eq "$(records)" 2
check "with the payload of one" has "$(all)" "\"payload\":$waits,"
check "and of the other" has "$(all)" "\"payload\":$refused,"
check "counted once each" eq "$(rcli get resque:stat:failed)" 2
check "copies are counted" grep -aq '"stockade.count.parkfull_copies":298' "$T/log"
check "what remembers them expires" test "$(rcli pttl "$(rcli --raw keys 'resque:stockade:parkfull:*' | head -1)")" -gt 0

# an operator takes both out, and pushes one again: it must not vanish
rcli del resque:failed >/dev/null
push files "$waits"
worker_drain
check "a record that was removed is written again" eq "$(records)" 1
# Resque's own retry marks the record and pushes its payload
rcli lset resque:failed -1 "$(rcli lindex resque:failed -1 | sed 's/^{/{"retried_at":"2026\/11\/30 10:00:00",/')" >/dev/null
push files "$waits"
worker_drain
check "one that was retried is followed by another" eq "$(records)" 2
# others' failures in front of it: the place is another's, so it is filed again rather than dropped
rcli lpush resque:failed other >/dev/null
push files "$waits"
worker_drain
check "one that moved, too" eq "$(records)" 3

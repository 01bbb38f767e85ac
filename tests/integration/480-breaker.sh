#!/bin/sh
# A principal whose producer goes wrong is held, on trial, and let go, each step told, counted and audited; its
# jobs wait and none is lost; others run; nobody but the holder of its key can bring it about.
. tests/stage.sh
stage_up
trap 'stage_down' EXIT
printf 'x\n' >"$T/inputs/x.txt"
mkdir "$T/audit"
common='breaker = { violations = 20; hold = "3s"; trial = "4s"; }; audit_dir = "'$T'/audit";'
EXTRA=$common write_config
sed -i 's/"files", "low" \]/"files", "other", "low" ]/' "$T/stockade.conf"
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" -ge "$1" ]; }
reasons() { grep -ac "\"event.reason\":\"$1\"" "$T/log"; }
empty() { [ "$(rcli llen resque:queue:files)" = 0 ]; }
counted() { grep -a worker.stopped "$T/log" | tail -1 | sed -n "s/.*\"stockade.$1\":\([0-9]*\).*/\1/p"; }
other() { "$STOCKADE" sign --key "$T/keys/other-1.key" --kid other-1 --aud "$AUD" --queue other --class ChecksumFile --runs 1 --ttl 1h '["x.txt"]'; }
many() { # many QUEUE PAYLOAD N
	rcli eval 'for i = 1, ARGV[2] do redis.call("RPUSH", KEYS[1], ARGV[1]) end' 1 "resque:queue:$1" "$2" "$3" >/dev/null
}

# --- one captured job that its own policy refuses, ten thousand times
denied=$(sign Unheard '[]')
many files "$denied" 10000
push files "$(sign ChecksumFile '["x.txt"]')"
worker_start
check "one violating job, pushed ten thousand times, holds nobody" wait_for 90 done_is 1
check "all copies are gone" wait_for 10 empty
check "and count once" eq "$(rcli zcard resque:stockade:violated:web)" 1
check "the principal is not held" eq "$(rcli exists resque:stockade:held:web)" 0
# copies of a good job in every wrong place count nothing at all
good=$(sign ChecksumFile '["x.txt"]')
push files "$good"
check "a good job runs" wait_for 20 done_is 2
many files "$good" 300
many low "$good" 300
many files "$(echo "$good" | sed 's/"class":"ChecksumFile"/"class":"CsvSummary"/')" 300
check "copies of a good one are drained" wait_for 30 empty
check "and charge nobody" eq "$(rcli zcard resque:stockade:violated:web)" 1

# --- twenty of its own: held
i=0
while [ $i -lt 9 ]; do
	i=$((i + 1))
	push files "$(sign Unheard '[]')"
	push files "$(sign ChecksumFile "[$i]")"
done
check "eighteen more, of policy and of schema, are counted" wait_for 20 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:violated:web) = 19 ]"
check "and do not hold it yet" eq "$(rcli exists resque:stockade:held:web)" 0
push files "$(sign Unheard '[]')"
check "twenty jobs that only its key's holder can have made open the breaker" wait_for 20 logged breaker.opened
i=0
while [ $i -lt 5 ]; do
	i=$((i + 1))
	push files "$(sign ChecksumFile '["x.txt"]')"
done
push other "$(other)"
check "its jobs wait as D_HELD" wait_for 10 sh -c "[ \$(grep -ac '\"event.reason\":\"D_HELD\"' '$T/log') -ge 5 ]"
check "parked, each of them" test "$(rcli zcard resque:stockade:parked:files)" -ge 1
check "another principal's job runs meanwhile" wait_for 10 done_is 3
check "then it is on trial" wait_for 20 logged breaker.half_open
check "then closed" wait_for 20 logged breaker.closed
check "and none of its jobs was lost" wait_for 30 done_is 8
check "nothing is left waiting" eq "$(rcli llen resque:queue:files)$(rcli zcard resque:stockade:parked:files)" 00

# --- by hand
rcli set resque:stockade:held:web "an operator" px 3000 >/dev/null
check "an operator can hold one too" wait_for 10 sh -c "[ \$(grep -ac breaker.opened '$T/log') -ge 2 ]"
push files "$(sign ChecksumFile '["x.txt"]')"
check "its job runs when that is over" wait_for 20 done_is 9
worker_stop
check "steps are counted" test "$(counted count.breakers_opened)" -ge 2
"$STOCKADE" audit verify "$T/audit" >/dev/null
check "the trail verifies" eq $? 0
steps=$(cat "$T"/audit/*.jsonl | grep '"kind":"breaker"' | sed 's/.*"step":"\([A-Z_]*\)".*/\1/' | head -3 | tr '\n' ' ')
check "and has each step" eq "$steps" "OPEN HALF_OPEN CLOSED "

# --- observe: told, not enforced
EXTRA="$common queue_rules = ( { queues = [ \"files\" ]; breaker = \"observe\"; } );" write_config
rcli set resque:stockade:held:web x px 60000 >/dev/null
push files "$(sign ChecksumFile '["x.txt"]')"
push low "$(sign ChecksumFile '["x.txt"]' --queue low)"
worker_start
check "in a queue that observes its job runs" wait_for 10 done_is 10
check "and is told of" wait_for 5 logged breaker.would_hold
check "in another it waits" wait_for 10 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:parked:low) = 1 ]"
rcli del resque:stockade:held:web >/dev/null
rcli zadd resque:stockade:parked:low 1 "$(rcli zrange resque:stockade:parked:low 0 0)" >/dev/null
check "until it is let go" wait_for 20 done_is 11
worker_stop

#!/bin/sh
# Keys of another type than the protocol keeps there: named, waited for, never deleted; no worker ends
# or loops for them, and no other queue is held up. A worker id beyond its bound is refused by length.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
# a job of its own each time: a copy of one that ran would be a replay
fresh() { # fresh QUEUE: pushes it and leaves it in $one
	one=$(sign ChecksumFile '["x.txt"]')
	push "$1" "$one"
}
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }
named() { grep -aq "STORE: resque:$1 has another type.*redis.wrong_type" "$T/log"; }
works() { [ "$(rcli get resque:stat:processed)" = "$1" ]; }

# --- an empty queue of the wrong type
rcli set resque:queue:low oops >/dev/null
worker_start
check "the key is named" wait_for 10 named queue:low
w=$(children_of "$WORKER" | head -1)
fresh files
check "another queue's job runs" wait_for 10 done_is 1
fresh files
check "and the next one" wait_for 10 done_is 2
sleep 1
check "once, not at each look" eq "$(events redis.wrong_type)" 1
check "the same worker goes on" eq "$(children_of "$WORKER" | head -1) $(events worker.restart) $(events worker.stopped)" "$w 0 0"
check "nobody deletes the key" eq "$(rcli get resque:queue:low)" oops
rcli del resque:queue:low >/dev/null
check "its end is told" wait_for 5 logged redis.type_mended
push low "$("$STOCKADE" sign --key "$T/keys/web-1.key" --kid web-1 --aud "$AUD" --queue low --class ChecksumFile '["x.txt"]')"
check "and the queue works" wait_for 5 done_is 3

# --- where an outcome would go to: nothing is even taken
rcli set resque:failed oops >/dev/null
fresh files
check "where a failure could not be filed is named" wait_for 10 named failed
sleep 0.5
check "the job waits, unstarted, where a pop had put it" eq "$(events job.started) $(rcli keys 'resque:stockade:in:*:files' | wc -l)" "3 1"
rcli del resque:failed >/dev/null
check "and runs when the key is gone" wait_for 5 done_is 4
worker_stop

# --- and while a job runs
rows_csv big.csv 6000000
: >"$T/log"
push files "$(sign CsvSummary '["big.csv"]')"
worker_start
check "a job runs" wait_for 10 logged job.started
rcli set resque:failed oops >/dev/null
check "it ends" wait_for 20 logged job.finished
check "the key that its outcome needs is named" wait_for 5 named failed
sleep 1.5
check "the outcome is held" eq "$(rcli exists resque:stat:processed resque:failed) $(rcli keys 'resque:stockade:in:*:files' | wc -l)" "2 1"
rcli del resque:failed >/dev/null
check "it is written when the key is gone" wait_for 5 works 5
check "the job ran once" eq "$(events job.started)" 1
push files "$(sign CsvSummary '["big.csv"]')"
check "another runs" wait_for 10 eq "$(wait_for 10 sh -c "[ \$(grep -ac job.started '$T/log') = 2 ]" && echo yes)" yes
rcli set resque:failed oops >/dev/null
check "its outcome waits" wait_for 20 eq "$(wait_for 20 sh -c "[ \$(grep -ac redis.wrong_type '$T/log') = 2 ]" && echo yes)" yes
worker_stop
check "TERM ends it with 69" eq "$RC" 69
check "by name" grep -aq '"event.action":"worker.stopped".*"event.reason":"STORE"' "$T/log"
check "counted" grep -aq '"stockade.count.wrong_types":2' "$T/log"
check "the job is back in its queue" eq "$(rcli llen resque:queue:files)" 1
rcli del resque:failed resque:queue:files >/dev/null

# --- a batch does not wait for people
rcli set resque:queue:low oops >/dev/null
worker_drain
check "INTERVAL=0 ends with 69" eq "$RC" 69
rcli del resque:queue:low >/dev/null

# --- the registration of a successor waits, that of a first start is refused
: >"$T/log"
worker_start
check "a worker waits" wait_for 10 logged worker.started
rcli rename resque:workers:heartbeat old-beats >/dev/null
rcli set resque:workers:heartbeat oops >/dev/null
kill -9 "$(children_of "$WORKER" | head -1)"
check "the successor names the key" wait_for 10 named workers:heartbeat
sleep 2
check "and is one, not a row of them" eq "$(events worker.restart)" 1
rcli del resque:workers:heartbeat >/dev/null
fresh files
check "then it works" wait_for 10 done_is 1
worker_stop
check "exit 0" eq "$RC" 0
rcli del resque:workers >/dev/null
rcli set resque:workers oops >/dev/null
: >"$T/log"
INTERVAL=1 timeout 20 "$STOCKADE" work --config "$T/stockade.conf" >"$T/log" 2>&1
check "at the first start it is refused: 69" eq "$?" 69
check "by name" grep -q 'STORE_workers' "$T/log"
rcli del resque:workers >/dev/null

# --- junk in `live`: a start neither reads all of it nor trips over it
rcli eval 'for n = 1, 120000 do redis.call("ZADD", KEYS[1], n, "junk-" .. n) end' 1 resque:stockade:live >/dev/null
head -c 300000 /dev/zero | tr '\0' j | rcli -x zadd resque:stockade:live 7 >/dev/null
rcli config resetstat >/dev/null
: >"$T/log"
worker_start
check "a worker starts beside 120 000 names that are none" wait_for 10 logged worker.started
fresh files
check "and works" wait_for 10 done_is 1
calls=$(rcli info commandstats | tr -d '\r' | sed -n 's/^cmdstat_hget:calls=\([0-9]*\),.*/\1/p')
check "it looked at a bounded number of them" test "${calls:-0}" -lt 3000
sleep 1
check "no link broke" eq "$(events redis.away)" 0
worker_stop

# --- worker ids
many=$(seq -s, -f 'queue-with-a-long-name-%g' 1 40)
QUEUES=$many timeout 20 "$STOCKADE" work --config "$T/stockade.conf" >"$T/out" 2>&1
check "a worker id over 512 bytes is refused" eq "$?" 78
check "with its length" grep -Eq 'worker id .* would have 1[0-9]{3} bytes and may have 512' "$T/out"

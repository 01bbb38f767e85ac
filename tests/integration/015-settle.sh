#!/bin/sh
# What becomes of jobs that are not simply done: parked until due, parked for a newer build, retried
# with backoff, handed back at shutdown, kept in quarantine; and refusal notes that a dashboard retries.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"

# --- parked until due
push files "$(sign ChecksumFile '["x.txt"]' --not-before $(($(date +%s) + 2)))"
push files "$(sign NotCompiledIn '[]')"
worker_start
check "a job that is not due is deferred by name" wait_for 5 grep -aq '"event.reason":"D_NOT_BEFORE"' "$T/log"
check "a class this build lacks is deferred by name" wait_for 5 grep -aq '"event.reason":"D_CLASS_ABSENT"' "$T/log"
check "a policy that grants it was warned of at start" logged policy.class_absent
check "both are parked, each in one place" eq "$(rcli zcard resque:stockade:parked:files) $(rcli hlen resque:stockade:parcel:files) $(rcli llen resque:queue:files)" "2 2 0"
check "the due job runs when its time has come" wait_for 8 grep -aq '"event.reason":"Done"' "$T/log"
check "the other one stays parked" eq "$(rcli zcard resque:stockade:parked:files)" 1
rcli del resque:stockade:parked:files resque:stockade:parcel:files >/dev/null

# --- retried with backoff, within the signed runs
push files "$(sign ChecksumFile '["missing.txt"]' --runs 3)"
check "a failure that another attempt may mend is parked" wait_for 5 grep -aq '"stockade.settled":"retry"' "$T/log"
check "no failed record yet" eq "$(rcli llen resque:failed)" 0
check "the next attempt is the last one allowed: the record" wait_for 12 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' llen resque:failed)\" = 1 ]"
check "it was attempt 2" grep -aq '"stockade.attempt":2,.*"stockade.settled":"failed"' "$T/log"
check "nothing counts attempts any more" eq "$(rcli hlen "resque:stockade:tries:$(($(date +%s) / 86400))")" 0

# --- quarantine
push files "$(sign ChecksumFile '["x.txt"]' | sed 's/x.txt/y.txt/')"
push low "$(sign ChecksumFile '["x.txt"]')"
check "a forged job is refused" wait_for 5 grep -aq '"event.reason":"E_SIGNATURE"' "$T/log"
check "a moved job is refused" wait_for 5 grep -aq '"event.reason":"E_QUEUE_MISMATCH"' "$T/log"
entry=$(rcli --raw hvals 'resque:stockade:quarantine:files#e')
check "junk is kept as an entry of version 1" has "$entry" '{"v":1,"id":"'
check "with its reason and its bytes in base64" has "$entry" '"reason":"E_SIGNATURE"'
check "a signed but refused job has an area per queue and reason" eq "$(rcli exists 'resque:stockade:quarantine:low#E_QUEUE_MISMATCH')" 1

# --- a dashboard's retry of a refusal note is dropped, never filed again
note=$(rcli lrange resque:failed 0 -1 | grep Stockade::Refused | head -1 | sed 's/.*"payload":\({"class":"Stockade::Refused","args":\[[^]]*\]}\).*/\1/')
before=$(rcli llen resque:failed)
check "there is a note of Resque's shape" has "$note" '{"class":"Stockade::Refused","args":["E_'
push files "$note"
check "it is taken off the queue" wait_for 5 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' llen resque:queue:files)\" = 0 ]"
sleep 0.3
check "and leaves no new record" eq "$(rcli llen resque:failed)" "$before"
worker_stop
check "its counter says so" has "$(grep -a worker.stopped "$T/log" | tail -1)" '"stockade.count.refusal_notes":1'

# --- a second TERM hands the running job back
rows_csv big.csv 20000000
: >"$T/log"
long=$(sign CsvSummary '["big.csv"]')
push files "$long"
worker_start
check "a long job starts" wait_for 10 logged job.started
kill -TERM "$WORKER"
sleep 0.3
check "the first TERM lets it run" kill -0 "$WORKER"
kill -TERM "$WORKER"
worker_stop
check "the second one ends it: exit 0" eq "$RC" 0
check "by name" grep -aq '"event.reason":"Shutdown"' "$T/log"
check "and the job is back at the front of its queue, byte for byte" eq "$(rcli lindex resque:queue:files 0)" "$long"
check "and nowhere else" eq "$(rcli keys 'resque:stockade:in:*')" ""

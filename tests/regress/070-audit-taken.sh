#!/bin/sh
# A trail's file that somebody removed or cut took every further line with it: the worker wrote on into a file
# without a name, and jobs ran without their line. And a file that may not grow (RLIMIT_FSIZE) ended the worker by
# SIGXFSZ, again and again, its job each time recovered, instead of AUDIT_LOST.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
mkdir "$T/audit" "$T/full"
EXTRA="audit_dir = \"$T/audit\";" write_config
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }
job() { push files "$(sign ChecksumFile '["x.txt"]')"; }
lines() { cat "$T"/audit/*.jsonl | grep -ac '"verdict":"ACCEPT"'; }
told() { [ "$(events audit.taken)" = "$1" ]; }

worker_start
job
check "a job runs, with its line" wait_for 20 done_is 1
check "the trail is whole" "$STOCKADE" audit verify "$T/audit"
first=$(ls "$T"/audit/*.jsonl)
rm "$first"
job
check "its file is removed: the next job runs" wait_for 20 done_is 2
check "and has its line" eq "$(lines)" 1
check "AUDIT_TAKEN names the file" wait_for 5 sh -c "grep -a audit.taken '$T/log' | grep -aq '$(basename "$first")'"
check "so does that line" grep -aq "\"lost\":\"$(basename "$first")\"" "$T"/audit/*.jsonl
check "verify says that it is not whole" has "$("$STOCKADE" audit verify "$T/audit" 2>&1)" "removed or cut"
for f in "$T"/audit/*.jsonl; do : >"$f"; done
job
check "its file is cut: the next job runs" wait_for 20 done_is 3
check "and has its line" eq "$(lines)" 1
check "that is told too" wait_for 5 told 2
job
check "once for each" wait_for 20 done_is 4
check "and no more" told 2
rm -r "$T/audit"
job
check "without the directory nothing starts: AUDIT_LOST" wait_for 20 logged audit.lost
check "by name" grep -aq '"event.reason":"AUDIT_LOST"' "$T/log"
check "and the job waits" eq "$(grep -ac '"event.reason":"Done"' "$T/log")" 4
worker_stop
check "stopped, it is in its queue" eq "$(rcli llen resque:queue:files)" 1
check "both are counted" eq "$(grep -a worker.stopped "$T/log" | grep -o '"stockade.count.audits_[a-z]*":[0-9]*' | tr '\n' ' ')" \
	'"stockade.count.audits_lost":1 "stockade.count.audits_taken":2 '

# --- a file that may not grow; the log is no file here
rcli flushall >/dev/null
: >"$T/log"
EXTRA="audit_dir = \"$T/full\"; host = \"full\";" write_config
sed -i 's/^host = "stage";//' "$T/stockade.conf"
mkfifo "$T/pipe"
cat "$T/pipe" >>"$T/log" &
"$STOCKADE" work --config "$T/stockade.conf" >"$T/pipe" 2>&1 &
WORKER=$!
check "another worker" wait_for 20 logged worker.started
W=$(grep -a worker.started "$T/log" | sed 's/.*"process.pid":\([0-9]*\).*/\1/')
prlimit --pid "$W" --fsize=32768:
for _ in $(seq 80); do sign ChecksumFile '["x.txt"]'; done >"$T/jobs"
xargs -d '\n' redis-cli -s "$REDIS_SOCK" rpush resque:queue:files <"$T/jobs" >/dev/null
check "the trail is full: AUDIT_LOST" wait_for 40 logged audit.lost
sleep 2.5 # the line was cut short; what is tried again each second finds no room at all
check "no worker died of it" eq "$(events worker.restart)" 0
ran=$(grep -ac '"event.reason":"Done"' "$T/log")
check "as many ran as have their line" eq "$ran" "$(cat "$T"/full/*.jsonl | grep -a '}$' | grep -ac '"verdict":"ACCEPT"')"
prlimit --pid "$W" --fsize=unlimited:
check "it may grow again: all run" wait_for 40 done_is 80
check "the return is told" logged audit.back
worker_stop
check "none failed" eq "$(rcli llen resque:failed)" 0
check "and that trail is whole" "$STOCKADE" audit verify "$T/full"

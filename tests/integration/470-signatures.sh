#!/bin/sh
# signatures per queue: required, report (never popped, told of) and off (plain jobs of named classes run,
# at least once, within limits and the sandbox), side by side in one worker.
. tests/stage.sh
stage_up
trap 'stage_down' EXIT
printf 'x\n' >"$T/inputs/x.txt"
counted() { grep -a worker.stopped "$T/log" | tail -1 | sed -n "s/.*\"stockade.$1\":\([0-9]*\).*/\1/p"; }
ended() { [ "$(grep -ac "\"event.reason\":\"$1\"" "$T/log")" -ge "$2" ]; }
llen() { [ "$(rcli llen "$1")" = "$2" ]; }
plain='{"class":"ChecksumFile","args":["x.txt"]}'
mkdir "$T/audit"
EXTRA='queues = [ "old", "files", "watched" ]; report_every = "300ms"; audit_dir = "'$T'/audit";
queue_rules = ( { queues = [ "old" ]; signatures = "off"; classes = [ "ChecksumFile", "NotCompiledIn" ]; },
                { queues = [ "watched" ]; signatures = "report"; } );'
rules() { EXTRA=$EXTRA write_config && sed -i '/^queues = \[ "files", "low" \];$/d' "$T/stockade.conf"; }
rules

# --- off
push old "$plain"
push old '{"args":["x.txt"],"class":"ChecksumFile","queue":"old","id":"abc"}'
push old '{"class":"CsvSummary","args":["x.txt"]}'
push old '{"class":"ChecksumFile","args":[42]}'
push old '{"class":"ChecksumFile","args":[{"a":[1,{"b":null}]}]}'
push old '{"class":"NotCompiledIn","args":[]}'
push old '{"class":"ChecksumFile","args":["x.txt"]'
push old "$(sign ChecksumFile '["x.txt"]' --queue old | sed 's/x.txt/y.txt/')"
push files "$plain"
# --- report
push watched "$plain"
push watched "$(sign ChecksumFile '["x.txt"]' --queue watched,files)"
push watched 'junk'
push watched "$(head -c 200000 /dev/zero | tr '\0' x)"
push watched "$plain"
worker_start
check "two plain jobs run" wait_for 10 ended Done 2
check "arguments that break the schema fail as ever" wait_for 10 ended E_SCHEMA 1
check "the watched queue is told of" wait_for 10 logged report.looked
check "all of the queue that is worked on is dealt with" wait_for 10 llen resque:queue:old 0
check "and of the other" wait_for 10 llen resque:queue:files 0
check "again and again" wait_for 10 sh -c "[ \$(grep -ac report.looked '$T/log') -ge 2 ]"
worker_stop
check "nothing of the watched queue was touched" eq "$(rcli llen resque:queue:watched)" 5
line=$(grep -a report.looked "$T/log" | tail -1)
check "its line counts the unsigned" has "$line" '"stockade.would.E_UNSIGNED":2'
check "the junk" has "$line" '"stockade.would.E_OUTER_JSON":1'
check "the oversize" has "$line" '"stockade.would.E_TOO_LARGE":1'
check "and what no grant allows" has "$line" '"stockade.would.E_POLICY_DENIED":1'
check "in all" has "$line" '"stockade.looked_at":5'
check "off is loud at the start" logged signatures.off
check "report too" logged signatures.report
check "a class that the rule does not list is E_UNSIGNED, and so is a plain job elsewhere" eq "$(counted verdict.E_UNSIGNED)" 2
check "a forged signature is no plain job" eq "$(rcli zcard resque:stockade:quarantine:old)" 3
check "a listed class that is not compiled in fails, to be retried" has "$(rcli lrange resque:failed 0 -1)" Stockade::E_CLASS_UNKNOWN
check "with its payload" has "$(rcli lrange resque:failed 0 -1 | grep E_CLASS_UNKNOWN)" '"class":"NotCompiledIn"'
check "unsigned runs are counted" eq "$(counted count.unsigned_runs)" 4
check "and stand in the trail's sums" eq "$(cat "$T"/audit/*.jsonl | grep '"verdict":"ACCEPT","queue":"old"' | sed 's/.*"count":\([0-9]*\).*/\1/')" 4
check "each has an id of its own" eq "$(grep -a '"event.action":"job.admitted"' "$T/log" | sed 's/.*"stockade.job_id":"\([0-9a-f]*\)".*/\1/' | sort -u | grep -c .)" 4

# --- limits of the queue hold for plain jobs, and none is lost
cat >>"$T/policy.conf" <<'EOT'
limits = ( { queue = "old"; rate = "5/s"; burst = 2; } );
EOT
before=$(grep -ac '"event.reason":"Done"' "$T/log")
i=0
while [ $i -lt 8 ]; do
	push old "$plain"
	i=$((i + 1))
done
worker_start
check "over the rate they are parked" wait_for 10 sh -c "grep -aq '\"event.reason\":\"D_RATE\"' '$T/log'"
check "each of equal ones for itself, and all run" wait_for 20 ended Done $((before + 8))
worker_stop
check "nothing is left" eq "$(rcli llen resque:queue:old)$(rcli zcard resque:stockade:parked:old)" 00

# --- at least once: a killed worker's job comes back three times, then it is WorkerLost
rows_csv long.csv 6000000
EXTRA=$(printf '%s' "$EXTRA" | sed 's/"ChecksumFile", "NotCompiledIn"/"ChecksumFile", "CsvSummary"/') rules
sed -i 's/^limits.*//' "$T/policy.conf"
sed -i 's/"ChecksumFile", "NotCompiledIn"/"ChecksumFile", "CsvSummary"/' "$T/stockade.conf"
push old '{"class":"CsvSummary","args":["long.csv"]}'
worker_start
kills=0
while [ $kills -lt 4 ]; do
	kills=$((kills + 1))
	want=$kills
	wait_for 15 sh -c "[ \$(grep -a job.started '$T/log' | grep -ac CsvSummary) -ge $want ]" || break
	w=$(rcli smembers resque:workers | head -1 | cut -d: -f2)
	kill -9 "$w"
done
check "four starts" eq "$(grep -a job.started "$T/log" | grep -ac CsvSummary)" 4
check "then it is WorkerLost in failed" wait_for 15 sh -c "redis-cli -s '$REDIS_SOCK' lrange resque:failed 0 -1 | grep -q WorkerLost"
worker_stop

# --- a worker that only reports
EXTRA='queues = [ "watched" ]; report_every = "200ms"; queue_rules = ( { queues = [ "watched" ]; signatures = "report"; } );' rules
n=$(events report.looked)
worker_start
check "a worker that only reports does" wait_for 10 sh -c "[ \$(grep -ac report.looked '$T/log') -gt $((n + 1)) ]"
worker_stop
check "and ends as ever" eq "$RC" 0
check "five elements still" eq "$(rcli llen resque:queue:watched)" 5

# --- what is refused at the start
refused() { # refused "sentence" RULES
	EXTRA="queue_rules = ( $2 );" write_config
	worker_drain
	check "$1: refused" eq "$RC" 78
}
refused "off without classes" '{ queues = [ "files" ]; signatures = "off"; }'
refused "classes without off" '{ queues = [ "files" ]; classes = [ "ChecksumFile" ]; }'
refused "a queue in two rules" '{ queues = [ "files" ]; }, { queues = [ "low", "files" ]; }'
refused "a pattern" '{ queues = [ "*" ]; signatures = "report"; }'
refused "another word" '{ queues = [ "files" ]; signatures = "maybe"; }'
refused "a class that is none" '{ queues = [ "files" ]; signatures = "off"; classes = [ "no class" ]; }'

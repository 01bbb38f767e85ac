#!/bin/sh
# The main job on real input: a signed job runs in a cage, a forged one does not, and Resque's keys
# say so exactly.
. tests/stage.sh
stage_up
trap stage_down EXIT

printf 'hello stockade\n' >"$T/inputs/hello.txt"
printf 'a,b\n1,2\n3,4\n' >"$T/inputs/t.csv"
want=$(sha256sum "$T/inputs/hello.txt" | cut -d' ' -f1)
good=$(sign ChecksumFile '["hello.txt"]')
push files "$good"
push files "$(sign CsvSummary '["t.csv"]')"
push files '{"class":"ChecksumFile","args":["hello.txt"]}'
push files "$(echo "$good" | sed 's/hello.txt/passwd.txt/')"
push files 'not json at all'
push files "$(sign ChecksumFile '["missing.txt"]' --runs 1)"
push files "$(sign ChecksumFile '[42]')"
worker_drain

check "a drained worker ends with 0" eq "$RC" 0
check "both good jobs are done" eq "$(grep -ac '"event.reason":"Done"' "$T/log")" 2
check "every job was counted as processed or refused" eq "$(rcli llen resque:queue:files)" 0
check "an unsigned job is refused by name" grep -aq '"event.reason":"E_UNSIGNED"' "$T/log"
check "changed arguments are refused by name" grep -aq '"event.reason":"E_SIGNATURE"' "$T/log"
check "what is not JSON is refused by name" grep -aq '"event.reason":"E_OUTER_JSON"' "$T/log"
check "a handler's failure is one" grep -aq '"event.reason":"Failed"' "$T/log"
check "arguments outside the schema are refused in the cage" grep -aq '"event.reason":"E_SCHEMA"' "$T/log"
check "stat:processed counts the four that ran" eq "$(rcli get resque:stat:processed)" 4
check "stat:failed counts the two that failed" eq "$(rcli get resque:stat:failed)" 2
check "failed holds two records and three refusal notes" eq "$(rcli llen resque:failed)" 5
check "a record has Resque's fields in Resque's order, and what the job used" sh -c "rcli() { redis-cli -s '$REDIS_SOCK' \"\$@\"; }; rcli lrange resque:failed 0 -1 | grep -qE '^\{\"failed_at\":\"[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9:]{8} UTC\",\"payload\":\{\"class\":\"ChecksumFile\",\"args\":\[\"stk1;.*\"\]\},\"exception\":\"Stockade::Failed\",\"error\":\".*\",\"backtrace\":\[\"used: [0-9]+ ms wall clock, [0-9]+ ms CPU, [1-9][0-9]* KiB peak, [0-9]+ bytes printed\"\],\"worker\":\"stage:[0-9]+:files,low\",\"queue\":\"files\"\}\$'"
check "no refused argument reached failed" sh -c "! redis-cli -s '$REDIS_SOCK' lrange resque:failed 0 -1 | grep -q passwd.txt"
check "the worker left no registration behind" eq "$(rcli scard resque:workers)" 0
check "nothing is in flight" eq "$(rcli keys 'resque:stockade:in:*')" ""
check "neither arguments nor signatures are in the log" sh -c "! grep -aE 'hello.txt|missing.txt|$(echo "$good" | sed 's/.*,"\([A-Za-z0-9_-]*\)"\]}$/\1/')' '$T/log'"
check "the log is one JSON object per line" sh -c "! grep -avE '^\{\"@timestamp\":.*\}\$' '$T/log'"

out=$("$STOCKADE" run-job --json --cage "$CAGE" --config "$T/stockade.conf" ChecksumFile '["hello.txt"]')
check "run-job computes the digest that sha256sum does" has "$out" "$want"
check "run-job proves the filter was on" has "$out" '"seccomp":2'

#!/bin/sh
# `stockade shadow`: what a worker would do with a live queue, told without touching it.
. tests/stage.sh
stage_up
trap stage_down EXIT
write_policy
printf 'x\n' >"$T/inputs/x.txt"

for _ in 1 2 3; do push files "$(sign ChecksumFile '["x.txt"]')"; done
push files "$(sign ChecksumFile '[7]')"
push files '{"class":"Plain","args":[1]}'
push files 'no JSON at all'
head -c 200000 /dev/zero | tr '\0' x >"$T/big"
rcli -x rpush resque:queue:files <"$T/big" >/dev/null
push files "$(sign ChecksumFile '["x.txt"]' | sed 's/ChecksumFile/CsvSummary/')"
before=$(rcli lrange resque:queue:files 0 -1 | sha256sum)
shadow() { "$STOCKADE" shadow --config "$T/stockade.conf" --queue files "$@" 2>&1; }

json=$(shadow --json)
check "shadow ends well" eq $? 0
check "every element was looked at" has "$json" '"length":8,"looked_at":8'
check "what would run" has "$json" '"ACCEPT":3'
check "what breaks its schema" has "$json" '"E_SCHEMA":1'
check "what is not signed" has "$json" '"E_UNSIGNED":1'
check "what is no JSON" has "$json" '"E_OUTER_JSON":1'
check "what is too large, and the rest behind it" has "$json" '"E_TOO_LARGE":1'
check "what was tampered with" has "$json" '"E_CLASS_MISMATCH":1'
check "why arguments do not fit" has "$json" '"first_argument_finding":"E_SCHEMA: /0'
out=$(shadow)
check "people get a table with what to do" has "$out" "let its producer sign what it enqueues"
check "--limit bounds the look" has "$(shadow --limit 2 --json)" '"looked_at":2'
check "the queue is as it was" eq "$(rcli lrange resque:queue:files 0 -1 | sha256sum)" "$before"
check "no worker was registered" eq "$(rcli exists resque:workers)" 0
check "an empty queue is nothing to tell" has "$("$STOCKADE" shadow --config "$T/stockade.conf" --queue low --json)" '"length":0,"looked_at":0'
rcli set resque:queue:low x >/dev/null
"$STOCKADE" shadow --config "$T/stockade.conf" --queue low >/dev/null 2>&1
check "a key that is no list: 69" eq $? 69
"$STOCKADE" shadow --queue 'no such queue' >/dev/null 2>&1
check "a name that is none: 64" eq $? 64

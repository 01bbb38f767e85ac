#!/bin/sh
# A worker loses its power after the ledger has the success of a job that releases another, and before
# the settlement: the next worker's look at the copy releases it, once.
. tests/stage.sh
. tests/hosts.sh
stage_up
trap 'kill -CONT "$LEDGER_PID" 2>/dev/null; hosts_down' EXIT
CAGE=$PWD/$B/test/hostile-cage
printf 'x\n' >"$T/inputs/x.txt"
write_policy ', "Hostile::Release"'
EXTRA='ceiling = { wall = "8s"; };'
write_config
done_in_ledger() { lcli --raw keys 'resque:stockade:l:*' | while read -r k; do lcli --raw hvals "$k"; done | grep -aq '^D'; }

follow=$(sign ChecksumFile '["x.txt"]')
push files "$(sign Hostile::Release "[\"slow\",\"$(printf '%s' "$follow" | sed 's/\\/\\\\/g; s/"/\\"/g')\"]")"
host_start a
check "the job runs" wait_for 10 host_logged a job.started
kill -STOP "$LEDGER_PID"
check "what it releases is written down before the ledger hears of its success" wait_for 10 sh -c "redis-cli -s '$REDIS_SOCK' keys 'resque:stockade:outbox:*' | grep -q ."
check "and is in no queue yet" eq "$(rcli llen resque:queue:files)" 0
rcli client pause 60000 write >/dev/null
kill -CONT "$LEDGER_PID"
check "the ledger has the success" wait_for 10 done_in_ledger
host_crash a
rcli client unpause >/dev/null
check "the settlement never came" eq "$(rcli llen resque:queue:files) $(rcli exists resque:stat:processed)" "0 0"
unlock
host_start b
check "it is not run again: its success is counted now" wait_for 30 host_logged b job.settled_late
check "what it released follows" wait_for 20 host_logged b '"event.reason":"Done".*"stockade.class":"ChecksumFile"'
host_stop b
check "once" eq "$(host_count b '"event.action":"job.started"') $(rcli llen resque:queue:files)" "1 0"
check "both are counted" processed 2
check "nothing is left of it" eq "$(rcli keys 'resque:stockade:outbox:*')$(in_flight)" ""

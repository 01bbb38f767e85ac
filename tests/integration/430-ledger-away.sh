#!/bin/sh
# The ledger away, evicting, of another time, without permission, unset: nothing signed starts, an outcome
# waits, and each has its name.
. tests/stage.sh
stage_up
trap stage_down EXIT
ledger_kill
ledger_again --appendonly yes --appendfsync always
ledger_begin
printf 'x\n' >"$T/inputs/x.txt"
rows_csv long.csv 12000000
conf="--config $T/stockade.conf"
new() { sign ChecksumFile '["x.txt"]'; }
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }
unfit() { grep -a '"event.action":"ledger.unfit"' "$T/log" | grep -aq "$1"; }
waiting_is() { [ "$(rcli llen resque:queue:files)" = "$1" ]; }
start_says() { # start_says CODE WORD
	# shellcheck disable=SC2086
	timeout 20 "$STOCKADE" work $conf >"$T/start.out" 2>&1
	code=$?
	[ "$code" = "$1" ] && grep -q "$2" "$T/start.out" || { echo "ended with $code"; cat "$T/start.out"; return 1; }
}

# --- away while a job runs
push files "$(sign CsvSummary '["long.csv"]')"
worker_start
check "a long job runs" wait_for 10 logged job.started
ledger_kill
push files "$(new)"
check "the ledger's end is named" wait_for 30 logged ledger.away
sleep 2
check "no success is recorded before the ledger has it" eq "$(rcli get resque:stat:processed)" ""
check "nothing new starts" eq "$(events job.started)" 1
check "the job in hand is still in hand" eq "$(rcli keys 'resque:stockade:in:*' | wc -l | tr -d ' ')" 1
ledger_again --appendonly yes --appendfsync always
ledger_acl
check "when it is back the outcome is recorded once, and work goes on" wait_for 30 done_is 2
check "twice processed" wait_for 5 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' get resque:stat:processed) = 2 ]"

# --- away while idle
ledger_kill
push files "$(new)"
sleep 1
check "nothing is started without it" eq "$(events job.started)" 2
ledger_again --appendonly yes --appendfsync always
ledger_acl
check "it goes on afterwards" wait_for 30 done_is 3

# --- another policy than noeviction, seen at the next connection
lcli config set maxmemory-policy allkeys-lru >/dev/null
lcli client kill type normal >/dev/null
push files "$(new)"
check "an evicting ledger is LEDGER_EVICTS" wait_for 40 unfit LEDGER_EVICTS
check "and starts nothing" eq "$(events job.started)" 3
lcli config set maxmemory-policy noeviction >/dev/null
check "mended, it goes on" wait_for 40 done_is 4

# --- no permission
lcli acl setuser ledger -evalsha >/dev/null
push files "$(new)"
check "a refused command is named" wait_for 20 sh -c "grep -a ledger.away '$T/log' | grep -aq NOPERM"
check "with what gives the ledger's own user its rights" sh -c "grep -a ledger.away '$T/log' | grep -a NOPERM | grep -aq 'stockade ledger acl'"
lcli acl setuser ledger +evalsha >/dev/null
check "and waited for" wait_for 30 done_is 5

# --- told to stop while it is away
ledger_kill
push files "$(new)"
worker_stop
check "a worker without its ledger stops when told" eq "$RC" 0
check "its job is in its queue" waiting_is 1

# --- at the start
check "unreachable: LEDGER_DOWN, 69" start_says 69 LEDGER_DOWN
ledger_again --appendonly yes --appendfsync always --maxmemory-policy volatile-lru
ledger_acl
check "evicting: LEDGER_EVICTS, 69" start_says 69 LEDGER_EVICTS
lcli config set maxmemory-policy noeviction >/dev/null
lcli acl setuser ledger '>other' >/dev/null
lcli acl setuser ledger resetpass '>other' >/dev/null
check "a wrong password: 69" start_says 69 'LEDGER_DOWN.*WRONGPASS'
ledger_acl
lcli rename resque:stockade:epoch kept >/dev/null
lcli lpush resque:stockade:epoch x >/dev/null
check "a wrong type: 69" start_says 69 'LEDGER_DOWN.*WRONGTYPE'
lcli rename kept resque:stockade:epoch >/dev/null
sed -i 's/^ledger_url.*//' "$T/stockade.conf"
check "no ledger: LEDGER_UNSET, 78" start_says 78 LEDGER_UNSET
write_config
sed -i 's/^ledger_user.*//' "$T/stockade.conf"
check "no user of its own: LEDGER_USER, 78" start_says 78 LEDGER_USER
EXTRA='redis_user = "ledger";'
write_config
check "the queues' user is not its own: LEDGER_USER, 78" start_says 78 LEDGER_USER
EXTRA=
write_config
sed -i 's/^ledger_max.*/ledger_max = "1M";/' "$T/stockade.conf"
check "a policy beyond ledger_max: the arithmetic, 78" start_says 78 'records of 40 bytes.*max_delay 7d + max_window 8d + 1d'
write_config
clock_set "$LEDGER_DIR/clock" 7200000
check "a clock two hours off: LEDGER_SKEW, 69" start_says 69 LEDGER_SKEW
clock_set "$LEDGER_DIR/clock" 0
ledger_acl
worker_drain
check "and the job that waited through all of it runs" done_is 6

#!/bin/sh
# FLUSHALL, an empty replacement, a restored backup: none of them makes a job run again. Nothing signed
# starts until an operator says from when on the ledger may be believed.
. tests/stage.sh
stage_up
trap stage_down EXIT
EXTRA='skew = "1s";'
write_config
printf 'x\n' >"$T/inputs/x.txt"
conf="--config $T/stockade.conf"
new() { sign ChecksumFile '["x.txt"]'; }
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }
lost() { grep -a '"event.action":"ledger.unfit"' "$T/log" | grep -ac LEDGER_LOST; }
lost_is() { [ "$(lost)" = "$1" ]; }
# jobs signed from here on are younger than an epoch begun a moment ago
begin_now() { # shellcheck disable=SC2086
	"$STOCKADE" ledger init --min-iat $(($(date +%s) + 1)) $conf >/dev/null && sleep 1.1
}
old=$(new)
push files "$old"
worker_start
check "a job runs" wait_for 10 done_is 1

# --- FLUSHALL under an idle worker
lcli flushall >/dev/null
push files "$old"
push files "$(new)"
check "FLUSHALL is LEDGER_LOST" wait_for 40 lost_is 1
sleep 1
check "nothing ran" done_is 1
check "and nothing was lost: both wait in their queue" wait_for 5 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' llen resque:queue:files) = 2 ]"
check "what was in hand then is D_LEDGER_DOWN, and was handed back" grep -aq '"event.reason":"D_LEDGER_DOWN"' "$T/log"
check "by a sentence that sends nobody to a Redis that answers" sh -c "grep -a '\"event.reason\":\"D_LEDGER_DOWN\"' '$T/log' | grep -aq 'ledger.away or ledger.unfit in the log'"
check "the worker lives and beats" kill -0 "$WORKER"
begin_now
check "after init the worker goes on by itself" wait_for 20 logged ledger.fit
check "what was signed before is E_BEFORE_LEDGER" wait_for 10 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' zcard 'resque:stockade:quarantine:files#E_BEFORE_LEDGER') = 2 ]"
check "and did not run" done_is 1
push files "$(new)"
check "what is signed now runs" wait_for 10 done_is 2

# --- an empty server in its place
ledger_kill
push files "$old"
rm -f "$LEDGER_DIR"/dump.rdb
ledger_again
ledger_acl
check "an empty replacement is LEDGER_LOST" wait_for 40 lost_is 2
check "nothing ran" done_is 2
worker_stop
# shellcheck disable=SC2086
timeout 20 "$STOCKADE" work $conf >"$T/start.out" 2>&1
check "a start on it is refused" eq "$?" 69
check "by name, with the way on" sh -c "grep -q 'LEDGER_LOST.*ledger init' '$T/start.out'"
begin_now
rcli del resque:queue:files >/dev/null
started=$(events worker.started)
worker_start
await 10 sh -c "[ \$(grep -ac worker.started '$T/log') -gt $started ]"

# --- a backup, restored: a job that ran since it was made looks new to it
mark=$(lcli hget resque:stockade:epoch mark)
lcli hset resque:stockade:epoch mark $((mark - 60000)) >/dev/null
lcli save >/dev/null
cp "$LEDGER_DIR/dump.rdb" "$T/backup.rdb"
lcli hset resque:stockade:epoch mark "$mark" >/dev/null
since=$(new)
push files "$since"
check "a job after the backup runs" wait_for 10 done_is 3
ledger_kill
cp "$T/backup.rdb" "$LEDGER_DIR/dump.rdb"
push files "$since"
ledger_again
ledger_acl
check "the backup's copy is not believed by the worker that lived" wait_for 40 lost_is 3
check "nothing ran twice" done_is 3
kill -9 "$WORKER"
wait "$WORKER" 2>/dev/null
WORKER=
# shellcheck disable=SC2086
timeout 20 "$STOCKADE" work $conf >"$T/start.out" 2>&1
check "nor by one that starts: the copy beside the queues tells" sh -c "grep -q LEDGER_LOST '$T/start.out'"
begin_now
worker_drain
check "after init the copy is refused" eq "$(rcli zcard 'resque:stockade:quarantine:files#E_BEFORE_LEDGER')" 3
check "three jobs ran in all" done_is 3

# --- an older epoch comes back
lcli save >/dev/null
cp "$LEDGER_DIR/dump.rdb" "$T/backup.rdb"
begin_now
push files "$(new)"
worker_drain
check "a new epoch is taken over" done_is 4
ledger_kill
cp "$T/backup.rdb" "$LEDGER_DIR/dump.rdb"
ledger_again
ledger_acl
# shellcheck disable=SC2086
timeout 20 "$STOCKADE" work $conf >"$T/start.out" 2>&1
check "the epoch before it is not" sh -c "grep -q LEDGER_LOST '$T/start.out'"

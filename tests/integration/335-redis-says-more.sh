#!/bin/sh
# The refusals that 330 leaves out, each with a job under way: the outcome is held, the refusal is
# named once, the job runs once, and the same worker goes on. And a full Redis under an idle worker.
. tests/stage.sh
. tests/hosts.sh
stage_up
trap 'chmod 700 "$REDIS_DIR" 2>/dev/null; hosts_down' EXIT
printf 'x\n' >"$T/inputs/x.txt"
big_csv 6000000
rcli config set appendonly yes >/dev/null
rcli config set appendfsync always >/dev/null
host_start a
check "a worker waits" wait_for 10 host_logged a worker.started
w=$(host_worker a)
n=0
named() { wait_for "${2:-10}" grep -aq "redis.away.*\"event.reason\":\"$1\"" "$T/a.log"; }
job_starts() {
	n=$((n + 1))
	push files "$(sign CsvSummary '["big.csv"]')"
	wait_for 20 eq_started $n
}
eq_started() { [ "$(host_count a job.started)" = "$1" ]; }
job_ends() { wait_for 30 sh -c "[ \"\$(grep -ac job.finished '$T/a.log')\" = $n ]"; }
all_well() { # what was under way is written once, and the same process runs one more
	wait_for 20 processed $n || { rcli get resque:stat:processed; tail -3 "$T/a.log"; return 1; }
	eq_started $n || { echo "it ran twice"; return 1; }
	n=$((n + 1))
	push files "$(sign ChecksumFile '["x.txt"]')"
	wait_for 20 processed $n || return 1
	[ "$(host_worker a)" = "$w" ] && [ -z "$(in_flight)" ]
}

# --- MISCONF: a snapshot that cannot be written stops all writes
check "a job runs" job_starts
rcli config set save '3600 1' >/dev/null
chmod 500 "$REDIS_DIR"
rcli bgsave >/dev/null
check "a snapshot fails" wait_for 10 sh -c "redis-cli -s '$REDIS_SOCK' info persistence | grep -q rdb_last_bgsave_status:err"
check "MISCONF is named" named MISCONF
check "the job ends" job_ends
chmod 700 "$REDIS_DIR"
rcli config set stop-writes-on-bgsave-error no >/dev/null
check "and over" all_well
rcli config set save '' >/dev/null

# --- MASTERDOWN: a replica that has lost its master and serves nothing stale
check "a job runs" job_starts
rcli config set replica-serve-stale-data no >/dev/null
rcli replicaof 127.0.0.1 1 >/dev/null
check "MASTERDOWN is named" named MASTERDOWN
check "the job ends" job_ends
rcli replicaof no one >/dev/null
rcli config set replica-serve-stale-data yes >/dev/null
check "and over" all_well

# --- LOADING: it starts again and has much to read
rcli config set appendfsync no >/dev/null
seq 1 60000 | sed 's/.*/SET ballast:& &/' | rcli --pipe >/dev/null
rcli config set appendfsync always >/dev/null
check "a job runs" job_starts
redis_kill
redis_again --appendonly yes --appendfsync always --key-load-delay 100
check "LOADING is named" named LOADING 20
check "the job ends" job_ends
check "and over" all_well

# --- OOM: an idle worker beats on in a full Redis, nobody takes it for dead, and nothing is away
aways=$(host_count a redis.away)
beats() { rcli zscore resque:stockade:live "$(rcli zrange resque:stockade:live 0 0)"; }
rcli config set maxmemory 1 >/dev/null
before=$(beats)
check "a worker beats on in a full Redis" wait_for 5 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zrange resque:stockade:live 0 0 withscores | tail -1)\" -gt $((before + 3)) ]"
check "and nothing is away" eq "$(host_count a redis.away)" "$aways"
rcli config set maxmemory 0 >/dev/null
check "and it works on" all_well

# --- WRONGPASS: the password is changed, and the file that has it is not yet
host_stop a
check "TERM: 0" eq "$RC" 0
printf 'first-password\n' >"$T/secret/redis"
rcli config set requirepass first-password >/dev/null
REDISCLI_AUTH=first-password
export REDISCLI_AUTH
rcli config set masterauth '' >/dev/null
rcli config resetstat >/dev/null
rcli set resque:stat:processed 0 >/dev/null
n=0
rm -f "$T/a.log"
host_start a "$FAST redis_password_file = \"$T/secret/redis\";"
check "a worker logs in" wait_for 10 host_logged a worker.started
w=$(host_worker a)
check "a job runs" job_starts
rcli config set requirepass second-password >/dev/null
REDISCLI_AUTH=second-password
rcli client kill type normal >/dev/null
check "WRONGPASS is named" named WRONGPASS
check "the job ends" job_ends
printf 'second-password\n' >"$T/secret/redis"
check "the file is read again, and over" all_well
check "no line has a password" sh -c "! grep -aq -e first-password -e second-password '$T/a.log'"
host_stop a
check "TERM: 0" eq "$RC" 0

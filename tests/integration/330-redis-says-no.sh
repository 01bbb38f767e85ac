#!/bin/sh
# Whatever Redis says, the worker stays the same process, names it once, and works on afterwards.
. tests/stage.sh
. tests/hosts.sh
stage_up
trap hosts_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
rcli config set appendonly yes >/dev/null
rcli config set appendfsync always >/dev/null
host_start a
check "a worker waits" wait_for 10 eq "$(wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:live)\" = 1 ]" && echo up)" up
w=$(host_worker a)
n=0
works_on() { # the same process runs one more job
	n=$((n + 1))
	push files "$(sign ChecksumFile '["x.txt"]')"
	wait_for 15 processed $n || { rcli get resque:stat:processed; tail -3 "$T/a.log"; return 1; }
	[ "$(host_worker a)" = "$w" ] || { echo "another process: $(host_worker a)"; return 1; }
}
named() { wait_for 10 grep -aq "redis.away.*\"event.reason\":\"$1\"" "$T/a.log"; }
check "it runs a job" works_on

redis_kill
check "UNREACHABLE is named" named UNREACHABLE
sleep 1
redis_again --appendonly yes --appendfsync always
check "after a restart it works on" works_on
check "it is registered again" eq "$(rcli scard resque:workers) $(rcli hlen resque:workers:heartbeat)" "1 1"

rcli config set min-replicas-to-write 1 >/dev/null
check "NOREPLICAS is named" named NOREPLICAS
rcli config set min-replicas-to-write 0 >/dev/null
check "and over" works_on

rcli replicaof 127.0.0.1 1 >/dev/null
check "READONLY is named" named READONLY
rcli replicaof no one >/dev/null
check "and over" works_on

rcli acl setuser default -evalsha >/dev/null
check "NOPERM is named" named NOPERM
rcli acl setuser default +evalsha >/dev/null
check "and over" works_on

rcli config set requirepass secret >/dev/null
redis-cli -s "$REDIS_SOCK" -a secret --no-auth-warning client kill type normal >/dev/null
check "NOAUTH is named" named NOAUTH
redis-cli -s "$REDIS_SOCK" -a secret --no-auth-warning config set requirepass '' >/dev/null
check "and over" works_on

rcli config set lua-time-limit 100 >/dev/null
rcli eval 'while true do end' 0 >/dev/null 2>&1 &
check "BUSY or a late answer is named" wait_for 10 grep -aqE 'redis.away.*"event.reason":"BUSY"' "$T/a.log"
rcli script kill >/dev/null
check "and over" works_on

rcli script flush >/dev/null
check "forgotten scripts are loaded again" works_on
check "each change was one line" test "$(host_count a redis.away)" -le 30
check "its supervisor started no other" eq "$(host_count a worker.restart)" 0

# --- told to stop while Redis is away
redis_kill
wait_for 5 sh -c "tail -1 '$T/a.log' | grep -q redis.away"
start=$(date +%s)
host_stop a
check "TERM ends it within term_timeout" test $(($(date +%s) - start)) -le 3
check "with 69" eq "$RC" 69
check "by name" host_logged a '"event.reason":"REDIS_LOST"'

# --- with an outcome in hand
redis_again --appendonly yes --appendfsync always
big_csv 6000000
push files "$(sign CsvSummary '["big.csv"]')"
host_start b
check "a job runs" wait_for 10 host_logged b job.started
redis_kill
check "it ends while Redis is away" wait_for 20 host_logged b job.finished
host_stop b
check "TERM with an outcome in hand ends it with 69" eq "$RC" 69
redis_again --appendonly yes --appendfsync always
check "the job is in flight" eq "$(in_flight | wc -w)" 1
n=$(rcli get resque:stat:processed)
unlock
host_start c
check "another worker learns from the ledger that it is done, and counts it" wait_for 30 host_logged c job.settled_late
check "once" eq "$(rcli get resque:stat:processed)" $((${n:-0} + 1))
check "it ran once" eq "$(host_count b job.started)$(host_count c job.started)" 10
host_stop c
n=$((${n:-0} + 1))

# --- exactly at settle: the call is in Redis, unanswered, when it dies
push files "$(sign CsvSummary '["big.csv"]')"
host_start d
check "a job runs again" wait_for 10 host_logged d job.started
rcli client pause 60000 all >/dev/null
check "its outcome meets a Redis that does not answer" wait_for 20 host_logged d job.finished
sleep 0.1
redis_kill
redis_again --appendonly yes --appendfsync always
check "it is counted once" wait_for 20 processed $((n + 1))
sleep 0.5
check "and only once" processed $((n + 1))
check "it ran once" eq "$(host_count d job.started)" 1
host_stop d
check "nothing is in flight" eq "$(in_flight)" ""

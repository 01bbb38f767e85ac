#!/bin/sh
# Replay across workers that die and services that restart: forty jobs, each in the queue three times, two services of two
# workers; workers killed in the middle, one service killed whole, one restarted. Each job succeeds once by the ledger's
# word, no copy runs beside or after it, none is lost, and copies pushed to what comes up later run no more.
. tests/stage.sh
. tests/hosts.sh
stage_up
trap hosts_down EXIT
rows_csv some.csv 900000
EXTRA='concurrency = 2; ceiling = { wall = "2s"; };' write_config
logs() { cat "$T"/[ab].log; }
JOBS=40
i=0
: >"$T/jobs"
while [ $i -lt $JOBS ]; do
	i=$((i + 1))
	sign CsvSummary '["some.csv"]' --runs 10 >>"$T/jobs"
done
push_all() { xargs -d '\n' redis-cli -s "$REDIS_SOCK" rpush resque:queue:files <"$T/jobs" >/dev/null; }
push_all
push_all
host_start a
host_start b
check "four workers of two services" wait_for 20 sh -c "[ \$(redis-cli -s '$REDIS_SOCK' scard resque:workers) = 4 ]"
push_all
started() { [ "$(logs | grep -ac '"event.action":"job.started"')" -ge "$1" ]; }
kills=0
for n in 3 7 11 15 19; do # a worker in the middle of what it does; its supervisor makes another
	wait_for 20 started $n
	for host in a b; do
		pid=$(host_worker $host)
		[ -z "$pid" ] || { kill -9 "$pid" 2>/dev/null && kills=$((kills + 1)); }
	done
done
check "workers were killed ($kills)" test "$kills" -ge 5
wait_for 20 started 24
host_crash a # with its supervisor: what it held is held until its leases end
host_start a
wait_for 20 started 28
host_stop b
host_start b
done_ids() { lcli --raw keys 'resque:stockade:l:*' | while read -r k; do lcli --raw hvals "$k"; done | grep -ac '^D'; }
all_done() { [ "$(done_ids)" = $JOBS ]; }
check "every job succeeds" wait_for 60 all_done
drained() { [ "$(rcli llen resque:queue:files)" = 0 ] && [ "$(rcli zcard resque:stockade:parked:files)" = 0 ] && [ -z "$(in_flight)" ]; }
forward() { # copies that wait for a lease to end need not wait on once all is done
	rcli --raw zrange resque:stockade:parked:files 0 -1 | while read -r handle; do rcli zadd resque:stockade:parked:files 1 "$handle" >/dev/null; done
	drained
}
check "and all copies are gone" wait_for 30 forward
ids_done() { logs | grep -a '"event.action":"job.finished"' | grep -a '"event.reason":"Done"' | grep -a '"stockade.settled":"ok"' | sed 's/.*"stockade.job_id":"\([0-9a-f]*\)".*/\1/'; }
check "no success was recorded twice" eq "$(ids_done | sort | uniq -d)" ""
starts=$(logs | grep -ac '"event.action":"job.started"')
echo "# $starts starts of $JOBS jobs, $(logs | grep -ac R_REPLAY_DONE) copies dropped, $(rcli get resque:stat:processed) counted"
check "only what died was started again" test "$starts" -le $((JOBS + kills + 4))
check "each success is counted" test "$(rcli get resque:stat:processed)" -ge $JOBS
rcli lrange resque:failed 0 2 | cut -c1-400 | sed "s,^,# ,"
check "nothing failed, nothing is refused but replays" eq "$(rcli llen resque:failed)$(rcli keys 'resque:stockade:quarantine:*')" 0
before=$starts
host_stop a
host_stop b
host_start a
push_all
check "copies pushed to a service that came up later are drained" wait_for 30 drained
check "and not one of them runs" eq "$(logs | grep -ac '"event.action":"job.started"')" "$before"
host_stop a

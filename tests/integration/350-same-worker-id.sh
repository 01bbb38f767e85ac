#!/bin/sh
# A restarted container has the same host name and the same pids: the worker id repeats, the instance
# does not. The former one's job is found by its beat. And a job that kills its workers does not go
# round for ever.
. tests/stage.sh
. tests/hosts.sh
stage_up
trap hosts_down EXIT
EXTRA='ceiling = { wall = "8s"; };' # death by beat alone waits for the lease
write_config
big_csv 6000000

if unshare -Upfm --mount-proc --map-current-user true 2>/dev/null; then
	sed '/^beat = /d' "$T/stockade.conf" >"$T/box.conf"
	echo "$FAST" >>"$T/box.conf"
	container() {
		unshare -Upfm --mount-proc --map-current-user --kill-child "$STOCKADE" work --config "$T/box.conf" >>"$T/box.log" 2>&1 &
		echo $! >"$T/box.pid"
	}
	push files "$(sign CsvSummary '["big.csv"]')"
	container
	check "a container runs a job" wait_for 10 host_logged box job.started
	id=$(rcli smembers resque:workers)
	host_crash box
	unlock
	container
	check "its successor has the same worker id" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:live)\" = 2 ]"
	check "indeed" eq "$(rcli smembers resque:workers)" "$id"
	check "that is said" host_logged box worker.id_shared
	check "the former one's job is taken back" wait_for 15 host_logged box worker.recovered
	check "and done once" wait_for 40 processed 1
	check "the id is still registered" eq "$(rcli smembers resque:workers)" "$id"
	host_crash box
	rcli del resque:stockade:live resque:stat:processed >/dev/null
else
	echo "ok - a restarted container with the same worker id # SKIP user namespaces are not to be had here"
fi

# --- WorkerLost
payload=$(sign CsvSummary '["big.csv"]' --runs 10)
push files "$payload"
host_start a
for i in 1 2 3 4; do
	wait_for 20 sh -c "[ \$(grep -ac job.started '$T/a.log') = $i ]"
	kill -9 "$(host_worker a)"
done
check "after four deaths the job is filed" wait_for 20 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' llen resque:failed)\" = 1 ]"
check "as WorkerLost" has "$(rcli lindex resque:failed 0)" '"exception":"Stockade::WorkerLost"'
check "with its payload, retryable" has "$(rcli lindex resque:failed 0)" "\"payload\":$payload"
check "it started four times" eq "$(host_count a job.started)" 4
check "nothing is in queue or flight" eq "$(rcli llen resque:queue:files)$(in_flight)" 0
check "the worker lives on" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:live)\" -ge 1 ]"
host_stop a

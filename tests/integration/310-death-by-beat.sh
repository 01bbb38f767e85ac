#!/bin/sh
# A whole host dies: another host's worker sees its beat stand still, takes the job back and runs it.
# A full Redis makes nobody look dead. A worker that was only stopped finds itself FENCED, forgets
# its job and begins again as a fresh instance.
. tests/stage.sh
. tests/hosts.sh
stage_up
trap hosts_down EXIT
# death by beat alone waits for the lease: wall limit, term_timeout and ten seconds
EXTRA='ceiling = { wall = "8s"; };'
write_config
big_csv 6000000

# --- a host without power
push files "$(sign CsvSummary '["big.csv"]')"
host_start a
check "host a runs the job" wait_for 10 host_logged a job.started
host_crash a
check "its job lies in its in-flight list" eq "$(in_flight | wc -w)" 1
unlock
host_start b
check "host b sees the beat stand still and takes the job back" wait_for 20 host_logged b 'worker.recovered'
check "and holds Resque's prune lock while it does" has "$(rcli get resque:pruning_dead_workers_in_progress)" "b:"
check "for at most 60 s" test "$(rcli ttl resque:pruning_dead_workers_in_progress)" -le 60
check "and runs it" wait_for 40 processed 1
check "nothing is left in flight" wait_for 5 eq "$(in_flight)" ""
check "the dead worker is not listed any more" wait_for 5 eq "$(rcli smembers resque:workers | grep -c '^a:')" 0
check "it lies in the graves" eq "$(rcli zcard resque:stockade:graves)" 1

# --- a full Redis
host_start c
wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:live)\" = 2 ]"
rcli config set maxmemory 1 >/dev/null
sleep 2.5
check "under maxmemory nobody is recovered" eq "$(rcli zcard resque:stockade:live) $(host_count b worker.recovered) $(host_count c worker.recovered)" "2 1 0"
check "and nobody fenced" eq "$(host_count b worker.fenced) $(host_count c worker.fenced)" "0 0"
rcli config set maxmemory 0 >/dev/null
host_stop c

# --- only stopped, with its supervisor: the job is taken, and the stopped one finds out
rcli set resque:stat:processed 0 >/dev/null
host_stop b
host_start d
wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:live)\" = 1 ]"
push files "$(sign CsvSummary '["big.csv"]')"
check "host d runs a job" wait_for 10 host_logged d job.started
# shellcheck disable=SC2046
kill -STOP "$(host_pid d)" $(tree_of "$(host_pid d)")
before=$(rcli zrange resque:stockade:live 0 -1)
unlock
host_start e
check "host e takes its job" wait_for 20 host_logged e worker.recovered
check "and runs it" wait_for 40 processed 1
# shellcheck disable=SC2046
kill -CONT "$(host_pid d)" $(tree_of "$(host_pid d)")
check "host d finds itself fenced and forgets the job" wait_for 10 host_logged d job.forgotten
check "and registers as a fresh instance" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' zcard resque:stockade:live)\" = 2 ]"
check "which is not the old one" hasnt "$(rcli zrange resque:stockade:live 0 -1)" "$before"
check "the same worker process lives" eq "$(host_count d worker.restart)" 0
check "the job was counted once" processed 1
host_stop e
push files "$(sign CsvSummary '["big.csv"]')"
check "host d works on" wait_for 40 processed 2
w=$(host_worker d)
push files "$(sign CsvSummary '["big.csv"]')"
wait_for 10 sh -c "[ \$(grep -ac job.started '$T/d.log') = 3 ]"
kill -9 "$w"
check "killed as its fresh instance, its successor is told that one" wait_for 10 host_logged d '1 of its jobs went back'
check "and runs the job" wait_for 40 processed 3
host_stop d
check "it ends with 0" eq "$RC" 0
check "nothing is left in flight at the end" eq "$(in_flight)" ""

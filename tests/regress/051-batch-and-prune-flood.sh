#!/bin/sh
# A batch ends while everything is paused; due jobs behind handles without a parcel still run in it;
# ten thousand dead registrations neither fill the log nor hold up a job or the end of a worker.
. tests/stage.sh
. tests/hosts.sh
stage_up
trap hosts_down EXIT
R=resque
printf 'x\n' >"$T/inputs/x.txt"
one=$(sign ChecksumFile '["x.txt"]')

# --- pauses and a batch
push files "$one"
for key in pause-all-workers stockade:paused:files; do
	rcli set $R:$key true >/dev/null
	QUEUES=files worker_drain
	check "a batch under $key ends with 0" eq "$RC $(rcli llen $R:queue:files) $(events job.started)" "0 1 0"
	rcli del $R:$key >/dev/null
done
QUEUES=files worker_drain
check "the job runs in the next one" eq "$RC $(rcli llen $R:queue:files) $(events job.started)" "0 0 1"

# --- parked: junk without a parcel before a job that is due
seq 1 100 | sed "s/.*/ZADD $R:stockade:parked:files 1 junk&/" | rcli >/dev/null
rcli zadd $R:stockade:parked:files 2 true 99999999999999 later >/dev/null
rcli hset $R:stockade:parcel:files true "$(sign ChecksumFile '["x.txt"]')" >/dev/null
worker_drain
check "a due job behind junk runs" eq "$RC $(events job.started)" "0 2"
check "one that is not due stays" eq "$(rcli zrange $R:stockade:parked:files 0 -1)" later

# --- a flood of the dead
old=2026-01-02T03:04:05+00:00
flood() { # flood NAME: 5 000 of them, each second one with a job
	seq 1 5000 | sed "s/.*/HSET $R:workers:heartbeat $1:&:q $old\nSADD $R:workers $1:&:q/" | rcli >/dev/null
	seq 1 2 5000 | sed "s/.*/SET $R:worker:$1:&:q '{\"queue\":\"q\",\"run_at\":\"x\",\"payload\":{\"class\":\"CJob\",\"args\":[]}}'/" | rcli >/dev/null
}
flood dead
host_start a "$FAST prune_after = \"1s\";"
pruned() { [ "$(rcli hlen $R:workers:heartbeat)" -lt "$1" ]; }
check "pruning goes on" wait_for 15 pruned 4900
n=$(rcli get $R:stat:processed)
push files "$(sign ChecksumFile '["x.txt"]')"
check "a job runs meanwhile" wait_for 5 processed $((n + 1))
again() { unlock; pruned "$1"; }
check "pass by pass" wait_for 20 again 4000
unlock
host_stop a
check "TERM: exit 0" eq "$RC" 0
check "ten lines a minute tell of it" test "$(host_count a worker.pruned)" -le 20
check "and how many they leave out is counted" has "$(grep -a worker.stopped "$T/a.log")" '"stockade.count.pruned":'

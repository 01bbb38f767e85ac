#!/bin/sh
# Dead Ruby workers are pruned with Resque's own record; what cannot be read is left alone and stops
# nobody.
. tests/stage.sh
. tests/hosts.sh
stage_up
trap hosts_down EXIT
R=resque
old=2026-01-02T03:04:05+00:00
ruby() { # ruby ID HEARTBEAT [JOB]
	rcli sadd $R:workers "$1" >/dev/null
	[ "$2" = - ] || rcli hset $R:workers:heartbeat "$1" "$2" >/dev/null
	rcli set "$R:worker:$1:started" '2026-01-02 03:00:00 +0000' >/dev/null
	rcli set "$R:stat:processed:$1" 7 >/dev/null
	[ -z "${3:-}" ] || rcli set "$R:worker:$1" "$3" >/dev/null
}
ruby other:4999999:q $old '{"queue":"q","run_at":"2026-11-23T07:00:00Z","payload":{"class":"CJob","args":[1],"sig":"x"}}'
ruby idle:12:q,r 2026-01-02T04:04:05.123+0100
ruby odd:13:q $old '{"queue":"q","run_at":"x","payload":{"class":null,"args":[]}}'
rcli hset $R:workers:heartbeat unlisted:14:q 2026-01-02T03:04:05Z >/dev/null
# left alone
ruby alive:20:q "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%S+00:00)"
ruby silent:21:q -
ruby go:22-0:q $old
ruby jesque:23-3:JAVA_DYNAMIC_QUEUES,q $old
ruby name $old
ruby host:1 $old
ruby host:1: $old
ruby host:x:q $old
ruby b1:30:q garbage
ruby b2:31:q 1795416674
ruby b3:32:q ''
ruby b4:33:q 2026-02-31T03:04:05Z
ruby b5:34:q 2026-01-02T03:04:05
ruby u1:40:q $old 'not json'
ruby u2:41:q $old '{"queue":"q"}'
ruby u3:42:q $old '{"queue":"q","payload":[1]}'
rcli hset $R:workers:heartbeat "$(head -c 100000 /dev/zero | tr '\0' A):1:q" $old >/dev/null
rcli hset $R:workers:heartbeat long:1:q "$(head -c 100000 /dev/zero | tr '\0' A)" >/dev/null
rcli lpush $R:worker:list:50:q x >/dev/null
rcli hset $R:workers:heartbeat list:50:q $old >/dev/null
n=$(rcli hlen $R:workers:heartbeat)

host_start a "$FAST prune_after = \"1s\";"
check "the dead are pruned" wait_for 15 sh -c "[ \$(grep -ac worker.pruned '$T/a.log') = 4 ]"
sleep 1.5
check "those four alone" eq "$(host_count a worker.pruned) $(rcli hlen $R:workers:heartbeat)" "4 $((n - 4 + 1))"
check "what was left has its registration" eq "$(rcli smembers $R:workers | grep -cE '^(alive|silent|go|jesque|name|host|b[1-5]|u[1-3]):?')" 16
gone_keys() { rcli exists "$R:worker:$1" "$R:worker:$1:started" "$R:stat:processed:$1"; }
for id in other:4999999:q idle:12:q,r odd:13:q; do
	check "nothing of $id is left" eq "$(gone_keys $id) $(rcli sismember $R:workers $id)" "0 0"
done
check "an idle one leaves no record" eq "$(rcli llen $R:failed)" 2
undated() { sed 's/"failed_at":"[^"]*"/"failed_at":"T"/'; }
check "the record is Resque's, byte for byte" eq "$(rcli lrange $R:failed 0 -1 | grep CJob | undated)" "$(undated <tests/vectors/resque/failed-pruned-worker.json)"
check "its time has Resque's form" sh -c "redis-cli -s '$REDIS_SOCK' lrange $R:failed 0 0 | grep -qE '^\{\"failed_at\":\"[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9:]{8} UTC\"'"
check "a class that is none is an unknown job" has "$(rcli lrange $R:failed 0 -1 | grep odd:13)" 'while processing <Unknown Job>'
check "stat:failed counts no prune, as in Resque" eq "$(rcli get $R:stat:failed)" ""
check "the lock was taken as Resque takes it" has "$(rcli get $R:pruning_dead_workers_in_progress) $(rcli ttl $R:pruning_dead_workers_in_progress)" "a:"
check "the worker lives" eq "$(host_count a worker.restart) $(host_count a redis.away)" "0 0"

# --- the lock of another keeps us from pruning
host_stop a
rcli set $R:pruning_dead_workers_in_progress ruby:1:q EX 60 >/dev/null
ruby other:60:q $old
host_start b "$FAST prune_after = \"1s\";"
sleep 3
check "while another prunes, nothing is touched" eq "$(host_count b worker.pruned)" 0
host_stop b

# --- prune_lock = hold
unlock
host_start c "$FAST prune_after = \"1s\"; prune_lock = \"hold\";"
check "hold takes the lock at once" wait_for 5 sh -c "redis-cli -s '$REDIS_SOCK' get $R:pruning_dead_workers_in_progress | grep -q '^c:'"
check "and prunes in Ruby's stead" wait_for 10 host_logged c worker.pruned
host_stop c

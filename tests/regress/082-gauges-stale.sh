#!/bin/sh
# What nobody knows any more was shown for ever: the length of a queue that a reload took off the list, and how full
# a Redis is that has no maxmemory any more.
. tests/stage.sh
stage_up
trap stage_down EXIT
. tests/scrape.sh
rcli config set maxmemory 500mb >/dev/null
EXTRA="$METRICS" write_config
for q in files low; do rcli sadd resque:queues $q >/dev/null; done
rcli set resque:stockade:paused:low 1 >/dev/null
push low "$(sign ChecksumFile '["x.txt"]' --queue low)"
QUEUES='*' worker_start
check "the length of a queue is told" counts 'stockade_queue_depth_jobs{queue="low"}' 1
told() { value "$1" | grep -q .; }
check "and how full Redis is" wait_for 30 told 'stockade_redis_memory_ratio{server="queues"}'
sed -i 's/queues = \[ "files", "low", "hostile" \]/queues = [ "files" ]/' "$T/policy.conf"
kill -HUP "$WORKER"
check "the policy is taken into use" counts stockade_policy_reloads_total 1
check "of the queue that is no longer ours nothing is told" counts 'stockade_queue_depth_jobs{queue="low"}' ""
check "of the other it is" counts 'stockade_queue_depth_jobs{queue="files"}' 0
rcli config set maxmemory 0 >/dev/null
check "without a bound there is no ratio" counts 'stockade_redis_memory_ratio{server="queues"}' ""
worker_stop
check "it ends with 0" eq "$RC" 0

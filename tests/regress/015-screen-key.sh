#!/bin/sh
# worker:<id> belongs to another instance and is of another type: show answered STORE, the job was
# handed back and taken again at once, thousands of times a second.
. tests/stage.sh
stage_up
trap stage_down EXIT

worker_start
registered() { [ "$(rcli scard resque:workers)" = 1 ]; }
await 10 registered
id=$(rcli smembers resque:workers)
rcli del "resque:worker:$id" >/dev/null
rcli rpush "resque:worker:$id" x >/dev/null
rcli hset resque:stockade:wid "$id" 00112233445566778899aabbccddeeff >/dev/null
push files "$(sign ChecksumFile '["no-such-file"]' --runs 1)"
failed() { [ "$(rcli llen resque:failed)" = 1 ]; }
await 5 failed
check "the job runs without a screen" failed
check "once" eq "$(events job.finished)" 1
check "the foreign key is as it was" eq "$(rcli lrange "resque:worker:$id" 0 -1)" x
rcli del resque:workers >/dev/null
rcli set resque:workers x >/dev/null
await 5 logged worker.beat_failed
check "a beat that finds a key of another type says so" grep -aq 'STORE: no beat, because a key has the wrong type: workers' "$T/log"
rcli del resque:workers >/dev/null
sleep 0.5
worker_stop
check "and once it is mended the worker ends well" grep -aq '"event.reason":"DONE"' "$T/log"

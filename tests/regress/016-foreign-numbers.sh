#!/bin/sh
# Counters in Redis are numbers that somebody else may have written. A negative count of attempts was
# once believed (retries without end, a shift by a negative number), and an endless seq made every
# answer unreadable, with the job in hand.
. tests/stage.sh
stage_up
trap stage_down EXIT

job=$(sign ChecksumFile '["no-such-file"]' --runs 1)
day=$(($(date +%s) / 86400))
sha1=$(printf 'files\n%s' "$job" | sha1sum | cut -d' ' -f1)
rcli hset "resque:stockade:tries:$day" "$sha1" -9223372036854775808 >/dev/null
rcli hset "resque:stockade:tries:$((day + 1))" "$sha1" -5 >/dev/null
push files "$job"
worker_drain
check "a negative count of attempts counts as none" grep -aq '"stockade.attempt":1,' "$T/log"
check "and the job fails once" eq "$(rcli llen resque:failed)" 1

worker_start
registered() { [ "$(rcli scard resque:workers)" = 1 ]; }
await 10 registered
rcli hset "resque:stockade:w:$(rcli zrange resque:stockade:live 0 0)" seq 1e308 >/dev/null
push files "$(sign ChecksumFile '["no-such-file"]' --runs 1)"
twice() { [ "$(rcli llen resque:failed)" = 2 ]; }
await 10 twice
check "an endless sequence number costs nobody a job" twice
worker_stop

# 1 MB that a pattern with two wildcards walks a million times: Redis answered nobody for minutes
printf 'x%1000000sx' '' | rcli -x set resque:pause-all-workers >/dev/null
push files "$(sign ChecksumFile '["no-such-file"]' --runs 1)"
worker_drain
check "a giant value in Resque's pause key pauses nothing and costs nothing" eq "$RC $(rcli llen resque:failed)" "0 3"
rcli set resque:pause-all-workers '  TRUE ' >/dev/null
push files "$(sign ChecksumFile '["no-such-file"]' --runs 1)"
worker_start
sleep 1
check "and the real word still pauses" eq "$(rcli llen resque:queue:files)" 1
worker_stop

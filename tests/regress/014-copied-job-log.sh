#!/bin/sh
# Whoever copies one signed job into another queue is authenticated each time it is popped: such
# refusals once had no limit on their log lines, so that a loop of RPUSH filled a disk.
. tests/stage.sh
stage_up
trap stage_down EXIT

job=$(sign ChecksumFile '["x"]')
n=0
while [ "$n" -lt 400 ]; do
	printf '%s\n' "$job" >>"$T/copies"
	n=$((n + 1))
done
xargs -d '\n' -n 100 redis-cli -s "$REDIS_SOCK" rpush resque:queue:low <"$T/copies" >/dev/null
worker_drain

check "every copy was refused and counted" grep -aq '"stockade.verdict.E_QUEUE_MISMATCH":400' "$T/log"
# a minute may turn in between
check "but not every one has a line" test "$(events job.refused)" -le 201
check "one copy is kept" eq "$(rcli zcard resque:stockade:quarantine:low#E_QUEUE_MISMATCH)" 1
check "which says how many came" has "$(rcli hvals resque:stockade:quarantine:low#E_QUEUE_MISMATCH#e)" '"n":400,'
check "failed has one note" eq "$(rcli llen resque:failed)" 1

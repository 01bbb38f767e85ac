#!/bin/sh
# What is made for jobs stands first in line when memory runs out. The nursery could not write its own
# score: forked from a process that is not dumpable, it found the file to be root's, and said nothing.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
push files "$(sign ChecksumFile '["x.txt"]')"
worker_start
check "a job runs" wait_for 20 logged job.finished
for pid in $(tree_of "$WORKER"); do
	printf '%s %s\n' "$(cat "/proc/$pid/oom_score_adj")" "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
done >"$T/scores"
check "the zygote's score is 1000" grep -q '^1000 stockade-cage zygote' "$T/scores"
check "nobody else's is" eq "$(grep -c '^1000' "$T/scores")" 1
check "and the others keep their own" eq "$(grep -c "^$(cat /proc/self/oom_score_adj) resque" "$T/scores")" 4
worker_stop

#!/bin/sh
# Two zygotes of one worker, seen by root in /proc: no mapping of the program, of libc or of the stack
# stands where it stood before. Their own uid may not look.
. tests/stage.sh
[ "$(id -u)" = 0 ] || { echo "ok - the layout of two zygotes # SKIP needs root"; exit 0; }
stage_up
trap stage_down EXIT
uid=${STOCKADE_TEST_UID:-61007}
printf 'x\n' >"$T/inputs/x.txt"
chmod 644 "$T/inputs/x.txt"
EXTRA="zygote_jobs = 1;"
write_config
give_to "$uid"
zygote() { ps -o pid=,args= --ppid "$w" | awk '/stockade-cage zygote/ { print $1 }'; }
bases() { awk '$6 ~ /stockade-cage|libc\.so|\[stack\]|\[vdso\]|\[heap\]/ && !seen[$6]++ { split($1, a, "-"); print $6, a[1] }' "/proc/$1/maps"; }
jobs_done() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }

STOCKADE_USER=$uid worker_start
push files "$(sign ChecksumFile '["x.txt"]')"
check "one job is done" wait_for 10 jobs_done 1
w=$(children_of "$WORKER" | head -1)
first=$(zygote)
bases "$first" >"$T/first"
check "its own uid may not look at the zygote" sh -c "! setpriv --reuid=$uid --regid=$uid --clear-groups cat /proc/$first/maps 2>/dev/null | grep -q ."
push files "$(sign ChecksumFile '["x.txt"]')"
check "another is done" wait_for 10 jobs_done 2
second=$(zygote)
bases "$second" >"$T/second"
check "by another zygote" sh -c "[ '$first' != '$second' ] && ! kill -0 $first 2>/dev/null"
check "the same things are mapped: program, libc, heap, stack, vdso" eq "$(cut -d' ' -f1 "$T/first" | wc -l) $(cut -d' ' -f1 "$T/second" | sort | tr '\n' ' ')" "5 $(cut -d' ' -f1 "$T/first" | sort | tr '\n' ' ')"
check "and none of them at the same place" sh -c "! sort '$T/first' '$T/second' | uniq -d | grep ."
worker_stop
check "it ends with 0" eq "$RC" 0

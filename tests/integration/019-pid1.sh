#!/bin/sh
# As pid 1 of a container: TERM works, orphans are reaped. And a TERM to the whole process group, as
# some platforms send it, does not end the running job early.
. tests/stage.sh
stage_up
trap stage_down EXIT
rows_csv some.csv 6000000

if unshare -Upfm --mount-proc --map-current-user true 2>/dev/null; then
	push files "$(sign CsvSummary '["some.csv"]')"
	unshare -Upfm --mount-proc --map-current-user --kill-child "$STOCKADE" work --config "$T/stockade.conf" >>"$T/log" 2>&1 &
	WORKER=$!
	check "a supervisor that is pid 1 starts its worker" wait_for 10 logged job.started
	one=$(children_of "$WORKER")
	check "it is pid 1 in its namespace" sh -c "grep -E '^NSpid:.*[[:space:]]1\$' /proc/$one/status"
	check "the job is done" wait_for 30 sh -c "grep -aq '\"event.reason\":\"Done\"' '$T/log'"
	# an orphan: a process whose parent dies inside this namespace becomes pid 1's child
	w=$(children_of "$one" | head -1)
	kill -9 "$w"
	check "a killed worker is replaced" wait_for 10 logged worker.restart
	sleep 0.5
	check "nothing is left unreaped" sh -c "! ps -o stat= --ppid $one | grep -q Z"
	kill -TERM "$one"
	wait "$WORKER"
	check "TERM ends pid 1 with 0" eq $? 0
	WORKER=
else
	echo "ok - a supervisor as pid 1 # SKIP user namespaces are not to be had here"
fi

: >"$T/log"
push files "$(sign CsvSummary '["some.csv"]')"
# a session of its own, so that the group is the service and not this test
setsid sh -c "echo \$\$ >'$T/group'; exec '$STOCKADE' work --config '$T/stockade.conf'" >>"$T/log" 2>&1 &
WORKER=$!
check "a job runs" wait_for 10 logged job.started
kill -TERM "-$(cat "$T/group")"
wait "$WORKER"
WORKER=
check "TERM to the whole group lets the job finish" grep -aq '"event.reason":"Done"' "$T/log"
check "once" eq "$(rcli llen resque:queue:files)$(rcli keys 'resque:stockade:in:*')" 0

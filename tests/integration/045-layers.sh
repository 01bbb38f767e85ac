#!/bin/sh
# A layer of the wall that the machine does not give stops the worker by name before it pops anything.
. tests/stage.sh
stage_up
trap stage_down EXIT
OUTER=$PWD/$B/test/stockade-outer
printf 'x\n' >"$T/inputs/x.txt"
push files "$(sign ChecksumFile '["x.txt"]')"

without() { # without CALL ERRNO LAYER
	out=$(timeout 30 "$OUTER" "$1" "$2" "$STOCKADE" work --config "$T/stockade.conf" 2>&1 >/dev/null)
	rc=$?
	check "$1 answers $2: exit 71" eq "$rc" 71
	check "$1 answers $2: the layer is named" has "$out" "layer $3"
	check "$1 answers $2: nothing was popped" eq "$(rcli llen resque:queue:files)" 1
}
without landlock_create_ruleset EPERM landlock_fs
without landlock_create_ruleset ENOSYS landlock_fs
without landlock_restrict_self EPERM landlock_fs
without close_range EPERM close_range
without seccomp EPERM seccomp_trap

# --- require, prefer, off
EXTRA='layers = { landlock_fs = "prefer"; };' write_config
INTERVAL=0 timeout 30 "$OUTER" landlock_create_ruleset EPERM "$STOCKADE" work --config "$T/stockade.conf" >"$T/prefer.log" 2>&1
check "preferred and not there: the worker starts" grep -aq '"event.action":"worker.started"' "$T/prefer.log"
check "and says what it lacks" grep -aq '"event.action":"worker.degraded".*"stockade.layer":"landlock_fs"' "$T/prefer.log"
check "and which granted classes cannot run here" grep -aq 'ChecksumFile the first: files need landlock_fs, which this machine does not give.*"event.action":"policy.class_unfit"' "$T/prefer.log"
check "and counts it" grep -aqE '"stockade.count.layers_missing":[1-9]' "$T/prefer.log"
check "a class with files does not run without it" eq "$(grep -ac '"event.reason":"Done"' "$T/prefer.log")" 0
rcli del resque:queue:files resque:stockade:parked:files 'resque:stockade:parked:files#e' >/dev/null
push files "$(sign ChecksumFile '["x.txt"]')"
worker_drain
check "control: with it they can" hasnt "$(cat "$T/log")" policy.class_unfit
push files "$(sign ChecksumFile '["x.txt"]')"
EXTRA='class_layers = ( { class = "CsvSummary"; require = [ "cgroup" ]; } );' write_config
if [ -w /sys/fs/cgroup/cgroup.procs ]; then
	echo "ok - a class's own demand stops the worker # SKIP needs a machine without a delegated cgroup"
else
	out=$(timeout 30 "$STOCKADE" work --config "$T/stockade.conf" 2>&1 >/dev/null)
	check "a class's own demand stops the worker: exit 71" eq $? 71
	check "and is named with the class" has "$out" "class CsvSummary asks for it"
fi
EXTRA='layers = { seccomp_trap = "off"; };' write_config
out=$(timeout 30 "$STOCKADE" work --config "$T/stockade.conf" 2>&1 >/dev/null)
check "a layer that the cage cannot do without cannot be switched off: 78" eq $? 78
check "and is named" has "$out" seccomp_trap
EXTRA='class_layers = ( { class = "Elsewhere"; require = [ "mdwe" ]; } );' write_config
out=$(timeout 30 "$STOCKADE" work --config "$T/stockade.conf" 2>&1 >/dev/null)
check "demands of a class that there is not: 78" eq $? 78
check "are named" has "$out" "no class Elsewhere"
EXTRA='' write_config

out=$("$OUTER" landlock_create_ruleset EPERM "$STOCKADE" run-job --config "$T/stockade.conf" ChecksumFile '["x.txt"]' 2>&1)
check "run-job refuses too" eq $? 71
check "and names it" has "$out" landlock

if unshare -Ur true 2>/dev/null; then
	out=$(unshare -Ur "$STOCKADE" work --config "$T/stockade.conf" 2>&1)
	check "uid 0 is refused: 77" eq $? 77
	check "with the fix" has "$out" "set \`user\`"
else
	echo "ok - uid 0 is refused # SKIP user namespaces are not to be had here"
fi

INTERVAL=0 timeout 30 "$STOCKADE" work --config "$T/stockade.conf" >"$T/log" 2>&1
check "control: without the outer filter the job runs" grep -aq '"event.reason":"Done"' "$T/log"

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
	check "$1 answers $2: the layer is named" has "$out" "$3"
	check "$1 answers $2: nothing was popped" eq "$(rcli llen resque:queue:files)" 1
}
without landlock_create_ruleset EPERM landlock.fs
without landlock_create_ruleset ENOSYS landlock.fs
without landlock_restrict_self EPERM landlock.fs
without close_range EPERM 'close'
without seccomp EPERM 'seccomp'

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

#!/bin/sh
# Started as root, the service becomes `user` before its first fork and can never come back.
. tests/stage.sh
[ "$(id -u)" = 0 ] || { echo "ok - the drop to another user # SKIP needs root"; exit 0; }
stage_up
trap stage_down EXIT
uid=${STOCKADE_TEST_UID:-61007}
printf 'x\n' >"$T/inputs/x.txt"
give_to "$uid"
push files "$(sign ChecksumFile '["x.txt"]')"

out=$("$STOCKADE" work --config "$T/stockade.conf" 2>&1)
check "root without \`user\` is refused: 77" eq $? 77
check "with the fix" has "$out" "set \`user\`"
check "root as \`user\` is refused: 77" eq "$(STOCKADE_USER=root "$STOCKADE" work --config "$T/stockade.conf" >/dev/null 2>&1; echo $?)" 77
check "a user that is not there is refused: 77" eq "$(STOCKADE_USER=nobody-at-all "$STOCKADE" work --config "$T/stockade.conf" >/dev/null 2>&1; echo $?)" 77
check "run-job as root is refused too: 77" eq "$("$STOCKADE" run-job --config "$T/stockade.conf" ChecksumFile '["x.txt"]' >/dev/null 2>&1; echo $?)" 77
check "nothing was popped" eq "$(rcli llen resque:queue:files)" 1

STOCKADE_USER=$uid worker_start
check "with \`user\` it works" wait_for 10 grep -aq '"event.reason":"Done"' "$T/log"
for pid in $(tree_of "$WORKER"); do
	check "process $pid is that user in every id, without groups or capabilities" sh -c "
		awk -v u=$uid '/^(Uid|Gid):/ { for (i = 2; i <= 5; i++) if (\$i != u) bad = 1 }
		     /^Groups:/ { if (NF > 1) bad = 1 }
		     /^Cap(Inh|Prm|Eff|Amb):/ { if (\$2 !~ /^0+\$/) bad = 1 }
		     END { exit bad }' /proc/$pid/status"
done
worker_stop
check "and ends with 0" eq "$RC" 0

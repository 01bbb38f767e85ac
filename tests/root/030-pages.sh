#!/bin/sh
# Who has the pages of counters, as root sees it: the supervisor its own, the exporter all of them and
# none to write, each worker its own; launcher, nursery, zygote and job neither mapping nor descriptor.
. tests/stage.sh
[ "$(id -u)" = 0 ] || { echo "ok - who has the pages of counters # SKIP needs root"; exit 0; }
uid=${STOCKADE_TEST_UID:-61007}
CAGE=$PWD/$B/test/hostile-cage
stage_up
trap stage_down EXIT
M=$T/run/metrics.sock
mkdir "$T/run"
chown "$uid" "$T/run"
write_policy ', "Hostile::SleepMinutes"'
EXTRA="metrics_listen = \"unix://$M\"; concurrency = 2;" write_config
[ -d "$T/work" ] && chown "$uid:$uid" "$T/work"
give_to "$uid"
setpriv --reuid="$uid" --regid="$uid" --clear-groups --inh-caps=-all "$STOCKADE" work --config "$T/stockade.conf" >>"$T/log" 2>&1 &
WORKER=$!
check "a service with metrics starts" wait_for 60 sh -c "[ \$(grep -ac '\"event.action\":\"worker.started\"' '$T/log') = 2 ]"
for _ in 1 2; do push files "$(sign Hostile::SleepMinutes '["100"]')"; done
check "with two jobs in their cages" wait_for 60 sh -c "[ \$(grep -ac '\"event.action\":\"job.started\"' '$T/log') = 2 ]"
check "root may ask the exporter" sh -c "curl -s --max-time 30 --unix-socket '$M' http://x/metrics | grep -q '^stockade_jobs_running.class=\"Hostile::SleepMinutes\". 2'"

maps() { grep -c "memfd:pulse" "/proc/$1/maps"; }
writable() { grep "memfd:pulse" "/proc/$1/maps" | grep -c '^[^ ]* .w'; }
fds() { find "/proc/$1/fd" -lname "*memfd:pulse*" | wc -l; }
E=$(ps -o pid=,comm= --ppid "$WORKER" | awk '$2 == "stockade-export" { print $1 }')
L=$(ps -o pid=,comm= --ppid "$WORKER" | awk '$2 == "stockade-launch" { print $1 }')
check "the exporter maps three pages, each in two parts, and can write none" eq "$(maps "$E") $(writable "$E")" "6 0"
check "and holds a descriptor of none" eq "$(fds "$E")" 0
check "the supervisor maps its own and no other" eq "$(maps "$WORKER")" 2
check "the launcher has nothing of them" eq "$(maps "$L") $(fds "$L")" "0 0"
seen=0
for w in $(children_of "$WORKER"); do
	check "a worker maps its own, to write, and holds no descriptor" eq "$(maps "$w") $(writable "$w") $(fds "$w")" "2 2 0"
	for p in $(tree_of "$w"); do
		[ "$p" = "$w" ] && continue
		seen=$((seen + 1))
		check "what it made ($(cat "/proc/$p/comm")) has neither mapping nor descriptor" eq "$(maps "$p") $(fds "$p")" "0 0"
	done
done
check "two nurseries, two zygotes and two jobs were looked at" test "$seen" -ge 6
check "the exporter is nobody's root and has no privilege" eq "$(awk '/^(Uid|NoNewPrivs|CapEff):/ { print $2 }' "/proc/$E/status" | tr '\n' ' ')" "$uid 0000000000000000 1 "
check "it has its log, its socket and a look at itself, and nothing to write to but the log" eq \
	"$(ls -l "/proc/$E/fd" | awk '/->/ { print $NF }' | grep -vE '^(/dev/null|socket:.*|/proc/[0-9]+/statm)$' | sort -u | grep -vxF "$T/log" | grep -v '^pipe:')" ""

#!/bin/sh
# A delegated cgroup v2 subtree of the real kernel: the service moves out of the way, each job is
# placed, whatever is left in its group is ended and named, a dead worker's group goes. Where this
# kernel gives version 2 the controllers for memory and tasks, they are seen to hold and to be named;
# elsewhere what they would be told is tested over plain files in tests/unit/test_group.c.
. tests/stage.sh
[ "$(id -u)" = 0 ] || { echo "ok - a delegated cgroup # SKIP needs root"; exit 0; }
tree=$(awk '{ for (i = 7; i <= NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
# which the tree has; those that a version 1 tree holds it lacks
controlled=
if grep -qw memory "$tree/cgroup.controllers" && grep -qw pids "$tree/cgroup.controllers"; then
	controlled=1
	echo '+memory +pids' >"$tree/cgroup.subtree_control"
	grep -qw cpu "$tree/cgroup.controllers" && echo +cpu >"$tree/cgroup.subtree_control"
fi
[ -n "$tree" ] && mkdir "$tree/stockade-$$" 2>/dev/null || { echo "ok - a delegated cgroup # SKIP needs a mounted cgroup2 that root may write"; exit 0; }
base=$tree/stockade-$$
uid=${STOCKADE_TEST_UID:-61007}
CAGE=$PWD/$B/test/hostile-cage
clean() {
	stage_down
	for g in "$base"/*/ "$base"; do
		[ -f "$g/cgroup.kill" ] && echo 1 >"$g/cgroup.kill" 2>/dev/null
	done
	sleep 0.2
	rmdir "$base"/*/ "$base" 2>/dev/null
}
stage_up
trap clean EXIT
[ -d "$T/work" ] || mkdir -m 700 "$T/work"
printf 'alphalpha' >"$T/secret/s"
chmod 400 "$T/secret/s"
write_policy ', "Hostile::SleepMinutes", "Hostile::Skip", "Hostile::ThreadBomb", "Hostile::AllocUnchecked"'
EXTRA="work_dir = \"$T/work\"; cgroup = \"require\";
secrets = { alpha = \"$T/secret/s\"; beta = \"$T/secret/s\"; }; settings = { colour = \"teal\"; };"
write_config
sed -i "s|inputs = \"$T/inputs\";|inputs = \"$T/inputs\"; scratch = \"$T/inputs\";|" "$T/stockade.conf"
chmod 755 "$T" "$T/inputs"
chown -R "$uid:$uid" "$T/policy.conf" "$T/stockade.conf" "$T/inputs" "$T/work" "$T/secret"
chmod 777 "$REDIS_DIR" "$REDIS_SOCK" "$LEDGER_DIR" "$LEDGER_SOCK"
chown "$uid" "$base" "$base/cgroup.procs" "$base/cgroup.subtree_control" "$base/cgroup.threads"
as_user() { setpriv --reuid="$uid" --regid="$uid" --clear-groups --inh-caps=-all "$@"; }
in_group() { # begins its life in the delegated group, as a service manager would have it
	(
		sh -c "echo \$\$ >$base/cgroup.procs; exec setpriv --reuid=$uid --regid=$uid --clear-groups --inh-caps=-all $STOCKADE work --config $T/stockade.conf" >>"$T/log" 2>&1 &
		echo $! >"$T/pid"
	)
	WORKER=$(cat "$T/pid")
}
job_pids() { cat "$base"/stockade-job-*/cgroup.procs 2>/dev/null; }
group_of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }

out=$(as_user "$STOCKADE" work --config "$T/stockade.conf" 2>&1)
check "outside of a delegated group cgroup = require is refused: 71" eq $? 71
check "by name" has "$out" "not delegated"

in_group
check "it starts, and says which controllers there are" wait_for 10 logged cgroup.ready
w=$(children_of "$WORKER")
check "the supervisor stands in main" eq "$(group_of "$WORKER")" "/stockade-$$/main"
check "the worker too" eq "$(group_of "$w")" "/stockade-$$/main"
check "nobody is left in the delegated group itself" eq "$(wc -l <"$base/cgroup.procs")" 0

push files "$(sign Hostile::SleepMinutes '["100"]')"
check "a job is placed into the worker's job group" wait_for 10 sh -c "grep -q . $base/stockade-job-$w/cgroup.procs"
job=$(job_pids)
check "it is the job" grep -aq "\"stockade.pid\":$job" "$T/log"
check "alone" eq "$(echo "$job" | wc -w)" 1

# --- somebody in the group who outlives the job
sleep 300 &
lodger=$!
echo "$lodger" >"$base/stockade-job-$w/cgroup.procs"
kill -9 $job
check "its death by another's hand keeps its name" wait_for 10 grep -aq '"event.reason":"KilledExternally"' "$T/log"
check "and the lodger is ended by cgroup.kill" wait_for 5 sh -c "! kill -0 $lodger 2>/dev/null || grep -q '^State:.Z' /proc/$lodger/status"
kill -9 "$lodger" 2>/dev/null
wait "$lodger" 2>/dev/null
sleep 300 &
lodger=$!
cat >"$T/lodge" <<EOF
i=0; while [ \$((i += 1)) -lt 20000 ] && ! grep -qs . $base/stockade-job-$w/cgroup.procs; do :; done
echo $lodger >$base/stockade-job-$w/cgroup.procs
EOF
sh "$T/lodge" &
push files "$(sign Hostile::SleepMinutes '["1"]')"
check "a job that ends well and leaves somebody is LeftProcesses" wait_for 10 grep -aq '"event.reason":"LeftProcesses"' "$T/log"
check "who is dead" wait_for 5 sh -c "grep -q '^State:.Z' /proc/$lodger/status || ! kill -0 $lodger"
kill -9 "$lodger" 2>/dev/null
wait "$lodger" 2>/dev/null
push files "$(sign Hostile::Skip '[]')"
check "the next job runs" wait_for 10 grep -aq '"event.reason":"Skipped"' "$T/log"

# --- what the controllers do
last_is() { [ "$(grep -a '"event.action":"job.finished"' "$T/log" | tail -1 | sed 's/.*"event.reason":"\([A-Za-z]*\)".*/\1/')" = "$1" ]; }
if [ -n "$controlled" ]; then
	push files "$(sign Hostile::SleepMinutes '["100"]')"
	wait_for 10 sh -c "grep -q . $base/stockade-job-$w/cgroup.procs"
	check "memory.max: the class's 64 MiB, an eighth and 8 MiB" eq "$(cat "$base/stockade-job-$w/memory.max")" $((80 << 20))
	check "pids.max: the job, and room for a program" eq "$(cat "$base/stockade-job-$w/pids.max")" 2
	kill -9 "$(job_pids)"
	wait_for 10 last_is KilledExternally
	push files "$(sign Hostile::ThreadBomb '[]')"
	check "a bomb of threads is TaskLimit" wait_for 20 last_is TaskLimit
	check "by the kernel's own count" grep -q 'max [1-9]' "$base/stockade-job-$w/pids.events"
	# a pod as full as that: what can be given back is, so that only the job's pages are left to take
	echo 0 >"$base/memory.swap.max" 2>/dev/null
	echo 1G >"$base/memory.reclaim" 2>/dev/null
	echo $(($(cat "$base/memory.current") + (32 << 20))) >"$base/memory.max"
	push files "$(sign Hostile::AllocUnchecked '[]')"
	check "a pod that runs out of memory: the job is OomKilled" wait_for 30 last_is OomKilled || grep -a 'job.finished' "$T/log" | tail -1
	check "by the kernel's own count" grep -q 'oom_kill [1-9]' "$base/stockade-job-$w/memory.events"
	echo max >"$base/memory.max"
	push files "$(sign Hostile::Skip '[]')"
	check "and the worker goes on" wait_for 20 last_is Skipped
else
	echo "ok - memory.max and pids.max of a job # SKIP version 2 has no controllers for memory and tasks here"
fi

# --- kill -9 of the worker: its group goes with the next
push files "$(sign Hostile::SleepMinutes '["100"]')"
check "one more job" wait_for 10 sh -c "grep -q . $base/stockade-job-$w/cgroup.procs"
kill -9 "$w"
check "the successor removes the dead one's group and makes its own beside main" wait_for 15 sh -c "! [ -d $base/stockade-job-$w ] && ls -d $base/stockade-job-* && ! [ -d $base/main/main ]"
kill -TERM "$WORKER"
check "the service ends" wait_for 40 gone "$WORKER"
WORKER=
check "no job group is left" eq "$(ls -d "$base"/stockade-job-* 2>/dev/null)" ""

#!/bin/sh
# The processes that stay have walls of their own: one filter each around supervisor and worker, none
# around the launcher, whose children inherit what it has. Without its launcher a service drains and ends.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
ours=$(sed -n 's/^Seccomp_filters:[[:space:]]*//p' /proc/self/status)
filters() { # filters PID: how many stand around it beside the test's own
	echo $(($(sed -n 's/^Seccomp_filters:[[:space:]]*//p' "/proc/$1/status") - ${ours:-0}))
}
mode() { sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$1/status"; }
launcher() { ps -o pid=,comm= --ppid "$WORKER" | awk '$2 == "stockade-launch" { print $1 }'; }

worker_start
check "a worker starts" wait_for 20 logged worker.started
L=$(launcher)
W=$(children_of "$WORKER")
check "the supervisor stands behind a filter" eq "$(mode "$WORKER") $(filters "$WORKER")" "2 1"
check "the worker stands behind one" eq "$(mode "$W") $(filters "$W")" "2 1"
check "with every thread it has" eq "$(cat /proc/"$W"/task/*/status | grep -cE '^(Seccomp:.2|NoNewPrivs:.1)$')" \
	"$((2 * $(ls "/proc/$W/task" | wc -l)))"
check "the launcher behind none of ours" eq "$(filters "$L")" 0
check "the supervisor holds no file but its log, its socket and its pages" sh -c "! ls -l /proc/$WORKER/fd 2>/dev/null | grep -vE 'total|socket:|pipe:|signalfd|memfd:pulse|null|$T/log|anon_inode'"
check "a worker's parent is the supervisor, not the launcher" eq "$(ps -o ppid= -p "$W" | tr -d ' ')" "$WORKER"

kill -9 "$W"
replaced() { new=$(children_of "$WORKER") && [ -n "$new" ] && [ "$new" != "$W" ]; }
check "behind its filter it still replaces a worker" wait_for 20 replaced
W=$(children_of "$WORKER")
push files "$(sign ChecksumFile '["x.txt"]')"
check "and the new one works" wait_for 20 logged job.finished
check "behind a filter as well" eq "$(filters "$W")" 1

kill -9 "$L"
check "without its launcher it says so" wait_for 20 logged worker.launcher_lost
wait "$WORKER"
RC=$?
check "drains, and ends with 71" eq "$RC" 71
check "the worker is gone" gone "$W"
WORKER=

worker_start
check "another starts" wait_for 20 sh -c "[ \$(grep -ac '\"event.action\":\"worker.started\"' '$T/log') = 3 ]"
all="$(launcher) $(children_of "$WORKER")"
kill -9 "$WORKER"
wait "$WORKER" 2>/dev/null
check "the launcher dies with its supervisor, and so do the workers" wait_for 20 gone $all
WORKER=

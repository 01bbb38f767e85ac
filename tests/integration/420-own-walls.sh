#!/bin/sh
# The processes that stay have walls of their own: one filter each around supervisor, worker and exporter,
# none around the launcher, whose children inherit what it has. Without its launcher a service drains and ends.
. tests/stage.sh
stage_up
trap stage_down EXIT
. tests/scrape.sh
printf 'x\n' >"$T/inputs/x.txt"
EXTRA="$METRICS" write_config
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
check "the exporter is there" wait_for 20 logged exporter.started
E=$(exporter)
check "behind one as well" eq "$(mode "$E") $(filters "$E")" "2 1"
check "its parent is the supervisor" eq "$(ps -o ppid= -p "$E" | tr -d ' ')" "$WORKER"
limit() { awk -v want="$1" 'index($0, want) == 1 { print $(split(want, w, " ") + 1) }' "/proc/$E/limits"; }
check "with descriptors for 32 connections" sh -c "[ '$(limit 'Max open files')' -le 48 ]"
check "no process of its own" eq "$(limit 'Max processes')" 0
check "no core" eq "$(limit 'Max core file size')" 0
check "and a bound on its memory" sh -c "[ '$(limit 'Max address space')' -lt 400000000 ]"
check "nobody of its uid looks into it" sh -c "! cat /proc/$E/maps >/dev/null 2>&1 && ! ls /proc/$E/fd >/dev/null 2>&1"
check "control: into an ordinary process one does" sh -c 'ls /proc/$$/fd >/dev/null && cat /proc/$$/maps >/dev/null'
check "the launcher behind none of ours" eq "$(filters "$L")" 0
check "the supervisor holds no file but its log, its socket and its pages" sh -c "! ls -l /proc/$WORKER/fd 2>/dev/null | grep -vE 'total|socket:|pipe:|signalfd|memfd:pulse|null|$T/log|anon_inode|/statm'"
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
all="$(launcher) $(exporter) $(children_of "$WORKER")"
kill -9 "$WORKER"
wait "$WORKER" 2>/dev/null
check "the launcher dies with its supervisor, and so do workers and exporter" wait_for 20 gone $all
WORKER=

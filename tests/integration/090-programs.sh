#!/bin/sh
# A class that executes a program, under a real worker: its result, a denial by name, no process left.
. tests/stage.sh
CAGE=$PWD/$B/test/programs-cage
EXTRA='drain_timeout = "1s"; term_timeout = "1s";'
stage_up
trap stage_down EXIT
# a program that is missing stops a worker that somebody may make run it, and no other
write_policy ', "Programs::Missing"'
timeout 20 "$STOCKADE" work --config "$T/stockade.conf" >"$T/out" 2>&1
check "a granted class without its program: the worker does not start" eq $? 66
check "the sentence names class, program and what to do" grep -q \
	'class Programs::Missing executes /usr/lib/stockade/no-such-program, .*No such file.*install it, or take the class out' "$T/out"
out=$("$STOCKADE" run-job --config "$T/stockade.conf" Programs::Missing '[]' 2>&1)
check "run-job says the same" has "$out" 'class Programs::Missing executes /usr/lib/stockade/no-such-program'
doctor() { "$STOCKADE" doctor --config "$T/stockade.conf" 2>/dev/null | grep -a 'Programs::Missing'; }
check "doctor: refused" has "$(doctor)" 'class Programs::Missing executes'
write_policy ', "Programs::Perl", "Programs::Static", "Programs::Twice"'
check "doctor: granted to nobody" has "$(doctor)" 'granted to nobody: class Programs::Missing executes'

push files "$(sign Programs::Static '["--version"]')"
push files "$(sign Programs::Perl '["-e","fork"]')"
push files "$(sign Programs::Perl '["-e","sleep 60"]')"
worker_start
two_finished() { [ "$(events job.finished)" -ge 2 ]; }
check "two jobs are named" wait_for 20 two_finished
check "the program's output reached the handler" has "$(rcli lrange resque:failed 0 -1)" 'status 0: ldconfig ('
check "a denied call of the program is named" grep -aq 'clone (program /usr/bin/perl of class Programs::Perl)' "$T/log"
W=$(children_of "$WORKER" | head -1)
program_of() { ps -eo pid=,ppid=,args= | awk -v w="$W" '$2 == w && $3 == "/usr/bin/perl" { print $1 }'; }
program_runs() { [ -n "$(program_of)" ]; }
check "a program is the worker's own child" wait_for 10 program_runs
P=$(program_of)
of_p() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$P/status"; }
check "it has no_new_privs" eq "$(of_p NoNewPrivs)" 1
check "it is filtered" eq "$(of_p Seccomp)" 2
check "it has no capability" eq "$(of_p CapPrm)" 0000000000000000
kill -9 "$W"
check "it dies with the worker" wait_for 5 gone "$P"
worker_stop

sed -i 's|^cage = .*|cage = "'"$PWD/$B"'/test/programs-cage";|' "$T/stockade.conf"
out=$("$STOCKADE" run-job --config "$T/stockade.conf" Programs::Static '["--version"]' 2>&1)
check "run-job runs it too" has "$out" 'status 0: ldconfig ('
EXTRA='layers = { landlock_fs = "off"; };'
write_config
sed -i 's|^cage = .*|cage = "'"$PWD/$B"'/test/programs-cage";|; /^directories/d' "$T/stockade.conf"
out=$("$STOCKADE" run-job --config "$T/stockade.conf" Programs::Static '["--version"]' 2>&1)
check "without Landlock it is refused" has "$out" Landlock

#!/bin/sh
# run-job --debugger: the handler under gdb, outside the cage, with checked arguments and a warning.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
rc() { "$@" >"$T/out" 2>"$T/err" && echo 0 || echo $?; }
run() { rc "$STOCKADE" run-job --config "$T/stockade.conf" --debugger "$@" </dev/null; }
gdb_run() { # gdb_run COMMANDS CLASS ARGS
	# shellcheck disable=SC2059 # the commands have their own line ends
	printf "set confirm off\nset pagination off\nset debuginfod enabled off\n$1" >"$T/commands"
	rc "$STOCKADE" run-job --config "$T/stockade.conf" --debugger "$2" "$3" <"$T/commands"
}

for o in --json --time '--repeat 2' --learn; do
	# shellcheck disable=SC2086
	check "not with $o" eq "$(run $o ChecksumFile '["x.txt"]')" 64
done
check "refused arguments start no debugger" eq "$(run ChecksumFile '[1]')" 2
check "and warn of nothing" hasnt "$(cat "$T/err")" WARNING
check "without gdb: 66" eq "$(PATH=/nonexistent "$STOCKADE" run-job --config "$T/stockade.conf" --debugger ChecksumFile '["x.txt"]' >"$T/out" 2>"$T/err"; echo $?)" 66
check "by name" has "$(cat "$T/err")" "install gdb"
check "the warning came first" has "$(cat "$T/err")" "WARNING: there is no wall now"

if ! gdb -batch -ex run -ex 'print $_exitcode' /bin/true 2>/dev/null | grep -q '= 0'; then
	echo "ok - a handler under gdb # SKIP install gdb, on a machine where it may trace"
	exit 0
fi
check "a breakpoint in the handler" eq "$(gdb_run 'break checksum_file\nrun\nprint args->file\nbt\ncontinue\n' ChecksumFile '["x.txt"]')" 0
check "stops there" grep -qE 'Breakpoint 1, .*checksum_file' "$T/out"
check "its arguments are bound" grep -qE '\$1 = 0x[0-9a-f]+ "x\.txt"' "$T/out"
check "the way there is the cage program's" grep -q 'stockade_bare' "$T/out"
check "it comes to its end" grep -qE '^outcome +Done' "$T/out"
check "with its result" grep -q '73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac' "$T/out"
check "and says that it was in no cage" grep -qE '^cage +seccomp 0' "$T/out"
check "run twice, the second counts" eq "$(gdb_run 'run\nrun\n' ChecksumFile '["none.txt"]')" 1
check "with its message" grep -q 'cannot open none.txt' "$T/out"
check "quit before the end: 5" eq "$(gdb_run 'break checksum_file\nrun\nkill\n' ChecksumFile '["x.txt"]')" 5
check "it says so" has "$(cat "$T/err")" "was not let come to its end"
CAGE=$PWD/$B/test/hostile-cage
write_config
check "a crash stops in gdb" eq "$(gdb_run 'run\nbt 1\ncontinue\n' Hostile::Segv '[]')" 5
check "at its line" grep -qE 'at (\./)?tests/hostile/acts\.c:[0-9]+' "$T/out"
check "and is named as ever" grep -qE '^why +"SIGSEGV at 0x1000 in stockade-cage\+0x' "$T/out"
gdb_run 'run\n' Hostile::OpenSocket '[]' >/dev/null
check "what the cage would deny is not denied" hasnt "$(cat "$T/out")" SyscallDenied
check "the class's secret is there, and not on the screen" eq "$(gdb_run 'run\n' Hostile::TellSecret '["x"]')" 1
check "(its message is blotted)" grep -qE '^message +"failed with \*+"' "$T/out"

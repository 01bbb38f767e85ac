#!/bin/sh
# What run-job shows: a log level by its word, which was a number; and no frame as certain that was only
# found on the stack: of a call that was denied the parser of its arguments, long over, was shown as caller.
. tests/lib.sh
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
run() { # run CAGE CLASS
	printf 'cage = "%s";\ndirectories = { inputs = "%s"; outputs = "%s"; };\n' "$PWD/$B/test/$1" "$T" "$T" >"$T/stockade.conf"
	"$B/stockade" run-job --config "$T/stockade.conf" "$2" '[]' >"$T/out" 2>"$T/err"
}

run hostile-cage Hostile::LogMuch
holds "a level has its word" grep -qE '^log notice: "0' "$T/err"
holds "and no number" sh -c "! grep -qE '^log [0-9?]' '$T/err'"

run handlers-cage Misfit::PopenRoomy
holds "a denied popen is told" grep -q '^outcome *SyscallDenied' "$T/out"
holds "with the function that made it" grep -qE '^from +popen_with_room' "$T/out"
holds "what ended before that is no certain caller" sh -c "! grep -E '^from +leave_frames( at|,)' '$T/out'"

# fork() is refused in a function that libc calls: the chain ends in libc, whose call it was is found
run hostile-cage Hostile::ForkBomb
holds "a denied fork is told" grep -q '^outcome *SyscallDenied' "$T/out"
holds "with the handler that made it" grep -qE '^from +hostile_fork_bomb' "$T/out"
finish

#!/bin/sh
# run-job for an author: many runs and what they took, and where a job crashed, by name and line.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
rc() { "$@" >"$T/out" 2>"$T/err" && echo 0 || echo $?; }
run() { rc "$STOCKADE" run-job --config "$T/stockade.conf" "$@"; }
out() { cat "$T/out"; }

# --- several runs
check "five runs, all done: 0" eq "$(run --repeat 5 --time ChecksumFile '["x.txt"]')" 0
check "it says so" grep -qE '^runs +5 of 5 done$' "$T/out"
for w in wall cpu peak; do
	check "least, median and most of $w" grep -qE "^$w +min [0-9]+, median [0-9]+, max [0-9]+ (ms|KiB)\$" "$T/out"
done
check "the peak is a real one" test "$(sed -n 's/^peak *min \([0-9]*\),.*/\1/p' "$T/out")" -gt 500
check "--time alone times the one run" eq "$(run --time ChecksumFile '["x.txt"]')" 0
check "without --time one run shows no series" eq "$(run ChecksumFile '["x.txt"]'; grep -c '^runs' "$T/out")" "0
0"
check "the first that is not done ends it: 1" eq "$(run --repeat 5 ChecksumFile '["none.txt"]')" 1
check "it says which" grep -qE '^runs +run 1 of 5 was not done; 1 ran: 1 Failed$' "$T/out"
check "told to keep going, all run" eq "$(run --repeat 3 --keep-going ChecksumFile '["none.txt"]')" 1
check "and are counted by name" grep -qE '^runs +run 1 of 3 was not done; 3 ran: 3 Failed$' "$T/out"
for n in 0 x 5x -1 100001 ''; do
	check "--repeat '$n' is refused" eq "$(run --repeat "$n" ChecksumFile '["x.txt"]')" 64
done
check "--keep-going without --repeat is refused" eq "$(run --keep-going ChecksumFile '["x.txt"]')" 64
check "--learn does not repeat" eq "$(run --learn --repeat 3 ChecksumFile '["x.txt"]')" 64
check "--json has all of it" eq "$(run --json --repeat 3 --time ChecksumFile '["x.txt"]')" 0
for part in '"outcome":"Done"' '"runs":{"asked":3,"ran":3,"first_not_done":null,"outcomes":{"Done":3},"wall_ms":{"min":' \
	'"cpu_ms":{"min":' '"maxrss_kib":{"min":'; do
	check "--json: $part" has "$(out)" "$part"
done

CAGE=$PWD/$B/test/hostile-cage
mkdir -m 700 "$T/scratch"
write_config
sed -i "s|directories = { inputs|directories = { scratch = \"$T/scratch\"; inputs|" "$T/stockade.conf"

# --- how far it is
check "progress ends as the job does" eq "$(run Hostile::Pulse '["progress","8","half way"]')" 0
check "in a pipe each word is a line on standard error" grep -qx 'progress 1/8: "half way"' "$T/err"
check "with more than one of them" test "$(grep -c '^progress [1-8]/8: "half way"$' "$T/err")" -ge 2
check "and none is among the results" hasnt "$(out)" progress
check "one that was ended says how far it was" eq "$(run Hostile::Talker '["progress flood"]')" 5
check "with its last word" grep -qE '^progress +0: "(.u0000)+"$' "$T/out"
check "--json has the last word" eq "$(run --json Hostile::Pulse '["progress","4","half way"]')" 0
check "as numbers and text" grep -qE '"progress":\{"done":[1-4],"total":4,"note":"half way"\}' "$T/out"
check "a job that says nothing has none" eq "$(run --json Hostile::Pulse '["silent","1"]'; grep -c '"progress"' "$T/out")" "0
0"
check "a hostile note ends well" eq "$(run Hostile::Pulse '["progress","1","\u001b[2J\u009b1A\u202e\u200b"]')" 0
check "and nothing in it is obeyed" grep -qF 'progress 1/1: "\u001b[2J\u009b1A\u202e\u200b"' "$T/err"
if command -v script >/dev/null; then
	# a terminal of its own for the command
	env TERM=xterm script -qec "stty cols 40; '$STOCKADE' run-job --config '$T/stockade.conf' Hostile::Pulse '[\"progress\",\"6\",\"a long note, longer than this terminal is wide\"]'" /dev/null </dev/null >"$T/tty" 2>&1
	esc=$(printf '\033')
	check "on a terminal one line is written over" has "$(tr '\r' '\n' <"$T/tty")" "${esc}[Kprogress 1/6: \"a long note, longer"
	check "never longer than the terminal" test "$(tr '\r' '\n' <"$T/tty" | sed -n "s/^$esc\[K\(progress.*\)/\1/p" | awk '{ if (length($0) > n) n = length($0) } END { print n }')" -lt 40
	check "and is gone before the outcome stands there" grep -qE "${esc}\[Kclass +Hostile::Pulse" "$T/tty"
	env TERM=dumb script -qec "'$STOCKADE' run-job --config '$T/stockade.conf' Hostile::Pulse '[\"progress\",\"2\"]'" /dev/null </dev/null >"$T/tty" 2>&1
	check "a terminal that takes nothing back gets lines" grep -q '^progress 1/2: "resizing"' "$T/tty"
else
	skip "progress on a terminal" "install bsdutils (script)"
fi

# --- where it crashed
named() { # named SENTENCE CLASS ARGS OUTCOME WHY FIRST-LINE [LATER-LINE]
	check "$1: ends with 5" eq "$(run "$2" "$3")" 5
	check "$1: $4" grep -qE "^outcome +$4\$" "$T/out"
	check "$1: the sentence has the place as a number" grep -qE "$5" "$T/out"
	check "$1: the innermost frame" grep -qE "$6" "$T/out"
	[ -z "${7:-}" ] || check "$1: who called it" grep -qE "$7" "$T/out"
}
lines=' at \./'
command -v addr2line >/dev/null || command -v eu-addr2line >/dev/null || lines=
at() { if [ -n "$lines" ]; then printf ' at \\./%s:[0-9]+, hostile-cage\\+0x[0-9a-f]+$' "$1"; else printf ', hostile-cage\\+0x[0-9a-f]+$'; fi; }
named "a segmentation fault" Hostile::Segv '[]' Crash '^why +"SIGSEGV at 0x1000 in stockade-cage\+0x[0-9a-f]+"$' \
	"^in +hostile_segv$(at tests/hostile/acts.c)" "^from +attempt( \(likely\))?$(at tests/hostile/bindings.c)"
named "a division by zero" Hostile::Divide '[]' Crash '^why +"SIGFPE at 0x[0-9a-f]+ in stockade-cage\+0x' \
	"^in +hostile_divide$(at tests/hostile/acts.c)"
named "endless recursion" Hostile::StackOverflow '[]' StackOverflow 'huge local array, in stockade-cage\+0x' \
	"^in +dig$(at tests/hostile/acts.c)" "^from +dig$(at tests/hostile/acts.c)"
named "abort()" Hostile::Abort '[]' Abort 'in a library that was called from stockade-cage\+0x' \
	'^in +.*libc' "^from +hostile_abort( \(likely\))?$(at tests/hostile/acts.c)"
named "a fault within libc" Hostile::NullString '[]' Crash 'SIGSEGV at 0x0 in a library that was called from stockade-cage\+0x' \
	'^in +.*libc' "^from +hostile_null_string( \(likely\))?$(at tests/hostile/forge.c)"
named "a denied call" Hostile::RunShell '[]' SyscallDenied 'execve \(class Hostile::RunShell has no exec grant' \
	'^in +execve, libc' "^from +hostile_run_shell( \(likely\))?$(at tests/hostile/acts.c)"
check "a stack that is nowhere: still a Crash" eq "$(run Hostile::LostStack '[]')" 5
check "by its own signal" grep -q 'SIGILL at' "$T/out"
check "and another nowhere" eq "$(run Hostile::LostStack '["x"]'; grep -c 'SIGILL at' "$T/out")" "5
1"
check "a job that ended well has no trace" eq "$(run Hostile::ExitSeven '[]'; grep -cE '^(in|from) ' "$T/out")" "1
0"
check "--json has the trace" eq "$(run --json Hostile::Segv '[]')" 5
check "with the signal, the address and frames" has "$(out)" '"trace":{"signal":11,"address":"0x1000","frames":[{"module":"hostile-cage","offset":"0x'
check "with the function" has "$(out)" '"function":"hostile_segv"'

# without the tools: names from the symbol table, and what would give lines
mkdir "$T/bin"
bare=$(env PATH="$T/bin" "$STOCKADE" run-job --config "$T/stockade.conf" Hostile::Segv '[]')
check "without addr2line the function has its name" has "$bare" "in        hostile_segv, hostile-cage+0x"
check "and the missing tool is named" has "$bare" "install binutils (addr2line) or elfutils (eu-addr2line)"
printf '#!/bin/sh\necho garbage\n' >"$T/bin/addr2line" && chmod 755 "$T/bin/addr2line"
check "a tool that prints something else changes no verdict" has "$(env PATH="$T/bin:/bin" "$STOCKADE" run-job --config "$T/stockade.conf" Hostile::Segv '[]')" "outcome   Crash"

# what a job forges is numbers: shown, or its report is malformed
for what in frames modules module id how; do
	check "forged $what: ReportMalformed" eq "$(run Hostile::ForgeFault "[\"$what\"]"; sed -n 's/^outcome *//p' "$T/out")" "5
ReportMalformed"
done
check "a forged record of no death shows no trace" eq "$(run Hostile::ForgeFault '[]'; grep -cE '^(in|from) ' "$T/out")" "0
0"
check "a forged record before a real death is shown as numbers" eq "$(run Hostile::ForgeFault '["","die"]'; sed -n 's/^outcome *//p' "$T/out")" "5
Abort"
check "of a file that is not the one that ran" grep -q 'no names: .* is not the file that ran' "$T/out"

# the worker's own log and record: numbers, no names
write_policy ', "Hostile::Segv"'
push files "$(sign Hostile::Segv '[]')"
worker_drain
check "the log says where" grep -qE '"message":"Crash: SIGSEGV at 0x1000 in stockade-cage\+0x[0-9a-f]+"' "$T/log"
failed=$(rcli lindex resque:failed 0)
check "the record keeps Resque's words" has "$failed" '"exception":"Resque::DirtyExit"'
check "and says where as its trace" has "$failed" '"backtrace":["SIGSEGV at 0x1000 in stockade-cage+0x'

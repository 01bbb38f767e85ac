#!/bin/sh
# Runs every test and closes with one line: N passed, N failed, N skipped.
# A test is a program that prints TAP lines (ok / not ok / ok ... # SKIP why); one that prints none,
# or ends non-zero without a "not ok", counts as a failure of its own.
#   tests/run.sh BUILD [pattern]     STRICT=1 turns skips into failures
set -u
B=${1:-build}
pattern=${2:-}
export B
export CMOCKA_MESSAGE_OUTPUT=TAP
logs=${TEST_LOGS:-$B/test-logs}
rm -rf "$logs" && mkdir -p "$logs"
passed=0 failed=0 skipped=0
# what root ran before it dropped its privileges (tests/as-user.sh --root-tests)
if [ -f "${ROOT_RESULT:-/nonexistent}" ]; then
	sed '$d' "$ROOT_RESULT"
	counts=$(tail -n 1 "$ROOT_RESULT")
	passed=$(echo "$counts" | sed 's/ passed.*//')
	failed=$(echo "$counts" | sed 's/.*passed, \([0-9]*\) failed.*/\1/')
	skipped=$(echo "$counts" | sed 's/.*failed, \([0-9]*\) skipped.*/\1/')
fi
if [ -t 1 ]; then red=$(printf '\033[31m') green=$(printf '\033[32m') dim=$(printf '\033[2m') off=$(printf '\033[0m'); else red='' green='' dim='' off=''; fi

# Two tests more than there are processors at a time: most of their time is waiting. Each writes its
# verdict beside its log; the verdicts are shown in the order of the list as they come in.
lanes=${STOCKADE_TEST_LANES:-$(($(nproc) + 2))}
running=0 queued=0 shown=0

one_test() { # one_test NUMBER NAME COMMAND...: runs it, then writes NUMBER.verdict
	n=$1 name=$2
	shift 2
	printf '%s\n' "$@" >"$logs/$n.command"
	log=$logs/$(echo "$name" | tr '/ ' '__').log
	start=$(date +%s)
	timeout -k 5 "${STOCKADE_TEST_TIMEOUT:-600}" "$@" >"$log" 2>&1 </dev/null
	rc=$?
	took=$(($(date +%s) - start))
	p=$(grep -a -c '^ok ' "$log")
	p=$((p - $(grep -a -ci '^ok .*# *skip' "$log")))
	# cmocka 1.1.5 says of a test that was skipped: not ok 3 # SKIP its_name
	s=$(grep -a -ciE '^(not )?ok .*# *skip' "$log")
	f=$(grep -a '^not ok ' "$log" | grep -a -c -vi '# *skip')
	if [ "$rc" != 0 ] && [ "$f" = 0 ]; then f=1; echo "not ok - $name ended with status $rc" >>"$log"; fi
	if [ "$p" = 0 ] && [ "$f" = 0 ] && [ "$s" = 0 ]; then f=1; echo "not ok - $name asserted nothing" >>"$log"; fi
	echo "$p $f $s $took $log $name" >"$logs/$n.tmp" && mv "$logs/$n.tmp" "$logs/$n.verdict"
}

show_one() { # show_one NUMBER
	read -r p f s took log name <"$logs/$1.verdict"
	# STOCKADE_TEST_RETRY=1 (a shared, busy machine): what failed gets one more try, alone, at the end;
	# both tries are shown
	if [ "$f" != 0 ] && [ -n "${STOCKADE_TEST_RETRY:-}" ] && [ ! -e "$logs/$1.again" ]; then
		echo "$1" >>"$logs/to-repeat"
		: >"$logs/$1.again"
		printf '%s %-44s %s\n' "${dim}later${off} " "$name" "failed beside others; once more, alone, at the end:"
		grep -a '^not ok ' "$log" | grep -a -vi '# *skip' | head -n 20 | sed 's/^/    /'
		return
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if [ "$f" = 0 ]; then mark="${green}ok${off}    "; else mark="${red}FAILED${off}"; fi
	printf '%s %-44s %4d passed' "$mark" "$name" "$p"
	[ "$s" = 0 ] || printf ', %d skipped' "$s"
	[ "$took" -lt 2 ] || printf ' %s%ds%s' "$dim" "$took" "$off"
	echo
	[ "$f" = 0 ] || { grep -a -v '^ok ' "$log" | tail -n 40 | sed 's/^/    /'; }
	# a unit test says why on a line of its own (skip_because, tests/harness.h)
	[ "$s" = 0 ] || { grep -a -iE '^ok [0-9]* *- .*# *skip|^# skipped: ' "$log" | sed -E 's/^(ok [0-9]* *- |# skipped: )/    skipped: /'; }
}

# shows what is done, in order, and keeps at most $1 tests running
settle_down() {
	while :; do
		while [ -e "$logs/$shown.verdict" ]; do
			show_one "$shown"
			shown=$((shown + 1))
		done
		running=0
		i=$shown
		while [ "$i" -lt "$queued" ]; do
			[ -e "$logs/$i.verdict" ] || running=$((running + 1))
			i=$((i + 1))
		done
		[ "$running" -gt "$1" ] || return 0
		sleep 0.05
	done
}

run_one() { # run_one NAME COMMAND...
	settle_down $((lanes - 1))
	one_test "$queued" "$@" &
	queued=$((queued + 1))
}

# which parts: everything, or the words of TEST_PARTS; unit-parent leaves out what runs in a cage,
# because an address sanitizer's runtime cannot live behind RLIMIT_AS and a system-call filter
parts=${TEST_PARTS:-unit vectors fuzz escape integration regress interop}
caged='test_(entry|filter|filter_job|filter_kernel|limits|job|run|layers|probe|landlock|caps|args|nursery|zygote)'
# what the runtime itself stands in the way of: mlock() does nothing, a search of all memory never ends
unfit='test_(seal|leftover|walls)$'
is_caged() { # is_caged NAME: those that stand a cage up, and those that enter a part of it themselves
	echo "$1" | grep -qE "^$unfit" || grep -q 'tests/lib/stand\.h' "tests/unit/$1.c" 2>/dev/null || echo "$1" | grep -qE "^$caged"
}
wanted() { # wanted PART
	case " $parts " in *" $1 "*) return 0 ;; esac
	return 1
}
for t in "$B"/test/test_*; do
	[ -x "$t" ] || continue
	if ! wanted unit; then
		wanted unit-parent || continue
		is_caged "$(basename "$t")" && continue
	fi
	case $(basename "$t") in *"$pattern"*) run_one "unit/$(basename "$t")" "$t" ;; esac
done
for part in root vectors fuzz escape integration regress interop; do
	wanted "$part" || continue
	for t in tests/"$part"/*.sh tests/"$part"/*/*.sh; do
		[ -f "$t" ] || continue
		case $t in *"$pattern"*) run_one "${t#tests/}" sh "$t" ;; esac
	done
done
settle_down 0
if [ -e "$logs/to-repeat" ]; then
	while read -r n; do
		read -r p f s took log name <"$logs/$n.verdict"
		# shellcheck disable=SC2046 # the words of our own test commands
		one_test "$n" "$name" $(cat "$logs/$n.command")
		show_one "$n"
	done <"$logs/to-repeat"
fi
if [ "${STRICT:-0}" = 1 ] && [ "$skipped" -gt 0 ]; then
	echo "STRICT=1: $skipped skips count as failures"
	failed=$((failed + skipped)) skipped=0
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

#!/bin/sh
# make check, then the long parts. Closes with one line: N passed, N failed, N skipped.
set -u
pass=0 fail=0 skip=0
part() { # part NAME COMMAND...: a part that prints its own closing line
	name=$1
	shift
	log=$(mktemp)
	start=$(date +%s)
	echo "== $name"
	"$@" >"$log" 2>&1
	rc=$?
	last=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
	if [ -n "$last" ]; then
		p=$(echo "$last" | sed 's/ passed.*//')
		f=$(echo "$last" | sed 's/.*passed, \([0-9]*\) failed.*/\1/')
		s=$(echo "$last" | sed -n 's/.*failed, \([0-9]*\) skipped.*/\1/p')
	else
		p=$(grep -ac '^ok ' "$log") f=$(grep -ac '^not ok ' "$log") s=$(grep -aci '^ok .*# *skip' "$log")
		p=$((p - s))
		[ "$p$f$s" != 000 ] || f=1
	fi
	[ "$rc" = 0 ] || [ "$f" != 0 ] || f=1
	pass=$((pass + p)) fail=$((fail + f)) skip=$((skip + ${s:-0}))
	if [ "$f" = 0 ]; then
		echo "   $p passed, ${s:-0} skipped, $(($(date +%s) - start)) s"
	else
		grep -aE '^not ok|FAILED|error:|Sanitizer|runtime error' "$log" | head -n 20
		tail -n 15 "$log"
		echo "   FAILED (status $rc), $(($(date +%s) - start)) s"
	fi
	grep -ai '^ok .*# *skip\|skipped: ' "$log" | head -n 5
	rm -f "$log"
}
user() { tests/as-user.sh "$@"; }
unit() { # unit SAN LIST: the unit tests under a sanitizer; the cage cannot live under ASan's runtime
	user sh -c "make --no-print-directory -j2 SAN=$1 B=build/$1 tests && TEST_PARTS='$2' tests/run.sh build/$1"
}

part "make check" make --no-print-directory check
part "chaos: 1 000 jobs while everything dies" make --no-print-directory chaos N=1000
part "a million mutated payloads" user make --no-print-directory -j2 bench-mutations
part "a flood of 100 000" user env FLOOD=100000 sh tests/integration/460-flood.sh
part "ten minutes at maxmemory with 20 workers" user sh tests/soak-maxmemory.sh
part "a hundred more storms over the scripts" user sh -c 'make --no-print-directory -j2 build/test/test_scripts_model && STOCKADE_SEEDS=100 STOCKADE_STEPS=1500 CMOCKA_MESSAGE_OUTPUT=TAP build/test/test_scripts_model'
part "forty storms over the run ledger" user sh -c 'make --no-print-directory -j2 build/test/test_ledger_model && STORMS=40 CMOCKA_MESSAGE_OUTPUT=TAP build/test/test_ledger_model'
part "true times: default beat, dead_after, prune_after" user sh tests/true-times.sh
part "the breaker's windows, holds and trials as they pass" user sh tests/breaker-times.sh
part "no call is allowed to supervisor and worker in vain" user sh -c 'make --no-print-directory -j2 tests && sh tests/own-calls.sh build'
part "escapes: four in parallel, layers refused, layers switched off" user sh -c 'make --no-print-directory -j2 WERROR=1 tests && export B=build && for part in parallel missing mutations; do build/test/escape-driver --$part || failed=1; done; STOCKADE_BIG_MIB=512 sh tests/escape/020-payloads.sh || failed=1; [ -z "${failed:-}" ]'
part "lint" sh tests/lint.sh build
part "UndefinedBehaviorSanitizer in trap mode, both programs, every test" unit ubsan 'unit vectors fuzz escape integration regress'
part "AddressSanitizer, the parent's modules" unit asan 'unit-parent vectors fuzz'
if command -v clang >/dev/null; then
	part "clang: both programs, every test" user sh -c 'make --no-print-directory -j2 CC=clang WERROR=1 B=build/clang tests && tests/run.sh build/clang'
	part "ten seconds of fuzzing for each parser" user make --no-print-directory fuzz T=10
	part "make fuzz-job finds a planted mistake" user sh -c 'make --no-print-directory -j2 all && B=build sh tests/fuzz-job.sh'
else
	skip=$((skip + 3))
	echo "ok - clang and fuzzing # SKIP install clang"
fi
part "aarch64: compiled, and what needs no kernel of it under qemu-user" sh tests/aarch64.sh
part "8000 generated schemas, judged by us and by ajv" user sh -c 'make --no-print-directory -j2 build/test/stockade-schema_suite && SCHEMA_DIFF=8000 tests/run.sh build interop/node/ajv'
part "bare Debian roots" sh tests/chroots.sh
part "a machine of its own: cgroup controllers, systemd" sh tests/machine.sh
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" = 0 ]

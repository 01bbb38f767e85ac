#!/bin/sh
# make fuzz-job finds a planted mistake that only one argument reaches, keeps it, shows it again by the
# command it prints; with libFuzzer where clang has it, and with random inputs where not. Prints TAP.
. tests/stage.sh
T=$(mktemp -d "${TMPDIR:-/tmp}/fuzz-job-XXXXXX")
trap 'rm -rf "$T"' EXIT
cp -a . "$T/tree" 2>/dev/null
cd "$T/tree" || exit 1
rm -rf "$B/fz/found" "$B/fz-gcc"
make --no-print-directory job NAME=FuzzJobTest >/dev/null || exit 70

plant() { # plant CONDITION
	sed -i "s|int64_t count = .*|&\n\tif ($1)\n\t\t*(volatile char *)(uintptr_t)args->has_count = 1;|" jobs/fuzz_job_test.c
}
fuzz() { # fuzz SECONDS: exit status in $rc
	make --no-print-directory fuzz-job B="$B" NAME=FuzzJobTest SECONDS="$1" >"$T/out" 2>&1
	rc=$?
}
finds() { # finds WITH-WHAT
	check "$1: the mistake is found" test "$rc" != 0
	check "$1: it is kept" test -s "$(sed -n 's/^found: *//p' "$T/out")"
	check "$1: its arguments are shown" grep -qE '^arguments: \["[^"]{100,}",1000\]|^arguments: \[".*",1000\]' "$T/out"
	again=$(sed -n 's/^again: *//p' "$T/out")
	sh -c "$again" >"$T/again" 2>&1
	check "$1: the printed command shows it again" test $? != 0
	check "$1: by its arguments" grep -q '^stockade: arguments: \[' "$T/again"
	check "$1: and its line" grep -q 'jobs/fuzz_job_test.c:[0-9]' "$T/again"
}
check "no class, no fuzzing" has "$(make --no-print-directory fuzz-job 2>&1)" "say NAME=SendInvoice"
check "a class that is not there" has "$(make --no-print-directory fuzz-job NAME=NoSuchClass 2>&1)" "jobs/registry.def has no class NoSuchClass"
plant 'count == 1000'
if echo 'int LLVMFuzzerTestOneInput(const void *p, unsigned long n) { return p == (void *)n; }' |
	clang -fsanitize=fuzzer,address -x c -o "$T/probe" - >/dev/null 2>&1; then
	fuzz 60
	finds libFuzzer
else
	echo "ok - libFuzzer # SKIP install clang and libclang-rt-dev"
fi
export CLANG=/nonexistent/clang
fuzz 60
check "without libFuzzer it says so" grep -q 'no clang with libFuzzer here' "$T/out"
finds "random inputs"
args=$(sed -n 's/^arguments: //p' "$T/out")
make --no-print-directory -j2 B="$B" "$B/stockade" "$B/stockade-cage" >/dev/null 2>&1
"$B/stockade" run-job --cage "$B/stockade-cage" FuzzJobTest "$args" >"$T/run" 2>&1
check "the same arguments crash it in the cage" eq $? 5
check "at the same function" grep -q '^in  *fuzz_job_test' "$T/run"
sed -i 's/count == 1000/count == 1001/' jobs/fuzz_job_test.c
fuzz 3
check "mended, nothing is found" eq "$rc" 0
check "and what was generated fits" grep -qE 'FuzzJobTest: ([0-9]+) inputs, \1 of them fit the schema' "$T/out"

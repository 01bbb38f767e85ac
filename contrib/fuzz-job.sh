#!/bin/sh
# make fuzz-job NAME=SendInvoice [SECONDS=60]: builds the jobs with sanitizers and a fuzzer that makes
# arguments from a class's schema, and runs its handler in that process, outside the cage. A finding
# is kept in build/fz/found/ and printed with the one command that shows it again.
set -u
name=${1:-} seconds=${2:-60}
B=${B:-build} MAKE=${MAKE:-make}
die() {
	echo "make fuzz-job: $1" >&2
	exit 64
}
[ -n "$name" ] || die "say NAME=SendInvoice"
grep -qE "^ *JOB\([a-z0-9_]+, *\"$name\"," jobs/registry.def || die "jobs/registry.def has no class $name"
case $seconds in '' | *[!0-9]*) die "SECONDS is a whole number" ;; esac
case $B in /*) ;; *) B=$PWD/$B ;; esac

fz=$B/fz
found=$fz/found/$name
mkdir -p "$found" "$fz/corpus-job/$name"
probe=$(mktemp)
if echo 'int LLVMFuzzerTestOneInput(const void *p, unsigned long n) { return p == (void *)n; }' |
	${CLANG:-clang} -fsanitize=fuzzer,address -x c -o "$probe" - >/dev/null 2>&1; then
	target=$fz/fuzz-jobs
	$MAKE --no-print-directory -s CC="${CLANG:-clang}" SAN=fuzz B="$fz" "$target" >&2 || exit 70
else
	echo "make fuzz-job: no clang with libFuzzer here (install clang and libclang-rt-dev): random inputs instead, with no eye for what they reach" >&2
	target=$fz-gcc/test/fuzz-jobs
	$MAKE --no-print-directory -s CC="${CC:-gcc}" SAN=asan B="$fz-gcc" "$target" >&2 || exit 70
fi
rm -f "$probe"

# a process that was ended leaves its directories
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/fuzz-job-XXXXXX") && export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
export STOCKADE_FUZZ_JOB="$name" ASAN_OPTIONS=detect_leaks=0:abort_on_error=1${ASAN_OPTIONS:+:$ASAN_OPTIONS} UBSAN_OPTIONS=print_stacktrace=1
: >"$fz/before"
if [ "$target" = "$fz/fuzz-jobs" ]; then
	"$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -detect_leaks=0 -print_final_stats=0 \
		-artifact_prefix="$found/" "$fz/corpus-job/$name" >"$fz/log" 2>&1
	rc=$?
else
	"$target" -max_total_time="$seconds" -artifact_prefix="$found/" >"$fz/log" 2>&1
	rc=$?
	[ ! -e "$found/current" ] || mv "$found/current" "$found/crash-$(sha1sum "$found/current" | cut -c 1-40)"
fi
if [ "$rc" = 0 ]; then
	grep '^stockade: ' "$fz/log" | tail -n 1
	echo "nothing found in $seconds s"
	exit 0
fi
grep -aE 'ERROR: |SUMMARY: |runtime error|^stockade: |    #[0-9] ' "$fz/log" | head -n 20
input=$(find "$found" -type f -newer "$fz/before" | head -n 1)
[ -n "$input" ] || { echo "the fuzzer ended with $rc; its log is $fz/log" >&2; exit 70; }
echo "found:     $input"
STOCKADE_FUZZ_SHOW=1 "$target" "$input" >"$fz/again" 2>&1
again=$?
sed -n 's/^stockade: arguments: /arguments: /p' "$fz/again" | head -n 1
if [ "$again" = 0 ]; then
	echo "but not by this input alone: the handler keeps something between two runs, in a static variable or a"
	echo "library. Each job is a process of its own, the fuzzer's runs are one: let the handler begin with a clean state."
fi
echo "again:     STOCKADE_FUZZ_JOB='$name' STOCKADE_FUZZ_SHOW=1 ASAN_OPTIONS=detect_leaks=0 $target $input"
exit 1

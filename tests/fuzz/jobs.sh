#!/bin/sh
# The built-in handlers behind their schemas: arguments made from bytes fit, and no handler falls over them.
set -u
target=$B/test/fuzz-jobs
T=$(mktemp -d "${TMPDIR:-/tmp}/fuzz-jobs-XXXXXX")
trap 'rm -rf "$T"' EXIT
export TMPDIR="$T"
for class in $("$B/stockade" classes --cage "$B/stockade-cage" | awk 'NR > 1 && !/^registry / { print $1 }'); do
	if STOCKADE_FUZZ_JOB=$class timeout 240 "$target" -runs=400 -seed=7 >"$T/out" 2>&1; then
		fit=$(sed -n 's/^stockade: .*: 400 inputs, \([0-9]*\) of them fit the schema$/\1/p' "$T/out")
		if [ "${fit:-0}" -ge 300 ]; then
			echo "ok - $class: $fit of 400 generated arguments fit, and it stands them"
		else
			echo "not ok - $class: only ${fit:-none} of 400 generated arguments fit its schema"
		fi
	else
		echo "not ok - $class: $(tail -n 3 "$T/out" | tr '\n' ' ')"
	fi
done
STOCKADE_FUZZ_JOB=NoSuchClass "$target" -runs=1 >"$T/out" 2>&1
if [ $? = 64 ] && grep -q 'this program has no class NoSuchClass' "$T/out"; then
	echo "ok - a class that is not there is said"
else
	echo "not ok - a class that is not there is said"
fi
printf 'abcdefgh' >"$T/input"
if STOCKADE_FUZZ_JOB=ChecksumFile STOCKADE_FUZZ_SHOW=1 "$target" "$T/input" 2>&1 | grep -q '^stockade: arguments: \["'; then
	echo "ok - one input is shown as its arguments"
else
	echo "not ok - one input is shown as its arguments"
fi
# a fuzzer's runs are one process: what the first left behind is not the second's
printf '\na,b\n1,2\n' >"$T/input"
if STOCKADE_FUZZ_JOB=CsvSummary timeout 60 "$target" "$T/input" "$T/input" >"$T/out" 2>&1; then
	echo "ok - CsvSummary begins with a clean state"
else
	echo "not ok - CsvSummary begins with a clean state: $(tail -n 2 "$T/out" | tr '\n' ' ')"
fi
if [ -z "$(find "$T" -name 'stockade-fuzz-*')" ]; then
	echo "ok - nothing is left behind"
else
	echo "not ok - nothing is left behind: $(find "$T" | head -n 5)"
fi

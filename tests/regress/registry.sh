#!/bin/sh
# A wrong registry is a build error, and job.h is a header for C++ too.
set -u
tmp=$(mktemp -d "${TMPDIR:-/tmp}/registry-XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cc=${CC:-gcc}

compile() { # compile REGISTRY-TEXT
	printf '%s\n' "$1" >"$tmp/r.def"
	$cc -std=c17 -Werror -Wall -Wextra -I. -D_GNU_SOURCE "-DSTOCKADE_REGISTRY=\"$tmp/r.def\"" \
		-c -o "$tmp/r.o" jobs/cage/registry.c >"$tmp/out" 2>&1
}
builds() { # builds SENTENCE TEXT
	if compile "$2"; then echo "ok - $1"; else cat "$tmp/out"; echo "not ok - $1"; fi
}
refuses() { # refuses SENTENCE PART TEXT
	if compile "$3"; then
		echo "not ok - $1: it built"
	elif grep -q "$2" "$tmp/out"; then
		echo "ok - $1"
	else
		cat "$tmp/out"
		echo "not ok - $1"
	fi
}

one='JOB(checksum_file, "ChecksumFile", PROFILE(files), READ("inputs"), WALL_MS(1), RETRY(3, EXPONENTIAL_S(5)), IDEMPOTENT)'
builds "a registry of one class builds" "$one"
refuses "a function that stands twice is a build error" "checksum_file" "$one
JOB(checksum_file, \"Other\", PROFILE(files), READ(\"inputs\"))"
refuses "a class name that stands twice is a build error" "already defined" "$one
JOB(csv_summary, \"ChecksumFile\", PROFILE(files), READ(\"inputs\"))"
refuses "a class without a schema file is a build error" "nowhere.schema.json" \
	'JOB(nowhere, "Nowhere", PROFILE(pure))'
refuses "an unknown profile is a build error" "STOCKADE_PROFILE_root" \
	'JOB(checksum_file, "ChecksumFile", PROFILE(root))'
refuses "a limit that stands twice is a build error" "overr" \
	'JOB(checksum_file, "ChecksumFile", PROFILE(pure), CPU_S(1), CPU_S(2))'
refuses "a class name beyond 128 bytes is a build error" "128 bytes" \
	"JOB(checksum_file, \"$(printf '%0129d' 0 | tr 0 C)\", PROFILE(pure))"

if compile "$one" && $cc -o "$tmp/p" "$tmp/r.o" -Wl,--unresolved-symbols=report-all >"$tmp/out" 2>&1; then
	echo "not ok - a class without a handler is a link error"
elif grep -q stockade_binding_checksum_file "$tmp/out"; then
	echo "ok - a class without a handler is a link error"
else
	cat "$tmp/out"
	echo "not ok - a class without a handler is a link error"
fi

printf '#include "jobs/job.h"\nextern "C" struct stockade_result f(struct stockade_job *j) { stockade_log(j, STOCKADE_INFO, "%%d", 1); return j ? STOCKADE_DONE : stockade_retry_after(5); }\n' >"$tmp/h.cc"
if ! command -v g++ >/dev/null; then
	echo "ok - job.h compiles as C++ # SKIP g++ would enable it"
elif g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I. -c -o "$tmp/h.o" "$tmp/h.cc" 2>"$tmp/out"; then
	echo "ok - job.h compiles as C++"
else
	cat "$tmp/out"
	echo "not ok - job.h compiles as C++"
fi

#!/bin/sh
# A wrong registry is a build error, and job.h is a header for C++ too.
set -u
tmp=$(mktemp -d "${TMPDIR:-/tmp}/registry-XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cc=${CC:-gcc}
B=${B:-build}

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

# --- what the build says of a bad registry, in words of its own and with the line
nm -g --defined-only "$B"/obj/jobs/*.o >"$tmp/symbols"
check() { # check REGISTRY-TEXT: as the Makefile does before it compiles a registry
	printf '/* a line above */\n%s\n' "$1" >"$tmp/r.def"
	$cc -E -P -I. "-DSTOCKADE_REGISTRY=\"$tmp/r.def\"" jobs/schema/registry_lines.h >"$tmp/lines" &&
		"$B/stockade-schemac" registry "$tmp/lines" "$tmp/symbols" >"$tmp/out" 2>&1
}
complains() { # complains LINE WORDS TEXT
	if check "$3"; then
		echo "not ok - $2: it was let through"
	elif grep -qF "$tmp/r.def:$1: error: " "$tmp/out" && grep -qF -- "$2" "$tmp/out"; then
		echo "ok - the build says, with the line: $2"
	else
		cat "$tmp/out"
		echo "not ok - the build says, with the line: $2"
	fi
}
for f in jobs/registry.def tests/hostile/registry.def; do
	[ "$f" = jobs/registry.def ] || nm -g --defined-only "$B"/obj/tests/hostile/*.o >>"$tmp/symbols"
	$cc -E -P -I. "-DSTOCKADE_REGISTRY=\"$f\"" jobs/schema/registry_lines.h >"$tmp/lines"
	if "$B/stockade-schemac" registry "$tmp/lines" "$tmp/symbols" beyond >"$tmp/out" 2>&1; then
		echo "ok - $f is let through"
	else
		cat "$tmp/out"
		echo "not ok - $f is let through"
	fi
done
complains 3 "class \"ChecksumFile\": stands twice; the other is $tmp/r.def:2" "$one
JOB(csv_summary, \"ChecksumFile\", PROFILE(files), READ(\"inputs\"))"
complains 3 "its function checksum_file is that of class \"ChecksumFile\" at $tmp/r.def:2" "$one
JOB(checksum_file, \"Other\", PROFILE(files), READ(\"inputs\"))"
complains 2 "its schema jobs/nowhere.schema.json is missing" 'JOB(nowhere, "Nowhere", PROFILE(pure))'
complains 2 "no handler: no file defines the function nowhere" 'JOB(nowhere, "Nowhere", PROFILE(pure))'
line() { printf 'JOB(checksum_file, "ChecksumFile", %s)' "$1"; }
complains 2 "WALL_MS(3600001) is outside of what may be asked for: 1 to 3600000" "$(line 'PROFILE(pure), WALL_MS(3600001)')"
complains 2 "CPU_S(601) is outside" "$(line 'PROFILE(pure), CPU_S(601)')"
complains 2 "MEM_MIB(1025) is outside" "$(line 'PROFILE(pure), MEM_MIB(1025)')"
complains 2 "MEM_MIB(0) is outside" "$(line 'PROFILE(pure), MEM_MIB(0)')"
complains 2 "takes a plain number, not an expression" "$(line 'PROFILE(pure), MEM_MIB(1024 * 8)')"
complains 2 "unknown grant or limit REED; did you mean READ" "$(line 'PROFILE(files), REED("inputs")')"
complains 2 "unknown grant or limit SOCKET" "$(line 'PROFILE(pure), SOCKET("x")')"
complains 2 "unknown profile root" "$(line 'PROFILE(root)')"
complains 2 "unknown profile file, did you mean files" "$(line 'PROFILE(file), READ("inputs")')"
complains 2 "CPU_S stands twice" "$(line 'PROFILE(pure), CPU_S(1), CPU_S(2)')"
complains 2 "it has no PROFILE" "$(line 'CPU_S(1)')"
complains 2 "PROFILE(pure) goes with no other profile" "$(line 'PROFILE(pure, net), CONNECT("a:1")')"
complains 2 "PROFILE(files) and READ, WRITE or WORK_MIB belong together" "$(line 'PROFILE(files)')"
complains 2 "PROFILE(files) and READ, WRITE or WORK_MIB belong together" "$(line 'PROFILE(pure), READ("inputs")')"
complains 2 "PROFILE(net) and CONNECT belong together" "$(line 'PROFILE(net)')"
complains 2 "PROFILE(exec) and EXEC or EXEC_DYNAMIC belong together" "$(line 'PROFILE(pure), EXEC("/bin/true")')"
complains 2 "TASKS and PROFILE(threads) belong together" "$(line 'PROFILE(pure), TASKS(4)')"
complains 2 "READ takes texts in quotes" "$(line 'PROFILE(files), READ(inputs)')"
complains 2 "RETRY takes a number and EXPONENTIAL_S(seconds) or FIXED_S(seconds)" "$(line 'PROFILE(pure), RETRY(3)')"
complains 2 'CONNECT("api.example.com") is none of "name:port"' "$(line 'PROFILE(net), CONNECT("api.example.com")')"
complains 2 'CONNECT("10.0.0.0/33:5") is none of' "$(line 'PROFILE(net), CONNECT("a:1", "10.0.0.0/33:5")')"
complains 2 'EXEC("pdftotext") is no absolute path without ..' "$(line 'PROFILE(exec), EXEC("pdftotext")')"
complains 2 "EXEC_DYNAMIC takes a program and the trees of its libraries" "$(line 'PROFILE(exec), EXEC_DYNAMIC("/bin/true")')"
complains 2 'EXEC_DYNAMIC("/usr/lib/..") is no absolute path' "$(line 'PROFILE(exec), EXEC_DYNAMIC("/bin/true", "/usr/lib/..")')"
complains 2 'READ("in/x") is no label' "$(line 'PROFILE(files), READ("in/x")')"
complains 2 'READ has a text with a \ in it' "$(line 'PROFILE(files), READ("\033[2J")')"
complains 2 'SECRETS("Key") is no label' "$(line 'PROFILE(pure), SECRETS("Key")')"
complains 2 'SETTINGS names "a" twice' "$(line 'PROFILE(pure), SETTINGS("a", "b", "a")')"
complains 2 'is longer than 31 bytes' "$(line "PROFILE(files), READ(\"$(printf '%032d' 0 | tr 0 l)\")")"
complains 2 "READ and WRITE take at most 8 labels together" "$(line 'PROFILE(files), READ("a", "b", "c", "d", "e"), WRITE("f", "g", "h", "i")')"
complains 2 "PROFILE names files twice" "$(line 'PROFILE(files, files), READ("inputs")')"
complains 2 "WALL_MS takes a number without a 0 before it" "$(line 'PROFILE(pure), WALL_MS(010)')"
complains 2 'this is no JOB(function, "Class", ...)' 'JOB(checksum_file, "A" "B", PROFILE(pure))'
complains 2 "class names are of letters" 'JOB(checksum_file, "Checksum File", PROFILE(pure))'

cat >"$tmp/h.cc" <<'END'
#include "jobs/job.h"
extern "C" struct stockade_result f(struct stockade_job *j)
{
	struct stockade_argv v = {};
	struct stockade_url u;

	stockade_log(j, STOCKADE_INFO, "%s %d", stockade_trace(j), 1);
	if (stockade_argv_add(&v, "-q") == -1 || stockade_argv_add_operand(&v, "a", STOCKADE_ARGV_DASH) == -1 ||
	    !stockade_name_ok("a") || stockade_url_parse("https://a", STOCKADE_URL_HTTP, &u) == -1)
		return stockade_fail(j, 1, "%s", u.why);
	stockade_progress(j, 1, 2, "%d", 1);
	stockade_heartbeat(j);
	(void)stockade_release(j, "{}");
	if (static_cast<char *>(stockade_alloc(j, 5)) == nullptr || stockade_text(j, "%d", 5) == nullptr)
		return stockade_fail_for_good(j, 2, "no room");
	return j ? STOCKADE_DONE : stockade_retry_after(5);
}
END
if ! command -v g++ >/dev/null; then
	echo "ok - job.h compiles as C++ # SKIP g++ would enable it"
elif g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I. -c -o "$tmp/h.o" "$tmp/h.cc" 2>"$tmp/out"; then
	echo "ok - job.h compiles as C++"
else
	cat "$tmp/out"
	echo "not ok - job.h compiles as C++"
fi

#!/bin/sh
# The rules that no compiler knows, then the analyzers.
#   tests/lint.sh BUILD            everything; tools that are not installed are named as skipped
#   tests/lint.sh BUILD house      only the house rules (no tool needed): part of `make check`
# Whatever a tool says is mended, or answered with its reason: NOLINT on the line for clang-tidy,
# a directive for shellcheck, tests/lint.known for gcc and cppcheck. Anything else fails.
# shellcheck disable=SC2046 # lists of our own file names, none with blanks
set -u
LC_ALL=C
B=${1:-build} # generated headers are looked for here
what=${2:-all}
pass=0 fail=0 skip=0
ok() { pass=$((pass + 1)); echo "ok - $1"; }
verdict() { # verdict NAME FINDINGS: no findings is what passes
	if [ -z "$2" ]; then
		ok "$1"
	else
		fail=$((fail + 1))
		echo "not ok - $1"
		echo "$2" | head -n 40 | sed 's/^/    /'
	fi
}
sources() { find worker jobs sandbox -name '*.c' -o -name '*.h' | grep -v '/build/' | sort; }
includes() { # includes FOLDER-REGEX -> "file: include"
	grep -rnE '^#include' --include='*.c' --include='*.h' "$@" 2>/dev/null
}

# --- arrows: jobs/*.c -> jobs/job.h; worker/ -> sandbox/ <- jobs/cage; sandbox/ is a leaf
verdict "sandbox/ includes nothing of the house but sandbox/" \
	"$(includes sandbox | grep '"' | grep -v '"sandbox/')"
verdict "worker/ never includes jobs/ or tests/" "$(includes worker | grep -E '"(jobs|tests)/')"
verdict "handlers include job.h and their own generated or sibling headers, nothing else of ours" \
	"$(includes jobs | grep -E '^jobs/[^/]*\.(c|h):' | grep '"' | grep -vE '"jobs/[a-z_.]+\.h"' |
		grep -v '^jobs/job.h:.*"names.h"')" # installed side by side, under another name
verdict "jobs/cage includes jobs/ and sandbox/ only" \
	"$(includes jobs/cage jobs/schema jobs/test | grep '"' | grep -vE '"(jobs|sandbox)/')"
only() { # only HEADER-REGEX ALLOWED-REGEX
	verdict "$1 is included only where it belongs" \
		"$(includes worker jobs sandbox | grep -E "<($1)" | grep -vE "^($2):")"
}
only 'hiredis' 'worker/redis[a-z_]*\.c'
only 'jansson' 'jobs/(cage|schema|test)/[a-z_]+\.[ch]'
only 'pcre2' 'jobs/cage/rules_text\.c'
only 'sodium' 'worker/seal\.c|jobs/(checksum_file|deliver_webhook|webhook_sign)\.c|jobs/cage/describe\.c'
only 'seccomp\.h' 'sandbox/filter\.c'
only 'sys/capability' 'sandbox/caps\.c'
only 'libconfig' 'worker/conf\.c'
only 'event2?[./]' 'worker/exporter_http\.c'

# --- ARCHITECTURE.md names every source file, and no file that is not there
named=$(grep -oE '(worker|jobs|sandbox)/[a-z0-9_/]*[a-z0-9_]+\.(c|h|def|lua|\[ch\])' ARCHITECTURE.md |
	sed 's/\.\[ch\]$/.c/' | sort -u)
missing=$(sources | grep '\.c$' | grep -vxF -e "$named" | sed 's/$/ is not named in ARCHITECTURE.md/')
gone=$(for f in $named; do [ -e "$f" ] || echo "ARCHITECTURE.md names $f, which is not there"; done)
verdict "ARCHITECTURE.md and the tree agree" "${missing:+$missing
}$gone"

# --- words
verdict "a unit test that skips says what would enable it (skip_because, tests/harness.h)" \
	"$(grep -rnE '(^|[^_a-z])skip\(\)' --include='*.c' tests)"
verdict "no banned call" "$(grep -nE \
	'(^|[^_a-z>.])(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca|system|popen|signal)\(' \
	$(sources) /dev/null)"
verdict "memcmp never compares a tag" "$(grep -nE '(^|[^_])memcmp\(' worker/seal.c)"
verdict "every open is close-on-exec" "$(grep -nE '(^|[^_a-z])open(at)?\(' $(sources) /dev/null |
	grep -vE 'O_CLOEXEC|^[^:]+\.h:|^\S+:\s*\*|//|/\*|open_' | grep -vE 'jobs/cage/runtime|^[^:]*:[0-9]+:\s+\*')"
verdict "nothing prints under sandbox/ and jobs/" \
	"$(grep -nE '(^|[^_a-z])f?printf\(' $(sources | grep -E '^(sandbox|jobs)/') /dev/null | grep -vE 'jobs/(cage|schema)/main.c')"
verdict "no unfinished marks" "$(grep -rnwE 'TODO|FIXME|XXX' worker jobs sandbox tests/unit contrib 2>/dev/null)"
verdict "every NOLINT names its check and its reason" \
	"$(grep -n NOLINT $(sources) /dev/null | grep -vE 'NOLINT(NEXTLINE)?\([a-zA-Z0-9.-]+\): [a-z]')"
verdict "no file is longer than 400 lines" \
	"$(wc -l $(sources) | awk '$1 > 400 && $2 != "total" { print $2 " has " $1 " lines" }')"
verdict "no VLA, no goto out of thin air" "$(grep -nE '^\s*goto (err|out|fail);' $(sources) /dev/null)"

# --- every refusal and every outcome is produced by a test
names=$({
	grep -oE 'X\([A-Z][A-Z_]+, [01],' worker/verdict.h | sed 's/X(\([A-Z_]*\),.*/STK_V_\1 \1/' | grep -v ACCEPT
	grep -oE 'X\([A-Z_]+, "[A-Za-z_]+"\)' sandbox/outcome.h | sed 's/X(\([A-Z_]*\), "\(.*\)")/STK_OUT_\1 \2/'
})
# in one pass over the tests: which of all these words stand there
seen=" $(grep -rhowE "$(echo "$names" | tr ' \n' '||' | sed 's/|*$//')" tests \
	--include='*.c' --include='*.sh' --include='*.json' --include='*.txt' | sort -u | tr '\n' ' ')"
untested=$(echo "$names" | while read -r id name; do
	case $seen in *" $id "* | *" $name "*) ;; *) echo "$name is produced by no test" ;; esac
done)
later='D_HELD'
verdict "every name of a refusal or an outcome is in some test" \
	"$(echo "$untested" | grep -vE "^($later) " | grep .)"

# --- the tools; each gets two processes
tool() {
	command -v "$1" >/dev/null 2>&1 && return 0
	skip=$((skip + 1))
	echo "ok - $1 # SKIP not installed"
	return 1
}
c_files() { sources | grep '\.c$'; }
scripts() { find contrib tests -name '*.sh' | sort && echo contrib/bootstrap; }
# what each of them calls a finding
line='^[^ :]+:[0-9]+:([0-9]+:)? (warning|error|fatal error|performance|portability|information): '
export LC_ALL line
each() { # each N COMMAND...: what COMMAND says of N files at a time; when it cannot do its work, that
	n=$1
	shift
	# shellcheck disable=SC2016 # for the inner shell
	xargs -P 2 -n "$n" sh -c 'out=$("$@" 2>&1) || out="$out
$1:0: error: ended with status $? [tool-failed]"
		printf "%s\n" "$out" | grep -E "$line"' - "$@"
}
findings() { sed "s|^$PWD/||" | sort -u; }
# unanswered TOOL: of the findings on standard input ("path:line: ... [id]") those that tests/lint.known
# does not answer in exactly that number, and its answers to nothing
unanswered() {
	awk -v tool="$1" '
		FILENAME == "tests/lint.known" { if ($1 == tool && NF > 2) want[$2 " " $3] = $4; next }
		{
			id = $0; sub(/.*\[/, "", id); sub(/\].*/, "", id)
			path = $0; sub(/:.*/, "", path)
			key = ("* " id) in want ? "* " id : path " " id
			seen[key]++
			text[key] = text[key] $0 "\n"
		}
		END {
			for (k in seen) {
				if (!(k in want)) printf "%s", text[k]
				else if (want[k] != "*" && want[k] != seen[k])
					printf "%stests/lint.known answers %d of these %d\n", text[k], want[k], seen[k]
			}
			for (k in want) if (!(k in seen)) print "tests/lint.known answers what nobody says: " tool " " k
		}' tests/lint.known -
}

# judged NAME TOOL VERSION FINDINGS: another version sees other things, and its word is shown, not judged
judged() {
	if [ -z "$4" ] || grep -qx "$2 $3" tests/lint.known; then
		verdict "$1" "$4"
		return
	fi
	skip=$((skip + 1))
	echo "ok - $1 # SKIP tests/lint.known answers another version than $2 $3, which says:"
	echo "$4" | head -n 40 | sed 's/^/#   /'
}

if [ "$what" = all ]; then
	set -- -I. "-I$B/gen" -D_GNU_SOURCE '-DSTOCKADE_VERSION="x"' '-DSTOCKADE_REGISTRY="jobs/registry.def"'
	verdict "tests/lint.known gives a tool, a path, a check, a number and a reason on each line" \
		"$(grep -vE '^(#|$)|^(gcc|cppcheck) [0-9.]+$|^(gcc|cppcheck) ([a-z_/]+\.[ch] [A-Za-z-]+ [0-9]+|\* [A-Za-z-]+ \*) .+ .+' tests/lint.known)"
	if tool clang-format; then
		verdict "clang-format has nothing to change" \
			"$(clang-format --dry-run $(git ls-files -co --exclude-standard '*.c' '*.h' ':!jobs/schema/registry_lines.h' 2>/dev/null || sources) 2>&1)"
	fi
	if tool shellcheck; then
		verdict "shellcheck is content" "$(scripts | each 12 shellcheck -S warning -x -s sh -f gcc)"
	fi
	if tool gcc; then
		judged "gcc -fanalyzer is content" gcc "$(gcc -dumpversion | cut -d. -f1)" "$(c_files | each 1 gcc -std=c17 "$@" -O1 -fanalyzer \
			-fno-diagnostics-show-caret -fdiagnostics-path-format=none -c -o /dev/null |
			findings | unanswered gcc)"
	fi
	if tool cppcheck; then
		judged "cppcheck is content" cppcheck "$(cppcheck --version | cut -d' ' -f2)" "$({ cppcheck -q --library=posix --enable=warning,performance,portability \
			--template='{file}:{line}: {severity}: {message} [{id}]' --template-location='' \
			--suppress=missingIncludeSystem --std=c11 -j 2 -D__x86_64__ "$@" worker jobs sandbox 2>&1 ||
			echo "cppcheck:0: error: ended with status $? [tool-failed]"; } | grep -E "$line" | findings | unanswered cppcheck)"
	fi
	if tool clang-tidy; then
		for flag; do set -- "$@" "--extra-arg=$flag" && shift; done
		verdict "clang-tidy is content" "$(c_files | each 4 clang-tidy --quiet -p /nonexistent \
			"--header-filter=(worker|jobs|sandbox)/" --extra-arg=-std=c17 "$@" | findings)"
	fi
fi
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" = 0 ]

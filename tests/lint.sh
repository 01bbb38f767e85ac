#!/bin/sh
# The rules that no compiler knows, then the analyzers.
#   tests/lint.sh BUILD            everything; tools that are not installed are named as skipped
#   tests/lint.sh BUILD house      only the house rules (no tool needed): part of `make check`
set -u
# shellcheck disable=SC2046 # lists of our own file names, none with blanks
# the first argument is the build folder, for symmetry with the other scripts; nothing here is built
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
	"$(includes jobs | grep -E '^jobs/[^/]*\.(c|h):' | grep '"' | grep -vE '"jobs/[a-z_.]+\.h"')"
verdict "jobs/cage includes jobs/ and sandbox/ only" \
	"$(includes jobs/cage | grep '"' | grep -vE '"(jobs|sandbox)/')"
only() { # only HEADER-REGEX ALLOWED-REGEX
	verdict "$1 is included only where it belongs" \
		"$(includes worker jobs sandbox | grep -E "<($1)" | grep -vE "^($2):")"
}
only 'hiredis' 'worker/redis[a-z_]*\.c'
only 'jansson' 'jobs/cage/[a-z_]+\.[ch]'
only 'sodium' 'worker/seal\.c|jobs/checksum_file\.c|jobs/cage/describe\.c'
only 'seccomp\.h' 'sandbox/filter\.c'
only 'sys/capability' 'sandbox/caps\.c'
only 'libconfig' 'worker/conf\.c'

# --- ARCHITECTURE.md names every source file, and no file that is not there
named=$(grep -oE '(worker|jobs|sandbox)/[a-z0-9_/]*[a-z0-9_]+\.(c|h|def|lua|\[ch\])' ARCHITECTURE.md |
	sed 's/\.\[ch\]$/.c/' | sort -u)
missing=$(sources | grep '\.c$' | while read -r f; do
	echo "$named" | grep -qxF "$f" || echo "$f is not named in ARCHITECTURE.md"
done)
gone=$(for f in $named; do [ -e "$f" ] || echo "ARCHITECTURE.md names $f, which is not there"; done)
verdict "ARCHITECTURE.md and the tree agree" "$missing$gone"

# --- words
verdict "no banned call" "$(grep -nE \
	'(^|[^_a-z>.])(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca|system|popen|signal)\(' \
	$(sources) /dev/null)"
verdict "memcmp never compares a tag" "$(grep -nE '(^|[^_])memcmp\(' worker/seal.c)"
verdict "every open is close-on-exec" "$(grep -nE '(^|[^_a-z])open(at)?\(' $(sources) /dev/null |
	grep -vE 'O_CLOEXEC|^[^:]+\.h:|^\S+:\s*\*|//|/\*|open_' | grep -vE 'jobs/cage/runtime|^[^:]*:[0-9]+:\s+\*')"
verdict "nothing prints under sandbox/ and jobs/" \
	"$(grep -nE '(^|[^_a-z])f?printf\(' $(sources | grep -E '^(sandbox|jobs)/') /dev/null | grep -v 'jobs/cage/main.c')"
verdict "no unfinished marks" "$(grep -rnwE 'TODO|FIXME|XXX' worker jobs sandbox tests/unit contrib 2>/dev/null)"
verdict "no VLA, no goto out of thin air" "$(grep -nE '^\s*goto (err|out|fail);' $(sources) /dev/null)"

# --- every refusal and every outcome is produced by a test
untested=$({
	grep -oE 'X\([A-Z][A-Z_]+, [01],' worker/verdict.h | sed 's/X(\([A-Z_]*\),.*/STK_V_\1 \1/' | grep -v ACCEPT
	grep -oE 'X\([A-Z_]+, "[A-Za-z_]+"\)' sandbox/outcome.h | sed 's/X(\([A-Z_]*\), "\(.*\)")/STK_OUT_\1 \2/'
} | while read -r id name; do
	grep -rqwE "$id|$name" tests --include='*.c' --include='*.sh' --include='*.json' --include='*.txt' ||
		echo "$name is produced by no test"
done)
later='R_REPLAY_DONE|E_BLOCKED|D_BUSY|E_RUNS_EXHAUSTED|D_RATE|D_HELD|D_LEDGER_DOWN|E_LEDGER_CORRUPT'
verdict "every name of a refusal or an outcome is in some test" \
	"$(echo "$untested" | grep -vE "^($later) " | grep .)"

if [ "$what" = all ]; then
	tool() { command -v "$1" >/dev/null 2>&1 || { skip=$((skip + 1)); echo "ok - $1 # SKIP not installed"; return 1; }; }
	if tool clang-format; then
		verdict "clang-format has nothing to change" \
			"$(clang-format --dry-run $(git ls-files -co --exclude-standard '*.c' '*.h' 2>/dev/null || sources) 2>&1 | grep warning)"
	fi
	if tool shellcheck; then
		verdict "shellcheck is content" \
			"$(shellcheck -S warning -x -s sh contrib/bootstrap tests/*.sh tests/*/*.sh contrib/demo/*.sh 2>&1)"
	fi
	analyze=$(mktemp)
	cat >"$analyze" <<'EOF'
for f; do
	gcc -std=c17 -I. -D_GNU_SOURCE '-DSTOCKADE_VERSION="x"' '-DSTOCKADE_REGISTRY="jobs/registry.def"' \
		-O1 -fanalyzer -Wno-analyzer-too-complex -c -o /dev/null "$f" 2>&1
done
EOF
	if tool gcc; then
		verdict "gcc -fanalyzer is content" "$(sources | grep '\.c$' | xargs -P 2 -n 8 sh "$analyze" | grep -E 'warning|error')"
	fi
	rm -f "$analyze"
	if tool cppcheck; then
		verdict "cppcheck is content" "$(cppcheck -q --library=posix --enable=warning,performance,portability \
			--inline-suppr --suppress=missingIncludeSystem --suppress=invalidFunctionArg:sandbox/probe_try.c --std=c11 -j 2 -I. -D_GNU_SOURCE -D__x86_64__ \
			'-DSTOCKADE_VERSION="x"' '-DSTOCKADE_REGISTRY="jobs/registry.def"' worker jobs sandbox 2>&1)"
	fi
	if tool clang-tidy; then
		verdict "clang-tidy is content" "$(sources | grep '\.c$' | xargs -P 2 -n 4 sh -c \
			'clang-tidy --quiet "$@" -- -std=c17 -I. -D_GNU_SOURCE "-DSTOCKADE_VERSION=\"x\"" "-DSTOCKADE_REGISTRY=\"jobs/registry.def\"" 2>/dev/null' sh | grep -E 'warning:|error:')"
	fi
fi
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" = 0 ]

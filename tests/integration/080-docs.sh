#!/bin/sh
# The pages name what the code has: settings, subcommands, flags, verdicts, outcomes, log events, files.
. tests/stage.sh
T=$(mktemp -d "${TMPDIR:-/tmp}/stage-XXXXXX")
clean() {
	[ ! -S "$T/try/redis.sock" ] || redis-cli -s "$T/try/redis.sock" shutdown nosave >/dev/null 2>&1
	rm -rf "$T"
}
trap clean EXIT

nothing() { # nothing FINDINGS
	[ -z "$1" ] || { echo "$1"; return 1; }
}
# lines of standard input that do not stand in PAGE as a word of their own
missing() { # missing PAGE [PREFIX]
	while read -r word; do
		grep -qE "(^|[^A-Za-z_])${2:-}$word([^A-Za-z_-]|\$)" "$1" || echo "$word is not in $1"
	done
}
settings() { grep -oE '^	\{ \.name = "[a-z_]+"' "$1" | sed 's/.*"\(.*\)"/\1/'; }
policy_settings() { grep -oE '(NEED|MAY)\([A-Za-z_ ]+, "[a-z_]+"' worker/policy.c | sed 's/.*"\(.*\)"/\1/' | sort -u; }
verdicts() { grep -oE 'X\([A-Z][A-Z_]+, [01],' worker/verdict.h | sed 's/X(//; s/,.*//'; }
outcomes() { grep -oE 'X\([A-Z_]+, "[A-Za-z_]+"\)' sandbox/outcome.h | sed 's/.*"\(.*\)".*/\1/'; }
commands() { grep -hoE '\.name = "[a-z-]+"' worker/cli/*.c | sed 's/.*"\(.*\)"/\1/'; }
flags() { grep -hoE '\{ "[a-z-]+", (required|no)_argument' worker/cli/*.c | sed 's/.*"\(.*\)".*/\1/' | grep -v '^help$' | sort -u; }
metrics() { grep -oE '^(SINGLE|COUNTER|GAUGE|SEEN|HISTOGRAM)\([^"]*"[a-z_]+"' worker/metrics.def | sed 's/.*"\(.*\)"/\1/'; }
unwell() { sed -n '/define STK_UNWELL/,/^enum/p' worker/health.h | grep -oE 'X\([A-Z_]+' | sed 's/X(//' | grep -v '^WELL$'; }
events() { grep -rhoE '"(jobs?|worker|ledger|policy|rates|net|exporter)\.[a-z_]+"' worker --include='*.c' | tr -d '"' | sort -u; }
endings() { sed -n '/endings\[\] = {/,/^	};/p' worker/work.c | grep -oE '\{ "[A-Z_]+"' | tr -d '{ "'; }
api() { grep -oE '(stockade_[a-z_]+\(|STOCKADE_[A-Z]+ )' jobs/job.h jobs/names.h -h | tr -d '( ' | grep -vE '_(make|PRINTF)$' | sort -u; }
variables() { grep -hoE 'getenv\("[A-Z_]+"|^	\{ "[A-Z_]+", "' worker/*.c worker/cli/*.c | sed 's/^[^"]*"//; s/".*//' | grep -vE '_FD$|^(TMPDIR|NO_COLOR)$' | sort -u; }
scripts() { for f in worker/scripts/*.lua; do basename "$f" .lua; done | grep -vE '^(common|areas|ledger)$'; }

check "there are settings to look for" test "$(settings worker/config.c | wc -l)" -ge 29
check "stockade.conf(5) names every setting" nothing "$(settings worker/config.c | missing contrib/man/stockade.conf.5 '\.I[ct] (Ic )?')"
check "stockade-policy(5) names every setting" nothing "$(policy_settings | missing contrib/man/stockade-policy.5)"
check "there are verdicts and outcomes to look for" test "$({ verdicts; outcomes; } | wc -l)" -ge 55
check "PROTOCOL.md names every verdict" nothing "$(verdicts | missing PROTOCOL.md)"
check "PROTOCOL.md names every outcome" nothing "$(outcomes | missing PROTOCOL.md)"
check "PROTOCOL.md names every log event" nothing "$(events | missing PROTOCOL.md)"
check "PROTOCOL.md names every way a worker ends" nothing "$(endings | missing PROTOCOL.md)"
check "there are metrics to look for" test "$(metrics | wc -l)" -ge 60
check "PROTOCOL.md names every metric" nothing "$(metrics | missing PROTOCOL.md)"
check "PROTOCOL.md names every answer of /livez and /readyz" nothing "$(unwell | missing PROTOCOL.md)"
check "PROTOCOL.md has no metric that is not there" nothing "$(sed -n '/^## Metrics/,/^## Audit/p' PROTOCOL.md | sed -n 's/^| \(stockade_[a-z_]*\|process_[a-z_]*\) .*/\1/p' |
	while read -r m; do metrics | grep -qxF "$m" || echo "$m is no metric"; done)"
check "PROTOCOL.md names every script" nothing "$(scripts | missing PROTOCOL.md)"
check "stockade(1) names every subcommand" nothing "$(commands | missing contrib/man/stockade.1 '\.Ss ')"
check "stockade(1) names every flag" nothing "$(flags | missing contrib/man/stockade.1 'Fl -')"
check "there are environment variables to look for" test "$(variables | wc -l)" -ge 12
check "stockade(1) names every environment variable" nothing "$(variables | missing contrib/man/stockade.1)"
check "stockade-job(3) names every word of job.h" nothing "$(api | missing contrib/man/stockade-job.3)"
functions() { grep -ohE '\bstockade_[a-z_]+\(' jobs/job.h jobs/names.h | tr -d '(' | grep -v '_make$' | sort -u; }
# those of the first list that the second lacks
lacking() { printf '%s\n' "$1" | grep -vxF -e "$2"; }
check "its SYNOPSIS has every function with its arguments" nothing \
	"$(lacking "$(functions)" "$(sed -n '/^.Sh SYNOPSIS/,/^.Sh DESCRIPTION/s/^.Fn \(stockade_[a-z_]*\) ".*/\1/p' contrib/man/stockade-job.3)")"
check "and tells what each does" nothing \
	"$(lacking "$(functions)" "$(sed -n '/^.Sh DESCRIPTION/,/^.Sh EXAMPLES/s/^.It Fn //p' contrib/man/stockade-job.3 | sed 's/ , Fn /\n/g')")"
fields() { awk '/^struct stockade_[a-z_]+ \{/ { on = $2 != "stockade_result" } /^}/ { on = 0 } on && /;/ { sub(/;.*/, ""); sub(/\[.*/, ""); n = split($0, w, /[ *\t]+/); print w[n] }' jobs/job.h jobs/names.h | sort -u; }
check "and of every field of its structures" nothing "$(lacking "$(fields)" "$(sed -n 's/^.[FV]a //p' contrib/man/stockade-job.3 | tr -s ' ,' '\n')")"
check "stockade-job-test(3) names every word of job_test.h" nothing "$(grep -oE 'stockade_(test|assert)_[a-z_]+\(' jobs/job_test.h | tr -d '(' | grep -v '_at$' | sort -u | missing contrib/man/stockade-job-test.3)"
synopsis() { sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' contrib/man/stockade.1; }
listed() { "$STOCKADE" --help | sed -n 's/^  \([a-z-]*\) .*/\1/p'; }
check "there are commands to look for" test "$(listed | wc -l)" -ge 14
check "stockade(1)'s SYNOPSIS has every command of --help" nothing "$(listed | while read -r c; do
	synopsis | grep -qE "^\.Cm $c( |\$)" || echo "$c is not in the SYNOPSIS"; done)"
check "SECURITY.md's calls that no class may make are test_profile.c's list" nothing "$(
	sed -n '/^## Calls that no class may ever make/,/^## Layers/p' SECURITY.md | sed -n '/^```/,/^```/p' | grep -v '^```' | tr ' ' '\n' | LC_ALL=C sort >"$T/page"
	sed -n '/never_named\[\] = {/,/};/p' tests/unit/test_profile.c | grep -oE '"[^"]*"' | tr -d '"' | LC_ALL=C sort >"$T/test"
	diff "$T/page" "$T/test"; [ -s "$T/page" ] || echo "the list is empty")"
check "SECURITY.md names only tests that exist" nothing "$(grep -oE 'tests/[a-z_]+/[a-z0-9_-]+\.(c|sh)' SECURITY.md | sort -u |
	while read -r f; do [ -f "$f" ] || echo "$f is not there"; done)"
check "every row of SECURITY.md's table has a test" nothing "$(sed -n '/^## Threats, controls/,/^## The wall/p' SECURITY.md |
	grep '^|' | sed 1,2d | grep -v 'tests/')"
attacks() {
	sed -n 's/^ATTACK([a-z]*, \([A-Za-z0-9]*\),.*/\1/p' tests/escape/attacks.def
	sed -n 's/.*\(PEER(\|LIE(\|{ "beside", \)"\([A-Za-z]*\)",.*/\2/p' tests/escape/specials.c
}
wall() { sed -n '/^## The wall, threat by threat/,/^## Calls/p' SECURITY.md | grep '^|' | sed 1,2d; }
check "there are attacks to look for" test "$(attacks | wc -l)" -ge 200
check "SECURITY.md's wall names only attacks that exist" nothing "$(wall | grep -oE '`[A-Z][A-Za-z0-9]+`' | tr -d '`' | sort -u |
	while read -r a; do attacks | grep -qxF "$a" || echo "no attack is called $a"; done)"
check "every row of SECURITY.md's wall names its attack or its reason" nothing "$(wall | grep -vE '`[A-Z][A-Za-z0-9]+`|`tests/|[|] no')"
check "links between the pages lead somewhere" nothing "$(grep -ohE '\]\([A-Za-z_./-]+\)' ./*.md | tr -d '()]' | sort -u |
	while read -r f; do [ -e "$f" ] || echo "$f is not there"; done)"
if command -v groff >/dev/null; then
	check "the manual pages are well-formed" nothing "$(for f in contrib/man/*; do groff -mdoc -ww -Tutf8 "$f" 2>&1 >"$T/page"; done)"
else
	echo "ok - the manual pages are well-formed # SKIP install groff"
fi

# what the README tells a newcomer to type, as it stands there
awk '/^## A worker, from nothing/ { on = 1 } /^## Operating it/ { on = 0 } on && /^```/ { f = !f; next } on && f' README.md |
	sed "s|/tmp/try|$T/try|g; s|build/stockade|$B/stockade|g" >"$T/readme.sh"
check "the README's commands run" sh -c "cd '$PWD' && sh -e '$T/readme.sh' >'$T/readme.out' 2>&1 || { tail -5 '$T/readme.out'; exit 1; }"
check "and run a job to its end" grep -q '"stockade.outcome.Done":1' "$T/readme.out"
check "and explain says that it would run" grep -q 'This job would run' "$T/readme.out"

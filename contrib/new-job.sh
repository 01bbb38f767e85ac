#!/bin/sh
# make job NAME=SendInvoice [PROFILE=files,net]: what a new job needs, so that `make check` is green right after.
#	jobs/<function>.c            the handler
#	jobs/<function>.schema.json  what its arguments may be
#	jobs/<function>.md           its page
#	jobs/registry.def            gains its line
#	tests/unit/test_<function>.c its test, through the real wall
# Nothing that exists is overwritten.
set -eu
LC_ALL=C
export LC_ALL
name=${1:-} profile=${2:-pure}

die() {
	echo "make job: $1" >&2
	exit 64
}
[ -n "$name" ] || die "say NAME=SendInvoice"
echo "$name" | grep -qE '^[A-Z][A-Za-z0-9]*(::[A-Z][A-Za-z0-9]*)*$' || die "$name is no class name such as SendInvoice or Billing::SendInvoice"
[ ${#name} -le 48 ] || die "$name is longer than 48 characters"
words='' names=''
for one in $(echo "$profile" | tr ',+' '  '); do
	case " $names," in *" $one,"*) die "PROFILE names $one twice" ;; esac
	case $one in
	pure | threads | files | net) ;;
	exec) die "PROFILE=exec needs a program: make the job without it, then write exec into PROFILE(...) and EXEC(\"/path\") into its line" ;;
	*) die "there is no profile $one; there are pure, files, threads, net and exec" ;;
	esac
	names="$names${names:+, }$one"
	case $one in
	files) words="$words, READ(\"inputs\")" ;;
	threads) words="$words, TASKS(4)" ;;
	net) words="$words, CONNECT(\"*:443\")" ;;
	esac
done
case $names in
'') die "say PROFILE=pure, or leave it out" ;;
*pure*,* | *,*pure*) die "PROFILE=pure goes with no other" ;;
esac
words="PROFILE($names)$words"

# SendInvoice, Billing::SendPDF -> send_invoice, billing_send_pdf
fn=$(echo "$name" | sed 's/::/_/g; s/\([a-z0-9]\)\([A-Z]\)/\1_\2/g; s/\([A-Z]\)\([A-Z][a-z]\)/\1_\2/g' | tr 'A-Z' 'a-z' | tr -s _)
# Words of C and C++, what the runtime and the other jobs define, and, where a compiler can be asked,
# what libc and the libraries beside it do: a handler called time() would be everybody's time().
links() { # links TEXT LIBRARY...
	text=$1
	shift
	printf '%s\n' "$text" | ${CC:-cc} -w -fno-builtin -x c -o "$try" - "$@" >/dev/null 2>&1
}
taken() { # taken FUNCTION
	case $1 in main | stockade_* | stk_*) return 0 ;; esac
	sed -n '/ reserved\[\] = {/,/};/p' jobs/schema/plan.c | grep -qF "\"$1\"" && return 0
	grep -qE "[ *]$1\(" jobs/*.h && return 0
	at=$(dirname "$(${CC:-cc} -print-file-name=libc.so 2>/dev/null)") libraries=
	for l in m jansson pcre2-8 seccomp cap sodium z png jpeg archive curl; do
		[ ! -e "$at/lib$l.so" ] || libraries="$libraries -l$l"
	done
	try=$(mktemp "${TMPDIR:-/tmp}/new-job-XXXXXX")
	status=1
	# shellcheck disable=SC2086 # a list of words
	if links "char $1(void); int main(void) { return $1(); }" $libraries; then status=0; fi
	rm -f "$try"
	return $status
}
free() { # free FUNCTION: ends where something of that name is there
	for f in "jobs/$1.c" "jobs/$1.schema.json" "jobs/$1.md" "tests/unit/test_$1.c"; do
		[ ! -e "$f" ] || die "$f is there already"
	done
}
free "$fn"
! taken "$fn" || fn=${fn}_job
[ ${#fn} -le 55 ] || die "$name becomes the function $fn, longer than 55 characters: choose a shorter name"
free "$fn"
! grep -qE "^JOB\($fn," jobs/registry.def || die "jobs/registry.def has a line for $fn already"
! grep -qF "\"$name\"" jobs/registry.def || die "jobs/registry.def has a line for the class $name already"

cat >"jobs/$fn.schema.json" <<END
{
  "\$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "$name",
  "description": "What $name is for, in one sentence.",
  "type": "array",
  "prefixItems": [
    {
      "title": "subject",
      "description": "What it is about.",
      "type": "string",
      "minLength": 1,
      "maxLength": 200
    },
    {
      "title": "count",
      "description": "How many; left out: one.",
      "type": "integer",
      "minimum": 1,
      "maximum": 1000
    }
  ],
  "items": false,
  "minItems": 1
}
END
cat >"jobs/$fn.c" <<END
/*
 * $fn.c - $name: what it does, in a sentence; what it trusts and what it does not.
 */
#include "jobs/$fn.args.h"

#include <inttypes.h>
#include <stdio.h>

/* The arguments fit jobs/$fn.schema.json, or this would not have been called. */
struct stockade_result $fn(
    struct stockade_job *job, const struct ${fn}_args *args)
{
	int64_t count = args->has_count ? args->count : 1;
	char json[64];

	stockade_log(job, STOCKADE_INFO, "attempt %" PRIu32, stockade_attempt(job));
	(void)snprintf(json, sizeof(json), "{\"count\":%" PRId64 "}", count);
	if (stockade_result_json(job, json) == -1)
		return stockade_fail(job, 1, "no room for the result");
	return STOCKADE_DONE;
}
END
cat >"jobs/$fn.md" <<END
# $name

What it is for, and for whom. What it reads, what it writes, whom it talks to.

* **Arguments**: \`stockade schema docs $name\`.
* **Profile**: $names. Why it needs no less.
* **Repetition**: delivery is at least once. What makes a second run harmless: \`stockade_job_id()\` as an idempotency key, or say why it is
  harmless anyway, and add IDEMPOTENT to its line.
* **Results**: what the result holds.
* **Failures**: 1 no room for the result.
END
cat >"tests/unit/test_$fn.c" <<END
/*
 * test_$fn.c - $name through the real wall: nursery, zygote, caged child.
 */
#include "jobs/job_test.h"

static struct stockade_test *t;

static int up(void **state)
{
	(void)state;
	t = stockade_test_open(NULL);
	return 0;
}

static int down(void **state)
{
	(void)state;
	stockade_test_close(t);
	return 0;
}

static void does_its_work(void **state)
{
	(void)state;
	stockade_assert_done(t, "$name", "[\"hello\"]", "{\"count\":1}");
	stockade_assert_done(t, "$name", "[\"hello\",3]", "{\"count\":3}");
	stockade_assert_logged(t, "attempt 1");
	assert_true(stockade_test_run(t, "$name", "[\"hello\"]")->caged);
}

static void refuses_bad_arguments(void **state)
{
	(void)state;
	stockade_assert_refused(t, "$name", "[]", "/", "minItems");
	stockade_assert_refused(t, "$name", "[\"\"]", "/0", "minLength");
	stockade_assert_refused(t, "$name", "[\"hello\",0]", "/1", "minimum");
	stockade_assert_refused(t, "$name", "[\"hello\",1,2]", "/2", "items");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(does_its_work),
		cmocka_unit_test(refuses_bad_arguments),
	};

	return cmocka_run_group_tests(tests, up, down);
}
END
printf 'JOB(%s, "%s", %s, WALL_MS(60000), CPU_S(10), MEM_MIB(128), RETRY(3, EXPONENTIAL_S(5)))\n' "$fn" "$name" "$words" >>jobs/registry.def
# the page that names every file names these too
if [ -f ARCHITECTURE.md ]; then
	awk -v row="| \`jobs/$fn.c\` | $name |" '/^\| `jobs\/cage\/main.c`/ { print row } { print }' ARCHITECTURE.md >ARCHITECTURE.md.new
	cat ARCHITECTURE.md.new >ARCHITECTURE.md && rm ARCHITECTURE.md.new
fi
if command -v clang-format >/dev/null 2>&1; then
	clang-format -i "jobs/$fn.c" "tests/unit/test_$fn.c"
fi
option=
map=
case ,$names, in
*,files,*)
	option="--config /tmp/try.conf "
	map="	echo 'directories = { inputs = \"/tmp\"; };' >/tmp/try.conf     # what READ(\"inputs\") means here
"
	;;
esac
cat <<END
wrote jobs/$fn.c, jobs/$fn.schema.json, jobs/$fn.md, tests/unit/test_$fn.c and a line in jobs/registry.def
next: say in the schema what the arguments are, write the handler, and try it:
	make check
${map}	make && build/stockade run-job $option$name '["hello"]'     # as any user but root
END

/*
 * test_recycle.c - a zygote makes its share of jobs and no more, none after an end that shows an
 * attack, and what comes after it lies elsewhere in memory.
 */
#include "tests/harness.h"
#include "tests/lib/stand.h"

#include "sandbox/parent.h"
#include "sandbox/profile.h"
#include "sandbox/program.h"

#include <stdio.h>
#include <string.h>

static struct stk_stand stand;
static char reasons[256];

static void keep_reason(void *ctx, uint32_t jobs, const char *reason)
{
	size_t at = strlen(reasons);

	(void)ctx;
	(void)snprintf(reasons + at, sizeof(reasons) - at, "%s after %u;", reason, jobs);
}

static int up(void **state)
{
	char program[512];

	(void)state;
	stand_open(&stand, stand_program("test/hostile-cage", program), NULL);
	stand.hooks.recycled = keep_reason;
	return 0;
}

static int down(void **state)
{
	(void)state;
	stand_close(&stand);
	return 0;
}

/* Where the job's code, libc and stack lie, by its own word; the zygote's pid returns. */
static pid_t look(char where[200])
{
	struct stk_outcome o;
	pid_t pid;

	assert_int_equal(stand_run(&stand, "Hostile::WhereAmI", "[]", &o), STK_OK);
	if (o.name != STK_OUT_DONE)
		fail_msg("%s: %s", stk_outcome_text(o.name), o.why);
	assert_true(o.output_tail_len > 10 && o.output_tail_len < 200);
	(void)snprintf(where, 200, "%.*s", (int)o.output_tail_len, (const char *)o.output_tail);
	stk_outcome_clear(&o);
	pid = stand.cage->zygotes[0].child.pid;
	assert_true(pid > 0);
	return pid;
}

static void end_as(const char *class_name, enum stk_outcome_name name)
{
	struct stk_outcome o;

	assert_int_equal(stand_run(&stand, class_name, "[]", &o), STK_OK);
	if (o.name != name)
		fail_msg("%s: %s: %s", class_name, stk_outcome_text(o.name), o.why);
	stk_outcome_clear(&o);
}

/* As classes.c lets them add up. */
static bool sum_of_a_class(uint32_t sum)
{
	return (sum & STK_PROFILE_EXEC_DYNAMIC) == 0 || (sum & STK_PROFILE_EXEC) != 0;
}

/* A cage program may use all sums there are; the last of them needs a zygote as well. */
static void there_is_room_for_a_zygote_of_each_sum(void **state)
{
	uint32_t programs = 0; /* bit per sum of a program */
	size_t n = 0;

	(void)state;
	for (uint32_t sum = 0; sum <= STK_PROFILE_ALL; sum++) {
		uint32_t program = stk_program_sum(sum);

		if (!sum_of_a_class(sum))
			continue;
		n++;
		if (program != 0)
			programs |= UINT32_C(1) << ((program & 3u) | (program >> 5 & 4u));
	}
	n += (size_t)__builtin_popcount(programs);
	assert_true(n <= STK_ZYGOTES_MAX);
	assert_int_equal(n, 56);
}

static void a_zygote_grows_no_older_than_it_may(void **state)
{
	char first[200], second[200], third[200];
	pid_t a, b, c;

	(void)state;
	stand.cage->zygote_jobs = 2;
	reasons[0] = '\0';
	a = look(first);
	b = look(second);
	assert_int_equal(a, b);
	assert_string_equal(first, second);
	c = look(third);
	assert_int_not_equal(b, c);
	assert_string_not_equal(first, third);
	assert_string_equal(reasons, "age after 2;");
	stand.cage->zygote_jobs = 0;
}

static void a_suspect_end_is_its_last(void **state)
{
	static const struct {
		const char *class_name;
		enum stk_outcome_name name;
	} ends[] = {
		{ "Hostile::PtraceParent", STK_OUT_SYSCALL_DENIED },
		{ "Hostile::Segv", STK_OUT_CRASH },
		{ "Hostile::Abort", STK_OUT_ABORT },
		{ "Hostile::AllocHuge", STK_OUT_MEMORY_LIMIT },
		{ "Hostile::StackOverflow", STK_OUT_STACK_OVERFLOW },
		{ "Hostile::ReportForger", STK_OUT_REPORT_MALFORMED },
		{ "Hostile::ReportFlood", STK_OUT_REPORT_FLOOD },
		{ "Hostile::ExitZero", STK_OUT_NO_RESULT },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(ends); i++) {
		char before[200], after[200];
		pid_t a = look(before), b;

		reasons[0] = '\0';
		end_as(ends[i].class_name, ends[i].name);
		b = look(after);
		if (a == b || strcmp(before, after) == 0 ||
		    strncmp(reasons, stk_outcome_text(ends[i].name),
			strlen(stk_outcome_text(ends[i].name))) != 0)
			fail_msg("%s: zygote %d, then %d; %s; '%s'", ends[i].class_name, (int)a,
			    (int)b, after, reasons);
	}
}

/* What a job merely could not do says nothing about its zygote. */
static void an_honest_failure_changes_nothing(void **state)
{
	char before[200], after[200];
	pid_t a = look(before);

	(void)state;
	reasons[0] = '\0';
	end_as("Hostile::FindFds", STK_OUT_FAILED);
	end_as("Hostile::Skip", STK_OUT_SKIPPED);
	end_as("Hostile::ExitSeven", STK_OUT_NON_ZERO_EXIT);
	assert_int_equal(look(after), a);
	assert_string_equal(before, after);
	assert_string_equal(reasons, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_room_for_a_zygote_of_each_sum),
		cmocka_unit_test(a_zygote_grows_no_older_than_it_may),
		cmocka_unit_test(a_suspect_end_is_its_last),
		cmocka_unit_test(an_honest_failure_changes_nothing),
	};

	return cmocka_run_group_tests(tests, up, down);
}

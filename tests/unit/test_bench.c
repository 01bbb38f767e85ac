/*
 * test_bench.c - what authors test their jobs with (jobs/job_test.h): each word does what it says,
 * behind the wall and outside of it, and each assertion can fail.
 */
#include "jobs/job_test.h"

#include "tests/lib/stand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct stockade_test *jobs, *hostile, *third;

#define CHECKSUM_OF_ABC                                     \
	"{\"bytes\":3, \"file\":\"abc.txt\", \"sha256\":"   \
	"\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9" \
	"cb410ff61f20015ad\"}"

static void open_both(void)
{
	char program[512];

	jobs = stockade_test_open(NULL);
	hostile = stockade_test_open(stand_program("test/hostile-cage", program));
	stockade_test_file(jobs, "inputs", "abc.txt", "abc", 3);
	stockade_test_secret(hostile, "alpha", "the first secret");
	stockade_test_secret(hostile, "beta", "");
	stockade_test_setting(hostile, "colour", "teal");
}

static int up(void **state)
{
	(void)state;
	open_both();
	return 0;
}

static int down(void **state)
{
	(void)state;
	stockade_test_close(jobs);
	stockade_test_close(hostile);
	stockade_test_close(third);
	return 0;
}

static void both(void (*act)(bool outside))
{
	for (int outside = 0; outside < 2; outside++) {
		stockade_test_outside(jobs, outside);
		stockade_test_outside(hostile, outside);
		act(outside);
	}
	stockade_test_outside(jobs, false);
	stockade_test_outside(hostile, false);
}

static void runs(bool outside)
{
	stockade_assert_done(jobs, "ChecksumFile", "[\"abc.txt\"]", CHECKSUM_OF_ABC);
	stockade_assert_done(jobs, "ChecksumFile", "[\"abc.txt\"]", NULL);
	stockade_assert_failed(jobs, "ChecksumFile", "[\"none\"]", 1, "No such file");
	stockade_assert_failed(jobs, "ChecksumFile", "[\"../etc/passwd\"]", 1, "Invalid argument");
	stockade_assert_refused(jobs, "ChecksumFile", "[\"\"]", "/0", "minLength");
	stockade_assert_refused(jobs, "ChecksumFile", "[]", "/", "minItems");
	stockade_assert_refused(jobs, "ChecksumFile", "[1]", "/0", "type");
	stockade_assert_ended(jobs, "ChecksumFile", "[\"a\"", "E_ARGS_JSON", "byte 4");
	stockade_assert_skipped(hostile, "Hostile::Skip", "[]");
	stockade_assert_ended(hostile, "Hostile::ExitSeven", "[]", "NonZeroExit", "with 7");
	stockade_assert_ended(hostile, "Hostile::ExitZero", "[]", "NoResult", NULL);
	stockade_assert_ended(hostile, "Hostile::Segv", "[]", "Crash", "in stockade-cage+0x");
	stockade_assert_ended(hostile, "Hostile::SecondReady", "[]", "ReportMalformed", NULL);
	assert_int_equal(stockade_test_run(hostile, "Hostile::Skip", "[]")->caged, !outside);
}

static void runs_jobs_on_both_sides(void **state)
{
	(void)state;
	both(runs);
}

/* What the last run said of its deadline. */
static uintmax_t left(void)
{
	const char *message = stockade_test_run(hostile, "Hostile::TellJob", "[]")->message;
	const char *at = strstr(message, " left ");

	return at == NULL ? 0 : strtoul(at + 6, NULL, 10);
}

static void hands(bool outside)
{
	(void)outside;
	stockade_assert_failed(hostile, "Hostile::TellJob", "[]", 1,
	    "id abababababababababababababababab attempt 1 secret the first secret/16 "
	    "setting teal left ");
	stockade_test_attempt(hostile, 3);
	stockade_test_job_id(hostile, "00112233445566778899aabbccddeeff");
	stockade_test_secret(hostile, "alpha", "x");
	stockade_test_deadline(hostile, 900);
	stockade_assert_failed(hostile, "Hostile::TellJob", "[]", 1,
	    "id 00112233445566778899aabbccddeeff attempt 3 secret x/1 setting teal left ");
	assert_in_range(left(), 1, 900);
	stockade_assert_logged(hostile, "5 told\n");
	stockade_assert_retry(hostile, "Hostile::TellJob", "[\"again\"]", 1500);
	assert_string_equal(
	    stockade_test_run(hostile, "Hostile::TellJob", "[]")->output, "printed");
	stockade_test_attempt(hostile, 1);
	stockade_test_job_id(hostile, "abababababababababababababababab");
	stockade_test_secret(hostile, "alpha", "the first secret");
	stockade_test_deadline(hostile, 300);
	stockade_assert_ended(hostile, "Hostile::SleepLong", "[]", "WallTimeout", "300 ms");
	stockade_test_deadline(hostile, 0);
}

static void hands_what_the_test_says(void **state)
{
	(void)state;
	both(hands);
}

static void keeps_a_work_directory_empty(bool outside)
{
	(void)outside;
	for (int i = 0; i < 2; i++)
		stockade_assert_ended(hostile, "Hostile::WorkThenCrash", "[]", "Abort", NULL);
	stockade_assert_done(hostile, "Hostile::WorkLook", "[]", NULL);
}

static void has_work_directories(void **state)
{
	(void)state;
	both(keeps_a_work_directory_empty);
}

/* What a worker alone can act on is taken all the same: releases, progress, the trace of the id. */
static void words(bool outside)
{
	(void)outside;
	stockade_assert_done(hostile, "Hostile::Release", "[\"{1}\",\"{2}\"]", NULL);
	stockade_assert_failed(
	    hostile, "Hostile::Release", "[\"{1}\",\"{2}\",\"{3}\"]", EDQUOT, NULL);
	stockade_assert_done(hostile, "Hostile::Pulse", "[\"often\"]", NULL);
	stockade_assert_done(hostile, "Hostile::Talker", "[\"progress\",\"5\"]", NULL);
	stockade_assert_ended(
	    hostile, "Hostile::Fail", "[\"for good\"]", "FailedForGood", "cannot be done");
	stockade_assert_failed(hostile, "Hostile::Trace", "[]", 1,
	    "trace 00-abababababababababababababababab-abababababababab-00");
}

static void words_work_in_a_test(void **state)
{
	(void)state;
	both(words);
}

/* The wall is the very one: what it denies has a name, and outside of it nothing is denied. */
static void names_a_denied_call(void **state)
{
	const struct stockade_test_end *e;

	(void)state;
	stockade_assert_denied(hostile, "Hostile::OpenSocket", "[]", "socket");
	stockade_assert_denied(hostile, "Hostile::RunShell", "[]", "execve");
	e = stockade_test_run(hostile, "Hostile::OpenSocket", "[]");
	assert_true(e->caged);
	stockade_test_outside(hostile, true);
	e = stockade_test_run(hostile, "Hostile::OpenSocket", "[]");
	assert_string_not_equal(e->outcome, "SyscallDenied");
	assert_string_equal(e->denied, "");
	assert_false(e->caged);
	stockade_test_outside(hostile, false);
}

/* --- each assertion can fail ------------------------------------------------------------------ */

static void (*wrongly)(void);
static bool outside_too;

static void attempt(void **state)
{
	(void)state;
	/* the processes of our parent are not ours to ask */
	open_both();
	stockade_test_outside(jobs, outside_too);
	wrongly();
}

static void not_done(void)
{
	stockade_assert_done(jobs, "ChecksumFile", "[\"none\"]", NULL);
}
static void other_result(void)
{
	stockade_assert_done(jobs, "ChecksumFile", "[\"abc.txt\"]", "{\"bytes\":3}");
}
static void other_code(void)
{
	stockade_assert_failed(jobs, "ChecksumFile", "[\"none\"]", 2, NULL);
}
static void other_message(void)
{
	stockade_assert_failed(jobs, "ChecksumFile", "[\"none\"]", 1, "Permission");
}
static void not_refused(void)
{
	stockade_assert_refused(jobs, "ChecksumFile", "[\"abc.txt\"]", "/0", "minLength");
}
static void other_place(void)
{
	stockade_assert_refused(jobs, "ChecksumFile", "[\"\"]", "/1", "minLength");
}
static void other_rule(void)
{
	stockade_assert_refused(jobs, "ChecksumFile", "[\"\"]", "/0", "maxLength");
}
static void not_denied(void)
{
	stockade_assert_denied(jobs, "ChecksumFile", "[\"abc.txt\"]", "socket");
}
static void other_call(void)
{
	stockade_assert_denied(hostile, "Hostile::OpenSocket", "[]", "execve");
}
static void part_of_a_call(void)
{
	stockade_assert_denied(hostile, "Hostile::RunShell", "[]", "exec");
}
static void not_skipped(void)
{
	stockade_assert_skipped(jobs, "ChecksumFile", "[\"abc.txt\"]");
}
static void not_again(void)
{
	stockade_assert_retry(hostile, "Hostile::TellJob", "[\"again\"]", 1000);
}
static void not_logged(void)
{
	(void)stockade_test_run(hostile, "Hostile::TellJob", "[]");
	stockade_assert_logged(hostile, "5 said");
}
static void other_sentence(void)
{
	stockade_assert_ended(hostile, "Hostile::Segv", "[]", "Crash", "0x2000");
}
static void no_such_class(void)
{
	(void)stockade_test_run(jobs, "NoSuchClass", "[]");
}
static void no_such_label(void)
{
	stockade_test_file(jobs, "elsewhere", "x", "", 0);
}
static void too_late(void)
{
	stockade_test_directory(jobs, "inputs", "/tmp");
}
static void no_job_id(void)
{
	stockade_test_job_id(jobs, "00112233445566778899aabbccddeefg");
}
static void nothing_handed(void)
{
	char program[512];

	third = stockade_test_open(stand_program("test/hostile-cage", program));
	(void)stockade_test_run(third, "Hostile::TellJob", "[]");
}
static void no_program(void)
{
	(void)stockade_test_open("/nonexistent/cage");
}

/* In a process of its own, because a failed test of ours is what is wanted. */
static int failures(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(attempt) };
	int status = -1, null;
	pid_t pid = fork();

	if (pid == 0) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		(void)dup2(null, 1);
		(void)dup2(null, 2);
		_exit(cmocka_run_group_tests(tests, NULL, down));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void right(void)
{
	stockade_assert_done(jobs, "ChecksumFile", "[\"abc.txt\"]", CHECKSUM_OF_ABC);
}

static void every_assertion_can_fail(void **state)
{
	static void (*const wrong[])(void) = { not_done, other_result, other_code, other_message,
		not_refused, other_place, other_rule, not_denied, other_call, part_of_a_call,
		not_skipped, not_again, not_logged, other_sentence, no_such_class, no_such_label,
		too_late, no_job_id, nothing_handed, no_program };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(wrong); i++) {
		wrongly = wrong[i];
		if (failures() != 1)
			fail_msg("wrong assertion %zu did not fail", i);
	}
	wrongly = right;
	assert_int_equal(failures(), 0);
	outside_too = true;
	assert_int_equal(failures(), 0);
}

/* --- what it leaves --------------------------------------------------------------------------- */

static void leaves_nothing_behind(void **state)
{
	struct stockade_test *t = stockade_test_open(NULL);
	char path[512];
	struct stat st;

	(void)state;
	stockade_test_file(t, "inputs", "f", "x", 1);
	(void)snprintf(path, sizeof(path), "%s", stockade_test_path(t, "inputs"));
	assert_int_equal(stat(path, &st), 0);
	stockade_assert_done(t, "ChecksumFile", "[\"f\"]", NULL);
	stockade_test_close(t);
	assert_int_equal(stat(path, &st), -1);
	/* but a directory of the test's own stays */
	t = stockade_test_open(NULL);
	stockade_test_directory(t, "inputs", stockade_test_path(jobs, "inputs"));
	stockade_assert_done(t, "ChecksumFile", "[\"abc.txt\"]", CHECKSUM_OF_ABC);
	stockade_test_close(t);
	assert_int_equal(stat(stockade_test_path(jobs, "inputs"), &st), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_jobs_on_both_sides),
		cmocka_unit_test(hands_what_the_test_says),
		cmocka_unit_test(has_work_directories),
		cmocka_unit_test(words_work_in_a_test),
		cmocka_unit_test(names_a_denied_call),
		cmocka_unit_test(every_assertion_can_fail),
		cmocka_unit_test(leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, up, down);
}

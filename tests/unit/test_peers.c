/*
 * test_peers.c - a peer beyond the wall that is slow, stopped or silent, and a worker whose starter
 * left it odd signal dispositions: no job pays for it, no verdict is lost, no order goes unheard.
 */
#include "tests/harness.h"
#include "tests/lib/stand.h"

#include "sandbox/parent.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int ticks;

static enum stk_run_order stop_at_three(void *ctx, int64_t back_by_ms)
{
	(void)ctx, (void)back_by_ms;
	return ++ticks < 3 ? STK_RUN_ON : STK_RUN_TERM;
}

/* setup() takes 1.3 s, the job may take 1 s. */
static void a_slow_setup_is_not_the_first_jobs_time(void **state)
{
	struct stk_limits limits;
	struct stk_stand s;
	struct stk_outcome o;
	const char *why;

	(void)state;
	assert_int_equal(stand_open_liar(&s, "slow", &why), STK_OK);
	limits = s.table.classes[0].ask;
	limits.wall_ms = 1000;
	s.limits = &limits;
	assert_int_equal(stand_run(&s, "Liar", "[]", &o), STK_OK);
	if (o.name != STK_OUT_DONE || o.wall_ms >= 1000)
		fail_msg("%s: %s", stk_outcome_text(o.name), o.why);
	stk_outcome_clear(&o);
	stand_close(&s);
}

/* Silence lasts for seconds; signals and beats do not wait for its end. */
static void a_silent_zygote_does_not_deafen_the_worker(void **state)
{
	static const char *const lies[] = { "hello-never", "spawn-never" };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(lies); i++) {
		int64_t start;
		struct stk_stand s;
		struct stk_outcome o;
		const char *why;

		assert_int_equal(stand_open_liar(&s, lies[i], &why), STK_OK);
		s.hooks.tick = stop_at_three;
		s.hooks.tick_ms = 50;
		ticks = 0;
		start = stk_monotonic_ms();
		assert_int_equal(stand_run(&s, "Liar", "[]", &o), STK_OK);
		if (o.name != STK_OUT_SHUTDOWN || o.started || strstr(o.why, "called off") == NULL)
			fail_msg("%s: %s: %s", lies[i], stk_outcome_text(o.name), o.why);
		assert_true(ticks >= 3);
		assert_true(stk_monotonic_ms() - start < 2000);
		stk_outcome_clear(&o);
		stand_close(&s);
	}
}

/* Stopped, not dead: the kernel delivers no SIGSTOP that a SIGKILL does not end. */
static void a_stopped_zygote_is_replaced(void **state)
{
	static struct stk_stand s;
	char program[512];
	struct stk_outcome o;
	pid_t stopped;

	(void)state;
	stand_open(&s, stand_program("test/hostile-cage", program), NULL);
	assert_int_equal(stand_run(&s, "Hostile::ExitZero", "[]", &o), STK_OK);
	stk_outcome_clear(&o);
	stopped = s.cage->zygotes[0].child.pid;
	assert_int_equal(kill(stopped, SIGSTOP), 0);
	assert_int_equal(stand_run(&s, "Hostile::ExitSeven", "[]", &o), STK_OK);
	assert_int_equal(o.name, STK_OUT_NON_ZERO_EXIT);
	assert_int_not_equal(s.cage->zygotes[0].child.pid, stopped);
	stk_outcome_clear(&o);
	stand_close(&s);
}

/* A done that the kernel contradicts: the result is on the pipe, then the job is ended. */
static int run_orphaned(const char *program)
{
	static const struct {
		const char *name;
		enum stk_outcome_name expected;
	} jobs[] = {
		{ "Hostile::DoneThenTrace", STK_OUT_SYSCALL_DENIED },
		{ "Hostile::ExitSeven", STK_OUT_NON_ZERO_EXIT },
		{ "Hostile::SleepLong", STK_OUT_WALL_TIMEOUT },
	};
	static struct stk_stand s;
	struct stk_limits limits;

	(void)signal(SIGCHLD, SIG_IGN);
	stand_open(&s, program, NULL);
	limits = s.table.classes[0].ask;
	limits.wall_ms = 1000;
	s.limits = &limits;
	for (size_t i = 0; i < STK_ARRAY_LEN(jobs); i++) {
		struct stk_outcome o;

		if (stand_run(&s, jobs[i].name, "[]", &o) != STK_OK || o.name != jobs[i].expected) {
			(void)fprintf(
			    stderr, "%s: %s: %s\n", jobs[i].name, stk_outcome_text(o.name), o.why);
			return 1;
		}
		stk_outcome_clear(&o);
	}
	stand_close(&s);
	return 0;
}

/* A service manager that ignores SIGCHLD hands that on through exec. */
static void an_ignored_sigchld_costs_no_verdict(void **state)
{
	char program[512];
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(run_orphaned(stand_program("test/hostile-cage", program)));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_setup_is_not_the_first_jobs_time),
		cmocka_unit_test(a_silent_zygote_does_not_deafen_the_worker),
		cmocka_unit_test(a_stopped_zygote_is_replaced),
		cmocka_unit_test(an_ignored_sigchld_costs_no_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

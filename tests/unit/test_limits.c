/*
 * test_limits.c - each limit by what it stops, in forked children, and that none can be raised
 * again.
 */
#include "sandbox/limits.h"
#include "tests/harness.h"
#include "tests/lib/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct stk_limits usual = {
	.mem_bytes = 256u << 20,
	.file_bytes = 64u << 10,
	.stack_bytes = 1u << 20,
	.wall_ms = 1000,
	.cpu_s = 1,
	.fds = 16,
	.output_bytes = 1,
	.report_bytes = 1,
	.result_bytes = 1,
};

struct scene {
	bool limited;
	int (*act)(void);
};

static int enter_and_act(const void *arg)
{
	const struct scene *s = arg;
	const char *step = "?";

	if (s->limited &&
	    (stk_limits_fixed(&step) != STK_OK || stk_limits_job(&usual, 0, &step) != STK_OK))
		return 200;
	if (s->limited && step != NULL)
		return 201;
	return s->act();
}

static int run(bool limited, int (*act)(void))
{
	return in_child(enter_and_act, &(struct scene){ limited, act });
}

static int map_half_a_gigabyte(void)
{
	return mmap(NULL, 512u << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
		   ? errno
		   : 0;
}

static int open_twenty(void)
{
	for (int i = 0; i < 20; i++)
		if (dup(STDERR_FILENO) == -1)
			return errno;
	return 0;
}

static int fork_once(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid == -1 ? errno : waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

static int write_a_megabyte(void)
{
	static const char block[4096];
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	for (int i = 0; i < 256; i++)
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			return 1;
	return 0;
}

static int spin_three_seconds(void)
{
	struct rusage r;

	do
		(void)getrusage(RUSAGE_SELF, &r);
	while (r.ru_utime.tv_sec + r.ru_stime.tv_sec < 3);
	return 0;
}

static int lock_a_page(void)
{
	static char page[4096];

	return mlock(page, sizeof(page)) != 0 ? errno : 0;
}

static int raise_any(void)
{
	static const int all[] = { RLIMIT_CORE, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_SIGPENDING,
		RLIMIT_LOCKS, RLIMIT_NICE, RLIMIT_RTPRIO, RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_NOFILE,
		RLIMIT_STACK, RLIMIT_AS, RLIMIT_NPROC };

	for (size_t i = 0; i < STK_ARRAY_LEN(all); i++) {
		struct rlimit now;

		if (getrlimit((__rlimit_resource_t)all[i], &now) != 0)
			return 100;
		if (all[i] != RLIMIT_CPU && now.rlim_cur != now.rlim_max)
			return 50 + (int)i;
		now.rlim_max++;
		if (setrlimit((__rlimit_resource_t)all[i], &now) == 0 || errno != EPERM)
			return 1 + (int)i;
	}
	return 0;
}

/* 0, or one more than the number of the first limit that is not what was asked for. */
static int read_back(void)
{
	static const struct {
		__rlimit_resource_t resource;
		rlim_t soft, hard;
	} all[] = {
		{ RLIMIT_CORE, 0, 0 },
		{ RLIMIT_MEMLOCK, 0, 0 },
		{ RLIMIT_MSGQUEUE, 0, 0 },
		{ RLIMIT_SIGPENDING, 16, 16 },
		{ RLIMIT_LOCKS, 0, 0 },
		{ RLIMIT_NICE, 0, 0 },
		{ RLIMIT_RTPRIO, 0, 0 },
		{ RLIMIT_NPROC, 0, 0 },
		{ RLIMIT_CPU, 1, 2 },
		{ RLIMIT_FSIZE, 64u << 10, 64u << 10 },
		{ RLIMIT_NOFILE, 16, 16 },
		{ RLIMIT_STACK, 1u << 20, 1u << 20 },
		{ RLIMIT_AS, 256u << 20, 256u << 20 },
	};

	for (size_t i = 0; i < STK_ARRAY_LEN(all); i++) {
		struct rlimit now;

		if (getrlimit(all[i].resource, &now) != 0 || now.rlim_cur != all[i].soft ||
		    now.rlim_max != all[i].hard)
			return 1 + (int)i;
	}
	return 0;
}

static void every_limit_is_what_was_asked_for(void **state)
{
	(void)state;
	assert_int_equal(run(true, read_back), 0);
	assert_int_not_equal(run(false, read_back), 0);
}

static void what_is_limited_is_stopped(void **state)
{
	(void)state;
	assert_int_equal(run(false, map_half_a_gigabyte), 0);
	assert_int_equal(run(true, map_half_a_gigabyte), ENOMEM);
	assert_int_equal(run(false, open_twenty), 0);
	assert_int_equal(run(true, open_twenty), EMFILE);
	assert_int_equal(run(false, write_a_megabyte), 0);
	assert_int_equal(run(true, write_a_megabyte), DIED_OF(SIGXFSZ));
	assert_int_equal(run(true, spin_three_seconds), DIED_OF(SIGXCPU));
}

static void what_uid_0_escapes_binds_everyone_else(void **state)
{
	(void)state;
	if (geteuid() == 0)
		skip_because(
		    "run it as another user than root, whom neither NPROC nor MEMLOCK binds");
	assert_int_equal(run(false, fork_once), 0);
	assert_int_equal(run(true, fork_once), EAGAIN);
	assert_int_equal(run(true, lock_a_page), EPERM);
	assert_int_equal(run(true, raise_any), 0);
}

static int keep_what_is_lower(const void *arg)
{
	struct rlimit low = { 8, 8 };
	const char *step;

	(void)arg;
	if (setrlimit(RLIMIT_NOFILE, &low) != 0)
		return 1;
	if (stk_limits_job(&usual, STK_PROFILE_THREADS, &step) != STK_OK || step != NULL)
		return 2;
	if (getrlimit(RLIMIT_NOFILE, &low) != 0 || low.rlim_cur != 8 || low.rlim_max != 8)
		return 3;
	return fork_once(); /* with threads NPROC is not ours to set */
}

static void a_lower_limit_stays_and_threads_keep_their_tasks(void **state)
{
	(void)state;
	assert_int_equal(in_child(keep_what_is_lower, NULL), 0);
}

static int forget_a_field(const void *arg)
{
	const char *step = NULL;

	return stk_limits_job(arg, 0, &step) == STK_E_REFUSED && step != NULL ? 0 : 1;
}

static void a_forgotten_field_is_refused_by_name(void **state)
{
	struct stk_limits cpu = usual, mem = usual, fds = usual, stack = usual;

	(void)state;
	cpu.cpu_s = 0;
	mem.mem_bytes = 0;
	fds.fds = 0;
	stack.stack_bytes = 0;
	assert_int_equal(in_child(forget_a_field, &cpu), 0);
	assert_int_equal(in_child(forget_a_field, &mem), 0);
	assert_int_equal(in_child(forget_a_field, &fds), 0);
	assert_int_equal(in_child(forget_a_field, &stack), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_limit_is_what_was_asked_for),
		cmocka_unit_test(what_is_limited_is_stopped),
		cmocka_unit_test(what_uid_0_escapes_binds_everyone_else),
		cmocka_unit_test(a_lower_limit_stays_and_threads_keep_their_tasks),
		cmocka_unit_test(a_forgotten_field_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

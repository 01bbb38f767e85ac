/*
 * test_filter_kernel.c - the filters in the real kernel: every call number as a job and as a
 * worker, the entry in full, and what the worker keeps.
 */
#include "sandbox/caps.h"
#include "sandbox/filter.h"
#include "sandbox/landlock.h"
#include "sandbox/limits.h"
#include "tests/harness.h"
#include "tests/lib/wall.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_END (STK_NR_file_setattr + 64)

/* The kernel passes these two by every filter (since 6.13) and refuses or ends whoever calls them
 * from anywhere but its own trampoline. */
static bool kernels_own(int nr)
{
	static const int own[] = { STK_NR_uretprobe, STK_NR_uprobe };

	for (size_t i = 0; i < STK_ARRAY_LEN(own); i++)
		if (nr >= 0 && nr == own[i])
			return true;
	return false;
}

/* With arguments that the first matching row allows, the kernel must agree with the table. */
static void ask_kernel(uint32_t profiles, int nr)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);
	uint32_t groups = profiles | STK_GROUP_BASE;
	struct call c = { .nr = nr };

	for (size_t i = 0; i < n; i++)
		if (rows[i].nr == nr && (rows[i].groups & groups) != 0 &&
		    rows[i].action == STK_ROW_ALLOW && rows[i].args[0].op != STK_ARG_SELF) {
			satisfy(&rows[i], 0, c.args);
			break;
		}

	struct stk_verdict v = stk_profile_verdict(groups, nr, c.args, 0);
	int got = calling(WALL_BOTH, profiles, c);

	if (kernels_own(nr) && (got == DIED_OF(SIGILL) || got == ENXIO))
		return;
	if (v.kind == STK_VERDICT_DENY)
		assert_int_equal(got, DIED_OF(SIGSYS));
	else if (v.kind == STK_VERDICT_ERRNO)
		assert_int_equal(got, v.err);
	else if (got == DIED_OF(SIGSYS) || got == ENOSYS)
		fail_msg("%s is allowed but ended with %d",
		    stk_syscall_name(stk_syscall_arch(), nr), got);
}

static void the_kernel_agrees_for_every_call_number(void **state)
{
	(void)state;
	for (int nr = 0; nr < NR_END; nr++) {
		ask_kernel(STK_PROFILE_PURE, nr);
		ask_kernel(STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE, nr);
	}
}

/* --- the entry and the worker ------------------------------------------------------------------
 */

static int clone_as_zygote(const void *arg)
{
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	(void)arg;
	if (pid == 0)
		_exit(33);
	return pid > 0 ? 0 : errno;
}

static void the_entry_can_clone_siblings_and_nothing_else(void **state)
{
	int status, seen = 0;

	(void)state;
	assert_int_equal(behind(WALL_BIG, 0, clone_as_zygote, NULL), 0);
	while (waitpid(-1, &status, 0) > 0)
		seen += WIFEXITED(status) && WEXITSTATUS(status) == 33;
	assert_int_equal(seen, 1); /* the sibling is a child of this process */
	assert_int_equal(behind(WALL_BOTH, 0, clone_as_zygote, NULL), DIED_OF(SIGSYS));
	assert_int_equal(
	    calling(WALL_BIG, 0, (struct call){ SYS_clone, { SIGCHLD } }), DIED_OF(SIGSYS));
	assert_int_equal(
	    calling(WALL_BIG, 0, (struct call){ SYS_clone, { CLONE_PARENT | CLONE_VM | SIGCHLD } }),
	    DIED_OF(SIGSYS));
}

static void every_entry_row_works_before_the_tiny_filter_and_not_after(void **state)
{
	size_t n, tried = 0;
	const struct stk_row *rows = stk_profile_rows(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct call c = { .nr = rows[i].nr };

		if ((rows[i].groups & STK_GROUP_ENTRY) == 0 || c.nr < 0 || c.nr == SYS_clone)
			continue;
		satisfy(&rows[i], 0, c.args);
		assert_int_not_equal(calling(WALL_BIG, 0, c), DIED_OF(SIGSYS));
		if (stk_profile_verdict(STK_GROUP_BASE, rows[i].nr, c.args, 0).kind ==
		    STK_VERDICT_DENY)
			assert_int_equal(calling(WALL_BOTH, 0, c), DIED_OF(SIGSYS));
		tried++;
	}
	assert_true(tried >= 20);
}

/* Everything J does between the clone and READY, with the real modules, in their real order. */
static int shut_the_cage(const void *arg)
{
	static const struct stk_limits limits = { .mem_bytes = 256u << 20,
		.file_bytes = 1u << 20,
		.stack_bytes = 8u << 20,
		.cpu_s = 10,
		.fds = 16 };
	static char alt[16384];
	struct stk_bpf big, tiny;
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };
	struct sigaction sa = { .sa_handler = SIG_DFL };
	const char *step;
	int ruleset = STDERR_FILENO, abi = stk_landlock_abi();

	(void)arg;
	/* Z */
	if (stk_caps_drop(&step) != STK_OK || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    stk_limits_fixed(&step) != STK_OK)
		return 1;
	if (abi > 0 &&
	    stk_landlock_create(abi, STK_LANDLOCK_NET | STK_LANDLOCK_SCOPES, &ruleset) != STK_OK)
		return 2;
	if (stk_filter_big_build(0, &big) != STK_OK || stk_filter_tiny_build(0, &tiny) != STK_OK ||
	    stk_filter_install(&big) != STK_OK)
		return 3;
	/* J */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() <= 0)
		return 4;
	if (sigaltstack(&ss, NULL) != 0 || sigaction(SIGSEGV, &sa, NULL) != 0)
		return 5;
	if (dup3(STDERR_FILENO, 40, O_CLOEXEC) != 40 || dup3(ruleset, 41, 0) != 41 ||
	    syscall(SYS_close_range, 42, ~0u, 0) != 0)
		return 6;
	if (stk_caps_verify(&step) != STK_OK || stk_limits_job(&limits, 0, &step) != STK_OK)
		return 7;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2)
		return 8;
	if (abi > 0 && stk_landlock_restrict(41) != STK_OK)
		return 9;
	if (stk_filter_tiny_install(&tiny, getpid()) != STK_OK)
		return 10;
	return getpid() > 0 && write(STDOUT_FILENO, "", 0) == 0 ? 0 : 11;
}

static void the_whole_entry_passes_under_the_big_filter(void **state)
{
	(void)state;
	assert_int_equal(in_child(shut_the_cage, NULL), 0);
}

/* What the row of a worker's call needs so that it returns at once. */
static void ask_kernel_as_worker(int nr)
{
	struct call c = { .nr = nr };
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);

	for (size_t i = 0; i < n; i++)
		if (rows[i].nr == nr && (rows[i].groups & STK_GROUP_WORKER) != 0 &&
		    rows[i].args[0].op != STK_ARG_SELF) {
			satisfy(&rows[i], 0, c.args);
			break;
		}
	if (nr == SYS_ppoll)
		c.args[2] = 1; /* a timeout that cannot be read instead of for ever */

	struct stk_verdict v = stk_profile_verdict(STK_GROUP_WORKER, nr, c.args, 0);
	int got = calling(WALL_WORKER, 0, c);

	if (v.kind == STK_VERDICT_KILL)
		assert_int_equal(got, DIED_OF(SIGSYS));
	else if (got == DIED_OF(SIGSYS) || (v.kind == STK_VERDICT_ALLOW && got == ENOSYS))
		fail_msg(
		    "%s ended the worker with %d", stk_syscall_name(stk_syscall_arch(), nr), got);
	else if (v.kind == STK_VERDICT_DENY && !kernels_own(nr))
		assert_int_equal(got, EPERM);
}

static void the_kernel_agrees_with_the_workers_table_for_every_call_number(void **state)
{
	(void)state;
	for (int nr = 0; nr < NR_END; nr++)
		ask_kernel_as_worker(nr);
}

static int do_abort(const void *arg)
{
	(void)arg;
	abort();
}

/* The control: a bare root has no /etc/hosts, and then no name at all is to be had there. */
static const char *resolvable(void)
{
	struct addrinfo *found = NULL;

	if (getaddrinfo("localhost", "6379", NULL, &found) != 0)
		return "127.0.0.1";
	freeaddrinfo(found);
	return "localhost";
}

static int act_as_worker(const void *arg)
{
	int fds[2], sockets = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char *mem = malloc(1u << 20);
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (sockets == -1 || mem == NULL || fd == -1 || pipe2(fds, O_CLOEXEC) != 0)
		return 1;
	if (write(fds[1], "x", 1) != 1 || read(fds[0], mem, 1) != 1 ||
	    fcntl(fds[0], F_SETFL, 0) != 0)
		return 2;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return 7;
	if (socket(AF_NETLINK, SOCK_RAW, 0) != -1 || errno != EPERM)
		return 3;
	if (kill(getppid(), 0) != -1 || errno != EPERM)
		return 4;

	struct addrinfo hint = { .ai_socktype = SOCK_STREAM }, *found = NULL;

	if (getaddrinfo(arg, "6379", &hint, &found) != 0)
		return 6;
	freeaddrinfo(found);
	if (open("/tmp/stk-never", O_WRONLY | O_CREAT, 0600) != -1 || errno != EPERM)
		return 5;
	return 0;
}

static void the_worker_works_degrades_and_dies_of_intruders_calls(void **state)
{
	size_t n, deadly = 0;
	const struct stk_row *rows = stk_profile_rows(&n);

	(void)state;
	assert_int_equal(behind(WALL_WORKER, 0, act_as_worker, resolvable()), 0);
	assert_int_equal(behind(WALL_WORKER, 0, do_abort, NULL), DIED_OF(SIGABRT));
	for (size_t i = 0; i < n; i++) {
		struct call c = { .nr = rows[i].nr };

		if ((rows[i].groups & STK_GROUP_WORKER) == 0 || c.nr < 0)
			continue;
		if (rows[i].action == STK_ROW_KILL) {
			assert_int_equal(calling(WALL_WORKER, 0, c), DIED_OF(SIGSYS));
			deadly++;
		}
	}
	assert_true(deadly > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_agrees_for_every_call_number),
		cmocka_unit_test(the_entry_can_clone_siblings_and_nothing_else),
		cmocka_unit_test(every_entry_row_works_before_the_tiny_filter_and_not_after),
		cmocka_unit_test(the_whole_entry_passes_under_the_big_filter),
		cmocka_unit_test(the_kernel_agrees_with_the_workers_table_for_every_call_number),
		cmocka_unit_test(the_worker_works_degrades_and_dies_of_intruders_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_launcher.c - what the supervisor makes of a launcher that could not be asked.
 */
#include "tests/harness.h"

#include "sandbox/fds.h"
#include "worker/log.h"
#include "worker/tend.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A job may leave descriptors lying in a socket, and the kernel counts them against the whole user:
 * then none can be sent along. The launcher is as well as before, and must not be ended for it.
 */
static void too_many_descriptors_under_way_are_no_fault_of_the_launcher(void **state)
{
	struct rlimit old, few;
	struct stk_launcher l = { .pid = 1 };
	struct stk_worker_start start = { .ready_fd = 0, .pulse_fd = 0 };
	int pair[2], flood[2], fds[32] = { 0 };
	enum stk_err e;
	pid_t pid = 0;

	(void)state;
	if (geteuid() == 0)
		skip_because("run it as another user than root, who may have any number under way");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, flood), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){ .rlim_cur = 64, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	/* others of this user may have some under way too */
	for (e = STK_OK; e == STK_OK;)
		e = stk_fds_send(flood[0], "x", 1, fds, STK_ARRAY_LEN(fds));
	assert_int_equal(errno, ETOOMANYREFS);
	l.sock = pair[0];
	e = stk_launcher_start(&l, &start, &pid);
	assert_int_equal(errno, ETOOMANYREFS);
	assert_int_equal(e, STK_E_SYSTEM);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (int i = 0; i < 2; i++) {
		(void)close(pair[i]);
		(void)close(flood[i]);
	}
}

/*
 * The same in the middle of an order for an exporter, whose descriptors are too many for one
 * message: what L has already got of it is called off, and L is as well as before.
 */
static void half_an_order_is_called_off(void **state)
{
	struct rlimit old, few;
	struct stk_launcher l = { .pid = 1 };
	int pair[2], fds[STK_LAUNCHER_FDS_MAX] = { 0 }, got[STK_FDS_MAX];
	char order[256];
	size_t n = 0, messages = 0;
	ssize_t len;
	pid_t pid = 0;

	(void)state;
	if (geteuid() == 0)
		skip_because("run it as another user than root, who may have any number under way");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){ .rlim_cur = 2 * STK_FDS_MAX, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	l.sock = pair[0];
	assert_int_equal(stk_launcher_export(&l, fds, STK_ARRAY_LEN(fds), &pid), STK_E_SYSTEM);
	assert_int_equal(errno, ETOOMANYREFS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	/* others of this user may have so many under way that not even the first was sent */
	len = recv(pair[1], order, sizeof(order), MSG_PEEK | MSG_DONTWAIT);
	while (
	    len > 0 && stk_fds_recv(pair[1], order, (size_t)len, got, STK_FDS_MAX, &n) == STK_OK) {
		messages++;
		for (size_t i = 0; i < n; i++)
			(void)close(got[i]);
		if (recv(pair[1], order, sizeof(order), MSG_PEEK | MSG_DONTWAIT) == -1)
			break;
	}
	if (messages > 0) {
		assert_in_range(messages, 2, 4);
		assert_int_equal(n, 0);
	}
	for (int i = 0; i < 2; i++)
		(void)close(pair[i]);
}

/* A real L that is told of half an order, then makes a worker: of the half nothing is left in it.
 */
static int count_descriptors(const struct stk_worker_start *start)
{
	int n = 0;

	for (int fd = 3; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return write(start->ready_fd, &n, sizeof(n)) == sizeof(n) ? 0 : 1;
}

static int made_by(const struct stk_launcher *l)
{
	int ready[2], n = -1;
	pid_t pid = 0;
	struct stk_worker_start start = { 0 };

	assert_int_equal(pipe(ready), 0);
	start.ready_fd = start.pulse_fd = ready[1];
	assert_int_equal(stk_launcher_start(l, &start, &pid), STK_OK);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &n, sizeof(n)), sizeof(n));
	(void)close(ready[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return n;
}

static void a_launcher_lives_on_after_half_an_order(void **state)
{
	char off[] = "off";
	const struct stk_config config = { .cgroup = off };
	struct rlimit old, few;
	struct stk_launcher l;
	int fds[STK_LAUNCHER_FDS_MAX] = { 0 }, before;
	pid_t pid = 0;

	(void)state;
	if (geteuid() == 0)
		skip_because("run it as another user than root, who may have any number under way");
	assert_int_equal(stk_launcher_fork(&config, -1, -1, count_descriptors, &l), STK_OK);
	before = made_by(&l);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){ .rlim_cur = 2 * STK_FDS_MAX, .rlim_max = old.rlim_max };
	/* L is stopped, so that what is on its way stays there */
	assert_int_equal(kill(l.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(l.pid, NULL, WUNTRACED), l.pid);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(stk_launcher_export(&l, fds, STK_ARRAY_LEN(fds), &pid), STK_E_SYSTEM);
	assert_int_equal(errno, ETOOMANYREFS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(kill(l.pid, SIGCONT), 0);
	assert_int_equal(made_by(&l), before);
	stk_launcher_close(&l);
}

/* What a tick of the supervisor logs when its launcher @answers nothing any more. */
static void tick_beside(int launcher, char log[static 1024])
{
	char listen[128];
	struct stk_config c = { .concurrency = 1, .metrics_listen = listen };
	struct stk_launcher l = { .pid = 1, .sock = launcher };
	int pulse = stk_pulse_create(), out = memfd_create("log", MFD_CLOEXEC);
	struct stk_tend t;

	(void)snprintf(
	    listen, sizeof(listen), "unix:///tmp/stockade-launcher-%d.sock", (int)getpid());
	stk_log_open(out, STK_LOG_TEXT, STK_LOG_INFO);
	assert_int_equal(stk_tend_open(&t, &c, &pulse, 1), 0);
	errno = 0;
	assert_int_equal(stk_tend_tick(&t, &l, false), STK_E_CLOSED);
	stk_tend_close(&t);
	(void)unlink(listen + strlen("unix://"));
	assert_true(pread(out, log, 1023, 0) > 0);
	stk_log_open(STDERR_FILENO, STK_LOG_TEXT, STK_LOG_INFO);
	(void)close(out);
	(void)close(pulse);
}

/* It hung up without an errno of ours, and there will be no next try. */
static void a_launcher_that_is_gone_is_not_called_success(void **state)
{
	char log[1024] = "";
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
	tick_beside(pair[0], log);
	assert_non_null(strstr(log, "cannot start the exporter: the other side is gone"));
	assert_null(strstr(log, "next try"));
	(void)close(pair[0]);
	(void)close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_an_order_is_called_off),
		cmocka_unit_test(a_launcher_that_is_gone_is_not_called_success),
		cmocka_unit_test(a_launcher_lives_on_after_half_an_order),
		cmocka_unit_test(too_many_descriptors_under_way_are_no_fault_of_the_launcher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

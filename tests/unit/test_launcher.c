/*
 * test_launcher.c - what the supervisor makes of a launcher that could not be asked.
 */
#include "tests/harness.h"

#include "sandbox/fds.h"
#include "worker/launcher.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
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
		skip(); /* root may have any number under way */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_descriptors_under_way_are_no_fault_of_the_launcher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

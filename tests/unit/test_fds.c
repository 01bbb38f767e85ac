/*
 * test_fds.c - descriptors in their slots and over a socket (sandbox/fds.h): every message of
 * another shape is malformed, nothing that came with it stays open, and nothing is waited for
 * beyond its time. And that a process follows its worker's death, and no other's.
 */
#include "tests/harness.h"
#include "tests/lib/child.h"

#include "sandbox/fds.h"
#include "sandbox/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int pair[2];

static int up(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int down(void **state)
{
	(void)state;
	(void)close(pair[0]);
	(void)close(pair[1]);
	return 0;
}

static int n_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* --- in their slots --------------------------------------------------------------------------- */

/* Two pipes whose places are each other's, one that is named twice, and bystanders. */
static int arrange(const void *arg)
{
	int p[2], high;
	char c = 0;

	(void)arg;
	if (pipe2(p, O_CLOEXEC) == -1 || dup2(p[0], 1) == -1 || dup2(p[1], 0) == -1)
		return 1;
	high = fcntl(p[0], F_DUPFD, 200);
	const int fds[] = { 1, 0, high, high };

	if (high == -1 || stk_fds_arrange(fds, STK_ARRAY_LEN(fds)) != STK_OK)
		return 2;
	if (write(1, "x", 1) != 1 || read(0, &c, 1) != 1 || c != 'x')
		return 3;
	for (int fd = 0; fd < 4; fd++)
		if (fcntl(fd, F_GETFD) != 0)
			return 4; /* gone, or gone at the next exec */
	return n_open() == 4 ? 0 : 5;
}

static void what_is_placed_is_all_there_is(void **state)
{
	int many[STK_FDS_MAX + 1] = { 0 };

	(void)state;
	assert_int_equal(in_child(arrange, NULL), 0);
	assert_int_equal(stk_fds_arrange(many, STK_ARRAY_LEN(many)), STK_E_TOOBIG);
}

/* --- over a socket ---------------------------------------------------------------------------- */

static void send_to(size_t len, size_t n_fds)
{
	static const char bytes[64];
	const int fds[8] = { 0, 1, 2, 0, 1, 2, 0, 1 };

	assert_int_equal(stk_fds_send(pair[0], bytes, len, fds, n_fds), STK_OK);
}

static void what_fits_is_taken_and_closes_at_an_exec(void **state)
{
	int before = n_open(), fds[4] = { -1, -1, -1, -1 };
	char record[16];
	size_t n = 9;

	(void)state;
	send_to(16, 3);
	assert_int_equal(stk_fds_recv(pair[1], record, 16, fds, 4, &n), STK_OK);
	assert_int_equal(n, 3);
	assert_int_equal(n_open(), before + 3);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		(void)close(fds[i]);
	}
	send_to(16, 0);
	assert_int_equal(stk_fds_recv(pair[1], record, 16, NULL, 0, NULL), STK_OK);
}

static void what_does_not_fit_is_malformed_and_leaves_nothing_open(void **state)
{
	static const struct {
		size_t len, n_fds, room;
	} messages[] = {
		{ 15, 0, 4 }, /* shorter */
		{ 17, 0, 4 }, /* longer */
		{ 64, 2, 4 },
		{ 16, 5, 4 }, /* more descriptors than were asked for */
		{ 16, 1, 0 }, /* one where none is */
		{ 16, 8, 0 },
		{ 15, 4, 4 },
	};
	int before = n_open(), fds[4];
	char record[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(messages); i++) {
		n = 9;
		send_to(messages[i].len, messages[i].n_fds);
		if (stk_fds_recv(pair[1], record, sizeof(record), fds, messages[i].room, &n) !=
			STK_E_FORMAT ||
		    n != 0 || n_open() != before)
			fail_msg("%zu bytes, %zu descriptors, room for %zu: %zu, %d more open",
			    messages[i].len, messages[i].n_fds, messages[i].room, n,
			    n_open() - before);
	}
}

static void a_peer_that_is_gone_is_told_from_trouble(void **state)
{
	char record[16];

	(void)state;
	stk_close(&pair[0]);
	assert_int_equal(stk_fds_recv(pair[1], record, 16, NULL, 0, NULL), STK_E_CLOSED);
	assert_int_equal(stk_fds_send(pair[1], record, 16, NULL, 0), STK_E_CLOSED);
	assert_int_equal(stk_fds_recv(-1, record, 16, NULL, 0, NULL), STK_E_SYSTEM);
	assert_int_equal(errno, EBADF);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void nothing(int sig)
{
	(void)sig;
}

static void a_wait_ends_at_its_deadline_whatever_interrupts_it(void **state)
{
	const struct sigaction sa = { .sa_handler = nothing };
	int64_t begun = stk_monotonic_ms();
	pid_t pid, parent = getpid();

	(void)state;
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	pid = fork();
	for (int i = 0; pid == 0 && i < 1000; i++) {
		(void)kill(parent, SIGUSR1);
		(void)usleep(1000);
	}
	if (pid == 0)
		_exit(0);
	assert_int_equal(stk_fds_wait(pair[1], begun + 200), STK_E_TIMEOUT);
	assert_true(stk_monotonic_ms() - begun >= 200);
	send_to(1, 0);
	assert_int_equal(stk_fds_wait(pair[1], INT64_MAX), STK_OK);
	assert_int_equal(stk_fds_wait(pair[1], 0), STK_OK); /* what is there, is there */
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* --- following -------------------------------------------------------------------------------- */

static int follow(const void *arg)
{
	pid_t whom = arg == NULL ? getppid() : *(const pid_t *)arg;
	int sig = 0;

	if (stk_follow(whom) == -1)
		return errno;
	return prctl(PR_GET_PDEATHSIG, &sig) == 0 && sig == SIGKILL ? 0 : 1;
}

/* The parent that is named may have died before the death signal was set. */
static void only_a_living_parent_is_followed(void **state)
{
	const pid_t another = getppid();

	(void)state;
	assert_int_equal(in_child(follow, NULL), 0);
	assert_int_equal(in_child(follow, &another), ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_placed_is_all_there_is, up, down),
		cmocka_unit_test_setup_teardown(what_fits_is_taken_and_closes_at_an_exec, up, down),
		cmocka_unit_test_setup_teardown(
		    what_does_not_fit_is_malformed_and_leaves_nothing_open, up, down),
		cmocka_unit_test_setup_teardown(a_peer_that_is_gone_is_told_from_trouble, up, down),
		cmocka_unit_test_setup_teardown(
		    a_wait_ends_at_its_deadline_whatever_interrupts_it, up, down),
		cmocka_unit_test(only_a_living_parent_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_walls.c - the walls around the worker and the supervisor, by their effect.
 */
#include "sandbox/landlock.h"
#include "tests/harness.h"
#include "tests/lib/child.h"
#include "worker/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], policy[128], key[128], other[128];

static bool readable(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd != -1)
		(void)close(fd);
	return fd != -1;
}

/* What connect() to @port of this machine says: ECONNREFUSED is a network that can be reached. */
static int reach(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int e;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	e = connect(s, (const struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : errno;
	(void)close(s);
	return e;
}

static void fill(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_not_equal(fd, -1);
	(void)close(fd);
}

static int set_up(void **state)
{
	char folder[160];

	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/stk-walls-XXXXXX");
	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "policy", "keys", "other" };

		(void)snprintf(folder, sizeof(folder), "%s/%s", dir, names[i]);
		assert_int_equal(mkdir(folder, 0700), 0);
	}
	(void)snprintf(policy, sizeof(policy), "%s/policy/policy.conf", dir);
	(void)snprintf(key, sizeof(key), "%s/keys/a.key", dir);
	(void)snprintf(other, sizeof(other), "%s/other/file", dir);
	fill(policy);
	fill(key);
	fill(other);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "policy/policy.conf", "keys/a.key", "other/file",
		"policy", "keys", "other", "" };
	char path[160];

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
	return 0;
}

static int worker_files(const void *arg)
{
	struct stk_config c = { .policy = policy, .redis = (char[]){ "redis://127.0.0.1:6399" } };
	struct stk_key k = { .secret_path = key };
	struct stk_keyring ring = { .keys = &k, .n_keys = 1 };
	char by_path[] = "unix:///nowhere/sock";
	const char *step = "?";
	pid_t child;

	if (arg != NULL)
		c.redis = by_path;
	if (!readable(policy) || !readable(key) || !readable(other) || !readable("/usr") ||
	    reach(6399) != ECONNREFUSED || reach(1) != ECONNREFUSED)
		return 1; /* the control */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    stk_walls_worker_files(&c, &ring, -1, &step) != STK_OK)
		return 2;
	if (!readable(policy) || !readable(key) || !readable("/etc/passwd") ||
	    !readable("/proc/self/status"))
		return 3;
	if (readable(other) || readable("/usr") || readable(dir))
		return 4;
	if (open(policy, O_WRONLY | O_CLOEXEC) != -1 || unlink(policy) == 0)
		return 5;
	if (reach(6399) != (arg == NULL ? ECONNREFUSED : EACCES) || reach(1) != EACCES)
		return 6;
	/* a name server is asked by TCP where an answer is too long; whether one is here does not
	 * matter */
	if ((reach(53) == EACCES) != (arg != NULL))
		return 8;
	child = fork(); /* no signal scope: whoever made a job must end it */
	if (child == 0)
		for (;;)
			(void)pause();
	return kill(child, SIGKILL) == 0 && kill(getppid(), 0) == 0 &&
		       waitpid(child, NULL, 0) == child
		   ? 0
		   : 7;
}

static void a_worker_reads_what_it_must_and_no_more(void **state)
{
	(void)state;
	if (stk_landlock_abi() < 4)
		skip_because("Landlock's rules for TCP: Linux 6.7");
	assert_int_equal(in_child(worker_files, NULL), 0);
}

static void a_worker_with_a_unix_socket_reaches_no_port(void **state)
{
	(void)state;
	if (stk_landlock_abi() < 4)
		skip_because("Landlock's rules for TCP: Linux 6.7");
	assert_int_equal(in_child(worker_files, ""), 0);
}

static int switched_off(const void *arg)
{
	struct stk_config c = { .policy = policy, .redis = (char[]){ "redis://127.0.0.1:6399" } };
	const char *step = "?";

	(void)arg;
	c.layers[STK_LAYER_LANDLOCK_FS] = STK_WISH_OFF;
	if (stk_walls_worker_files(&c, NULL, -1, &step) != STK_OK)
		return 1;
	return readable(other) ? 0 : 2;
}

static void switched_off_it_is_not_there(void **state)
{
	(void)state;
	assert_int_equal(in_child(switched_off, NULL), 0);
}

static int supervisor(const void *arg)
{
	struct stk_config c = { 0 };
	const char *step = "?";
	pid_t child = fork();

	(void)arg;
	if (child == 0)
		for (;;)
			(void)pause();
	if (!readable("/etc/passwd") || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    stk_walls_supervisor(&c, &step) != STK_OK)
		return 1;
	if (readable("/etc/passwd") || errno != EPERM) /* the filter speaks before Landlock does */
		return 2;
	if (kill(child, SIGKILL) != 0 || waitpid(child, NULL, 0) != child)
		return 3;
	free(malloc(1 << 20));
	return 0;
}

static int supervisor_forks(const void *arg)
{
	struct stk_config c = { 0 };
	const char *step = "?";

	(void)arg;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    stk_walls_supervisor(&c, &step) != STK_OK)
		return 1;
	(void)fork();
	return 2;
}

static void a_supervisor_waits_and_kills_and_no_more(void **state)
{
	(void)state;
	assert_int_equal(in_child(supervisor, NULL), 0);
	assert_int_equal(in_child(supervisor_forks, NULL), 256 + SIGSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_worker_reads_what_it_must_and_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_worker_with_a_unix_socket_reaches_no_port, set_up, tear_down),
		cmocka_unit_test_setup_teardown(switched_off_it_is_not_there, set_up, tear_down),
		cmocka_unit_test(a_supervisor_waits_and_kills_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

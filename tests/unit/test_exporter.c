/*
 * test_exporter.c - around the exporter: where it listens, when the service is well, how long its
 * successor waits, and what its walls keep it from.
 */
#include "tests/harness.h"

#include "sandbox/landlock.h"
#include "tests/lib/child.h"
#include "worker/health.h"
#include "worker/listen.h"
#include "worker/restart.h"
#include "worker/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

/* --- where
 * ------------------------------------------------------------------------------------------ */

static void addresses_are_taken_and_refused(void **state)
{
	static const struct {
		const char *text;
		bool good, local;
	} rows[] = {
		{ "127.0.0.1:9394", true, true },
		{ "127.9.9.9:1", true, true },
		{ "[::1]:9394", true, true },
		{ "0.0.0.0:9394", true, false },
		{ "10.0.0.1:65535", true, false },
		{ "[::]:9394", true, false },
		{ "[2001:db8::1]:9394", true, false },
		{ "unix:///run/x", true, true },
		{ "unix:///run/x?mode=0600", true, true },
		{ "", false, false },
		{ ":9394", false, false },
		{ "9394", false, false },
		{ "localhost:9394", false, false },
		{ "127.0.0.1", false, false },
		{ "127.0.0.1:", false, false },
		{ "127.0.0.1:0", false, false },
		{ "127.0.0.1:65536", false, false },
		{ "127.0.0.1:-1", false, false },
		{ "127.0.0.1:+1", false, false },
		{ "127.0.0.1: 1", false, false },
		{ "127.0.0.1:1x", false, false },
		{ "127.0.0.1:99999999999999999999", false, false },
		{ "127.1:9394", false, false },
		{ "::1:9394", false, false },
		{ "[::1]", false, false },
		{ "[::1:9394", false, false },
		{ "[]:9394", false, false },
		{ "[127.0.0.1]:9394", false, false },
		{ "[::1%lo]:9394", false, false },
		{ "unix://run/x", false, false },
		{ "unix:///", false, false },
		{ "unix:///run/x?", false, false },
		{ "unix:///run/x?mode=", false, false },
		{ "unix:///run/x?mode=9", false, false },
		{ "unix:///run/x?mode=01777", false, false },
		{ "unix:///run/x?mode=0600&a", false, false },
		{ "unix:///"
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		    false, false },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(rows); i++) {
		struct stk_listen l;
		char why[STK_LISTEN_WHY_BYTES] = "";
		enum stk_err e = stk_listen_parse(rows[i].text, &l, why, sizeof(why));

		if ((e == STK_OK) != rows[i].good)
			fail_msg("'%s': %d %s", rows[i].text, e, why);
		if (e == STK_OK && l.local != rows[i].local)
			fail_msg("'%s': local %d", rows[i].text, l.local);
		assert_true(e == STK_OK || why[0] != '\0');
	}
}

/* Calls until nobody more may wait. */
static void fill_queue(const char *path, int listener)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int s[8];

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	assert_int_equal(listen(listener, 1), 0);
	for (size_t i = 0; i < STK_ARRAY_LEN(s); i++) {
		s[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(s[i], (const struct sockaddr *)&to, sizeof(to)) == -1) {
			assert_int_equal(errno, EAGAIN);
			return; /* they wait until this process ends */
		}
	}
	fail_msg("all are let in");
}

static void a_paths_socket_has_its_mode_and_replaces_a_dead_one(void **state)
{
	char dir[] = "/tmp/stk-listen-XXXXXX", text[96], why[STK_LISTEN_WHY_BYTES];
	const char *path = text + strlen("unix://");
	struct stk_listen l;
	struct stat st;
	int fd, other, plain;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(text, sizeof(text), "unix://%s/s?mode=0640", dir);
	assert_int_equal(stk_listen_parse(text, &l, why, sizeof(why)), STK_OK);
	*strchr(text, '?') = '\0';
	assert_int_equal(stk_listen_open(&l, &fd), STK_OK);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	/* somebody listens: not taken from them */
	assert_int_equal(stk_listen_open(&l, &other), STK_E_SYSTEM);
	assert_int_equal(errno, EADDRINUSE);
	/* nor where so many wait to be let in that no more are taken */
	fill_queue(path, fd);
	assert_int_equal(stk_listen_open(&l, &other), STK_E_SYSTEM);
	assert_int_equal(errno, EADDRINUSE);
	/* a service that was killed leaves it */
	stk_close(&fd);
	assert_int_equal(stk_listen_open(&l, &fd), STK_OK);
	stk_close(&fd);
	/* a file is nobody's socket and stays */
	assert_int_equal(unlink(path), 0);
	plain = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_not_equal(plain, -1);
	(void)close(plain);
	assert_int_equal(stk_listen_open(&l, &fd), STK_E_SYSTEM);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* Whoever finds no place in the queue of connections waits for seconds, and a probe is lost. */
static void many_may_wait_to_be_let_in(void **state)
{
	enum {
		MANY = 200
	};
	char dir[] = "/tmp/stk-listen-XXXXXX", text[96], why[STK_LISTEN_WHY_BYTES];
	struct stk_listen l;
	int fd, all[MANY];

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(text, sizeof(text), "unix://%s/s", dir);
	assert_int_equal(stk_listen_parse(text, &l, why, sizeof(why)), STK_OK);
	assert_int_equal(stk_listen_open(&l, &fd), STK_OK);
	for (int i = 0; i < MANY; i++) {
		all[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(all[i], (const struct sockaddr *)&l.at, l.at_len) != 0)
			fail_msg("the %d. is not let wait (%s; is net.core.somaxconn below %d?)",
			    i + 1, strerror(errno), MANY);
	}
	for (int i = 0; i < MANY; i++)
		stk_close(&all[i]);
	stk_close(&fd);
	assert_int_equal(unlink(text + strlen("unix://")), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* --- well
 * -------------------------------------------------------------------------------------------- */

static void health_has_names(void **state)
{
	enum {
		N = 2
	};
	static const struct {
		int64_t supervisor_s, worker_s[N];
		uint32_t supervisor, worker[N];
		enum stk_unwell alive, ready;
	} rows[] = {
		/* seconds since a tick; -1: none yet */
		{ 1, { 1, 1 }, 0, { STK_HEALTH_READY, STK_HEALTH_READY }, STK_WELL, STK_WELL },
		{ 1, { 1, 1 }, 0, { 0, STK_HEALTH_READY }, STK_WELL, STK_WELL },
		{ 1, { -1, -1 }, 0, { 0, 0 }, STK_WELL, STK_NO_WORKER },
		{ 1, { 1, 1 }, 0, { 0, STK_HEALTH_REGISTERED }, STK_WELL, STK_REDIS_AWAY },
		{ 1, { 1, 1 }, 0, { STK_HEALTH_REGISTERED | STK_HEALTH_REDIS, 0 }, STK_WELL,
		    STK_LEDGER_AWAY },
		{ 1, { 1, 1 }, 0,
		    { STK_HEALTH_READY & ~(uint32_t)STK_HEALTH_WALL, STK_HEALTH_REGISTERED },
		    STK_WELL, STK_SANDBOX_UNAVAILABLE },
		{ 1, { 1, 1 }, STK_HEALTH_STOPPING, { STK_HEALTH_READY, STK_HEALTH_READY },
		    STK_WELL, STK_STOPPING },
		{ 1, { 1, 1 }, 0, { STK_HEALTH_READY | STK_HEALTH_STOPPING, 0 }, STK_WELL,
		    STK_STOPPING },
		/* one that works is enough; else what the one says that came furthest */
		{ 1, { 1, 1 }, 0, { STK_HEALTH_READY | STK_HEALTH_PAUSED, STK_HEALTH_READY },
		    STK_WELL, STK_WELL },
		{ 1, { 1, 1 }, 0, { STK_HEALTH_READY | STK_HEALTH_PAUSED, 0 }, STK_WELL,
		    STK_PAUSED },
		{ 1, { 1, 1 }, 0,
		    { STK_HEALTH_READY | STK_HEALTH_UNAUDITED,
			STK_HEALTH_READY | STK_HEALTH_PAUSED | STK_HEALTH_UNAUDITED },
		    STK_WELL, STK_AUDIT_LOST },
		/* twice stuck_after, and not replaced */
		{ 1, { 1, 61 }, 0, { STK_HEALTH_READY, STK_HEALTH_READY }, STK_WORKER_STILL,
		    STK_WELL },
		{ 1, { 61, 61 }, 0, { STK_HEALTH_READY, STK_HEALTH_READY }, STK_WORKER_STILL,
		    STK_NO_WORKER },
		{ 61, { 1, 1 }, 0, { STK_HEALTH_READY, STK_HEALTH_READY }, STK_SUPERVISOR_STILL,
		    STK_WELL },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(rows); i++) {
		struct stk_pulse_view v[N] = { { 0 } };
		struct stk_service s = {
			.now_ms = 1000000, .stuck_after_ms = 30000, .workers = v, .n = N
		};

		s.supervisor.tick_ms = s.now_ms - rows[i].supervisor_s * 1000;
		s.supervisor.health = rows[i].supervisor;
		for (int k = 0; k < N; k++) {
			v[k].tick_ms =
			    rows[i].worker_s[k] < 0 ? 0 : s.now_ms - rows[i].worker_s[k] * 1000;
			v[k].health = rows[i].worker[k];
		}
		if (stk_service_alive(&s) != rows[i].alive ||
		    stk_service_ready(&s) != rows[i].ready)
			fail_msg("row %zu: %s, %s", i, stk_unwell_text(stk_service_alive(&s)),
			    stk_unwell_text(stk_service_ready(&s)));
	}
	assert_string_equal(stk_unwell_text(STK_LEDGER_AWAY), "LEDGER_AWAY");
	for (int u = 0; u < STK_UNWELL_COUNT; u++)
		assert_true(strlen(stk_unwell_sentence((enum stk_unwell)u)) > 1);
}

static void a_page_says_how_its_worker_is(void **state)
{
	int fd = stk_pulse_create();
	struct stk_pulse *p = stk_pulse_open(fd);
	const struct stk_pulse *mapped = stk_pulse_map(fd);
	struct stk_pulse_view v;

	(void)state;
	stk_pulse_look(mapped, &v);
	assert_int_equal(v.health, 0);
	stk_pulse_health(p, STK_HEALTH_READY);
	stk_pulse_tick(p);
	stk_pulse_look(mapped, &v);
	assert_int_equal(v.health, STK_HEALTH_READY);
	assert_int_not_equal(v.tick_ms, 0);
	assert_int_equal(stk_pulse_reset(fd), STK_OK); /* it died */
	stk_pulse_look(mapped, &v);
	assert_int_equal(v.health, 0);
	assert_int_equal(v.tick_ms, 0);
	stk_pulse_patience(p, INT64_MAX); /* a worker that was taken over asks to be left alone */
	stk_pulse_look(mapped, &v);
	assert_int_equal(v.patience_ms, 60000);
	stk_pulse_patience(p, INT64_MIN);
	stk_pulse_look(mapped, &v);
	assert_int_equal(v.patience_ms, 0);
	stk_pulse_health(NULL, 1);
	stk_pulse_close(p);
	stk_close(&fd);
}

static void a_process_that_dies_again_and_again_waits_longer(void **state)
{
	struct stk_restart r = { .started_ms = 1000 };

	(void)state;
	assert_int_equal(stk_restart_after(&r, 1000), 100);
	assert_int_equal(stk_restart_after(&r, 1000), 200);
	for (int i = 0; i < 20; i++)
		(void)stk_restart_after(&r, 1000);
	assert_int_equal(stk_restart_after(&r, 1000), STK_RESTART_MAX_MS);
	assert_int_equal(r.start_at_ms, 1000 + STK_RESTART_MAX_MS);
	assert_int_equal(stk_restart_after(&r, 1000 + 60001), 100); /* it had lived for a while */
}

/* --- walls
 * -------------------------------------------------------------------------------------------- */

static int walled(void)
{
	struct stk_config c = { 0 };
	const char *step = "?";

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		       stk_walls_exporter(&c, &step) == STK_OK
		   ? 0
		   : -1;
}

/* Without the filter, which speaks first. */
static int landlocked(const void *arg)
{
	struct stk_config c = { 0 };
	const char *step = "?";
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(1) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)arg;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) == -1 ||
	    connect(s, (const struct sockaddr *)&to, sizeof(to)) != -1 || errno != ECONNREFUSED ||
	    kill(getppid(), 0) != 0)
		return 1; /* the control */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    stk_walls_exporter_files(&c, &step) != STK_OK)
		return 2;
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) != -1 || errno != EACCES)
		return 3;
	if (stk_landlock_abi() >= 4 &&
	    (connect(s, (const struct sockaddr *)&to, sizeof(to)) != -1 || errno != EACCES))
		return 4;
	return stk_landlock_abi() < 6 || (kill(getppid(), 0) == -1 && errno == EPERM) ? 0 : 5;
}

static void landlock_alone_keeps_it_in_as_well(void **state)
{
	(void)state;
	if (stk_landlock_abi() < 1)
		skip_because("a kernel with Landlock");
	assert_int_equal(in_child(landlocked, NULL), 0);
}

/* It accepts, reads, writes, and opens nothing. */
static int serves(const void *arg)
{
	const int *fds = arg;
	struct pollfd p = { .fd = fds[0], .events = POLLIN };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	int s;

	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) == -1 || walled() != 0)
		return 1; /* the control */
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) != -1 || errno != EPERM)
		return 2;
	if (poll(&p, 1, 10000) != 1 || (s = accept4(fds[0], NULL, NULL, SOCK_CLOEXEC)) == -1)
		return 3;
	if (readv(s, &iov, 1) != 1 || byte != 'x' || write(s, "y", 1) != 1 ||
	    shutdown(s, SHUT_RDWR) != 0)
		return 4;
	if (listen(fds[0], 1) != -1 || errno != EPERM)
		return 5;
	free(malloc(1 << 20));
	return 0;
}

static void an_exporter_answers_at_its_socket(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t n = sizeof(at);
	int fds[1], c;

	(void)state;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fds[0], (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fds[0], 4), 0);
	assert_int_equal(getsockname(fds[0], (struct sockaddr *)&at, &n), 0);
	c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(c, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(write(c, "x", 1), 1);
	assert_int_equal(in_child(serves, fds), 0);
	(void)close(c);
	(void)close(fds[0]);
}

/* What only an intruder would try. */
static int tries(const void *arg)
{
	const int *what = arg;
	char *const none[] = { NULL };

	if (walled() != 0)
		return 1;
	switch (*what) {
	case 0: (void)fork(); break;
	case 1: (void)connect(-1, NULL, 0); break;
	case 2: (void)kill(getppid(), 0); break;
	default: (void)execve("/bin/true", none, none); break;
	}
	return 2;
}

/* libevent names each peer, and libc asks for a socket to name the interface of a link-local one.
 */
static int names_a_peer(const void *arg)
{
	struct sockaddr_in6 peer = { .sin6_family = AF_INET6, .sin6_scope_id = 1 };
	char host[64], port[8];

	(void)arg;
	peer.sin6_addr.s6_addr[0] = 0xfe;
	peer.sin6_addr.s6_addr[1] = 0x80;
	peer.sin6_addr.s6_addr[15] = 1;
	if (walled() != 0)
		return 1;
	if (getnameinfo((const struct sockaddr *)&peer, sizeof(peer), host, sizeof(host), port,
		sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return 2;
	if (strcmp(host, "fe80::1%1") != 0)
		return 3;
	return socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EACCES ? 0 : 4;
}

static void a_link_local_peer_is_named_without_a_socket(void **state)
{
	(void)state;
	assert_int_equal(in_child(names_a_peer, NULL), 0);
}

static void an_exporter_that_was_taken_over_dies_of_its_first_act(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(in_child(tries, &i), DIED_OF(SIGSYS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_taken_and_refused),
		cmocka_unit_test(a_paths_socket_has_its_mode_and_replaces_a_dead_one),
		cmocka_unit_test(many_may_wait_to_be_let_in),
		cmocka_unit_test(health_has_names),
		cmocka_unit_test(a_page_says_how_its_worker_is),
		cmocka_unit_test(a_process_that_dies_again_and_again_waits_longer),
		cmocka_unit_test(landlock_alone_keeps_it_in_as_well),
		cmocka_unit_test(an_exporter_answers_at_its_socket),
		cmocka_unit_test(a_link_local_peer_is_named_without_a_socket),
		cmocka_unit_test(an_exporter_that_was_taken_over_dies_of_its_first_act),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

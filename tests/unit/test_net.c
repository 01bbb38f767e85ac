/*
 * test_net.c - the net profile from inside a cage: real jobs, a real broker, real servers. What the
 * class lists is reached, everything else is refused by name, and nothing that a job does to its
 * socket, its broker or the records between them gets it anywhere.
 */
#include "tests/harness.h"
#include "tests/lib/stand.h"

#include "sandbox/net_addr.h"
#include "sandbox/parent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct stk_stand stand;
static struct stk_net_terms terms = { .connects_max = 16, .timeout_ms = 2000 };
static uint16_t port, redis_port;
static pid_t server, redis;

/* What the broker said of the last run. */
static struct {
	struct stk_net_event e[64];
	size_t n;
} heard;

static void hear(void *ctx, const struct stk_net_event *e)
{
	(void)ctx;
	if (heard.n < STK_ARRAY_LEN(heard.e))
		heard.e[heard.n++] = *e;
}

static int listen_on(const char *addr, int backlog, uint16_t *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, addr, &in.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	*out = ntohs(in.sin_port);
	return fd;
}

/* "world" to whoever says something; ends with this process. */
static pid_t serve(uint16_t *out)
{
	int fd = listen_on("127.0.0.1", 64, out);
	pid_t pid = fork();
	char c[64];

	if (pid != 0) {
		(void)close(fd);
		return pid;
	}
	(void)alarm(160);
	for (;;) {
		int one = accept(fd, NULL, NULL);

		if (one == -1 || recv(one, c, sizeof(c), 0) < 0)
			continue;
		(void)send(one, "world\n", 6, MSG_NOSIGNAL);
		(void)close(one);
	}
}

static int up(void **state)
{
	char program[512];
	struct stk_net_peer r = { .family = 4, .bytes = { 127, 0, 0, 1 } };

	(void)state;
	server = serve(&port);
	redis = serve(&redis_port);
	r.port = redis_port;
	terms.redis[terms.n_redis++] = r;
	(void)snprintf(terms.refused[terms.n_refused++], STK_NET_RANGE_MAX, "8.8.4.0/24");
	stand_open(&stand, stand_program("test/net-cage", program), NULL);
	stk_cage_net(stand.cage, &terms);
	stand.hooks.net = hear;
	return 0;
}

static int down(void **state)
{
	(void)state;
	stand_close(&stand);
	(void)kill(server, SIGKILL);
	(void)kill(redis, SIGKILL);
	(void)waitpid(server, NULL, 0);
	(void)waitpid(redis, NULL, 0);
	return 0;
}

STK_PRINTF(4, 5)
static void run(
    const char *class_name, enum stk_outcome_name name, const char *why, const char *fmt, ...)
{
	struct stk_outcome o;
	char args[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(args, sizeof(args), fmt, ap);
	va_end(ap);
	heard.n = 0;
	assert_int_equal(stand_run(&stand, class_name, args, &o), STK_OK);
	if (o.name != name ||
	    (name == STK_OUT_DONE
		    ? o.result == NULL || memmem(o.result, o.result_len, why, strlen(why)) == NULL
		    : strstr(o.why, why) == NULL))
		fail_msg("%s %s: %s: %s %.*s (expected %s: %s)", class_name, args,
		    stk_outcome_text(o.name), o.why, (int)o.result_len,
		    o.result == NULL ? "" : (const char *)o.result, stk_outcome_text(name), why);
	assert_int_equal(stand.cage->broker.pid, 0); /* it ends with its job */
	stk_outcome_clear(&o);
}

static void told(size_t at, enum stk_net_name name)
{
	if (heard.n <= at || heard.e[at].name != name)
		fail_msg("the broker told %zu things, number %zu %s, not %s", heard.n, at,
		    heard.n > at ? stk_net_text(heard.e[at].name) : "nothing", stk_net_text(name));
}

/* --- what is granted ----------------------------------------------------------------------------
 */

static void a_listed_server_is_reached_and_speaks(void **state)
{
	(void)state;
	run("Net::Local", STK_OUT_DONE, "world", "[\"connect\", \"127.0.0.1\", \"%u\"]", port);
	assert_int_equal(heard.n, 1);
	told(0, STK_NET_OK);
	assert_int_equal(heard.e[0].port, port);
	assert_string_equal(heard.e[0].host, "127.0.0.1");
	/* beside a files grant too, whose directories keep their slots */
	run("Net::Files", STK_OUT_DONE, "world", "[\"connect\", \"127.0.0.1\", \"%u\"]", port);
	run("Net::Local", STK_OUT_DONE, "EPIPE", "[\"closed\", \"127.0.0.1\", \"%u\"]", port);
	run("Net::Local", STK_OUT_DONE, "\"0\"",
	    "[\"against\", \"nodelay\", \"127.0.0.1\", \"%u\"]", port);
	run("Net::Local", STK_OUT_DONE, "\"0\"", "[\"against\", \"epoll\", \"127.0.0.1\", \"%u\"]",
	    port);
	run("Net::Local", STK_OUT_DONE, "\"0\"", "[\"against\", \"error\", \"127.0.0.1\", \"%u\"]",
	    port);
	run("Net::Local", STK_OUT_DONE, "\"0\"", "[\"against\", \"mss\", \"127.0.0.1\", \"%u\"]",
	    port);
}

static void everything_else_is_refused_by_name(void **state)
{
	static const struct {
		const char *class_name, *host;
		enum stk_net_name name;
	} refusals[] = {
		{ "Net::World", "127.0.0.1", STK_NET_LOOPBACK },
		{ "Net::World", "127.8.8.8", STK_NET_LOOPBACK },
		{ "Net::World", "::1", STK_NET_LOOPBACK },
		{ "Net::World", "::ffff:127.0.0.1", STK_NET_LOOPBACK },
		{ "Net::World", "localhost", STK_NET_LOOPBACK },
		{ "Net::World", "0.0.0.0", STK_NET_UNSPECIFIED },
		{ "Net::World", "10.0.0.1", STK_NET_PRIVATE },
		{ "Net::World", "192.168.1.1", STK_NET_PRIVATE },
		{ "Net::World", "100.64.0.1", STK_NET_PRIVATE },
		{ "Net::World", "fd00::1", STK_NET_PRIVATE },
		{ "Net::World", "169.254.1.1", STK_NET_LINK_LOCAL },
		{ "Net::World", "fe80::1", STK_NET_LINK_LOCAL },
		{ "Net::World", "169.254.169.254", STK_NET_METADATA },
		{ "Net::World", "fd00:ec2::254", STK_NET_METADATA },
		{ "Net::World", "224.0.0.1", STK_NET_MULTICAST },
		{ "Net::World", "64:ff9b::a9fe:a9fe", STK_NET_METADATA },
		{ "Net::World", "8.8.4.4", STK_NET_CONFIGURED },
		{ "Net::World", "0x7f000001", STK_NET_NAME_BAD },
		{ "Net::World", "127.1", STK_NET_NAME_BAD },
		{ "Net::World", "a b", STK_NET_NAME_BAD },
		{ "Net::Local", "127.0.0.2", STK_NET_LOOPBACK },
		{ "Net::Local", "8.8.8.8", STK_NET_UNLISTED },
		{ "Net::Local", "localhost", STK_NET_UNLISTED },
		{ "Net::Names", "8.8.8.8", STK_NET_UNLISTED },
		{ "Net::Names", "127.0.0.1", STK_NET_LOOPBACK },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(refusals); i++) {
		struct addrinfo *found = NULL;

		/* a bare root has no hosts file: then nobody knows the name */
		if (strcmp(refusals[i].host, "localhost") == 0 &&
		    getaddrinfo("localhost", NULL, NULL, &found) != 0) {
			print_message("localhost is no name here: not tried\n");
			continue;
		}
		if (found != NULL)
			freeaddrinfo(found);
		run(refusals[i].class_name, STK_OUT_FAILED, stk_net_text(refusals[i].name),
		    "[\"connect\", \"%s\", \"%u\"]", refusals[i].host, port);
		assert_int_equal(heard.n, 1);
		told(0, refusals[i].name);
	}
}

static void redis_is_refused_though_its_address_is_listed(void **state)
{
	(void)state;
	run("Net::Local", STK_OUT_FAILED, "NetRedis", "[\"connect\", \"127.0.0.1\", \"%u\"]",
	    redis_port);
	told(0, STK_NET_REDIS);
	/* the control: the same server, once it is nobody's Redis */
	terms.n_redis = 0;
	run("Net::Local", STK_OUT_DONE, "world", "[\"connect\", \"127.0.0.1\", \"%u\"]",
	    redis_port);
	terms.n_redis = 1;
}

static void a_class_without_the_grant_has_no_broker(void **state)
{
	(void)state;
	run("Net::Pure", STK_OUT_FAILED, "NetNoGrant", "[\"connect\", \"127.0.0.1\", \"%u\"]",
	    port);
	assert_int_equal(heard.n, 0);
	run("Net::Pure", STK_OUT_SYSCALL_DENIED, "net grant",
	    "[\"malformed\", \"short\", \"127.0.0.1\", \"%u\"]", port);
}

/* --- what the socket is not for ------------------------------------------------------------------
 */

static void no_socket_can_be_made_or_turned_elsewhere(void **state)
{
	static const struct {
		const char *act, *call;
	} acts[] = {
		{ "sendto", "sendto" },
		{ "fastopen", "sendto" },
		{ "fastopen-msg", "sendmsg" },
		{ "socket", "socket" },
		{ "bind", "bind" },
		{ "listen", "listen" },
		{ "sockopt", "setsockopt" },
		{ "maker", "getsockopt" },
		{ "async", "fcntl" },
		{ "owner", "fcntl" },
	};

	char aimed[64];

	(void)state;
	/* answered with an error and not made: the peer is who it was */
	(void)snprintf(aimed, sizeof(aimed), "-1 -1 %d, still at %u", EINPROGRESS, port);
	run("Net::Local", STK_OUT_DONE, aimed, "[\"against\", \"connect\", \"127.0.0.1\", \"%u\"]",
	    port);
	for (size_t i = 0; i < STK_ARRAY_LEN(acts); i++) {
		run("Net::Local", STK_OUT_SYSCALL_DENIED, acts[i].call,
		    "[\"against\", \"%s\", \"127.0.0.1\", \"%u\"]", acts[i].act, port);
		told(0, STK_NET_OK); /* it had its connection: what was denied is the act */
	}
}

/* Who made a pair of sockets can be had as a pidfd, by either of them. */
static void peers_process_is_handed_out(void)
{
	int pair[2], pidfd = -1;
	socklen_t size = sizeof(pidfd);

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	if (getsockopt(pair[0], SOL_SOCKET, 77, &pidfd, &size) == 0)
		assert_true(fcntl(pidfd, F_GETFD) != -1);
	else
		assert_int_equal(errno, ENOPROTOOPT); /* before Linux 6.5 */
	(void)close(pidfd);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

/* The controls: without a cage each of those calls does something else than die. */
static void without_the_cage_those_calls_are_made(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct iovec iov = { &to, 1 };
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov, .msg_iovlen = 1
	};
	ssize_t n;

	(void)state;
	assert_true(fd != -1 && other != -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	/* re-aimed: a connected socket is let go and connected anew */
	assert_int_equal(
	    connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	n = sendmsg(other, &msg, MSG_FASTOPEN | MSG_NOSIGNAL);
	assert_true(n == 1 || errno == EOPNOTSUPP); /* a kernel may have it switched off */
	assert_int_equal(fcntl(fd, F_SETFL, O_ASYNC), 0);
	assert_int_equal(fcntl(fd, F_SETOWN, getpid()), 0);
	(void)close(fd);
	(void)close(other);
	peers_process_is_handed_out();
}

/* --- what a job may do to its broker -------------------------------------------------------------
 */

/* Linux 6.16 */
static bool refuses_rights(void)
{
	int pair[2], none = 0, rc;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	rc = setsockopt(pair[0], SOL_SOCKET, 83, &none, sizeof(none)); /* SO_PASSRIGHTS */
	(void)close(pair[0]);
	(void)close(pair[1]);
	return rc == 0;
}

static void a_hostile_record_ends_the_broker_and_nothing_else(void **state)
{
	static const char *const kinds[] = { "short", "endless", "port", "terms" };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(kinds); i++) {
		run("Net::Local", STK_OUT_FAILED, "NetBrokerLost",
		    "[\"malformed\", \"%s\", \"127.0.0.1\", \"%u\"]", kinds[i], port);
		told(0, STK_NET_REQUEST_MALFORMED);
		assert_int_equal(heard.n, 1);
	}
	if (refuses_rights()) { /* the kernel does not even let them lie there */
		run("Net::Local", STK_OUT_FAILED, "cannot send",
		    "[\"descriptors\", \"127.0.0.1\", \"%u\"]", port);
		assert_int_equal(heard.n, 0);
	} else {
		run("Net::Local", STK_OUT_FAILED, "NetBrokerLost",
		    "[\"descriptors\", \"127.0.0.1\", \"%u\"]", port);
		told(0, STK_NET_REQUEST_MALFORMED);
	}
	/* the control: a kind that sends nothing leaves the broker as it was; and the next job has
	 * one */
	run("Net::Local", STK_OUT_DONE, "world", "[\"malformed\", \"none\", \"127.0.0.1\", \"%u\"]",
	    port);
}

static void connections_are_counted_and_then_end(void **state)
{
	(void)state;
	run("Net::Local", STK_OUT_DONE, "16 NetTooMany",
	    "[\"many\", \"40\", \"127.0.0.1\", \"%u\"]", port);
	assert_int_equal(heard.n, 17);
	told(15, STK_NET_OK);
	told(16, STK_NET_TOO_MANY);
	/* refused ones count as well */
	run("Net::Local", STK_OUT_DONE, "0 NetLoopback", "[\"many\", \"1\", \"127.0.0.2\", \"%u\"]",
	    port);
	/* and a job without a free descriptor is told so before the broker is asked */
	run("Net::FewFds", STK_OUT_DONE, "NetFdLimit",
	    "[\"many\", \"10\", \"127.0.0.1\", \"%u\", \"keep\"]", port);
}

static void a_black_hole_ends_at_the_deadline(void **state)
{
	uint16_t hole_port;
	int hole = listen_on("127.0.0.1", 0, &hole_port), fds[8];
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(hole_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(fds); i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(fds[i], (struct sockaddr *)&to, sizeof(to));
	}
	/* a broker that is busy there keeps only a handful of requests waiting */
	run("Net::Local", STK_OUT_DONE, "few at once", "[\"flood\", \"127.0.0.1\", \"%u\"]",
	    hole_port);
	run("Net::Local", STK_OUT_FAILED, "NetConnectTimeout",
	    "[\"connect\", \"127.0.0.1\", \"%u\", \"300\"]", hole_port);
	told(0, STK_NET_CONNECT_TIMEOUT);
	assert_true(heard.e[0].took_ms >= 290 && heard.e[0].took_ms < 2000);
	for (size_t i = 0; i < STK_ARRAY_LEN(fds); i++)
		stk_close(&fds[i]);
	(void)close(hole);
	run("Net::Local", STK_OUT_FAILED, "NetConnectFailed: Connection refused",
	    "[\"connect\", \"127.0.0.1\", \"%u\"]", hole_port);
}

/* --- a broker that dies or stands still ----------------------------------------------------------
 */

static int on_broker; /* the signal that it gets once the job is caged */

static bool hurt_broker(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	(void)ctx;
	(void)pid;
	(void)proof;
	assert_true(stand.cage->broker.pid > 0);
	assert_int_equal(kill(stand.cage->broker.pid, on_broker), 0);
	return true;
}

static void a_broker_that_is_killed_is_named_and_replaced(void **state)
{
	(void)state;
	stand.hooks.go = hurt_broker;
	on_broker = SIGKILL;
	run("Net::Local", STK_OUT_FAILED, "NetBrokerLost", "[\"connect\", \"127.0.0.1\", \"%u\"]",
	    port);
	told(0, STK_NET_BROKER_LOST);
	on_broker = SIGSTOP;
	run("Net::Local", STK_OUT_FAILED, "NetBrokerSilent",
	    "[\"connect\", \"127.0.0.1\", \"%u\", \"200\"]", port);
	assert_int_equal(heard.n, 0);
	stand.hooks.go = NULL;
	run("Net::Local", STK_OUT_DONE, "world", "[\"connect\", \"127.0.0.1\", \"%u\"]", port);
}

static bool has_begun;

static bool note_go(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	(void)ctx;
	(void)pid;
	(void)proof;
	has_begun = true;
	return true;
}

/* Killed while it works on a request: its job hangs on a black hole, and the worker's tick hits.
 * One that is killed before its job began would be made anew with it. */
static enum stk_run_order kill_later(void *ctx, int64_t wait_ms)
{
	static int ticks;

	(void)ctx;
	(void)wait_ms;
	if (has_begun && stand.cage->broker.pid > 0 && ++ticks == 4)
		(void)kill(stand.cage->broker.pid, SIGKILL);
	return STK_RUN_ON;
}

static void a_broker_killed_in_the_middle_of_a_request_is_named(void **state)
{
	uint16_t hole_port;
	int hole = listen_on("127.0.0.1", 0, &hole_port), fds[8];
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(hole_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(fds); i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(fds[i], (struct sockaddr *)&to, sizeof(to));
	}
	stand.hooks.go = note_go;
	stand.hooks.tick = kill_later;
	stand.hooks.tick_ms = 20;
	terms.timeout_ms = 20000;
	run("Net::Local", STK_OUT_FAILED, "NetBrokerLost", "[\"connect\", \"127.0.0.1\", \"%u\"]",
	    hole_port);
	told(0, STK_NET_BROKER_LOST);
	stand.hooks.go = NULL;
	stand.hooks.tick = NULL;
	stand.hooks.tick_ms = 0;
	terms.timeout_ms = 2000;
	for (size_t i = 0; i < STK_ARRAY_LEN(fds); i++)
		stk_close(&fds[i]);
	(void)close(hole);
}

/* --- the broker itself ---------------------------------------------------------------------------
 */

static char status[4096], maps_of_fds[4096];

static bool look_at_broker(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	char path[64];
	int fd;
	ssize_t n;

	(void)ctx;
	(void)pid;
	(void)proof;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)stand.cage->broker.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd == -1 ? 0 : read(fd, status, sizeof(status) - 1);
	status[n > 0 ? n : 0] = '\0';
	(void)close(fd);
	/* not dumpable: even we, of the same uid, may not see its memory or its descriptors */
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)stand.cage->broker.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	(void)snprintf(maps_of_fds, sizeof(maps_of_fds), "%s", fd == -1 ? strerror(errno) : "open");
	stk_close(&fd);
	return true;
}

/* A zygote that names the broker as the job it cloned is not believed. */
static bool pass_off(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	struct stk_child child;

	(void)ctx;
	(void)pid;
	(void)proof;
	assert_true(stand.cage->broker.pid > 1);
	assert_int_equal(
	    stk_child_adopt(stand.cage, stand.cage->broker.pid, &child), STK_E_REFUSED);
	return true;
}

static void the_broker_cannot_be_passed_off_as_a_job(void **state)
{
	(void)state;
	stand.hooks.go = pass_off;
	run("Net::Local", STK_OUT_DONE, "world", "[\"connect\", \"127.0.0.1\", \"%u\"]", port);
	stand.hooks.go = NULL;
}

static void the_broker_is_shut_in(void **state)
{
	(void)state;
	stand.hooks.go = look_at_broker;
	run("Net::Local", STK_OUT_DONE, "world", "[\"connect\", \"127.0.0.1\", \"%u\"]", port);
	stand.hooks.go = NULL;
	assert_non_null(strstr(status, "Name:\tstockade-brok\n"));
	assert_non_null(strstr(status, "Seccomp:\t2\n"));
	assert_non_null(strstr(status, "NoNewPrivs:\t1\n"));
	assert_non_null(strstr(status, "CapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(status, "CapEff:\t0000000000000000\n"));
	if (getuid() != 0)
		assert_string_equal(maps_of_fds, strerror(EACCES));
}

static void without_a_broker_program_the_class_is_not_run(void **state)
{
	struct stk_outcome o;

	(void)state;
	stk_cage_net(stand.cage, NULL);
	assert_int_equal(
	    stand_run(&stand, "Net::Local", "[\"connect\", \"127.0.0.1\", \"1\"]", &o), STK_OK);
	assert_int_equal(o.name, STK_OUT_SANDBOX_UNAVAILABLE);
	assert_non_null(strstr(o.why, "no broker program"));
	stk_outcome_clear(&o);
	stk_cage_net(stand.cage, &terms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listed_server_is_reached_and_speaks),
		cmocka_unit_test(everything_else_is_refused_by_name),
		cmocka_unit_test(redis_is_refused_though_its_address_is_listed),
		cmocka_unit_test(a_class_without_the_grant_has_no_broker),
		cmocka_unit_test(no_socket_can_be_made_or_turned_elsewhere),
		cmocka_unit_test(without_the_cage_those_calls_are_made),
		cmocka_unit_test(a_hostile_record_ends_the_broker_and_nothing_else),
		cmocka_unit_test(connections_are_counted_and_then_end),
		cmocka_unit_test(a_black_hole_ends_at_the_deadline),
		cmocka_unit_test(a_broker_that_is_killed_is_named_and_replaced),
		cmocka_unit_test(a_broker_killed_in_the_middle_of_a_request_is_named),
		cmocka_unit_test(the_broker_is_shut_in),
		cmocka_unit_test(the_broker_cannot_be_passed_off_as_a_job),
		cmocka_unit_test(without_a_broker_program_the_class_is_not_run),
	};

	return cmocka_run_group_tests(tests, up, down);
}

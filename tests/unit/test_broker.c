/*
 * test_broker.c - the broker's work without its cage: names that change their answer, answers mixed
 * of good and bad, black holes, lookups that never come back, and requests that are none. libc's
 * getaddrinfo is ours here, so that name servers can lie on demand.
 */
#include "sandbox/broker.h"
#include "sandbox/fds.h"
#include "tests/harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- a name server of our own ------------------------------------------------------------------
 */

static struct {
	const char *answers[3][4]; /* by the number of the lookup; the last one stays */
	_Atomic int lookups;
	_Atomic bool hang, release;
	_Atomic int hanging;
} dns;

static struct addrinfo *one_answer(const char *text, struct addrinfo *next)
{
	struct answer {
		struct addrinfo ai;
		struct sockaddr_storage sa;
	} *a = calloc(1, sizeof(*a));
	struct sockaddr_in *four = (struct sockaddr_in *)&a->sa;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&a->sa;

	a->ai.ai_addr = (struct sockaddr *)&a->sa;
	a->ai.ai_next = next;
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		a->ai.ai_family = AF_INET;
		a->ai.ai_addrlen = sizeof(*four);
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
		six->sin6_family = AF_INET6;
		a->ai.ai_family = AF_INET6;
		a->ai.ai_addrlen = sizeof(*six);
	}
	return &a->ai;
}

int getaddrinfo(
    const char *host, const char *service, const struct addrinfo *want, struct addrinfo **out)
{
	int at = atomic_fetch_add(&dns.lookups, 1);

	(void)service;
	(void)want;
	*out = NULL;
	if (atomic_load(&dns.hang)) {
		atomic_fetch_add(&dns.hanging, 1);
		while (!atomic_load(&dns.release))
			(void)poll(NULL, 0, 5);
		atomic_fetch_sub(&dns.hanging, 1);
	}
	if (strcmp(host, "absent.example") == 0)
		return EAI_NONAME;
	if (strcmp(host, "broken.example") == 0)
		return EAI_AGAIN;
	at = at > 2 ? 2 : at;
	while (at > 0 && dns.answers[at][0] == NULL)
		at--;
	for (size_t i = 4; i-- > 0;)
		if (dns.answers[at][i] != NULL)
			*out = one_answer(dns.answers[at][i], *out);
	return *out == NULL ? EAI_NONAME : 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list != NULL) {
		struct addrinfo *next = list->ai_next;

		free(list);
		list = next;
	}
}

static void answer(const char *a, const char *b, const char *c)
{
	memset(&dns, 0, sizeof(dns));
	dns.answers[0][0] = a;
	dns.answers[0][1] = b;
	dns.answers[0][2] = c;
}

/* --- servers -----------------------------------------------------------------------------------
 */

static int listen_on(const char *addr, int backlog, uint16_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, addr, &in.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

/* A listener whose backlog is full: further connections get no answer at all. */
static void fill(uint16_t port, int *fds, size_t n)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	for (size_t i = 0; i < n; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(fds[i], (struct sockaddr *)&in, sizeof(in));
	}
}

static void make_law(struct stk_net_law *l, const char *rule)
{
	memset(l, 0, sizeof(*l));
	assert_null(stk_net_rule_parse(rule, &l->rules[0]));
	l->n_rules = 1;
}

static struct stk_dialled dial(
    const struct stk_net_law *l, const char *host, uint16_t port, int64_t ms)
{
	struct stk_dialled d;

	stk_dial(l, stk_resolve, host, port, stk_monotonic_ms() + ms, &d);
	return d;
}

/* --- dialling ----------------------------------------------------------------------------------
 */

static void the_address_that_was_judged_is_connected_to(void **state)
{
	struct stk_net_law law;
	uint16_t port;
	int server = listen_on("127.0.0.1", 4, &port);
	struct stk_dialled d;

	(void)state;
	make_law(&law, "127.0.0.0/8:*");
	answer("127.0.0.1", NULL, NULL);
	/* a second lookup would get another answer; there is none */
	dns.answers[1][0] = "127.0.0.9";
	d = dial(&law, "a.example", port, 2000);
	assert_int_equal(d.name, STK_NET_OK);
	assert_int_equal(dns.lookups, 1);
	assert_int_equal(fcntl(d.fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(d.fd, F_GETFD), FD_CLOEXEC);
	stk_close(&d.fd);
	/* and the next request is judged by the next answer */
	d = dial(&law, "a.example", port, 2000);
	assert_int_equal(d.name, STK_NET_CONNECT_FAILED);
	assert_int_equal(d.err, ECONNREFUSED);
	assert_int_equal(d.addr.bytes[3], 9);
	(void)close(server);
}

static void a_name_that_turns_inward_is_refused(void **state)
{
	static const struct {
		const char *addr;
		enum stk_net_name want;
	} turns[] = { { "127.0.0.1", STK_NET_LOOPBACK }, { "10.0.0.1", STK_NET_PRIVATE },
		{ "169.254.169.254", STK_NET_METADATA }, { "::1", STK_NET_LOOPBACK },
		{ "::ffff:127.0.0.1", STK_NET_LOOPBACK }, { "64:ff9b::7f00:1", STK_NET_LOOPBACK },
		{ "2002:7f00:1::", STK_NET_LOOPBACK }, { "fd00:ec2::254", STK_NET_METADATA },
		{ "0.0.0.0", STK_NET_UNSPECIFIED }, { "::", STK_NET_UNSPECIFIED },
		{ "100.64.0.1", STK_NET_PRIVATE }, { "224.0.0.1", STK_NET_MULTICAST } };
	struct stk_net_law law;
	uint16_t port;
	int server = listen_on("127.0.0.1", 4, &port);

	(void)state;
	make_law(&law, "*:*");
	for (size_t i = 0; i < STK_ARRAY_LEN(turns); i++) {
		struct stk_dialled d;

		answer(turns[i].addr, NULL, NULL);
		d = dial(&law, "a.example", port, 2000);
		if (d.name != turns[i].want || d.fd != -1)
			fail_msg("%s: %s", turns[i].addr, stk_net_text(d.name));
	}
	assert_int_equal(poll(&(struct pollfd){ .fd = server, .events = POLLIN }, 1, 0), 0);
	(void)close(server);
}

/* The machine's other addresses lead to itself as well: 127.0.0.1's law, not the internet's. */
static void this_machine_by_another_address_is_refused(void **state)
{
	struct stk_net_law law;
	struct stk_dialled d;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) }, self;
	socklen_t size = sizeof(self);
	char text[INET_ADDRSTRLEN];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct stk_net_range in;
	struct stk_net_addr a;

	(void)state;
	assert_int_equal(inet_pton(AF_INET, "8.8.8.8", &to.sin_addr), 1);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1) {
		(void)close(fd);
		skip_because("a machine that has an address beside its loopback's");
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&self, &size), 0);
	(void)close(fd);
	assert_non_null(inet_ntop(AF_INET, &self.sin_addr, text, sizeof(text)));
	assert_true(stk_net_addr_parse(text, &a));
	make_law(&law, "*:*");
	/* a private one is private already: as if the table had no such row, list the half around
	 * it */
	if (stk_net_addr_class(&a, &in) != STK_NET_OK) {
		char rule[64];

		assert_true(in.bits >= 8);
		(void)snprintf(rule, sizeof(rule), "%s:*", text);
		make_law(&law, rule);
		d = dial(&law, text, 1, 1000);
		assert_int_equal(
		    d.name, STK_NET_CONNECT_FAILED); /* listed by address: then it is meant */
		return;
	}
	d = dial(&law, text, 1, 1000);
	assert_int_equal(d.name, STK_NET_OWN);
}

static void of_mixed_answers_only_good_ones_are_tried(void **state)
{
	struct stk_net_law law;
	uint16_t port;
	int server = listen_on("127.0.0.2", 4, &port);
	struct stk_dialled d;

	(void)state;
	make_law(&law, "127.0.0.2:*");
	law.n_rules = 2;
	assert_null(stk_net_rule_parse("a.example:*", &law.rules[1]));
	answer("10.0.0.1", "127.0.0.2", "169.254.169.254");
	d = dial(&law, "a.example", port, 2000);
	assert_int_equal(d.name, STK_NET_OK);
	assert_int_equal(d.addr.bytes[3], 2);
	stk_close(&d.fd);
	(void)close(server);
	/* none good: the first reason */
	answer("10.0.0.1", "127.0.0.1", NULL);
	d = dial(&law, "a.example", port, 2000);
	assert_int_equal(d.name, STK_NET_PRIVATE);
}

static void a_black_hole_costs_its_share_of_the_time(void **state)
{
	struct stk_net_law law;
	uint16_t port;
	int hole = listen_on("127.0.0.1", 0, &port), fds[8], good;
	struct stk_dialled d;
	int64_t began;

	(void)state;
	make_law(&law, "127.0.0.0/8:*");
	fill(port, fds, STK_ARRAY_LEN(fds));
	answer("127.0.0.1", NULL, NULL);
	began = stk_monotonic_ms();
	d = dial(&law, "a.example", port, 300);
	assert_int_equal(d.name, STK_NET_CONNECT_TIMEOUT);
	assert_true(stk_monotonic_ms() - began >= 290);
	/* a second address is still reached: the same port on another of loopback's addresses */
	good = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(good,
			     (struct sockaddr *)&(struct sockaddr_in){ .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 2) },
			     sizeof(struct sockaddr_in)),
	    0);
	assert_int_equal(listen(good, 4), 0);
	answer("127.0.0.1", "127.0.0.3", NULL);
	began = stk_monotonic_ms();
	d = dial(&law, "a.example", port, 1600);
	assert_true(stk_monotonic_ms() - began < 1500); /* half of it went into the hole */
	assert_int_equal(d.name, STK_NET_OK);
	assert_int_equal(d.addr.bytes[3], 3);
	stk_close(&d.fd);
	for (size_t i = 0; i < STK_ARRAY_LEN(fds); i++)
		stk_close(&fds[i]);
	(void)close(hole);
	(void)close(good);
}

static void names_fail_by_name(void **state)
{
	struct stk_net_law law;

	(void)state;
	make_law(&law, "*:*");
	answer(NULL, NULL, NULL);
	assert_int_equal(dial(&law, "absent.example", 80, 1000).name, STK_NET_NAME_UNKNOWN);
	assert_int_equal(dial(&law, "broken.example", 80, 1000).name, STK_NET_NAME_FAILED);
	assert_int_equal(dial(&law, "empty.example", 80, 1000).name, STK_NET_NAME_UNKNOWN);
	assert_int_equal(dns.lookups, 3);
	assert_int_equal(dial(&law, "127.1", 80, 1000).name, STK_NET_NAME_BAD);
	make_law(&law, "b.example:443");
	assert_int_equal(dial(&law, "a.example", 443, 1000).name, STK_NET_UNLISTED);
	assert_int_equal(dns.lookups, 3); /* neither was looked up */
}

static void a_lookup_that_hangs_is_left_and_they_are_counted(void **state)
{
	struct stk_net_law law;
	int64_t began = stk_monotonic_ms();

	(void)state;
	make_law(&law, "*:*");
	answer("10.0.0.1", NULL, NULL);
	atomic_store(&dns.hang, true);
	for (int i = 0; i < STK_DIAL_LOST_MAX; i++)
		assert_int_equal(dial(&law, "slow.example", 80, 50).name, STK_NET_NAME_TIMEOUT);
	assert_true(stk_monotonic_ms() - began >= 50 * STK_DIAL_LOST_MAX - 10);
	while (atomic_load(&dns.hanging) != STK_DIAL_LOST_MAX)
		(void)poll(NULL, 0, 1);
	/* no further one is begun, and it takes no time to say so */
	assert_int_equal(dial(&law, "slow.example", 80, 60000).name, STK_NET_NAME_TIMEOUT);
	assert_int_equal(dns.lookups, STK_DIAL_LOST_MAX);
	/* they come back, and all is as before */
	atomic_store(&dns.release, true);
	atomic_store(&dns.hang, false);
	for (int i = 0; i < 2000 && dial(&law, "a.example", 80, 1000).name != STK_NET_PRIVATE; i++)
		(void)poll(NULL, 0, 5);
	assert_int_equal(dial(&law, "a.example", 80, 1000).name, STK_NET_PRIVATE);
}

/* --- records -----------------------------------------------------------------------------------
 */

struct bench {
	struct stk_broker b;
	int job, events;
};

static void bench_open(struct bench *t, const char *rule, uint32_t left)
{
	int pair[2], pipes[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	*t = (struct bench){ .b = { .sock = pair[0],
				 .events = pipes[1],
				 .resolve = stk_resolve,
				 .timeout_ms = 1000,
				 .left = left },
		.job = pair[1],
		.events = pipes[0] };
	make_law(&t->b.law, rule);
}

static void bench_close(struct bench *t)
{
	stk_close(&t->b.sock);
	stk_close(&t->b.events);
	stk_close(&t->job);
	stk_close(&t->events);
}

static struct stk_net_ask asking(const char *host, uint32_t port)
{
	struct stk_net_ask ask = { .magic = STK_NET_ASK_MAGIC, .seq = 7, .port = port };

	(void)snprintf(ask.host, sizeof(ask.host), "%s", host);
	return ask;
}

static struct stk_net_event next_event(struct bench *t)
{
	struct stk_net_event e;

	assert_int_equal(read(t->events, &e, sizeof(e)), sizeof(e));
	assert_int_equal(e.magic, STK_NET_EVENT_MAGIC);
	return e;
}

static void a_request_is_told_and_answered(void **state)
{
	struct stk_net_answer a;
	struct stk_net_event e;
	struct stk_net_ask ask;
	struct bench t;
	uint16_t port;
	int server = listen_on("127.0.0.1", 4, &port), fd = -1;
	size_t n = 0;

	(void)state;
	bench_open(&t, "127.0.0.1:*", 2);
	ask = asking("127.0.0.1", port);
	assert_int_equal(stk_fds_send(t.job, &ask, sizeof(ask), NULL, 0), STK_OK);
	assert_int_equal(stk_broker_serve(&t.b), STK_OK);
	e = next_event(&t);
	assert_int_equal(e.name, STK_NET_OK);
	assert_int_equal(e.port, port);
	assert_int_equal(e.peer.family, 4);
	assert_string_equal(e.host, "127.0.0.1");
	assert_int_equal(stk_fds_recv(t.job, &a, sizeof(a), &fd, 1, &n), STK_OK);
	assert_int_equal(a.name, STK_NET_OK);
	assert_int_equal(a.seq, 7);
	assert_int_equal(n, 1);
	stk_close(&fd);
	/* refused: told with the address, answered without it */
	ask = asking("10.9.9.9", 80);
	assert_int_equal(stk_fds_send(t.job, &ask, sizeof(ask), NULL, 0), STK_OK);
	assert_int_equal(stk_broker_serve(&t.b), STK_OK);
	e = next_event(&t);
	assert_int_equal(e.name, STK_NET_PRIVATE);
	assert_int_equal(e.peer.bytes[0], 10);
	assert_int_equal(stk_fds_recv(t.job, &a, sizeof(a), &fd, 1, &n), STK_OK);
	assert_int_equal(a.name, STK_NET_PRIVATE);
	assert_int_equal(n, 0);
	/* spent: one more answer, then the end */
	assert_int_equal(stk_fds_send(t.job, &ask, sizeof(ask), NULL, 0), STK_OK);
	assert_int_equal(stk_broker_serve(&t.b), STK_E_REFUSED);
	assert_int_equal(next_event(&t).name, STK_NET_TOO_MANY);
	assert_int_equal(stk_fds_recv(t.job, &a, sizeof(a), &fd, 1, &n), STK_OK);
	assert_int_equal(a.name, STK_NET_TOO_MANY);
	bench_close(&t);
	(void)close(server);
}

static void what_is_no_request_ends_the_broker_by_name(void **state)
{
	struct stk_net_ask good = asking("127.0.0.1", 80), bad[5];
	size_t lens[] = { sizeof(good), sizeof(good), sizeof(good), sizeof(good), 12 };
	struct bench t;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++)
		bad[i] = good;
	bad[0].magic++;
	bad[1].port = 0;
	bad[2].port = 65536;
	memset(bad[3].host, 'a', sizeof(bad[3].host));
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++) {
		bench_open(&t, "127.0.0.1:*", 9);
		assert_int_equal(stk_fds_send(t.job, &bad[i], lens[i], NULL, 0), STK_OK);
		assert_int_equal(stk_broker_serve(&t.b), STK_E_FORMAT);
		assert_int_equal(next_event(&t).name, STK_NET_REQUEST_MALFORMED);
		bench_close(&t);
	}
}

static size_t open_fds(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void descriptors_pushed_at_the_broker_do_not_arrive(void **state)
{
	struct stk_net_ask ask = asking("10.0.0.1", 80);
	struct bench t;
	size_t before;
	int fds[4];

	(void)state;
	bench_open(&t, "127.0.0.1:*", 9);
	for (size_t i = 0; i < 4; i++)
		fds[i] = t.events;
	before = open_fds();
	assert_int_equal(stk_fds_send(t.job, &ask, sizeof(ask), fds, 4), STK_OK);
	/* the record counts as malformed: it was cut, because nobody wanted what came beside it */
	assert_int_equal(stk_broker_serve(&t.b), STK_E_FORMAT);
	assert_int_equal(open_fds(), before);
	bench_close(&t);
}

static void terms_are_checked(void **state)
{
	struct stk_terms good = { .magic = STK_TERMS_MAGIC,
		.connects_max = 1,
		.timeout_ms = 1,
		.n_nets = 1,
		.n_refused = 1 },
			 t;
	struct stk_net_law law;

	(void)state;
	(void)snprintf(good.nets[0], STK_NET_MAX, "*:443");
	(void)snprintf(good.refused[0], STK_NET_RANGE_MAX, "8.8.8.0/24");
	assert_int_equal(stk_terms_take(&good, &law), STK_OK);
	assert_int_equal(law.n_rules, 1);
	assert_int_equal(law.n_refused, 1);
#define WRONG(change) \
	t = good;     \
	change;       \
	assert_int_equal(stk_terms_take(&t, &law), STK_E_FORMAT)
	WRONG(t.magic = 0);
	WRONG(t.n_nets = 0);
	WRONG(t.n_nets = STK_NETS_MAX + 1);
	WRONG(t.n_refused = STK_NET_REFUSED_MAX + 1);
	WRONG(t.n_redis = STK_NET_PEERS_MAX + 1);
	WRONG(t.timeout_ms = 0);
	WRONG(t.connects_max = 0);
	WRONG(memset(t.nets[0], 'a', STK_NET_MAX));
	WRONG(memset(t.refused[0], '1', STK_NET_RANGE_MAX));
	WRONG(t.refused[0][0] = 'x');
	WRONG(t.nets[0][0] = '.');
#undef WRONG
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_address_that_was_judged_is_connected_to),
		cmocka_unit_test(a_name_that_turns_inward_is_refused),
		cmocka_unit_test(this_machine_by_another_address_is_refused),
		cmocka_unit_test(of_mixed_answers_only_good_ones_are_tried),
		cmocka_unit_test(a_black_hole_costs_its_share_of_the_time),
		cmocka_unit_test(names_fail_by_name),
		cmocka_unit_test(a_lookup_that_hangs_is_left_and_they_are_counted),
		cmocka_unit_test(a_request_is_told_and_answered),
		cmocka_unit_test(what_is_no_request_ends_the_broker_by_name),
		cmocka_unit_test(descriptors_pushed_at_the_broker_do_not_arrive),
		cmocka_unit_test(terms_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_redis.c - the link against a real Redis and against a server that means harm.
 *
 * The hostile server is a forked process on a unix socket that reads something and answers prepared
 * bytes; what is asked of the link is an error by name, in time, without memory.
 */
#include "tests/harness.h"

#include "tests/lib/redis_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- a hostile server ------------------------------------------------------------------------- */

struct hostile {
	const char *bytes;
	size_t len;
	size_t fill; /* that many 'A' after the bytes */
	int drip_ms; /* one byte each so many ms, the fill included */
	bool stay;   /* keep the connection open afterwards */
};

struct lair {
	char dir[32], path[64];
	pid_t pid;
};

static void nap(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

static void serve(int listener, const struct hostile *h)
{
	char chunk[4096];
	int fd = accept(listener, NULL, NULL);

	(void)signal(SIGPIPE, SIG_IGN);
	if (fd == -1 || read(fd, chunk, sizeof(chunk)) <= 0)
		_exit(1);
	if (h->drip_ms == 0) {
		(void)!write(fd, h->bytes, h->len);
		memset(chunk, 'A', sizeof(chunk));
		for (size_t sent = 0; sent < h->fill; sent += sizeof(chunk))
			if (write(fd, chunk, sizeof(chunk)) <= 0)
				break;
	} else {
		for (size_t i = 0; i < h->len + h->fill; i++) {
			if (write(fd, i < h->len ? h->bytes + i : "A", 1) <= 0)
				break;
			nap(h->drip_ms);
		}
	}
	if (h->stay)
		(void)pause();
	_exit(0);
}

static void open_lair(struct lair *l, const struct hostile *h)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(l->dir, sizeof(l->dir), "/tmp/stk-lair-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	(void)snprintf(l->path, sizeof(l->path), "%s/s", l->dir);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", l->path);
	assert_int_equal(bind(listener, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(listener, 1), 0);
	l->pid = fork();
	if (l->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(listener, h);
	}
	(void)close(listener);
}

static void close_lair(struct lair *l)
{
	(void)kill(l->pid, SIGKILL);
	(void)waitpid(l->pid, NULL, 0);
	(void)unlink(l->path);
	(void)rmdir(l->dir);
}

static struct stk_redis *link_to(const char *path, int timeout_ms)
{
	struct stk_redis_url url = { .port = 0 };
	const struct stk_redis_config c = { .url = &url,
		.password_fd = -1,
		.connect_timeout_ms = timeout_ms,
		.command_timeout_ms = timeout_ms };
	struct stk_redis *r = NULL;

	(void)snprintf(url.socket_path, sizeof(url.socket_path), "%s", path);
	assert_int_equal(stk_redis_new(&c, &r), STK_OK);
	assert_int_equal(stk_redis_connect(r), STK_OK);
	return r;
}

static long address_space_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long peak = -1;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmPeak:", 7) == 0)
			peak = strtol(line + 7, NULL, 10);
	if (f != NULL)
		(void)fclose(f);
	return peak;
}

/* Asks once; the link must end with @want within @most_ms and without a MiB or two of growth. */
static void suffers(const struct hostile *h, int timeout_ms, enum stk_err want, int64_t most_ms)
{
	struct stk_reply *reply = (struct stk_reply *)(uintptr_t)1;
	struct stk_redis *r;
	struct lair l;
	int64_t began;
	long before;
	enum stk_err e;

	open_lair(&l, h);
	r = link_to(l.path, timeout_ms);
	before = address_space_kib();
	began = stk_monotonic_ms();
	e = stk_redis_words(r, &reply, "PING", NULL);
	assert_in_range(stk_monotonic_ms() - began, 0, most_ms);
	assert_int_equal(e, want);
	assert_null(reply);
	assert_false(stk_redis_connected(r));
	assert_true(stk_redis_why(r)[0] != '\0');
	assert_true(address_space_kib() - before < 8192);
	assert_int_equal(stk_redis_words(r, &reply, "PING", NULL), STK_E_CLOSED);
	stk_redis_free(r);
	close_lair(&l);
}

#define SAYS(text) .bytes = (text), .len = sizeof(text) - 1

static void a_giant_array_header_reserves_nothing(void **state)
{
	(void)state;
	suffers(
	    &(struct hostile){ SAYS("*1000000000\r\n"), .stay = true }, 2000, STK_E_TOOBIG, 500);
	suffers(&(struct hostile){ SAYS("*16385\r\n"), .stay = true }, 2000, STK_E_TOOBIG, 500);
}

static void elements_are_counted_over_all_nested_arrays(void **state)
{
	(void)state;
	suffers(
	    &(struct hostile){ SAYS("*2\r\n*16000\r\n"), .stay = true }, 300, STK_E_TIMEOUT, 900);
	suffers(
	    &(struct hostile){ SAYS("*9000\r\n*9000\r\n"), .stay = true }, 2000, STK_E_TOOBIG, 500);
}

static void a_giant_string_is_refused_at_its_header(void **state)
{
	(void)state;
	suffers(
	    &(struct hostile){ SAYS("$500000000\r\nAAAA"), .stay = true }, 2000, STK_E_TOOBIG, 500);
	suffers(&(struct hostile){ SAYS("*2\r\n$2\r\nok\r\n$500000000\r\n"), .stay = true }, 2000,
	    STK_E_TOOBIG, 500);
	suffers(&(struct hostile){ SAYS("$99999999999999999999999\r\n"), .stay = true }, 2000,
	    STK_E_FORMAT, 500);
}

static void an_endless_status_line_ends_at_the_byte_cap(void **state)
{
	(void)state;
	suffers(&(struct hostile){ SAYS("+"), .fill = 64u << 20 }, 5000, STK_E_TOOBIG, 4000);
}

static void nesting_without_end_is_refused(void **state)
{
	char deep[4 * 64 + 1] = "";

	(void)state;
	for (int i = 0; i < 64; i++)
		memcpy(deep + 4 * i, "*1\r\n", 4);
	suffers(&(struct hostile){ .bytes = deep, .len = sizeof(deep) - 1, .stay = true }, 2000,
	    STK_E_TOOBIG, 500);
}

static void words_that_are_not_resp_are_malformed(void **state)
{
	(void)state;
	suffers(&(struct hostile){ SAYS("HTTP/1.1 400 Bad Request\r\n\r\n"), .stay = true }, 2000,
	    STK_E_FORMAT, 500);
	suffers(&(struct hostile){ SAYS("$-5\r\n"), .stay = true }, 2000, STK_E_FORMAT, 500);
}

static void a_cut_reply_is_a_closed_link(void **state)
{
	(void)state;
	suffers(&(struct hostile){ SAYS("$10\r\nhalf") }, 2000, STK_E_CLOSED, 500);
	suffers(&(struct hostile){ SAYS("") }, 2000, STK_E_CLOSED, 500);
}

static void silence_and_drips_end_at_the_deadline(void **state)
{
	(void)state;
	suffers(&(struct hostile){ SAYS(""), .stay = true }, 200, STK_E_TIMEOUT, 700);
	suffers(
	    &(struct hostile){ SAYS("+"), .fill = 4000, .drip_ms = 5 }, 300, STK_E_TIMEOUT, 800);
}

static void a_reply_nobody_asked_for_does_not_shift_the_next(void **state)
{
	struct hostile h = { SAYS("+ONE\r\n"), .stay = true };
	struct stk_reply *r[2] = { NULL, NULL };
	const struct stk_span ping = stk_span_str("PING");
	const struct stk_redis_command two[2] = { { &ping, 1 }, { &ping, 1 } };
	struct stk_redis *link;
	struct lair l;

	(void)state;
	open_lair(&l, &h);
	link = link_to(l.path, 200);
	/* the second reply never comes: neither is given out */
	assert_int_equal(stk_redis_pipeline(link, two, 2, r), STK_E_TIMEOUT);
	assert_null(r[0]);
	assert_null(r[1]);
	assert_false(stk_redis_connected(link));
	stk_redis_free(link);
	close_lair(&l);
}

/* --- a real server ---------------------------------------------------------------------------- */

static int start_server(void **state)
{
	static struct test_redis t;

	*state = &t;
	return test_redis_start(&t, NULL) ? 0 : -1;
}

static int stop_server(void **state)
{
	test_redis_stop(*state);
	return 0;
}

static void speaks_every_type_of_reply(void **state)
{
	struct stk_redis *r = test_redis_link(*state);
	struct stk_reply *out = NULL;

	assert_non_null(r);
	assert_int_equal(
	    stk_redis_words(r, &out, "EVAL",
		"return {1, 'two\\0x', {ok='fine'}, false, {3, {}}, {err='OOM inner'}}", "0", NULL),
	    STK_OK);
	assert_int_equal(out->type, STK_REPLY_ARRAY);
	assert_int_equal(out->n, 6);
	assert_int_equal(out->elements[0].integer, 1);
	assert_true(stk_span_eq(out->elements[1].bytes, stk_span_of("two\0x", 5)));
	assert_int_equal(out->elements[2].type, STK_REPLY_STATUS);
	assert_int_equal(out->elements[3].type, STK_REPLY_NIL);
	assert_int_equal(out->elements[4].elements[0].integer, 3);
	assert_int_equal(out->elements[4].elements[1].n, 0);
	assert_int_equal(out->elements[5].problem, STK_RP_OOM);
	stk_reply_free(out);
	stk_redis_free(r);
}

static void names_what_redis_refuses(void **state)
{
	static const struct {
		const char *line;
		enum stk_redis_problem want;
	} cases[] = { { "LOADING Redis is loading", STK_RP_LOADING }, { "OOM command", STK_RP_OOM },
		{ "READONLY You", STK_RP_READONLY }, { "MISCONF Redis", STK_RP_MISCONF },
		{ "NOSCRIPT No", STK_RP_NOSCRIPT }, { "NOAUTH x", STK_RP_NOAUTH },
		{ "WRONGPASS x", STK_RP_WRONGPASS }, { "NOPERM x", STK_RP_NOPERM },
		{ "WRONGTYPE x", STK_RP_WRONGTYPE }, { "MASTERDOWN x", STK_RP_MASTERDOWN },
		{ "NOREPLICAS x", STK_RP_NOREPLICAS }, { "BUSY x", STK_RP_BUSY },
		{ "UNBLOCKED x", STK_RP_UNBLOCKED },
		{ "ERR Error running script (call to f_1): @user_script:2: @user_script: 2: -OOM "
		  "command not",
		    STK_RP_OOM },
		/* what an ACL refuses within a script: 7.0, 6.0 and from 7.2 on */
		{ "ERR The user executing the script can't access at least one of the keys "
		  "mentioned in "
		  "the command arguments script: 0a, on @user_script:122.",
		    STK_RP_NOPERM },
		{ "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: The "
		  "user "
		  "executing the script can't run this command or subcommand",
		    STK_RP_NOPERM },
		{ "ERR ACL failure in script: No permissions to access a key script: 0a",
		    STK_RP_NOPERM },
		{ "ERR Error running script", STK_RP_OTHER }, { "BUSYGROUP x", STK_RP_OTHER },
		{ "ERR \x1b[31m", STK_RP_OTHER } };
	struct stk_redis *r = test_redis_link(*state);

	for (size_t i = 0; i < STK_ARRAY_LEN(cases); i++) {
		struct stk_reply *out = NULL;

		assert_int_equal(stk_redis_words(r, &out, "EVAL", "return {err=ARGV[1]}", "0",
				     cases[i].line, NULL),
		    STK_E_REFUSED);
		assert_null(out);
		assert_int_equal(stk_redis_problem(r), cases[i].want);
		assert_true(stk_redis_connected(r)); /* an answer is not a broken link */
		assert_null(strchr(stk_redis_why(r), 0x1b));
	}
	assert_true(test_redis_says(r, "PING", "PONG"));
	assert_int_equal(stk_redis_problem(r), STK_RP_NONE);
	stk_redis_free(r);
}

static void pipelines_answer_in_order_with_their_own_errors(void **state)
{
	struct stk_redis *r = test_redis_link(*state);
	const struct stk_span a[2] = { stk_span_str("ECHO"), stk_span_str("one") };
	const struct stk_span b[1] = { stk_span_str("NOSUCHCOMMAND") };
	const struct stk_span c[2] = { stk_span_str("ECHO"), stk_span_of("", 0) };
	const struct stk_redis_command all[3] = { { a, 2 }, { b, 1 }, { c, 2 } };
	struct stk_reply *out[3];

	assert_int_equal(stk_redis_pipeline(r, all, 3, out), STK_OK);
	assert_true(stk_reply_is(out[0], "one"));
	assert_int_equal(out[1]->type, STK_REPLY_ERROR);
	assert_true(stk_reply_is(out[2], ""));
	for (size_t i = 0; i < 3; i++)
		stk_reply_free(out[i]);
	stk_redis_free(r);
}

static void carries_bytes_up_to_the_cap_and_no_further(void **state)
{
	struct stk_redis *r = test_redis_link(*state);
	struct stk_reply *out = NULL;

	assert_int_equal(
	    stk_redis_words(r, &out, "EVAL", "return string.rep('x', 262144)", "0", NULL), STK_OK);
	assert_int_equal(out->bytes.len, 262144);
	stk_reply_free(out);
	assert_int_equal(
	    stk_redis_words(r, &out, "EVAL", "return string.rep('x', 262145)", "0", NULL),
	    STK_E_TOOBIG);
	assert_false(stk_redis_connected(r));
	assert_int_equal(stk_redis_connect(r), STK_OK);
	assert_true(test_redis_says(r, "PING", "PONG"));
	stk_redis_free(r);
}

static void a_late_blocking_reply_is_not_lost(void **state)
{
	struct stk_redis *r = test_redis_link(*state), *other = test_redis_link(*state);
	const struct stk_span blpop[3] = { stk_span_str("BLPOP"), stk_span_str("k"),
		stk_span_str("5") };
	struct stk_reply *out = NULL;

	assert_int_equal(stk_redis_send(r, blpop, 3), STK_OK);
	assert_int_equal(stk_redis_receive(r, 50, &out), STK_E_TIMEOUT);
	assert_true(stk_redis_connected(r));
	assert_int_equal(test_redis_int(other, "RPUSH k v"), 1);
	assert_int_equal(stk_redis_receive(r, 2000, &out), STK_OK);
	assert_true(stk_reply_is(&out->elements[1], "v"));
	stk_reply_free(out);
	stk_redis_free(r);
	stk_redis_free(other);
}

static void a_vanished_peer_is_an_error_not_a_signal(void **state)
{
	struct test_redis t;
	struct stk_redis *r;
	struct stk_reply *out = NULL;

	(void)state;
	(void)signal(SIGPIPE, SIG_DFL);
	assert_true(test_redis_start(&t, NULL));
	r = test_redis_link(&t);
	test_redis_stop(&t);
	assert_int_equal(stk_redis_words(r, &out, "PING", NULL), STK_E_CLOSED);
	assert_int_equal(stk_redis_connect(r), STK_E_SYSTEM); /* no such socket any more */
	assert_non_null(strstr(stk_redis_why(r), "connecting to Redis"));
	stk_redis_free(r);
}

static int secret_fd(const char *text)
{
	int fd = memfd_create("secret", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void logs_in_by_user_and_password(void **state)
{
	static const char *const extra[] = { "--user", "stockade", "on", ">s3 cret", "~*", "+@all",
		NULL };
	struct stk_redis_url url = { .db = 3, .user = "stockade" };
	struct stk_redis_config c = { .url = &url, .client_name = "stockade-test" };
	struct stk_redis *r = NULL;
	struct stk_reply *out = NULL;
	struct test_redis t;

	(void)state;
	assert_true(test_redis_start(&t, extra));
	(void)snprintf(url.socket_path, sizeof(url.socket_path), "%s", t.socket_path);
	c.password_fd = secret_fd("s3 cret\n");
	assert_int_equal(stk_redis_new(&c, &r), STK_OK);
	for (int i = 0; i < 2; i++) { /* a reconnect reads the password again */
		assert_int_equal(stk_redis_connect(r), STK_OK);
		assert_true(test_redis_says(r, "ACL WHOAMI", "stockade"));
		assert_true(test_redis_says(r, "CLIENT GETNAME", "stockade-test"));
		out = test_redis_do(r, "CLIENT INFO");
		assert_non_null(strstr((const char *)out->bytes.p, " db=3 "));
		stk_reply_free(out);
	}
	stk_redis_free(r);
	(void)close(c.password_fd);
	c.password_fd = secret_fd("wrong");
	assert_int_equal(stk_redis_new(&c, &r), STK_OK);
	assert_int_equal(stk_redis_connect(r), STK_E_REFUSED);
	assert_int_equal(stk_redis_problem(r), STK_RP_WRONGPASS);
	assert_false(stk_redis_connected(r));
	stk_redis_free(r);
	(void)close(c.password_fd);
	c.password_fd = secret_fd("");
	assert_int_equal(stk_redis_new(&c, &r), STK_OK);
	assert_int_equal(stk_redis_connect(r), STK_E_ABSENT);
	assert_non_null(strstr(stk_redis_why(r), "password"));
	stk_redis_free(r);
	(void)close(c.password_fd);
	test_redis_stop(&t);
}

static void connects_over_tcp_within_its_deadline(void **state)
{
	/* a listener that accepts in the kernel only and never answers */
	struct stk_redis_url url = { .host = "127.0.0.1", .db = 1 };
	const struct stk_redis_config c = {
		.url = &url, .password_fd = -1, .connect_timeout_ms = 200
	};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage sa = { .ss_family = AF_INET };
	socklen_t len = sizeof(sa);
	struct stk_redis *r = NULL;
	int64_t began;
	uint16_t port;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, 16), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&sa, &len), 0);
	memcpy(&port, (const char *)&sa + 2, sizeof(port));
	url.port = (uint16_t)(port << 8 | port >> 8);
	assert_int_equal(stk_redis_new(&c, &r), STK_OK);
	began = stk_monotonic_ms();
	assert_int_equal(stk_redis_connect(r), STK_E_TIMEOUT); /* SELECT is never answered */
	assert_in_range(stk_monotonic_ms() - began, 190, 700);
	stk_redis_free(r);
	(void)close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_giant_array_header_reserves_nothing),
		cmocka_unit_test(elements_are_counted_over_all_nested_arrays),
		cmocka_unit_test(a_giant_string_is_refused_at_its_header),
		cmocka_unit_test(an_endless_status_line_ends_at_the_byte_cap),
		cmocka_unit_test(nesting_without_end_is_refused),
		cmocka_unit_test(words_that_are_not_resp_are_malformed),
		cmocka_unit_test(a_cut_reply_is_a_closed_link),
		cmocka_unit_test(silence_and_drips_end_at_the_deadline),
		cmocka_unit_test(a_reply_nobody_asked_for_does_not_shift_the_next),
		cmocka_unit_test(speaks_every_type_of_reply),
		cmocka_unit_test(names_what_redis_refuses),
		cmocka_unit_test(pipelines_answer_in_order_with_their_own_errors),
		cmocka_unit_test(carries_bytes_up_to_the_cap_and_no_further),
		cmocka_unit_test(a_late_blocking_reply_is_not_lost),
		cmocka_unit_test(a_vanished_peer_is_an_error_not_a_signal),
		cmocka_unit_test(logs_in_by_user_and_password),
		cmocka_unit_test(connects_over_tcp_within_its_deadline),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}

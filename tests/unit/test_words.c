/*
 * test_words.c - job.h's words for arguments that name things, and its memory: what is taken, and
 * each kind of thing that is refused.
 */
#include "tests/harness.h"

#include "jobs/cage/cage.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static void file_names(void **state)
{
	static const char *const good[] = { "a", "report 2026.pdf", "a.b.c", "\xc3\xa4.txt",
		"\xf0\x9f\x93\x84.md", "a-b", "%2e%2e", "con", "~" };
	static const char *const bad[] = { "", ".", "..", ".ssh", "-rf", "--help", "a/b", "/etc",
		"a\nb", "a\x7f", "a\x1b[31m", "\xc2\x9b", "\xe2\x80\xaetxt.exe", "\xe2\x80\x8b",
		"\xef\xbb\xbf", "\xe2\x81\xa6", "\xff", "\xc3", "\xc0\xaf", "\xe0\x80\xaf",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xc3(" };
	char name[300];

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(good); i++)
		if (!stockade_name_ok(good[i]))
			fail_msg("%s is a name", good[i]);
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++)
		if (stockade_name_ok(bad[i]))
			fail_msg("number %zu is no name", i);
	memset(name, 'a', sizeof(name));
	name[255] = '\0';
	assert_true(stockade_name_ok(name));
	name[255] = 'a';
	name[256] = '\0';
	assert_false(stockade_name_ok(name));
}

static void an_argument_list_is_bounded(void **state)
{
	struct stockade_argv v = { 0 };
	char word[4096];

	(void)state;
	for (int i = 0; i < STOCKADE_ARGV_MAX; i++)
		assert_int_equal(stockade_argv_add(&v, "-x"), 0);
	assert_int_equal(v.n, 64);
	assert_null(v.at[64]);
	errno = 0;
	assert_int_equal(stockade_argv_add(&v, "y"), -1);
	assert_int_equal(errno, E2BIG);
	assert_int_equal(v.n, 64);

	memset(word, 'w', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	v = (struct stockade_argv){ 0 };
	for (int i = 0; i < 4; i++)
		assert_int_equal(stockade_argv_add_operand(&v, word, 0), 0);
	assert_int_equal(v.bytes, STK_SAY_MAX);
	assert_int_equal(stockade_argv_add(&v, ""), -1);
	assert_int_equal(errno, E2BIG);
}

static void an_operand_is_no_option(void **state)
{
	static const char *const bad[] = { "", "-", "-rf", "--output=/x", "a\nb", "\x1b[2J",
		"\xff" };
	static const char *const good[] = { "a-b", "a b", "$(id)", "*", "@file", "\xc3\xa4" };
	struct stockade_argv v = { 0 };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++) {
		errno = 0;
		assert_int_equal(stockade_argv_add_operand(&v, bad[i], 0), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(v.n, 0);
	for (size_t i = 0; i < STK_ARRAY_LEN(good); i++) {
		assert_int_equal(stockade_argv_add_operand(&v, good[i], 0), 0);
		assert_string_equal(v.at[i], good[i]);
	}
	assert_int_equal(stockade_argv_add_operand(&v, "-5", STOCKADE_ARGV_DASH), 0);
	assert_int_equal(stockade_argv_add_operand(&v, "", STOCKADE_ARGV_DASH), -1);
	assert_null(v.at[v.n]);
}

static void urls_are_taken_apart(void **state)
{
	static const struct {
		const char *text;
		unsigned flags;
		const char *scheme, *host, *target;
		uint16_t port;
		bool is_address;
	} good[] = {
		{ "https://example.com", 0, "https", "example.com", "/", 443, false },
		{ "HTTPS://Example.COM:8443/a/b?c=d&e=%2Ff", 0, "https", "example.com",
		    "/a/b?c=d&e=%2Ff", 8443, false },
		{ "https://example.com?x", 0, "https", "example.com", "/?x", 443, false },
		{ "https://a.b/..c/.d/e..?../..", 0, "https", "a.b", "/..c/.d/e..?../..", 443,
		    false },
		{ "https://192.0.2.7/", 0, "https", "192.0.2.7", "/", 443, true },
		{ "https://[2001:DB8::1]:1/x", 0, "https", "2001:db8::1", "/x", 1, true },
		{ "https://xn--bcher-kva.example/", 0, "https", "xn--bcher-kva.example", "/", 443,
		    false },
		{ "http://example.com/", STOCKADE_URL_HTTP, "http", "example.com", "/", 80, false },
		{ "https://localhost:65535", 0, "https", "localhost", "/", 65535, false },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(good); i++) {
		struct stockade_url u;

		if (stockade_url_parse(good[i].text, good[i].flags, &u) != 0)
			fail_msg("%s: %s", good[i].text, u.why);
		assert_null(u.why);
		assert_string_equal(u.scheme, good[i].scheme);
		assert_string_equal(u.host, good[i].host);
		assert_string_equal(u.target, good[i].target);
		assert_int_equal(u.port, good[i].port);
		assert_int_equal(u.is_address, good[i].is_address);
	}
}

static void urls_that_two_readers_read_twice_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "does not begin with https://" },
		{ "http://example.com/", "does not begin with https://" },
		{ "//example.com/", "does not begin with https://" },
		{ "https:/example.com/", "does not begin with https://" },
		{ "javascript:alert(1)", "does not begin" },
		{ "file:///etc/passwd", "does not begin" },
		{ " https://example.com/", "a byte that no URL has" },
		{ "https://example.com/ ", "a byte that no URL has" },
		{ "https://exa\nmple.com/", "a byte that no URL has" },
		{ "https://example.com\\@evil/", "a byte that no URL has" },
		{ "https://ex\xc3\xa4mple/", "a byte that no URL has" },
		{ "https://u:p@example.com/", "a user name" },
		{ "https://good@evil.example/", "a user name" },
		{ "https://example.com#@evil/", "a fragment" },
		{ "https://example.com/%0d%0aX:y", "a coded control byte" },
		{ "https://example.com/%00", "a coded control byte" },
		{ "https://example.com/%7F", "a coded control byte" },
		{ "https://example.com/%", "a % without" },
		{ "https://example.com/%4", "a % without" },
		{ "https://example.com/%g0", "a % without" },
		{ "https://%65xample.com/", "a coded spelling" },
		{ "https:///x", "no host" },
		{ "https://:443/", "no host" },
		{ "https://[]/", "no host" },
		{ "https://2130706433/", "a number for a host" },
		{ "https://0x7f000001/", "a number for a host" },
		{ "https://127.1/", "a number for a host" },
		{ "https://0177.0.0.1/", "a number for a host" },
		{ "https://1.2.3.4.5/", "a number for a host" },
		{ "https://256.1.1.1/", "a number for a host" },
		{ "https://example.com./", "no host name" },
		{ "https://a..b/", "no host name" },
		{ "https://-a.b/", "no host name" },
		{ "https://a_b.example/", "no host name" },
		{ "https://2001:db8::1/", "a number for a host" },
		{ "https://db8::a/", "no host name" },
		{ "https://[::1", "no host name" },
		{ "https://[v1.x]/", "no IPv6 address" },
		{ "https://[fe80::1%eth0]/", "a % without" },
		{ "https://[fe80::1%25eth0]/", "a coded spelling" },
		{ "https://[::1]x:1/", "no host name" },
		{ "https://example.com:/", "a port" },
		{ "https://example.com:0/", "a port" },
		{ "https://example.com:080/", "a port" },
		{ "https://example.com:65536/", "a port" },
		{ "https://example.com:99999999/", "a port" },
		{ "https://example.com:4x/", "a port" },
		{ "https://example.com/a/../b", "in its path" },
		{ "https://example.com/..", "in its path" },
		{ "https://example.com/./x", "in its path" },
		{ "https://example.com/%2E%2e/x", "in its path" },
		{ "https://example.com/.%2e", "in its path" },
		{ "https://example.com/[x]", "a bracket" },
	};
	char text[STOCKADE_URL_MAX + 2];
	struct stockade_url u;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++) {
		errno = 0;
		if (stockade_url_parse(bad[i].text, 0, &u) != -1)
			fail_msg("%s is let through", bad[i].text);
		assert_int_equal(errno, EINVAL);
		if (strstr(u.why, bad[i].why) == NULL)
			fail_msg("%s: %s, not %s", bad[i].text, u.why, bad[i].why);
		assert_string_equal(u.host, "");
	}
	memset(text, 'a', sizeof(text));
	memcpy(text, "https://a/", 10);
	text[STOCKADE_URL_MAX] = '\0';
	assert_int_equal(stockade_url_parse(text, 0, &u), 0);
	assert_int_equal(strlen(u.target), STOCKADE_URL_MAX - 9);
	text[9] = '?';
	assert_int_equal(stockade_url_parse(text, 0, &u), 0);
	assert_int_equal(strlen(u.target), STOCKADE_URL_MAX - 8);
	text[STOCKADE_URL_MAX] = 'a';
	text[STOCKADE_URL_MAX + 1] = '\0';
	assert_int_equal(stockade_url_parse(text, 0, &u), -1);
	memset(text, 'a', sizeof(text));
	memcpy(text, "https://", 8);
	text[8 + 254] = '\0';
	assert_int_equal(stockade_url_parse(text, 0, &u), -1);
}

static void memory_is_zeroed_and_goes_with_the_job(void **state)
{
	struct stockade_job job = { 0 };
	char *text;

	(void)state;
	for (size_t size = 0; size < 300; size++) {
		unsigned char *p = stockade_alloc(&job, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	text = stockade_text(&job, "%s-%d", "a", 7);
	assert_string_equal(text, "a-7");
	errno = 0;
	assert_null(stockade_alloc(&job, SIZE_MAX));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(stockade_alloc(&job, SIZE_MAX / 2));
	assert_int_equal(errno, ENOMEM);
	assert_string_equal(text, "a-7");
	stockade_memory_clear(&job);
	assert_null(job.pieces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_names),
		cmocka_unit_test(an_argument_list_is_bounded),
		cmocka_unit_test(an_operand_is_no_option),
		cmocka_unit_test(urls_are_taken_apart),
		cmocka_unit_test(urls_that_two_readers_read_twice_are_refused),
		cmocka_unit_test(memory_is_zeroed_and_goes_with_the_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

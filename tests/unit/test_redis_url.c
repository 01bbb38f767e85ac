/*
 * test_redis_url.c - every form redis_url.h lists, and what is refused.
 */
#include "tests/harness.h"

#include "worker/redis_url.h"

#include <stdio.h>
#include <string.h>

static struct stk_redis_url u;
static char why[STK_REDIS_WHY_BYTES];

static enum stk_err parse(const char *text)
{
	return stk_redis_url_parse(text, &u, why, sizeof(why));
}

static void reads_every_documented_form(void **state)
{
	static const struct {
		const char *text, *host, *path, *ns;
		uint16_t port;
		int db;
	} cases[] = {
		{ "redis://h", "h", "", "", 6379, 0 },
		{ "redis://h/", "h", "", "", 6379, 0 },
		{ "redis://h:6380/3", "h", "", "", 6380, 3 },
		{ "redis://[::1]:6380/3", "::1", "", "", 6380, 3 },
		{ "redis://[fe80::1]", "fe80::1", "", "", 6379, 0 },
		{ "unix:///run/redis.sock", "", "/run/redis.sock", "", 6379, 0 },
		{ "unix:///run/redis.sock?db=7", "", "/run/redis.sock", "", 6379, 7 },
		{ "unix://run/redis.sock", "", "run/redis.sock", "", 6379, 0 },
		{ "h", "h", "", "", 6379, 0 },
		{ "h:6380", "h", "", "", 6380, 0 },
		{ "h:6380:5", "h", "", "", 6380, 5 },
		{ "h:6380/a/b", "h", "", "a/b", 6380, 0 },
		{ "h:6380:5/ns", "h", "", "ns", 6380, 5 },
		{ "h/ns", "h", "", "ns", 6379, 0 },
		{ "[::1]:6380:5", "::1", "", "", 6380, 5 },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(cases); i++) {
		assert_int_equal(parse(cases[i].text), STK_OK);
		assert_string_equal(u.host, cases[i].host);
		assert_string_equal(u.socket_path, cases[i].path);
		assert_string_equal(u.ns, cases[i].ns);
		assert_int_equal(u.port, cases[i].port);
		assert_int_equal(u.db, cases[i].db);
		assert_false(u.has_password);
	}
}

static void takes_the_login_out(void **state)
{
	(void)state;
	assert_int_equal(parse("redis://me:p%40ss%2fword@h:1/2"), STK_OK);
	assert_string_equal(u.user, "me");
	assert_string_equal(u.password, "p@ss/word");
	assert_true(u.has_password);
	assert_int_equal(parse("redis://:secret@h"), STK_OK);
	assert_string_equal(u.user, "");
	assert_string_equal(u.password, "secret");
	assert_int_equal(parse("redis://:a@b@h"), STK_OK);
	assert_string_equal(u.password, "a@b");
	assert_string_equal(u.host, "h");
	assert_int_equal(parse("redis://me@h"), STK_OK);
	assert_false(u.has_password);
	stk_redis_url_clear(&u);
	assert_string_equal(u.user, "");
}

static void refuses_tls_by_name_and_says_what_to_do(void **state)
{
	(void)state;
	assert_int_equal(parse("rediss://h:6380"), STK_E_REFUSED);
	assert_non_null(strstr(why, "TLS is not built in yet"));
	assert_non_null(strstr(why, "unix socket"));
}

static void refuses_what_it_does_not_understand(void **state)
{
	static const char *const bad[] = { "", "redis://", "redis://:1", "redis://h:0",
		"redis://h:65536", "redis://h:x", "redis://h:", "redis://h/x", "redis://h/99999",
		"redis://h/3/ns", "redis://h/1?x", "redis://h#1", "redis://[::1", "redis://[::1]x",
		"redis://[]", "redis://a b", "redis://u:%zz@h", "redis://u:%00@h", "redis://u:%4@h",
		"unix://", "unix:///", "unix:///a?x=1", "unix:///a?db=", "unix:///a?db=-1",
		"http://h", "h:", "h:1:", "h:1:2:3", "h:1/", "h/a b", ":1", "user:pw@h",
		"h:1:70000" };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++) {
		if (parse(bad[i]) != STK_E_FORMAT)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_true(why[0] != '\0');
		assert_string_equal(u.host, "");
	}
}

static void refuses_what_is_too_long(void **state)
{
	char text[4096];

	(void)state;
	memset(text, 'h', sizeof(text));
	text[4095] = '\0';
	assert_int_equal(parse(text), STK_E_TOOBIG);
	text[300] = '\0';
	assert_int_equal(parse(text), STK_E_FORMAT);
	memcpy(text, "unix:///", 8);
	text[115] = '\0'; /* 108 bytes of path: no room for the NUL of sun_path */
	assert_int_equal(parse(text), STK_E_FORMAT);
	text[114] = '\0';
	assert_int_equal(parse(text), STK_OK);
	memset(text, 'p', sizeof(text));
	memcpy(text, "redis://:", 9);
	memcpy(text + 9 + 512, "@h", 3);
	assert_int_equal(parse(text), STK_E_FORMAT);
}

static void never_quotes_the_password(void **state)
{
	(void)state;
	assert_int_equal(parse("redis://me:hunter2@h:x"), STK_E_FORMAT);
	assert_null(strstr(why, "hunter2"));
	assert_string_equal(u.password, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_documented_form),
		cmocka_unit_test(takes_the_login_out),
		cmocka_unit_test(refuses_tls_by_name_and_says_what_to_do),
		cmocka_unit_test(refuses_what_it_does_not_understand),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(never_quotes_the_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

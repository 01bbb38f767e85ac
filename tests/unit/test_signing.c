/*
 * test_signing.c - what `sign` makes is what a worker admits; what a worker would refuse is refused
 * before it is signed, naming the flag.
 */
#include "tests/harness.h"

#include "worker/cli/signing.h"
#include "worker/seal.h"

#include <string.h>

static struct stk_sign_request request(void)
{
	return (struct stk_sign_request){ .kid = "k1",
		.aud = "test",
		.queues = "images",
		.cls = "Resize",
		.ref = "-",
		.runs = 5,
		.iat_s = 1800000000,
		.nbf_s = 1800000000,
		.exp_s = 1800000060 };
}

static void names(const struct stk_sign_request *r, const char *flag)
{
	char header[STK_HEADER_MAX + 1];
	const char *why;

	assert_false(stk_sign_header(r, header, &why));
	if (strncmp(why, flag, strlen(flag)) != 0)
		fail_msg("\"%s\" does not begin with %s", why, flag);
}

static void headers_are_fresh_and_parse(void **state)
{
	struct stk_sign_request r = request();
	char a[STK_HEADER_MAX + 1], b[STK_HEADER_MAX + 1];
	struct stk_envelope e;
	const char *why;

	(void)state;
	assert_true(stk_sign_header(&r, a, &why));
	assert_true(stk_sign_header(&r, b, &why));
	assert_string_not_equal(a, b); /* two jobs, two ids */
	assert_int_equal(stk_envelope_parse(stk_span_str(a), &e), STK_V_ACCEPT);
	assert_int_equal(e.jti.len, 22);
}

static void a_wrong_flag_is_named(void **state)
{
	struct stk_sign_request r;

	(void)state;
	r = request();
	r.kid = "k 1";
	names(&r, "--kid");
	r = request();
	r.aud = "a;b";
	names(&r, "--aud");
	r = request();
	r.cls = ":X";
	names(&r, "--class");
	r = request();
	r.ref = "";
	names(&r, "--ref");
	r = request();
	r.runs = 101;
	names(&r, "--runs");
	r = request();
	r.queues = "a,,b";
	names(&r, "--queue");
	r = request();
	r.queues = "a,b,c,d,e,f,g,h,i";
	names(&r, "--queue");
	r = request();
	r.nbf_s = 1;
	names(&r, "--not-before");
	r = request();
	r.exp_s = r.nbf_s;
	names(&r, "--ttl");
	r = request();
	r.exp_s = 999999999999;
	names(&r, "--ttl");
}

static void arguments_are_checked_before_they_are_signed(void **state)
{
	(void)state;
	assert_null(stk_sign_args_fault(stk_span_str("[]"), 99));
	assert_null(stk_sign_args_fault(stk_span_str("[\"a\\n\",1]"), 99));
	assert_non_null(strstr(stk_sign_args_fault(stk_span_str("[1,\n2]"), 99), "jq -c"));
	assert_non_null(strstr(stk_sign_args_fault(stk_span_str("{}"), 99), "JSON array"));
	assert_non_null(strstr(stk_sign_args_fault(stk_span_str("[1,]"), 99), "not valid JSON"));
	assert_non_null(strstr(stk_sign_args_fault(stk_span_str("[1] [2]"), 99), "not valid JSON"));
	assert_non_null(strstr(stk_sign_args_fault(stk_span_str("[12345]"), 6), "larger"));
	assert_non_null(strstr(
	    stk_sign_args_fault(
		stk_span_str("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
			     "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
		999),
	    "64 levels"));
}

static int start(void **state)
{
	(void)state;
	return stk_seal_init() == STK_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_fresh_and_parse),
		cmocka_unit_test(a_wrong_flag_is_named),
		cmocka_unit_test(arguments_are_checked_before_they_are_signed),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}

/*
 * test_envelope.c - the header line has one encoding per content; everything else is refused.
 */
#include "tests/harness.h"

#include "worker/envelope.h"
#include "worker/seal.h"

#include <stdio.h>
#include <string.h>

#define GOOD                       \
	"stk1;kid=web-1;aud=prod/" \
	"x;q=a,b;cls=Img::R;jti=0123456789abcdef;iat=1;nbf=2;exp=3;runs=5;ref=-"

static enum stk_verdict parse(const char *line)
{
	struct stk_envelope e;

	return stk_envelope_parse(stk_span_str(line), &e);
}

static void takes_a_line_apart(void **state)
{
	struct stk_envelope e;

	(void)state;
	assert_int_equal(stk_envelope_parse(stk_span_str(GOOD), &e), STK_V_ACCEPT);
	assert_true(stk_span_eq(e.kid, stk_span_str("web-1")));
	assert_true(stk_span_eq(e.aud, stk_span_str("prod/x")));
	assert_true(stk_span_eq(e.cls, stk_span_str("Img::R")));
	assert_true(stk_span_eq(e.ref, stk_span_str("-")));
	assert_int_equal(e.n_queues, 2);
	assert_true(stk_envelope_names_queue(&e, stk_span_str("b")));
	assert_false(stk_envelope_names_queue(&e, stk_span_str("a,b")));
	assert_int_equal(e.iat_s, 1);
	assert_int_equal(e.nbf_s, 2);
	assert_int_equal(e.exp_s, 3);
	assert_int_equal(e.runs, 5);
}

/* GOOD with one field's text replaced. */
static enum stk_verdict with(const char *from, const char *to)
{
	char line[2048];
	const char *at = strstr(GOOD, from);

	assert_non_null(at);
	(void)snprintf(
	    line, sizeof(line), "%.*s%s%s", (int)(at - GOOD), GOOD, to, at + strlen(from));
	return parse(line);
}

static void refuses_what_the_grammar_does_not_say(void **state)
{
	static const char *const changes[][2] = {
		{ "kid=web-1", "kid=" },
		{ "kid=web-1", "kid=a b" },
		{ "kid=web-1;", "" },
		{ ";aud", ";;aud" },
		{ "kid=web-1;aud=prod/x", "aud=prod/x;kid=web-1" },
		{ "kid=web-1", "kid=web-1;kid=web-1" },
		{ "q=a,b", "q=" },
		{ "q=a,b", "q=a," },
		{ "q=a,b", "q=,a" },
		{ "q=a,b", "q=a,b,c,d,e,f,g,h,i" },
		{ "q=a,b", "q=a/b" },
		{ "cls=Img::R", "cls=:Img" },
		{ "cls=Img::R", "cls=7up" },
		{ "cls=Img::R", "cls=a.b" },
		{ "jti=0123456789abcdef", "jti=0123456789abcde" },
		{ "iat=1", "iat=01" },
		{ "iat=1", "iat=+1" },
		{ "iat=1", "iat=" },
		{ "iat=1", "iat=123456789012" },
		{ "runs=5", "runs=0" },
		{ "runs=5", "runs=101" },
		{ "runs=5", "runs=5.0" },
		{ "ref=-", "ref=" },
		{ "ref=-", "ref=a;b" },
		{ "ref=-", "ref=-\n" },
		{ "ref=-", "ref=-;" },
		{ ";ref=-", "" },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(changes); i++)
		if (with(changes[i][0], changes[i][1]) != STK_V_E_HEADER)
			fail_msg("accepted %s", changes[i][1]);
	assert_int_equal(with("iat=1", "iat=12345678901"), STK_V_ACCEPT);
	assert_int_equal(with("iat=1", "iat=0"), STK_V_ACCEPT);
	assert_int_equal(with("q=a,b", "q=a,b,c,d,e,f,g,h"), STK_V_ACCEPT);
	assert_int_equal(with("runs=5", "runs=100"), STK_V_ACCEPT);
}

static void tells_versions_from_unsigned_text(void **state)
{
	(void)state;
	assert_int_equal(with("stk1;", "stk2;"), STK_V_E_VERSION);
	assert_int_equal(with("stk1;", "stk01;"), STK_V_E_VERSION);
	assert_int_equal(with("stk1;", "stk10;"), STK_V_E_VERSION);
	assert_int_equal(with("stk1;", "stk;"), STK_V_E_UNSIGNED);
	assert_int_equal(with("stk1;", "STK1;"), STK_V_E_UNSIGNED);
	assert_int_equal(parse(""), STK_V_E_UNSIGNED);
	assert_int_equal(parse("stk1"), STK_V_E_UNSIGNED);
	assert_int_equal(parse("stk1;"), STK_V_E_HEADER);
}

static void a_nul_or_an_overlong_line_is_no_header(void **state)
{
	struct stk_envelope e;
	char line[STK_HEADER_MAX + 64];

	(void)state;
	assert_int_equal(stk_envelope_parse(stk_span_of(GOOD, sizeof(GOOD)), &e), STK_V_E_HEADER);
	(void)snprintf(line, sizeof(line), "%-1060s", GOOD);
	assert_int_equal(parse(line), STK_V_E_HEADER);
}

static void bodies_are_compact_arrays(void **state)
{
	(void)state;
	assert_true(stk_envelope_body_ok(stk_span_str("[]"), 2));
	assert_false(stk_envelope_body_ok(stk_span_str("[1]"), 2));
	assert_false(stk_envelope_body_ok(stk_span_str(""), 99));
	assert_false(stk_envelope_body_ok(stk_span_str("["), 99));
	assert_false(stk_envelope_body_ok(stk_span_str("{}"), 99));
	assert_false(stk_envelope_body_ok(stk_span_str("[1]\n"), 99));
	assert_false(stk_envelope_body_ok(stk_span_str("[1,\t2]"), 99));
	assert_false(stk_envelope_body_ok(stk_span_of("[\0]", 3), 99));
}

static void the_message_is_domain_header_body(void **state)
{
	static const char want[] = "stockade-job-v1\n" GOOD "\n[\"\xc3\xa9\"]";
	struct stk_payload p = { .header = stk_span_str(GOOD),
		.body = stk_span_str("[\\\"\\u00e9\\\"]") };
	uint8_t id[STK_JOB_ID_LEN], again[STK_JOB_ID_LEN];
	struct stk_message m, made;
	struct stk_envelope e;
	bool nomem;

	(void)state;
	assert_int_equal(stk_message_decode(&p, 100, &m, &e, &nomem), STK_V_ACCEPT);
	assert_int_equal(m.len, sizeof(want) - 1);
	assert_memory_equal(m.bytes, want, m.len);
	/* the envelope's spans live in the message, not in a buffer that is gone */
	assert_true(e.kid.p > m.bytes && e.kid.p < m.bytes + m.len);
	assert_int_equal(stk_message_make(m.header, m.body, &made), STK_OK);
	stk_message_job_id(&m, id);
	stk_message_job_id(&made, again);
	assert_memory_equal(id, again, sizeof(id));
	stk_message_clear(&m);
	stk_message_clear(&made);
	assert_int_equal(stk_message_decode(&p, 5, &m, &e, &nomem), STK_V_E_BODY);
	assert_null(m.bytes);
	assert_null(e.kid.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_line_apart),
		cmocka_unit_test(refuses_what_the_grammar_does_not_say),
		cmocka_unit_test(tells_versions_from_unsigned_text),
		cmocka_unit_test(a_nul_or_an_overlong_line_is_no_header),
		cmocka_unit_test(bodies_are_compact_arrays),
		cmocka_unit_test(the_message_is_domain_header_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_payload.c - the outer scanner stops at the first thing that cannot be STK1, with its name.
 */
#include "tests/harness.h"

#include "worker/payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct stk_payload found;

static enum stk_verdict scan(const char *text)
{
	return stk_payload_scan(stk_span_str(text), &found);
}

static void says(const char *text, enum stk_verdict want)
{
	enum stk_verdict got = scan(text);

	if (got != want)
		fail_msg("%s: %s, not %s", text, stk_verdict_text(got), stk_verdict_text(want));
}

static void finds_the_class_and_three_strings(void **state)
{
	(void)state;
	says("{\"queue\":\"q\",\"args\":[\"h\",\"[]\",\"s\"],\"class\":\"C\",\"id\":7}",
	    STK_V_ACCEPT);
	assert_true(stk_span_eq(found.class_text, stk_span_str("C")));
	assert_true(stk_span_eq(found.header, stk_span_str("h")));
	assert_true(stk_span_eq(found.body, stk_span_str("[]")));
	assert_true(stk_span_eq(found.signature, stk_span_str("s")));
	says(" { \"cl\\u0061ss\" : \"C\" , \"\\u0061rgs\" : [ \"\" , \"\" , \"\" ] } ",
	    STK_V_ACCEPT);
}

static void names_what_is_no_json(void **state)
{
	(void)state;
	says("", STK_V_E_OUTER_JSON);
	says("hello", STK_V_E_OUTER_JSON);
	says("{", STK_V_E_OUTER_JSON);
	says("{\"class\"}", STK_V_E_OUTER_JSON);
	says("{\"class\":\"C\",}", STK_V_E_OUTER_JSON);
	says("{\"class\":\"C\" \"args\":[]}", STK_V_E_OUTER_JSON);
	says("{\"class\":\"C\",\"args\":[\"a\"", STK_V_E_OUTER_JSON);
	says("{\"class\":\"C\",\"args\":[\"a\" \"b\"]}", STK_V_E_OUTER_JSON);
	says("{\"class\":\"C\",\"args\":[\"a\",\"b\",\"c\"]} x", STK_V_E_OUTER_JSON);
	says("{\"class\":\"C\",\"x\":tru,\"args\":[]}", STK_V_E_OUTER_JSON);
}

static void names_what_has_another_shape(void **state)
{
	(void)state;
	says("[]", STK_V_E_OUTER_SHAPE);
	says("7", STK_V_E_OUTER_SHAPE);
	says("{}", STK_V_E_OUTER_SHAPE);
	says("{\"class\":\"C\"}", STK_V_E_OUTER_SHAPE);
	says("{\"args\":[\"a\",\"b\",\"c\"]}", STK_V_E_OUTER_SHAPE);
	says("{\"class\":7,\"args\":[]}", STK_V_E_OUTER_SHAPE);
	says("{\"class\":{},\"args\":[]}", STK_V_E_OUTER_SHAPE);
	says("{\"class\":\"C\",\"args\":{}}", STK_V_E_OUTER_SHAPE);
	says("{\"class\":\"C\",\"args\":null}", STK_V_E_OUTER_SHAPE);
	says("{\"id\":[1],\"class\":\"C\"}", STK_V_E_OUTER_SHAPE);
	says("{\"x\":1,\"\\u0078\":2}", STK_V_E_OUTER_SHAPE);
}

static void names_what_is_not_signed(void **state)
{
	(void)state;
	says("{\"class\":\"C\",\"args\":[]}", STK_V_E_UNSIGNED);
	says("{\"class\":\"C\",\"args\":[1,2,3]}", STK_V_E_UNSIGNED);
	says("{\"class\":\"C\",\"args\":[\"a\",\"b\"]}", STK_V_E_UNSIGNED);
	says("{\"class\":\"C\",\"args\":[\"a\",\"b\",{}]}", STK_V_E_UNSIGNED);
	says("{\"class\":\"C\",\"args\":[\"a\",\"b\",\"c\",\"d\"]}", STK_V_E_UNSIGNED);
}

static void a_nesting_bomb_costs_one_bracket(void **state)
{
	static const char head[] = "{\"class\":\"C\",\"args\":[";
	char *bomb = malloc(100000);

	(void)state;
	assert_non_null(bomb);
	memset(bomb, '[', 100000);
	memcpy(bomb, head, sizeof(head) - 1);
	assert_int_equal(stk_payload_scan(stk_span_of(bomb, 100000), &found), STK_V_E_UNSIGNED);
	free(bomb);
}

/* @known and @unknown extra keys beside class and args. */
static enum stk_verdict with_extras(size_t known, size_t unknown)
{
	static const char *const names[] = { "queue", "id", "prefix", "queue_time", "traceparent",
		"tracestate", "baggage" };
	char text[1024] = "{";

	for (size_t i = 0; i < known; i++)
		(void)snprintf(
		    text + strlen(text), sizeof(text) - strlen(text), "\"%s\":null,", names[i]);
	for (size_t i = 0; i < unknown; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "\"k%zu\":1,", i);
	(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
	    "\"class\":\"C\",\"args\":[\"a\",\"b\",\"c\"]}");
	return scan(text);
}

static void counts_known_and_unknown_keys_apart(void **state)
{
	(void)state;
	assert_int_equal(with_extras(0, 6), STK_V_ACCEPT);
	assert_int_equal(with_extras(0, 7), STK_V_E_OUTER_SHAPE);
	assert_int_equal(with_extras(7, 6), STK_V_ACCEPT);
	assert_int_equal(with_extras(7, 7), STK_V_E_OUTER_SHAPE);
}

static void a_class_has_at_most_128_bytes_decoded(void **state)
{
	char text[2048] = "{\"class\":\"";

	(void)state;
	for (int i = 0; i < 128; i++)
		(void)strcat(text, "\\u0041");
	(void)strcat(text, "\",\"args\":[\"\",\"\",\"\"]}");
	says(text, STK_V_ACCEPT);
	(void)memmove(text + 11, text + 10, strlen(text + 10) + 1);
	text[10] = 'B';
	says(text, STK_V_E_OUTER_SHAPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_class_and_three_strings),
		cmocka_unit_test(names_what_is_no_json),
		cmocka_unit_test(names_what_has_another_shape),
		cmocka_unit_test(names_what_is_not_signed),
		cmocka_unit_test(a_nesting_bomb_costs_one_bracket),
		cmocka_unit_test(counts_known_and_unknown_keys_apart),
		cmocka_unit_test(a_class_has_at_most_128_bytes_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_scan.c - the scanner core: tokens, strings, the recogniser. The public suite runs beside
 * this (tests/vectors/json_parsing.sh); here are the edges that a refactoring would lose.
 */
#include "tests/harness.h"

#include "worker/scan.h"

#include <stdlib.h>
#include <string.h>

static enum stk_err recognise(const char *text, unsigned depth, enum stk_json_root root)
{
	return stk_json_recognise(stk_span_str(text), depth, root, NULL);
}

static void recognises_one_value_of_the_wanted_kind(void **state)
{
	(void)state;
	assert_int_equal(
	    recognise(" {\"a\":[1,-0.5e+3,true,null,\"x\"]} \n", 64, STK_JSON_OBJECT), STK_OK);
	assert_int_equal(recognise("[]", 64, STK_JSON_OBJECT), STK_E_FORMAT);
	assert_int_equal(recognise("[]", 64, STK_JSON_ARRAY), STK_OK);
	assert_int_equal(recognise("7", 64, STK_JSON_ANY), STK_OK);
	assert_int_equal(recognise("", 64, STK_JSON_ANY), STK_E_FORMAT);
	assert_int_equal(recognise("{} {}", 64, STK_JSON_ANY), STK_E_FORMAT);
	assert_int_equal(recognise("{}x", 64, STK_JSON_ANY), STK_E_FORMAT);
	assert_int_equal(recognise("\xef\xbb\xbf{}", 64, STK_JSON_ANY), STK_E_FORMAT);
}

static void refuses_every_prefix_of_a_container(void **state)
{
	static const char text[] = "{\"a\":[1,{\"b\":\"\\u00e9\\ud83d\\ude00\"}],\"c\":null}";
	size_t at;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		/* an exact copy, so that a read past the end is seen by the sanitizers */
		char *copy = malloc(n == 0 ? 1 : n);

		assert_non_null(copy);
		memcpy(copy, text, n);
		assert_int_equal(
		    stk_json_recognise(stk_span_of(copy, n), 64, STK_JSON_ANY, &at), STK_E_FORMAT);
		assert_true(at <= n);
		free(copy);
	}
	assert_int_equal(recognise(text, 64, STK_JSON_ANY), STK_OK);
}

static void counts_depth_and_stops_at_the_limit(void **state)
{
	char deep[2 * STK_JSON_DEPTH_MAX + 1];
	size_t at;

	(void)state;
	assert_int_equal(recognise("1", 0, STK_JSON_ANY), STK_OK);
	assert_int_equal(recognise("[]", 0, STK_JSON_ANY), STK_E_TOOBIG);
	assert_int_equal(recognise("[{}]", 2, STK_JSON_ANY), STK_OK);
	assert_int_equal(recognise("[{\"a\":[]}]", 2, STK_JSON_ANY), STK_E_TOOBIG);
	memset(deep, '[', STK_JSON_DEPTH_MAX);
	memset(deep + STK_JSON_DEPTH_MAX, ']', STK_JSON_DEPTH_MAX);
	deep[2 * STK_JSON_DEPTH_MAX] = '\0';
	assert_int_equal(recognise(deep, STK_JSON_DEPTH_MAX, STK_JSON_ANY), STK_OK);
	assert_int_equal(recognise(deep, STK_JSON_DEPTH_MAX - 1, STK_JSON_ANY), STK_E_TOOBIG);
	/* a caller that asks for more than the bitmap holds gets the bitmap's depth */
	deep[STK_JSON_DEPTH_MAX] = '[';
	assert_int_equal(
	    stk_json_recognise(stk_span_str(deep), 1u << 30, STK_JSON_ANY, &at), STK_E_TOOBIG);
	assert_int_equal(at, STK_JSON_DEPTH_MAX);
}

static void brackets_must_match_at_every_level(void **state)
{
	static const char *const bad[] = { "[}", "{]", "[[]}", "{\"a\":[}]", "[1}", "{\"a\":1]",
		"]", "}", NULL };

	(void)state;
	for (size_t i = 0; bad[i] != NULL; i++)
		if (recognise(bad[i], 64, STK_JSON_ANY) != STK_E_FORMAT)
			fail_msg("accepted %s", bad[i]);
}

static void strings_decode_to_utf8(void **state)
{
	static const char text[] =
	    "a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\\u0000\xc3\xa9";
	static const char want[] =
	    "a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\0\xc3\xa9";
	uint8_t out[64];

	(void)state;
	assert_int_equal(stk_json_unescape(stk_span_str(text), out, sizeof(out)), sizeof(want) - 1);
	assert_memory_equal(out, want, sizeof(want) - 1);
	/* a short buffer is filled and the true length told */
	memset(out, 0xee, sizeof(out));
	assert_int_equal(stk_json_unescape(stk_span_str(text), out, 3), sizeof(want) - 1);
	assert_memory_equal(out, "a\"\\\xee", 4);
}

static void refuses_bad_strings(void **state)
{
	static const char *const bad[] = { "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\ud800\"",
		"\"\\ud800x\"", "\"\\u12g4\"", "\"\\u123\"", "\"\\x41\"", "\"\\", "\"\\u", "\"a",
		"\"\t\"", "\"\x7f\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "'a'", NULL };

	(void)state;
	for (size_t i = 0; bad[i] != NULL; i++)
		if (recognise(bad[i], 64, STK_JSON_ANY) != STK_E_FORMAT)
			fail_msg("accepted case %zu", i);
	assert_int_equal(recognise("\"\x7f\"", 64, STK_JSON_ANY), STK_OK);
}

static void refuses_bad_numbers_and_words(void **state)
{
	static const char *const bad[] = { "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "-01",
		"1_0", "NaN", "Infinity", "-Infinity", "tru", "True", "nul", "truex", "1a", NULL };

	(void)state;
	for (size_t i = 0; bad[i] != NULL; i++)
		if (recognise(bad[i], 64, STK_JSON_ANY) != STK_E_FORMAT)
			fail_msg("accepted %s", bad[i]);
}

static void compares_strings_decoded(void **state)
{
	(void)state;
	assert_true(stk_json_same_string(stk_span_str("cl\\u0061ss"), stk_span_str("\\u0063lass")));
	assert_false(stk_json_same_string(stk_span_str("class"), stk_span_str("clas")));
	assert_false(stk_json_same_string(stk_span_str("clas"), stk_span_str("class")));
	assert_true(stk_json_string_is(stk_span_str("\\u0061rgs"), "args"));
	assert_false(stk_json_string_is(stk_span_str("args\\u0000"), "args"));
	assert_false(stk_json_string_is(stk_span_str("arg"), "args"));
	assert_true(stk_json_string_is(stk_span_str(""), ""));
}

static void resumes_where_it_is_told(void **state)
{
	struct stk_scan s = { .bytes = stk_span_str("[1,\"two\",3]"), .at = 3 };
	struct stk_span text;

	(void)state;
	assert_int_equal(stk_scan_next(&s, &text), STK_TOKEN_STRING);
	assert_true(stk_span_eq(text, stk_span_str("two")));
	assert_int_equal(s.at, 8);
	assert_int_equal(stk_scan_next(&s, NULL), STK_TOKEN_COMMA);
	assert_int_equal(stk_scan_next(&s, &text), STK_TOKEN_NUMBER);
	assert_int_equal(stk_scan_next(&s, NULL), STK_TOKEN_ARRAY_END);
	assert_int_equal(stk_scan_next(&s, NULL), STK_TOKEN_END);
	assert_int_equal(stk_scan_next(&s, NULL), STK_TOKEN_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recognises_one_value_of_the_wanted_kind),
		cmocka_unit_test(refuses_every_prefix_of_a_container),
		cmocka_unit_test(counts_depth_and_stops_at_the_limit),
		cmocka_unit_test(brackets_must_match_at_every_level),
		cmocka_unit_test(strings_decode_to_utf8),
		cmocka_unit_test(refuses_bad_strings),
		cmocka_unit_test(refuses_bad_numbers_and_words),
		cmocka_unit_test(compares_strings_decoded),
		cmocka_unit_test(resumes_where_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

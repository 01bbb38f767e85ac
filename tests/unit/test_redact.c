/*
 * test_redact.c - a secret in what a handler says: plain, as JSON spells it, and cut.
 */
#include "tests/harness.h"

#include "worker/redact.h"

#include <stdlib.h>
#include <string.h>

static const char secret[] = "pa\"ss/w\\o\nrd\xc3\xa9\xf0\x9f\x94\x91";

/* All but the first @head and the last @tail bytes of @text are blotted out; NULL: nothing is. */
static void blotted(const char *text, size_t head, size_t tail)
{
	size_t n = strlen(text);
	uint8_t *copy = malloc(n); /* so that a byte beyond its end is seen */

	assert_non_null(copy);
	memcpy(copy, text, n);
	assert_true(stk_redact((const uint8_t *)secret, sizeof(secret) - 1, copy, n));
	for (size_t i = 0; i < n; i++)
		if (copy[i] != (i < head || i >= n - tail ? (uint8_t)text[i] : '*'))
			fail_msg("%s became %.*s: byte %zu", text, (int)n, (char *)copy, i);
	free(copy);
}

static void stays(const char *text)
{
	uint8_t copy[256];
	size_t n = strlen(text);

	memcpy(copy, text, n + 1);
	assert_false(stk_redact((const uint8_t *)secret, sizeof(secret) - 1, copy, n));
	assert_string_equal((char *)copy, text);
}

static void a_secret_is_found_as_it_is_and_as_json_spells_it(void **state)
{
	(void)state;
	blotted("a pa\"ss/w\\o\nrd\xc3\xa9\xf0\x9f\x94\x91 b", 2, 2);
	/* as most writers have it, as those that escape more, and as those that escape all */
	blotted("{\"k\":\"pa\\\"ss/w\\\\o\\nrd\xc3\xa9\xf0\x9f\x94\x91\"}", 6, 2);
	blotted("\"pa\\\"ss\\/w\\\\o\\nrd\\u00e9\\ud83d\\udd11\"", 1, 1);
	blotted("\\u0070\\u0061\\u0022ss/w\\u005Co\\u000ard\\u00E9\\uD83D\\uDD11", 0, 0);
	/* twice */
	blotted(
	    "pa\\\"ss/w\\\\o\\nrd\\u00e9\\ud83d\\udd11pa\\\"ss/w\\\\o\\nrd\\u00e9\\ud83d\\udd11", 0,
	    0);
}

static void a_secret_that_is_cut_is_found_too(void **state)
{
	(void)state;
	blotted("x pa\\\"ss/w\\\\o\\nrd\\u00e9\\ud83d\\udd", 2, 0);
	blotted("x pa\\\"ss/w\\\\o\\nrd\\u00", 2, 0);
	blotted("x pa\\\"ss/w\\\\", 2, 0);
	stays("x pa\\\"ss"); /* too little to tell */
}

static void innocent_text_stays(void **state)
{
	uint8_t text[] = "a short one";

	(void)state;
	stays("");
	stays("\\");
	stays("pa\\\"ss/w\\\\o\\trd and \\u12 \\ud800\\u0041 \\x");
	assert_false(stk_redact((const uint8_t *)"short", 5, text, 11));
	assert_false(stk_redact((const uint8_t *)secret, sizeof(secret) - 1, NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_found_as_it_is_and_as_json_spells_it),
		cmocka_unit_test(a_secret_that_is_cut_is_found_too),
		cmocka_unit_test(innocent_text_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

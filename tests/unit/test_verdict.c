/*
 * test_verdict.c - the table of verdicts: names, order and kinds that other programs rely on.
 */
#include "tests/harness.h"

#include "worker/verdict.h"

#include <string.h>

static void names_are_unique_and_found_again(void **state)
{
	(void)state;
	for (int i = 0; i < STK_VERDICT_COUNT; i++) {
		enum stk_verdict v = (enum stk_verdict)i;

		assert_int_equal(stk_verdict_find(stk_verdict_text(v)), v);
		assert_true(strlen(stk_verdict_sentence(v)) > 20);
	}
	assert_int_equal(stk_verdict_find("E_NOTHING"), STK_VERDICT_COUNT);
}

static void the_first_letter_tells_the_kind(void **state)
{
	(void)state;
	for (int i = 1; i < STK_VERDICT_COUNT; i++) {
		enum stk_verdict v = (enum stk_verdict)i;
		bool defers = stk_verdict_text(v)[0] == 'D';

		assert_int_equal(stk_verdict_kind(v), defers ? STK_KIND_DEFER : STK_KIND_REFUSE);
	}
	assert_int_equal(stk_verdict_kind(STK_V_ACCEPT), STK_KIND_ACCEPT);
}

static void all_before_the_signature_are_unauthenticated(void **state)
{
	(void)state;
	assert_true(stk_verdict_authenticated(STK_V_ACCEPT));
	for (int i = STK_V_E_TOO_LARGE; i < STK_VERDICT_COUNT; i++)
		assert_int_equal(
		    stk_verdict_authenticated((enum stk_verdict)i), i > STK_V_E_SIGNATURE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_unique_and_found_again),
		cmocka_unit_test(the_first_letter_tells_the_kind),
		cmocka_unit_test(all_before_the_signature_are_unauthenticated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

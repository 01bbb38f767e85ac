/*
 * test_learn.c - the other registry line of `run-job --learn`: what it may say and what it does to
 * a class.
 */
#include "sandbox/learn.h"
#include "tests/harness.h"

#include <stdio.h>
#include <string.h>

static const struct stk_desc_header head = {
	.n_classes = 2, .n_labels = 3, .labels = { "a", "b", "c" }
};

static void a_line_goes_there_and_back(void **state)
{
	static const char *const bad[] = { "", "1", "1:2:3", "1:2:3:4:5", "1:2:3:", ":1:2:3",
		"-1:2:3:4", "1:2:3:x", "1:2:3: 4", "4294967296:0:0:0", "1:2:3:4 ", "0x1:0:0:0" };
	const struct stk_learn l = { 1, STK_PROFILE_THREADS, 5, 2 };
	struct stk_learn back;
	char text[STK_LEARN_MAX];

	(void)state;
	stk_learn_text(&l, text);
	assert_string_equal(text, "1:4:5:2");
	assert_true(stk_learn_parse(text, &back));
	assert_memory_equal(&l, &back, sizeof(l));
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++)
		if (stk_learn_parse(bad[i], &back))
			fail_msg("'%s' was taken", bad[i]);
}

static void a_class_gets_what_the_line_says_and_keeps_the_rest(void **state)
{
	struct stk_class_desc classes[2] = { { .name = "A" },
		{ .name = "B", .profiles = STK_PROFILE_NET | STK_PROFILE_THREADS } };
	struct stk_learn l = { .class_index = 1, .reads = 5, .writes = 2 };
	const struct stk_class_desc *d = &classes[1];

	(void)state;
	assert_true(stk_learn_apply(&l, &head, classes));
	assert_int_equal(
	    d->profiles, STK_PROFILE_NET | STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE);
	assert_int_equal(d->n_grants, 3);
	assert_string_equal(d->grants[0].label, "a");
	assert_string_equal(d->grants[1].label, "c");
	assert_int_equal(d->grants[2].kind, STK_PROFILE_FILES_WRITE);
	assert_string_equal(d->grants[2].label, "b");
	assert_int_equal(classes[0].profiles, STK_PROFILE_PURE);

	struct stk_learn own = stk_learn_of(classes, 1);

	assert_memory_equal(&own, &l, sizeof(l));
	/* and all of it away again */
	l = (struct stk_learn){ .class_index = 1, .profiles = STK_PROFILE_THREADS };
	assert_true(stk_learn_apply(&l, &head, classes));
	assert_int_equal(d->profiles, STK_PROFILE_NET | STK_PROFILE_THREADS);
	assert_int_equal(d->n_grants, 0);
	/* its own directory stays a place to write to */
	classes[1].ask.work_bytes = 1;
	assert_true(stk_learn_apply(&l, &head, classes));
	assert_true((d->profiles & STK_PROFILE_FILES_WRITE) != 0);
}

static void what_there_is_not_cannot_be_given(void **state)
{
	struct stk_class_desc classes[2] = { { .name = "A" }, { .name = "B" } };
	static const struct stk_learn bad[] = {
		{ .class_index = 2 },
		{ .reads = 8 },
		{ .writes = 1u << 31 },
		{ .profiles = STK_PROFILE_NET },
		{ .profiles = STK_PROFILE_EXEC },
		{ .profiles = STK_PROFILE_FILES_WRITE },
		{ .profiles = 1u << 9 },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++)
		assert_false(stk_learn_apply(&bad[i], &head, classes));
	assert_int_equal(classes[0].profiles | classes[1].profiles, STK_PROFILE_PURE);

	struct stk_desc_header many = head;

	many.n_labels = STK_GRANTS_MAX + 1;
	assert_false(stk_learn_apply(
	    &(struct stk_learn){ .reads = (1u << (STK_GRANTS_MAX + 1)) - 1 }, &many, classes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_goes_there_and_back),
		cmocka_unit_test(a_class_gets_what_the_line_says_and_keeps_the_rest),
		cmocka_unit_test(what_there_is_not_cannot_be_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

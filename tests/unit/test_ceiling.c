/*
 * test_ceiling.c - every quantity that a class may ask for has a ceiling of the operator's, and the
 * smaller of the two counts.
 */
#include "tests/harness.h"

#include "worker/config.h"

#include <string.h>

#define ASK(member) offsetof(struct stk_limits, member), sizeof(((struct stk_limits *)0)->member)

static const struct quantity {
	const char *setting, *text;
	size_t offset, size;
	uint64_t value; /* of text */
} quantities[] = {
	{ "ceiling.wall", "2s", ASK(wall_ms), 2000 },
	{ "ceiling.cpu", "3s", ASK(cpu_s), 3 },
	{ "ceiling.memory", "32M", ASK(mem_bytes), 32u << 20 },
	{ "ceiling.file", "1M", ASK(file_bytes), 1u << 20 },
	{ "ceiling.stack", "128K", ASK(stack_bytes), 128u << 10 },
	{ "ceiling.work", "5M", ASK(work_bytes), 5u << 20 },
	{ "ceiling.fds", "9", ASK(fds), 9 },
	{ "ceiling.tasks", "2", ASK(tasks), 2 },
	{ "ceiling.output", "1K", ASK(output_bytes), 1024 },
	{ "ceiling.report", "512", ASK(report_bytes), 512 },
	{ "ceiling.result", "2K", ASK(result_bytes), 2048 },
};

static uint64_t read_at(const struct stk_limits *l, const struct quantity *q)
{
	uint32_t narrow;
	uint64_t wide;

	if (q->size == sizeof(wide)) {
		memcpy(&wide, (const char *)l + q->offset, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, (const char *)l + q->offset, sizeof(narrow));
	return narrow;
}

static void write_at(struct stk_limits *l, const struct quantity *q, uint64_t value)
{
	uint32_t narrow = (uint32_t)value;

	if (q->size == sizeof(value))
		memcpy((char *)l + q->offset, &value, sizeof(value));
	else
		memcpy((char *)l + q->offset, &narrow, sizeof(narrow));
}

static void fresh(struct stk_config *c)
{
	struct stk_conf_error e;

	memset(c, 0, sizeof(*c));
	assert_int_equal(stk_conf_defaults(stk_config_table, stk_config_table_len, c, &e), STK_OK);
}

/* A class that asks for everything gets exactly the one ceiling that was lowered. */
static void each_ceiling_clamps_its_own_quantity(void **state)
{
	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(quantities); i++) {
		const struct quantity *q = &quantities[i];
		struct stk_limits most, usual, got;
		struct stk_conf_error e;
		struct stk_config c;

		fresh(&c);
		memset(&most, 0x7f, sizeof(most));
		usual = stk_config_clamp(&c, &most);
		assert_int_equal(stk_conf_set(stk_config_table, stk_config_table_len, &c,
				     q->setting, q->text, "test", &e),
		    STK_OK);
		got = stk_config_clamp(&c, &most);
		if (read_at(&usual, q) <= q->value || read_at(&got, q) != q->value)
			fail_msg("%s: %llu, then %llu", q->setting,
			    (unsigned long long)read_at(&usual, q),
			    (unsigned long long)read_at(&got, q));
		write_at(&got, q, read_at(&usual, q));
		assert_memory_equal(&got, &usual, sizeof(got));
		stk_config_clear(&c);
	}
}

static void a_smaller_ask_stays(void **state)
{
	struct stk_limits ask, got;
	struct stk_config c;

	(void)state;
	fresh(&c);
	for (size_t i = 0; i < STK_ARRAY_LEN(quantities); i++) {
		memset(&ask, 0x7f, sizeof(ask));
		write_at(&ask, &quantities[i], 1);
		got = stk_config_clamp(&c, &ask);
		assert_int_equal(read_at(&got, &quantities[i]), 1);
	}
	stk_config_clear(&c);
}

/* A quantity that is added to the record is added to the ceiling, or this fails. */
static void no_quantity_is_without_a_ceiling(void **state)
{
	struct stk_limits covered;
	/* no quantity: a class binds itself by it, and more of it is less */
	size_t bytes = sizeof(covered.silence_ms);

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(quantities); i++)
		bytes += quantities[i].size;
	assert_int_equal(bytes, sizeof(struct stk_limits));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_ceiling_clamps_its_own_quantity),
		cmocka_unit_test(a_smaller_ask_stays),
		cmocka_unit_test(no_quantity_is_without_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_trace.c - the trace context of a job: the signed one if it is one, else the id's own.
 */
#include "tests/harness.h"

#include "worker/trace.h"

#include <string.h>

static const uint8_t id[16] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba,
	0x98, 0x76, 0x54, 0x32, 0x10 };
#define OF_ID "00-0123456789abcdeffedcba9876543210-fedcba9876543210-00"

static void a_signed_one_is_taken(void **state)
{
	static const char *const good[] = {
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
		"00-00000000000000000000000000000001-0000000000000001-ff"
	};
	char out[STK_TRACE_BYTES];

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(good); i++) {
		stk_trace_of(stk_span_str(good[i]), id, out);
		assert_string_equal(out, good[i]);
	}
}

static void everything_else_is_the_ids(void **state)
{
	static const char *const bad[] = { "", "-", "o.123",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7.01",
		"00.4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736.00f067aa0ba902b7-01" };
	static const uint8_t zeros[16], half[16] = { 1 };
	char out[STK_TRACE_BYTES];

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++) {
		stk_trace_of(stk_span_str(bad[i]), id, out);
		assert_string_equal(out, OF_ID);
	}
	stk_trace_of(stk_span_str(""), zeros, out);
	assert_string_equal(out, "00-00000000000000000000000000000001-0000000000000001-00");
	stk_trace_of(stk_span_str(""), half, out);
	assert_string_equal(out, "00-01000000000000000000000000000001-0000000000000001-00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signed_one_is_taken),
		cmocka_unit_test(everything_else_is_the_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

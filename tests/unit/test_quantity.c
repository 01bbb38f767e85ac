/*
 * test_quantity.c - quantities take the whole string or refuse it, and never overflow.
 */
#include "tests/harness.h"

#include "worker/quantity.h"

typedef bool parser(const char *text, int64_t *out);

static void takes(parser *p, const char *text, int64_t want)
{
	int64_t got = -1;

	assert_true(p(text, &got));
	assert_int_equal(got, want);
}

static void refuses(parser *p, const char *const *texts)
{
	int64_t got;

	for (; *texts != NULL; texts++)
		if (p(*texts, &got))
			fail_msg("accepted \"%s\"", *texts);
}

static void durations_have_units_and_bounds(void **state)
{
	static const char *const bad[] = { "", "10", "s", "-1s", "+1s", " 1s", "1s ", "1.5s", "1S",
		"1w", "0x1s", "106751991168d", "9223372036854775807s", "99999999999999999999ms",
		NULL };

	(void)state;
	takes(stk_quantity_duration_ms, "250ms", 250);
	takes(stk_quantity_duration_ms, "10s", 10000);
	takes(stk_quantity_duration_ms, "5m", 300000);
	takes(stk_quantity_duration_ms, "2h", 7200000);
	takes(stk_quantity_duration_ms, "7d", 604800000);
	takes(stk_quantity_duration_ms, "9223372036854775807ms", INT64_MAX);
	refuses(stk_quantity_duration_ms, bad);
}

static void sizes_are_powers_of_1024(void **state)
{
	static const char *const bad[] = { "", "K", "1k", "1KB", "1 K", "-1K", "8589934592G", "1T",
		NULL };

	(void)state;
	takes(stk_quantity_bytes, "512", 512);
	takes(stk_quantity_bytes, "64K", 65536);
	takes(stk_quantity_bytes, "1M", 1 << 20);
	takes(stk_quantity_bytes, "1G", 1 << 30);
	refuses(stk_quantity_bytes, bad);
}

static void rates_and_counts(void **state)
{
	static const char *const bad_rate[] = { "", "50", "50/", "/s", "50/S", "50/d", "5 /s",
		NULL };
	static const char *const bad_count[] = { "", "1x", "-1", "9223372036854775808", NULL };

	(void)state;
	takes(stk_quantity_rate, "50/s", 180000);
	takes(stk_quantity_rate, "30/m", 1800);
	takes(stk_quantity_rate, "4/h", 4);
	refuses(stk_quantity_rate, bad_rate);
	takes(stk_quantity_count, "0", 0);
	takes(stk_quantity_count, "9223372036854775807", INT64_MAX);
	refuses(stk_quantity_count, bad_count);
}

static void times_are_utc_and_real_days(void **state)
{
	static const char *const bad[] = { "", "2027-01-01", "2027-01-01T00:00:00",
		"2027-01-01 00:00:00Z", "2027-02-29T00:00:00Z", "2027-13-01T00:00:00Z",
		"2027-00-01T00:00:00Z", "2027-01-00T00:00:00Z", "2027-04-31T00:00:00Z",
		"2027-01-01T24:00:00Z", "2027-01-01T00:60:00Z", "2027-01-01T00:00:60Z",
		"1969-12-31T23:59:59Z", "2027-01-01T00:00:00+", "2027-01-01T00:00:00Zx",
		"+027-01-01T00:00:00Z", "2100-02-29T00:00:00Z", NULL };

	(void)state;
	takes(stk_quantity_time, "1970-01-01T00:00:00Z", 0);
	takes(stk_quantity_time, "2000-02-29T12:34:56Z", 951827696);
	takes(stk_quantity_time, "2027-01-01T00:00:00Z", 1798761600);
	takes(stk_quantity_time, "2100-03-01T00:00:00Z", 4107542400);
	takes(stk_quantity_time, "9999-12-31T23:59:59Z", 253402300799);
	refuses(stk_quantity_time, bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_units_and_bounds),
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(rates_and_counts),
		cmocka_unit_test(times_are_utc_and_real_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

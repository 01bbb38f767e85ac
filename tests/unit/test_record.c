/*
 * test_record.c - the bytes that Resque's tools read, compared whole.
 */
#include "tests/harness.h"

#include "worker/record.h"
#include "worker/times.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AT 1795416905 /* 2026-11-23T06:55:05Z */

static struct stk_jw w;

static int fresh(void **state)
{
	(void)state;
	stk_jw_init(&w, 1u << 20);
	return 0;
}

static int clear(void **state)
{
	(void)state;
	stk_jw_clear(&w);
	return 0;
}

static struct stk_record_job job(const char *payload, const char *class_name, bool recognised)
{
	return (struct stk_record_job){ .queue = "life",
		.worker_id = "vm:26625:life",
		.payload = stk_span_str(payload),
		.recognised = recognised,
		.class_name = stk_span_str(class_name),
		.sha256 = "00ff" };
}

static void failed_record_equals_what_ruby_wrote(void **state)
{
	/* Resque 3.0's own bytes for a child killed by SIGKILL */
	const struct stk_record_job j =
	    job("{\"class\":\"SegvJob\",\"args\":[\"KILL\"]}", "SegvJob", true);
	char text[128];

	(void)state;
	stk_record_dirty_exit(text, sizeof(text), 26631, SIGKILL);
	stk_record_failed(&w, &j, "Resque::DirtyExit", stk_span_str(text), NULL, 0, AT + 2);
	assert_false(w.sour);
	assert_string_equal(w.buf,
	    "{\"failed_at\":\"2026/11/23 06:55:07 "
	    "UTC\",\"payload\":{\"class\":\"SegvJob\",\"args\":[\"KILL\"]},"
	    "\"exception\":\"Resque::DirtyExit\",\"error\":\"Child process received unhandled "
	    "signal pid "
	    "26631 SIGKILL (signal "
	    "9)\",\"backtrace\":[],\"worker\":\"vm:26625:life\",\"queue\":\"life\"}");
}

static void working_value_equals_what_ruby_wrote(void **state)
{
	const struct stk_record_job j =
	    job("{\"class\":\"OkJob\",\"args\":[2,\"arg\"]}", "OkJob", true);

	(void)state;
	stk_record_working(&w, &j, 1795416678);
	assert_string_equal(w.buf, "{\"queue\":\"life\",\"run_at\":\"2026-11-23T06:51:18Z\","
				   "\"payload\":{\"class\":\"OkJob\",\"args\":[2,\"arg\"]}}");
}

static void splices_the_original_bytes(void **state)
{
	const char *odd = "{\"class\":\"A\", \"args\":[0.1,1e16,\"\\u001b\"] }";
	const struct stk_record_job j = job(odd, "A", true);

	(void)state;
	stk_record_failed(&w, &j, "Stockade::CpuLimit", stk_span_of("", 0), NULL, 0, AT);
	assert_non_null(strstr(w.buf, odd));
	assert_non_null(strstr(w.buf, "\"error\":\"Stockade::CpuLimit\""));
}

static void unrecognised_bytes_never_reach_the_record(void **state)
{
	const struct stk_record_job j = job("\"},\"x\":<script>", "A", false);

	(void)state;
	stk_record_failed(&w, &j, "Stockade::E_OUTER_JSON", stk_span_str("no"), NULL, 0, AT);
	assert_null(strstr(w.buf, "<script>"));
	assert_non_null(strstr(w.buf, "\"payload\":{\"class\":\"Stockade::Unreadable\",\"args\":["
				      "\"In0sIngiOjxzY3JpcHQ+\",\"00ff\",15]}"));
}

static void a_well_formed_payload_of_an_unsafe_class_is_not_shown(void **state)
{
	static const char *const unsafe[] = { "", "<b>x</b>", "a\" onmouseover=\"x", "lower", "A:B",
		"A::", "::", "A::b", "A B", "A\n", "5" };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(unsafe); i++) {
		const struct stk_record_job j = job("{\"class\":\"<b>x</b>\"}", unsafe[i], true);

		stk_jw_reset(&w);
		stk_record_working(&w, &j, AT);
		assert_null(strstr(w.buf, "<b>"));
		assert_non_null(strstr(w.buf, "\"class\":\"Stockade::Malformed\""));
	}
	assert_true(stk_class_safe(stk_span_str("::Images::Resize_2")));
}

static void a_large_unreadable_payload_is_sampled(void **state)
{
	char big[4096];
	struct stk_record_job j = job("", "", false);

	(void)state;
	memset(big, 0, sizeof(big));
	j.payload = stk_span_of(big, sizeof(big));
	stk_record_working(&w, &j, AT);
	assert_true(w.len < 600);
	assert_non_null(strstr(w.buf, ",\"00ff\",4096]"));
}

static void error_text_is_capped_escaped_and_valid_utf8(void **state)
{
	const struct stk_record_job j = job("{}", "A", true);
	char *text = malloc(1u << 20);

	(void)state;
	assert_non_null(text);
	memset(text, 'e', 1u << 20);
	memcpy(text, "<i>\0\x1b\xff\"\n\x7f\xe2\x80\xa8", 12);
	stk_record_failed(&w, &j, "Stockade::Failed", stk_span_of(text, 1u << 20), NULL, 0, AT);
	assert_true(w.len < 4096 + 512);
	assert_non_null(strstr(
	    w.buf, "\"<i>\\u0000\\u001b\xef\xbf\xbd\\\"\\n\xef\xbf\xbd\xef\xbf\xbd\x65\x65\x65"));
	free(text);
}

static void a_backtrace_is_an_array_of_strings(void **state)
{
	static const char *const lines[] = { "cpu 10 s of 10 s", "wall 3 s of 60 s" };
	const struct stk_record_job j = job("{\"class\":\"A\"}", "A", true);

	(void)state;
	stk_record_failed(&w, &j, "Stockade::CpuLimit", stk_span_str("x"), lines, 2, AT);
	assert_non_null(strstr(w.buf, "\"backtrace\":[\"cpu 10 s of 10 s\",\"wall 3 s of 60 s\"]"));
}

static void refusal_note_has_the_defined_shape(void **state)
{
	const struct stk_refusal r = { .reason = "E_SIGNATURE",
		.sentence = "the signature does not fit the bytes",
		.queue = "life",
		.worker_id = "vm:1:life",
		.quarantine_id = "01J",
		.sha256 = "00ff",
		.bytes = 12,
		.now_s = AT };

	(void)state;
	stk_record_refused(&w, &r);
	assert_string_equal(w.buf,
	    "{\"failed_at\":\"2026/11/23 06:55:05 "
	    "UTC\",\"payload\":{\"class\":\"Stockade::Refused\","
	    "\"args\":[\"E_SIGNATURE\",\"00ff\",12]},\"exception\":\"Stockade::Refused\",\"error\":"
	    "\"E_SIGNATURE: the signature does not fit the bytes (quarantine "
	    "01J)\",\"backtrace\":[],"
	    "\"worker\":\"vm:1:life\",\"queue\":\"life\"}");
}

static void quarantine_entry_has_the_defined_shape(void **state)
{
	const struct stk_quarantine_entry e = { .id = "01J",
		.reason = "E_UNSIGNED",
		.queue = "life",
		.sha256 = "00ff",
		.kid = "k<1>",
		.raw = stk_span_of("\xfb\xff", 2),
		.now_s = AT };

	(void)state;
	stk_record_quarantine(&w, &e);
	assert_string_equal(w.buf,
	    "{\"v\":1,\"id\":\"01J\",\"reason\":\"E_UNSIGNED\",\"queue\":\"life\","
	    "\"at\":\"2026-11-23T06:55:05Z\",\"bytes\":2,\"sha256\":\"00ff\",\"kid\":"
	    "\"k\\u003c1\\u003e\","
	    "\"job\":null,\"n\":1,\"raw_b64\":\"+/8=\"}");
}

static void base64_is_right_at_every_length_around_a_piece(void **state)
{
	char raw[100];

	(void)state;
	memset(raw, 'x', sizeof(raw));
	for (size_t n = 0; n <= sizeof(raw); n++) {
		const struct stk_quarantine_entry e = { .id = "",
			.reason = "",
			.queue = "",
			.sha256 = "",
			.raw = stk_span_of(raw, n) };
		const char *text;
		size_t len;

		stk_jw_reset(&w);
		stk_record_quarantine(&w, &e);
		text = strstr(w.buf, "\"raw_b64\":\"") + 11;
		len = strcspn(text, "\"");
		assert_int_equal(len, (n + 2) / 3 * 4);
		/* "xxx" is "eHh4", a single x "eA==", two "eHg=" */
		for (size_t i = 0; i + 3 <= n; i += 3)
			assert_memory_equal(text + i / 3 * 4, "eHh4", 4);
		if (n % 3 != 0)
			assert_memory_equal(text + len - 4, n % 3 == 1 ? "eA==" : "eHg=", 4);
	}
}

static void a_writer_without_room_turns_sour(void **state)
{
	const struct stk_record_job j = job("{\"class\":\"A\"}", "A", true);

	(void)state;
	stk_jw_clear(&w);
	stk_jw_init(&w, 40);
	stk_record_failed(&w, &j, "Stockade::CpuLimit", stk_span_str("x"), NULL, 0, AT);
	assert_true(w.sour);
}

static void times_are_spelled_as_resque_spells_them(void **state)
{
	char text[STK_TIME_BYTES];

	(void)state;
	assert_int_equal(setenv("TZ", "CET-1", 1), 0);
	tzset();
	stk_time_shown(text, AT);
	assert_string_equal(text, "2026-11-23 07:55:05 +0100");
	stk_time_failed(text, AT);
	assert_string_equal(text, "2026/11/23 06:55:05 UTC");
	stk_time_iso(text, INT64_MAX);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	stk_time_iso(text, -1);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
}

static void ulids_sort_by_time_and_never_repeat(void **state)
{
	char a[STK_ULID_BYTES], b[STK_ULID_BYTES], c[STK_ULID_BYTES];

	(void)state;
	assert_int_equal(stk_ulid(a, 1469918176385), STK_OK);
	assert_int_equal(stk_ulid(b, 1469918176385), STK_OK);
	assert_int_equal(stk_ulid(c, 1469918176386), STK_OK);
	assert_memory_equal(a, "01ARYZ6S41", 10); /* the example of the ULID specification */
	assert_int_equal(strspn(a, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
	assert_int_equal(strlen(a), 26);
	assert_string_not_equal(a, b);
	assert_true(strcmp(b, c) < 0);
}

static void signals_have_their_names(void **state)
{
	char text[128];

	(void)state;
	stk_record_dirty_exit(text, sizeof(text), 1, SIGSYS);
	assert_string_equal(
	    text, "Child process received unhandled signal pid 1 SIGSYS (signal 31)");
	stk_record_dirty_exit(text, sizeof(text), 1, 200);
	assert_non_null(strstr(text, "SIGUNKNOWN (signal 200)"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(failed_record_equals_what_ruby_wrote),
		T(working_value_equals_what_ruby_wrote),
		T(splices_the_original_bytes),
		T(unrecognised_bytes_never_reach_the_record),
		T(a_well_formed_payload_of_an_unsafe_class_is_not_shown),
		T(a_large_unreadable_payload_is_sampled),
		T(error_text_is_capped_escaped_and_valid_utf8),
		T(a_backtrace_is_an_array_of_strings),
		T(refusal_note_has_the_defined_shape),
		T(quarantine_entry_has_the_defined_shape),
		T(base64_is_right_at_every_length_around_a_piece),
		T(a_writer_without_room_turns_sour),
		T(times_are_spelled_as_resque_spells_them),
		T(ulids_sort_by_time_and_never_repeat),
		T(signals_have_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

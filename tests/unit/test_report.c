/*
 * test_report.c - frames from a child, whole, in pieces, out of turn and malformed.
 */
#include "tests/harness.h"

#include "sandbox/report.h"

#include <string.h>

static struct stk_limits limits = { .report_bytes = 256, .result_bytes = 64 };
static struct stk_report report;
static uint8_t bytes[8192];
static size_t len;
static int logged;

static void on_log(void *ctx, uint32_t level, struct stk_span text)
{
	(void)ctx;
	assert_int_equal(level, 6);
	assert_true(stk_span_eq(text, stk_span_str("hello")));
	logged++;
}

static void begin(void)
{
	stk_report_clear(&report);
	assert_int_equal(stk_report_init(&report, &limits, on_log, NULL), STK_OK);
	len = 0;
	logged = 0;
}

static void put(const void *p, size_t n)
{
	memcpy(bytes + len, p, n);
	len += n;
}

static void frame(uint16_t type, const void *body, size_t n)
{
	struct stk_frame f = { .magic = STK_FRAME_MAGIC, .type = type, .len = (uint32_t)n };

	put(&f, sizeof(f));
	if (n > 0)
		put(body, n);
}

static void ready(void)
{
	frame(STK_FRAME_READY, NULL, 0);
}

static void result(uint32_t kind, uint32_t message, uint32_t text, size_t body)
{
	struct stk_frame f = { .magic = STK_FRAME_MAGIC,
		.type = STK_FRAME_RESULT,
		.len = (uint32_t)(sizeof(struct stk_result) + body) };
	struct stk_result r = { .kind = kind, .message_len = message, .result_len = text };
	static const uint8_t filler[2048];

	put(&f, sizeof(f));
	put(&r, sizeof(r));
	put(filler, body);
}

/* Fed whole, and in pieces of every size up to 40: the same answer. */
static void expect(enum stk_err e)
{
	struct stk_report whole;

	assert_int_equal(stk_report_init(&whole, &limits, on_log, NULL), STK_OK);
	assert_int_equal(stk_report_feed(&whole, bytes, len), e);
	stk_report_clear(&whole);
	for (size_t piece = 1; piece <= 40; piece++) {
		enum stk_err got = STK_OK;

		stk_report_clear(&report);
		assert_int_equal(stk_report_init(&report, &limits, on_log, NULL), STK_OK);
		for (size_t at = 0; at < len && got == STK_OK; at += piece)
			got = stk_report_feed(
			    &report, bytes + at, len - at < piece ? len - at : piece);
		assert_int_equal(got, e);
	}
}

static void reads_an_honest_report(void **state)
{
	static const struct {
		uint32_t level;
		char text[5];
	} line = { 6, { 'h', 'e', 'l', 'l', 'o' } };

	(void)state;
	begin();
	ready();
	frame(STK_FRAME_LOG, &line, 9);
	result(STK_RESULT_DONE, 3, 4, 7);
	expect(STK_OK);
	assert_true(report.ready && report.has_result);
	assert_int_equal(report.result.message_len, 3);
	assert_false(stk_report_torn(&report));
	assert_int_equal(logged, 41);
}

static void everything_has_its_turn(void **state)
{
	static const struct stk_setup_failed f = { 3, 1 };
	static const struct stk_denied d = { .nr = 59 };
	static const uint8_t log_body[4] = { 6 };

	(void)state;
	begin();
	result(STK_RESULT_DONE, 0, 0, 0);
	expect(STK_E_FORMAT);
	begin();
	frame(STK_FRAME_LOG, log_body, 4);
	expect(STK_E_FORMAT);
	begin();
	ready();
	ready();
	expect(STK_E_FORMAT);
	begin();
	ready();
	frame(STK_FRAME_SETUP, &f, sizeof(f));
	expect(STK_E_FORMAT);
	begin();
	frame(STK_FRAME_SETUP, &f, sizeof(f));
	ready();
	expect(STK_E_FORMAT);
	begin();
	ready();
	result(STK_RESULT_DONE, 0, 0, 0);
	result(STK_RESULT_DONE, 0, 0, 0);
	expect(STK_E_FORMAT);
	begin();
	ready();
	result(STK_RESULT_DONE, 0, 0, 0);
	frame(STK_FRAME_LOG, log_body, 4);
	expect(STK_E_FORMAT);
	begin();
	frame(STK_FRAME_DENIED, &d, sizeof(d));
	expect(STK_OK);
	assert_int_equal(report.denied.nr, 59);
}

static void malformed_frames_are_refused(void **state)
{
	struct stk_frame f = { .magic = STK_FRAME_MAGIC, .type = STK_FRAME_READY };

	(void)state;
	begin();
	f.magic ^= 1;
	put(&f, sizeof(f));
	expect(STK_E_FORMAT);
	f.magic ^= 1;
	for (uint16_t type = 0; type < 20; type++) {
		if ((type >= STK_FRAME_SETUP && type <= STK_FRAME_RESULT) ||
		    (type >= STK_FRAME_PROGRESS && type <= STK_FRAME_RELEASE))
			continue;
		begin();
		f.type = type;
		put(&f, sizeof(f));
		expect(STK_E_FORMAT);
	}
	begin();
	f.type = STK_FRAME_READY;
	f.pad = 1;
	put(&f, sizeof(f));
	expect(STK_E_FORMAT);
	begin();
	frame(STK_FRAME_READY, "x", 1);
	expect(STK_E_FORMAT);
	begin();
	frame(STK_FRAME_DENIED, "x", 1);
	expect(STK_E_FORMAT);
	begin();
	frame(STK_FRAME_FAULT, "x", 1);
	expect(STK_E_FORMAT);
}

/* Every number that is used as one is bounded before anybody sees it. */
static void a_fault_is_numbers_in_their_ranges(void **state)
{
	static const struct stk_fault sound = { .signal = 11,
		.n_frames = STK_FAULT_FRAMES,
		.n_modules = STK_FAULT_MODULES,
		.modules = { { .len = 20 } },
		.frames = { { .offset = 0x1234 }, { .module = STK_FAULT_NOWHERE, .how = 2 } } };
	struct stk_fault f[6];

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(f); i++)
		f[i] = sound;
	f[1].n_frames = STK_FAULT_FRAMES + 1;
	f[2].n_modules = STK_FAULT_MODULES + 1;
	f[3].modules[3].len = 21;
	f[4].frames[15].module = STK_FAULT_MODULES;
	f[5].frames[15].how = 3;
	for (size_t i = 0; i < STK_ARRAY_LEN(f); i++) {
		begin();
		ready();
		frame(STK_FRAME_FAULT, &f[i], sizeof(f[i]));
		expect(i == 0 ? STK_OK : STK_E_FORMAT);
		assert_int_equal(report.has_fault, i == 0);
	}
	/* the first one counts */
	limits.report_bytes = 512;
	begin();
	frame(STK_FRAME_FAULT, &f[0], sizeof(f[0]));
	f[0].addr = 5;
	frame(STK_FRAME_FAULT, &f[0], sizeof(f[0]));
	expect(STK_OK);
	assert_int_equal(report.fault.addr, 0);
	limits.report_bytes = 256;
}

/* A job that spent all it may say is denied or crashes all the same, and that is told. */
static void the_frames_of_a_death_fit_beside_the_allowance(void **state)
{
	static const struct stk_denied d = { .nr = 59 };
	static const struct stk_fault f = { .signal = 11 };
	static const struct {
		uint32_t level;
		char text[5];
	} line = { 6, { 'h', 'e', 'l', 'l', 'o' } };
	size_t each = sizeof(struct stk_frame) + 9;

	(void)state;
	begin();
	ready();
	for (size_t spent = each; spent <= limits.report_bytes; spent += each)
		frame(STK_FRAME_LOG, &line, 9);
	frame(STK_FRAME_DENIED, &d, sizeof(d));
	frame(STK_FRAME_FAULT, &f, sizeof(f));
	expect(STK_OK);
	assert_true(report.has_denied && report.has_fault);
}

/* What a job says of lines that it did not send only grows, and comes in its turn. */
static void lines_that_did_not_fit_are_counted(void **state)
{
	static const uint32_t one = 1, many = 70;

	(void)state;
	begin();
	ready();
	frame(STK_FRAME_UNLOGGED, &one, sizeof(one));
	frame(STK_FRAME_UNLOGGED, &many, sizeof(many));
	expect(STK_OK);
	assert_int_equal(report.unlogged, 70);
	len = 0;
	frame(STK_FRAME_UNLOGGED, &many, sizeof(many));
	expect(STK_E_FORMAT);
	begin();
	frame(STK_FRAME_UNLOGGED, &one, sizeof(one));
	expect(STK_E_FORMAT);
	begin();
	ready();
	frame(STK_FRAME_UNLOGGED, &one, 3);
	expect(STK_E_FORMAT);
}

static void a_result_is_exactly_as_long_as_it_says(void **state)
{
	static const struct {
		uint32_t kind, message, text;
		size_t body;
		enum stk_err e;
	} cases[] = {
		{ STK_RESULT_DONE, 0, 64, 64, STK_OK },
		{ STK_RESULT_DONE, 1024, 64, 1088, STK_OK },
		{ STK_RESULT_DONE, 0, 65, 65, STK_E_FORMAT },
		{ STK_RESULT_DONE, 1025, 0, 1025, STK_E_FORMAT },
		{ STK_RESULT_DONE, 1, 1, 3, STK_E_FORMAT },
		{ STK_RESULT_DONE, UINT32_MAX, 2, 1, STK_E_FORMAT },
		{ STK_RESULT_DONE, 1, UINT32_MAX, 0, STK_E_FORMAT },
		{ 0, 0, 0, 0, STK_E_FORMAT },
		{ STK_RESULT_FAIL_FOR_GOOD, 4, 0, 4, STK_OK },
		{ STK_RESULT_LAST + 1, 0, 0, 0, STK_E_FORMAT },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(cases); i++) {
		begin();
		ready();
		result(cases[i].kind, cases[i].message, cases[i].text, cases[i].body);
		expect(cases[i].e);
	}
}

static void a_flood_is_named_before_it_is_read(void **state)
{
	static const uint8_t body[100];
	struct stk_frame f = { .magic = STK_FRAME_MAGIC, .type = STK_FRAME_LOG, .len = 1u << 30 };

	(void)state;
	begin();
	ready();
	for (int i = 0; i < 20; i++)
		frame(STK_FRAME_DENIED, body, sizeof(struct stk_denied));
	expect(STK_E_TOOBIG);
	begin();
	ready();
	put(&f, sizeof(f));
	expect(STK_E_TOOBIG);
	begin();
	ready();
	put(&f, sizeof(f) - 1);
	expect(STK_OK);
	assert_true(stk_report_torn(&report));
}

static void progress(uint64_t done, uint64_t total, const char *note, size_t n)
{
	struct stk_progress p = { done, total };
	uint8_t body[sizeof(p) + 4096];

	memcpy(body, &p, sizeof(p));
	memcpy(body + sizeof(p), note, n);
	frame(STK_FRAME_PROGRESS, body, sizeof(p) + n);
}

static struct stk_progress told;
static size_t told_len;

static void on_progress(void *ctx, const struct stk_progress *p, struct stk_span note)
{
	(void)ctx;
	told = *p;
	told_len = note.len;
}

static void progress_and_beats_are_read(void **state)
{
	static const char long_note[STK_NOTE_MAX + 1] = "x";

	(void)state;
	begin();
	ready();
	progress(3, 10, "half way", 8);
	frame(STK_FRAME_BEAT, NULL, 0);
	progress(UINT64_MAX, 0, "", 0);
	result(STK_RESULT_DONE, 0, 0, 0);
	expect(STK_OK);
	assert_int_equal(report.words, 3);
	assert_int_equal(report.pulses, 3);
	/* it does not count against the log's allowance */
	assert_int_equal(report.counted, sizeof(struct stk_frame));
	begin();
	ready();
	progress(7, 9, long_note, STK_NOTE_MAX);
	report.progress = on_progress;
	assert_int_equal(stk_report_feed(&report, bytes, len), STK_OK);
	assert_int_equal(told.done, 7);
	assert_int_equal(told.total, 9);
	assert_int_equal(told_len, STK_NOTE_MAX);
}

static void malformed_progress_is_refused(void **state)
{
	static const char long_note[STK_NOTE_MAX + 1] = "x";

	(void)state;
	begin();
	progress(1, 2, "", 0); /* before READY */
	expect(STK_E_FORMAT);
	begin();
	frame(STK_FRAME_BEAT, NULL, 0);
	expect(STK_E_FORMAT);
	begin();
	ready();
	frame(STK_FRAME_PROGRESS, long_note, sizeof(struct stk_progress) - 1);
	expect(STK_E_FORMAT);
	begin();
	ready();
	progress(1, 2, long_note, STK_NOTE_MAX + 1);
	expect(STK_E_FORMAT);
	begin();
	ready();
	frame(STK_FRAME_BEAT, "x", 1);
	expect(STK_E_FORMAT);
	begin();
	ready();
	result(STK_RESULT_DONE, 0, 0, 0);
	progress(1, 2, "", 0); /* after the result */
	expect(STK_E_FORMAT);
	begin();
	ready();
	result(STK_RESULT_DONE, 0, 0, 0);
	frame(STK_FRAME_BEAT, NULL, 0);
	expect(STK_E_FORMAT);
}

static void progress_has_a_rate(void **state)
{
	(void)state;
	begin();
	ready();
	for (int i = 0; i < STK_PULSES_AT_ONCE; i++)
		frame(STK_FRAME_BEAT, NULL, 0);
	report.began_ms = stk_monotonic_ms();
	assert_int_equal(stk_report_feed(&report, bytes, len), STK_OK);
	/* a second on the pipe is worth ten more, and not one beyond */
	len = 0;
	for (int i = 0; i < 10; i++)
		progress(1, 2, "", 0);
	report.began_ms = stk_monotonic_ms() - 1000;
	assert_int_equal(stk_report_feed(&report, bytes, len), STK_OK);
	len = 0;
	for (int i = 0; i < 1000; i++) {
		len = 0;
		frame(STK_FRAME_BEAT, NULL, 0);
		report.began_ms = stk_monotonic_ms() - 1000;
		if (stk_report_feed(&report, bytes, len) != STK_OK)
			break;
	}
	assert_in_range(report.pulses, STK_PULSES_AT_ONCE + 11, STK_PULSES_AT_ONCE + 12);
	report.began_ms = stk_monotonic_ms();
	assert_int_equal(stk_report_feed(&report, bytes, len), STK_E_TOOBIG);
}

/* What a report that may release @n makes of the bytes. */
static enum stk_err released(uint32_t n)
{
	stk_report_clear(&report);
	assert_int_equal(stk_report_init(&report, &limits, NULL, NULL), STK_OK);
	assert_int_equal(stk_report_may_release(&report, n), STK_OK);
	return stk_report_feed(&report, bytes, len);
}

static void releases_are_taken_within_their_bounds(void **state)
{
	static uint8_t big[STK_ARGS_MAX];
	static uint8_t whole[STK_ARGS_MAX + 256];
	struct stk_frame f = { .magic = STK_FRAME_MAGIC, .type = STK_FRAME_RELEASE };

	(void)state;
	begin();
	ready();
	frame(STK_FRAME_RELEASE, "{\"a\":1}", 7);
	frame(STK_FRAME_RELEASE, "{}", 2);
	result(STK_RESULT_DONE, 0, 0, 0);
	assert_int_equal(released(2), STK_OK);
	assert_int_equal(report.n_releases, 2);
	assert_true(stk_span_eq(report.releases[0], stk_span_str("{\"a\":1}")));
	assert_true(stk_span_eq(report.releases[1], stk_span_str("{}")));
	assert_int_equal(released(1), STK_E_TOOBIG);
	assert_int_equal(released(0), STK_E_FORMAT);
	begin();
	ready();
	frame(STK_FRAME_RELEASE, "", 0);
	assert_int_equal(released(2), STK_E_FORMAT);
	begin();
	frame(STK_FRAME_RELEASE, "{}", 2); /* before READY */
	assert_int_equal(released(2), STK_E_FORMAT);
	begin();
	ready();
	result(STK_RESULT_DONE, 0, 0, 0);
	frame(STK_FRAME_RELEASE, "{}", 2); /* after the result */
	assert_int_equal(released(2), STK_E_FORMAT);
	/* no body is waited for that may not come */
	begin();
	ready();
	f.len = STK_ARGS_MAX + 1;
	put(&f, sizeof(f));
	assert_int_equal(released(2), STK_E_TOOBIG);
	/* all of them together */
	begin();
	ready();
	assert_int_equal(released(3), STK_OK);
	f.len = STK_ARGS_MAX;
	memcpy(whole, &f, sizeof(f));
	memcpy(whole + sizeof(f), big, sizeof(big));
	assert_int_equal(stk_report_feed(&report, whole, sizeof(f) + sizeof(big)), STK_OK);
	f.len = 1;
	memcpy(whole, &f, sizeof(f));
	assert_int_equal(stk_report_feed(&report, whole, sizeof(f) + 1), STK_E_TOOBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_honest_report),
		cmocka_unit_test(everything_has_its_turn),
		cmocka_unit_test(malformed_frames_are_refused),
		cmocka_unit_test(a_fault_is_numbers_in_their_ranges),
		cmocka_unit_test(the_frames_of_a_death_fit_beside_the_allowance),
		cmocka_unit_test(lines_that_did_not_fit_are_counted),
		cmocka_unit_test(a_result_is_exactly_as_long_as_it_says),
		cmocka_unit_test(progress_and_beats_are_read),
		cmocka_unit_test(malformed_progress_is_refused),
		cmocka_unit_test(progress_has_a_rate),
		cmocka_unit_test(releases_are_taken_within_their_bounds),
		cmocka_unit_test(a_flood_is_named_before_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

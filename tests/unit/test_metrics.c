/*
 * test_metrics.c - sheets of counters in shared memory: written by one, read by another, believed
 * by nobody; and the text that is made of them.
 */
#include "tests/harness.h"

#include "worker/counters.h"
#include "worker/exposition.h"
#include "worker/pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct stk_exposed exposed;

static const struct stk_sheet *look(int fd)
{
	int readable = stk_pulse_reopen(fd);
	void *p =
	    mmap(NULL, sizeof(struct stk_sheet), PROT_READ, MAP_SHARED, readable, STK_SHEET_AT);

	assert_ptr_not_equal(p, MAP_FAILED);
	stk_close(&readable);
	return p;
}

static void forget(const struct stk_sheet *s)
{
	assert_int_equal(munmap((void *)(uintptr_t)s, sizeof(*s)), 0);
}

/* What is exposed of these sheets, as one string of the caller's. */
static char *text_of(const struct stk_sheet *const *sheets, size_t n, bool alive)
{
	struct stk_text t = { 0 };
	char *s;

	stk_exposed_clear(&exposed);
	for (size_t i = 0; i < n; i++)
		stk_exposed_merge(&exposed, sheets[i], alive);
	stk_exposed_render(&exposed, &t);
	assert_false(t.sour);
	s = strndup(t.p == NULL ? "" : t.p, t.len);
	stk_text_clear(&t);
	return s;
}

static void has_line(const char *text, const char *line)
{
	char wanted[256];

	(void)snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	if (strstr(text, wanted) == NULL)
		fail_msg("no line '%s' in:\n%s", line, text);
}

/* --- the table -----------------------------------------------------------------------------------
 */

/* Every number of struct stk_counters is a metric, or stands in one under another name. */
static void no_counter_of_a_worker_is_left_out(void **state)
{
	static const size_t elsewhere[] = {
		offsetof(struct stk_counters, reserved), /* the sum of received */
		offsetof(struct stk_counters, outages),  /* redis_reconnects */
		offsetof(struct stk_counters, ledger_outages),
		offsetof(struct stk_counters, ledger_troubles), /* readiness */
		offsetof(struct stk_counters, breaker_steps[0]),
		offsetof(struct stk_counters, breaker_steps[2]),
	};

	(void)state;
	for (size_t at = 0; at < sizeof(struct stk_counters); at += sizeof(uint64_t)) {
		bool found = (at >= offsetof(struct stk_counters, verdicts) &&
			      at < offsetof(struct stk_counters, settled_late));

		for (unsigned m = 0; m < STK_METRIC_COUNT; m++)
			found |= stk_metric_desc((enum stk_metric)m)->counter == at;
		for (size_t i = 0; i < STK_ARRAY_LEN(elsewhere); i++)
			found |= elsewhere[i] == at;
		if (!found)
			fail_msg("the counter at offset %zu is no metric", at);
	}
}

static void names_follow_prometheus(void **state)
{
	(void)state;
	for (unsigned m = 0; m < STK_METRIC_COUNT; m++) {
		const struct stk_metric_desc *d = stk_metric_desc((enum stk_metric)m);
		size_t n = strlen(d->name);
		bool total = n > 6 && strcmp(d->name + n - 6, "_total") == 0;

		assert_true(strspn(d->name, "abcdefghijklmnopqrstuvwxyz_") == n);
		assert_true(total == (d->type == STK_TYPE_COUNTER || d->type == STK_TYPE_SEEN));
		assert_true(
		    d->scale == 1 || d->scale == 1000 || d->scale == 1000000 || d->scale < 0);
		for (size_t i = 1; d->type == STK_TYPE_HISTOGRAM && i < STK_BOUNDS; i++)
			assert_true(d->bounds[i] > d->bounds[i - 1]);
		for (unsigned k = 0; k < m; k++)
			assert_string_not_equal(d->name, stk_metric_desc((enum stk_metric)k)->name);
	}
}

/* What a metric may have it gets, however many rows the others have; together they are one text. */
static void there_is_room_for_all_that_the_table_allows(void **state)
{
	size_t rows = 0, cells = 0;

	(void)state;
	for (unsigned m = 0; m < STK_METRIC_COUNT; m++) {
		rows += stk_metric_desc((enum stk_metric)m)->rows;
		cells += stk_metric_desc((enum stk_metric)m)->rows *
			 stk_metric_cells((enum stk_metric)m);
	}
	if (rows > STK_SHEET_ROWS || cells > STK_SHEET_CELLS)
		fail_msg("%zu rows and %zu cells", rows, cells);
	assert_true(2 * rows + STK_METRIC_COUNT <= STK_EXPOSED_ROWS);
	assert_true(cells <= STK_EXPOSED_CELLS / 4 * 3);
}

/* --- the writer ----------------------------------------------------------------------------------
 */

static void what_a_successor_counts_goes_on_where_it_stood(void **state)
{
	int fd = stk_pulse_create();
	struct stk_meter *m = stk_meter_open(fd);
	const struct stk_sheet *s = look(fd);
	char *text;

	(void)state;
	stk_meter_add(m, STK_METRIC_RECEIVED, "q", "k", 0, 3);
	stk_meter_set(m, STK_METRIC_DEPTH, "q", "", 0, 7);
	stk_meter_set(m, STK_METRIC_KEY_USED, "k", "", 0, 1000);
	stk_meter_close(m);
	m = stk_meter_open(fd); /* another worker of the slot */
	text = text_of(&s, 1, true);
	has_line(text, "stockade_jobs_received_total{queue=\"q\",kid=\"k\"} 3");
	assert_null(strstr(text, "stockade_queue_depth_jobs"));
	has_line(text, "stockade_key_last_used_timestamp_seconds{kid=\"k\"} 1000");
	free(text);
	stk_meter_add(m, STK_METRIC_RECEIVED, "q", "k", 0, 1);
	assert_int_equal(stk_meter_get(m, STK_METRIC_RECEIVED, "q", "k", 0), 4);
	stk_meter_close(m);
	forget(s);
	stk_close(&fd);
}

static void labels_beyond_the_bound_are_other(void **state)
{
	int fd = stk_pulse_create();
	struct stk_meter *m = stk_meter_open(fd);
	const struct stk_sheet *s = look(fd);
	char queue[32], *text, *p;
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(queue, sizeof(queue), "q%d", i);
		stk_meter_add(m, STK_METRIC_RECEIVED, queue, "k", 0, 1);
		stk_meter_add(m, STK_METRIC_REJECTED, queue, "", STK_V_E_UNSIGNED, 1);
	}
	text = text_of(&s, 1, true);
	for (p = text; (p = strstr(p, "stockade_jobs_received_total{")) != NULL; p++)
		lines++;
	assert_int_equal(lines, 256);
	has_line(text, "stockade_jobs_received_total{queue=\"other\",kid=\"other\"} 4745");
	has_line(text, "stockade_jobs_rejected_total{queue=\"other\",reason=\"E_UNSIGNED\"} 4937");
	assert_null(strstr(text, "reason=\"ACCEPT\""));
	assert_null(strstr(text, "reason=\"E_SCHEMA\""));
	free(text);
	stk_meter_close(m);
	forget(s);
	stk_close(&fd);
}

/* A sheet full of everything there can be: nothing is written outside it, nothing is lost. */
static void a_full_sheet_takes_no_harm(void **state)
{
	int fd = stk_pulse_create();
	struct stk_meter *m = stk_meter_open(fd);
	const struct stk_sheet *s = look(fd);
	char name[200];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	for (unsigned id = 0; id < STK_METRIC_COUNT; id++) {
		const struct stk_metric_desc *d = stk_metric_desc((enum stk_metric)id);

		for (int i = 0; i < 400; i++) {
			char a[32] = "", b[32] = "";

			if (d->a[0] != '\0')
				(void)snprintf(a, sizeof(a), "a%d", i);
			if (d->b[0] != '\0')
				(void)snprintf(b, sizeof(b), "b%d", i);
			stk_meter_add(m, (enum stk_metric)id, a, b, 0, 1);
			stk_meter_set(m, (enum stk_metric)id, name, name, 99999, 1);
			stk_meter_set(m, (enum stk_metric)id, name, name, 0, 1);
		}
	}
	assert_true(atomic_load(&s->n_rows) <= STK_SHEET_ROWS);
	/* the last one of the table has its row, whatever those before it took */
	assert_int_equal(stk_meter_get(m, STK_METRIC_CUT, "", "", 0), 1);
	assert_true(atomic_load(&s->n_cells) <= STK_SHEET_CELLS);
	stk_exposed_clear(&exposed);
	stk_exposed_merge(&exposed, s, true);
	assert_int_equal(exposed.malformed, 0);
	for (unsigned id = 0; id < STK_METRIC_COUNT; id++) {
		size_t n = 0;

		for (uint32_t i = 0; i < exposed.n_rows; i++)
			n += exposed.rows[i].metric == id;
		if (n + 1 < stk_metric_desc((enum stk_metric)id)->rows) /* one may be `other` */
			fail_msg("%s has %zu rows", stk_metric_desc((enum stk_metric)id)->name, n);
	}
	stk_meter_close(m);
	forget(s);
	stk_close(&fd);
}

static void without_a_sheet_nothing_is_counted(void **state)
{
	(void)state;
	stk_meter_row(NULL, STK_METRIC_RECEIVED, "q", "k");
	stk_meter_add(NULL, STK_METRIC_RECEIVED, "q", "k", 0, 1);
	stk_meter_set(NULL, STK_METRIC_DEPTH, "q", "", 0, 1);
	stk_meter_observe(NULL, STK_METRIC_WAIT, "q", 1);
	stk_meter_unset(NULL, STK_METRIC_DEPTH);
	assert_int_equal(stk_meter_get(NULL, STK_METRIC_RECEIVED, "q", "k", 0), 0);
	stk_meter_close(NULL);
}

/* --- the reader ----------------------------------------------------------------------------------
 */

static void whoever_looks_cannot_write(void **state)
{
	int fd = stk_pulse_create();
	int readable = stk_pulse_reopen(fd);
	size_t n = sizeof(struct stk_sheet);
	void *p;

	(void)state;
	assert_int_not_equal(readable, -1);
	/* the control: the writer's own descriptor */
	p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, STK_SHEET_AT);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(munmap(p, n), 0);
	assert_ptr_equal(
	    mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, readable, STK_SHEET_AT), MAP_FAILED);
	assert_int_equal(errno, EACCES);
	p = mmap(NULL, n, PROT_READ, MAP_SHARED, readable, STK_SHEET_AT);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(mprotect(p, n, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(pwrite(readable, "x", 1, STK_SHEET_AT), -1);
	assert_int_equal(
	    ftruncate(fd, 4096), -1); /* nor can anybody cut it under a reader's eyes */
	assert_int_equal(munmap(p, n), 0);
	stk_close(&readable);
	stk_close(&fd);
}

/* Halves are equal whenever a cell is whole: a reader that saw half of a store would see it. */
static void a_cell_is_never_seen_half_written(void **state)
{
	const uint64_t step = 0x100000001u;
	int fd = stk_pulse_create(), status;
	const struct stk_sheet *s;
	uint64_t last = 0, seen = 0;
	pid_t writer;

	(void)state;
	writer = fork();
	if (writer == 0) {
		struct stk_meter *m = stk_meter_open(fd);

		for (;;)
			stk_meter_add(m, STK_METRIC_RECEIVED, "q", "k", 0, step);
	}
	s = look(fd);
	while (seen < 200000 || last == 0) {
		uint64_t now;

		stk_exposed_clear(&exposed);
		stk_exposed_merge(&exposed, s, true);
		if (exposed.n_rows == 0)
			continue; /* the writer has not begun */
		now = exposed.cells[exposed.rows[0].first];
		assert_int_equal(now % step, 0);
		assert_true(now >= last);
		last = now;
		seen++;
	}
	assert_int_equal(kill(writer, SIGKILL), 0);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	forget(s);
	stk_close(&fd);
}

static struct stk_sheet *damaged(int *fd)
{
	void *p;

	*fd = stk_pulse_create();
	p = mmap(
	    NULL, sizeof(struct stk_sheet), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, STK_SHEET_AT);
	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static struct stk_sheet_row row_of(enum stk_metric id, uint32_t first, const char *a)
{
	struct stk_sheet_row r = {
		.metric = (uint16_t)id, .n_cells = (uint16_t)stk_metric_cells(id), .first = first
	};

	(void)snprintf(r.a, sizeof(r.a), "%s", a);
	return r;
}

static void rows_that_lie_are_left_out(void **state)
{
	int fd;
	struct stk_sheet *s = damaged(&fd);
	const struct stk_sheet *looked = s;
	struct stk_sheet_row *r = s->rows;
	char *text;

	(void)state;
	*r++ = row_of(STK_METRIC_DEPTH, 0, "good");
	*r = row_of(STK_METRIC_DEPTH, 0, "x");
	(r++)->metric = STK_METRIC_COUNT; /* no such metric */
	*r = row_of(STK_METRIC_DEPTH, 0, "x");
	(r++)->n_cells = 14; /* not as many as it has */
	*r++ = row_of(STK_METRIC_DEPTH, STK_SHEET_CELLS, "x");
	*r++ = row_of(STK_METRIC_DEPTH, UINT32_MAX, "x"); /* beyond the end, and around it */
	*r++ = row_of(STK_METRIC_WAIT, STK_SHEET_CELLS - 1, "x");
	*r = row_of(STK_METRIC_DEPTH, 0, "x");
	memset((r++)->a, 'x', sizeof(r->a));    /* without an end */
	*r++ = row_of(STK_METRIC_DEPTH, 0, ""); /* without its label */
	*r++ = row_of(STK_METRIC_DEPTH, 0, "a\"b\\c\nd\x7f\xc3\xa9");
	atomic_store(&s->n_rows, (uint32_t)(r - s->rows));
	atomic_store(&s->cells[0], 5);
	text = text_of(&looked, 1, true);
	assert_int_equal(exposed.n_rows, 2);
	assert_int_equal(exposed.malformed, 7);
	has_line(text, "stockade_queue_depth_jobs{queue=\"good\"} 5");
	has_line(text, "stockade_queue_depth_jobs{queue=\"a\\\"b\\\\c_d___\"} 5");
	free(text);
	atomic_store(&s->n_rows, UINT32_MAX);
	stk_exposed_clear(&exposed);
	stk_exposed_merge(&exposed, s, true);
	assert_int_equal(exposed.n_rows, 0);
	assert_int_equal(exposed.malformed, 1);
	assert_int_equal(munmap(s, sizeof(*s)), 0);
	stk_close(&fd);
}

/* One that was taken over fills its page with the widest rows there are. */
static void a_page_that_lies_makes_no_endless_text(void **state)
{
	int fd;
	struct stk_sheet *s = damaged(&fd);
	const struct stk_sheet *looked = s;
	char *text, name[STK_SHEET_LABEL + 1];

	(void)state;
	for (uint32_t i = 0; i < STK_SHEET_ROWS; i++) {
		memset(name, '"', sizeof(name));
		(void)snprintf(name + STK_SHEET_LABEL - 4, 5, "%04u", i);
		s->rows[i] = row_of(STK_METRIC_FINISHED, 0, name);
		(void)snprintf(s->rows[i].b, sizeof(s->rows[i].b), "%s", name);
	}
	atomic_store(&s->n_rows, STK_SHEET_ROWS);
	text = text_of(&looked, 1, true);
	assert_int_equal(exposed.n_rows, 128);
	assert_int_equal(exposed.malformed, STK_SHEET_ROWS - 128);
	assert_true(strlen(text) < 4u << 20);
	free(text);
	assert_int_equal(munmap(s, sizeof(*s)), 0);
	stk_close(&fd);
}

static void a_damaged_sheet_begins_anew(void **state)
{
	int fd;
	struct stk_sheet *s = damaged(&fd);
	struct stk_meter *m;

	(void)state;
	s->rows[0] = row_of(STK_METRIC_DEPTH, 0, "twice");
	s->rows[1] = row_of(STK_METRIC_DEPTH, 1, "twice");
	atomic_store(&s->n_rows, 2);
	atomic_store(&s->n_cells, 2);
	m = stk_meter_open(fd);
	assert_int_equal(atomic_load(&s->n_rows), 0);
	stk_meter_add(m, STK_METRIC_RECEIVED, "q", "k", 0, 1);
	assert_int_equal(atomic_load(&s->n_rows), 1);
	stk_meter_close(m);
	assert_int_equal(munmap(s, sizeof(*s)), 0);
	stk_close(&fd);
}

static void what_several_say_comes_to_one(void **state)
{
	int fd[2] = { stk_pulse_create(), stk_pulse_create() };
	struct stk_meter *m[2] = { stk_meter_open(fd[0]), stk_meter_open(fd[1]) };
	const struct stk_sheet *s[2] = { look(fd[0]), look(fd[1]) };
	char *text;

	(void)state;
	for (uint64_t i = 0; i < 2; i++) {
		if (i == 1) /* in another order */
			stk_meter_row(m[i], STK_METRIC_FINISHED, "z", "Z");
		stk_meter_add(m[i], STK_METRIC_FINISHED, "q", "C", STK_OUT_DONE, 2 + i);
		stk_meter_set(m[i], STK_METRIC_RUNNING, "C", "", 0, 1);
		stk_meter_set(m[i], STK_METRIC_REDIS_UP, "queues", "", 0, i);
		stk_meter_set(m[i], STK_METRIC_KEY_USED, "k", "", 0, 100 + i);
	}
	stk_meter_set(m[0], STK_METRIC_DEPTH, "q", "", 0, 9);
	stk_meter_row(m[1], STK_METRIC_DEPTH, "q", ""); /* says nothing */
	text = text_of(s, 2, true);
	has_line(text, "stockade_jobs_finished_total{queue=\"q\",class=\"C\",result=\"Done\"} 5");
	has_line(text, "stockade_jobs_finished_total{queue=\"z\",class=\"Z\",result=\"Crash\"} 0");
	has_line(text, "stockade_jobs_running{class=\"C\"} 2");
	has_line(text, "stockade_redis_up{server=\"queues\"} 0");
	has_line(text, "stockade_key_last_used_timestamp_seconds{kid=\"k\"} 101");
	has_line(text, "stockade_queue_depth_jobs{queue=\"q\"} 9");
	free(text);
	text = text_of(s, 2, false); /* of the dead counts only what was */
	has_line(text, "stockade_jobs_finished_total{queue=\"q\",class=\"C\",result=\"Done\"} 5");
	assert_null(strstr(text, "stockade_jobs_running"));
	free(text);
	for (int i = 0; i < 2; i++) {
		stk_meter_close(m[i]);
		forget(s[i]);
		stk_close(&fd[i]);
	}
}

static void a_histogram_is_cumulative(void **state)
{
	int fd = stk_pulse_create();
	struct stk_meter *m = stk_meter_open(fd);
	const struct stk_sheet *s = look(fd);
	char *text;

	(void)state;
	stk_meter_observe(m, STK_METRIC_DURATION, "C", 0);
	stk_meter_observe(m, STK_METRIC_DURATION, "C", 250);
	stk_meter_observe(m, STK_METRIC_DURATION, "C", 251);
	stk_meter_observe(m, STK_METRIC_DURATION, "C", 700000);
	stk_meter_observe(m, STK_METRIC_MAXRSS, "C", 5000);
	text = text_of(&s, 1, true);
	has_line(text, "# TYPE stockade_job_duration_seconds histogram");
	has_line(text, "stockade_job_duration_seconds_bucket{class=\"C\",le=\"0.005\"} 1");
	has_line(text, "stockade_job_duration_seconds_bucket{class=\"C\",le=\"0.25\"} 2");
	has_line(text, "stockade_job_duration_seconds_bucket{class=\"C\",le=\"0.5\"} 3");
	has_line(text, "stockade_job_duration_seconds_bucket{class=\"C\",le=\"600\"} 3");
	has_line(text, "stockade_job_duration_seconds_bucket{class=\"C\",le=\"+Inf\"} 4");
	has_line(text, "stockade_job_duration_seconds_sum{class=\"C\"} 700.501");
	has_line(text, "stockade_job_duration_seconds_count{class=\"C\"} 4");
	has_line(text, "stockade_job_max_rss_bytes_bucket{class=\"C\",le=\"8388608\"} 1");
	has_line(text, "stockade_job_max_rss_bytes_sum{class=\"C\"} 5120000");
	free(text);
	stk_meter_close(m);
	forget(s);
	stk_close(&fd);
}

/* What another process's sheets fill up is `other`, and stays within its bounds. */
static void many_sheets_stay_within_the_bounds(void **state)
{
	(void)state;
	stk_exposed_clear(&exposed);
	for (int i = 0; i < 40; i++) {
		int fd = stk_pulse_create();
		struct stk_meter *m = stk_meter_open(fd);
		const struct stk_sheet *s = look(fd);

		for (int k = 0; k < 250; k++) {
			char a[32];

			(void)snprintf(a, sizeof(a), "q%d-%d", i, k);
			stk_meter_add(m, STK_METRIC_RECEIVED, a, "k", 0, 1);
			stk_meter_add(m, STK_METRIC_REJECTED, a, "", STK_V_E_BODY, 1);
		}
		stk_exposed_merge(&exposed, s, true);
		stk_meter_close(m);
		forget(s);
		stk_close(&fd);
	}
	assert_true(exposed.n_rows <= STK_EXPOSED_ROWS);
	assert_true(exposed.n_cells <= STK_EXPOSED_CELLS);
	for (unsigned id = 0; id < 2; id++) {
		uint64_t sum = 0;

		for (uint32_t i = 0; i < exposed.n_rows; i++)
			for (uint32_t c = 0;
			     exposed.rows[i].metric == id && c < exposed.rows[i].n_cells; c++)
				sum += exposed.cells[exposed.rows[i].first + c];
		assert_int_equal(sum, 40 * 250); /* none of them is lost */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_counter_of_a_worker_is_left_out),
		cmocka_unit_test(names_follow_prometheus),
		cmocka_unit_test(there_is_room_for_all_that_the_table_allows),
		cmocka_unit_test(what_a_successor_counts_goes_on_where_it_stood),
		cmocka_unit_test(labels_beyond_the_bound_are_other),
		cmocka_unit_test(a_full_sheet_takes_no_harm),
		cmocka_unit_test(without_a_sheet_nothing_is_counted),
		cmocka_unit_test(whoever_looks_cannot_write),
		cmocka_unit_test(a_cell_is_never_seen_half_written),
		cmocka_unit_test(rows_that_lie_are_left_out),
		cmocka_unit_test(a_page_that_lies_makes_no_endless_text),
		cmocka_unit_test(a_damaged_sheet_begins_anew),
		cmocka_unit_test(what_several_say_comes_to_one),
		cmocka_unit_test(a_histogram_is_cumulative),
		cmocka_unit_test(many_sheets_stay_within_the_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

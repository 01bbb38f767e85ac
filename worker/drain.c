/*
 * drain.c - see drain.h.
 *
 * One call removes what the look before it found to be junk and looks again, so that a flood costs
 * a fraction of a round trip for each element. What a lost reply would have said is asked for again
 * under the same number, so that the counts are exact.
 */
#include "worker/drain.h"

#include "worker/scan.h"
#include "worker/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST_AFTER      8 /* refusals in a row that begin it */
#define AGAIN_AFTER      2 /* the same within STILL_MS of a flood */
#define STILL_MS         60000
#define SLICE_MS         1000 /* then another queue gets a turn: junk has no priority */
#define KEPT_PER_MINUTE  1000 /* entries; beyond them one for each look and reason */
#define LINES_PER_MINUTE 6

void stk_flood_saw(struct stk_worker *w, bool junk)
{
	w->flood.in_a_row = junk ? w->flood.in_a_row + 1 : 0;
}

bool stk_flood_is_on(const struct stk_worker *w)
{
	unsigned after = stk_monotonic_ms() < w->flood.until_ms ? AGAIN_AFTER : FIRST_AFTER;

	return w->config->drain_batch > 1 && w->flood.in_a_row >= after;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void tell(struct stk_worker *w, const char *action, const char *sentence)
{
	struct stk_flood *f = &w->flood;
	uint64_t missed;
	struct stk_jw *line;

	if (!stk_log_allow(&f->lines, LINES_PER_MINUTE, stk_monotonic_ms(), &missed))
		return;
	line = stk_log_start(STK_LOG_WARN, action, "failure", "%s", sentence);
	stk_jw_cstr(line, "stockade.queue", f->plan.queue);
	stk_jw_int(line, "stockade.count", (int64_t)f->removed);
	stk_jw_int(line, "stockade.ms", stk_monotonic_ms() - f->since_ms);
	if (missed > 0)
		stk_jw_int(line, "stockade.lines_left_out", (int64_t)missed);
	stk_log_end();
}

static void begin_telling(struct stk_worker *w)
{
	if (w->flood.told)
		return;
	w->flood.told = true;
	w->flood.since_ms = stk_monotonic_ms();
	w->flood.removed = 0;
	w->counters.floods++;
	tell(w, "flood.began",
	    "junk fills this queue: it is judged and removed many elements at a time; find out who "
	    "pushes it");
}

static void end_telling(struct stk_worker *w)
{
	if (w->flood.told)
		tell(w, "flood.ended", "the junk is gone; jobs are taken one by one again");
	w->flood.told = false;
	w->flood.in_a_row = 0;
	memset(w->flood.skip, 0, sizeof(w->flood.skip));
}

static void tell_full(struct stk_worker *w)
{
	struct stk_flood *f = &w->flood;
	uint64_t missed;
	struct stk_jw *line;

	if (f->seen.area_full)
		stk_worker_tell_area_full(w);
	if (!f->seen.redis_full || !stk_log_allow(&f->full, 1, stk_monotonic_ms(), &missed))
		return;
	line = stk_log_start(STK_LOG_ERROR, "redis.full", "failure",
	    "REDIS_FULL: Redis is over its maxmemory: junk is removed without keeping any of it; "
	    "make room, or find out who fills it");
	stk_jw_cstr(line, "event.reason", "REDIS_FULL");
	stk_jw_cstr(line, "stockade.queue", f->plan.queue);
	stk_log_end();
}

/* --- what left -------------------------------------------------------------------------------- */

static void account(struct stk_worker *w)
{
	struct stk_flood *f = &w->flood;

	for (size_t i = 0; i < f->plan.n_kinds; i++) {
		uint64_t n = f->seen.counts[i];

		f->removed += n;
		w->counters.drained += n;
		w->counters.verdicts[f->verdicts[i]] += n;
		if (f->is_note[i])
			w->counters.refusal_notes += n;
		else if (n > 0)
			stk_trail_count(&w->trail, f->verdicts[i], f->plan.queue, n);
	}
	tell_full(w);
}

/* --- what is to leave ------------------------------------------------------------------------- */

/* The row of this reason; a new one where there was none; STK_DRAIN_KINDS: no room for it. */
static size_t kind_of(struct stk_worker *w, enum stk_verdict v, const char *area, bool is_note)
{
	struct stk_flood *f = &w->flood;
	size_t i = 0;

	while (
	    i < f->plan.n_kinds && (f->verdicts[i] != v || strcmp(f->plan.kind[i].area, area) != 0))
		i++;
	if (i < f->plan.n_kinds || i == STK_DRAIN_KINDS)
		return i;
	f->plan.kind[i] = (struct stk_drain_kind){ .reason = stk_verdict_text(v) };
	(void)snprintf(f->plan.kind[i].area, STK_AREA_BYTES, "%s", area);
	f->verdicts[i] = v;
	f->is_note[i] = is_note;
	f->plan.n_kinds++;
	return i;
}

/* The sample: enough of a small flood to see all of it, a little of a large one. */
static bool worth_an_entry(struct stk_worker *w, bool first, bool whole)
{
	uint64_t missed;

	return whole ||
	       stk_log_allow(&w->flood.kept, KEPT_PER_MINUTE, stk_monotonic_ms(), &missed) || first;
}

static void add_entry(struct stk_worker *w, struct stk_reserved *r, struct stk_admission *a,
    size_t kind, bool first, bool whole)
{
	struct stk_flood *f = &w->flood;
	struct stk_drain *d = &f->plan;
	size_t at = f->text.len;

	if (!worth_an_entry(w, first, whole))
		return;
	stk_worker_entry(w, r, a, &f->text);
	if (f->text.sour)
		return;
	d->entries[d->n_entries].place = (int64_t)d->n;
	d->entries[d->n_entries].at = at;
	d->entries[d->n_entries].len = f->text.len - at;
	d->n_entries++;
	if (!first)
		return;
	at = f->text.len;
	stk_worker_note(w, r, a, true, &f->text);
	d->kind[kind].note = at;
	d->kind[kind].note_len = f->text.sour ? 0 : f->text.len - at;
}

/* Junk joins the plan; anything else ends it: false. */
static bool plan_one(struct stk_worker *w, struct stk_reserved *r, struct stk_span sha1)
{
	struct stk_flood *f = &w->flood;
	struct stk_drain *d = &f->plan;
	struct stk_admission a = { 0 };
	struct stk_settle where = { 0 };
	bool junk, is_note, first;
	size_t kind;

	(void)stk_admit(&w->gate, &r->parcel, w->now_s, &a);
	junk = stk_worker_is_junk(&a);
	if (junk) {
		is_note = stk_worker_is_refusal_note(r, &a);
		if (!is_note)
			stk_worker_choose_area(w, r, &a, &where);
		kind = kind_of(w, a.verdict, is_note ? "" : where.area, is_note);
		junk = kind < STK_DRAIN_KINDS;
	}
	if (junk) {
		first = d->kind[kind].max_entries == 0;
		d->kind[kind].max_entries = is_note ? 1 : where.max_entries;
		d->kind[kind].max_bytes = is_note ? 1 : where.max_bytes;
		memcpy(d->digests + d->n * STK_SHA1_CHARS, sha1.p, STK_SHA1_CHARS);
		d->kinds[d->n++] = (char)('A' + kind);
		if (!is_note)
			add_entry(
			    w, r, &a, kind, first, strncmp(where.area, "unknownkey:", 11) == 0);
	}
	stk_admission_clear(&a);
	return junk;
}

/* From what was seen to what is to leave. True if that is all of what was seen. */
static bool plan(struct stk_worker *w)
{
	struct stk_flood *f = &w->flood;
	struct stk_reserved r = { 0 };

	f->plan.n = f->plan.n_kinds = f->plan.n_entries = 0;
	stk_jw_reset(&f->text);
	memcpy(f->plan.queue, f->seen.queue, sizeof(f->plan.queue));
	memcpy(r.parcel.queue, f->seen.queue, sizeof(r.parcel.queue));
	w->now_s = stk_worker_now_s();
	for (size_t i = 0; i < f->seen.n; i++) {
		r.parcel.bytes = f->seen.bytes[i];
		if (!plan_one(w, &r, f->seen.sha1[i]))
			break;
	}
	f->plan.text = f->text.buf;
	if (f->plan.n > 0)
		f->plan.number = ++f->number;
	return f->plan.n > 0 && f->plan.n == f->seen.n;
}

/* --- the loop --------------------------------------------------------------------------------- */

static size_t whose_turn(struct stk_worker *w, const char **list)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_queues; i++)
		if (!w->flood.skip[i])
			list[n++] = w->queues[i];
	return n;
}

/* Takes out what is planned and looks at @most more. */
static enum stk_answer ask(struct stk_worker *w, const char *const *list, size_t n, size_t most)
{
	enum stk_answer v = STK_ANSWER_AGAIN;
	enum stk_err e;

	do
		e = stk_store_drain(&w->store, &w->flood.plan, list, n, most, &w->flood.seen, &v);
	while (stk_life_again(&w->life, e, false));
	if (e != STK_OK || v != STK_ANSWER_OK)
		return e != STK_OK ? STK_ANSWER_AGAIN : v;
	account(w);
	return v;
}

/* Until something other than junk is at the head, time is up, or it is time to stop. */
static enum stk_answer slice(
    struct stk_worker *w, const char *const *list, size_t n, bool *ended, bool *any)
{
	int64_t until = stk_monotonic_ms() + SLICE_MS;
	size_t most = (size_t)w->config->drain_batch;
	enum stk_answer v;

	w->flood.plan.n = w->flood.plan.n_kinds = w->flood.plan.n_entries = 0;
	do {
		if ((v = ask(w, list, n, most)) != STK_ANSWER_OK || most == 0)
			return v;
		*ended = !plan(w);
		if (w->flood.plan.n == 0)
			return v;
		begin_telling(w);
		*any = true;
		(void)stk_life_tick(&w->life);
		if (*ended || stk_monotonic_ms() >= until || !stk_worker_may_go_on(w))
			most = 0;
	} while (true);
}

static void had_its_turn(struct stk_worker *w)
{
	for (size_t i = 0; i < w->n_queues; i++)
		if (strcmp(w->queues[i], w->flood.plan.queue) == 0)
			w->flood.skip[i] = true;
}

enum stk_answer stk_flood_drain(struct stk_worker *w, struct stk_reserved *job)
{
	const char *list[STK_STORE_QUEUES];
	size_t n = whose_turn(w, list);
	bool ended = true, any = false, all = n == w->n_queues;
	enum stk_answer v = STK_ANSWER_AGAIN;

	if (n > 0)
		v = slice(w, list, n, &ended, &any);
	if (any)
		w->flood.until_ms = stk_monotonic_ms() + STILL_MS;
	if (v == STK_ANSWER_FENCED)
		return v;
	if (v != STK_ANSWER_OK) { /* what reserve does about it is done for every job */
		end_telling(w);
		return STK_ANSWER_AGAIN;
	}
	if (!ended) {
		had_its_turn(w);
		return STK_ANSWER_AGAIN;
	}
	if (all) {
		end_telling(w);
		return STK_ANSWER_AGAIN;
	}
	/* the flood goes on elsewhere; what is at the head here is taken as ever, and then all
	 * again */
	memset(w->flood.skip, 0, sizeof(w->flood.skip));
	if (n > 0)
		v = stk_worker_reserve(w, list, n, job);
	return v == STK_ANSWER_JOB || v == STK_ANSWER_FENCED ? v : STK_ANSWER_AGAIN;
}

/*
 * drain.c - see drain.h.
 *
 * One call removes what is known to be junk and looks at what lies behind the elements in hand;
 * while Redis works on it these are judged. So a flood costs no round trip for each element, and a
 * bad signature little more than the verification itself. What a lost reply would have said is
 * asked for again under the same number, so that the counts are exact.
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
#define TEXT_MAX         (2u << 20) /* an element of max_payload's ceiling, in base64, and our words */

void stk_flood_open(struct stk_flood *f)
{
	for (size_t i = 0; i < STK_ARRAY_LEN(f->plans); i++)
		stk_jw_init(&f->plans[i].text, TEXT_MAX);
}

void stk_flood_close(struct stk_flood *f)
{
	for (size_t i = 0; i < STK_ARRAY_LEN(f->plans); i++)
		stk_jw_clear(&f->plans[i].text);
}

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
	stk_jw_cstr(line, "stockade.queue", f->queue);
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
	stk_jw_cstr(line, "stockade.queue", f->queue);
	stk_log_end();
}

/* --- what left -------------------------------------------------------------------------------- */

/* How many of @p left. */
static size_t account(struct stk_worker *w, const struct stk_flood_plan *p)
{
	struct stk_flood *f = &w->flood;
	size_t sum = 0;

	for (size_t i = 0; i < p->drain.n_kinds; i++) {
		uint64_t n = f->seen.counts[i];

		sum += n;
		w->counters.verdicts[p->verdicts[i]] += n;
		stk_meter_removed(w, p->drain.queue, p->verdicts[i], n);
		if (p->is_note[i])
			w->counters.refusal_notes += n;
		else if (n > 0)
			stk_trail_count(&w->trail, p->verdicts[i], p->drain.queue, n);
	}
	f->removed += sum;
	w->counters.drained += sum;
	tell_full(w);
	return sum;
}

/* --- what is to leave ------------------------------------------------------------------------- */

static void empty(struct stk_flood_plan *p)
{
	p->drain.n = p->drain.n_kinds = p->drain.n_entries = 0;
	p->drain.first = 0;
	stk_jw_reset(&p->text);
}

/* The row of this reason; a new one where there was none; STK_DRAIN_KINDS: no room for it. */
static size_t kind_of(struct stk_flood_plan *p, enum stk_verdict v, const char *area, bool is_note)
{
	struct stk_drain *d = &p->drain;
	size_t i = 0;

	while (i < d->n_kinds && (p->verdicts[i] != v || strcmp(d->kind[i].area, area) != 0))
		i++;
	if (i < d->n_kinds || i == STK_DRAIN_KINDS)
		return i;
	d->kind[i] = (struct stk_drain_kind){ .reason = stk_verdict_text(v) };
	(void)snprintf(d->kind[i].area, STK_AREA_BYTES, "%s", area);
	p->verdicts[i] = v;
	p->is_note[i] = is_note;
	d->n_kinds++;
	return i;
}

/* The sample: enough of a small flood to see all of it, a little of a large one. */
static bool worth_an_entry(struct stk_worker *w, bool first, bool whole)
{
	uint64_t missed;

	return whole ||
	       stk_log_allow(&w->flood.kept, KEPT_PER_MINUTE, stk_monotonic_ms(), &missed) || first;
}

static void add_entry(struct stk_worker *w, struct stk_flood_plan *p, struct stk_reserved *r,
    struct stk_admission *a, size_t kind, bool first, bool whole)
{
	struct stk_drain *d = &p->drain;
	size_t at = p->text.len;

	if (!worth_an_entry(w, first, whole))
		return;
	stk_worker_entry(w, r, a, &p->text);
	if (p->text.sour)
		return;
	d->entries[d->n_entries].place = (int64_t)d->n;
	d->entries[d->n_entries].at = at;
	d->entries[d->n_entries].len = p->text.len - at;
	d->n_entries++;
	if (!first)
		return;
	at = p->text.len;
	stk_worker_note(w, r, a, true, &p->text);
	d->kind[kind].note = at;
	d->kind[kind].note_len = p->text.sour ? 0 : p->text.len - at;
}

/* Judges element @i of what was seen, into a place of its own: by either of two (crew.h). */
static void judge_one(void *ctx, size_t i)
{
	struct stk_worker *w = ctx;
	const struct stk_drained *seen = &w->flood.seen;
	struct stk_parcel p = { .bytes = seen->bytes[i] };

	memcpy(p.queue, seen->queue, sizeof(p.queue));
	(void)stk_admit(&w->gate, &p, w->now_s, &w->flood.judged[i]);
}

/* Junk joins the plan; anything else ends it: false. */
static bool plan_one(struct stk_worker *w, struct stk_flood_plan *p, struct stk_reserved *r,
    struct stk_admission *a, struct stk_span sha1)
{
	struct stk_drain *d = &p->drain;
	struct stk_settle where = { 0 };
	bool junk = stk_worker_is_junk(a), is_note, first;
	size_t kind;

	if (junk) {
		is_note = stk_worker_is_refusal_note(r, a);
		if (!is_note)
			stk_worker_choose_area(w, r, a, &where);
		kind = kind_of(p, a->verdict, is_note ? "" : where.area, is_note);
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
			    w, p, r, a, kind, first, strncmp(where.area, "unknownkey:", 11) == 0);
	}
	return junk;
}

/* From what was seen to what is to leave. True if that is all of what was seen. */
static bool plan(struct stk_worker *w, struct stk_flood_plan *p)
{
	struct stk_flood *f = &w->flood;
	struct stk_reserved r = { 0 };
	size_t begun;

	empty(p);
	memcpy(f->queue, f->seen.queue, sizeof(f->queue));
	memcpy(p->drain.queue, f->seen.queue, sizeof(p->drain.queue));
	memcpy(r.parcel.queue, f->seen.queue, sizeof(r.parcel.queue));
	w->now_s = stk_worker_now_s();
	stk_crew_begin(judge_one, w, f->seen.n);
	for (size_t i = 0; i < f->seen.n; i++) {
		stk_crew_need(i);
		r.parcel.bytes = f->seen.bytes[i];
		if (!plan_one(w, p, &r, &f->judged[i], f->seen.sha1[i]))
			break;
	}
	begun = stk_crew_end();
	for (size_t i = 0; i < begun; i++)
		stk_admission_clear(&f->judged[i]);
	p->drain.text = p->text.buf;
	if (p->drain.n > 0)
		p->drain.number = ++f->number;
	return p->drain.n > 0 && p->drain.n == f->seen.n;
}

/* --- the loop --------------------------------------------------------------------------------- */

/* Whose turn it is, and how it went. */
struct turn {
	const char *list[STK_STORE_QUEUES];
	size_t n;
	size_t most; /* elements of a look */
	bool ended;  /* what is at the head now is no junk, or nothing */
	bool any;    /* something left */
};

static void whose_turn(struct stk_worker *w, struct turn *t)
{
	for (size_t i = 0; i < w->n_queues; i++)
		if (!w->flood.skip[i])
			t->list[t->n++] = w->queues[i];
}

/* Takes out what @p names and looks at @most; *@gone: how many left. */
static enum stk_answer ask(
    struct stk_worker *w, const struct turn *t, struct stk_flood_plan *p, size_t most, size_t *gone)
{
	enum stk_answer v = STK_ANSWER_AGAIN;
	enum stk_err e;

	do
		e = stk_store_drain(&w->store, &p->drain, t->list, t->n, most, &w->flood.seen, &v);
	while (stk_life_again(&w->life, e, false));
	if (e != STK_OK || v != STK_ANSWER_OK)
		return e != STK_OK ? STK_ANSWER_AGAIN : v;
	*gone = account(w, p);
	return v;
}

/*
 * The same, and the look goes behind the elements in hand, which are judged into @next meanwhile.
 * *@all: each of them is junk.
 */
static enum stk_answer ask_and_judge(struct stk_worker *w, const struct turn *t,
    struct stk_flood_plan *p, struct stk_flood_plan *next, bool *all, size_t *gone)
{
	enum stk_answer v = STK_ANSWER_AGAIN;
	enum stk_err e;

	p->drain.first = (int64_t)w->flood.seen.n;
	e = stk_store_drain_send(&w->store, &p->drain, t->list, t->n, t->most);
	*all = plan(w, next);
	if (e == STK_OK)
		e = stk_store_drain_hear(&w->store, &p->drain, t->list, t->n, &w->flood.seen, &v);
	if (e != STK_OK)
		return ask(w, t, p, t->most, gone);
	if (v == STK_ANSWER_OK)
		*gone = account(w, p);
	return v;
}

/* Until something other than junk is at the head, time is up, or it is time to stop. */
static enum stk_answer slice(struct stk_worker *w, struct turn *t)
{
	struct stk_flood *f = &w->flood;
	struct stk_flood_plan *p = &f->plans[0], *next = &f->plans[1], *was;
	int64_t until = stk_monotonic_ms() + SLICE_MS;
	enum stk_answer v;
	bool all, ours = true;
	size_t gone = 0;

	empty(p);
	v = ask(w, t, p, t->most, &gone);
	while (v == STK_ANSWER_OK && f->seen.n > 0 && stk_monotonic_ms() < until &&
	       stk_worker_may_go_on(w)) {
		size_t named = p->drain.n;

		v = ask_and_judge(w, t, p, next, &all, &gone);
		was = p, p = next, next = was;
		t->ended = !all || strcmp(f->seen.queue, p->drain.queue) != 0;
		if (v != STK_ANSWER_OK || p->drain.n == 0)
			break;
		begin_telling(w);
		t->any = true;
		(void)stk_life_tick(&w->life);
		ours = gone == named; /* else another worker is at it: look at the head again */
		if (t->ended || !ours)
			break;
	}
	if (v != STK_ANSWER_OK)
		return v;
	if (f->seen.n == 0 && ours)
		t->ended = true;
	p->drain.first = 0; /* what was judged leaves, what was only looked at stays */
	return p->drain.n > 0 ? ask(w, t, p, 0, &gone) : v;
}

static void had_its_turn(struct stk_worker *w)
{
	for (size_t i = 0; i < w->n_queues; i++)
		if (strcmp(w->queues[i], w->flood.queue) == 0)
			w->flood.skip[i] = true;
}

enum stk_answer stk_flood_drain(struct stk_worker *w, struct stk_reserved *job)
{
	struct turn t = { .most = (size_t)w->config->drain_batch };
	enum stk_answer v = STK_ANSWER_AGAIN;

	whose_turn(w, &t);
	t.ended = t.n == 0;
	if (t.n > 0)
		v = slice(w, &t);
	if (t.any)
		w->flood.until_ms = stk_monotonic_ms() + STILL_MS;
	if (v == STK_ANSWER_FENCED)
		return v;
	if (v != STK_ANSWER_OK) { /* what reserve does about it is done for every job */
		end_telling(w);
		return STK_ANSWER_AGAIN;
	}
	if (!t.ended) {
		had_its_turn(w);
		return STK_ANSWER_AGAIN;
	}
	if (t.n == w->n_queues) {
		end_telling(w);
		return STK_ANSWER_AGAIN;
	}
	/* the flood goes on elsewhere; what is at the head here is taken as ever, and then all
	 * again */
	memset(w->flood.skip, 0, sizeof(w->flood.skip));
	if (t.n > 0)
		v = stk_worker_reserve(w, t.list, t.n, job);
	return v == STK_ANSWER_JOB || v == STK_ANSWER_FENCED ? v : STK_ANSWER_AGAIN;
}

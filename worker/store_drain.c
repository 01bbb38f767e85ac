/*
 * store_drain.c - see store_drain.h.
 */
#include "worker/store_drain.h"

#include "worker/store_call.h"

#include <stdlib.h>
#include <string.h>

static bool complete(const struct stk_drain *d)
{
	if (d->n > STK_DRAIN_MOST || d->n_kinds > STK_DRAIN_KINDS || d->n_entries > d->n)
		return false;
	if (d->n > 0 && (d->number < 1 || d->n_kinds == 0 || !stk_queue_ok(d->queue)))
		return false;
	for (size_t i = 0; i < d->n_kinds; i++)
		if ((d->kind[i].area[0] != '\0' &&
			!stk_key_text(d->kind[i].area, STK_AREA_BYTES, "#")) ||
		    !stk_key_text(d->kind[i].reason, 64, ""))
			return false;
	return true;
}

static void add_kinds(struct stk_call *a, const struct stk_drain *d)
{
	stk_call_number(a, (int64_t)d->n_kinds);
	for (size_t i = 0; i < d->n_kinds; i++) {
		const struct stk_drain_kind *k = &d->kind[i];

		stk_call_text(a, k->area);
		stk_call_number(a, k->max_entries);
		stk_call_number(a, k->max_bytes);
		stk_call_text(a, k->reason);
		stk_call_add(a, stk_span_of(k->note_len > 0 ? d->text + k->note : "", k->note_len));
	}
	stk_call_number(a, (int64_t)d->n_entries);
	for (size_t i = 0; i < d->n_entries; i++) {
		stk_call_number(a, d->entries[i].place);
		stk_call_add(a, stk_span_of(d->text + d->entries[i].at, d->entries[i].len));
	}
}

static enum stk_err begin(struct stk_store *s, const struct stk_drain *d, const char *const *queues,
    size_t n, size_t most, struct stk_call *a)
{
	enum stk_err e = n == 0 ? STK_OK : stk_queues_ok(queues, n);

	if (e != STK_OK || !complete(d) || most > STK_DRAIN_MOST)
		return e != STK_OK ? e : STK_E_FORMAT;
	stk_call_start(a, s, STK_SCRIPT_DRAIN);
	stk_call_number(a, s->max_payload_bytes > 0 ? s->max_payload_bytes : STK_MAX_PAYLOAD);
	stk_call_number(a, STK_DRAIN_BUDGET);
	stk_call_number(a, d->first);
	stk_call_number(a, (int64_t)most);
	stk_call_text(a, s->dynamic_queues ? "1" : "0");
	stk_call_number(a, d->number);
	stk_call_text(a, d->n > 0 ? d->queue : "");
	stk_call_add(a, stk_span_of(d->digests, d->n * STK_SHA1_CHARS));
	stk_call_add(a, stk_span_of(d->kinds, d->n));
	add_kinds(a, d);
	stk_call_queues(a, queues, n);
	return STK_OK;
}

/* "12 0 3" */
static void read_counts(struct stk_span text, size_t most, struct stk_drained *out)
{
	char copy[STK_DRAIN_KINDS * 8];
	char *at = copy;

	stk_answer_copy(copy, sizeof(copy), text);
	for (size_t i = 0; i < STK_DRAIN_KINDS && *at != '\0'; i++) {
		unsigned long n = strtoul(at, &at, 10);

		out->counts[i] = n < most ? n : most; /* never more than were named */
	}
}

static bool asked_for(const char *queue, const char *const *queues, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(queue, queues[i]) == 0)
			return true;
	return false;
}

static enum stk_err read_look(
    const struct stk_reply *r, const char *const *queues, size_t n, struct stk_drained *out)
{
	size_t got = r->n > 5 ? (r->n - 5) / 2 : 0;

	stk_answer_copy(out->queue, sizeof(out->queue), stk_answer_span(r, 3));
	if (out->queue[0] != '\0' && !asked_for(out->queue, queues, n))
		return STK_E_FORMAT;
	if (got > STK_DRAIN_MOST || (got > 0 && (r->n % 2 != 1 || out->queue[0] == '\0')))
		return STK_E_FORMAT;
	for (size_t i = 0; i < got; i++) {
		out->sha1[i] = stk_answer_span(r, 5 + 2 * i);
		out->bytes[i] = stk_answer_span(r, 6 + 2 * i);
		if (out->sha1[i].len != STK_SHA1_CHARS)
			return STK_E_FORMAT;
	}
	out->n = got;
	out->more = stk_answer_int(r, 4) != 0;
	return STK_OK;
}

/* Takes over @r; what it points into lives until the store's next answer with bytes. */
static enum stk_err read_answer(struct stk_store *s, struct stk_reply *r, const struct stk_drain *d,
    const char *const *queues, size_t n, struct stk_drained *out, enum stk_answer *v)
{
	enum stk_err e = stk_answer_verdict(s, r, v);

	stk_reply_free(s->in_hand);
	s->in_hand = r;
	if (e != STK_OK || *v != STK_ANSWER_OK)
		return e;
	out->redis_full = (stk_answer_int(r, 1) & 1) != 0;
	out->area_full = (stk_answer_int(r, 1) & 2) != 0;
	read_counts(stk_answer_span(r, 2), d->n, out);
	return read_look(r, queues, n, out);
}

enum stk_err stk_store_drain(struct stk_store *s, const struct stk_drain *d,
    const char *const *queues, size_t n, size_t most, struct stk_drained *out, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	struct stk_call a;
	enum stk_err e;

	*v = STK_ANSWER_AGAIN;
	*out = (struct stk_drained){ 0 };
	if ((e = begin(s, d, queues, n, most, &a)) != STK_OK ||
	    (e = stk_call_run(s, &a, &r)) != STK_OK)
		return e;
	return read_answer(s, r, d, queues, n, out, v);
}

enum stk_err stk_store_drain_send(struct stk_store *s, const struct stk_drain *d,
    const char *const *queues, size_t n, size_t most)
{
	struct stk_call a;
	enum stk_err e = begin(s, d, queues, n, most, &a);

	return e == STK_OK ? stk_redis_send(s->link, a.v, a.n) : e;
}

enum stk_err stk_store_drain_hear(struct stk_store *s, const struct stk_drain *d,
    const char *const *queues, size_t n, struct stk_drained *out, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	enum stk_err e = stk_redis_answer(s->link, &r);

	*v = STK_ANSWER_AGAIN;
	*out = (struct stk_drained){ 0 };
	return e == STK_OK ? read_answer(s, r, d, queues, n, out, v) : e;
}

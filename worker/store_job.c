/*
 * store_job.c - store.h's words about a job: reserve and settle, alone or in one write.
 */
#include "worker/store.h"
#include "worker/store_call.h"
#include "worker/times.h"

#include <stdio.h>
#include <string.h>

#define STK_PARK_MAX 20000

/* Times and a ULID for the record of an element that is too large to keep. */
struct stamps {
	char iso[STK_TIME_BYTES], failed[STK_TIME_BYTES], ulid[STK_ULID_BYTES];
};

static enum stk_err reserve_args(
    struct stk_store *s, const char *const *queues, size_t n, struct stamps *t, struct stk_call *a)
{
	enum stk_err e = stk_queues_ok(queues, n);
	int64_t now_ms = stk_realtime_ms();

	if (e != STK_OK)
		return e;
	stk_time_iso(t->iso, now_ms / 1000);
	stk_time_failed(t->failed, now_ms / 1000);
	if ((e = stk_ulid(t->ulid, now_ms)) != STK_OK)
		return e;
	stk_call_start(a, s, STK_SCRIPT_RESERVE);
	stk_call_number(a, s->max_payload_bytes > 0 ? s->max_payload_bytes : STK_MAX_PAYLOAD);
	stk_call_text(a, t->iso);
	stk_call_text(a, t->failed);
	stk_call_text(a, t->ulid);
	stk_call_text(a, s->dynamic_queues ? "1" : "0");
	stk_call_queues(a, queues, n);
	return STK_OK;
}

/* The queue decides which signatures are asked for, so Redis may not make one up. */
static bool queue_known(const char *queue, const char *const *queues, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(queue, queues[i]) == 0)
			return true;
	return false;
}

/* A counter that somebody else may have written: never negative, never near an overflow. */
static int64_t count_of(int64_t v)
{
	return v < 0 ? 0 : v < 1 << 20 ? v : 1 << 20;
}

/* Takes @r, which becomes the owner of the parcel's bytes. */
static enum stk_err reserve_answer(struct stk_store *s, struct stk_reply *r,
    const char *const *queues, size_t n, struct stk_reserved *out, enum stk_answer *v)
{
	enum stk_err e = stk_answer_verdict(s, r, v);

	stk_reply_free(s->in_hand);
	s->in_hand = r;
	if (e != STK_OK)
		return e;
	out->next_due_ms = -1;
	if (*v == STK_ANSWER_STORE || *v == STK_ANSWER_FENCED)
		return STK_OK;
	out->n_oversize = stk_answer_int(r, 1);
	out->n_promoted = stk_answer_int(r, 2);
	if (*v == STK_ANSWER_EMPTY || *v == STK_ANSWER_PAUSED) {
		out->next_due_ms = r->n > 3 ? stk_answer_int(r, 3) : -1;
		out->paused = stk_answer_span(r, 4);
		out->n_ours = stk_answer_int(r, 5);
		out->n_known = stk_answer_int(r, 6);
	}
	if (*v != STK_ANSWER_JOB)
		return STK_OK;
	if (r->n != 9 || stk_answer_span(r, 4).len == 0 ||
	    stk_answer_span(r, 4).len > STK_QUEUE_MAX)
		return STK_E_FORMAT;
	out->parcel.seq = stk_answer_int(r, 3);
	stk_answer_copy(out->parcel.queue, sizeof(out->parcel.queue), stk_answer_span(r, 4));
	out->parcel.bytes = stk_answer_span(r, 5);
	out->tries = count_of(stk_answer_int(r, 6));
	out->recoveries = count_of(stk_answer_int(r, 7));
	out->again = stk_answer_int(r, 8) != 0;
	return out->parcel.seq > 0 && queue_known(out->parcel.queue, queues, n) ? STK_OK
										: STK_E_FORMAT;
}

enum stk_err stk_store_reserve(struct stk_store *s, const char *const *queues, size_t n,
    struct stk_reserved *out, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	struct stamps t;
	struct stk_call a;
	enum stk_err e;

	*out = (struct stk_reserved){ .next_due_ms = -1 };
	if ((e = reserve_args(s, queues, n, &t, &a)) != STK_OK ||
	    (e = stk_call_run(s, &a, &r)) != STK_OK)
		return e;
	return reserve_answer(s, r, queues, n, out, v);
}

static const char *const settle_texts[] = {
	[STK_SETTLE_OK] = "ok",
	[STK_SETTLE_FAIL] = "fail",
	[STK_SETTLE_RETRY] = "retry",
	[STK_SETTLE_HANDBACK] = "handback",
	[STK_SETTLE_PARK] = "park",
	[STK_SETTLE_QUARANTINE] = "quarantine",
	[STK_SETTLE_DROP] = "drop",
};

static bool settle_complete(const struct stk_settle *w)
{
	if (w->seq < 1 || (size_t)w->what >= STK_ARRAY_LEN(settle_texts) || w->delay_ms < 0)
		return false;
	if (w->what == STK_SETTLE_FAIL && w->record.len == 0)
		return false;
	if (w->note.len > 0 && (w->reason == NULL || !stk_key_text(w->reason, 64, "")))
		return false;
	if (w->job_id != NULL && !stk_key_text(w->job_id, 64, ""))
		return false;
	if ((w->judged || w->violated) && (w->principal == NULL || w->rule.window_ms < 6))
		return false;
	if (w->violated && w->job_id == NULL)
		return false;
	if (w->releases_of != NULL && ((w->what != STK_SETTLE_OK && w->what != STK_SETTLE_DROP) ||
					  !stk_key_text(w->releases_of, 64, "")))
		return false;
	if (w->result.len > 0 && (w->what != STK_SETTLE_OK || w->result_id == NULL ||
				     !stk_key_text(w->result_id, 64, "") || w->keep_ms < 1))
		return false;
	if (w->principal != NULL && !stk_key_text(w->principal, 1 + STK_QUEUE_MAX, ""))
		return false;
	return w->what != STK_SETTLE_QUARANTINE ||
	       (w->area != NULL && stk_key_text(w->area, STK_AREA_BYTES, "#") && w->entry.len > 0 &&
		   w->entry_id != NULL && stk_key_text(w->entry_id, 64, ""));
}

static enum stk_err settle_args(struct stk_store *s, const struct stk_settle *w, struct stk_call *a)
{
	if (!settle_complete(w))
		return STK_E_FORMAT;
	stk_call_start(a, s, STK_SCRIPT_SETTLE);
	stk_call_number(a, w->seq);
	stk_call_text(a, settle_texts[w->what]);
	stk_call_add(a, w->record);
	stk_call_number(a, w->delay_ms);
	stk_call_text(a, w->job_id);
	stk_call_number(a, w->park_max > 0 ? w->park_max : STK_PARK_MAX);
	stk_call_text(a, w->area);
	stk_call_text(a, w->job_id != NULL ? w->job_id : w->entry_id);
	stk_call_add(a, w->entry);
	stk_call_number(a, w->max_entries > 0 ? w->max_entries : STK_UNAUTH_MAX_ENTRIES);
	stk_call_number(a, w->max_bytes > 0 ? w->max_bytes : STK_UNAUTH_MAX_BYTES);
	stk_call_text(a, w->reason);
	stk_call_add(a, w->note);
	stk_call_text(a, w->principal);
	stk_call_number(a, w->own_park_max > 0 ? w->own_park_max : STK_PARK_MAX);
	stk_call_number(a, w->slot_ms);
	stk_call_number(a, w->own_quarantine_max);
	stk_call_text(a, w->judged ? "1" : "0");
	stk_call_text(a, w->violated ? "1" : "0");
	stk_call_number(a, w->rule.window_ms);
	stk_call_number(a, w->rule.violations);
	stk_call_number(a, w->rule.ratio);
	stk_call_number(a, w->rule.least);
	stk_call_number(a, w->rule.hold_ms);
	stk_call_number(a, w->rule.trial_ms);
	stk_call_add(a, w->result);
	stk_call_text(a, w->result_id);
	stk_call_number(a, w->keep_ms);
	stk_call_number(a, w->results_max);
	stk_call_number(a, w->results_max_bytes);
	stk_call_text(a, w->releases_of);
	stk_call_text(a, w->forget_releases ? "0" : "1");
	return STK_OK;
}

static enum stk_err settle_answer(
    struct stk_store *s, const struct stk_reply *r, enum stk_answer *v)
{
	enum stk_err e = stk_answer_verdict(s, r, v);

	s->filed_before = e == STK_OK && *v == STK_ANSWER_OK && stk_answer_int(r, 6) != 0;
	s->n_released = e == STK_OK && *v == STK_ANSWER_OK ? stk_answer_int(r, 5) : 0;
	s->result_kept = e == STK_OK && *v == STK_ANSWER_OK && stk_answer_int(r, 4) == 1;
	s->opened = e == STK_OK && *v == STK_ANSWER_OK && stk_answer_int(r, 3) != 0;
	s->area_full = e == STK_OK && *v == STK_ANSWER_OK && stk_answer_int(r, 2) != 0;
	return e;
}

static enum stk_err settle_alone(struct stk_store *s, struct stk_call *a, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	enum stk_err e = stk_call_run(s, a, &r);

	if (e == STK_OK)
		e = settle_answer(s, r, v);
	stk_reply_free(r);
	return e;
}

enum stk_err stk_store_settle(
    struct stk_store *s, const struct stk_settle *what, enum stk_answer *v)
{
	struct stk_call a;
	enum stk_err e = settle_args(s, what, &a);

	return e != STK_OK ? e : settle_alone(s, &a, v);
}

static bool settled_for_good(enum stk_answer v)
{
	return v == STK_ANSWER_OK || v == STK_ANSWER_ALREADY || v == STK_ANSWER_STALE;
}

enum stk_err stk_store_settle_and_reserve(struct stk_store *s, const struct stk_settle *what,
    enum stk_answer *settled, const char *const *queues, size_t n, struct stk_reserved *out,
    enum stk_answer *next)
{
	struct stk_reply *r[2] = { NULL, NULL };
	struct stk_call settle, reserve;
	struct stamps t;
	enum stk_err e;

	*next = STK_ANSWER_AGAIN;
	if ((e = settle_args(s, what, &settle)) != STK_OK ||
	    (e = reserve_args(s, queues, n, &t, &reserve)) != STK_OK ||
	    (e = stk_call_load(s, &settle)) != STK_OK || (e = stk_call_load(s, &reserve)) != STK_OK)
		return e;
	const struct stk_redis_command both[2] = { { settle.v, settle.n },
		{ reserve.v, reserve.n } };

	int64_t since = stk_call_clock(s);

	if ((e = stk_redis_pipeline(s->link, both, 2, r)) != STK_OK)
		return e;
	stk_call_took(s, STK_SCRIPT_SETTLE, since);
	/* what Redis refused (NOSCRIPT, BUSY, ...) is asked again alone; each call is safe to
	 * repeat */
	bool again = r[0]->type == STK_REPLY_ERROR || r[1]->type == STK_REPLY_ERROR;

	e = r[0]->type == STK_REPLY_ERROR ? settle_alone(s, &settle, settled)
					  : settle_answer(s, r[0], settled);
	if (e == STK_OK && settled_for_good(*settled)) {
		if (again) {
			stk_reply_free(r[1]);
			e = stk_call_run(s, &reserve, &r[1]);
		}
		if (e == STK_OK) {
			*out = (struct stk_reserved){ .next_due_ms = -1 };
			e = reserve_answer(s, r[1], queues, n, out, next);
			r[1] = NULL;
		}
	}
	stk_reply_free(r[0]);
	stk_reply_free(r[1]);
	return e;
}

void stk_area_unauthenticated(char *out, const char *queue)
{
	(void)snprintf(out, STK_AREA_BYTES, "quarantine:%s", queue);
}

void stk_area_signed(char *out, const char *queue, const char *reason)
{
	(void)snprintf(out, STK_AREA_BYTES, "quarantine:%s#%s", queue, reason);
}

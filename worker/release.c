/*
 * release.c - the pre-signed jobs that a job which is Done wants to follow it. The handler's word
 * is an enemy's: each is judged as any job of its queue, must have stood among this job's own
 * signed arguments, and is written down before the ledger hears of the success, so that neither a
 * crash nor a second run makes two of it or none.
 */
#include "worker/envelope.h"
#include "worker/payload.h"
#include "worker/scan.h"
#include "worker/seal.h"
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

/* Refusals that are not a verdict of PROTOCOL.md: stable names. */
#define FOREIGN  "RELEASE_FOREIGN"
#define NO_QUEUE "RELEASE_QUEUE"
#define NO_ROOM  "RELEASE_NO_MEMORY"

/* One of them on its way: judged, and where it goes. */
struct follower {
	struct stk_span payload; /* borrowed from the outcome */
	struct stk_admission a;  /* owned */
	char queue[STK_QUEUE_MAX + 1];
	const char *refused; /* a name, or NULL */
};

/* The first queue of a header that was parsed before. */
static bool first_queue(const char *header, char out[static STK_QUEUE_MAX + 1])
{
	struct stk_envelope e;

	if (stk_envelope_parse(stk_span_str(header), &e) != STK_V_ACCEPT || e.n_queues == 0 ||
	    e.queues[0].len > STK_QUEUE_MAX)
		return false;
	memcpy(out, e.queues[0].p, e.queues[0].len);
	out[e.queues[0].len] = '\0';
	return stk_queue_ok(out);
}

/* Its signature is one of a kind: where it stands in the arguments the job itself stood. */
static bool among(struct stk_span args, struct stk_span payload)
{
	struct stk_payload p = { 0 };
	uint8_t text[STK_SIG_TEXT_MAX + 1];
	size_t len;

	if (stk_payload_scan(payload, &p) != STK_V_ACCEPT)
		return false;
	len = stk_json_unescape(p.signature, text, sizeof(text));
	return len > 0 && len <= STK_SIG_TEXT_MAX && memmem(args.p, args.len, text, len) != NULL;
}

/* It need not be due yet, nor compiled in here: then it waits as any job that was pushed. */
static bool good(enum stk_verdict v)
{
	return v == STK_V_ACCEPT || v == STK_V_D_NOT_BEFORE || v == STK_V_D_CLASS_ABSENT;
}

static void judge(struct stk_worker *w, const struct stk_ticket *t, struct follower *f)
{
	struct stk_parcel p = { .bytes = f->payload };
	enum stk_verdict v;

	if (f->payload.len == 0) {
		f->refused = NO_ROOM;
		return;
	}
	/* in no queue at all: how far it comes says what its header is */
	v = stk_admit(&w->gate, &p, stk_worker_now_s(), &f->a);
	if (f->a.authenticated && first_queue(f->a.header, f->queue)) {
		stk_admission_clear(&f->a);
		(void)snprintf(p.queue, sizeof(p.queue), "%s", f->queue);
		v = stk_admit(&w->gate, &p, stk_worker_now_s(), &f->a);
	}
	if (!good(v) || !f->a.authenticated)
		f->refused = good(v) ? stk_verdict_text(STK_V_E_UNSIGNED) : stk_verdict_text(v);
	else if (!among(stk_ticket_args(t), f->payload))
		f->refused = FOREIGN;
}

/* In the log and in the audit trail, what was asked and what came of it. */
static void tell(struct stk_worker *w, const struct stk_ticket *t, const struct follower *f)
{
	bool known = f->a.authenticated;
	struct stk_trail_release r = { .job_id = w->job_id,
		.class_name = stk_ticket_class(t),
		.verdict = f->refused != NULL ? f->refused : "RELEASED",
		.queue = f->queue,
		.kid = known ? f->a.kid : "",
		.principal = known ? f->a.principal : "",
		.released_class = known ? f->a.cls : "" };
	struct stk_jw *line;

	if (known)
		stk_hex(f->a.job_id, sizeof(f->a.job_id), r.released);
	line =
	    f->refused == NULL
		? stk_log_start(STK_LOG_INFO, "job.released", "success",
		      "%s is done and releases a job that came signed among its arguments",
		      stk_ticket_class(t))
		: stk_log_start(STK_LOG_WARN, "job.release_refused", "failure",
		      "%s: the job that %s wants to release is refused, so it fails itself: look "
		      "at what its producer put among its arguments",
		      f->refused, stk_ticket_class(t));
	if (f->refused != NULL)
		stk_jw_cstr(line, "event.reason", f->refused);
	stk_worker_say_job(w, line);
	if (known) {
		stk_jw_cstr(line, "stockade.released_id", r.released);
		stk_jw_cstr(line, "stockade.released_class", f->a.cls);
		stk_jw_cstr(line, "stockade.released_to", f->queue);
	}
	stk_log_end();
	stk_trail_release(&w->trail, &r);
	if (f->refused != NULL)
		w->counters.releases_refused++;
}

static void refuse(struct stk_outcome *o, const char *name)
{
	o->name = STK_OUT_RELEASE_REFUSED;
	free(o->message);
	o->message = NULL;
	o->message_len = 0;
	(void)snprintf(o->why, sizeof(o->why),
	    "%s: a job that it wanted to release was refused, so nothing was released and it "
	    "counts as failed; `stockade explain` says why such a payload is refused",
	    name);
}

/* As long as the ledger remembers that the job is done, and a copy of it could still come. */
static int64_t stage_ms(const struct stk_ticket *t)
{
	int64_t left = stk_ticket_plain(t) ? 0 : stk_ticket_exp_s(t) - stk_worker_now_s();

	return DAY_MS + (left > 0 ? left * 1000 : 0);
}

static enum stk_release_end stage(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_ticket *t, struct follower *f, size_t n)
{
	struct stk_staged what[STK_RELEASES_MAX];
	enum stk_answer v = STK_ANSWER_OK;
	enum stk_err e;

	for (size_t i = 0; i < n; i++)
		what[i] = (struct stk_staged){ f[i].queue, f[i].payload };
	do
		e = stk_store_stage(&w->store, r->parcel.seq, w->job_id, stage_ms(t), what, n, &v);
	while (stk_life_again(&w->life, e, true));
	if (e == STK_OK && v == STK_ANSWER_FENCED)
		w->life.fenced = true;
	if (e == STK_OK && v == STK_ANSWER_STORE) {
		f[0].refused = NO_QUEUE;
		return STK_RELEASE_REFUSED;
	}
	return e == STK_OK && v == STK_ANSWER_OK ? STK_RELEASE_STAGED : STK_RELEASE_NOT_NOW;
}

enum stk_release_end stk_worker_stage_releases(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_ticket *t, struct stk_outcome *o)
{
	static struct follower f[STK_RELEASES_MAX]; /* large: one job at a time */
	enum stk_release_end end = STK_RELEASE_STAGED;
	const char *refused = NULL;
	size_t n = o->name == STK_OUT_DONE ? o->n_releases : 0;

	if (n == 0)
		return STK_RELEASE_NONE;
	memset(f, 0, sizeof(f));
	for (size_t i = 0; i < n; i++) {
		f[i].payload = o->releases[i];
		judge(w, t, &f[i]);
		if (refused == NULL)
			refused = f[i].refused;
	}
	if (refused == NULL)
		end = stage(w, r, t, f, n);
	for (size_t i = 0; i < n; i++) {
		if (refused == NULL)
			refused = f[i].refused;
		if (end != STK_RELEASE_NOT_NOW && (f[i].refused != NULL || refused == NULL))
			tell(w, t, &f[i]);
		stk_admission_clear(&f[i].a);
	}
	if (refused == NULL)
		return end;
	refuse(o, refused);
	return STK_RELEASE_REFUSED;
}

void stk_worker_released(struct stk_worker *w)
{
	w->counters.released += (uint64_t)w->store.n_released;
}

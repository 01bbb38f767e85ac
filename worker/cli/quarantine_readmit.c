/*
 * quarantine_readmit.c - `stockade quarantine readmit`: refused jobs back into their queues. A job
 * that a worker would admit now goes back unchanged, in one script that takes it out of its area;
 * any other is signed again with an operator's key, if one was given and the job's own signature is
 * genuine. Workers get no word of it and judge it anew.
 */
#include "worker/admit.h"
#include "worker/cli/quarantine.h"
#include "worker/jsonw.h"
#include "worker/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct readmit {
	struct stk_keyring *ring;
	struct stk_class_table no_classes; /* which classes there are is for the worker to say */
	struct stk_gate gate;
	struct stk_resigner signer;
	bool signs;
	int64_t now_s;
	int64_t n_same, n_again, n_left;
	bool not_asked; /* there was no ledger to ask */
	int code;       /* of what ended the walk */
};

/* What is to become of one entry. */
struct fate {
	bool taken;       /* somebody else took it meanwhile */
	const char *left; /* why it stays: a stable name; NULL: it goes */
	const char *why;  /* and the sentence */
	char queue[STK_QUEUE_MAX + 1];
	struct stk_span payload;
	struct stk_signed job; /* signed again: job.payload is owned */
	bool late;             /* its record of runs may be gone */
};

static void stays(struct fate *f, const char *name, const char *why)
{
	f->left = name;
	f->why = why;
}

static void is_taken(struct fate *f)
{
	f->taken = true;
	stays(f, "STALE", "somebody took it meanwhile");
}

static void stays_by(struct fate *f, enum stk_verdict v)
{
	stays(f, stk_verdict_text(v), stk_verdict_sentence(v));
}

static bool would_run(enum stk_verdict v)
{
	return v == STK_V_ACCEPT || v == STK_V_D_CLASS_ABSENT || v == STK_V_D_NOT_BEFORE;
}

static enum stk_verdict judge(
    const struct readmit *r, const char *queue, struct stk_span bytes, struct stk_admission *a)
{
	struct stk_parcel parcel = { .bytes = bytes };

	(void)snprintf(parcel.queue, sizeof(parcel.queue), "%s", queue);
	return stk_admit(&r->gate, &parcel, r->now_s, a);
}

/* --- what its runs came to -------------------------------------------------------------------- */

/* False: it stays. *@v becomes E_RUNS_EXHAUSTED where only a new signature helps. */
static bool past_allows(struct readmit *r, const struct stk_quarantine *q,
    const struct stk_old_job *old, enum stk_verdict *v, struct fate *f)
{
	switch (stk_readmit_past(q->config, old->job_id, old->env.exp_s, old->env.runs)) {
	case STK_PAST_NEW: return true;
	case STK_PAST_NOT_ASKED: r->not_asked = true; return true;
	case STK_PAST_SPENT: *v = STK_V_E_RUNS_EXHAUSTED; return true;
	case STK_PAST_DONE: stays(f, "DONE", "it succeeded already; drop this copy"); return false;
	case STK_PAST_BUSY: stays_by(f, STK_V_D_BUSY); return false;
	case STK_PAST_AWAY: break;
	}
	stays_by(f, STK_V_D_LEDGER_DOWN);
	return false;
}

/* --- signing again ---------------------------------------------------------------------------- */

/* Whoever stole a key could sign with it: only a person who named it means these jobs. */
static bool means_revoked(const struct stk_quarantine *q)
{
	return q->id != NULL || q->old_kid != NULL || q->area != NULL ||
	       (q->reason != NULL && strcmp(q->reason, stk_verdict_text(STK_V_E_KEY_REVOKED)) == 0);
}

static void sign_again(struct readmit *r, const struct stk_quarantine *q,
    const struct stk_old_job *old, const char *queue, struct fate *f)
{
	struct stk_admission a;
	enum stk_verdict v;

	f->late = r->now_s >= old->env.exp_s + STK_READMIT_WINDOW_S;
	if (f->late && q->id == NULL) {
		stays(f, "TOO_OLD",
		    "it ended more than 24 h ago, so nobody remembers whether it ran; readmit it "
		    "alone, "
		    "by --id");
		return;
	}
	if (stk_resign(&r->signer, old, r->now_s, &f->job) != 0) {
		stays(f, "NOT_SIGNED", "it could not be signed again");
		return;
	}
	(void)snprintf(f->queue, sizeof(f->queue), "%s",
	    stk_envelope_names_queue(&old->env, stk_span_str(queue)) ? queue : f->job.queue);
	f->payload = stk_span_of(f->job.payload, f->job.payload_len);
	v = judge(r, f->queue, f->payload, &a);
	stk_admission_clear(&a);
	if (!would_run(v))
		stays_by(f, v); /* the operator's own grants do not reach so far */
}

/* Takes the payload apart again; its header and body are within bounds, since it was judged. */
static bool take_apart(const struct readmit *r, struct stk_span raw, const struct stk_admission *a,
    struct stk_old_job *out)
{
	struct stk_payload p;
	bool nomem = false;

	*out = (struct stk_old_job){ 0 };
	if (stk_payload_scan(raw, &p) != STK_V_ACCEPT ||
	    stk_message_decode(&p, r->gate.max_body_bytes, &out->msg, &out->env, &nomem) !=
		STK_V_ACCEPT)
		return false;
	stk_hex(a->job_id, sizeof(a->job_id), out->job_id);
	return true;
}

/* Its own signature is genuine; @v is what a worker would say of it now. */
static void decide_genuine(struct readmit *r, const struct stk_quarantine *q,
    const struct stk_kept_entry *kept, const struct stk_old_job *old, enum stk_verdict v,
    struct stk_span raw, struct fate *f)
{
	if (would_run(v)) {
		(void)snprintf(f->queue, sizeof(f->queue), "%s", kept->queue);
		f->payload = raw;
	} else if (!r->signs) {
		stays_by(f, v);
	} else if (v == STK_V_E_KEY_REVOKED && !means_revoked(q)) {
		stays(f, "E_KEY_REVOKED",
		    "whoever held the revoked key could have signed it; look at it (show), then "
		    "name --id, --area, --old-kid or --reason E_KEY_REVOKED");
	} else {
		sign_again(r, q, old, kept->queue, f);
	}
}

static void decide(struct readmit *r, const struct stk_quarantine *q,
    const struct stk_kept_entry *kept, struct stk_span raw, struct fate *f)
{
	struct stk_admission a;
	struct stk_old_job old = { 0 };
	enum stk_verdict v = judge(r, kept->queue, raw, &a);

	if (a.nomem || !a.signature_valid || !take_apart(r, raw, &a, &old))
		stays_by(f, v); /* nobody vouched for it */
	else if (past_allows(r, q, &old, &v, f))
		decide_genuine(r, q, kept, &old, v, raw, f);
	stk_message_clear(&old.msg);
	stk_admission_clear(&a);
}

/* --- one entry -------------------------------------------------------------------------------- */

static void tell(
    const struct stk_quarantine *q, const struct stk_quarantined *e, const struct fate *f)
{
	const char *id = e->kept.job[0] != '\0' ? e->kept.job : e->member;
	const char *what = f->taken                 ? "taken"
			   : f->left != NULL        ? "left"
			   : f->job.payload != NULL ? "resigned"
						    : "readmitted";
	struct stk_jw w;

	if (!q->shared.json) {
		(void)printf("%-10s %s", what, id[0] == '\0' ? "-" : id);
		if (f->left != NULL)
			(void)printf("  %s: %s\n", f->left, f->why);
		else
			(void)printf("  to %s%s%s\n", f->queue,
			    f->job.payload != NULL ? " as " : "",
			    f->job.payload != NULL ? f->job.job_id : "");
		return;
	}
	stk_jw_init(&w, 8192);
	stk_jw_open(&w, NULL, '{');
	stk_jw_cstr(&w, "result", what);
	stk_jw_cstr(&w, "area", e->area);
	stk_jw_cstr(&w, "id", id);
	stk_jw_cstr(&w, f->left != NULL ? "reason" : "queue", f->left != NULL ? f->left : f->queue);
	if (f->left == NULL && f->job.payload != NULL)
		stk_jw_cstr(&w, "new_job", f->job.job_id);
	stk_jw_bool(&w, "late", f->late);
	stk_jw_close(&w, '}');
	(void)puts(w.buf);
	stk_jw_clear(&w);
}

static bool record(struct stk_quarantine *q, const struct stk_quarantined *e, const struct fate *f,
    const char *kid, bool undone)
{
	struct stk_jw *w = stk_quarantine_record(q, "readmit", e);

	stk_jw_cstr(w, "to", f->queue);
	if (f->job.payload != NULL) {
		stk_jw_cstr(w, "new_job", f->job.job_id);
		stk_jw_cstr(w, "new_kid", kid);
	}
	if (f->late)
		stk_jw_bool(w, "late", true);
	if (undone)
		stk_jw_bool(w, "undone", true);
	return stk_quarantine_recorded(q);
}

/* It is not the entry that was judged: is it still there, because another copy of the job came? */
static void find_out(
    struct readmit *r, struct stk_quarantine *q, const struct stk_quarantined *e, struct fate *f)
{
	struct stk_kept_entry kept;
	char digest[41];

	r->code = stk_quarantine_fetch(q, e, &kept, digest);
	if (r->code == STK_EX_NOINPUT)
		is_taken(f);
	else
		stays(f, "STALE", "another copy of it was refused meanwhile; try again");
	r->code = r->code == STK_EX_REDIS ? r->code : 0;
}

/* True: it is in its queue. */
static bool put_back(struct readmit *r, struct stk_quarantine *q, const struct stk_quarantined *e,
    const char *digest, struct fate *f)
{
	const char *kid = f->job.payload != NULL ? r->signer.key->kid : NULL;
	enum stk_answer v = STK_ANSWER_OK;

	if (f->late)
		(void)stk_complain(0,
		    "warning: %s ended more than 24 h ago; whether it ran is not recorded any more",
		    e->kept.job[0] != '\0' ? e->kept.job : e->member);
	if (!record(q, e, f, kid, false)) {
		r->code = STK_EX_OS;
		return false;
	}
	r->code = stk_quarantine_told(q,
	    stk_store_area_release(&q->store, e->area, e->member, digest, f->queue, f->payload, &v),
	    &v);
	if (r->code == 0 && v == STK_ANSWER_OK)
		return true;
	if (r->code == 0)
		find_out(r, q, e, f);
	if (!record(q, e, f, kid, true))
		r->code = STK_EX_OS;
	return false;
}

static enum stk_walk readmit_one(
    struct stk_quarantine *q, const struct stk_quarantined *e, void *ctx)
{
	STK_AUTO_FREE uint8_t *raw = NULL;
	struct stk_quarantined whole = *e;
	struct fate f = { .payload = stk_span_of("", 0) };
	struct readmit *r = ctx;
	char digest[41];
	bool gone = false;
	size_t len = 0;

	r->code = stk_quarantine_fetch(q, e, &whole.kept, digest);
	if (r->code == STK_EX_REDIS)
		return STK_WALK_STOP;
	if (r->code == STK_EX_NOINPUT && e->length > 0)
		is_taken(&f);
	else if (!whole.kept.ours || stk_kept_payload(&whole.kept, &raw, &len) != STK_OK)
		stays(&f, "NOT_WHOLE", "the payload was not kept whole, or was changed since");
	else
		decide(r, q, &whole.kept, stk_span_of(raw, len), &f);
	r->code = 0;
	whole.kept.raw_b64 = stk_span_of("", 0);
	if (f.left == NULL)
		gone = put_back(r, q, &whole, digest, &f);
	if (r->code == 0) {
		tell(q, &whole, &f);
		r->n_left += !gone && !f.taken;
		r->n_same += gone && f.job.payload == NULL;
		r->n_again += gone && f.job.payload != NULL;
	}
	stk_signed_clear(&f.job);
	if (r->code != 0)
		return STK_WALK_STOP;
	return gone || f.taken ? STK_WALK_GONE : STK_WALK_ON;
}

/* --- the command ------------------------------------------------------------------------------ */

static int prepare(struct readmit *r, struct stk_quarantine *q)
{
	struct stk_conf_error e = { 0 };
	int code = 0;

	*r = (struct readmit){ .now_s = (int64_t)time(NULL), .signs = q->key != NULL };
	if (stk_policy_load(q->config->policy, &r->ring, &e) != STK_OK)
		return stk_complain(STK_EX_CONFIG, "%s", e.sentence);
	r->gate = (struct stk_gate){ .ring = r->ring,
		.classes = &r->no_classes,
		.max_payload_bytes = (size_t)q->config->max_payload_bytes,
		.max_body_bytes = (size_t)q->config->max_body_bytes,
		.skew_s = q->config->skew_ms / 1000,
		.class_absent_defers = true };
	r->signer.ttl_s = q->ttl_s;
	if (r->signs)
		code = stk_resigner_open(&r->signer, r->ring, q->key, q->kid);
	return code != 0 ? code : stk_quarantine_trail_open(q, r->ring);
}

static int sum_up(const struct stk_quarantine *q, const struct readmit *r)
{
	char text[160];

	(void)snprintf(text, sizeof(text),
	    "%" PRId64 " readmitted unchanged, %" PRId64 " signed again, %" PRId64
	    " left where they are%s",
	    r->n_same, r->n_again, r->n_left, q->cut ? "; there may be more" : "");
	if (!q->shared.json)
		(void)puts(text);
	if (r->not_asked && r->n_again > 0)
		(void)stk_complain(0,
		    "there is no ledger: whether a job that was signed again had run could not be "
		    "asked");
	if (q->matched > 0)
		stk_quarantine_log(
		    q, "quarantine.readmitted", text, r->n_same + r->n_again, r->n_left);
	if (q->matched == 0 && q->id != NULL)
		return stk_complain(
		    STK_EX_NOINPUT, "no such entry; `quarantine list` has the areas");
	return r->n_left > 0 ? 1 : 0;
}

int stk_quarantine_readmit(struct stk_quarantine *q)
{
	struct readmit r;
	int code = prepare(&r, q);

	if (code == 0)
		code = stk_quarantine_walk(q, readmit_one, &r);
	if (code == 0)
		code = r.code != 0 ? r.code : sum_up(q, &r);
	stk_resigner_close(&r.signer);
	stk_keyring_free(r.ring);
	return code;
}

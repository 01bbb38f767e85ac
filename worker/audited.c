/*
 * audited.c - the worker and its audit trail: opened after the policy, begun before the first job,
 * and no job without its decision in it. What cannot be written is waited for, by name.
 */
#include "worker/hidden.h"
#include "worker/worker.h"

#include "worker/cli/cli.h"

#define TRIES 4 /* seconds, less than the lease's grace */

/* The chain goes on where the predecessor of this slot left it. */
int stk_worker_trail_open(struct stk_worker *w, const struct stk_worker_start *start)
{
	const struct stk_audit_options o = { .dir = w->config->audit_dir,
		.key_file = w->config->audit_key_file,
		.slot = start->slot,
		.max_bytes = w->config->audit_file_max_bytes,
		.ring = w->ring,
		.look = w->rehearsal };
	int code = stk_hidden_check(w->config, o.dir);
	enum stk_err e;

	if (code == 0)
		code = stk_hidden_check(w->config, o.key_file);
	if (code != 0)
		return code;
	e = stk_audit_open(&w->trail.audit, &o);
	if (e != STK_OK)
		return stk_complain(e == STK_E_SYSTEM ? STK_EX_OS : STK_EX_CONFIG,
		    "the audit trail cannot be kept: %s", w->trail.audit.why);
	stk_trail_policy(&w->trail, w->ring);
	return 0;
}

/* The trail says under which policy this worker decides before it decides anything. */
int stk_worker_trail_begin(struct stk_worker *w)
{
	if (stk_trail_note(&w->trail, "start", w->store.id))
		return 0;
	return stk_complain(STK_EX_OS, "the audit trail cannot be written: %s", w->trail.audit.why);
}

static void log_trail(struct stk_worker *w, bool lost)
{
	struct stk_jw *line;

	if (lost == w->trail_lost)
		return;
	w->trail_lost = lost;
	w->counters.audits_lost += lost;
	if (lost) {
		line = stk_log_start(STK_LOG_ERROR, "audit.lost", "failure",
		    "AUDIT_LOST: the audit trail in %s cannot be written (%s); no job starts until "
		    "it can: free the disk or mend the directory",
		    w->config->audit_dir, w->trail.audit.why);
		stk_jw_cstr(line, "event.reason", "AUDIT_LOST");
	} else {
		(void)stk_log_start(STK_LOG_WARN, "audit.back", "success",
		    "the audit trail is written again; work goes on");
	}
	stk_log_end();
}

/* Said once for each file, at the next decision. */
static void log_taken(struct stk_worker *w)
{
	struct stk_audit *a = &w->trail.audit;
	char name[STK_AUDIT_NAME_MAX];
	struct stk_jw *line;

	if (a->tell_lost == 0)
		return;
	stk_audit_name(a->slot, a->tell_lost, name);
	a->tell_lost = 0;
	w->counters.audits_taken++;
	line = stk_log_start(STK_LOG_ERROR, "audit.taken", "failure",
	    "AUDIT_TAKEN: %s in %s was removed or cut while this worker wrote it: its lines are "
	    "gone; the "
	    "trail goes on in another file, which names it. Find out who did it; `stockade audit "
	    "verify` "
	    "says from where on the trail is not whole",
	    name, w->config->audit_dir);
	stk_jw_cstr(line, "event.reason", "AUDIT_TAKEN");
	stk_log_end();
}

bool stk_worker_audited(
    struct stk_worker *w, const struct stk_reserved *r, const struct stk_admission *a)
{
	const struct stk_ticket *t = a->ticket;
	struct stk_decision d = {
		.verdict = a->verdict,
		.queue = r->parcel.queue,
		.seq = r->parcel.seq,
		.job_id = w->job_id,
		.kid = a->kid,
		.principal = a->principal,
		.class_name = a->cls,
		.sha256 = w->sha256,
	};
	uint8_t digest[STK_SHA256_LEN];

	if (t != NULL) {
		d.ref = stk_ticket_ref(t);
		d.runs = stk_ticket_runs(t);
		d.run = (uint32_t)w->run;
		d.args = stk_ticket_args(t);
	}
	stk_sha256(r->parcel.bytes, digest);
	stk_hex(digest, sizeof(digest), w->sha256);
	for (int tries = 0; !stk_trail_decide(&w->trail, &d); tries++) {
		log_trail(w, true);
		stk_life_wait(&w->life, 1000);
		/* its lease runs meanwhile: it goes back with its run, and is asked for anew */
		if (tries == TRIES || w->life.stop != STK_STOP_NO || w->life.fenced)
			return false;
	}
	log_trail(w, false);
	log_taken(w);
	return true;
}

void stk_worker_trail_end(struct stk_worker *w)
{
	if (!stk_trail_note(&w->trail, "stop", w->store.id))
		log_trail(w, true);
}

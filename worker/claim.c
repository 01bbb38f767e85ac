/*
 * claim.c - between a ticket and its run: the ledger's word that it may start, and after the run
 * the ledger's record of how it ended. Order, also on one Redis: claim, show, GO, finish, settle.
 *
 * Asked after the signature and the policy, so that forged jobs spend nobody's budget, and answered
 * before any limiter for jobs that ran already, so that replays spend none either.
 */
#include "worker/worker.h"

#include "worker/pressure.h"

#include <stdio.h>
#include <string.h>

#define LEASE_GRACE_MS 10000
#define BUSY_MORE_MS   1000 /* beyond a lease, so that one look finds it ended */

/* What each answer is called, and how the ledger itself is named when it gave none. */
static enum stk_verdict verdict_of(enum stk_answer v)
{
	switch ((int)v) {
	case STK_ANSWER_RUN: return STK_V_ACCEPT;
	case STK_ANSWER_BUSY: return STK_V_D_BUSY;
	case STK_ANSWER_RATE: return STK_V_D_RATE;
	case STK_ANSWER_DONE: return STK_V_R_REPLAY_DONE;
	case STK_ANSWER_EXHAUSTED: return STK_V_E_RUNS_EXHAUSTED;
	case STK_ANSWER_OLD: return STK_V_E_BEFORE_LEDGER;
	case STK_ANSWER_BLOCKED: return STK_V_E_BLOCKED;
	case STK_ANSWER_CORRUPT: return STK_V_E_LEDGER_CORRUPT;
	default: return STK_V_D_LEDGER_DOWN;
	}
}

/* Wall limit, then TERM to KILL, then what starting and recording take: no renewal is needed. */
static int64_t lease_ms(const struct stk_worker *w, const struct stk_ticket *t)
{
	struct stk_limits l =
	    stk_config_clamp(w->config, &w->cage.table.classes[stk_ticket_class_index(t)].ask);

	return (int64_t)l.wall_ms + w->config->term_timeout_ms + LEASE_GRACE_MS;
}

static void fill_claim(
    struct stk_worker *w, const struct stk_reserved *r, const struct stk_ticket *t)
{
	stk_rates_for(
	    w->ring, stk_ticket_principal(t), stk_ticket_class(t), r->parcel.queue, &w->rates);
	w->claim = (struct stk_claim){
		.seq = r->parcel.seq,
		.over = w->over,
		/* an unsigned job has no runs to count: only the limiters are asked */
		.job_id = stk_ticket_plain(t) ? "" : w->job_id,
		.exp_s = stk_ticket_exp_s(t),
		.runs = stk_ticket_runs(t),
		.iat_s = stk_ticket_iat_s(t),
		.lease_ms = lease_ms(w, t),
		.factor = stk_pressure_factor(&w->pressure),
		.rates = &w->rates,
	};
	w->claim.keep_s =
	    STK_READMIT_WINDOW_S + (2 * w->config->skew_ms + w->claim.lease_ms) / 1000;
}

enum stk_verdict stk_worker_claim(
    struct stk_worker *w, const struct stk_reserved *r, struct stk_admission *a)
{
	struct stk_claimed got = { 0 };
	enum stk_answer v = STK_ANSWER_LOST;
	enum stk_err e;

	fill_claim(w, r, a->ticket);
	memcpy(w->ledger.ledger.call.instance, w->store.instance, sizeof(w->store.instance));
	/* a reply that was lost is asked for again: the same seq gets the same run */
	do {
		e = stk_ledger_sure(w);
		if (e == STK_OK && w->ledger.trouble != STK_LEDGER_NONE)
			break;
		if (e == STK_OK)
			e = stk_ledger_claim(&w->ledger.ledger, &w->claim, &got, &v);
	} while (stk_ledger_again(w, e, false));
	if (e != STK_OK || w->ledger.trouble != STK_LEDGER_NONE)
		return a->verdict = STK_V_D_LEDGER_DOWN;
	if (v == STK_ANSWER_LOST || v == STK_ANSWER_STORE)
		stk_ledger_distrust(w, v == STK_ANSWER_LOST ? STK_LEDGER_LOST : STK_LEDGER_STORE);
	w->run = stk_ticket_plain(a->ticket) ? r->tries + r->recoveries + 1 : got.run;
	a->wait_ms = got.wait_ms + (v == STK_ANSWER_BUSY ? BUSY_MORE_MS : 0);
	a->slot_ms = got.interval_ms;
	(void)snprintf(a->limiter, sizeof(a->limiter), "%s", got.limiter);
	return a->verdict = verdict_of(v);
}

static enum stk_finish finish_of(const struct stk_outcome *o)
{
	if (!o->started)
		return STK_FINISH_UNUSED;
	return o->name == STK_OUT_DONE || o->name == STK_OUT_SKIPPED ? STK_FINISH_DONE
								     : STK_FINISH_FAILED;
}

static bool finish(struct stk_worker *w, enum stk_finish what)
{
	enum stk_answer v = STK_ANSWER_OK;
	enum stk_err e;

	do
		e = stk_ledger_finish(&w->ledger.ledger, &w->claim, w->run, what, &v);
	while (stk_ledger_again(w, e, true));
	if (e != STK_OK)
		return false;
	if (v == STK_ANSWER_STORE)
		stk_ledger_distrust(w, STK_LEDGER_STORE);
	if (v != STK_ANSWER_STALE && v != STK_ANSWER_STORE)
		return true;
	w->counters.finish_stale++;
	return false;
}

bool stk_worker_finish(struct stk_worker *w, const struct stk_outcome *o)
{
	return finish(w, finish_of(o));
}

void stk_worker_unclaim(struct stk_worker *w)
{
	(void)finish(w, STK_FINISH_UNUSED);
}

void stk_worker_look_at_pressure(struct stk_worker *w)
{
	struct stk_jw *line;

	if (!w->config->adaptive_rates || !stk_pressure_look(&w->pressure, "", stk_monotonic_ms()))
		return;
	line = stk_log_start(STK_LOG_WARN, "rates.adapted", "unknown",
	    "this machine is %s%s: its workers ask for %d %% of each configured rate",
	    w->pressure.cause != NULL ? "short of " : "recovering",
	    w->pressure.cause != NULL ? w->pressure.cause : "", (int)(w->pressure.factor / 10));
	stk_jw_int(line, "stockade.factor", w->pressure.factor);
	stk_log_end();
}

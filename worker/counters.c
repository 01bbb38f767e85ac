/*
 * counters.c - see counters.h.
 */
#include "worker/counters.h"

#include <stdio.h>

static void add(struct stk_jw *w, const char *group, const char *name, uint64_t n)
{
	char key[96];

	if (n == 0)
		return;
	(void)snprintf(key, sizeof(key), "stockade.%s.%s", group, name);
	stk_jw_int(w, key, (int64_t)n);
}

void stk_counters_write(const struct stk_counters *c, struct stk_jw *w)
{
	add(w, "count", "reserved", c->reserved);
	for (size_t i = 0; i < STK_VERDICT_COUNT; i++)
		add(w, "verdict", stk_verdict_text((enum stk_verdict)i), c->verdicts[i]);
	for (size_t i = 0; i < STK_OUT_COUNT; i++)
		add(w, "outcome", stk_outcome_text((enum stk_outcome_name)i), c->outcomes[i]);
	for (uint32_t i = 0; i < STK_NET_COUNT; i++)
		add(w, "net", stk_net_text(i), c->net[i]);
	add(w, "count", "settled_late", c->settled_late);
	add(w, "count", "refusal_notes", c->refusal_notes);
	add(w, "count", "retried", c->retried);
	add(w, "count", "handed_back", c->handed_back);
	add(w, "count", "parked", c->parked);
	add(w, "count", "parkfull_copies", c->parkfull_copies);
	add(w, "count", "stale", c->stale);
	add(w, "count", "recovered", c->recovered);
	add(w, "count", "fenced", c->fenced);
	add(w, "count", "abandoned", c->abandoned);
	add(w, "count", "outages", c->outages);
	add(w, "count", "lost", c->lost);
	add(w, "count", "foreign_filed", c->foreign_filed);
	add(w, "count", "pruned", c->pruned);
	add(w, "count", "wrong_types", c->wrong_types);
	add(w, "count", "layers_missing", c->layers_missing);
	add(w, "count", "zygotes_recycled", c->zygotes_recycled);
	add(w, "count", "redacted", c->redacted);
	add(w, "count", "unlogged", c->unlogged);
	add(w, "count", "finish_stale", c->finish_stale);
	add(w, "count", "ledger_outages", c->ledger_outages);
	add(w, "count", "ledger_troubles", c->ledger_troubles);
	add(w, "count", "ledger_copies_forged", c->ledger_copies_forged);
	add(w, "count", "unsigned_runs", c->unsigned_runs);
	add(w, "count", "reported", c->reported);
	add(w, "count", "breakers_closed", c->breaker_steps[0]);
	add(w, "count", "breakers_opened", c->breaker_steps[1]);
	add(w, "count", "breakers_half_open", c->breaker_steps[2]);
	add(w, "count", "would_hold", c->would_hold);
	add(w, "count", "floods", c->floods);
	add(w, "count", "drained", c->drained);
	add(w, "count", "guards", c->guards);
	add(w, "count", "areas_full", c->areas_full);
	add(w, "count", "reloads", c->reloads);
	add(w, "count", "reloads_failed", c->reloads_failed);
	add(w, "count", "audits_lost", c->audits_lost);
	add(w, "count", "audits_taken", c->audits_taken);
	add(w, "count", "readmitted", c->readmitted);
	add(w, "count", "released", c->released);
	add(w, "count", "releases_refused", c->releases_refused);
	add(w, "count", "progress_told", c->progress_told);
	add(w, "count", "results_kept", c->results_kept);
	add(w, "count", "results_not_kept", c->results_not_kept);
}

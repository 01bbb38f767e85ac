/*
 * counters.h - exact numbers of everything that can happen to a job; the log may sample, these not.
 */
#ifndef WORKER_COUNTERS_H
#define WORKER_COUNTERS_H

#include "sandbox/net_addr.h"
#include "sandbox/outcome.h"
#include "worker/jsonw.h"
#include "worker/verdict.h"

struct stk_counters {
	uint64_t reserved;
	uint64_t verdicts[STK_VERDICT_COUNT]; /* accepted ones included */
	uint64_t outcomes[STK_OUT_COUNT];
	uint64_t net[STK_NET_COUNT]; /* what jobs' requests to connect came to */
	uint64_t settled_late;       /* done by a worker that died before it was counted */
	uint64_t refusal_notes;      /* our own notes, retried by a dashboard */
	uint64_t retried, handed_back, parked, parkfull_copies, stale, recovered;
	uint64_t fenced, abandoned, outages, lost, foreign_filed, pruned, wrong_types;
	uint64_t layers_missing; /* preferred and not there, seen at the start */
	uint64_t zygotes_recycled, redacted, unlogged;
	uint64_t finish_stale, ledger_outages, ledger_troubles;
	uint64_t breaker_steps[3], would_hold; /* by enum stk_breaker_state */
	uint64_t unsigned_runs, reported;
	uint64_t floods, drained, guards, areas_full;
	uint64_t reloads, reloads_failed, audits_lost, audits_taken, ledger_copies_forged,
	    readmitted;
	uint64_t results_kept, results_not_kept;
	uint64_t progress_told, released, releases_refused;
};

/* All counters that are not zero, as members of an open object. */
void stk_counters_write(const struct stk_counters *c, struct stk_jw *w);

#endif

/*
 * outage.h - Redis away and back: one state, named once per change, with a backoff that never ends.
 *
 * Used by life.c, which owns one per worker. "Away" means: the last call did not get through, be it
 * that nobody answers or that Redis says no (LOADING, OOM, READONLY, ...). Then nothing new is
 * reserved, a running job goes on, and what waits to be settled waits in memory.
 */
#ifndef WORKER_OUTAGE_H
#define WORKER_OUTAGE_H

#include "worker/redis.h"

#define STK_OUTAGE_FIRST_MS 100
#define STK_OUTAGE_MAX_MS   5000
#define STK_OUTAGE_ODD_MAX  10 /* answers in a row that the protocol does not know */

struct stk_outage {
	bool of_ledger;         /* events are ledger.away and ledger.back, not redis.* */
	struct stk_redis *link; /* borrowed; NULL until there is one */
	bool away;              /* also what a readiness probe wants to know */
	bool by_call;           /* a job's call failed, so a beat that succeeds proves little */
	bool hopeless;          /* Redis answers, but nothing that makes sense */
	enum stk_redis_problem problem; /* what it said; NONE: unreachable */
	int64_t since_ms, retry_at_ms;  /* CLOCK_MONOTONIC */
	uint32_t tries, odd;
	uint64_t n; /* outages so far */
	uint64_t problems[STK_RP_OTHER + 1];
};

/* What to do about what the queues' Redis or the ledger's answered; "" if nothing is known. Static.
 */
const char *stk_outage_advice(enum stk_redis_problem p, bool of_ledger);

/* How a call of the worker's went; an outage begins, goes on, or ends. */
void stk_outage_note(struct stk_outage *o, enum stk_err e);
/* The same for a beat: one that succeeds ends an outage only if no job's call was refused. */
void stk_outage_note_beat(struct stk_outage *o, enum stk_err e);
/* Connects where there is no connection; false: not now, and retry_at_ms says when again. */
STK_CHECK bool stk_outage_connect(struct stk_outage *o);

#endif

/*
 * drain.h - a queue full of junk is emptied many elements at a time (PROTOCOL.md, drain).
 *
 * Called by work.c when refusals without a genuine signature come in a row. Elements are judged
 * where they lie, by the judgement every job gets; only refused junk leaves, and the first job of
 * another kind ends it and goes the ordinary way, alone. Counters and sums stay exact; records and
 * log lines are bounded.
 */
#ifndef WORKER_DRAIN_H
#define WORKER_DRAIN_H

#include "worker/admit.h"
#include "worker/crew.h"
#include "worker/log.h"
#include "worker/store_drain.h"
#include "worker/verdict.h"

struct stk_worker;

/* What is to leave, and what that means. */
struct stk_flood_plan {
	struct stk_drain drain;
	enum stk_verdict verdicts[STK_DRAIN_KINDS];
	bool is_note[STK_DRAIN_KINDS];
	struct stk_jw text;
};

struct stk_flood {
	unsigned in_a_row; /* refusals of junk, one by one */
	int64_t until_ms;  /* CLOCK_MONOTONIC: so long after a flood the next is taken for one at
			      once */
	int64_t number;    /* of the last call that named elements */
	bool skip[STK_STORE_QUEUES]; /* queues that had their turn, so that others get one */
	/* the flood that is being told of */
	bool told;
	char queue[STK_QUEUE_MAX + 1];
	int64_t since_ms;
	uint64_t removed;
	struct stk_log_budget kept, lines, full;
	/* scratch: while Redis works off one plan the next is made */
	struct stk_flood_plan plans[2];
	struct stk_drained seen;
	struct stk_admission judged[STK_DRAIN_MOST];
};

_Static_assert(STK_DRAIN_MOST <= STK_CREW_MOST, "one look is one piece of work");

/* work.c, at a worker's start and end. */
void stk_flood_open(struct stk_flood *f);
void stk_flood_close(struct stk_flood *f);

/* work.c, for each parcel judged alone: was it junk? */
void stk_flood_saw(struct stk_worker *w, bool junk);
/* Is it time to look at many? Then nothing is reserved along with a settlement. */
bool stk_flood_is_on(const struct stk_worker *w);
/*
 * Drains for about a second. JOB: the parcel of another queue, which must not wait for this one;
 * FENCED; else AGAIN.
 */
enum stk_answer stk_flood_drain(struct stk_worker *w, struct stk_reserved *job);

#endif

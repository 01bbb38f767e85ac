/*
 * guard.h - against a bad rotation: a key ring that knows none of a queue's real signers would have
 * its jobs drained as junk.
 *
 * A worker that, since it loaded its ring, refused 200 jobs of a queue that look signed and
 * accepted the signature of none keeps further ones in unknownkey:<q>, whole, where each change of
 * the ring looks again, and raises an alarm. It never slows draining. One genuine signature ends it
 * until the next load.
 */
#ifndef WORKER_GUARD_H
#define WORKER_GUARD_H

#include "worker/admit.h"
#include "worker/queues.h"

#define STK_GUARD_REFUSALS 200

struct stk_guard {
	uint16_t refused[STK_WORKER_QUEUES_MAX]; /* signed in looks, since the ring was loaded */
	bool valid[STK_WORKER_QUEUES_MAX];       /* a signature fitted */
};

/* What it makes of one judgement about queue number @q. */
enum stk_guard_word {
	STK_GUARD_NOTHING,
	STK_GUARD_TRIPS,  /* this refusal is the last straw: alarm; it is diverted too */
	STK_GUARD_DIVERTS /* keep it in unknownkey:<q> */
};
enum stk_guard_word stk_guard_saw(struct stk_guard *g, size_t q, const struct stk_admission *a);

#endif

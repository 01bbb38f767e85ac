/*
 * recover.h - what one worker does for the dead: takes their jobs back, files those that killed too
 * often, sweeps the graves; and prunes dead Ruby workers as Resque does (prune.c).
 *
 * PROTOCOL.md, "Who is dead", decides. Called by start.c for the predecessor that the supervisor
 * saw die, and by work.c between jobs and while idle, never from a running job's tick: a pass is a
 * burst of round trips, and what a worker with a job in hand would bring back it could not run
 * anyway. What it saw before the job still counts after it, as long as its own beats went on.
 */
#ifndef WORKER_RECOVER_H
#define WORKER_RECOVER_H

#include "worker/log.h"
#include "worker/store.h"

/* A dead worker's counter stands still while those of the living grow, and ZRANGE gives the lowest
 * first: beyond this many workers the dead come into sight by themselves. */
#define STK_RECOVERY_WATCHED 1024
#define STK_RECOVERY_GRAVES  64 /* swept in one pass; the next one goes on after them */

struct stk_worker;

struct stk_seen {
	struct stk_peer peer;
	int64_t since_ms; /* its counter has not changed since, CLOCK_MONOTONIC */
};

struct stk_recovery {
	struct stk_seen seen[STK_RECOVERY_WATCHED];
	size_t n_seen;
	int64_t steady_since_ms; /* what @seen belongs to: another one makes it worthless */
	int64_t grave_at;
	int64_t next_pass_ms, next_prune_ms, lock_until_ms;
	int64_t next_full_ms; /* graves without jobs of ours are only looked at then */
	bool full;
	uint64_t prune_cursor;
	struct stk_log_budget orphans, skipped, prune_lines; /* log lines a minute */
	struct stk_peer peers[STK_RECOVERY_WATCHED];         /* scratch */
	struct stk_seen next[STK_RECOVERY_WATCHED];          /* scratch */
};

/*
 * Brings back every job of the dead instance @victim that is in one of our queues; an element over
 * its recoveries goes to `failed` as WorkerLost. Other answers than done (NEWER, STORE) are logged
 * and leave the victim as it is; FENCED is noted in w->life. Errors are those of the link.
 */
STK_CHECK enum stk_err stk_recover_one(struct stk_worker *w, const char *victim);

/* Is a pass due? Then the next parcel is not asked for in one write with a settlement. */
bool stk_recovery_due(const struct stk_worker *w);
/* Does nothing unless a pass is due and Redis serves us. Replaces the parcel in hand. */
void stk_recovery_pass(struct stk_worker *w);

/* Do we hold Resque's prune lock, or did we get it now? */
STK_CHECK enum stk_err stk_recovery_lock(struct stk_worker *w, bool *held);

/* prune.c: dead Ruby workers by heartbeat, where due. Errors are those of the link.
 */
STK_CHECK enum stk_err stk_prune_pass(struct stk_worker *w);

/* Seconds since the epoch of "2026-11-23T06:51:14+00:00", "…Z", fractions allowed; else false. */
STK_CHECK bool stk_heartbeat_parse(struct stk_span text, int64_t *out_s);
/* Ruby's own form: <host>:<decimal pid>:<queue>[,<queue>...]. goworker's and jesque's are others.
 */
bool stk_ruby_worker_id(const char *id);

#endif

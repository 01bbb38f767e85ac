/*
 * idle.h - how a worker without a job waits for one, and wakes within milliseconds.
 *
 * Called by work.c after a look at Redis found nothing. A static list blocks: one link and one
 * BLMOVE per queue, each into this instance's in-flight list of that queue, so that a job which
 * arrives is in a durable place of ours before anybody has read it. At the first wake the other
 * pops are ended (CLIENT UNBLOCK) and their replies read; the next reserve adopts one element by
 * priority and puts the rest back. What the replies carry is not believed and not used.
 *
 * Polling instead, never more often than `poll`: for dynamic lists, for more than
 * STK_IDLE_LINKS_MAX queues, where Redis knows no BLMOVE (before 6.2), and for a while after any
 * error, said by name.
 */
#ifndef WORKER_IDLE_H
#define WORKER_IDLE_H

#include "worker/life.h"
#include "worker/store.h"

#define STK_IDLE_LINKS_MAX 16   /* as many CLIENT UNBLOCK fit one pipeline */
#define STK_IDLE_BLOCK_MS  1000 /* longest blocking pop; also how often pauses are looked at */

struct stk_idle {
	struct stk_store *store; /* borrowed */
	struct stk_life *life;   /* borrowed */
	struct stk_idle_link {
		struct stk_redis *link; /* owned; NULL until first used */
		char client_id[24];     /* for CLIENT UNBLOCK */
		bool waiting;           /* a BLMOVE has no reply yet */
	} links[STK_IDLE_LINKS_MAX];
	bool dynamic, no_blmove, said_many;
	bool delivered;         /* a pop of this wait brought something, or ended without a word */
	int64_t block_again_ms; /* CLOCK_MONOTONIC: polling until then */
	enum stk_redis_problem trouble; /* the last one, and how long it made us poll */
	int64_t trouble_wait_ms;
	int64_t pause_ms; /* polling: the pause before the next look */
};

/* Links are opened when first needed, behind the worker's own filter. */
void stk_idle_open(
    struct stk_idle *i, struct stk_store *store, struct stk_life *life, bool dynamic);
/* Ends what still blocks, and the links. */
void stk_idle_close(struct stk_idle *i);

/*
 * Waits until a look at Redis may find something, at most about a second; beats and hears signals
 * meanwhile. @answer is EMPTY or PAUSED, @seen what came with it, for exactly these queues. True:
 * something may have been delivered into our lists, so reserve before anything else (also when
 * paused by USR2: otherwise it would lie there until CONT).
 */
bool stk_idle_wait(struct stk_idle *i, const char *const *queues, size_t n, enum stk_answer answer,
    const struct stk_reserved *seen);

/* A job was run: the next polling pause is a short one again. */
void stk_idle_worked(struct stk_idle *i);

#endif

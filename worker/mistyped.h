/*
 * mistyped.h - a key of another type than the protocol keeps there: named for the operator, waited
 * for.
 *
 * Anybody who may write to Redis can make such a key, and only a person can say what it was for. So
 * nothing is deleted and no worker ends: it asks again until the key is mended. Used by work.c and
 * start.c after the answer STORE, which means that the script did nothing.
 */
#ifndef WORKER_MISTYPED_H
#define WORKER_MISTYPED_H

#include "worker/log.h"

#define STK_MISTYPED_SAY_MS     60000 /* a key is named at once, and then once a minute */
#define STK_MISTYPED_PER_MINUTE 10    /* lines, whatever keys Redis names */

struct stk_mistyped {
	char key[256];  /* without the namespace; "": all is well */
	int64_t say_ms; /* CLOCK_MONOTONIC: not again before this */
	uint64_t n;     /* keys that were found so */
	struct stk_log_budget lines;
};

/* The answer was STORE @key. */
void stk_mistyped_note(struct stk_mistyped *m, const char *ns, const char *key);
/* A script that said STORE before did its work: says so once. */
void stk_mistyped_over(struct stk_mistyped *m, const char *ns);

#endif

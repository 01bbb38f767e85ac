/*
 * reload.h - policy and keys of a running worker: loaded at start, looked at again on SIGHUP and
 * when a file changed, swapped as a whole between two jobs; and the jobs of keys that are known
 * now.
 */
#ifndef WORKER_RELOAD_H
#define WORKER_RELOAD_H

#include "worker/keyring.h"

#define STK_RELOAD_LOOK_MS  1000  /* between two looks at whether the files are the same */
#define STK_RELOAD_RETRY_MS 10000 /* between two tries of one that failed */

struct stk_reload {
	int64_t next_look_ms; /* CLOCK_MONOTONIC */
	uint64_t seen;    /* the policy file and the key files it names, as they were read last */
	int64_t retry_ms; /* when a failed reload is tried again */
	char why[640];    /* what it said last */
	int lacking;      /* exit code of what a class lacked at the last load; 0: nothing */
	bool failed;      /* the last reload; the ring before it is in use */
	/* areas whose jobs may be admitted now, one bounded step a pass */
	bool examining;
	size_t area;  /* queues first, then keys */
	int64_t rank; /* in that area */
};

struct stk_worker;
struct stk_worker_start;

/* At start: refuses secrets that jobs could read, loads, opens the gate. 0, or an exit code. */
STK_CHECK int stk_policy_open(struct stk_worker *w, const struct stk_worker_start *start);
/* Between two jobs: reloads if asked or if a file changed; re-examines areas. No job is in hand. */
void stk_reload_pass(struct stk_worker *w);
/* The same without the areas, for a job that is in hand but not judged yet. */
void stk_reload_look(struct stk_worker *w);

#endif

/*
 * queues.h - which queues a worker looks at, and in what order.
 *
 * Called by config.c (are the entries sane?), life.c (the worker id) and start.c. A list with a
 * pattern (* ? { } [ ]) or an exclusion (leading !) is dynamic: as in Resque, it covers the members
 * of Resque's set `queues` at each look, each pattern's matches in byte order, each name once.
 *
 * The set `queues` belongs to whoever can write to Redis, so no name is ever taken from it. What a
 * dynamic list may cover is known at start: the names in `queues_allowed`, or, without that
 * setting, all queues that the policy grants to anybody - a job of any other queue could never be
 * admitted, only refused. Redis is then asked which of *these* are members, inside the reserve
 * script: no round trip, no reply that grows with the set, no name in a key that a signature could
 * not bind.
 */
#ifndef WORKER_QUEUES_H
#define WORKER_QUEUES_H

#include "worker/conf.h"
#include "worker/keyring.h"

#define STK_WORKER_QUEUES_MAX 256 /* queues one worker may cover; reserve names them all */
#define STK_KNOWN_QUEUES_MAX                                                 \
	10000 /* members of `queues`; more is somebody's mischief or mistake \
	       */

struct stk_queues {
	char **names; /* owned, one block, in strict order of priority, each once */
	size_t n;
	bool dynamic;                      /* look only at those that are members of `queues` */
	bool said_too_many, said_left_out; /* one log line each */
};

/* Does this list depend on what exists in Redis? */
bool stk_queues_dynamic(const struct stk_strings *entries);

/*
 * Entries and allow-list, before anything runs: names, patterns, doubles, exclusions without
 * anything to exclude from, a plain name that the allow-list lacks. STK_E_FORMAT with a sentence.
 */
STK_CHECK enum stk_err stk_queues_check(
    const struct stk_strings *entries, const struct stk_strings *allowed, struct stk_conf_error *e);

/* The list as it stands in a worker id: patterns literally, exclusions left out. STK_E_TOOBIG. */
STK_CHECK enum stk_err stk_queues_id(const struct stk_strings *entries, char *out, size_t size);
size_t stk_queues_id_len(const struct stk_strings *entries);

/*
 * What a dynamic list makes of @n existing names, as Resque orders them. Borrowed names and the
 * caller's @out of at least @n; returns how many.
 */
size_t stk_queues_expand(
    const struct stk_strings *entries, const char *const *names, size_t n, const char **out);

/*
 * The queues of this worker: a static list as it stands, a dynamic one over @allowed, else over
 * what
 * @ring grants. STK_E_ABSENT (nothing matches), STK_E_TOOBIG (over STK_WORKER_QUEUES_MAX),
 * STK_E_NOMEM; then *@out is untouched. stk_queues_clear frees it.
 */
STK_CHECK enum stk_err stk_queues_bind(const struct stk_strings *entries,
    const struct stk_strings *allowed, const struct stk_keyring *ring, struct stk_queues *out);
void stk_queues_clear(struct stk_queues *q);

/*
 * What a look at Redis found: @n_known members of `queues`, @n_ours of them in this list. Says once
 * that there are absurdly many (TooManyQueues; the list goes on unharmed), once that some are left.
 */
void stk_queues_heard(struct stk_queues *q, int64_t n_known, int64_t n_ours);

#endif

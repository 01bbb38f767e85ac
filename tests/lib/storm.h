/*
 * storm.h - workers at random against a simple model: killed, stopped, wrongly buried, two of them
 * under one worker id, with lost replies, late blocking pops, replays, pauses, junk and a Ruby
 * pruner.
 *
 * For tests of the scripts in worker/scripts/. The model knows what Redis must hold after every
 * step; the first difference ends the storm with a sentence.
 */
#ifndef TESTS_LIB_STORM_H
#define TESTS_LIB_STORM_H

#include "worker/scripts.h"
#include "worker/store.h"

#define STORM_JOBS 200

struct storm_plan {
	uint64_t seed; /* the same seed is the same run; not 0 */
	unsigned steps;
	char sha[STK_SCRIPT_COUNT][41]; /* of scripts to use instead; "" = the product's */
};
struct storm_seen {
	unsigned jobs, deaths, fenced, lost, delivered, shared, filed_by_others;
};

/* @tools: a link to an empty Redis. NULL: nothing wrong was seen; else what, static storage. */
const char *storm_run(struct stk_redis *tools, const struct storm_plan *p, struct storm_seen *seen);

/* --- storm_look.c ----------------------------------------------------------------------------- */

struct storm_list {
	size_t n;
	char body[64][16];
};
struct storm_places {
	unsigned all[STORM_JOBS], parked[STORM_JOBS];
	bool in_hand; /* something lies in an in-flight list */
};
/* "job0012" -> 12; -1: another text. */
int storm_number(struct stk_span body);
/* The list's first @most elements. */
void storm_list(struct stk_redis *r, const char *key, int most, struct storm_list *out);
/* Is @front the beginning of the list? */
bool storm_begins(struct stk_redis *r, const char *key, const struct storm_list *front);
/* Where every job stands. */
void storm_places(struct stk_redis *r, struct storm_places *out);

#endif

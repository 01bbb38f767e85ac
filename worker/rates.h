/*
 * rates.h - which limiters and places one job asks for, named from configuration only.
 *
 * Called by claim.c with a ticket's principal, class and queue; the counting itself is the ledger's
 * (worker/scripts/claim.lua). The number of limiters is bounded by the policy, never by payloads.
 */
#ifndef WORKER_RATES_H
#define WORKER_RATES_H

#include "worker/keyring.h"

#define STK_LIMITER_BYTES 208 /* "pc:<principal>:<class>" */
#define STK_LIMITERS_MAX  5
#define STK_PLACES_MAX    3

struct stk_limiter {
	char name[STK_LIMITER_BYTES]; /* p:<principal> pc:<principal>:<class> c:<class> q:<queue>
					 all */
	int64_t per_h, burst;
};
struct stk_place {
	char name[STK_LIMITER_BYTES]; /* c:<class>, q:<queue>, all: at most `most` run at once */
	int64_t most;
};
struct stk_rates {
	struct stk_limiter limiters[STK_LIMITERS_MAX];
	size_t n_limiters;
	struct stk_place places[STK_PLACES_MAX];
	size_t n_places;
};

/* @p NULL: an unsigned queue, whose jobs have no principal. */
void stk_rates_for(const struct stk_keyring *ring, const struct stk_principal *p, const char *cls,
    const char *queue, struct stk_rates *out);

#endif

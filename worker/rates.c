/*
 * rates.c - see rates.h.
 */
#include "worker/rates.h"

#include <stdio.h>
#include <string.h>

static void limit(struct stk_rates *r, int64_t per_h, int64_t burst, const char *kind,
    const char *first, const char *second)
{
	struct stk_limiter *l = &r->limiters[r->n_limiters];

	if (per_h == 0 || r->n_limiters == STK_LIMITERS_MAX)
		return;
	(void)snprintf(l->name, sizeof(l->name), "%s%s%s%s", kind, first,
	    second[0] != '\0' ? ":" : "", second);
	l->per_h = per_h;
	l->burst = burst;
	r->n_limiters++;
}

static void place(struct stk_rates *r, int64_t most, const char *kind, const char *name)
{
	struct stk_place *p = &r->places[r->n_places];

	if (most == 0 || r->n_places == STK_PLACES_MAX)
		return;
	(void)snprintf(p->name, sizeof(p->name), "%s%s", kind, name);
	p->most = most;
	r->n_places++;
}

/* The policy's loader saw to it that a class has one rate, whichever grant names it. */
static void limit_grant(struct stk_rates *r, const struct stk_principal *p, const char *cls)
{
	for (size_t g = 0; g < p->n_grants; g++)
		for (size_t c = 0; c < p->grants[g].n_classes; c++)
			if (p->grants[g].rate_per_h > 0 &&
			    strcmp(p->grants[g].classes[c], cls) == 0) {
				limit(r, p->grants[g].rate_per_h, p->grants[g].burst,
				    "pc:", p->name, cls);
				return;
			}
}

void stk_rates_for(const struct stk_keyring *ring, const struct stk_principal *p, const char *cls,
    const char *queue, struct stk_rates *out)
{
	*out = (struct stk_rates){ 0 };
	if (p != NULL) {
		limit(out, p->rate_per_h, p->burst, "p:", p->name, "");
		limit_grant(out, p, cls);
	}
	for (size_t i = 0; i < ring->n_limits; i++) {
		const struct stk_policy_limit *l = &ring->limits[i];
		const char *name = l->cls != NULL ? l->cls : l->queue != NULL ? l->queue : "";
		const char *kind = l->cls != NULL ? "c:" : l->queue != NULL ? "q:" : "all";

		if ((l->cls != NULL && strcmp(l->cls, cls) != 0) ||
		    (l->queue != NULL && strcmp(l->queue, queue) != 0))
			continue;
		limit(out, l->rate_per_h, l->burst, kind, name, "");
		place(out, l->max_running, kind, name);
	}
}

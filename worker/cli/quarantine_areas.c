/*
 * quarantine_areas.c - which areas there are: those of every queue and key that the configuration
 * and the policy name, and those that Redis's own counts name. The counts alone could be flooded
 * until an area is not found among them.
 */
#include "worker/cli/quarantine.h"
#include "worker/policy.h"
#include "worker/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 8192

struct names {
	const char **v;
	size_t n;
};

static void add(
    struct names *l, const char *before, const char *name, const char *mark, const char *after)
{
	char text[STK_AREA_BYTES];
	int n = snprintf(text, sizeof(text), "%s%s%s%s", before, name, mark, after);
	char *copy;

	if (n < 0 || (size_t)n >= sizeof(text) || !stk_area_name_ok(text) || l->n == NAMES_MAX ||
	    (copy = strdup(text)) == NULL)
		return;
	l->v[l->n++] = copy;
}

/* Junk, unknown keys, and each refusal of a genuine job. */
static void add_queue(struct names *l, const char *queue)
{
	add(l, "quarantine:", queue, "", "");
	add(l, "unknownkey:", queue, "", "");
	for (size_t v = 0; v < STK_VERDICT_COUNT; v++)
		if (stk_verdict_authenticated((enum stk_verdict)v) && v != STK_V_ACCEPT)
			add(l, "quarantine:", queue, "#", stk_verdict_text((enum stk_verdict)v));
}

static void add_policy(struct names *l, const char *path)
{
	struct stk_keyring *ring = NULL;
	struct stk_conf_error e;

	if (stk_policy_load(path, &ring, &e) != STK_OK)
		return; /* to look around needs no policy */
	for (size_t p = 0; p < ring->n_principals; p++)
		for (size_t g = 0; g < ring->principals[p].n_grants; g++)
			for (size_t i = 0; i < ring->principals[p].grants[g].n_queues; i++)
				add_queue(l, ring->principals[p].grants[g].queues[i]);
	for (size_t i = 0; i < ring->n_keys; i++)
		add(l, "revoked:", ring->keys[i].kid, "", "");
	stk_keyring_free(ring);
}

int stk_quarantine_areas(
    struct stk_quarantine *q, struct stk_area out[static STK_AREAS_MAX], size_t *n, bool *more)
{
	struct names l = { .v = calloc(NAMES_MAX, sizeof(*l.v)) };
	enum stk_answer v = STK_ANSWER_OK;
	int code;

	*n = 0;
	if (l.v == NULL)
		return stk_complain(STK_EX_OS, "out of memory");
	for (size_t i = 0; i < q->config->queues.n; i++)
		add_queue(&l, q->config->queues.v[i]);
	for (size_t i = 0; i < q->config->queues_allowed.n; i++)
		add_queue(&l, q->config->queues_allowed.v[i]);
	add_policy(&l, q->config->policy);
	code = stk_quarantine_told(q,
	    stk_store_areas(&q->store, l.v, l.n, out, STK_AREAS_MAX, n, more, &q->now_ms, &v), &v);
	for (size_t i = 0; i < l.n; i++)
		free((void *)(uintptr_t)l.v[i]);
	free(l.v);
	return code;
}

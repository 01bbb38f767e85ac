/*
 * keyring.c - see keyring.h: a ring built, compared and freed. What it answers: keyring_ask.c.
 */
#include "worker/keyring.h"

#include <stdlib.h>
#include <string.h>

#define RING_MAX 4096 /* audiences, principals, grants per principal, keys */

struct stk_keyring *stk_keyring_new(void)
{
	return calloc(1, sizeof(struct stk_keyring));
}

static void free_strings(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

static void clear_principal(struct stk_principal *p)
{
	for (size_t i = 0; i < p->n_grants; i++) {
		free_strings(p->grants[i].queues, p->grants[i].n_queues);
		free_strings(p->grants[i].classes, p->grants[i].n_classes);
	}
	free(p->grants);
}

void stk_keyring_free(struct stk_keyring *r)
{
	if (r == NULL)
		return;
	free_strings(r->audiences, r->n_audiences);
	for (size_t i = 0; i < r->n_principals; i++)
		clear_principal(&r->principals[i]);
	free(r->principals);
	for (size_t i = 0; i < r->n_keys; i++) {
		stk_secret_free(r->keys[i].secret);
		free(r->keys[i].secret_path);
	}
	free(r->keys);
	for (size_t i = 0; i < r->n_limits; i++) {
		free(r->limits[i].cls);
		free(r->limits[i].queue);
	}
	free(r->limits);
	free(r);
}

/* --- building -----------------------------------------------------------------------------------
 */

/* One more zeroed element of *@v; NULL if there are too many or no memory. */
static void *grow(void *v, size_t *n, size_t size)
{
	char *bigger;

	if (*n >= RING_MAX || (bigger = realloc(v, (*n + 1) * size)) == NULL)
		return NULL;
	memset(bigger + *n * size, 0, size);
	return bigger;
}

static enum stk_err no(const char **why, const char *reason)
{
	*why = reason;
	return STK_E_REFUSED;
}

static enum stk_err nomem(const char **why)
{
	*why = "out of memory, or more entries than a policy may have";
	return STK_E_NOMEM;
}

enum stk_err stk_keyring_add_audience(struct stk_keyring *r, const char *aud, const char **why)
{
	void *v;

	if (!stk_envelope_aud_ok(stk_span_str(aud)))
		return no(why, "an audience is 1 to 64 of A-Z a-z 0-9 _ . - + : /");
	if (stk_keyring_has_audience(r, stk_span_str(aud)))
		return no(why, "this audience is listed twice");
	if ((v = grow(r->audiences, &r->n_audiences, sizeof(char *))) == NULL)
		return nomem(why);
	r->audiences = v;
	if ((r->audiences[r->n_audiences] = strdup(aud)) == NULL)
		return nomem(why);
	r->n_audiences++;
	return STK_OK;
}

enum stk_err stk_keyring_add_principal(
    struct stk_keyring *r, const struct stk_principal *p, const char **why)
{
	struct stk_principal *slot;
	void *v;

	if (!stk_envelope_kid_ok(stk_span_str(p->name)))
		return no(why, "a principal's name is 1 to 64 of A-Z a-z 0-9 _ . -");
	for (size_t i = 0; i < r->n_principals; i++)
		if (strcmp(r->principals[i].name, p->name) == 0)
			return no(why, "this principal is listed twice");
	if (p->max_runs < 1 || p->max_runs > STK_RUNS_MAX)
		return no(why, "max_runs is 1 to 100");
	if (p->max_delay_s < 0 || p->max_window_s < 1 || p->rate_per_h < 1 || p->burst < 1 ||
	    p->park_max < 1 || p->quarantine_max < 1)
		return no(why, "every limit must be set; only max_delay may be zero");
	if ((v = grow(r->principals, &r->n_principals, sizeof(*p))) == NULL)
		return nomem(why);
	r->principals = v;
	slot = &r->principals[r->n_principals++];
	*slot = *p;
	slot->grants = NULL;
	slot->n_grants = 0;
	return STK_OK;
}

static const char *name_fault(
    char *const *v, size_t i, bool (*ok)(struct stk_span), const char *rule)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(v[i], v[k]) == 0)
			return "a name stands twice in one grant";
	return ok(stk_span_str(v[i])) ? NULL : rule;
}

/* A checked copy of @n strings, none twice; NULL with *@why. */
static char **copy_names(
    char *const *v, size_t n, bool (*ok)(struct stk_span), const char *rule, const char **why)
{
	char **copy = n > 0 && n <= RING_MAX ? calloc(n, sizeof(*copy)) : NULL;

	*why = n > 0 ? "out of memory, or too many names"
		     : "a grant names at least one queue and class";
	for (size_t i = 0; copy != NULL && i < n; i++) {
		*why = name_fault(v, i, ok, rule);
		if (*why == NULL && (copy[i] = strdup(v[i])) == NULL)
			*why = "out of memory";
		if (*why != NULL) {
			free_strings(copy, n);
			return NULL;
		}
	}
	return copy;
}

enum stk_err stk_keyring_add_grant(struct stk_keyring *r, size_t principal, char *const *queues,
    size_t n_queues, char *const *classes, size_t n_classes, int64_t max_body_bytes,
    const char **why)
{
	struct stk_principal *p;
	struct stk_policy_grant *g;
	void *v;

	if (principal >= r->n_principals)
		return no(why, "the grant belongs to nobody");
	p = &r->principals[principal];
	if (max_body_bytes < 2)
		return no(why, "max_body must be set");
	if ((v = grow(p->grants, &p->n_grants, sizeof(*g))) == NULL)
		return nomem(why);
	p->grants = v;
	g = &p->grants[p->n_grants];
	g->max_body_bytes = max_body_bytes;
	g->queues = copy_names(queues, n_queues, stk_envelope_queue_ok,
	    "a queue is 1 to 64 of A-Z a-z 0-9 _ . : - (no wildcards)", why);
	if (g->queues == NULL)
		return STK_E_REFUSED;
	g->classes = copy_names(classes, n_classes, stk_envelope_class_ok,
	    "a class is 1 to 128 of A-Z a-z 0-9 _ :, not beginning with a digit or : (no "
	    "wildcards)",
	    why);
	if (g->classes == NULL) {
		free_strings(g->queues, n_queues);
		return STK_E_REFUSED;
	}
	g->n_queues = n_queues;
	g->n_classes = n_classes;
	p->n_grants++;
	return STK_OK;
}

/* Two grants with one class and two rates would share one limiter: which of them counts? */
static bool one_rate(const struct stk_principal *p, const struct stk_policy_grant *g)
{
	for (size_t i = 0; i + 1 < p->n_grants; i++)
		for (size_t c = 0; c < g->n_classes; c++)
			for (size_t k = 0; k < p->grants[i].n_classes; k++)
				if (strcmp(p->grants[i].classes[k], g->classes[c]) == 0 &&
				    (p->grants[i].rate_per_h != g->rate_per_h ||
					p->grants[i].burst != g->burst))
					return false;
	return true;
}

enum stk_err stk_keyring_limit_grant(
    struct stk_keyring *r, size_t principal, int64_t rate_per_h, int64_t burst, const char **why)
{
	struct stk_principal *p = &r->principals[principal];
	struct stk_policy_grant *g;

	if (principal >= r->n_principals || p->n_grants == 0)
		return no(why, "the grant belongs to nobody");
	g = &p->grants[p->n_grants - 1];
	if ((rate_per_h > 0) != (burst > 0))
		return no(why, "rate and burst come together");
	g->rate_per_h = rate_per_h;
	g->burst = burst;
	return one_rate(p, g) ? STK_OK
			      : no(why, "a class stands in two grants with different rates");
}

static const char *limit_fault(const struct stk_keyring *r, const struct stk_policy_limit *l)
{
	if (l->cls != NULL && l->queue != NULL)
		return "a limit is of a class or of a queue; write two";
	if (l->cls != NULL && !stk_envelope_class_ok(stk_span_str(l->cls)))
		return "a class is an exact name (no wildcards)";
	if (l->queue != NULL && !stk_envelope_queue_ok(stk_span_str(l->queue)))
		return "a queue is an exact name (no wildcards)";
	if ((l->rate_per_h > 0) != (l->burst > 0))
		return "rate and burst come together";
	if (l->rate_per_h == 0 && l->max_running == 0)
		return "it limits nothing: give rate and burst, max_running, or both";
	for (size_t i = 0; i < r->n_limits; i++) {
		const struct stk_policy_limit *o = &r->limits[i];

		if ((o->cls == NULL) == (l->cls == NULL) &&
		    (o->queue == NULL) == (l->queue == NULL) &&
		    (l->cls == NULL || strcmp(o->cls, l->cls) == 0) &&
		    (l->queue == NULL || strcmp(o->queue, l->queue) == 0))
			return "it is limited twice";
	}
	return NULL;
}

enum stk_err stk_keyring_add_limit(
    struct stk_keyring *r, const struct stk_policy_limit *l, const char **why)
{
	struct stk_policy_limit *slot;
	void *v;

	if ((*why = limit_fault(r, l)) != NULL)
		return STK_E_REFUSED;
	if ((v = grow(r->limits, &r->n_limits, sizeof(*l))) == NULL)
		return nomem(why);
	r->limits = v;
	slot = &r->limits[r->n_limits++];
	*slot = *l;
	slot->cls = l->cls != NULL ? strdup(l->cls) : NULL;
	slot->queue = l->queue != NULL ? strdup(l->queue) : NULL;
	if ((l->cls != NULL && slot->cls == NULL) || (l->queue != NULL && slot->queue == NULL))
		return nomem(why);
	return STK_OK;
}

static bool same_material(const struct stk_key *a, const struct stk_key *b)
{
	if (a->alg != b->alg)
		return false;
	if (a->alg == STK_ALG_HMAC_SHA256)
		return stk_same_secret(a->secret, b->secret, STK_KEY_LEN);
	return memcmp(a->public_key, b->public_key, STK_KEY_LEN) == 0;
}

enum stk_err stk_keyring_add_key(struct stk_keyring *r, const struct stk_key *k, const char **why)
{
	void *v;

	if (!stk_envelope_kid_ok(stk_span_str(k->kid)))
		return no(why, "a kid is 1 to 64 of A-Z a-z 0-9 _ . -");
	if (k->principal >= r->n_principals ||
	    (k->alg == STK_ALG_HMAC_SHA256) != (k->secret != NULL))
		return no(why, "the key belongs to nobody or has no material");
	if (k->iat_from_s >= k->iat_to_s)
		return no(why, "iat_from must be before iat_to");
	if (k->alg == STK_ALG_ED25519 && !stk_seal_public_ok(k->public_key))
		return no(why, "not a usable Ed25519 public key (small order or off the curve)");
	for (size_t i = 0; i < r->n_keys; i++) {
		if (strcmp(r->keys[i].kid, k->kid) == 0)
			return no(why, "this kid is listed twice");
		if (same_material(&r->keys[i], k))
			return no(why, "the same key material is listed under another kid");
	}
	if ((v = grow(r->keys, &r->n_keys, sizeof(*k))) == NULL)
		return nomem(why);
	r->keys = v;
	r->keys[r->n_keys++] = *k;
	return STK_OK;
}

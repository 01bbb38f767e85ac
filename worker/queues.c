/*
 * queues.c - see queues.h.
 */
#include "worker/queues.h"

#include "worker/config.h"
#include "worker/envelope.h"
#include "worker/glob.h"
#include "worker/log.h"
#include "worker/parcel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_exclusion(const char *entry)
{
	return entry[0] == '!';
}

static bool is_pattern(const char *entry)
{
	return strpbrk(entry, "*?{}[]") != NULL;
}

bool stk_queues_dynamic(const struct stk_strings *entries)
{
	for (size_t i = 0; i < entries->n; i++)
		if (is_exclusion(entries->v[i]) || is_pattern(entries->v[i]))
			return true;
	return false;
}

static bool listed(const struct stk_strings *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], name) == 0)
			return true;
	return false;
}

/* --- are the entries sane? -------------------------------------------------------------------- */

/* It stands in the worker id, which is part of keys and of web pages. */
static bool pattern_ok(const char *entry)
{
	size_t n = strlen(entry);

	return n >= 1 && n <= STK_QUEUE_MAX &&
	       strspn(entry, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
			     "_.:-*?{}[]!^") == n;
}

static enum stk_err check_entry(const char *entry, struct stk_conf_error *e)
{
	if (entry[0] == '\0' || strcmp(entry, "!") == 0)
		return stk_conf_blame(e, "queues", 0, "'%s' names no queue", entry);
	if (is_exclusion(entry) || is_pattern(entry)) {
		if (pattern_ok(entry))
			return STK_OK;
		return stk_conf_blame(e, "queues", 0,
		    "'%.80s' is no usable pattern: 1 to 64 of letters, digits and "
		    "_ . : - * ? [ ] { } ! ^",
		    entry);
	}
	if (stk_envelope_queue_ok(stk_span_str(entry)))
		return STK_OK;
	return stk_conf_blame(e, "queues", 0,
	    "'%.64s' is not a queue name that a signature can bind: 1 to 64 of letters, digits and "
	    "_ . : -",
	    entry);
}

static enum stk_err check_allowed(
    const struct stk_strings *entries, const struct stk_strings *allowed, struct stk_conf_error *e)
{
	for (size_t i = 0; i < allowed->n; i++)
		if (!stk_envelope_queue_ok(stk_span_str(allowed->v[i])))
			return stk_conf_blame(e, "queues_allowed", 0,
			    "'%.64s' is not a queue name: 1 to 64 of letters, digits and _ . : -",
			    allowed->v[i]);
	for (size_t i = 0; allowed->n > 0 && i < entries->n; i++) {
		const char *entry = entries->v[i];

		if (!is_exclusion(entry) && !is_pattern(entry) && !listed(allowed, entry))
			return stk_conf_blame(
			    e, "queues", 0, "'%s' is not among `queues_allowed`", entry);
	}
	return STK_OK;
}

enum stk_err stk_queues_check(
    const struct stk_strings *entries, const struct stk_strings *allowed, struct stk_conf_error *e)
{
	size_t n_exclusions = 0;
	enum stk_err err;

	for (size_t i = 0; i < entries->n; i++) {
		if ((err = check_entry(entries->v[i], e)) != STK_OK)
			return err;
		n_exclusions += is_exclusion(entries->v[i]);
		for (size_t j = 0; j < i; j++)
			if (strcmp(entries->v[i], entries->v[j]) == 0)
				return stk_conf_blame(
				    e, "queues", 0, "'%s' is named twice", entries->v[i]);
	}
	if (n_exclusions > 0 && n_exclusions == entries->n)
		return stk_conf_blame(e, "queues", 0,
		    "'%s' excludes from nothing: name a queue or a pattern too, like *",
		    entries->v[0]);
	return check_allowed(entries, allowed, e);
}

size_t stk_queues_id_len(const struct stk_strings *entries)
{
	size_t n = 0;

	for (size_t i = 0; i < entries->n; i++)
		if (!is_exclusion(entries->v[i]))
			n += (n > 0) + strlen(entries->v[i]);
	return n;
}

enum stk_err stk_queues_id(const struct stk_strings *entries, char *out, size_t size)
{
	size_t n = 0;

	if (size == 0)
		return STK_E_TOOBIG;
	out[0] = '\0';
	for (size_t i = 0; i < entries->n && n < size; i++)
		if (!is_exclusion(entries->v[i]))
			n += (size_t)snprintf(
			    out + n, size - n, "%s%s", n > 0 ? "," : "", entries->v[i]);
	return n < size ? STK_OK : STK_E_TOOBIG;
}

/* --- what a list covers ----------------------------------------------------------------------- */

static bool excluded(const struct stk_strings *entries, const char *name)
{
	for (size_t i = 0; i < entries->n; i++)
		if (is_exclusion(entries->v[i]) &&
		    stk_glob_match(stk_span_str(entries->v[i] + 1), stk_span_str(name)))
			return true;
	return false;
}

static bool among(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t stk_queues_expand(
    const struct stk_strings *entries, const char *const *names, size_t n, const char **out)
{
	size_t n_out = 0;

	for (size_t i = 0; i < entries->n; i++) {
		struct stk_span pattern = stk_span_str(entries->v[i]);
		size_t first = n_out;

		for (size_t k = 0; k < n && !is_exclusion(entries->v[i]); k++)
			if (stk_glob_match(pattern, stk_span_str(names[k])) &&
			    !excluded(entries, names[k]) && !among(out, n_out, names[k]))
				out[n_out++] = names[k];
		qsort(out + first, n_out - first, sizeof(*out), by_bytes);
	}
	return n_out;
}

/* Every name that a dynamic list may cover, borrowed, perhaps more than once; NULL: out of memory.
 */
static const char **bound(
    const struct stk_strings *allowed, const struct stk_keyring *ring, size_t *n)
{
	const char **names;
	size_t room = allowed->n;

	for (size_t i = 0; i < ring->n_principals; i++)
		for (size_t k = 0; k < ring->principals[i].n_grants; k++)
			room += ring->principals[i].grants[k].n_queues;
	names = calloc(room + 1, sizeof(*names));
	*n = 0;
	for (size_t i = 0; names != NULL && i < allowed->n; i++)
		names[(*n)++] = allowed->v[i];
	for (size_t i = 0; names != NULL && allowed->n == 0 && i < ring->n_principals; i++)
		for (size_t k = 0; k < ring->principals[i].n_grants; k++) {
			const struct stk_policy_grant *g = &ring->principals[i].grants[k];

			for (size_t q = 0; q < g->n_queues; q++)
				names[(*n)++] = g->queues[q];
		}
	return names;
}

/* Copies @n names into @out, pointers and texts in one block; the former names go. */
static enum stk_err keep(const char *const *names, size_t n, bool dynamic, struct stk_queues *out)
{
	size_t n_bytes = 0;
	char **copy, *text;

	if (n == 0 || n > STK_WORKER_QUEUES_MAX)
		return n == 0 ? STK_E_ABSENT : STK_E_TOOBIG;
	for (size_t i = 0; i < n; i++)
		n_bytes += strlen(names[i]) + 1;
	if ((copy = malloc(n * sizeof(*copy) + n_bytes)) == NULL)
		return STK_E_NOMEM;
	text = (char *)(copy + n);
	for (size_t i = 0; i < n; i++) {
		copy[i] = text;
		text = stpcpy(text, names[i]) + 1;
	}
	stk_queues_clear(out);
	*out = (struct stk_queues){ .names = copy, .n = n, .dynamic = dynamic };
	return STK_OK;
}

enum stk_err stk_queues_bind(const struct stk_strings *entries, const struct stk_strings *allowed,
    const struct stk_keyring *ring, struct stk_queues *out)
{
	const char **names, **order;
	enum stk_err e = STK_E_NOMEM;
	size_t n;

	if (!stk_queues_dynamic(entries))
		return keep((const char *const *)entries->v, entries->n, false, out);
	names = bound(allowed, ring, &n);
	order = calloc(n + 1, sizeof(*order));
	if (names != NULL && order != NULL) {
		n = stk_queues_expand(entries, names, n, order);
		e = keep(order, n, true, out);
	}
	free(order);
	free(names);
	return e;
}

void stk_queues_clear(struct stk_queues *q)
{
	free(q->names);
	*q = (struct stk_queues){ 0 };
}

void stk_queues_heard(struct stk_queues *q, int64_t n_known, int64_t n_ours)
{
	if (n_known > STK_KNOWN_QUEUES_MAX && !q->said_too_many) {
		(void)stk_log_start(STK_LOG_WARN, "queues.too_many", "unknown",
		    "TooManyQueues: Resque's set `queues` has %lld names; this worker's list is "
		    "bounded and goes on, screens and Ruby workers may not",
		    (long long)n_known);
		stk_log_end();
		q->said_too_many = true;
	}
	if (n_known > n_ours && !q->said_left_out) {
		(void)stk_log_start(STK_LOG_INFO, "queues.left_out", "unknown",
		    "%lld of %lld queues in Redis are not this worker's: no pattern, no grant of "
		    "the "
		    "policy or no `queues_allowed` names them",
		    (long long)(n_known - n_ours), (long long)n_known);
		stk_log_end();
		q->said_left_out = true;
	}
}

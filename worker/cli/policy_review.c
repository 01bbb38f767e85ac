/*
 * policy_review.c - `stockade policy review`: grants and keys that nobody used, by the audit trail.
 * A grant that is not needed is one that a stolen key could use.
 */
#include "worker/audit_check.h"
#include "worker/cli/options.h"
#include "worker/cli/policy.h"
#include "worker/jsonw.h"
#include "worker/policy.h"
#include "worker/quantity.h"
#include "worker/scan.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct review {
	struct stk_options shared;
	const char *audit;
	int64_t since_ms;
	char since[32]; /* as the trail writes time */
	const struct stk_keyring *ring;
	bool *key_used;  /* by index of the ring */
	bool *pair_used; /* in the order of each_pair() */
	char begins[32]; /* the oldest line of the trail */
};

static int parse(int argc, char **argv, struct review *r)
{
	static const struct option options[] = {
		{ "since", required_argument, NULL, 's' },
		{ "audit", required_argument, NULL, 'a' },
		{ "policy", required_argument, NULL, 'p' },
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int opt;

	*r = (struct review){ .since_ms = 90 * INT64_C(86400000) };
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			if (!stk_quantity_duration_ms(optarg, &r->since_ms))
				return stk_complain(
				    STK_EX_USAGE, "--since takes a duration such as 90d");
			break;
		case 'a': r->audit = optarg; break;
		case 'p': r->shared.policy = optarg; break;
		case 'c': r->shared.config = optarg; break;
		case 'j': r->shared.json = true; break;
		case 'h': (void)stk_usage(&stk_cmd_policy, 0); return -1;
		default: return stk_usage(&stk_cmd_policy, STK_EX_USAGE);
		}
	}
	return optind == argc ? 0 : stk_usage(&stk_cmd_policy, STK_EX_USAGE);
}

/* --- what was used ---------------------------------------------------------------------------- */

struct pair {
	const struct stk_principal *principal;
	const char *queue, *cls;
};

/* The @index-th granted pair of queue and class; false beyond the last. */
static bool pair_at(const struct stk_keyring *ring, size_t index, struct pair *out)
{
	for (size_t p = 0; p < ring->n_principals; p++)
		for (size_t g = 0; g < ring->principals[p].n_grants; g++) {
			const struct stk_policy_grant *grant = &ring->principals[p].grants[g];
			size_t n = grant->n_queues * grant->n_classes;

			if (index < n) {
				*out = (struct pair){ &ring->principals[p],
					grant->queues[index / grant->n_classes],
					grant->classes[index % grant->n_classes] };
				return true;
			}
			index -= n;
		}
	return false;
}

static size_t n_pairs(const struct stk_keyring *ring)
{
	struct pair p;
	size_t n = 0;

	while (pair_at(ring, n, &p))
		n++;
	return n;
}

/* What a decision says, still escaped; grants and names need no escapes, so they compare as bytes.
 */
struct said {
	struct stk_span verdict, kid, principal, queue, cls;
};

static void read_members(struct stk_span text, struct said *s)
{
	const struct {
		const char *key;
		struct stk_span *into;
	} known[] = {
		{ "verdict", &s->verdict },
		{ "kid", &s->kid },
		{ "principal", &s->principal },
		{ "queue", &s->queue },
		{ "class", &s->cls },
	};
	struct stk_scan in = { .bytes = text };
	enum stk_token t = stk_scan_next(&in, NULL);

	*s = (struct said){ 0 };
	while (t == STK_TOKEN_OBJECT_BEGIN || t == STK_TOKEN_COMMA) {
		struct stk_span key, value;

		if (stk_scan_next(&in, &key) != STK_TOKEN_STRING ||
		    stk_scan_next(&in, NULL) != STK_TOKEN_COLON)
			return;
		(void)stk_scan_next(&in, &value);
		for (size_t i = 0; i < STK_ARRAY_LEN(known); i++)
			if (stk_json_string_is(key, known[i].key))
				*known[i].into = value;
		t = stk_scan_next(&in, NULL);
	}
}

static void use(void *ctx, unsigned slot, const struct stk_audit_line *l, struct stk_span text)
{
	struct review *r = ctx;
	struct said s;
	struct pair p;

	(void)slot;
	if (l->at.len < sizeof(r->begins) &&
	    (r->begins[0] == '\0' || memcmp(l->at.p, r->begins, l->at.len) < 0)) {
		memcpy(r->begins, l->at.p, l->at.len);
		r->begins[l->at.len] = '\0';
	}
	if (!stk_span_eq(l->kind, stk_span_str("decision")) || l->at.len < strlen(r->since) ||
	    memcmp(l->at.p, r->since, strlen(r->since)) < 0)
		return;
	read_members(text, &s);
	if (!stk_span_eq(s.verdict, stk_span_str("ACCEPT")))
		return;
	for (size_t i = 0; i < r->ring->n_keys; i++)
		if (stk_json_string_is(s.kid, r->ring->keys[i].kid))
			r->key_used[i] = true;
	for (size_t i = 0; pair_at(r->ring, i, &p); i++)
		if (stk_json_string_is(s.principal, p.principal->name) &&
		    stk_json_string_is(s.queue, p.queue) && stk_json_string_is(s.cls, p.cls))
			r->pair_used[i] = true;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void json_unused(const struct review *r, bool whole)
{
	struct stk_jw w;
	struct pair p;

	stk_jw_init(&w, 16 << 20);
	stk_jw_open(&w, NULL, '{');
	stk_jw_cstr(&w, "since", r->since);
	stk_jw_cstr(&w, "trail_begins", r->begins);
	stk_jw_bool(&w, "trail_whole", whole);
	stk_jw_open(&w, "unused_keys", '[');
	for (size_t i = 0; i < r->ring->n_keys; i++)
		if (!r->key_used[i])
			stk_jw_cstr(&w, NULL, r->ring->keys[i].kid);
	stk_jw_close(&w, ']');
	stk_jw_open(&w, "unused_grants", '[');
	for (size_t i = 0; pair_at(r->ring, i, &p); i++) {
		if (r->pair_used[i])
			continue;
		stk_jw_open(&w, NULL, '{');
		stk_jw_cstr(&w, "principal", p.principal->name);
		stk_jw_cstr(&w, "queue", p.queue);
		stk_jw_cstr(&w, "class", p.cls);
		stk_jw_close(&w, '}');
	}
	stk_jw_close(&w, ']');
	stk_jw_close(&w, '}');
	(void)puts(w.buf);
	stk_jw_clear(&w);
}

static void print_unused(const struct review *r, bool whole)
{
	struct pair p;

	if (!whole)
		(void)puts(
		    "the trail is broken (`stockade audit verify`); what follows may be wrong");
	if (strcmp(r->begins, r->since) > 0)
		(void)printf(
		    "the trail begins at %s: what was used before is not known\n", r->begins);
	for (size_t i = 0; i < r->ring->n_keys; i++)
		if (!r->key_used[i])
			(void)printf("unused key    %s of %s\n", r->ring->keys[i].kid,
			    r->ring->principals[r->ring->keys[i].principal].name);
	for (size_t i = 0; pair_at(r->ring, i, &p); i++)
		if (!r->pair_used[i])
			(void)printf("unused grant  %s may put %s on %s\n", p.principal->name,
			    p.cls, p.queue);
}

static bool all(const bool *used, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!used[i])
			return false;
	return true;
}

static int review(struct review *r)
{
	static struct stk_audit_found found[STK_AUDIT_SLOTS_MAX];
	const struct stk_audit_wanted wanted = { .line = use, .ctx = r };
	size_t n = 0, pairs = n_pairs(r->ring);
	bool whole = true, used;
	enum stk_err e;

	r->key_used = calloc(r->ring->n_keys + 1, sizeof(bool));
	r->pair_used = calloc(pairs + 1, sizeof(bool));
	if (r->key_used == NULL || r->pair_used == NULL)
		return stk_complain(STK_EX_OS, "out of memory");
	e = stk_audit_check(r->audit, &wanted, found, &n);
	if (e != STK_OK)
		return stk_complain(STK_EX_NOINPUT, "%s: %s", r->audit,
		    e == STK_E_SYSTEM ? strerror(errno) : stk_strerror(e));
	if (n == 0)
		return stk_complain(STK_EX_NOINPUT, "%s holds no audit trail", r->audit);
	for (size_t i = 0; i < n; i++)
		whole = whole && !found[i].broken;
	if (r->shared.json)
		json_unused(r, whole);
	else
		print_unused(r, whole);
	used = all(r->key_used, r->ring->n_keys) && all(r->pair_used, pairs);
	return used ? 0 : 1;
}

static int begin(struct review *r, const struct stk_config *config, struct stk_keyring **ring)
{
	time_t from = time(NULL) - (time_t)(r->since_ms / 1000);
	struct stk_conf_error e;
	struct tm tm;

	if (r->audit == NULL)
		r->audit = config->audit_dir;
	if (r->audit == NULL)
		return stk_complain(STK_EX_USAGE,
		    "use is read from the audit trail: name it with --audit, or set audit_dir");
	if (gmtime_r(&from, &tm) == NULL ||
	    strftime(r->since, sizeof(r->since), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return stk_complain(STK_EX_USAGE, "--since reaches too far back");
	if (stk_seal_init() != STK_OK)
		return stk_complain(STK_EX_OS, "libsodium did not start");
	if (stk_policy_load(config->policy, ring, &e) != STK_OK || *ring == NULL)
		return stk_complain(STK_EX_CONFIG, "%s", e.sentence);
	r->ring = *ring;
	return 0;
}

int stk_policy_review(int argc, char **argv)
{
	struct stk_keyring *ring = NULL;
	struct stk_config config;
	struct review r;
	int code = parse(argc, argv, &r);

	if (code != 0)
		return code == -1 ? 0 : code;
	if ((code = stk_options_config(&r.shared, false, &config)) != 0)
		return code;
	code = begin(&r, &config, &ring);
	if (code == 0 && r.ring != NULL)
		code = review(&r);
	free(r.key_used);
	free(r.pair_used);
	stk_keyring_free(ring);
	stk_config_clear(&config);
	return code;
}

/*
 * policy_look.c - `stockade policy check|show`: is this policy one that a worker takes, and what
 * does it grant to whom.
 */
#include "worker/cli/options.h"
#include "worker/cli/policy.h"
#include "worker/jsonw.h"
#include "worker/policy.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- check ------------------------------------------------------------------------------------ */

struct tally {
	size_t grants, pairs, absent;
	const char *first_absent; /* borrowed from the ring */
};

static struct tally count(const struct stk_keyring *ring, const struct stk_class_table *classes)
{
	struct tally t = { 0 };

	for (size_t p = 0; p < ring->n_principals; p++)
		for (size_t g = 0; g < ring->principals[p].n_grants; g++) {
			const struct stk_policy_grant *grant = &ring->principals[p].grants[g];

			t.grants++;
			t.pairs += grant->n_queues * grant->n_classes;
			for (size_t c = 0; classes != NULL && c < grant->n_classes; c++)
				if (stk_class_find(classes, stk_span_str(grant->classes[c])) < 0 &&
				    t.absent++ == 0)
					t.first_absent = grant->classes[c];
		}
	return t;
}

static void tell_check(
    const struct stk_keyring *ring, const struct tally *t, const char *path, bool json)
{
	char digest[2 * STK_SHA256_LEN + 1];
	struct stk_jw w;

	stk_hex(ring->digest, sizeof(ring->digest), digest);
	if (!json) {
		(void)printf("ok  %s: %zu principals, %zu keys, %zu grants of %zu queue and class "
			     "pairs, sha256 %s\n",
		    path, ring->n_principals, ring->n_keys, t->grants, t->pairs, digest);
		if (t->absent > 0)
			(void)printf("    %zu granted classes are not in the cage program, %s the "
				     "first: their jobs wait 15 minutes and are then refused\n",
			    t->absent, t->first_absent);
		return;
	}
	stk_jw_init(&w, 1 << 16);
	stk_jw_open(&w, NULL, '{');
	stk_jw_bool(&w, "good", true);
	stk_jw_int(&w, "principals", (int64_t)ring->n_principals);
	stk_jw_int(&w, "keys", (int64_t)ring->n_keys);
	stk_jw_int(&w, "grants", (int64_t)t->grants);
	stk_jw_int(&w, "pairs", (int64_t)t->pairs);
	stk_jw_int(&w, "classes_absent", (int64_t)t->absent);
	stk_jw_cstr(&w, "policy_sha256", digest);
	stk_jw_close(&w, '}');
	(void)puts(w.buf);
	stk_jw_clear(&w);
}

/* Without a cage program to ask, the classes are simply not compared. */
int stk_policy_check(int argc, char **argv)
{
	struct stk_cage_setup setup = { 0 };
	struct stk_keyring *ring = NULL;
	struct stk_config config;
	struct stk_conf_error e;
	struct stk_options o;
	struct tally t;
	int code = stk_options_parse(&stk_cmd_policy, "cpgj", argc, argv, &o);

	if (code != 0)
		return code == -1 ? 0 : code;
	if (o.first_operand != argc)
		return stk_usage(&stk_cmd_policy, STK_EX_USAGE);
	if ((code = stk_options_config(&o, false, &config)) != 0)
		return code;
	if (o.cage != NULL || access(config.cage, R_OK) == 0)
		code = stk_options_cage(&config, &setup);
	if (code == 0 && stk_seal_init() != STK_OK)
		code = stk_complain(STK_EX_OS, "libsodium did not start");
	if (code == 0 && stk_policy_load(config.policy, &ring, &e) != STK_OK)
		code = stk_complain(STK_EX_CONFIG, "%s", e.sentence);
	if (code == 0) {
		t = count(ring, setup.table.classes == NULL ? NULL : &setup.table);
		tell_check(ring, &t, config.policy, o.json);
	}
	stk_keyring_free(ring);
	stk_cage_setup_clear(&setup);
	stk_config_clear(&config);
	return code;
}

/* --- show ------------------------------------------------------------------------------------- */

struct show {
	struct stk_options shared;
	const char *principal;
};

static int parse_show(int argc, char **argv, struct show *s)
{
	static const struct option options[] = {
		{ "principal", required_argument, NULL, 'P' },
		{ "policy", required_argument, NULL, 'p' },
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int opt;

	*s = (struct show){ 0 };
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'P': s->principal = optarg; break;
		case 'p': s->shared.policy = optarg; break;
		case 'c': s->shared.config = optarg; break;
		case 'j': s->shared.json = true; break;
		case 'h': (void)stk_usage(&stk_cmd_policy, 0); return -1;
		default: return stk_usage(&stk_cmd_policy, STK_EX_USAGE);
		}
	}
	return optind == argc ? 0 : stk_usage(&stk_cmd_policy, STK_EX_USAGE);
}

static void print_principal(const struct stk_keyring *ring, size_t index)
{
	const struct stk_principal *p = &ring->principals[index];

	(void)printf("%s\n", p->name);
	(void)printf("  limits  %" PRId64 " runs, starts within %" PRId64 " s, valid for %" PRId64
		     " s, %" PRId64 " an hour with bursts of %" PRId64 ", %" PRId64
		     " parked, %" PRId64 " in quarantine\n",
	    p->max_runs, p->max_delay_s, p->max_window_s, p->rate_per_h, p->burst, p->park_max,
	    p->quarantine_max);
	if (p->is_operator)
		(void)puts("  operator: may sign refused jobs again (quarantine readmit)");
	for (size_t i = 0; i < ring->n_keys; i++)
		if (ring->keys[i].principal == index)
			(void)printf("  key     %s (%s)%s\n", ring->keys[i].kid,
			    stk_alg_text(ring->keys[i].alg),
			    ring->keys[i].revoked ? ", revoked" : "");
	for (size_t g = 0; g < p->n_grants; g++)
		for (size_t q = 0; q < p->grants[g].n_queues; q++)
			for (size_t c = 0; c < p->grants[g].n_classes; c++)
				(void)printf("  may     put %s on %s, up to %" PRId64 " bytes\n",
				    p->grants[g].classes[c], p->grants[g].queues[q],
				    p->grants[g].max_body_bytes);
}

static void json_grants(struct stk_jw *w, const struct stk_principal *p)
{
	stk_jw_open(w, "grants", '[');
	for (size_t g = 0; g < p->n_grants; g++)
		for (size_t q = 0; q < p->grants[g].n_queues; q++)
			for (size_t c = 0; c < p->grants[g].n_classes; c++) {
				stk_jw_open(w, NULL, '{');
				stk_jw_cstr(w, "queue", p->grants[g].queues[q]);
				stk_jw_cstr(w, "class", p->grants[g].classes[c]);
				stk_jw_int(w, "max_body", p->grants[g].max_body_bytes);
				stk_jw_close(w, '}');
			}
	stk_jw_close(w, ']');
}

static void json_principal(struct stk_jw *w, const struct stk_keyring *ring, size_t index)
{
	const struct stk_principal *p = &ring->principals[index];

	stk_jw_open(w, NULL, '{');
	stk_jw_cstr(w, "principal", p->name);
	stk_jw_int(w, "max_runs", p->max_runs);
	stk_jw_int(w, "max_delay_s", p->max_delay_s);
	stk_jw_int(w, "max_window_s", p->max_window_s);
	stk_jw_int(w, "rate_per_hour", p->rate_per_h);
	stk_jw_int(w, "burst", p->burst);
	stk_jw_int(w, "park_max", p->park_max);
	stk_jw_int(w, "quarantine_max", p->quarantine_max);
	stk_jw_bool(w, "operator", p->is_operator);
	stk_jw_open(w, "keys", '[');
	for (size_t i = 0; i < ring->n_keys; i++)
		if (ring->keys[i].principal == index)
			stk_jw_cstr(w, NULL, ring->keys[i].kid);
	stk_jw_close(w, ']');
	json_grants(w, p);
	stk_jw_close(w, '}');
}

static int show(const struct stk_keyring *ring, const struct show *s)
{
	bool found = false;
	struct stk_jw w;

	stk_jw_init(&w, 16 << 20);
	stk_jw_open(&w, NULL, '[');
	for (size_t i = 0; i < ring->n_principals; i++) {
		if (s->principal != NULL && strcmp(ring->principals[i].name, s->principal) != 0)
			continue;
		found = true;
		if (s->shared.json)
			json_principal(&w, ring, i);
		else
			print_principal(ring, i);
	}
	stk_jw_close(&w, ']');
	if (s->shared.json)
		(void)puts(w.buf);
	stk_jw_clear(&w);
	if (!found && s->principal != NULL)
		return stk_complain(
		    STK_EX_NOINPUT, "the policy has no principal '%.64s'", s->principal);
	return 0;
}

int stk_policy_show(int argc, char **argv)
{
	struct stk_keyring *ring = NULL;
	struct stk_config config;
	struct stk_conf_error e;
	struct show s;
	int code = parse_show(argc, argv, &s);

	if (code != 0)
		return code == -1 ? 0 : code;
	if ((code = stk_options_config(&s.shared, false, &config)) != 0)
		return code;
	if (stk_seal_init() != STK_OK)
		code = stk_complain(STK_EX_OS, "libsodium did not start");
	else if (stk_policy_load(config.policy, &ring, &e) != STK_OK)
		code = stk_complain(STK_EX_CONFIG, "%s", e.sentence);
	else
		code = show(ring, &s);
	stk_keyring_free(ring);
	stk_config_clear(&config);
	return code;
}

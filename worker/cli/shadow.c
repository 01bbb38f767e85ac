/*
 * shadow.c - `stockade shadow`: reads a live queue without touching it and says what would be
 * accepted, refused and why. Everything by the worker's own judgement, the schemas included; only
 * the ledger is not asked, because asking it claims a run.
 */
#include "worker/cli/check_args.h"
#include "worker/cli/options.h"
#include "worker/jsonw.h"
#include "worker/policy.h"
#include "worker/quantity.h"
#include "worker/store.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK         64
#define LIMIT_DEFAULT 1000
#define LIMIT_MAX     1000000

enum {
	OPT_QUEUE = 256,
	OPT_LIMIT,
	OPT_POLICY,
	OPT_CAGE,
	OPT_CONFIG,
	OPT_REDIS,
	OPT_JSON,
	OPT_HELP
};

static const struct option options[] = {
	{ "queue", required_argument, NULL, OPT_QUEUE },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "cage", required_argument, NULL, OPT_CAGE },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "redis", required_argument, NULL, OPT_REDIS },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

struct shadow {
	struct stk_options shared;
	const char *queue;
	int64_t limit;
	const struct stk_config *config;
	const struct stk_cage_setup *setup;
	struct stk_gate gate;
	struct stk_redis *link;
	char key[64 + 8 + STK_QUEUE_MAX + 1];
	int64_t now_s;
	int64_t length; /* of the queue when we looked */
	int64_t seen;
	int64_t counts[STK_VERDICT_COUNT];
	int64_t first[STK_VERDICT_COUNT]; /* position of the first such element */
	char why[640];                    /* of the first arguments that do not fit */
	int64_t unknown;                  /* arguments that could not be judged */
};

static int parse(int argc, char **argv, struct shadow *s)
{
	int opt;

	*s = (struct shadow){ .limit = LIMIT_DEFAULT, .now_s = (int64_t)time(NULL) };
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case OPT_QUEUE: s->queue = optarg; break;
		case OPT_POLICY: s->shared.policy = optarg; break;
		case OPT_CAGE: s->shared.cage = optarg; break;
		case OPT_CONFIG: s->shared.config = optarg; break;
		case OPT_REDIS: s->shared.redis = optarg; break;
		case OPT_JSON: s->shared.json = true; break;
		case OPT_HELP: (void)stk_usage(&stk_cmd_shadow, 0); return -1;
		case OPT_LIMIT:
			if (!stk_quantity_count(optarg, &s->limit) || s->limit < 1 ||
			    s->limit > LIMIT_MAX)
				return stk_complain(
				    STK_EX_USAGE, "--limit takes 1 to %d", LIMIT_MAX);
			break;
		default: return stk_usage(&stk_cmd_shadow, STK_EX_USAGE);
		}
	}
	if (optind != argc || s->queue == NULL)
		return stk_usage(&stk_cmd_shadow, STK_EX_USAGE);
	if (!stk_envelope_queue_ok(stk_span_str(s->queue)))
		return stk_complain(STK_EX_USAGE, "--queue takes 1 to 64 of A-Z a-z 0-9 _ . : -");
	return 0;
}

/* --- judging ---------------------------------------------------------------------------------- */

static void count(struct shadow *s, enum stk_verdict v)
{
	if (s->counts[v]++ == 0)
		s->first[v] = s->seen;
	s->seen++;
}

static void judge(struct shadow *s, struct stk_span bytes)
{
	struct stk_parcel parcel = { .bytes = bytes };
	struct stk_admission a;
	enum stk_verdict v, by_schema;
	char why[sizeof(s->why)];

	(void)snprintf(parcel.queue, sizeof(parcel.queue), "%s", s->queue);
	v = stk_admit(&s->gate, &parcel, s->now_s, &a);
	if (a.ticket != NULL) {
		bool asked =
		    stk_check_args(s->config, s->setup, a.ticket, &by_schema, why, sizeof(why));

		if (!asked || (why[0] != '\0' && by_schema == STK_V_ACCEPT))
			s->unknown++;
		if (why[0] != '\0' && s->why[0] == '\0')
			memcpy(s->why, why, sizeof(why));
		v = by_schema;
	}
	stk_admission_clear(&a);
	count(s, v);
}

/* LRANGE of @n elements from s->seen on. STK_E_TOOBIG: one of them is larger than any job may be.
 */
static enum stk_err look(struct shadow *s, int64_t n, size_t *got)
{
	char from[24], to[24];
	struct stk_reply *r = NULL;
	enum stk_err e;

	*got = 0;
	(void)snprintf(from, sizeof(from), "%" PRId64, s->seen);
	(void)snprintf(to, sizeof(to), "%" PRId64, s->seen + n - 1);
	e = stk_redis_words(s->link, &r, "LRANGE", s->key, from, to, NULL);
	if (e == STK_OK && r->type != STK_REPLY_ARRAY)
		e = STK_E_FORMAT;
	for (size_t i = 0; e == STK_OK && i < r->n; i++) {
		judge(s, r->elements[i].bytes);
		(*got)++;
	}
	stk_reply_free(r);
	return e;
}

/* An oversize element ends the link before its body is read; then one by one past it. */
static enum stk_err look_through(struct shadow *s)
{
	int64_t n = CHUNK;
	enum stk_err e = STK_OK;

	while (e == STK_OK && s->seen < s->limit && s->seen < s->length) {
		int64_t left = s->limit - s->seen;
		size_t got;

		e = look(s, n < left ? n : left, &got);
		if (e == STK_E_TOOBIG) {
			if (n == 1)
				count(s, STK_V_E_TOO_LARGE);
			n = n == 1 ? CHUNK : 1;
			e = stk_redis_connect(s->link);
			continue;
		}
		if (e == STK_OK && got == 0)
			break; /* workers took the rest meanwhile */
	}
	return e;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void print(const struct shadow *s)
{
	bool bold = isatty(STDOUT_FILENO) == 1;

	(void)printf("queue %s: %" PRId64 " elements, %" PRId64 " looked at, none touched\n",
	    s->queue, s->length, s->seen);
	(void)printf("%s%10s %6s  %-17s %10s  %s%s\n", bold ? "\033[1m" : "", "elements", "share",
	    "verdict", "first at", "what it means", bold ? "\033[0m" : "");
	for (size_t v = 0; v < STK_VERDICT_COUNT; v++)
		if (s->counts[v] > 0)
			(void)printf("%10" PRId64 " %5.1f%%  %-17s %10" PRId64 "  %s\n",
			    s->counts[v], 100.0 * (double)s->counts[v] / (double)s->seen,
			    stk_verdict_text((enum stk_verdict)v), s->first[v],
			    stk_verdict_sentence((enum stk_verdict)v));
	if (s->unknown > 0)
		(void)printf("the arguments of %" PRId64 " could not be judged\n", s->unknown);
	if (s->why[0] != '\0')
		(void)printf("first finding about arguments: %s\n", s->why);
}

static void print_json(const struct shadow *s)
{
	struct stk_jw w;

	stk_jw_init(&w, 1 << 16);
	stk_jw_open(&w, NULL, '{');
	stk_jw_cstr(&w, "queue", s->queue);
	stk_jw_int(&w, "length", s->length);
	stk_jw_int(&w, "looked_at", s->seen);
	stk_jw_int(&w, "arguments_not_judged", s->unknown);
	stk_jw_open(&w, "verdicts", '{');
	for (size_t v = 0; v < STK_VERDICT_COUNT; v++)
		if (s->counts[v] > 0)
			stk_jw_int(&w, stk_verdict_text((enum stk_verdict)v), s->counts[v]);
	stk_jw_close(&w, '}');
	if (s->why[0] != '\0')
		stk_jw_cstr(&w, "first_argument_finding", s->why);
	stk_jw_close(&w, '}');
	(void)puts(w.buf);
	stk_jw_clear(&w);
}

static int length_of(struct shadow *s)
{
	struct stk_reply *r = NULL;
	int code = 0;

	if (stk_redis_words(s->link, &r, "LLEN", s->key, NULL) != STK_OK ||
	    r->type != STK_REPLY_INTEGER)
		code = stk_complain(STK_EX_REDIS, "%s: %s", s->key, stk_redis_why(s->link));
	else
		s->length = r->integer;
	stk_reply_free(r);
	return code;
}

static int watch(struct shadow *s)
{
	const struct stk_redis_caps caps = {
		.reply_bytes = CHUNK * ((size_t)s->gate.max_payload_bytes + 64) + 4096,
		.string_bytes = s->gate.max_payload_bytes,
		.n_elements = CHUNK,
	};
	int code = stk_options_redis(s->config, "stockade-shadow", &caps, &s->link);

	(void)snprintf(s->key, sizeof(s->key), "%s:queue:%s", s->config->ns, s->queue);
	if (code == 0)
		code = length_of(s);
	if (code == 0 && look_through(s) != STK_OK)
		code = stk_complain(STK_EX_REDIS, "%s: %s", s->key, stk_redis_why(s->link));
	if (code == 0 && s->shared.json)
		print_json(s);
	else if (code == 0)
		print(s);
	stk_redis_free(s->link);
	return code;
}

/* The cage comes before the policy: what is forked for it must never have seen a key. */
static int run_with(struct shadow *s)
{
	struct stk_cage_setup setup = { 0 };
	struct stk_keyring *ring = NULL;
	struct stk_conf_error e;
	int code = stk_options_cage(s->config, &setup);

	if (code == 0 && stk_policy_load(s->config->policy, &ring, &e) != STK_OK)
		code = stk_complain(STK_EX_CONFIG, "%s", e.sentence);
	s->setup = &setup;
	s->gate = (struct stk_gate){ .ring = ring,
		.classes = &setup.table,
		.max_payload_bytes = (size_t)s->config->max_payload_bytes,
		.max_body_bytes = (size_t)s->config->max_body_bytes,
		.skew_s = s->config->skew_ms / 1000,
		.config = s->config };
	if (code == 0)
		code = watch(s);
	s->setup = NULL;
	s->gate = (struct stk_gate){ 0 };
	stk_keyring_free(ring);
	stk_cage_setup_clear(&setup);
	return code;
}

static int run(int argc, char **argv)
{
	struct stk_config config;
	struct shadow s;
	int code = parse(argc, argv, &s);

	if (code != 0)
		return code == -1 ? 0 : code;
	if ((code = stk_options_config(&s.shared, false, &config)) != 0)
		return code;
	s.config = &config;
	code = run_with(&s);
	stk_config_clear(&config);
	return code;
}

const struct stk_command stk_cmd_shadow = {
	.name = "shadow",
	.summary = "say what a worker would do with a live queue, without touching it",
	.usage = "shadow --queue Q [--limit 1000] [--policy FILE] [--cage PROGRAM]\n"
		 "    [--config FILE] [--redis URL] [--json]",
	.run = run,
};

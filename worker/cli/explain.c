/*
 * explain.c - `stockade explain`: would this payload run here, and if not, at which gate does it
 * stop?
 *
 * The same stk_admit as the worker's, the same class table, and the arguments checked by the
 * class's own schema behind the same wall; only the ledger is not asked, because asking it claims a
 * run.
 */
#include "worker/admit.h"
#include "worker/cli/check_args.h"
#include "worker/cli/explain_gates.h"
#include "worker/cli/options.h"
#include "worker/jsonw.h"
#include "worker/policy.h"
#include "worker/quantity.h"
#include "worker/scan.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OPERAND_BYTES (16u << 20) /* larger than max_payload, so that E_TOO_LARGE can be shown */

enum {
	OPT_POLICY = 256,
	OPT_QUEUE,
	OPT_NOW,
	OPT_JSON,
	OPT_CAGE,
	OPT_CONFIG,
	OPT_HELP
};

static const struct option options[] = {
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "queue", required_argument, NULL, OPT_QUEUE },
	{ "now", required_argument, NULL, OPT_NOW },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "cage", required_argument, NULL, OPT_CAGE },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

struct ask {
	struct stk_options shared;
	const char *queue, *operand;
	int64_t now_s;
};

static int parse(int argc, char **argv, struct ask *a)
{
	int opt;

	*a = (struct ask){ .now_s = (int64_t)time(NULL) };
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case OPT_POLICY: a->shared.policy = optarg; break;
		case OPT_QUEUE: a->queue = optarg; break;
		case OPT_JSON: a->shared.json = true; break;
		case OPT_CAGE: a->shared.cage = optarg; break;
		case OPT_HELP: (void)stk_usage(&stk_cmd_explain, 0); return -1;
		case OPT_CONFIG: a->shared.config = optarg; break;
		case OPT_NOW:
			if (!stk_quantity_count(optarg, &a->now_s) &&
			    !stk_quantity_time(optarg, &a->now_s))
				return stk_complain(STK_EX_USAGE,
				    "--now takes seconds since the epoch or 2027-01-01T00:00:00Z");
			break;
		default: return stk_usage(&stk_cmd_explain, STK_EX_USAGE);
		}
	}
	if (optind != argc - 1)
		return stk_usage(&stk_cmd_explain, STK_EX_USAGE);
	if (a->queue != NULL && !stk_envelope_queue_ok(stk_span_str(a->queue)))
		return stk_complain(STK_EX_USAGE, "--queue takes 1 to 64 of A-Z a-z 0-9 _ . : -");
	a->operand = argv[optind];
	return 0;
}

/* The first queue that the (unverified) header names, so that --queue can be left out. */
static void queue_of(struct stk_span bytes, size_t max, char out[static STK_QUEUE_MAX + 1])
{
	uint8_t head[STK_HEADER_MAX];
	struct stk_payload p;
	struct stk_envelope e;
	size_t len;

	out[0] = '\0';
	if (bytes.len > max || stk_payload_scan(bytes, &p) != STK_V_ACCEPT)
		return;
	len = stk_json_unescape(p.header, head, sizeof(head));
	if (len <= sizeof(head) && stk_envelope_parse(stk_span_of(head, len), &e) == STK_V_ACCEPT)
		(void)snprintf(out, STK_QUEUE_MAX + 1, "%.*s", (int)e.queues[0].len,
		    (const char *)e.queues[0].p);
}

/* Has the class's own schema judge the arguments; fills the last gate of @x. */
static void check_args(const struct stk_config *config, const struct stk_cage_setup *setup,
    const struct stk_ticket *ticket, struct stk_explanation *x)
{
	enum stk_verdict v = STK_V_ACCEPT;

	x->args_asked = stk_check_args(config, setup, ticket, &v, x->args_why, sizeof(x->args_why));
	x->args_fit = x->args_asked && x->args_why[0] == '\0';
	if (v != STK_V_ACCEPT)
		x->verdict = v;
}

/* --- one question
 * --------------------------------------------------------------------------------- */

static int judge(const struct ask *a, const struct stk_config *config, struct stk_span bytes,
    const struct stk_cage_setup *setup, const struct stk_keyring *ring)
{
	const struct stk_gate gate = { .ring = ring,
		.classes = &setup->table,
		.max_payload_bytes = (size_t)config->max_payload_bytes,
		.max_body_bytes = (size_t)config->max_body_bytes,
		.skew_s = config->skew_ms / 1000,
		.config = config };
	struct stk_parcel parcel = { .bytes = bytes };
	struct stk_admission adm;
	struct stk_explanation x = { .bytes = bytes,
		.now_s = a->now_s,
		.queue = parcel.queue,
		.queue_guessed = a->queue == NULL,
		.policy = config->policy,
		.ring = ring,
		.admission = &adm };
	int code;

	if (a->queue != NULL)
		(void)snprintf(parcel.queue, sizeof(parcel.queue), "%s", a->queue);
	else
		queue_of(bytes, gate.max_payload_bytes, parcel.queue);
	x.verdict = stk_admit(&gate, &parcel, a->now_s, &adm);
	if (adm.ticket != NULL)
		check_args(config, setup, adm.ticket, &x);
	code = adm.nomem ? stk_complain(STK_EX_OS, "out of memory")
			 : stk_explain_print(&x, a->shared.json);
	stk_admission_clear(&adm);
	return code;
}

/* The cage comes before the policy: what is forked for it must never have seen a key. */
static int answer(const struct ask *a, const struct stk_config *config, struct stk_span bytes)
{
	struct stk_cage_setup setup = { 0 };
	struct stk_keyring *ring = NULL;
	struct stk_conf_error e;
	int code = stk_options_cage(config, &setup);

	if (code == 0 && stk_policy_load(config->policy, &ring, &e) != STK_OK)
		code = stk_complain(STK_EX_CONFIG, "%s", e.sentence);
	else if (code == 0)
		code = judge(a, config, bytes, &setup, ring);
	stk_keyring_free(ring);
	stk_cage_setup_clear(&setup);
	return code;
}

static int run(int argc, char **argv)
{
	STK_AUTO_FREE uint8_t *bytes = NULL;
	struct stk_config config;
	struct ask a;
	size_t len;
	int code = parse(argc, argv, &a);

	if (code != 0)
		return code == -1 ? 0 : code;
	if ((code = stk_read_operand(a.operand, OPERAND_BYTES, &bytes, &len)) != 0)
		return code;
	if ((code = stk_options_config(&a.shared, false, &config)) != 0)
		return code;
	code = answer(&a, &config, stk_span_of(bytes, len));
	stk_config_clear(&config);
	return code;
}

const struct stk_command stk_cmd_explain = {
	.name = "explain",
	.summary = "say whether a payload would run here, gate by gate",
	.usage = "explain [--policy FILE] [--queue Q] [--now EPOCH|TIME] [--cage PROGRAM]\n"
		 "    [--config FILE] [--json] FILE|-\n"
		 "exit status: 0 would run, 1 refused, 2 deferred",
	.run = run,
};

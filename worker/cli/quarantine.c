/*
 * quarantine.c - `stockade quarantine list|show|readmit|drop`: the flags and the link. What is done
 * with entries is in quarantine_list.c, quarantine_readmit.c and quarantine_drop.c.
 */
#include "worker/cli/quarantine.h"

#include "worker/quantity.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define LIST_LIMIT 100
#define ACT_LIMIT  20000
#define LIMIT_MAX  1000000

enum {
	OPT_AREA = 256,
	OPT_QUEUE,
	OPT_REASON,
	OPT_OLD_KID,
	OPT_ID,
	OPT_OLDER_THAN,
	OPT_NEWER_THAN,
	OPT_LIMIT,
	OPT_KEY,
	OPT_KID,
	OPT_TTL,
	OPT_YES,
	OPT_WHOLE,
	OPT_RAW,
	OPT_POLICY,
	OPT_CONFIG,
	OPT_REDIS,
	OPT_JSON,
	OPT_HELP
};

static const struct option options[] = {
	{ "area", required_argument, NULL, OPT_AREA },
	{ "queue", required_argument, NULL, OPT_QUEUE },
	{ "reason", required_argument, NULL, OPT_REASON },
	{ "old-kid", required_argument, NULL, OPT_OLD_KID },
	{ "id", required_argument, NULL, OPT_ID },
	{ "older-than", required_argument, NULL, OPT_OLDER_THAN },
	{ "newer-than", required_argument, NULL, OPT_NEWER_THAN },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "kid", required_argument, NULL, OPT_KID },
	{ "ttl", required_argument, NULL, OPT_TTL },
	{ "yes", no_argument, NULL, OPT_YES },
	{ "whole", no_argument, NULL, OPT_WHOLE },
	{ "raw", no_argument, NULL, OPT_RAW },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "redis", required_argument, NULL, OPT_REDIS },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

/* --- flags ------------------------------------------------------------------------------------ */

static bool number(struct stk_quarantine *q, int opt)
{
	int64_t ms;

	switch (opt) {
	case OPT_LIMIT:
		return stk_quantity_count(optarg, &q->limit) && q->limit >= 1 &&
		       q->limit <= LIMIT_MAX;
	case OPT_OLDER_THAN: return stk_quantity_duration_ms(optarg, &q->older_ms);
	case OPT_NEWER_THAN: return stk_quantity_duration_ms(optarg, &q->newer_ms);
	default:
		if (!stk_quantity_duration_ms(optarg, &ms) || ms < 1000)
			return false;
		q->ttl_s = ms / 1000;
		return true;
	}
}

static bool flag(struct stk_quarantine *q, int opt)
{
	switch (opt) {
	case OPT_AREA: q->area = optarg; return stk_area_name_ok(optarg);
	case OPT_QUEUE: q->queue = optarg; return true;
	case OPT_REASON: q->reason = optarg; return true;
	case OPT_OLD_KID: q->old_kid = optarg; return true;
	case OPT_ID: q->id = optarg; return true;
	case OPT_KEY: q->key = optarg; return true;
	case OPT_KID: q->kid = optarg; return true;
	case OPT_YES: return q->yes = true;
	case OPT_WHOLE: return q->whole = true;
	case OPT_RAW: return q->raw = true;
	case OPT_POLICY: q->shared.policy = optarg; return true;
	case OPT_CONFIG: q->shared.config = optarg; return true;
	case OPT_REDIS: q->shared.redis = optarg; return true;
	case OPT_JSON: return q->shared.json = true;
	default: return number(q, opt);
	}
}

static const struct {
	const char *word;
	int (*run)(struct stk_quarantine *q);
	const char
	    *flags; /* of those that not every command takes: k key, t ttl, y yes, w whole, r raw */
	int64_t limit;
} words[] = {
	{ "list", stk_quarantine_list, "", LIST_LIMIT },
	{ "show", stk_quarantine_show, "r", 1 },
	{ "readmit", stk_quarantine_readmit, "kt", ACT_LIMIT },
	{ "drop", stk_quarantine_drop, "yw", ACT_LIMIT },
};

/* A flag that a command would ignore is a mistake about what it does. */
static int check(struct stk_quarantine *q, const char *word, const char *may)
{
	if ((q->key != NULL && strchr(may, 'k') == NULL) ||
	    (q->ttl_s != 0 && strchr(may, 't') == NULL) || (q->yes && strchr(may, 'y') == NULL) ||
	    (q->whole && strchr(may, 'w') == NULL) || (q->raw && strchr(may, 'r') == NULL))
		return stk_usage(&stk_cmd_quarantine, STK_EX_USAGE);
	if (strchr(may, 'k') == NULL &&
	    q->kid != NULL) { /* only readmit signs: elsewhere it is a filter */
		q->old_kid = q->kid;
		q->kid = NULL;
	}
	if ((q->key != NULL) != (q->kid != NULL))
		return stk_complain(STK_EX_USAGE, "--key and --kid go together: the operator's key "
						  "file and its name in the policy "
						  "(the filter by the old key is --old-kid)");
	if (strcmp(word, "show") == 0 && q->id == NULL)
		return stk_complain(STK_EX_USAGE, "show which? Name an entry: --id");
	if (strcmp(word, "list") != 0 && !stk_quarantine_filtered(q))
		return stk_complain(
		    STK_EX_USAGE, "%s what? Name an entry (--id) or a filter", word);
	return 0;
}

static int parse(int argc, char **argv, struct stk_quarantine *q, size_t *at)
{
	int opt;

	*q = (struct stk_quarantine){
		.older_ms = -1, .newer_ms = -1, .audit = { .lock = -1, .dir = -1, .fd = -1 }
	};
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == OPT_HELP) {
			(void)stk_usage(&stk_cmd_quarantine, 0);
			return -1;
		}
		if (opt == '?')
			return stk_usage(&stk_cmd_quarantine, STK_EX_USAGE);
		if (!flag(q, opt))
			return stk_complain(STK_EX_USAGE,
			    "that value is not one this flag takes: areas are named as `quarantine "
			    "list` "
			    "prints them, ages and --ttl like 10m, 2h or 7d, --limit is 1 to %d",
			    LIMIT_MAX);
	}
	if (optind != argc - 1)
		return stk_usage(&stk_cmd_quarantine, STK_EX_USAGE);
	for (*at = 0; *at < STK_ARRAY_LEN(words); ++*at)
		if (strcmp(words[*at].word, argv[optind]) == 0)
			break;
	if (*at == STK_ARRAY_LEN(words))
		return stk_usage(&stk_cmd_quarantine, STK_EX_USAGE);
	if (q->limit == 0)
		q->limit = words[*at].limit;
	return check(q, words[*at].word, words[*at].flags);
}

static int run(int argc, char **argv)
{
	struct stk_redis_caps caps = STK_REDIS_CAPS_DEFAULT;
	struct stk_config config;
	struct stk_quarantine q;
	size_t at = 0;
	int code = parse(argc, argv, &q, &at);

	if (code != 0)
		return code == -1 ? 0 : code;
	if (stk_seal_init() != STK_OK)
		return stk_complain(STK_EX_OS, "no source of randomness");
	if ((code = stk_options_config(&q.shared, false, &config)) != 0)
		return code;
	q.config = &config;
	caps.string_bytes += (size_t)config.max_payload_bytes * 2;
	caps.reply_bytes += (size_t)config.max_payload_bytes * 2;
	code = stk_options_redis(&config, "stockade-quarantine", &caps, &q.link);
	if (code == 0 &&
	    stk_store_init(&q.store, q.link, config.ns, "stockade:0:quarantine") != STK_OK)
		code = stk_complain(STK_EX_CONFIG, "namespace '%s' cannot be used", config.ns);
	if (code == 0)
		code = words[at].run(&q);
	stk_audit_close(&q.audit);
	stk_store_clear(&q.store);
	stk_redis_free(q.link);
	stk_config_clear(&config);
	return code;
}

const struct stk_command stk_cmd_quarantine = {
	.name = "quarantine",
	.summary = "look at refused jobs, put them back into their queues, or drop them",
	.usage =
	    "quarantine list [FILTER...] [--limit 100]\n"
	    "       stockade quarantine show --id ID [--area A] [--raw]\n"
	    "       stockade quarantine readmit FILTER... [--key FILE --kid K [--ttl D]] [--limit "
	    "N]\n"
	    "                           [--policy FILE]\n"
	    "       stockade quarantine drop FILTER... --yes | --area A --whole --yes\n"
	    "\n"
	    "each with [--config FILE] [--redis URL] [--json]\n"
	    "FILTER: --area A, --queue Q, --reason R, --old-kid K, --id ID, --older-than D,\n"
	    "        --newer-than D; an ID is a job id or the quarantine id of a note or a log "
	    "line\n"
	    "exit status: 0 done; 1 readmit: some stay; 64 drop without --yes; 66 no such entry",
	.run = run,
};

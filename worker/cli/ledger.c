/*
 * ledger.c - `stockade ledger init|show|acl`: an operator's word that the ledger may be believed, a
 * look at it, and the ACL user it needs.
 */
#include "worker/ledger.h"
#include "worker/cli/ledger_link.h"
#include "worker/cli/options.h"
#include "worker/jsonw.h"
#include "worker/seal.h"
#include "worker/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	OPT_MIN_IAT = 512,
	OPT_SHARDS,
	OPT_CONFIG,
	OPT_JSON,
	OPT_HELP,
};

struct request {
	const char *what, *min_iat, *shards;
	struct stk_options shared;
};

static int parse(int argc, char **argv, struct request *r)
{
	static const struct option options[] = {
		{ "min-iat", required_argument, NULL, OPT_MIN_IAT },
		{ "shards", required_argument, NULL, OPT_SHARDS },
		{ "config", required_argument, NULL, OPT_CONFIG },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, OPT_HELP },
		{ 0 },
	};
	int opt;

	*r = (struct request){ 0 };
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case OPT_MIN_IAT: r->min_iat = optarg; break;
		case OPT_SHARDS: r->shards = optarg; break;
		case OPT_CONFIG: r->shared.config = optarg; break;
		case OPT_JSON: r->shared.json = true; break;
		case OPT_HELP: (void)stk_usage(&stk_cmd_ledger, 0); return -1;
		default: return stk_usage(&stk_cmd_ledger, STK_EX_USAGE);
		}
	}
	if (optind != argc - 1)
		return stk_usage(&stk_cmd_ledger, STK_EX_USAGE);
	r->what = argv[optind];
	return 0;
}

static void time_text(int64_t s, char *out, size_t cap)
{
	time_t t = (time_t)s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(out, cap, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, cap, "?");
}

static int show(struct stk_ledger *l, bool json)
{
	struct stk_ledger_sight s;
	char begun[40], newest[40], least[40];
	struct stk_jw w;

	if (stk_ledger_look(l, &s) != STK_OK)
		return stk_complain(STK_EX_REDIS, "the ledger: %s", stk_redis_why(l->call.link));
	time_text(s.epoch.at_ms / 1000, begun, sizeof(begun));
	time_text(s.epoch.mark_ms / 1000, newest, sizeof(newest));
	time_text(s.min_iat_s, least, sizeof(least));
	if (json) {
		stk_jw_init(&w, 4096);
		stk_jw_open(&w, NULL, '{');
		stk_jw_cstr(&w, "epoch", s.epoch.id);
		stk_jw_int(&w, "begun_ms", s.epoch.at_ms);
		stk_jw_int(&w, "mark_ms", s.epoch.mark_ms);
		stk_jw_int(&w, "min_iat", s.min_iat_s);
		stk_jw_int(&w, "shards", s.shards);
		stk_jw_cstr(&w, "maxmemory_policy", s.policy);
		stk_jw_int(&w, "used_bytes", s.used_bytes);
		stk_jw_int(&w, "max_bytes", s.max_bytes);
		stk_jw_close(&w, '}');
		(void)printf("%.*s\n", (int)w.len, (const char *)w.buf);
		stk_jw_clear(&w);
	} else if (s.epoch.id[0] == '\0') {
		(void)printf(
		    "LEDGER_LOST: no epoch here. A new ledger: `stockade ledger init --min-iat 0`; "
		    "one that lost its records: `--min-iat now`.\n");
	} else {
		(void)printf("epoch %s\nbegun %s\nlast claim %s\nmin-iat %s\nshards %" PRId64
			     "\nmaxmemory-policy %s%s\nmemory %" PRId64 " of %" PRId64 " bytes\n",
		    s.epoch.id, begun, newest, least, s.shards, s.policy,
		    strcmp(s.policy, "noeviction") == 0 ? "" : " (LEDGER_EVICTS: set noeviction)",
		    s.used_bytes, s.max_bytes);
	}
	return s.epoch.id[0] == '\0' ? STK_EX_REDIS : 0;
}

static bool take_min_iat(const char *text, int64_t skew_ms, int64_t *out)
{
	if (strcmp(text, "now") == 0) {
		/* a producer's clock may be ahead by that much, and its job have run */
		*out = (int64_t)time(NULL) + (skew_ms + 999) / 1000;
		return true;
	}
	return stk_quantity_time(text, out) || stk_quantity_count(text, out);
}

static int init(struct stk_ledger *l, const struct request *r, const struct stk_config *c)
{
	int64_t min_iat, shards = STK_LEDGER_SHARDS;
	enum stk_answer v;

	if (r->min_iat == NULL || !take_min_iat(r->min_iat, c->skew_ms, &min_iat))
		return stk_complain(STK_EX_USAGE,
		    "init wants --min-iat: 0 where no job ever ran, `now` after a loss, or a time "
		    "like "
		    "2027-01-01T00:00:00Z: jobs issued before it will not run");
	if (r->shards != NULL &&
	    (!stk_quantity_count(r->shards, &shards) || shards < 1 || shards > 65536))
		return stk_complain(STK_EX_USAGE, "--shards is 1 to 65536");
	if (stk_ledger_begin(l, min_iat, shards, &v) != STK_OK)
		return stk_complain(STK_EX_REDIS, "the ledger: %s", stk_redis_why(l->call.link));
	if (v != STK_ANSWER_OK)
		return stk_complain(STK_EX_REDIS, "%s %s", stk_answer_text(v), l->call.bad_key);
	return show(l, r->shared.json);
}

/* What redis-cli takes on standard input; the password goes as its digest. */
static int acl(const struct stk_config *c, int fd)
{
	char words[1024], secret[1024], hash[65];
	uint8_t digest[STK_SHA256_LEN];
	ssize_t n = fd == -1 ? 0 : pread(fd, secret, sizeof(secret), 0);

	if (c->ledger_user == NULL || n <= 0 || n == (ssize_t)sizeof(secret))
		return stk_complain(
		    STK_EX_CONFIG, "acl wants ledger_user, and a password in ledger_password_file");
	if (secret[n - 1] == '\n')
		n--;
	stk_sha256(stk_span_of(secret, (size_t)n), digest);
	stk_wipe(secret, sizeof(secret));
	stk_hex(digest, sizeof(digest), hash);
	stk_ledger_acl(c->ns, words, sizeof(words));
	(void)printf("ACL SETUSER %s on resetpass #%s %s\n", c->ledger_user, hash, words);
	return 0;
}

static int act(const struct request *r, const struct stk_config *c, int fd)
{
	struct stk_ledger l = { 0 };
	int code;

	if (strcmp(r->what, "acl") == 0)
		return acl(c, fd);
	if ((code = stk_cli_ledger_connect(c, fd, &l)) != 0)
		return code;
	code = strcmp(r->what, "init") == 0 ? init(&l, r, c) : show(&l, r->shared.json);
	stk_redis_free(l.call.link);
	stk_store_clear(&l.call);
	return code;
}

static int run(int argc, char **argv)
{
	struct stk_config config;
	struct request r;
	int fd = -1, code = parse(argc, argv, &r);

	if (code != 0)
		return code == -1 ? 0 : code;
	if (r.what == NULL || (strcmp(r.what, "init") != 0 && strcmp(r.what, "show") != 0 &&
				  strcmp(r.what, "acl") != 0))
		return stk_usage(&stk_cmd_ledger, STK_EX_USAGE);
	if ((code = stk_options_config(&r.shared, false, &config)) != 0)
		return code;
	code = stk_cli_ledger_password(&config, &fd);
	if (code == 0 && stk_seal_init() != STK_OK)
		code = stk_complain(STK_EX_OS, "libsodium did not start");
	if (code == 0)
		code = act(&r, &config, fd);
	stk_close(&fd);
	stk_config_clear(&config);
	return code;
}

const struct stk_command stk_cmd_ledger = {
	.name = "ledger",
	.summary = "the run ledger against replay: begin it, look at it, make its Redis user",
	.usage = "ledger init --min-iat 0|now|TIME [--shards 256] [--config FILE]\n"
		 "       stockade ledger show [--json] [--config FILE]\n"
		 "       stockade ledger acl [--config FILE]     prints ACL SETUSER for redis-cli",
	.run = run,
};

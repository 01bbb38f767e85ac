/*
 * config_rules.c - what needs several settings at once, or a parser of its own: the rules of single
 * queues, the ledger, where metrics are served.
 */
#include "worker/config.h"
#include "worker/envelope.h"
#include "worker/listen.h"
#include "worker/redis_url.h"

#include <string.h>

static const struct stk_queue_rule *rules(const struct stk_config *c)
{
	return c->queue_rules.items;
}

static bool listed(const struct stk_strings *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i], name) == 0)
			return true;
	return false;
}

const struct stk_queue_rule *stk_config_rule(const struct stk_config *c, const char *queue)
{
	for (size_t i = 0; i < c->queue_rules.n; i++)
		if (listed(&rules(c)[i].queues, queue))
			return &rules(c)[i];
	return NULL;
}

enum stk_signatures stk_config_signatures(const struct stk_config *c, const char *queue)
{
	const struct stk_queue_rule *r = stk_config_rule(c, queue);

	return r == NULL ? STK_SIGNATURES_REQUIRED : (enum stk_signatures)r->signatures;
}

static enum stk_err check_queues(
    const struct stk_config *c, const struct stk_queue_rule *r, struct stk_conf_error *e)
{
	for (size_t i = 0; i < r->queues.n; i++) {
		const char *q = r->queues.v[i];

		if (!stk_envelope_queue_ok(stk_span_str(q)))
			return stk_conf_blame(e, "queue_rules", 0,
			    "'%s' is no exact queue name; rules take no patterns", q);
		/* the first rule that names it is another one, or names it twice */
		if (stk_config_rule(c, q) != r)
			return stk_conf_blame(
			    e, "queue_rules", 0, "the queue '%s' stands in two rules", q);
	}
	return STK_OK;
}

static enum stk_err check_classes(const struct stk_queue_rule *r, struct stk_conf_error *e)
{
	bool off = r->signatures == STK_SIGNATURES_OFF;

	if (off && r->classes.n == 0)
		return stk_conf_blame(e, "queue_rules", 0,
		    "signatures = \"off\" for '%s' needs `classes`: those that anybody who can "
		    "write "
		    "the queue may run",
		    r->queues.v[0]);
	if (!off && r->classes.n > 0)
		return stk_conf_blame(e, "queue_rules", 0,
		    "`classes` for '%s' means something with signatures = \"off\" only; signed "
		    "classes are the policy's",
		    r->queues.v[0]);
	for (size_t i = 0; i < r->classes.n; i++)
		if (!stk_envelope_class_ok(stk_span_str(r->classes.v[i])))
			return stk_conf_blame(
			    e, "queue_rules", 0, "'%s' is no class name", r->classes.v[i]);
	return STK_OK;
}

enum stk_err stk_config_check_rules(const struct stk_config *c, struct stk_conf_error *e)
{
	enum stk_err err = STK_OK;

	for (size_t i = 0; err == STK_OK && i < c->queue_rules.n; i++)
		if ((err = check_queues(c, &rules(c)[i], e)) == STK_OK)
			err = check_classes(&rules(c)[i], e);
	return err;
}

/*
 * Every queue asks for signatures, so every worker needs a ledger: without one a signed job could
 * be repeated for ever, and a user who can write queues must not be able to write it.
 */
enum stk_err stk_config_check_ledger(const struct stk_config *c, struct stk_conf_error *e)
{
	const char *queues_user = c->redis_user != NULL ? c->redis_user : "default";
	struct stk_redis_url url;
	char why[STK_REDIS_WHY_BYTES];
	bool secret;

	if (c->ledger_url == NULL)
		return stk_conf_blame(e, "ledger_url", 0,
		    "LEDGER_UNSET: signed jobs need a run ledger against replay; set ledger_url "
		    "(the "
		    "Redis of `redis` will do to begin with), ledger_user and "
		    "ledger_password_file, and "
		    "see `stockade ledger --help`");
	if (stk_redis_url_parse(c->ledger_url, &url, why, sizeof(why)) != STK_OK)
		return stk_conf_blame(e, "ledger_url", 0, "%s", why);
	secret = url.has_password || url.user[0] != '\0';
	stk_redis_url_clear(&url);
	if (secret)
		return stk_conf_blame(e, "ledger_url", 0,
		    "user and password stand in ledger_user and ledger_password_file, not in the "
		    "URL");
	if (c->ledger_user == NULL || strcmp(c->ledger_user, queues_user) == 0)
		return stk_conf_blame(e, "ledger_user", 0,
		    "LEDGER_USER: the ledger needs an ACL user of its own, other than '%s': "
		    "`stockade "
		    "ledger acl` prints the command that makes one",
		    queues_user);
	return STK_OK;
}

enum stk_err stk_config_check_metrics(const struct stk_config *c, struct stk_conf_error *e)
{
	struct stk_listen at;
	char why[STK_LISTEN_WHY_BYTES];

	if (c->metrics_listen == NULL ||
	    stk_listen_parse(c->metrics_listen, &at, why, sizeof(why)) == STK_OK)
		return STK_OK;
	return stk_conf_blame(
	    e, "metrics_listen", 0, "METRICS_LISTEN: \"%.80s\": %s", c->metrics_listen, why);
}

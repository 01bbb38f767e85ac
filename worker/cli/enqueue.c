/*
 * enqueue.c - `stockade enqueue`: sign, then SADD and RPUSH in one MULTI, as Resque.enqueue does.
 */
#include "worker/cli/options.h"
#include "worker/cli/signing.h"
#include "worker/store.h"

#include <stdio.h>
#include <stdlib.h>

static int push(const struct stk_config *config, const char *queue, struct stk_span payload)
{
	struct stk_store store = { 0 };
	struct stk_redis *link = NULL;
	int code = stk_options_redis(config, "stockade-enqueue", NULL, &link);

	if (code == 0 && stk_store_init(&store, link, config->ns, "stockade:0:enqueue") != STK_OK)
		code = stk_complain(STK_EX_CONFIG, "namespace '%s' cannot be used", config->ns);
	if (code == 0 && stk_store_enqueue(&store, queue, payload) != STK_OK)
		code = stk_complain(
		    STK_EX_REDIS, "Redis at %s: %s", config->redis, stk_redis_why(link));
	stk_store_clear(&store);
	stk_redis_free(link);
	return code;
}

static int run(int argc, char **argv)
{
	struct stk_options o = { 0 };
	const struct stk_sign_flag flags[] = { { "redis", &o.redis }, { "config", &o.config } };
	struct stk_signed job = { 0 };
	struct stk_config config;
	int code =
	    stk_sign_options(&stk_cmd_enqueue, flags, STK_ARRAY_LEN(flags), argc, argv, &job);

	if (code != 0)
		return code == -1 ? 0 : code;
	code = stk_options_config(&o, false, &config);
	if (code == 0) {
		code = push(&config, job.queue, stk_span_of(job.payload, job.payload_len));
		stk_config_clear(&config);
	}
	if (code == 0)
		(void)printf("%s\n", job.job_id);
	stk_signed_clear(&job);
	return code;
}

const struct stk_command stk_cmd_enqueue = {
	.name = "enqueue",
	.summary = "sign a job and push it as Resque.enqueue does; prints its id",
	.usage = "enqueue [--redis URL] [--config FILE] " STK_SIGN_USAGE,
	.run = run,
};

/*
 * enqueue.c - `stockade enqueue`: sign, then SADD and RPUSH in one MULTI, as Resque.enqueue does.
 */
#include "worker/cli/options.h"
#include "worker/cli/signing.h"
#include "worker/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int push(const struct stk_config *config, const char *queue, struct stk_span payload)
{
	struct stk_redis_url url;
	struct stk_redis *link = NULL;
	struct stk_store store = { 0 };
	char why[STK_REDIS_WHY_BYTES];
	STK_AUTO_CLOSE int password_fd = -1;
	struct stk_redis_config redis = { .url = &url, .client_name = "stockade-enqueue" };
	int code = 0;

	if (stk_redis_url_parse(config->redis, &url, why, sizeof(why)) != STK_OK)
		return stk_complain(STK_EX_CONFIG, "redis: %s", why);
	if (url.has_password)
		return stk_complain(STK_EX_CONFIG,
		    "a password in a URL is readable by others here; use redis_password_file");
	if (config->redis_user != NULL)
		(void)snprintf(url.user, sizeof(url.user), "%s", config->redis_user);
	if (config->redis_password_file != NULL &&
	    (password_fd = open(config->redis_password_file, O_RDONLY | O_CLOEXEC)) == -1)
		return stk_complain(STK_EX_NOINPUT, "cannot read redis_password_file %s: %s",
		    config->redis_password_file, strerror(errno));
	redis.password_fd = password_fd;
	redis.connect_timeout_ms = redis.command_timeout_ms = (int)config->redis_timeout_ms;
	if (stk_redis_new(&redis, &link) != STK_OK ||
	    stk_store_init(&store, link, config->ns, "stockade:0:enqueue") != STK_OK)
		code = stk_complain(STK_EX_CONFIG, "namespace '%s' cannot be used", config->ns);
	else if (stk_redis_connect(link) != STK_OK ||
		 stk_store_enqueue(&store, queue, payload) != STK_OK)
		code = stk_complain(
		    STK_EX_REDIS, "Redis at %s: %s", config->redis, stk_redis_why(link));
	stk_store_clear(&store);
	stk_redis_free(link);
	stk_redis_url_clear(&url);
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

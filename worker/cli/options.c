/*
 * options.c - see options.h.
 */
#include "worker/cli/options.h"

#include "worker/outage.h"
#include "worker/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	char letter;
	struct option o;
} shared[] = {
	{ 'c', { "config", required_argument, NULL, STK_OPT_CONFIG } },
	{ 'p', { "policy", required_argument, NULL, STK_OPT_POLICY } },
	{ 'g', { "cage", required_argument, NULL, STK_OPT_CAGE } },
	{ 'r', { "redis", required_argument, NULL, STK_OPT_REDIS } },
	{ 'q', { "queues", required_argument, NULL, STK_OPT_QUEUES } },
	{ 'j', { "json", no_argument, NULL, STK_OPT_JSON } },
	{ 'l', { "learn", no_argument, NULL, STK_OPT_LEARN } },
	{ 'm', { "markdown", no_argument, NULL, STK_OPT_MARKDOWN } },
	{ 'n', { "repeat", required_argument, NULL, STK_OPT_REPEAT } },
	{ 't', { "time", no_argument, NULL, STK_OPT_TIME } },
	{ 'd', { "debugger", no_argument, NULL, STK_OPT_DEBUGGER } },
	{ 'k', { "keep-going", no_argument, NULL, STK_OPT_KEEP_GOING } },
	{ 'a', { "as", required_argument, NULL, STK_OPT_AS } },
	{ 'w', { "as-password", required_argument, NULL, STK_OPT_AS_PASSWORD } },
};

static void take(struct stk_options *o, int opt)
{
	switch (opt) {
	case STK_OPT_CONFIG: o->config = optarg; break;
	case STK_OPT_POLICY: o->policy = optarg; break;
	case STK_OPT_CAGE: o->cage = optarg; break;
	case STK_OPT_REDIS: o->redis = optarg; break;
	case STK_OPT_QUEUES: o->queues = optarg; break;
	case STK_OPT_JSON: o->json = true; break;
	case STK_OPT_LEARN: o->learn = true; break;
	case STK_OPT_MARKDOWN: o->markdown = true; break;
	case STK_OPT_REPEAT: o->repeat = optarg; break;
	case STK_OPT_TIME: o->time = true; break;
	case STK_OPT_DEBUGGER: o->debugger = true; break;
	case STK_OPT_KEEP_GOING: o->keep_going = true; break;
	case STK_OPT_AS: o->as = optarg; break;
	case STK_OPT_AS_PASSWORD: o->as_password = optarg; break;
	}
}

int stk_options_parse(const struct stk_command *cmd, const char *allowed, int argc, char **argv,
    struct stk_options *o)
{
	struct option longopts[STK_ARRAY_LEN(shared) + 2] = { { "help", no_argument, NULL,
	    STK_OPT_HELP } };
	size_t n = 1;
	int opt;

	memset(o, 0, sizeof(*o));
	for (size_t i = 0; i < STK_ARRAY_LEN(shared); i++)
		if (strchr(allowed, shared[i].letter) != NULL)
			longopts[n++] = shared[i].o;
	optind = 1;
	while ((opt = getopt_long(argc, argv, "+", longopts, NULL)) != -1) {
		if (opt == '?')
			return stk_usage(cmd, STK_EX_USAGE);
		if (opt == STK_OPT_HELP) {
			(void)stk_usage(cmd, 0);
			return -1;
		}
		take(o, opt);
	}
	o->first_operand = optind;
	return 0;
}

static enum stk_err take_flags(
    const struct stk_options *o, struct stk_config *config, struct stk_conf_error *e)
{
	const struct {
		const char *setting, *flag, *text;
	} flags[] = {
		{ "policy", "--policy", o->policy },
		{ "cage", "--cage", o->cage },
		{ "redis", "--redis", o->redis },
		{ "queues", "--queues", o->queues },
	};

	for (size_t i = 0; i < STK_ARRAY_LEN(flags); i++) {
		enum stk_err err;

		if (flags[i].text == NULL)
			continue;
		err = stk_conf_set(stk_config_table, stk_config_table_len, config, flags[i].setting,
		    flags[i].text, flags[i].flag, e);
		if (err != STK_OK)
			return err;
	}
	return STK_OK;
}

int stk_options_config(const struct stk_options *o, bool for_work, struct stk_config *config)
{
	struct stk_conf_error e = { 0 };

	if (stk_config_load(config, o->config, &e) != STK_OK)
		return stk_complain(STK_EX_CONFIG, "%s", e.sentence);
	if (take_flags(o, config, &e) == STK_OK && stk_config_url_namespace(config, &e) == STK_OK &&
	    stk_config_check(config, for_work, &e) == STK_OK)
		return 0;
	if (for_work && config->queues.n == 0) {
		stk_config_clear(config);
		return stk_complain(STK_EX_USAGE, "%s", e.sentence);
	}
	stk_config_clear(config);
	return stk_complain(STK_EX_CONFIG, "%s", e.sentence);
}

int stk_options_redis(const struct stk_config *config, const char *client_name,
    const struct stk_redis_caps *caps, struct stk_redis **out)
{
	struct stk_redis_url url;
	char why[STK_REDIS_WHY_BYTES];
	STK_AUTO_CLOSE int password_fd = -1;
	struct stk_redis_config redis = { .url = &url, .client_name = client_name };
	int code = 0;

	*out = NULL;
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
	if (caps != NULL)
		redis.caps = *caps;
	if (stk_redis_new(&redis, out) != STK_OK)
		code = stk_complain(STK_EX_OS, "out of memory");
	else if (stk_redis_connect(*out) != STK_OK)
		code = stk_complain(STK_EX_REDIS, "Redis at %s: %s%s", config->redis,
		    stk_redis_why(*out), stk_outage_advice(stk_redis_problem(*out), false));
	stk_redis_url_clear(&url);
	return code;
}

int stk_options_cage(const struct stk_config *config, struct stk_cage_setup *out)
{
	return stk_options_cage_learning(config, NULL, out);
}

int stk_options_cage_learning(
    const struct stk_config *config, const char *learn, struct stk_cage_setup *out)
{
	STK_AUTO_CLOSE int cage_fd = -1;
	char why[512];
	int code;

	memset(out, 0, sizeof(*out));
	if (stk_privilege_drop(config->user, why, sizeof(why)) != STK_OK)
		return stk_complain(STK_EX_NOPERM, "%s", why);
	cage_fd = stk_cage_program_open(config->cage, why, sizeof(why));
	if (cage_fd == -1)
		return stk_complain(
		    access(config->cage, F_OK) == 0 ? STK_EX_NOPERM : STK_EX_NOINPUT, "%s", why);
	code = stk_cage_setup_learning(config, cage_fd, learn, out, why, sizeof(why));
	if (code != 0)
		return stk_complain(code, "%s", why);
	return 0;
}

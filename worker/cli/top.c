/*
 * top.c - `stockade top`: live workers and what each runs. Reads Redis and changes nothing.
 */
#include "worker/cli/top.h"

#include "worker/cli/options.h"

#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REFRESH_MS 1000

enum {
	OPT_CONFIG = 512,
	OPT_REDIS,
	OPT_JSON,
	OPT_ONCE,
	OPT_HELP
};

struct request {
	struct stk_options shared;
	bool once;
};

static int parse(int argc, char **argv, struct request *r)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, OPT_CONFIG },
		{ "redis", required_argument, NULL, OPT_REDIS },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "once", no_argument, NULL, OPT_ONCE },
		{ "help", no_argument, NULL, OPT_HELP },
		{ 0 },
	};
	int opt;

	*r = (struct request){ 0 };
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case OPT_CONFIG: r->shared.config = optarg; break;
		case OPT_REDIS: r->shared.redis = optarg; break;
		case OPT_JSON: r->shared.json = true; break;
		case OPT_ONCE: r->once = true; break;
		case OPT_HELP: (void)stk_usage(&stk_cmd_top, 0); return -1;
		default: return stk_usage(&stk_cmd_top, STK_EX_USAGE);
		}
	}
	return optind == argc ? 0 : stk_usage(&stk_cmd_top, STK_EX_USAGE);
}

static size_t width(void)
{
	struct winsize w;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

static int show(
    struct stk_redis *link, const struct stk_config *config, const struct request *r, bool again)
{
	bool tty = isatty(STDOUT_FILENO) == 1;
	struct stk_top t;
	enum stk_err e = stk_top_look(link, config->ns, &t);
	int code = 0;

	if (e == STK_E_NOMEM)
		code = stk_complain(STK_EX_OS, "no memory for the listing");
	else if (e != STK_OK)
		code = stk_complain(
		    STK_EX_REDIS, "Redis at %s: %s", config->redis, stk_redis_why(link));
	else if (r->shared.json)
		code = stk_top_json(&t);
	else {
		if (again)
			(void)fputs("\033[H\033[J", stdout);
		stk_top_print(&t, tty ? width() : 0, tty);
	}
	(void)fflush(stdout);
	stk_top_clear(&t);
	return code;
}

static int run(int argc, char **argv)
{
	struct stk_redis *link = NULL;
	struct stk_config config;
	struct request r;
	bool again;
	int code = parse(argc, argv, &r);

	if (code != 0)
		return code == -1 ? 0 : code;
	if ((code = stk_options_config(&r.shared, false, &config)) != 0)
		return code;
	again = !r.once && !r.shared.json && isatty(STDOUT_FILENO) == 1;
	code = stk_options_redis(&config, "stockade-top", NULL, &link);
	while (code == 0) {
		code = show(link, &config, &r, again);
		if (!again)
			break;
		(void)poll(NULL, 0, REFRESH_MS);
	}
	stk_redis_free(link);
	stk_config_clear(&config);
	return code;
}

const struct stk_command stk_cmd_top = {
	.name = "top",
	.summary = "live workers, and what each runs and how far it is",
	.usage =
	    "top [--redis URL] [--config FILE] [--once] [--json]\n"
	    "on a terminal it is shown anew each second until it is interrupted; --once, --json\n"
	    "    and a pipe get one look",
	.run = run,
};

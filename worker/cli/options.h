/*
 * options.h - the flags that several subcommands share, over the one configuration table.
 */
#ifndef WORKER_CLI_OPTIONS_H
#define WORKER_CLI_OPTIONS_H

#include "worker/cage_setup.h"
#include "worker/cli/cli.h"
#include "worker/redis.h"

#include <getopt.h>

enum {
	STK_OPT_CONFIG = 256,
	STK_OPT_POLICY,
	STK_OPT_CAGE,
	STK_OPT_REDIS,
	STK_OPT_QUEUES,
	STK_OPT_JSON,
	STK_OPT_LEARN,
	STK_OPT_MARKDOWN,
	STK_OPT_REPEAT,
	STK_OPT_TIME,
	STK_OPT_KEEP_GOING,
	STK_OPT_DEBUGGER,
	STK_OPT_AS,
	STK_OPT_AS_PASSWORD,
	STK_OPT_HELP,
};

/* What the shared flags said; NULL where a flag was not given. Borrowed from argv. */
struct stk_options {
	const char *config, *policy, *cage, *redis, *queues, *repeat;
	bool json, learn, markdown, time, keep_going, debugger;
	const char *as, *as_password; /* whom to log in as for what a worker may not ask */
	int first_operand;            /* index into argv */
};

/*
 * Parses argv against the flags whose letters stand in @allowed (c config, p policy, g cage,
 * r redis, q queues, j json, l learn, m markdown, n repeat, t time, k keep-going, d debugger, a as,
 * w as-password). Returns 0, or the exit code after complaining; -1: --help was shown.
 */
STK_CHECK int stk_options_parse(const struct stk_command *cmd, const char *allowed, int argc,
    char **argv, struct stk_options *o);

/* Loads the configuration with these flags on top. 0 or an exit code, complaining by itself. */
STK_CHECK int stk_options_config(
    const struct stk_options *o, bool for_work, struct stk_config *config);

/*
 * A link to the configured Redis, connected, for a command that is no worker; @caps NULL: the
 * usual. 0 or an exit code, complaining by itself; *out is the caller's (stk_redis_free).
 */
STK_CHECK int stk_options_redis(const struct stk_config *config, const char *client_name,
    const struct stk_redis_caps *caps, struct stk_redis **out);

/*
 * Drops privileges, opens the cage program and sets the cage up (no probes). 0 or an exit code,
 * complaining by itself. stk_cage_setup_clear() in every case.
 */
STK_CHECK int stk_options_cage(const struct stk_config *config, struct stk_cage_setup *out);

/* The same for `run-job --learn`: @learn is a line of sandbox/learn.h, or NULL. */
STK_CHECK int stk_options_cage_learning(
    const struct stk_config *config, const char *learn, struct stk_cage_setup *out);

#endif

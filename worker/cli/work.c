/*
 * work.c - `stockade work`: check what only a person can mend, then supervise.
 */
#include "worker/cli/options.h"
#include "worker/log.h"
#include "worker/pidfile.h"
#include "worker/privilege.h"
#include "worker/secret.h"
#include "worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int supervise(const struct stk_config *config, int *password_fd)
{
	STK_AUTO_CLOSE int cage_fd = -1;
	char why[512];
	int code;

	if (stk_privilege_drop(config->user, why, sizeof(why)) != STK_OK)
		return stk_complain(STK_EX_NOPERM, "%s", why);
	cage_fd = stk_cage_program_open(config->cage, why, sizeof(why));
	if (cage_fd == -1)
		return stk_complain(
		    access(config->cage, F_OK) == 0 ? STK_EX_NOPERM : STK_EX_NOINPUT, "%s", why);
	if (config->background && daemon(1, 0) != 0)
		return stk_complain(STK_EX_OS, "cannot leave the terminal: %s", strerror(errno));
	if (config->pidfile != NULL && (code = stk_pidfile_write(config->pidfile)) != 0)
		return code;
	stk_log_open(STDERR_FILENO, (enum stk_log_format)config->log_format,
	    (enum stk_log_level)config->log_level);
	return stk_supervise(config, &cage_fd, password_fd, stk_worker_main);
}

static int run(int argc, char **argv)
{
	struct stk_config config;
	struct stk_options o;
	int password_fd;
	int code = stk_options_parse(&stk_cmd_work, "cpgrq", argc, argv, &o);

	if (code != 0)
		return code == -1 ? 0 : code;
	if (o.first_operand != argc)
		return stk_usage(&stk_cmd_work, STK_EX_USAGE);
	if ((code = stk_options_config(&o, true, &config)) != 0)
		return code;
	code = stk_secret_from_url(&config, o.redis != NULL, argv, &password_fd);
	if (code == 0) {
		code = supervise(&config, &password_fd);
		stk_close(&password_fd);
	}
	stk_config_clear(&config);
	return code;
}

const struct stk_command stk_cmd_work = {
	.name = "work",
	.summary = "reserve, admit, run and settle jobs until told to stop",
	.usage =
	    "work [--queues Q,...] [--redis URL] [--config FILE] [--policy FILE] [--cage PROGRAM]\n"
	    "every setting: stockade.conf(5); signals, environment, exit status: stockade(1)",
	.run = run,
};

/*
 * main.c - wiring only: closed standard descriptors are filled, the subcommand is looked up and
 * run.
 */
#include "sandbox/broker.h"
#include "worker/cli/table.h"
#include "worker/title.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int help(int code)
{
	FILE *to = code == 0 ? stdout : stderr;

	(void)fputs("usage: stockade COMMAND [options]\n\n", to);
	for (size_t i = 0; i < stk_n_commands; i++)
		(void)fprintf(to, "  %-10s %s\n", stk_commands[i]->name, stk_commands[i]->summary);
	(void)fputs("\nstockade COMMAND --help tells more.\n", to);
	return code;
}

/* A descriptor 0, 1 or 2 that is closed would be taken by the next open: a secret under stdout. */
static bool fill_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd == -1)
			return false;
	} while (fd <= STDERR_FILENO);
	(void)close(fd);
	return true;
}

int main(int argc, char **argv)
{
	const struct sigaction ordinary = { .sa_handler = SIG_DFL },
			       ignored = { .sa_handler = SIG_IGN };

	/* the nursery executes this program for a job's broker, with its descriptors
	 * placed (sandbox/broker.h) */
	if (argc > 0 && strcmp(argv[0], STK_BROKER_ARGV0) == 0)
		return stk_broker_main(argc, argv);
	if (!fill_standard_fds())
		return stk_complain(STK_EX_OS, "cannot open /dev/null");
	/* a starter that ignores it hands that on, and then no child leaves a status behind */
	(void)sigaction(SIGCHLD, &ordinary, NULL);
	/* a file that may not grow is an error with a name, not a death; the nursery sets it back
	 * for jobs */
	(void)sigaction(SIGXFSZ, &ignored, NULL);
	if (argc < 2)
		return help(STK_EX_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help(0);
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("stockade %s\n", STOCKADE_VERSION);
		return 0;
	}
	for (size_t i = 0; i < stk_n_commands; i++)
		if (strcmp(argv[1], stk_commands[i]->name) == 0) {
			if (argc > 2 && strcmp(argv[2], "--help") == 0)
				return stk_usage(stk_commands[i], 0);
			if (strcmp(argv[1], "work") == 0)
				stk_title_init(argc, argv);
			return stk_commands[i]->run(argc - 1, argv + 1);
		}
	(void)stk_complain(STK_EX_USAGE, "no command '%s'", argv[1]);
	return help(STK_EX_USAGE);
}

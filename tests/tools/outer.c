/*
 * outer.c - build/test/stockade-outer: runs a command under a seccomp filter that stands around
 *ours, for tests that ask what happens within a container, or when a layer of the wall cannot be
 *had.
 *
 *	stockade-outer CALL ERRNO COMMAND...    one system call answers with an error
 *	stockade-outer default COMMAND...       what a container runtime's default profile refuses
 *	stockade-outer only CALL... -- COMMAND...    every call but these answers EPERM
 */
#include "tests/lib/outer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned err;
} errors[] = { { "EPERM", EPERM }, { "ENOSYS", ENOSYS }, { "EINVAL", EINVAL } };

static int run(char **argv)
{
	(void)execvp(argv[0], argv);
	perror(argv[0]);
	return 127;
}

/* The words up to "--"; NULL: there is none. */
static char **split(char **argv)
{
	while (*argv != NULL && strcmp(*argv, "--") != 0)
		argv++;
	if (*argv == NULL || argv[1] == NULL)
		return NULL;
	*argv = NULL;
	return argv + 1;
}

int main(int argc, char **argv)
{
	char **command;

	if (argc > 2 && strcmp(argv[1], "only") == 0 && (command = split(argv + 2)) != NULL &&
	    outer_only(argv + 2))
		return run(command);
	if (argc > 2 && strcmp(argv[1], "default") == 0 && outer_default())
		return run(argv + 2);
	for (size_t e = 0; argc > 3 && e < sizeof(errors) / sizeof(errors[0]); e++)
		if (strcmp(argv[2], errors[e].name) == 0 && outer_call(argv[1], errors[e].err))
			return run(argv + 3);
	(void)fprintf(stderr, "usage: stockade-outer default | only CALL... -- | CALL "
			      "EPERM|ENOSYS|EINVAL  COMMAND...\n");
	return 64;
}

/*
 * nursery_broker.c - the last steps of a process that is about to be a broker: what it sees of the
 * file system is libraries and what a resolver reads, and then it is another program. Runs in M's
 * clone; trusts W's request in content.
 */
#include "sandbox/nursery.h"

#include "sandbox/broker.h"
#include "sandbox/fds.h"
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SLOT_PROGRAM  5
#define SLOT_TELLTALE 6

/* As libraries come: what the loader needs. What the resolver reads is the rest; a file that is put
 * in another's place is seen by the next broker. */
static const struct {
	const char *path;
	uint32_t rights;
} paths[] = {
	{ "/lib", STK_LANDLOCK_READ | STK_LANDLOCK_EXEC },
	{ "/lib64", STK_LANDLOCK_READ | STK_LANDLOCK_EXEC },
	{ "/usr/lib", STK_LANDLOCK_READ | STK_LANDLOCK_EXEC },
	{ "/usr/lib64", STK_LANDLOCK_READ | STK_LANDLOCK_EXEC },
	{ "/usr/local/lib", STK_LANDLOCK_READ | STK_LANDLOCK_EXEC },
	{ "/etc/ld.so.cache", STK_LANDLOCK_READ },
	{ "/etc/hosts", STK_LANDLOCK_READ },
	{ "/etc/resolv.conf", STK_LANDLOCK_READ },
	{ "/etc/host.conf", STK_LANDLOCK_READ },
	{ "/etc/gai.conf", STK_LANDLOCK_READ },
	{ "/etc/nsswitch.conf", STK_LANDLOCK_READ },
	{ "/dev/null", STK_LANDLOCK_READ },
};

static bool add_paths(int rules, int abi)
{
	for (size_t i = 0; i < STK_ARRAY_LEN(paths); i++) {
		STK_AUTO_CLOSE int fd = open(paths[i].path, O_PATH | O_CLOEXEC);

		if (fd == -1 && errno != ENOENT && errno != ENOTDIR)
			return false;
		if (fd != -1 && stk_landlock_add(rules, abi, fd, paths[i].rights) != STK_OK)
			return false;
	}
	return true;
}

/* It signals nobody and reaches no abstract socket; TCP is its work, so that stays open. */
static bool hide_files(int program, int abi)
{
	STK_AUTO_CLOSE int rules = -1;

	if (abi == 0)
		return true;
	if (abi < 0) {
		errno = -abi;
		return false;
	}
	return stk_landlock_create(abi, STK_LANDLOCK_SCOPES, &rules) == STK_OK &&
	       stk_landlock_add(rules, abi, program, STK_LANDLOCK_READ | STK_LANDLOCK_EXEC) ==
		   STK_OK &&
	       add_paths(rules, abi) && stk_landlock_restrict(rules) == STK_OK;
}

enum stk_birth_step stk_birth_broker(
    int program, int abi, pid_t worker, const int *fds, int *telltale, char *const env[])
{
	const int slots[] = { 0, 0,
		0, [STK_BROKER_SLOT_EVENTS] = fds[1], [STK_BROKER_SLOT_SOCK] = fds[0],
		[SLOT_PROGRAM] = program, [SLOT_TELLTALE] = *telltale };
	char name[] = STK_BROKER_ARGV0, operand[16];
	char *argv[] = { name, operand, NULL };

	if (!hide_files(program, abi))
		return STK_BIRTH_LANDLOCK;
	if (stk_fds_arrange(slots, STK_ARRAY_LEN(slots)) != STK_OK)
		return STK_BIRTH_FDS;
	*telltale = SLOT_TELLTALE;
	if (fcntl(SLOT_PROGRAM, F_SETFD, FD_CLOEXEC) == -1 ||
	    fcntl(SLOT_TELLTALE, F_SETFD, FD_CLOEXEC) == -1)
		return STK_BIRTH_FDS;
	(void)snprintf(operand, sizeof(operand), "%d", (int)worker);
	(void)execveat(SLOT_PROGRAM, "", argv, env, AT_EMPTY_PATH);
	return STK_BIRTH_EXEC;
}

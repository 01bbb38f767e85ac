/*
 * pidfile.c - see pidfile.h. The last part of the path may be no symbolic link.
 */
#include "worker/pidfile.h"

#include "worker/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int cannot(const char *path)
{
	return stk_complain(STK_EX_OS, "cannot write the pidfile %s: %s", path, strerror(errno));
}

int stk_pidfile_write(const char *path)
{
	STK_AUTO_CLOSE int fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	char pid[16];
	int n = snprintf(pid, sizeof(pid), "%d", (int)getpid());

	if (fd == -1 || stk_write_all(fd, pid, (size_t)n) != STK_OK)
		return cannot(path);
	return 0;
}

/* The folder of @path takes a new file. */
static bool takes_new(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
	bool takes = folder != NULL && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0;
	int saved = errno;

	free(folder);
	errno = saved;
	return takes;
}

int stk_pidfile_look(const char *path)
{
	STK_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	return fd != -1 || (errno == ENOENT && takes_new(path)) ? 0 : cannot(path);
}

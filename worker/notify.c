/*
 * notify.c - see notify.h. By hand: libsystemd would bring four compressors and a crypto library.
 */
#include "worker/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_MS 1000 /* the manager's queue was full */

/* "/a/path" or "@abstract"; 0: neither, or too long. */
static socklen_t address_of(const char *name, struct sockaddr_un *at)
{
	size_t len = strlen(name);

	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(at->sun_path))
		return 0;
	memcpy(at->sun_path, name, len);
	if (name[0] == '/')
		return (socklen_t)sizeof(*at);
	at->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* Twice as often as asked. 0: signs of life are not asked for, or of another process. */
static int64_t watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end;
	int64_t every;

	if (usec == NULL || (pid != NULL && strtoimax(pid, NULL, 10) != getpid()))
		return 0;
	every = strtoimax(usec, &end, 10) / 2000;
	return *end == '\0' && every > 0 ? every : 0;
}

static enum stk_err connect_to(const char *name, int *fd)
{
	struct sockaddr_un at;
	socklen_t len = address_of(name, &at);

	if (len == 0)
		return STK_E_FORMAT;
	*fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd == -1)
		return STK_E_SYSTEM;
	if (connect(*fd, (const struct sockaddr *)&at, len) == 0)
		return STK_OK;
	stk_close(fd);
	return STK_E_SYSTEM;
}

enum stk_err stk_notify_open(struct stk_notify *n)
{
	const char *name = getenv("NOTIFY_SOCKET");
	enum stk_err e;

	*n = (struct stk_notify){ .fd = -1 };
	if (name == NULL)
		return STK_E_ABSENT;
	e = connect_to(name, &n->fd);
	if (e == STK_OK)
		n->every_ms = watchdog_ms();
	return e;
}

void stk_notify_close(struct stk_notify *n)
{
	stk_close(&n->fd);
}

static bool tell(const struct stk_notify *n, const char *lines)
{
	size_t len = strlen(lines);

	return n->fd == -1 || write(n->fd, lines, len) == (ssize_t)len;
}

void stk_notify_ready(const struct stk_notify *n, uint32_t workers)
{
	char lines[64];

	(void)snprintf(
	    lines, sizeof(lines), "READY=1\nSTATUS=Supervising %" PRIu32 " workers", workers);
	(void)tell(n, lines);
}

void stk_notify_stopping(struct stk_notify *n)
{
	if (!n->stopping)
		n->stopping = tell(n, "STOPPING=1\nSTATUS=Draining");
}

void stk_notify_alive(struct stk_notify *n, int64_t now_ms)
{
	if (n->every_ms == 0 || now_ms < n->next_ms)
		return;
	n->next_ms = now_ms + n->every_ms;
	if (!tell(n, "WATCHDOG=1") && n->every_ms > RETRY_MS)
		n->next_ms = now_ms + RETRY_MS;
}

int64_t stk_notify_wait_ms(const struct stk_notify *n, int64_t now_ms, int64_t most)
{
	int64_t left = n->next_ms - now_ms;

	if (n->every_ms == 0 || left >= most)
		return most;
	return left > 0 ? left : 0;
}

/*
 * listen.c - see listen.h.
 */
#include "worker/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH_PREFIX  "unix://"
#define BACKLOG      1024 /* beyond it a connection is lost and tried again after seconds */
#define DEFAULT_MODE 0660

static enum stk_err blame(char *why, size_t size, const char *sentence)
{
	(void)snprintf(why, size, "%s", sentence);
	return STK_E_FORMAT;
}

/* "?mode=0660" or nothing. */
static bool mode_of(const char *text, unsigned *mode)
{
	char *end;
	unsigned long n;

	*mode = DEFAULT_MODE;
	if (*text == '\0')
		return true;
	if (strncmp(text, "?mode=", 6) != 0 || text[6] < '0' || text[6] > '7')
		return false;
	n = strtoul(text + 6, &end, 8);
	*mode = (unsigned)n;
	return *end == '\0' && n <= 0777;
}

static enum stk_err parse_path(const char *text, struct stk_listen *out, char *why, size_t size)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&out->at;
	const char *path = text + strlen(PATH_PREFIX);
	size_t n = strcspn(path, "?");

	if (path[0] != '/' || n < 2 || n >= sizeof(un->sun_path))
		return blame(why, size,
		    "a socket's path is absolute and has at most 107 bytes: "
		    "unix:///run/stockade/metrics.sock");
	if (!mode_of(path + n, &out->mode))
		return blame(why, size,
		    "after the path only ?mode= and an octal mode may stand, such as ?mode=0660");
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, n);
	out->at_len = (socklen_t)sizeof(*un);
	out->local = true;
	return STK_OK;
}

static bool port_of(const char *text, in_port_t *port)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*port = htons((uint16_t)n);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && n >= 1 && n <= 65535;
}

static bool parse_v4(const char *host, struct stk_listen *out, in_port_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&out->at;

	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		return false;
	in->sin_family = AF_INET;
	in->sin_port = port;
	out->at_len = (socklen_t)sizeof(*in);
	out->local = (ntohl(in->sin_addr.s_addr) >> 24) == 127;
	return true;
}

static bool parse_v6(const char *host, struct stk_listen *out, in_port_t port)
{
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)&out->at;

	if (inet_pton(AF_INET6, host, &in->sin6_addr) != 1)
		return false;
	in->sin6_family = AF_INET6;
	in->sin6_port = port;
	out->at_len = (socklen_t)sizeof(*in);
	out->local = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr) != 0;
	return true;
}

enum stk_err stk_listen_parse(const char *text, struct stk_listen *out, char *why, size_t why_size)
{
	char host[64] = "";
	const char *colon = strrchr(text, ':');
	bool v6 = text[0] == '[';
	in_port_t port;
	size_t n;

	*out = (struct stk_listen){ 0 };
	if (strncmp(text, PATH_PREFIX, strlen(PATH_PREFIX)) == 0)
		return parse_path(text, out, why, why_size);
	n = colon == NULL ? 0 : (size_t)(colon - text);
	if (v6 && n > 2 && text[n - 1] == ']')
		n -= 2;
	else if (v6)
		n = 0;
	if (n == 0 || n >= sizeof(host) || !port_of(colon + 1, &port))
		return blame(why, why_size,
		    "it is neither address:port, such as 127.0.0.1:9394 or [::1]:9394, nor "
		    "unix:///path");
	memcpy(host, text + (v6 ? 1 : 0), n);
	if (v6 ? parse_v6(host, out, port) : parse_v4(host, out, port))
		return STK_OK;
	return blame(why, why_size,
	    "before the port stands an address in numbers: a name may lead anywhere");
}

/* A socket on which nobody listens any more is what a service that was killed leaves. */
static bool is_left_over(const struct stk_listen *l)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&l->at;
	struct stat st;
	bool left = false;
	int s;

	if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s != -1)
		left = connect(s, (const struct sockaddr *)un, l->at_len) == -1 &&
		       errno == ECONNREFUSED;
	stk_close(&s);
	return left;
}

static int bind_path(const struct stk_listen *l, int s)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&l->at;
	mode_t was;
	int r;

	if (is_left_over(l))
		(void)unlink(un->sun_path);
	/* nobody gets in between: it is born with its mode */
	was = umask((mode_t)(0777 & ~l->mode));
	r = bind(s, (const struct sockaddr *)un, l->at_len);
	(void)umask(was);
	return r;
}

static int bind_address(const struct stk_listen *l, int s)
{
	int on = 1;

	if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (l->at.ss_family == AF_INET6 &&
		setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1))
		return -1;
	return bind(s, (const struct sockaddr *)&l->at, l->at_len);
}

enum stk_err stk_listen_open(const struct stk_listen *l, int *fd)
{
	bool path = l->at.ss_family == AF_UNIX;
	int saved;

	*fd = socket(l->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd == -1)
		return STK_E_SYSTEM;
	if ((path ? bind_path(l, *fd) : bind_address(l, *fd)) == 0 && listen(*fd, BACKLOG) == 0)
		return STK_OK;
	saved = errno;
	stk_close(fd);
	errno = saved;
	return STK_E_SYSTEM;
}

/* A path's socket is left alone, a service may have it: what bind would need of the folder is
 * asked. */
static enum stk_err look_at_path(const struct stk_listen *l)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&l->at;
	char folder[sizeof(un->sun_path) + 1];
	char *slash;
	struct stat st;

	(void)snprintf(folder, sizeof(folder), "%s", un->sun_path);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return STK_OK;
	slash[slash == folder ? 1 : 0] = '\0';
	if (access(folder, W_OK | X_OK) == -1)
		return STK_E_SYSTEM;
	if (lstat(un->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		errno = EADDRINUSE;
		return STK_E_SYSTEM;
	}
	return STK_OK;
}

enum stk_err stk_listen_look(const struct stk_listen *l)
{
	enum stk_err e;
	int fd = -1;

	if (l->at.ss_family == AF_UNIX)
		return look_at_path(l);
	e = stk_listen_open(l, &fd);
	stk_close(&fd);
	return e == STK_OK || errno == EADDRINUSE ? STK_OK : e;
}

const char *stk_listen_cure(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR: return "make its folder, for this user to write";
	case EACCES: return "choose a port above 1023, or a folder that this user may write";
	case EADDRNOTAVAIL: return "choose an address that this machine has";
	default: return "choose another address, or end what holds it";
	}
}

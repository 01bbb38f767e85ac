/*
 * redis_socket.c - see redis_socket.h.
 */
#include "worker/redis_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Waits for @events; a negative or past deadline still looks once, so data at hand is not refused.
 */
static enum stk_err wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		int64_t left = deadline_ms - stk_monotonic_ms();
		struct pollfd p = { .fd = fd, .events = events };
		int n = poll(&p, 1, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);

		if (n > 0)
			return STK_OK;
		if (n == -1 && errno != EINTR)
			return STK_E_SYSTEM;
		if (n == 0 && left <= 60000)
			return STK_E_TIMEOUT;
	}
}

/* Nagle off: a pipeline is one write already. Keepalive finds peers that vanished without a word.
 */
static void tune_tcp(int fd)
{
	const int on = 1, idle_s = 60, every_s = 20, tries = 3;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
}

static enum stk_err connect_address(
    const struct sockaddr *sa, socklen_t len, int64_t deadline_ms, int *out)
{
	STK_AUTO_CLOSE int fd =
	    socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(int);
	int failure = 0;
	enum stk_err e;

	if (fd == -1)
		return STK_E_SYSTEM;
	if (connect(fd, sa, len) == -1) {
		/* a full backlog of a unix socket answers EAGAIN: refused, and the caller backs off
		 */
		if (errno != EINPROGRESS && errno != EINTR)
			return STK_E_SYSTEM;
		if ((e = wait_for(fd, POLLOUT, deadline_ms)) != STK_OK)
			return e;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == -1)
			return STK_E_SYSTEM;
		if (failure != 0) {
			errno = failure;
			return STK_E_SYSTEM;
		}
	}
	if (sa->sa_family != AF_UNIX)
		tune_tcp(fd);
	*out = fd;
	fd = -1;
	return STK_OK;
}

static enum stk_err connect_name(const struct stk_redis_url *u, int64_t deadline_ms, int *fd)
{
	const struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	enum stk_err e = STK_E_ABSENT;
	int saved = 0;
	char port[8];

	(void)snprintf(port, sizeof(port), "%u", (unsigned)u->port);
	if (getaddrinfo(u->host, port, &want, &list) != 0)
		return STK_E_ABSENT;
	for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
		e = connect_address(a->ai_addr, a->ai_addrlen, deadline_ms, fd);
		saved = errno;
		if (e == STK_OK || e == STK_E_TIMEOUT)
			break;
	}
	freeaddrinfo(list);
	errno = saved;
	return e;
}

enum stk_err stk_socket_connect(const struct stk_redis_url *u, int64_t deadline_ms, int *fd)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	*fd = -1;
	if (u->socket_path[0] == '\0')
		return connect_name(u, deadline_ms, fd);
	_Static_assert(sizeof(un.sun_path) >= sizeof(u->socket_path), "a parsed path fits");
	memcpy(un.sun_path, u->socket_path, sizeof(u->socket_path));
	return connect_address((const struct sockaddr *)&un, sizeof(un), deadline_ms, fd);
}

/* Takes @sent bytes off the front of the vector. */
static void consume(struct iovec **iov, size_t *n, size_t sent)
{
	while (*n > 0 && sent >= (*iov)->iov_len) {
		sent -= (*iov)->iov_len;
		(*iov)++;
		(*n)--;
	}
	if (*n > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + sent;
		(*iov)->iov_len -= sent;
	}
}

enum stk_err stk_socket_send(int fd, struct iovec *iov, size_t n, int64_t deadline_ms)
{
	while (n > 0) {
		struct msghdr m = { .msg_iov = iov, .msg_iovlen = n };
		ssize_t sent = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		enum stk_err e;

		if (sent >= 0) {
			consume(&iov, &n, (size_t)sent);
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET)
			return STK_E_CLOSED;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return STK_E_SYSTEM;
		if ((e = wait_for(fd, POLLOUT, deadline_ms)) != STK_OK)
			return e;
	}
	return STK_OK;
}

enum stk_err stk_socket_receive(int fd, void *buf, size_t cap, int64_t deadline_ms, size_t *got)
{
	for (;;) {
		ssize_t n = recv(fd, buf, cap, MSG_DONTWAIT);
		enum stk_err e;

		if (n > 0) {
			*got = (size_t)n;
			return STK_OK;
		}
		if (n == 0 || errno == ECONNRESET)
			return STK_E_CLOSED;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return STK_E_SYSTEM;
		if ((e = wait_for(fd, POLLIN, deadline_ms)) != STK_OK)
			return e;
	}
}

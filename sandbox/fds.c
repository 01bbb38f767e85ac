/*
 * fds.c - see fds.h. Called by worker, nursery, zygote and job child; trusts no peer: a message of
 * another size, a truncated one or one with surplus descriptors is malformed, and nothing leaks.
 */
#include "sandbox/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum stk_err stk_fds_arrange(const int *fds, size_t n)
{
	int parked[STK_FDS_MAX];

	if (n > STK_FDS_MAX)
		return STK_E_TOOBIG;
	/* first away from the slots, so that no move overwrites one that is still to come */
	for (size_t i = 0; i < n; i++)
		if ((parked[i] = fcntl(fds[i], F_DUPFD, (int)n)) == -1)
			return STK_E_SYSTEM;
	for (size_t i = 0; i < n; i++)
		if (dup2(parked[i], (int)i) == -1)
			return STK_E_SYSTEM;
	if (syscall(SYS_close_range, (unsigned)n, ~0u, 0u) == -1)
		return STK_E_SYSTEM;
	return STK_OK;
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(STK_FDS_MAX * sizeof(int))];
};

enum stk_err stk_fds_send(int sock, const void *record, size_t len, const int *fds, size_t n_fds)
{
	struct iovec iov = { .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	ssize_t n;

	if (n_fds > STK_FDS_MAX)
		return STK_E_TOOBIG;
	memcpy(&iov.iov_base, &record, sizeof(record));
	if (n_fds > 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = &control.align; /* what CMSG_FIRSTHDR would say */
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return errno == EPIPE || errno == ECONNRESET ? STK_E_CLOSED : STK_E_SYSTEM;
	return (size_t)n == len ? STK_OK : STK_E_FORMAT;
}

/* Takes the descriptors of a message; more than @max are closed and reported as malformed. */
static enum stk_err take_fds(struct msghdr *msg, int *fds, size_t max, size_t *n_fds)
{
	enum stk_err e = STK_OK;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (*n_fds < max) {
				fds[(*n_fds)++] = fd;
			} else {
				stk_close(&fd);
				e = STK_E_FORMAT;
			}
		}
	}
	return e;
}

static void drop_fds(int *fds, size_t *n_fds)
{
	for (size_t i = 0; i < *n_fds; i++)
		stk_close(&fds[i]);
	*n_fds = 0;
}

enum stk_err stk_fds_recv(
    int sock, void *record, size_t len, int *fds, size_t max_fds, size_t *n_fds)
{
	struct iovec iov = { .iov_base = record, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	size_t none = 0;
	ssize_t n;
	enum stk_err e;

	if (n_fds == NULL)
		n_fds = &none;
	*n_fds = 0;
	if (max_fds > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
	}
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return errno == ECONNRESET ? STK_E_CLOSED : STK_E_SYSTEM;
	e = max_fds > 0 ? take_fds(&msg, fds, max_fds, n_fds) : STK_OK;
	if (n == 0)
		e = STK_E_CLOSED;
	else if ((size_t)n != len || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		e = STK_E_FORMAT;
	if (e != STK_OK)
		drop_fds(fds, n_fds);
	return e;
}

enum stk_err stk_fds_wait(int fd, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = deadline_ms - stk_monotonic_ms();
		int n = poll(&p, 1, left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left);

		if (n > 0)
			return STK_OK;
		if (n == -1 && errno != EINTR)
			return STK_E_SYSTEM;
		if (left <= 0)
			return STK_E_TIMEOUT;
	}
}

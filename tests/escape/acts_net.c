/*
 * acts_net.c - ways to the network, also those that need no socket call of one's own: a control has
 * its sockets at fixed numbers, behind the wall those are simply closed and the call is what
 * counts.
 */
#include "tests/escape/acts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/un.h>

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int escape_socket(int domain, int type, int protocol)
{
	int fd = socket(domain, type | SOCK_CLOEXEC, protocol);

	return fd == -1 ? -1 : close(fd);
}

int escape_connect_fd(int fd, const char *port)
{
	struct sockaddr_in to = loopback(port);

	return connect(fd, (const struct sockaddr *)&to, sizeof(to));
}

int escape_connect(int domain, int type, int protocol, const char *port)
{
	int fd = socket(domain, type | SOCK_CLOEXEC, protocol);

	return fd == -1 ? -1 : escape_connect_fd(fd, port);
}

/* Data with the first packet: a connection without connect(), which Landlock's rules know. */
int escape_fast_open(int fd, const char *port, int how)
{
	struct sockaddr_in to = loopback(port);
	struct iovec iov = { &(char[1]){ 'x' }, 1 };
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov, .msg_iovlen = 1
	};

	if (how == 0)
		return sendto(fd, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&to, sizeof(to)) ==
			       -1
			   ? -1
			   : 0;
	if (how == 1)
		return sendmsg(fd, &msg, MSG_FASTOPEN) == -1 ? -1 : 0;
	if (setsockopt(fd, IPPROTO_TCP, 30 /* TCP_FASTOPEN_CONNECT */, &(int){ 1 }, sizeof(int)) ==
	    -1)
		return -1;
	return connect(fd, (const struct sockaddr *)&to, sizeof(to));
}

int escape_bind_fd(int fd)
{
	struct sockaddr_in any = loopback("0");

	return bind(fd, (const struct sockaddr *)&any, sizeof(any));
}

int escape_listen_fd(int fd)
{
	return listen(fd, 1);
}

int escape_accept(void)
{
	return (int)K(SYS_accept4, FIX_LISTENER, 0, 0, 0);
}

int escape_receive(int how)
{
	char c[1];
	struct iovec iov = { c, 1 };
	struct mmsghdr msg = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	switch (how) {
	case 0: return recv(FIX_SOCK, c, 1, 0) == -1 ? -1 : 0;
	case 1: return recvmsg(FIX_SOCK, &msg.msg_hdr, 0) == -1 ? -1 : 0;
	default: return recvmmsg(FIX_SOCK, &msg, 1, 0, NULL) == -1 ? -1 : 0;
	}
}

/* Pushing a descriptor at whoever is at the other end. */
int escape_send_fds(void)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
			  .cmsg_level = SOL_SOCKET,
			  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { &(char[1]){ 'x' }, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.head), &(int){ 0 }, sizeof(int));
	return sendmsg(FIX_SOCK, &msg, 0) == -1 ? -1 : 0;
}

int escape_setsockopt(void)
{
	return setsockopt(FIX_SOCK, SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int));
}

/* A name that no file system knows: ours to listen at, so that somebody else might come. */
int escape_abstract(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(
	    at.sun_path + 1, sizeof(at.sun_path) - 1, "stockade-escape-%d", (int)getpid());
	return fd == -1 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) == -1 ? -1
										    : close(fd);
}

int escape_poll(void)
{
	return (int)K(SYS_ppoll, 0, 0, P((long[2]){ 0 }), 0, 8);
}

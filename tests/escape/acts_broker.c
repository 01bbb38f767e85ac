/*
 * acts_broker.c - what a job with a net grant may try: with the sockets that its broker hands to
 * it, and against the broker itself. A control connects by itself, and what it says to a broker
 * goes to somebody who does not mind.
 */
#include "tests/escape/acts.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/un.h>

/* Of bindings.c, so only behind the wall. */
int escape_ask_broker(const char *host, uint16_t port) __attribute__((weak));

const void *escape_at(const char *host, const char *port)
{
	static struct sockaddr_in at;

	at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	/* as libc reads what people type: 127.1 and 0x7f000001 too */
	if (inet_aton(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &at.sin_addr) == 0)
		at.sin_port = 0;
	return &at;
}

int escape_dial(const char *host, const char *port)
{
	int fd;

	if (&escape_ask_broker != NULL)
		return escape_ask_broker(host, (uint16_t)atoi(port));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd == -1 || connect(fd, escape_at(host, port), sizeof(struct sockaddr_in)) == -1
		   ? -1
		   : fd;
}

int escape_reach(const char *host, const char *port)
{
	int fd = escape_dial(host, port);

	return fd == -1 ? -1 : close(fd);
}

/* A name or an address, as the control's libc understands it. */
int escape_reach_as(const char *host, const char *port)
{
	const struct addrinfo want = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *to = NULL;
	int fd, e;

	if (&escape_ask_broker != NULL)
		return escape_reach(host, port);
	errno = EHOSTDOWN;
	e = getaddrinfo(host, port, &want, &to);
	/* a name on a bare root without /etc/hosts: what it would be is reached */
	if (e != 0 && host[0] >= 'A')
		return escape_reach("127.0.0.1", port);
	if (e != 0)
		return -1;
	fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1) /* a machine without that family has nothing to show */
		return errno == EAFNOSUPPORT ? 0 : -1;
	return connect(fd, to->ai_addr, to->ai_addrlen);
}

/* A pidfd of whoever made the broker's socket: the worker. Linux 6.5. */
int escape_peer_process(void)
{
	int fd = -1;
	socklen_t size = sizeof(fd);
	int r = getsockopt(BROKER, SOL_SOCKET, 77, &fd, &size);

	return r == -1 && errno != ENOPROTOOPT ? -1 : 0;
}

/* What has arrived, as pages of its own: TCP_ZEROCOPY_RECEIVE. */
int escape_map_socket(const char *port)
{
	uint64_t ask[8] = { 0 };
	socklen_t size = sizeof(ask);

	return getsockopt(escape_dial("127.0.0.1", port), IPPROTO_TCP, 35, ask, &size);
}

/* As much as the kernel keeps of what nobody reads; 0 for more than 2 MiB. */
int escape_fill_socket(const char *port)
{
	static const char block[64u << 10];
	struct pollfd p = { .fd = escape_dial("127.0.0.1", port), .events = POLLOUT };
	ssize_t sum = 0, n;

	errno = EHOSTDOWN;
	if (p.fd == -1)
		return -1;
	while (poll(&p, 1, 200) == 1 && sum <= 2 << 20)
		if ((n = send(p.fd, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
			sum += n;
	errno = EDQUOT;
	return sum > 2 << 20 ? 0 : -1;
}

int escape_spare(const char *port)
{
	return &escape_ask_broker != NULL ? escape_dial("127.0.0.1", port) : FIX_TCP;
}

/* Without a connection the row is not what it says: then EHOSTDOWN, which none expects. */
long escape_on(const char *port, long nr, const long v[static 5])
{
	int fd = escape_dial("127.0.0.1", port);

	errno = EHOSTDOWN;
	return fd == -1 ? -1 : K(nr, fd, v[0], v[1], v[2], v[3], v[4]);
}

/* Another peer for a connected socket: the kernel lets go of the first one for AF_UNSPEC. */
int escape_reaim(const char *port, int family)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_in peer = { 0 };
	socklen_t size = sizeof(peer);
	int fd = escape_dial("127.0.0.1", port), r;

	errno = EHOSTDOWN;
	if (fd == -1)
		return -1;
	r = connect(fd, &none, sizeof(none));
	if (family != AF_UNSPEC)
		r = connect(fd, escape_at("127.0.0.2", port), sizeof(peer));
	if (r == 0)
		return 0;
	/* told no: is the peer who it was? */
	if (getpeername(fd, (struct sockaddr *)&peer, &size) == -1 ||
	    peer.sin_addr.s_addr != htonl(INADDR_LOOPBACK))
		return 0;
	errno = EINPROGRESS;
	return -1;
}

static struct stk_net_ask question(const char *port)
{
	struct stk_net_ask ask = {
		.magic = STK_NET_ASK_MAGIC, .seq = 7777, .port = (uint32_t)atoi(port)
	};

	(void)snprintf(ask.host, sizeof(ask.host), "127.0.0.1");
	return ask;
}

static ssize_t send_descriptor(struct stk_net_ask *ask)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
			  .cmsg_level = SOL_SOCKET,
			  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { ask, sizeof(*ask) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.head), &(int){ 1 }, sizeof(int));
	return sendmsg(BROKER, &msg, MSG_NOSIGNAL);
}

static ssize_t send_terms(void)
{
	struct stk_terms t = {
		.magic = STK_TERMS_MAGIC, .connects_max = 1000, .timeout_ms = 1000, .n_nets = 1
	};

	(void)snprintf(t.nets[0], STK_NET_MAX, "0.0.0.0/0:*");
	return send(BROKER, &t, sizeof(t), MSG_NOSIGNAL);
}

/* Then a proper one: with a broker that went on, it is connected. */
int escape_hostile_ask(enum escape_ask what, const char *port)
{
	struct stk_net_ask ask = question(port);
	ssize_t n = -1;

	switch (what) {
	case ASK_SHORT: n = send(BROKER, &ask, 7, MSG_NOSIGNAL); break;
	case ASK_EMPTY: n = send(BROKER, &ask, 0, MSG_NOSIGNAL); break;
	case ASK_NO_END:
		memset(ask.host, 'a', sizeof(ask.host));
		n = send(BROKER, &ask, sizeof(ask), MSG_NOSIGNAL);
		break;
	case ASK_PORT:
		ask.port = 0x10050;
		n = send(BROKER, &ask, sizeof(ask), MSG_NOSIGNAL);
		break;
	case ASK_TERMS: n = send_terms(); break;
	case ASK_DESCRIPTOR:
		n = send_descriptor(&ask);
		/* from Linux 6.16 the socket takes none; before, the broker ends with them */
		errno = n == -1 && errno == EPERM ? EPIPE : errno;
		break;
	case ASK_THEN_SHUT: n = shutdown(BROKER, SHUT_RDWR); break;
	}
	return n == -1 ? -1 : escape_reach("127.0.0.1", port);
}

/* More than a handful of requests waiting at a time. */
int escape_flood_broker(const char *port)
{
	const struct stk_net_ask ask = question(port);
	int n = 0;

	while (n < 4096 &&
	       send(BROKER, &ask, sizeof(ask), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(ask))
		n++;
	errno = EAGAIN;
	return n < 64 ? -1 : 0;
}

int escape_dial_many(const char *port, int n)
{
	while (n-- > 0)
		if (escape_reach("127.0.0.1", port) == -1)
			return -1;
	return 0;
}

/* A name for the socket that it has, so that others might come to it. */
int escape_name_broker(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	(void)snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "stockade-b-%d", (int)getpid());
	return bind(BROKER, (const struct sockaddr *)&at, sizeof(at));
}

int escape_mmsg(const char *port, long nr)
{
	char c = 'x';
	struct iovec iov = { &c, 1 };
	struct mmsghdr msg = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	return (int)escape_on(port, nr, (const long[5]){ P(&msg), 1 });
}

/*
 * dial.c - see dial.h. Trusts neither the name (a job's) nor the answer (a name server's): every
 * address is judged on its own, and the one that was judged is the one that is connected to.
 */
#include "sandbox/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
	struct sockaddr sa;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static socklen_t to_sockaddr(const struct stk_net_addr *a, uint16_t port, union address *out)
{
	memset(out, 0, sizeof(*out));
	if (a->family == 4) {
		out->four.sin_family = AF_INET;
		out->four.sin_port = htons(port);
		memcpy(&out->four.sin_addr, a->bytes, 4);
		return sizeof(out->four);
	}
	out->six.sin6_family = AF_INET6;
	out->six.sin6_port = htons(port);
	memcpy(&out->six.sin6_addr, a->bytes, 16);
	return sizeof(out->six);
}

static bool from_sockaddr(const union address *s, struct stk_net_addr *out)
{
	*out = (struct stk_net_addr){ .family = s->sa.sa_family == AF_INET ? 4 : 6 };
	if (s->sa.sa_family == AF_INET)
		memcpy(out->bytes, &s->four.sin_addr, 4);
	else if (s->sa.sa_family == AF_INET6)
		memcpy(out->bytes, &s->six.sin6_addr, 16);
	else
		return false;
	return true;
}

/* The loopback's MTU is 65536, which the kernel tells as 65535 for IPv4; what leads out of a
 * machine has less, tunnels of user space too (65520). */
#define LOOPBACK_MTU 65535

static bool stays_here(int fd, int family)
{
	int mtu = 0;
	socklen_t size = sizeof(mtu);

	return getsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
		   family == AF_INET ? IP_MTU : IPV6_MTU, &mtu, &size) == 0 &&
	       mtu >= LOOPBACK_MTU;
}

/*
 * Whether packets to @a would go round this machine: then the kernel chooses that very address as
 * their source, or, where a whole subnet is routed to the loopback, that one's path MTU. A datagram
 * socket tells both without sending anything.
 */
static bool is_own(const struct stk_net_addr *a, uint16_t port)
{
	union address to, from = { .sa = { .sa_family = AF_UNSPEC } };
	struct stk_net_addr source;
	socklen_t len = to_sockaddr(a, port, &to), size = sizeof(from);
	STK_AUTO_CLOSE int fd = socket(to.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || connect(fd, &to.sa, len) == -1)
		return false; /* unreachable, then the connection will say so */
	if (getsockname(fd, &from.sa, &size) == -1 || !from_sockaddr(&from, &source))
		return true;
	return stk_net_addr_equal(&source, a) || stays_here(fd, to.sa.sa_family);
}

static enum stk_net_name judge(
    const struct stk_net_law *law, const char *host, const struct stk_net_addr *a, uint16_t port)
{
	enum stk_net_name name = stk_net_law_addr(law, host, a, port);

	if (name == STK_NET_OK && is_own(a, port) && !stk_net_law_literal(law, a, port, 8))
		name = STK_NET_OWN;
	return name;
}

/* 0, ETIMEDOUT at the deadline, or the connect's own errno. */
static int await_connected(int fd, int64_t deadline_ms)
{
	int err = 0;
	socklen_t size = sizeof(err);

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		int64_t left = deadline_ms - stk_monotonic_ms();
		int n = poll(&p, 1, left <= 0 ? 0 : left > 60000 ? 60000 : (int)left);

		if (n > 0)
			break;
		if (n == -1 && errno != EINTR)
			return errno;
		if (left <= 0)
			return ETIMEDOUT;
	}
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) == -1 ? errno : err;
}

/*
 * What waits in a socket is the kernel's memory and no RLIMIT's, and what was not sent outlives the
 * job by minutes. Left alone the kernel lets it grow to tcp_wmem and tcp_rmem, which are megabytes.
 */
#define BUFFER (256 << 10)

static int bound_buffers(int fd)
{
	const int most = BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most)) == -1)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &most, sizeof(most));
}

/* Handed on as a blocking socket: what handlers expect. */
static int connect_one(const struct stk_net_addr *a, uint16_t port, int64_t deadline_ms, int *out)
{
	union address to;
	socklen_t len = to_sockaddr(a, port, &to);
	STK_AUTO_CLOSE int fd =
	    socket(to.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int err = 0;

	if (fd == -1 || bound_buffers(fd) == -1)
		return errno;
	if (connect(fd, &to.sa, len) == -1)
		err = errno == EINPROGRESS || errno == EINTR ? await_connected(fd, deadline_ms)
							     : errno;
	if (err == 0 && fcntl(fd, F_SETFL, O_RDWR) == -1)
		err = errno;
	if (err != 0)
		return err;
	*out = fd;
	fd = -1;
	return 0;
}

/* Each address gets its share of what time is left, so that one black hole does not eat it all. */
static void try_one(const struct stk_net_law *law, const char *host, uint16_t port, size_t still,
    int64_t deadline_ms, struct stk_dialled *d, const struct stk_net_addr *a)
{
	int64_t now = stk_monotonic_ms(), until = now + (deadline_ms - now) / (int64_t)still;
	enum stk_net_name name = judge(law, host, a, port);
	int err;

	if (name == STK_NET_OK) {
		err = connect_one(a, port, until, &d->fd);
		name = err == 0           ? STK_NET_OK
		       : err == ETIMEDOUT ? STK_NET_CONNECT_TIMEOUT
					  : STK_NET_CONNECT_FAILED;
		d->err = err;
	} else if (d->addr.family != 0) {
		return; /* of several reasons the first is told, a failed connection before all */
	}
	d->name = name;
	d->addr = *a;
}

/* An address is its own lookup. */
static enum stk_net_name find(stk_resolver resolve, const struct stk_net_law *law,
    const char *asked, uint16_t port, int64_t deadline_ms, char host[static STK_NET_HOST_MAX],
    struct stk_net_addr addrs[static STK_DIAL_ADDRS_MAX], size_t *n)
{
	enum stk_net_name name;

	if (stk_net_addr_parse(asked, &addrs[0])) {
		*n = 1;
		(void)memcpy(host, "*", 2); /* no NAME rule can equal it */
		return STK_NET_OK;
	}
	name = stk_net_host_clean(asked, host);
	if (name == STK_NET_OK)
		name = stk_net_law_name(law, host, port);
	return name == STK_NET_OK ? resolve(host, deadline_ms, addrs, n) : name;
}

void stk_dial(const struct stk_net_law *law, stk_resolver resolve, const char *host, uint16_t port,
    int64_t deadline_ms, struct stk_dialled *out)
{
	struct stk_net_addr addrs[STK_DIAL_ADDRS_MAX];
	char clean[STK_NET_HOST_MAX];
	size_t n = 0;

	*out = (struct stk_dialled){ .fd = -1 };
	out->name = find(resolve, law, host, port, deadline_ms, clean, addrs, &n);
	for (size_t i = 0; i < n && out->fd == -1; i++)
		try_one(law, clean, port, n - i, deadline_ms, out, &addrs[i]);
}

/*
 * resolve.c - libc's resolver with a deadline (dial.h). A lookup that does not come back is left to
 * its thread, which cleans up after itself; how many of those there may be is bounded.
 */
#include "sandbox/dial.h"

#include "sandbox/fds.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define STACK_BYTES (256u << 10)

enum state {
	RUNNING,
	DONE,
	LEFT
};

struct lookup {
	_Atomic int state;
	int done; /* eventfd: readable once the thread has finished */
	int rc;   /* of getaddrinfo */
	struct addrinfo *list;
	char host[STK_NET_HOST_MAX];
};

static _Atomic int n_lost;

static void drop(struct lookup *l)
{
	if (l->list != NULL)
		freeaddrinfo(l->list);
	stk_close(&l->done);
	free(l);
}

static void *run(void *arg)
{
	const struct addrinfo want = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct lookup *l = arg;
	const uint64_t one = 1;

	l->rc = getaddrinfo(l->host, NULL, &want, &l->list);
	if (atomic_exchange(&l->state, DONE) == LEFT) {
		drop(l);
		atomic_fetch_sub(&n_lost, 1);
		return NULL;
	}
	/* from here on the other side frees it, once it has read this */
	while (write(l->done, &one, sizeof(one)) == -1 && errno == EINTR)
		continue;
	return NULL;
}

static bool begin(struct lookup *l)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool good;

	l->done = eventfd(0, EFD_CLOEXEC);
	if (l->done == -1 || pthread_attr_init(&attr) != 0)
		return false;
	good = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
	       pthread_attr_setstacksize(&attr, STACK_BYTES) == 0 &&
	       pthread_create(&thread, &attr, run, l) == 0;
	(void)pthread_attr_destroy(&attr);
	return good;
}

static bool take(const struct addrinfo *ai, struct stk_net_addr *out)
{
	struct sockaddr_in six4;
	struct sockaddr_in6 six;

	memset(out, 0, sizeof(*out));
	if (ai->ai_family == AF_INET && ai->ai_addrlen >= sizeof(six4)) {
		memcpy(&six4, ai->ai_addr, sizeof(six4));
		out->family = 4;
		memcpy(out->bytes, &six4.sin_addr, 4);
		return true;
	}
	if (ai->ai_family == AF_INET6 && ai->ai_addrlen >= sizeof(six)) {
		char text[48];
		struct stk_net_addr raw = { .family = 6 };

		memcpy(&six, ai->ai_addr, sizeof(six));
		memcpy(raw.bytes, &six.sin6_addr, 16);
		/* through the parser, so that an IPv4 address loses its IPv6 coat */
		stk_net_addr_text(&raw, text);
		return stk_net_addr_parse(text, out);
	}
	return false;
}

static enum stk_net_name from_rc(int rc)
{
	switch (rc) {
	case 0: return STK_NET_OK;
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY: return STK_NET_NAME_UNKNOWN;
	default: return STK_NET_NAME_FAILED;
	}
}

static enum stk_net_name collect(
    const struct lookup *l, struct stk_net_addr addrs[static STK_DIAL_ADDRS_MAX], size_t *n)
{
	enum stk_net_name name = from_rc(l->rc);

	for (const struct addrinfo *ai = l->list; name == STK_NET_OK && ai != NULL;
	     ai = ai->ai_next)
		if (*n < STK_DIAL_ADDRS_MAX && take(ai, &addrs[*n]))
			(*n)++;
	return name == STK_NET_OK && *n == 0 ? STK_NET_NAME_UNKNOWN : name;
}

enum stk_net_name stk_resolve(const char *host, int64_t deadline_ms,
    struct stk_net_addr addrs[static STK_DIAL_ADDRS_MAX], size_t *n)
{
	struct lookup *l = NULL;
	enum stk_net_name name;

	*n = 0;
	if (atomic_load(&n_lost) >= STK_DIAL_LOST_MAX)
		return STK_NET_NAME_TIMEOUT;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return STK_NET_NAME_FAILED;
	l->done = -1;
	memcpy(l->host, host, strnlen(host, sizeof(l->host) - 1));
	if (!begin(l)) {
		drop(l);
		return STK_NET_NAME_FAILED;
	}
	atomic_fetch_add(&n_lost, 1);
	if (stk_fds_wait(l->done, deadline_ms) != STK_OK &&
	    atomic_exchange(&l->state, LEFT) == RUNNING)
		return STK_NET_NAME_TIMEOUT;
	/* finished, if only just now: its last act is to write here */
	while (stk_fds_wait(l->done, INT64_MAX) != STK_OK)
		continue;
	atomic_fetch_sub(&n_lost, 1);
	name = collect(l, addrs, n);
	drop(l);
	return name;
}

/*
 * net_setup.c - see net_setup.h.
 */
#include "worker/net_setup.h"

#include "sandbox/net_addr.h"
#include "worker/redis_url.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

const char *stk_net_refuse_wrong(const struct stk_strings *ranges)
{
	struct stk_net_range r;

	for (size_t i = 0; i < ranges->n; i++)
		if (strlen(ranges->v[i]) >= STK_NET_RANGE_MAX ||
		    !stk_net_range_parse(ranges->v[i], &r))
			return "an entry is neither an address nor a range such as 10.0.0.0/8, or "
			       "has "
			       "bits set beyond its length";
	return NULL;
}

static void add(struct stk_net_terms *t, const struct sockaddr_storage *sa)
{
	struct stk_net_peer p = { 0 };
	struct stk_net_addr a;
	char text[48];

	if (sa->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

		p.port = ntohs(in->sin_port);
		a = (struct stk_net_addr){ .family = 4 };
		memcpy(a.bytes, &in->sin_addr, 4);
	} else if (sa->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)sa;

		p.port = ntohs(in->sin6_port);
		a = (struct stk_net_addr){ .family = 6 };
		memcpy(a.bytes, &in->sin6_addr, 16);
	} else {
		return; /* a unix socket: no broker reaches one */
	}
	/* through the parser, so that a mapped address compares as the IPv4 one that it is */
	stk_net_addr_text(&a, text);
	if (!stk_net_addr_parse(text, &a))
		return;
	p.family = a.family;
	memcpy(p.bytes, a.bytes, sizeof(p.bytes));
	for (uint32_t i = 0; i < t->n_redis; i++)
		if (memcmp(&t->redis[i], &p, sizeof(p)) == 0)
			return;
	if (t->n_redis == STK_NET_PEERS_MAX) {
		memmove(t->redis, t->redis + 1, sizeof(t->redis) - sizeof(t->redis[0]));
		t->n_redis--;
	}
	t->redis[t->n_redis++] = p;
}

void stk_net_terms_peer(struct stk_net_terms *t, int fd)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t size = sizeof(sa);

	if (fd != -1 && getpeername(fd, (struct sockaddr *)&sa, &size) == 0)
		add(t, &sa);
}

static void add_host(struct stk_net_terms *t, const char *host, uint16_t port)
{
	const struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char text[8];

	(void)snprintf(text, sizeof(text), "%u", (unsigned)port);
	if (getaddrinfo(host, text, &want, &list) != 0)
		return;
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		struct sockaddr_storage sa = { 0 };

		if (ai->ai_addrlen <= sizeof(sa)) {
			memcpy(&sa, ai->ai_addr, ai->ai_addrlen);
			add(t, &sa);
		}
	}
	freeaddrinfo(list);
}

/* NULL: there is none. */
static void add_url(struct stk_net_terms *t, const char *text)
{
	struct stk_redis_url url;
	char why[STK_REDIS_WHY_BYTES];

	if (text == NULL || stk_redis_url_parse(text, &url, why, sizeof(why)) != STK_OK)
		return;
	if (url.socket_path[0] == '\0')
		add_host(t, url.host, url.port);
	stk_redis_url_clear(&url);
}

void stk_net_terms_make(const struct stk_config *c, struct stk_net_terms *out)
{
	memset(out, 0, sizeof(*out));
	out->connects_max = (uint32_t)c->net_connections;
	out->timeout_ms = (uint32_t)c->net_timeout_ms;
	for (size_t i = 0; i < c->net_refuse.n && i < STK_NET_REFUSED_MAX; i++)
		(void)snprintf(out->refused[out->n_refused++], STK_NET_RANGE_MAX, "%.*s",
		    STK_NET_RANGE_MAX - 1, c->net_refuse.v[i]);
	add_url(out, c->redis);
	add_url(out, c->ledger_url);
}

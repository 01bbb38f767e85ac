/*
 * net_rule.c - destinations of a class and the law they add up to (net_addr.h). Names and ports are
 * the class author's word; what a range of addresses is worth is decided in net_addr.c.
 */
#include "sandbox/net_addr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

/* --- names ------------------------------------------------------------------------------------ */

static bool name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static char lower(char c)
{
	static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
			  small[] = "abcdefghijklmnopqrstuvwxyz";
	const char *at = c == '\0' ? NULL : strchr(upper, c);

	if (at == NULL)
		return c;
	return small[at - upper];
}

/* "127.1", "0x7f.1" and "2130706433" are addresses to libc and names to nobody. */
static bool ends_in_number(const char *name)
{
	const char *dot = strrchr(name, '.'), *last = dot == NULL ? name : dot + 1;

	if (last[0] == '0' && last[1] == 'x')
		return true;
	return strspn(last, "0123456789") == strlen(last);
}

static bool labels_good(const char *name)
{
	for (const char *at = name;;) {
		size_t len = strcspn(at, ".");

		if (len == 0 || len > LABEL_MAX)
			return false;
		for (size_t i = 0; i < len; i++)
			if (!name_byte(at[i]))
				return false;
		if (at[len] == '\0')
			return !ends_in_number(name);
		at += len + 1;
	}
}

enum stk_net_name stk_net_host_clean(const char *host, char out[static STK_NET_HOST_MAX])
{
	size_t len = strnlen(host, STK_NET_HOST_MAX);

	if (len > 1 && len < STK_NET_HOST_MAX && host[len - 1] == '.')
		len--;
	if (len == 0 || len > 253)
		return STK_NET_NAME_BAD;
	for (size_t i = 0; i < len; i++)
		out[i] = lower(host[i]);
	out[len] = '\0';
	return labels_good(out) ? STK_NET_OK : STK_NET_NAME_BAD;
}

/* --- one destination -------------------------------------------------------------------------- */

static bool port_parse(const char *text, uint16_t *out)
{
	size_t len = strlen(text);
	unsigned long n;

	*out = 0;
	if (strcmp(text, "*") == 0)
		return true;
	if (len == 0 || len > 5 || strspn(text, "0123456789") != len || text[0] == '0')
		return false;
	n = strtoul(text, NULL, 10);
	*out = (uint16_t)n;
	return n <= UINT16_MAX;
}

/* Where the host ends: brackets go, an IPv6 address without them has too many colons. */
static const char *split(const char *text, char host[static STK_NET_MAX], uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - text);
	bool brackets = len > 1 && text[0] == '[' && text[len - 1] == ']';

	if (len == 0 || len >= STK_NET_MAX)
		return "it is not host:port";
	if (!port_parse(colon + 1, port))
		return "its port is neither 1 to 65535 nor *";
	(void)snprintf(
	    host, STK_NET_MAX, "%.*s", (int)(brackets ? len - 2 : len), brackets ? text + 1 : text);
	if (brackets != (strchr(host, ':') != NULL))
		return "brackets belong around an IPv6 address, and only there";
	return NULL;
}

const char *stk_net_rule_parse(const char *text, struct stk_net_rule *out)
{
	char host[STK_NET_MAX], clean[STK_NET_HOST_MAX];
	const char *wrong, *name = host;

	memset(out, 0, sizeof(*out));
	if ((wrong = split(text, host, &out->port)) != NULL)
		return wrong;
	if (strcmp(host, "*") == 0) {
		out->kind = STK_NET_RULE_ANY;
		return NULL;
	}
	if (stk_net_range_parse(host, &out->range)) {
		out->kind = STK_NET_RULE_RANGE;
		return NULL;
	}
	if (strchr(host, '/') != NULL || strchr(host, ':') != NULL)
		return "it is no range of addresses, or has bits set beyond its length";
	out->kind = STK_NET_RULE_NAME;
	if (strncmp(host, "*.", 2) == 0) {
		out->kind = STK_NET_RULE_BENEATH;
		name += 2;
	}
	if (stk_net_host_clean(name, clean) != STK_NET_OK)
		return "its host is neither a name nor an address";
	(void)snprintf(out->name, sizeof(out->name), "%.*s", STK_NET_MAX - 1, clean);
	return NULL;
}

/* --- the law ---------------------------------------------------------------------------------- */

static bool port_admitted(const struct stk_net_rule *r, uint16_t port)
{
	return r->port == 0 || r->port == port;
}

static uint8_t full(const struct stk_net_addr *a)
{
	return a->family == 4 ? 32 : 128;
}

static bool beneath(const char *host, const char *name)
{
	size_t h = strlen(host), n = strlen(name);

	return h > n + 1 && host[h - n - 1] == '.' && strcmp(host + h - n, name) == 0;
}

/* Whether the rule admits the name by itself; a range waits for the address. */
static bool name_admitted(const struct stk_net_rule *r, const char *host)
{
	switch (r->kind) {
	case STK_NET_RULE_ANY: return true;
	case STK_NET_RULE_NAME: return strcmp(host, r->name) == 0;
	case STK_NET_RULE_BENEATH: return beneath(host, r->name);
	case STK_NET_RULE_RANGE: break;
	}
	return false;
}

enum stk_net_name stk_net_law_name(const struct stk_net_law *l, const char *host, uint16_t port)
{
	for (size_t i = 0; i < l->n_rules; i++) {
		const struct stk_net_rule *r = &l->rules[i];

		/* a single address is reached by itself, not by whatever name points there */
		bool by_range =
		    r->kind == STK_NET_RULE_RANGE && r->range.bits < full(&r->range.addr);

		if (port_admitted(r, port) && (by_range || name_admitted(r, host)))
			return STK_NET_OK;
	}
	return STK_NET_UNLISTED;
}

bool stk_net_law_literal(
    const struct stk_net_law *l, const struct stk_net_addr *a, uint16_t port, uint8_t bits)
{
	for (size_t i = 0; i < l->n_rules; i++) {
		const struct stk_net_rule *r = &l->rules[i];

		if (r->kind == STK_NET_RULE_RANGE && port_admitted(r, port) &&
		    r->range.bits >= bits && stk_net_range_holds(&r->range, a))
			return true;
	}
	return false;
}

static bool listed(
    const struct stk_net_law *l, const char *host, const struct stk_net_addr *a, uint16_t port)
{
	for (size_t i = 0; i < l->n_rules; i++)
		if (port_admitted(&l->rules[i], port) && name_admitted(&l->rules[i], host))
			return true;
	return stk_net_law_literal(l, a, port, 0);
}

/* Redis is reached only by a class that names its very address and port. */
static bool is_redis(const struct stk_net_law *l, const struct stk_net_addr *a, uint16_t port)
{
	bool redis = false;

	for (size_t i = 0; i < l->n_redis; i++)
		redis = redis || (l->redis[i].port == port && l->redis[i].family == a->family &&
				     memcmp(l->redis[i].bytes, a->bytes, sizeof(a->bytes)) == 0);
	for (size_t i = 0; redis && i < l->n_rules; i++)
		if (l->rules[i].kind == STK_NET_RULE_RANGE && l->rules[i].port == port &&
		    l->rules[i].range.bits == full(a) && stk_net_range_holds(&l->rules[i].range, a))
			redis = false;
	return redis;
}

enum stk_net_name stk_net_law_addr(
    const struct stk_net_law *l, const char *host, const struct stk_net_addr *a, uint16_t port)
{
	struct stk_net_range in;
	enum stk_net_name reason;

	if (is_redis(l, a, port))
		return STK_NET_REDIS;
	for (size_t i = 0; i < l->n_refused; i++)
		if (stk_net_range_holds(&l->refused[i], a) &&
		    !stk_net_law_literal(l, a, port, l->refused[i].bits))
			return STK_NET_CONFIGURED;
	reason = stk_net_addr_class(a, &in);
	if (reason != STK_NET_OK && !stk_net_law_literal(l, a, port, in.bits))
		return reason;
	return listed(l, host, a, port) ? STK_NET_OK : STK_NET_UNLISTED;
}

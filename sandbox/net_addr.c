/*
 * net_addr.c - see net_addr.h: addresses and ranges, and the table of those that are not for jobs.
 * Trusts no text; what inet_pton would forgive (there is little) is refused before.
 */
#include "sandbox/net_addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text, *sentence;
	int err;
} names[STK_NET_COUNT] = {
	[STK_NET_OK] = { "Connected", "connected", 0 },
#define NET(id, name, e, s) [STK_NET_##id] = { name, s, e },
#include "sandbox/net_names.def"
#undef NET
};

const char *stk_net_text(uint32_t name)
{
	return name < STK_NET_COUNT ? names[name].text : "unknown";
}

const char *stk_net_sentence(uint32_t name)
{
	return name < STK_NET_COUNT ? names[name].sentence : "an unknown reason";
}

int stk_net_errno(uint32_t name)
{
	return name < STK_NET_COUNT ? names[name].err : EPROTO;
}

/* --- text ------------------------------------------------------------------------------------- */

static const struct stk_net_range mapped = {
	.addr = { .family = 6, .bytes = { [10] = 0xff, [11] = 0xff } }, .bits = 96
};

static void unwrap(struct stk_net_addr *a)
{
	if (!stk_net_range_holds(&mapped, a))
		return;
	memmove(a->bytes, a->bytes + 12, 4);
	memset(a->bytes + 4, 0, 12);
	a->family = 4;
}

static bool parse_plain(const char *text, struct stk_net_addr *out)
{
	*out = (struct stk_net_addr){ .family = strchr(text, ':') == NULL ? 4 : 6 };
	return inet_pton(out->family == 4 ? AF_INET : AF_INET6, text, out->bytes) == 1;
}

bool stk_net_addr_parse(const char *text, struct stk_net_addr *out)
{
	if (!parse_plain(text, out))
		return false;
	unwrap(out);
	return true;
}

static uint8_t width(const struct stk_net_addr *a)
{
	return a->family == 4 ? 32 : 128;
}

static bool bits_parse(const char *text, uint8_t most, uint8_t *out)
{
	size_t len = strlen(text);
	unsigned n = 0;

	if (len == 0 || len > 3 || strspn(text, "0123456789") != len || (text[0] == '0' && len > 1))
		return false;
	n = (unsigned)strtoul(text, NULL, 10);
	*out = (uint8_t)n;
	return n <= most;
}

/* As written: an IPv4 address in an IPv6 coat stays in it. */
static bool range_read(const char *text, struct stk_net_range *out)
{
	char addr[64];
	const char *slash = strchr(text, '/');
	size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);

	if (len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (!parse_plain(addr, &out->addr))
		return false;
	out->bits = width(&out->addr);
	if (slash != NULL && !bits_parse(slash + 1, out->bits, &out->bits))
		return false;
	for (unsigned bit = out->bits; bit < width(&out->addr); bit++)
		if ((out->addr.bytes[bit / 8] & 0x80u >> bit % 8) != 0)
			return false;
	return true;
}

bool stk_net_range_parse(const char *text, struct stk_net_range *out)
{
	if (!range_read(text, out))
		return false;
	if (out->bits >= mapped.bits && stk_net_range_holds(&mapped, &out->addr)) {
		unwrap(&out->addr);
		out->bits = (uint8_t)(out->bits - mapped.bits);
	}
	return true;
}

void stk_net_addr_text(const struct stk_net_addr *a, char out[static 48])
{
	if (inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, out, 48) == NULL)
		(void)snprintf(out, 48, "?");
}

/* --- comparing -------------------------------------------------------------------------------- */

bool stk_net_range_holds(const struct stk_net_range *r, const struct stk_net_addr *a)
{
	unsigned whole = r->bits / 8u, rest = r->bits % 8u;

	if (r->addr.family != a->family || memcmp(r->addr.bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 ||
	       ((r->addr.bytes[whole] ^ a->bytes[whole]) & (0xff00u >> rest & 0xffu)) == 0;
}

bool stk_net_addr_equal(const struct stk_net_addr *a, const struct stk_net_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static const struct {
	enum stk_net_name reason;
	const char *range;
} table[] = {
#define RANGE(reason, range, source) { STK_NET_##reason, range },
#define EMBEDS(range, byte, source)
#include "sandbox/net_ranges.def"
#undef RANGE
#undef EMBEDS
};

static const struct {
	const char *range;
	uint8_t byte;
} carriers[] = {
#define RANGE(reason, range, source)
#define EMBEDS(range, byte, source) { range, byte },
#include "sandbox/net_ranges.def"
#undef RANGE
#undef EMBEDS
};

static enum stk_net_name plain_class(const struct stk_net_addr *a, struct stk_net_range *in)
{
	for (size_t i = 0; i < STK_ARRAY_LEN(table); i++)
		if (!stk_net_range_parse(table[i].range, in) || stk_net_range_holds(in, a))
			return table[i].reason; /* a row that cannot be read refuses everything */
	return STK_NET_OK;
}

/* The IPv4 address that @a carries and reaches, judged; STK_NET_OK where it carries none. */
static enum stk_net_name carried_class(
    const struct stk_net_addr *a, const char *range, uint8_t byte, struct stk_net_range *in)
{
	struct stk_net_addr inner = { .family = 4 };
	struct stk_net_range outer, around = { .bits = 32 };
	enum stk_net_name reason;

	if (!range_read(range, &outer))
		return STK_NET_RESERVED;
	if (!stk_net_range_holds(&outer, a))
		return STK_NET_OK;
	memcpy(inner.bytes, a->bytes + byte, 4);
	reason = plain_class(&inner, &around);
	*in = (struct stk_net_range){ .addr = *a, .bits = (uint8_t)(byte * 8 + around.bits) };
	return reason;
}

enum stk_net_name stk_net_addr_class(const struct stk_net_addr *a, struct stk_net_range *in)
{
	enum stk_net_name reason = plain_class(a, in);

	for (size_t i = 0; i < STK_ARRAY_LEN(carriers) && reason == STK_NET_OK; i++)
		if (a->family == 6)
			reason = carried_class(a, carriers[i].range, carriers[i].byte, in);
	return reason;
}

/*
 * net_addr.h - addresses, ranges and destinations as values: parsed strictly, compared, named.
 *
 * Pure functions without a socket. Used by the broker (the judge), by the worker (which refuses a
 * bad list at start) and by the cage program (which refuses a bad registry).
 */
#ifndef SANDBOX_NET_ADDR_H
#define SANDBOX_NET_ADDR_H

#include "sandbox/wire.h"

/* What a request to connect came to; 0: connected. Order is free, names are stable. */
enum stk_net_name {
	STK_NET_OK,
#define NET(id, name, err, sentence) STK_NET_##id,
#include "sandbox/net_names.def"
#undef NET
	STK_NET_COUNT
};
/* Static storage: "NetLoopback"; "Connected" for STK_NET_OK, "unknown" beyond the table. */
const char *stk_net_text(uint32_t name);
/* A sentence fragment for people. */
const char *stk_net_sentence(uint32_t name);
/* What the handler sees in errno; 0 where the connect's own errno tells. */
int stk_net_errno(uint32_t name);

/* IPv4 stands in the first four bytes, the rest zero. */
struct stk_net_addr {
	uint8_t family; /* 4 or 6 */
	uint8_t bytes[16];
};
struct stk_net_range {
	struct stk_net_addr addr; /* bits beyond .bits are zero */
	uint8_t bits;
};

/*
 * "192.0.2.1" or "2001:db8::1": four plain decimal numbers, or inet_pton's IPv6 without a zone. An
 * IPv4 address in an IPv6 coat (::ffff:0:0/96) becomes that IPv4 address, as the kernel would
 * connect it.
 */
bool stk_net_addr_parse(const char *text, struct stk_net_addr *out);
/* An address or "address/bits" without bits set beyond the range. */
bool stk_net_range_parse(const char *text, struct stk_net_range *out);
/* At most 46 bytes with the NUL. */
void stk_net_addr_text(const struct stk_net_addr *a, char out[static 48]);
bool stk_net_range_holds(const struct stk_net_range *r, const struct stk_net_addr *a);
bool stk_net_addr_equal(const struct stk_net_addr *a, const struct stk_net_addr *b);

/*
 * STK_NET_OK for a public unicast address; else the reason of net_ranges.def, with the refused
 * range around @a in *@in (an embedded address's range is counted in the outer address's bits).
 */
enum stk_net_name stk_net_addr_class(const struct stk_net_addr *a, struct stk_net_range *in);

/* One destination of a class's CONNECT. */
struct stk_net_rule {
	enum stk_net_rule_kind {
		STK_NET_RULE_ANY,     /* "*": every public address */
		STK_NET_RULE_NAME,    /* this name, at a public address */
		STK_NET_RULE_BENEATH, /* "*.name": names beneath it */
		STK_NET_RULE_RANGE, /* addresses, refused ones too if the range lies within them */
	} kind;
	uint16_t port; /* 0: "*", every port */
	struct stk_net_range range;
	char name[STK_NET_MAX]; /* lower case, no dot at its end */
};
/*
 * "api.example.com:443", "*.example.com:443", "10.1.0.0/16:5432", "[fd00::/8]:443", "*:443",
 * "host:*". NULL, or a sentence fragment that says what is wrong with it.
 */
const char *stk_net_rule_parse(const char *text, struct stk_net_rule *out);

/*
 * A host as a job names it, made comparable: letters, digits, '-', '_' and dots, at most 253 bytes,
 * no empty label, lower case, one dot at its end dropped; a last label that is a number is refused,
 * since libc reads such names as addresses in forgotten notations. STK_NET_OK or STK_NET_NAME_BAD.
 */
enum stk_net_name stk_net_host_clean(const char *host, char out[static STK_NET_HOST_MAX]);

/* What one job may reach. */
struct stk_net_law {
	struct stk_net_rule rules[STK_NETS_MAX];
	size_t n_rules;
	struct stk_net_range refused[STK_NET_REFUSED_MAX];
	size_t n_refused;
	struct stk_net_peer redis[STK_NET_PEERS_MAX];
	size_t n_redis;
};
/*
 * Before a name is looked up: STK_NET_UNLISTED if no rule could admit it whatever its addresses
 * are, so that a job cannot use the resolver to carry words out.
 */
enum stk_net_name stk_net_law_name(const struct stk_net_law *l, const char *host, uint16_t port);
/*
 * Whether @host (cleaned, or an address's text) may be connected to at @a and @port. STK_NET_OK, or
 * the first reason: Redis, the operator's ranges, the table's, not listed.
 */
enum stk_net_name stk_net_law_addr(
    const struct stk_net_law *l, const char *host, const struct stk_net_addr *a, uint16_t port);
/* Whether a rule lists exactly this address: then even the machine's own is meant. */
bool stk_net_law_literal(
    const struct stk_net_law *l, const struct stk_net_addr *a, uint16_t port, uint8_t bits);

#endif

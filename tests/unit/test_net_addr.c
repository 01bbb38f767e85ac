/*
 * test_net_addr.c - which addresses are not for jobs: every range at both of its edges and one step
 * beyond them, every coat that an IPv4 address can wear, and the law of a class over them.
 */
#include "sandbox/net_addr.h"
#include "tests/harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum stk_net_name class_of(const char *text)
{
	struct stk_net_range in;
	struct stk_net_addr a;

	if (!stk_net_addr_parse(text, &a))
		fail_msg("%s is no address", text);
	return stk_net_addr_class(&a, &in);
}

/* first and last of a range, and the neighbours on both sides; written by hand from the RFCs */
static void edges_of_every_range(void **state)
{
	static const struct {
		const char *before, *first, *last,
		    *after;                       /* NULL: there is none, or it is another range */
		enum stk_net_name reason, around; /* what the neighbours are */
	} ranges[] = {
		{ NULL, "0.0.0.0", "0.0.0.0", NULL, STK_NET_UNSPECIFIED, 0 },
		{ NULL, "0.0.0.1", "0.255.255.255", "1.0.0.0", STK_NET_RESERVED, STK_NET_OK },
		{ "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0", STK_NET_PRIVATE,
		    STK_NET_OK },
		{ "100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0", STK_NET_PRIVATE,
		    STK_NET_OK },
		{ "100.100.100.199", "100.100.100.200", "100.100.100.200", "100.100.100.201",
		    STK_NET_METADATA, STK_NET_PRIVATE },
		{ "126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0", STK_NET_LOOPBACK,
		    STK_NET_OK },
		{ "168.63.129.15", "168.63.129.16", "168.63.129.16", "168.63.129.17",
		    STK_NET_METADATA, STK_NET_OK },
		{ "169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0",
		    STK_NET_LINK_LOCAL, STK_NET_OK },
		{ "169.254.169.253", "169.254.169.254", "169.254.169.254", "169.254.169.255",
		    STK_NET_METADATA, STK_NET_LINK_LOCAL },
		{ "169.254.170.1", "169.254.170.2", "169.254.170.2", "169.254.170.3",
		    STK_NET_METADATA, STK_NET_LINK_LOCAL },
		{ "169.254.170.22", "169.254.170.23", "169.254.170.23", "169.254.170.24",
		    STK_NET_METADATA, STK_NET_LINK_LOCAL },
		{ "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0", STK_NET_PRIVATE,
		    STK_NET_OK },
		{ "191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0", STK_NET_RESERVED,
		    STK_NET_OK },
		{ "192.0.0.191", "192.0.0.192", "192.0.0.192", "192.0.0.193", STK_NET_METADATA,
		    STK_NET_RESERVED },
		{ "192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0", STK_NET_RESERVED,
		    STK_NET_OK },
		{ "192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0", STK_NET_RESERVED,
		    STK_NET_OK },
		{ "192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0",
		    STK_NET_PRIVATE, STK_NET_OK },
		{ "198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0", STK_NET_RESERVED,
		    STK_NET_OK },
		{ "198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0",
		    STK_NET_RESERVED, STK_NET_OK },
		{ "203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0", STK_NET_RESERVED,
		    STK_NET_OK },
		{ "223.255.255.255", "224.0.0.0", "239.255.255.255", NULL, STK_NET_MULTICAST,
		    STK_NET_OK },
		{ NULL, "240.0.0.0", "255.255.255.254", NULL, STK_NET_RESERVED, 0 },
		{ NULL, "255.255.255.255", "255.255.255.255", NULL, STK_NET_MULTICAST, 0 },
		{ NULL, "::", "::", NULL, STK_NET_UNSPECIFIED, 0 },
		{ NULL, "::1", "::1", NULL, STK_NET_LOOPBACK, 0 },
		{ "64:ff9b:0:ffff:ffff:ffff:ffff:ffff",
		    "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
		    "64:ff9b:2::", STK_NET_TUNNEL, STK_NET_OK },
		{ "ff:ffff::", "100::", "100::ffff:ffff:ffff:ffff", "100:0:0:1::", STK_NET_RESERVED,
		    STK_NET_OK },
		{ "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::",
		    "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", NULL, STK_NET_TUNNEL, STK_NET_OK },
		{ NULL, "2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "2001:200::", STK_NET_RESERVED, STK_NET_OK },
		{ "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
		    "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
		    "2001:db9::", STK_NET_RESERVED, STK_NET_OK },
		{ "3ffd:ffff::", "3ffe::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL,
		    STK_NET_RESERVED, STK_NET_OK },
		{ NULL, "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "3fff:1000::", STK_NET_RESERVED, STK_NET_OK },
		{ "5eff:ffff::", "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "5f01::", STK_NET_RESERVED, STK_NET_OK },
		{ "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::", STK_NET_PRIVATE,
		    STK_NET_OK },
		{ "fd00:ec2::253", "fd00:ec2::254", "fd00:ec2::254", "fd00:ec2::255",
		    STK_NET_METADATA, STK_NET_PRIVATE },
		{ "fd00:ec2::22", "fd00:ec2::23", "fd00:ec2::23", "fd00:ec2::24", STK_NET_METADATA,
		    STK_NET_PRIVATE },
		{ "fd20:ce::253", "fd20:ce::254", "fd20:ce::254", "fd20:ce::255", STK_NET_METADATA,
		    STK_NET_PRIVATE },
		{ "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, STK_NET_LINK_LOCAL,
		    STK_NET_OK },
		{ NULL, "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, STK_NET_PRIVATE,
		    0 },
		{ NULL, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL,
		    STK_NET_MULTICAST, 0 },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(ranges); i++) {
		const char *const in[] = { ranges[i].first, ranges[i].last };
		const char *const out[] = { ranges[i].before, ranges[i].after };

		for (size_t k = 0; k < 2; k++) {
			if (class_of(in[k]) != ranges[i].reason)
				fail_msg("%s: %s, not %s", in[k], stk_net_text(class_of(in[k])),
				    stk_net_text(ranges[i].reason));
			if (out[k] != NULL && class_of(out[k]) != ranges[i].around)
				fail_msg("%s: %s, not %s", out[k], stk_net_text(class_of(out[k])),
				    stk_net_text(ranges[i].around));
		}
	}
}

/* Each range of the table is met by the hand-written list above: its first address has a reason. */
static void every_row_is_readable_and_refuses(void **state)
{
	static const char *const rows[] = {
#define RANGE(reason, range, source) range,
#define EMBEDS(range, byte, source)
#include "sandbox/net_ranges.def"
#undef RANGE
#undef EMBEDS
	};
	struct stk_net_range r, in;

	(void)state;
	assert_true(STK_ARRAY_LEN(rows) >= 40);
	for (size_t i = 0; i < STK_ARRAY_LEN(rows); i++) {
		if (!stk_net_range_parse(rows[i], &r))
			fail_msg("%s cannot be read", rows[i]);
		assert_int_not_equal(stk_net_addr_class(&r.addr, &in), STK_NET_OK);
	}
}

static void ordinary_addresses_are_for_jobs(void **state)
{
	static const char *const good[] = { "1.1.1.1", "8.8.8.8", "93.184.216.34", "100.128.0.1",
		"172.32.0.1", "192.169.0.1", "2606:4700:4700::1111", "2a00:1450:4001::200e",
		"2400:cb00::1" };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(good); i++)
		assert_int_equal(class_of(good[i]), STK_NET_OK);
}

/* One IPv4 address in every coat of IPv6: judged as what it reaches. */
static void a_coat_does_not_hide_an_address(void **state)
{
	static const struct {
		const char *four;
		unsigned hi, lo;
		enum stk_net_name reason;
	} inner[] = {
		{ "127.0.0.1", 0x7f00, 1, STK_NET_LOOPBACK },
		{ "10.1.2.3", 0x0a01, 0x0203, STK_NET_PRIVATE },
		{ "169.254.169.254", 0xa9fe, 0xa9fe, STK_NET_METADATA },
		{ "224.0.0.1", 0xe000, 1, STK_NET_MULTICAST },
		{ "8.8.8.8", 0x0808, 0x0808, STK_NET_OK },
	};
	static const char *const coats[] = { "::ffff:%x:%x", "::ffff:0:%x:%x", "64:ff9b::%x:%x",
		"2002:%x:%x::", "2002:%x:%x:1:2:3:4:5", "::%x:%x" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(inner); i++)
		for (size_t k = 0; k < STK_ARRAY_LEN(coats); k++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			(void)snprintf(text, sizeof(text), coats[k], inner[i].hi, inner[i].lo);
#pragma GCC diagnostic pop
			if (class_of(text) != inner[i].reason)
				fail_msg("%s (%s): %s", text, inner[i].four,
				    stk_net_text(class_of(text)));
		}
	assert_int_equal(class_of("::ffff:127.0.0.1"), STK_NET_LOOPBACK);
	assert_int_equal(class_of("64:ff9b::10.0.0.1"), STK_NET_PRIVATE);
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = { "", " 1.1.1.1", "1.1.1.1 ", "1.1.1", "127.1",
		"0x7f.0.0.1", "0177.0.0.1", "2130706433", "1.1.1.256", "1.1.1.1.1", "fe80::1%eth0",
		"[::1]", "::1/128", ":::", "1::2::3", "::ffff:1.1.1.999", "localhost" };
	static const char *const bad_ranges[] = { "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/",
		"10.0.0.0/08", "10.0.0.0/-1", "::1/127", "::/129", "/8", "10.0.0.0/8/8" };
	struct stk_net_addr a;
	struct stk_net_range r;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++)
		if (stk_net_addr_parse(bad[i], &a))
			fail_msg("'%s' was taken for an address", bad[i]);
	for (size_t i = 0; i < STK_ARRAY_LEN(bad_ranges); i++)
		if (stk_net_range_parse(bad_ranges[i], &r))
			fail_msg("'%s' was taken for a range", bad_ranges[i]);
	assert_true(stk_net_range_parse("0.0.0.0/0", &r) && r.bits == 0);
	assert_true(
	    stk_net_range_parse("::ffff:10.0.0.0/104", &r) && r.addr.family == 4 && r.bits == 8);
}

static void names_are_clean_or_refused(void **state)
{
	static const char *const bad[] = { "", ".", "a..b", ".a", "a b", "a/b", "a:1", "127.1",
		"0x7f.1", "1.2.3.4.", "2130706433", "a.0x10", "a\nb", "\xc3\xa4.example", "a%00b" };
	char out[STK_NET_HOST_MAX], name[300];

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++)
		if (stk_net_host_clean(bad[i], out) != STK_NET_NAME_BAD)
			fail_msg("'%s' was taken for a name", bad[i]);
	assert_int_equal(stk_net_host_clean("API.Example.COM.", out), STK_NET_OK);
	assert_string_equal(out, "api.example.com");
	assert_int_equal(stk_net_host_clean("_srv.x-y", out), STK_NET_OK);
	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	assert_int_equal(stk_net_host_clean(name, out), STK_NET_NAME_BAD);
	name[63] = '\0';
	assert_int_equal(stk_net_host_clean(name, out), STK_NET_OK);
	for (size_t i = 0; i < 299; i++)
		name[i] = i % 2 == 0 ? 'a' : '.';
	name[299] = '\0';
	assert_int_equal(stk_net_host_clean(name, out), STK_NET_NAME_BAD);
	name[253] = '\0';
	assert_int_equal(stk_net_host_clean(name, out), STK_NET_OK);
}

static void destinations_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		int kind; /* -1: refused */
		unsigned port, bits;
	} rules[] = {
		{ "*:443", STK_NET_RULE_ANY, 443, 0 },
		{ "*:*", STK_NET_RULE_ANY, 0, 0 },
		{ "api.example.com:443", STK_NET_RULE_NAME, 443, 0 },
		{ "*.example.com:*", STK_NET_RULE_BENEATH, 0, 0 },
		{ "10.1.0.0/16:5432", STK_NET_RULE_RANGE, 5432, 16 },
		{ "127.0.0.1:1", STK_NET_RULE_RANGE, 1, 32 },
		{ "[fd00::/8]:65535", STK_NET_RULE_RANGE, 65535, 8 },
		{ "[::1]:80", STK_NET_RULE_RANGE, 80, 128 },
		{ "", -1, 0, 0 },
		{ ":443", -1, 0, 0 },
		{ "host", -1, 0, 0 },
		{ "host:", -1, 0, 0 },
		{ "host:0", -1, 0, 0 },
		{ "host:65536", -1, 0, 0 },
		{ "host:080", -1, 0, 0 },
		{ "host:http", -1, 0, 0 },
		{ "10.1.0.1/16:80", -1, 0, 0 },
		{ "::1:80", -1, 0, 0 },
		{ "[host]:80", -1, 0, 0 },
		{ "[127.0.0.1]:80", -1, 0, 0 },
		{ "*.*:80", -1, 0, 0 },
		{ "a.*:80", -1, 0, 0 },
		{ "127.1:80", -1, 0, 0 },
		{ "host/path:80", -1, 0, 0 },
	};
	struct stk_net_rule r;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(rules); i++) {
		const char *wrong = stk_net_rule_parse(rules[i].text, &r);

		if ((wrong != NULL) != (rules[i].kind == -1))
			fail_msg("'%s': %s", rules[i].text, wrong == NULL ? "was taken" : wrong);
		if (wrong != NULL)
			continue;
		assert_int_equal((int)r.kind, rules[i].kind);
		assert_int_equal(r.port, rules[i].port);
		assert_int_equal(r.range.bits, rules[i].bits);
	}
}

/* --- the law ---------------------------------------------------------------------------------- */

static void make_law(
    struct stk_net_law *l, const char *a, const char *b, const char *refuse, const char *redis)
{
	const char *const rules[] = { a, b };
	struct stk_net_addr addr;

	memset(l, 0, sizeof(*l));
	for (size_t i = 0; i < 2; i++)
		if (rules[i] != NULL)
			assert_null(stk_net_rule_parse(rules[i], &l->rules[l->n_rules++]));
	if (refuse != NULL)
		assert_true(stk_net_range_parse(refuse, &l->refused[l->n_refused++]));
	if (redis == NULL)
		return;
	assert_true(stk_net_addr_parse(redis, &addr));
	l->redis[0] = (struct stk_net_peer){ .family = addr.family, .port = 6379 };
	memcpy(l->redis[0].bytes, addr.bytes, 16);
	l->n_redis = 1;
}

static void the_law_of_a_class(void **state)
{
	static const struct {
		const char *rule, *second, *refuse, *redis, *host, *addr;
		uint16_t port;
		enum stk_net_name want;
	} cases[] = {
		{ "*:443", NULL, NULL, NULL, "a.example", "8.8.8.8", 443, STK_NET_OK },
		{ "*:443", NULL, NULL, NULL, "a.example", "8.8.8.8", 80, STK_NET_UNLISTED },
		{ "*:443", NULL, NULL, NULL, "a.example", "127.0.0.1", 443, STK_NET_LOOPBACK },
		{ "0.0.0.0/0:443", NULL, NULL, NULL, "*", "8.8.8.8", 443, STK_NET_OK },
		/* a range lifts the refusals that it lies within, no others */
		{ "0.0.0.0/0:443", NULL, NULL, NULL, "*", "10.0.0.1", 443, STK_NET_PRIVATE },
		{ "0.0.0.0/1:443", NULL, NULL, NULL, "*", "127.0.0.1", 443, STK_NET_LOOPBACK },
		{ "10.0.0.0/8:443", NULL, NULL, NULL, "*", "10.0.0.1", 443, STK_NET_OK },
		{ "10.1.0.0/16:443", NULL, NULL, NULL, "*", "10.2.0.1", 443, STK_NET_PRIVATE },
		{ "169.254.0.0/16:80", NULL, NULL, NULL, "*", "169.254.169.254", 80,
		    STK_NET_METADATA },
		{ "169.254.0.0/16:80", NULL, NULL, NULL, "*", "169.254.1.1", 80, STK_NET_OK },
		{ "169.254.169.254:80", NULL, NULL, NULL, "*", "169.254.169.254", 80, STK_NET_OK },
		{ "127.0.0.1:80", NULL, NULL, NULL, "*", "127.0.0.1", 80, STK_NET_OK },
		{ "127.0.0.1:80", NULL, NULL, NULL, "*", "127.0.0.2", 80, STK_NET_LOOPBACK },
		{ "127.0.0.1:80", NULL, NULL, NULL, "*", "127.0.0.1", 81, STK_NET_LOOPBACK },
		/* a name never lifts one, whoever answers for it */
		{ "localhost:80", NULL, NULL, NULL, "localhost", "127.0.0.1", 80,
		    STK_NET_LOOPBACK },
		{ "db.example:5432", "10.0.0.0/8:5432", NULL, NULL, "db.example", "10.3.3.3", 5432,
		    STK_NET_OK },
		{ "db.example:5432", NULL, NULL, NULL, "other.example", "8.8.8.8", 5432,
		    STK_NET_UNLISTED },
		{ "*.example:443", NULL, NULL, NULL, "a.b.example", "8.8.8.8", 443, STK_NET_OK },
		{ "*.example:443", NULL, NULL, NULL, "example", "8.8.8.8", 443, STK_NET_UNLISTED },
		{ "*.example:443", NULL, NULL, NULL, "badexample", "8.8.8.8", 443,
		    STK_NET_UNLISTED },
		/* IPv6, and IPv4 within it */
		{ "[fd00::/8]:443", NULL, NULL, NULL, "*", "fd12::1", 443, STK_NET_OK },
		{ "[::/0]:443", NULL, NULL, NULL, "*", "fd12::1", 443, STK_NET_PRIVATE },
		{ "[::/0]:443", NULL, NULL, NULL, "*", "64:ff9b::a00:1", 443, STK_NET_PRIVATE },
		{ "[64:ff9b::/96]:443", NULL, NULL, NULL, "*", "64:ff9b::a00:1", 443,
		    STK_NET_PRIVATE },
		{ "[64:ff9b::a00:0/104]:443", NULL, NULL, NULL, "*", "64:ff9b::a00:1", 443,
		    STK_NET_OK },
		{ "10.0.0.0/8:443", NULL, NULL, NULL, "*", "64:ff9b::a00:1", 443, STK_NET_PRIVATE },
		/* the operator's ranges */
		{ "*:443", NULL, "8.8.0.0/16", NULL, "a.example", "8.8.8.8", 443,
		    STK_NET_CONFIGURED },
		{ "8.0.0.0/8:443", NULL, "8.8.0.0/16", NULL, "*", "8.8.8.8", 443,
		    STK_NET_CONFIGURED },
		{ "8.8.8.0/24:443", NULL, "8.8.0.0/16", NULL, "*", "8.8.8.8", 443, STK_NET_OK },
		/* Redis: its own address and port alone lift it */
		{ "*:*", NULL, NULL, "8.8.8.8", "*", "8.8.8.8", 6379, STK_NET_REDIS },
		{ "*:*", NULL, NULL, "8.8.8.8", "*", "8.8.8.8", 443, STK_NET_OK },
		{ "10.0.0.0/8:*", NULL, NULL, "10.0.0.9", "*", "10.0.0.9", 6379, STK_NET_REDIS },
		{ "10.0.0.9:*", NULL, NULL, "10.0.0.9", "*", "10.0.0.9", 6379, STK_NET_REDIS },
		{ "10.0.0.9:6379", NULL, NULL, "10.0.0.9", "*", "10.0.0.9", 6379, STK_NET_OK },
		{ "*:*", NULL, NULL, "::ffff:8.8.8.8", "*", "8.8.8.8", 6379, STK_NET_REDIS },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(cases); i++) {
		struct stk_net_law l;
		struct stk_net_addr a;
		enum stk_net_name got;

		make_law(&l, cases[i].rule, cases[i].second, cases[i].refuse, cases[i].redis);
		assert_true(stk_net_addr_parse(cases[i].addr, &a));
		got = stk_net_law_addr(&l, cases[i].host, &a, cases[i].port);
		if (got != cases[i].want)
			fail_msg("%s, asked for %s at %s:%u: %s, not %s", cases[i].rule,
			    cases[i].host, cases[i].addr, cases[i].port, stk_net_text(got),
			    stk_net_text(cases[i].want));
	}
}

/* A name that no rule can admit is not even looked up: a lookup carries the name out. */
static void names_that_cannot_be_admitted_are_not_looked_up(void **state)
{
	struct stk_net_law l;

	(void)state;
	make_law(&l, "127.0.0.1:*", "api.example:443", NULL, NULL);
	assert_int_equal(stk_net_law_name(&l, "secret.attacker.example", 80), STK_NET_UNLISTED);
	assert_int_equal(stk_net_law_name(&l, "api.example", 80), STK_NET_UNLISTED);
	assert_int_equal(stk_net_law_name(&l, "api.example", 443), STK_NET_OK);
	make_law(&l, "10.0.0.0/8:5432", NULL, NULL, NULL);
	assert_int_equal(stk_net_law_name(&l, "db.example", 5432), STK_NET_OK);
	assert_int_equal(stk_net_law_name(&l, "db.example", 5433), STK_NET_UNLISTED);
}

static void every_name_has_words_and_an_errno(void **state)
{
	(void)state;
	for (uint32_t i = 1; i < STK_NET_COUNT; i++) {
		assert_memory_equal(stk_net_text(i), "Net", 3);
		assert_true(strlen(stk_net_sentence(i)) > 10);
		assert_true(stk_net_errno(i) > 0 || i == STK_NET_CONNECT_FAILED);
	}
	assert_string_equal(stk_net_text(STK_NET_COUNT), "unknown");
	assert_int_equal(stk_net_errno(9999), EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges_of_every_range),
		cmocka_unit_test(every_row_is_readable_and_refuses),
		cmocka_unit_test(ordinary_addresses_are_for_jobs),
		cmocka_unit_test(a_coat_does_not_hide_an_address),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(names_are_clean_or_refused),
		cmocka_unit_test(destinations_are_read_strictly),
		cmocka_unit_test(the_law_of_a_class),
		cmocka_unit_test(names_that_cannot_be_admitted_are_not_looked_up),
		cmocka_unit_test(every_name_has_words_and_an_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * change.c - see mutations.h: the table of what is done to a genuine job. Each act makes a
 * difference by its construction: a byte becomes another byte, a name another name, a text shorter.
 */
#include "tests/mutations/mutations.h"

#include "worker/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define B64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static bool ed25519(const struct draft *d)
{
	return d->by != HMAC;
}

/* --- bytes of the decoded strings ---------------------------------------------------------------
 */

static bool other_byte(struct text *t)
{
	size_t at = roll(t->n);
	char c;

	do
		c = (char)(0x20 + roll(0x5f));
	while (c == t->b[at]);
	t->b[at] = c;
	return true;
}

static bool less(struct text *t)
{
	size_t at = roll(t->n), n = 1 + roll(t->n - at < 9 ? t->n - at : 9);

	memmove(t->b + at, t->b + at + n, t->n - at - n + 1);
	t->n -= n;
	return true;
}

static bool more(struct text *t, const char *what)
{
	struct text all = { 0 };
	size_t at = roll(t->n + 1);

	text_add(&all, t->b, at);
	text_add(&all, what, strlen(what));
	text_add(&all, t->b + at, t->n - at);
	*t = all;
	return true;
}

static bool cut(struct text *t)
{
	t->n = roll(t->n);
	t->b[t->n] = '\0';
	return true;
}

static bool header_byte(struct draft *d)
{
	return other_byte(&d->header);
}
static bool header_less(struct draft *d)
{
	return less(&d->header);
}
static bool header_cut(struct draft *d)
{
	return cut(&d->header);
}
static bool body_byte(struct draft *d)
{
	return other_byte(&d->body);
}
static bool body_less(struct draft *d)
{
	return less(&d->body);
}
static bool body_cut(struct draft *d)
{
	return cut(&d->body);
}
static bool sig_less(struct draft *d)
{
	return less(&d->sig);
}
static bool sig_cut(struct draft *d)
{
	return cut(&d->sig);
}
static bool class_byte(struct draft *d)
{
	return other_byte(&d->cls);
}
static bool class_less(struct draft *d)
{
	return less(&d->cls);
}

static bool header_more(struct draft *d)
{
	static const char *const bits[] = { " ", ";", "=", "0", "\n", ",", "kid=web-2;", "\t",
		"%00", "a" };

	return more(&d->header, bits[roll(STK_ARRAY_LEN(bits))]);
}

static bool body_more(struct draft *d)
{
	static const char *const bits[] = { " ", "\n", ",", "0", "[]", "\\u0000", "\"\"", "1", "{}",
		"\xc3\xa9" };

	return more(&d->body, bits[roll(STK_ARRAY_LEN(bits))]);
}

static bool sig_more(struct draft *d)
{
	static const char *const bits[] = { "=", " ", "A", "==", "\n", "-" };

	return more(&d->sig, bits[roll(STK_ARRAY_LEN(bits))]);
}

static bool class_more(struct draft *d)
{
	static const char *const bits[] = { " ", "::", "x", "\n", "\xc2\xa0", "\xe2\x80\x8b" };

	return more(&d->cls, bits[roll(STK_ARRAY_LEN(bits))]);
}

static bool class_case(struct draft *d)
{
	d->cls.b[roll(d->cls.n)] ^= 0x20;
	return true;
}

static bool class_other(struct draft *d)
{
	static const char *const names[] = { "Admin", "Kernel", "Ghost", "resize", "" };

	text_set(&d->cls, names[roll(STK_ARRAY_LEN(names))]);
	return true;
}

/* A NUL behind it: equal for whoever compares C strings. */
static bool class_nul(struct draft *d)
{
	text_add(&d->cls, "\0x", roll(2) + 1);
	return true;
}

/* --- fields of the header, the signature as it was ----------------------------------------------
 */

static bool number_off(struct draft *d, const char *name)
{
	char value[32];
	size_t n = 0;
	long long was = strtoll(field(&d->header, name, &n), NULL, 10);
	long long by = 1 + (long long)roll(100000);

	(void)snprintf(
	    value, sizeof(value), "%lld", roll(2) != 0 || was <= by ? was + by : was - by);
	field_set(&d->header, name, value);
	return true;
}
static bool iat_off(struct draft *d)
{
	return number_off(d, "iat");
}
static bool nbf_off(struct draft *d)
{
	return number_off(d, "nbf");
}
static bool exp_off(struct draft *d)
{
	return number_off(d, "exp");
}
static bool runs_off(struct draft *d)
{
	return number_off(d, "runs");
}

/* Another spelling of the same number. */
static bool number_respelt(struct draft *d)
{
	static const char *const names[] = { "iat", "nbf", "exp", "runs" };
	static const char *const forms[][2] = { { "0", "" }, { "+", "" }, { " ", "" }, { "", " " },
		{ "", ".0" }, { "", "e0" }, { "00", "" }, { "", "\t" } };
	const char *name = names[roll(4)], *const *form = forms[roll(STK_ARRAY_LEN(forms))];
	char value[40];
	size_t n = 0;
	const char *at = field(&d->header, name, &n);

	(void)snprintf(value, sizeof(value), "%s%.*s%s", form[0], (int)n, at, form[1]);
	field_set(&d->header, name, value);
	return true;
}

static bool swap_in(struct draft *d, const char *name, const char *const *values, size_t n)
{
	size_t len = 0;
	const char *was = field(&d->header, name, &len), *value;

	do
		value = values[roll(n)];
	while (strlen(value) == len && memcmp(value, was, len) == 0);
	field_set(&d->header, name, value);
	return true;
}

static bool kid_swapped(struct draft *d)
{
	const char *const names[] = { kids[WEB], kids[RETIRING], kids[HMAC], kids[OTHER],
		kids[REVOKED], kids[GONE], "nobody" };

	return swap_in(d, "kid", names, STK_ARRAY_LEN(names));
}

static bool queue_swapped(struct draft *d)
{
	static const char *const names[] = { "images", "low", "mail", "images,low,mail", "third" };

	swap_in(d, "q", names, STK_ARRAY_LEN(names));
	text_set(&d->queue, roll(2) != 0 ? "mail" : "images");
	return true;
}

static bool class_swapped(struct draft *d)
{
	static const char *const names[] = { "Resize", "Send", "Admin", "Ghost" };
	size_t n = 0;
	const char *at;

	swap_in(d, "cls", names, STK_ARRAY_LEN(names));
	at = field(&d->header, "cls", &n);
	d->cls.n = 0;
	text_add(&d->cls, at, n); /* outside as inside */
	return true;
}

static bool jti_new(struct draft *d)
{
	char value[24];

	(void)snprintf(value, sizeof(value), "%08x-%08x", (unsigned)roll(UINT32_MAX),
	    (unsigned)roll(UINT32_MAX));
	field_set(&d->header, "jti", value);
	return true;
}

static bool ref_new(struct draft *d)
{
	field_set(&d->header, "ref", roll(2) != 0 ? "r.0011223344556677" : "other");
	return true;
}

static bool fields_swapped(struct draft *d)
{
	struct text all = { 0 };
	size_t a = 0, b = 0;
	const char *iat = field(&d->header, "iat", &a), *nbf = field(&d->header, "nbf", &b);

	text_add(&all, d->header.b, (size_t)(iat - 4 - d->header.b));
	text_print(&all, "nbf=%.*s;iat=%.*s", (int)b, nbf, (int)a, iat);
	text_add(&all, nbf + b, d->header.n - (size_t)(nbf + b - d->header.b));
	d->header = all;
	return true;
}

static bool field_twice(struct draft *d)
{
	text_print(&d->header, ";ref=%s", roll(2) != 0 ? "-" : "o.42");
	return true;
}

static bool version_other(struct draft *d)
{
	static const char *const versions[] = { "stk2", "stk01", "stk", "STK1", "stk1 ", "stk11",
		"jwt1" };
	struct text all = { 0 };

	text_print(&all, "%s%s", versions[roll(STK_ARRAY_LEN(versions))], d->header.b + 4);
	d->header = all;
	return true;
}

/* --- the body: the same to a JSON parser, other bytes -------------------------------------------
 */

static bool body_respelt(struct draft *d)
{
	struct text all = { 0 };
	size_t at = 1 + roll(d->body.n - 1);

	if (roll(2) != 0) { /* white space between the last two brackets, or before the last */
		text_add(&all, d->body.b, d->body.n - 1);
		text_add(&all, " ]", 2);
	} else {
		text_add(&all, d->body.b, at);
		text_add(&all, at == 1 ? " " : "", at == 1);
		text_add(&all, d->body.b + at, d->body.n - at);
		if (at != 1)
			text_add(&all, " ", 1);
	}
	d->body = all;
	return true;
}

static bool body_key_twice(struct draft *d)
{
	struct text all = { 0 };
	const char *brace = memchr(d->body.b, '{', d->body.n);

	if (brace == NULL || brace[1] == '}')
		return false;
	text_add(&all, d->body.b, (size_t)(brace + 1 - d->body.b));
	text_add(&all, "\"w\":2,", 6);
	text_add(&all, brace + 1, d->body.n - (size_t)(brace + 1 - d->body.b));
	d->body = all;
	return true;
}

static bool body_other(struct draft *d)
{
	struct text was = d->body;

	text_set(&d->body, strcmp(was.b, "[1]") == 0 ? "[2]" : "[1]");
	return true;
}

/* One job's header, another's body, either's signature. */
static bool spliced(struct draft *d)
{
	static struct draft two;

	forge_genuine(&two);
	if (two.body.n == d->body.n && memcmp(two.body.b, d->body.b, two.body.n) == 0)
		return false;
	d->body = two.body;
	if (roll(2) != 0)
		d->sig = two.sig;
	return true;
}

static bool sig_of_other(struct draft *d)
{
	static struct draft two;

	forge_genuine(&two);
	d->sig = two.sig; /* another jti, so another message */
	return true;
}

/* --- the signature ------------------------------------------------------------------------------
 */

static bool sig_byte(struct draft *d)
{
	size_t at = roll(d->sig.n);
	char c;

	do
		c = B64[roll(64)];
	while (c == d->sig.b[at]);
	d->sig.b[at] = c;
	return true;
}

/* The bits of the last character that no byte uses: the same bytes, spelled in a second way. */
static bool sig_spare_bits(struct draft *d)
{
	char *last = &d->sig.b[d->sig.n - 1];
	size_t v = (size_t)(strchr(B64, *last) - B64), spare = ed25519(d) ? 16 : 4;

	*last = B64[v / spare * spare + 1 + roll(spare - 1)];
	return true;
}

static bool sig_padded(struct draft *d)
{
	text_add(&d->sig, "==", ed25519(d) ? 2 : 1);
	return true;
}

static bool sig_other_alphabet(struct draft *d)
{
	bool changed = false;

	for (size_t i = 0; i < d->sig.n; i++)
		if (d->sig.b[i] == '-' || d->sig.b[i] == '_') {
			d->sig.b[i] = d->sig.b[i] == '-' ? '+' : '/';
			changed = true;
		}
	return changed;
}

static bool sig_space(struct draft *d)
{
	return more(&d->sig, &"\n\0 \0\r\n\0"[2 * roll(3)]);
}

static bool raw_sig(const struct draft *d, uint8_t sig[static STK_SIG_MAX])
{
	return ed25519(d) && stk_b64url_decode(stk_span_of(d->sig.b, d->sig.n), sig, STK_SIG_MAX);
}

static bool put_sig(struct draft *d, const uint8_t sig[static STK_SIG_MAX])
{
	char text[STK_SIG_TEXT_MAX + 1];

	stk_b64url_encode(sig, STK_SIG_MAX, text, sizeof(text));
	text_set(&d->sig, text);
	return true;
}

/* L, the order of the base point, little end first. */
static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
	0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };

/* S + k L means the same on the curve, for k up to 14 in 32 bytes. */
static bool sig_plus_order(struct draft *d)
{
	uint8_t sig[STK_SIG_MAX];
	unsigned times = 1 + (unsigned)roll(14);

	if (!raw_sig(d, sig))
		return false;
	while (times-- > 0) {
		unsigned carry = 0;

		for (size_t i = 0; i < 32; i++) {
			carry += (unsigned)sig[32 + i] + order[i];
			sig[32 + i] = (uint8_t)carry;
			carry >>= 8;
		}
	}
	return put_sig(d, sig);
}

/* L - S, with R mirrored or not. */
static bool sig_negated(struct draft *d)
{
	uint8_t sig[STK_SIG_MAX];
	int borrow = 0;

	if (!raw_sig(d, sig))
		return false;
	if (roll(3) != 0)
		sig[31] ^= 0x80;
	for (size_t i = 0; i < 32; i++) {
		int v = (int)order[i] - sig[32 + i] - borrow;

		borrow = v < 0;
		sig[32 + i] = (uint8_t)v;
	}
	return put_sig(d, sig);
}

static bool sig_mirrored(struct draft *d)
{
	uint8_t sig[STK_SIG_MAX];

	if (!raw_sig(d, sig))
		return false;
	sig[roll(2) != 0 ? 31 : 63] ^= 0x80;
	return put_sig(d, sig);
}

/* R of small order, S zero or as it was. */
static bool sig_small_order(struct draft *d)
{
	static const uint8_t firsts[] = { 0, 1, 0xec, 0xed, 0xee };
	uint8_t sig[STK_SIG_MAX], first = firsts[roll(5)];

	if (!raw_sig(d, sig))
		return false;
	memset(sig, first < 2 ? 0 : 0xff, 32);
	sig[0] = first;
	sig[31] = first < 2 ? 0 : 0x7f;
	if (roll(2) != 0)
		sig[31] ^= 0x80;
	if (roll(2) != 0)
		memset(sig + 32, 0, 32);
	return put_sig(d, sig);
}

static bool sig_zero(struct draft *d)
{
	d->sig.n = 0;
	for (size_t i = ed25519(d) ? 86 : 43; i > 0; i--)
		text_add(&d->sig, "A", 1);
	return true;
}

static bool sig_random(struct draft *d)
{
	d->sig.n = 0;
	for (size_t i = roll(2) != 0 ? 86 : 43; i > 0; i--)
		text_add(&d->sig, &B64[i == 1 ? roll(4) * 16 : roll(64)], 1);
	return true;
}

/* The public key is no secret: an HMAC under it must not pass for the key's own algorithm. */
static bool hmac_by_public(struct draft *d)
{
	if (!ed25519(d))
		return false;
	forge_hmac(d, forge_public(d->by));
	return true;
}

static bool hmac_by_guess(struct draft *d)
{
	static const uint8_t zero[STK_KEY_LEN];

	if (ed25519(d))
		return false;
	forge_hmac(d, roll(2) != 0 ? zero : forge_public(WEB));
	return true;
}

/* Ed25519 signatures of real keys under the HMAC key's name, and the other way round. */
static bool algorithm_swapped(struct draft *d)
{
	enum signer was = d->by;

	field_set(&d->header, "kid", ed25519(d) ? kids[HMAC] : kids[WEB]);
	if (was == HMAC)
		forge_sign(d, HMAC);
	else
		forge_sign(d, was);
	return true;
}

static bool signed_by_stranger(struct draft *d)
{
	forge_sign(d, STRANGER);
	return true;
}

/* Another principal's genuine key, this one's name. */
static bool signed_by_other(struct draft *d)
{
	forge_sign(d, d->by == OTHER ? WEB : OTHER);
	return true;
}

static bool signed_other_bytes(struct draft *d)
{
	/* before, between and behind header and body */
	static const char *const forms[][3] = { { "", "\n", "" }, { "stockade-job-v1", "\n", "" },
		{ "stockade-job-v2\n", "\n", "" }, { "stockade-job-v1\n", "", "" },
		{ "stockade-job-v1\r\n", "\r\n", "" }, { "stockade-job-v1\n", "\n", "\n" },
		{ " stockade-job-v1\n", "\n", "" } };
	const char *const *form = forms[roll(STK_ARRAY_LEN(forms))];
	static struct text m;

	m.n = 0;
	text_print(&m, "%s%s%s%s%s", form[0], d->header.b, form[1], d->body.b, form[2]);
	forge_sign_bytes(d, d->by, m.b, m.n);
	return true;
}

static bool signed_a_part(struct draft *d)
{
	const struct text *t = roll(2) != 0 ? &d->header : &d->body;

	forge_sign_bytes(d, d->by, t->b, t->n);
	return true;
}

/* --- genuine signatures over what is not allowed ------------------------------------------------
 */

static bool resign(struct draft *d, const char *name, const char *value)
{
	field_set(&d->header, name, value);
	forge_sign(d, d->by);
	return true;
}

static bool resign_number(struct draft *d, const char *name, int64_t value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	return resign(d, name, text);
}

static bool moved(struct draft *d)
{
	static const char *const names[] = { "images", "low", "mail", "third-party", "Images",
		"image", "images " };
	const char *name = names[roll(STK_ARRAY_LEN(names))];

	if (strcmp(name, d->queue.b) == 0)
		return false;
	text_set(&d->queue, name);
	return true;
}

static bool signed_for_foreign_queue(struct draft *d)
{
	const char *name = d->by == OTHER ? "images" : "mail";

	text_set(&d->queue, name);
	return resign(d, "q", name);
}

static bool signed_foreign_class(struct draft *d)
{
	const char *name = roll(2) != 0 ? "Admin" : d->by == OTHER ? "Resize" : "Send";

	text_set(&d->cls, name);
	return resign(d, "cls", name);
}

static bool signed_absent_class(struct draft *d)
{
	text_set(&d->cls, "Ghost");
	return resign(d, "cls", "Ghost");
}

static bool signed_other_audience(struct draft *d)
{
	static const char *const names[] = { "staging", "prod/x", "pro", "PROD", "prod+" };

	return resign(d, "aud", names[roll(STK_ARRAY_LEN(names))]);
}

static bool expired(struct draft *d)
{
	size_t n = 0;

	d->now_s = strtoll(field(&d->header, "exp", &n), NULL, 10) + (int64_t)roll(100000);
	return true;
}

static bool too_early(struct draft *d)
{
	size_t n = 0;

	d->now_s = strtoll(field(&d->header, "iat", &n), NULL, 10) - 61 - (int64_t)roll(100000);
	return true;
}

static bool outside_key_window(struct draft *d)
{
	int64_t iat = d->by == RETIRING ? NOW_S - 4990 : NOW_S - 1000100;

	(void)resign_number(d, "iat", iat);
	(void)resign_number(d, "nbf", iat);
	d->now_s = iat + 10;
	return resign_number(d, "exp", iat + 100);
}

static bool times_disordered(struct draft *d)
{
	size_t n = 0;
	int64_t iat = strtoll(field(&d->header, "iat", &n), NULL, 10);

	if (roll(2) != 0)
		return resign_number(d, "nbf", iat - 1 - (int64_t)roll(100));
	d->now_s = iat;
	return resign_number(d, "exp", iat - (int64_t)roll(2));
}

static bool not_due(struct draft *d)
{
	return resign_number(d, "nbf", d->now_s + 1 + (int64_t)roll(50));
}

static bool too_many_runs(struct draft *d)
{
	return resign_number(d, "runs", 6 + (int64_t)roll(95));
}

static bool too_long_delay(struct draft *d)
{
	size_t n = 0;
	int64_t iat = strtoll(field(&d->header, "iat", &n), NULL, 10);

	(void)resign_number(d, "exp", iat + 3601 + 7000);
	d->now_s = iat + 3700; /* it is due */
	return resign_number(d, "nbf", iat + 3601 + (int64_t)roll(50));
}

static bool too_long_window(struct draft *d)
{
	size_t n = 0;
	int64_t iat = strtoll(field(&d->header, "iat", &n), NULL, 10);

	return resign_number(d, "exp", iat + 7201 + (int64_t)roll(100000));
}

static bool too_large(struct draft *d)
{
	text_set(&d->body, "[\"");
	for (uint64_t n = 1021 + roll(900); n > 0; n--)
		text_add(&d->body, "x", 1);
	text_add(&d->body, "\"]", 2);
	forge_sign(d, d->by);
	return true;
}

static bool by_revoked(struct draft *d)
{
	field_set(&d->header, "kid", kids[REVOKED]);
	forge_sign(d, REVOKED);
	return true;
}

static bool by_gone(struct draft *d)
{
	field_set(&d->header, "kid", kids[GONE]);
	forge_sign(d, GONE);
	return true;
}

static bool again_by_no_operator(struct draft *d)
{
	return resign(d, "ref", "r.00112233445566778899aabbccddeeff");
}

/* The key's holder signs what the grammar does not know: a second reading of it would be another
 * job. */
static bool signed_bad_number(struct draft *d)
{
	(void)number_respelt(d);
	forge_sign(d, d->by);
	return true;
}

static bool signed_bad_header(struct draft *d)
{
	switch (roll(8)) {
	case 0: return resign(d, "runs", roll(2) != 0 ? "0" : "101");
	case 1: return resign(d, "jti", "0123456789abcde");
	case 2: return resign(d, "q", "images,low,mail,a,b,c,d,e,images");
	case 3: return resign(d, "q", "images,,low");
	case 4: return resign(d, "ref", "");
	case 5: return resign(d, "exp", "999999999999");
	case 6: return resign(d, "kid", "web-2 ");
	default: break;
	}
	(void)(roll(2) != 0 ? fields_swapped(d) : field_twice(d));
	forge_sign(d, d->by);
	return true;
}

static bool signed_bad_version(struct draft *d)
{
	(void)version_other(d);
	forge_sign(d, d->by);
	return true;
}

/* A LF in the header would let two jobs share one message. */
static bool signed_line_break(struct draft *d)
{
	return resign(d, "ref", "o.1\n[]");
}

static bool signed_bad_body(struct draft *d)
{
	static const char *const bodies[] = { "{}", "\"x\"", " []", "[] ", "[\"a\tb\"]", "[\n1]",
		"", "[", "1", "[]\n" };

	text_set(&d->body, bodies[roll(STK_ARRAY_LEN(bodies))]);
	forge_sign(d, d->by);
	return true;
}

/* --- the outer JSON -----------------------------------------------------------------------------
 */

static void raw(struct draft *d, const char *before, const char *after)
{
	static struct text was;

	forge_spell(d, false);
	was = d->out;
	d->out.n = 0;
	text_add(&d->out, before, strlen(before));
	text_add(
	    &d->out, was.b + (before[0] == '{'), was.n - (before[0] == '{') - (after[0] == ','));
	text_add(&d->out, after, strlen(after));
}

/* Which of two a tool takes is the tool's: neither is taken. */
static bool json_key_twice(struct draft *d)
{
	static const char *const firsts[] = { "{\"class\":\"Admin\",",
		"{\"cl\\u0061ss\":\"Admin\",", "{\"args\":[\"a\",\"b\",\"c\"],",
		"{\"\\u0061rgs\":[1],", "{\"x\":1,\"\\u0078\":2," };
	static const char *const lasts[] = { ",\"class\":\"Admin\"}", ",\"cl\\u0061ss\":\"Admin\"}",
		",\"args\":[\"a\",\"b\",\"c\"]}", ",\"\\u0061rgs\":[1]}",
		",\"x\":1,\"\\u0078\":2}" };

	if (roll(2) != 0)
		raw(d, firsts[roll(5)], "");
	else
		raw(d, "", lasts[roll(5)]);
	return true;
}

static bool json_around(struct draft *d)
{
	static const char *const befores[] = { "\xef\xbb\xbf", "[", "x", "/**/", "\"a\":", "\\",
		"0", "{}", "\v" };
	static const char *const afters[] = { "]", "x", "//", "{}", "0", "\\", ";", "}",
		"\xc2\xa0" };

	if (roll(2) != 0)
		raw(d, befores[roll(9)], "");
	else
		raw(d, "", afters[roll(9)]);
	return true;
}

static bool json_extra_bad(struct draft *d)
{
	static const char *const lasts[] = { ",\"x\":[1]}", ",\"x\":{}}", ",\"x\":NaN}",
		",\"x\":01}", ",\"x\":\"\\ud800\"}", ",\"x\":\"\xff\"}", ",\"x\":'y'}", ",\"x\":}",
		",x:1}", ",\"x\":1,}", ",\"x\":\"\x01\"}", ",\"x\":.5}", ",\"x\":+1}",
		",\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1}", ",}" };

	raw(d, "", lasts[roll(STK_ARRAY_LEN(lasts))]);
	return true;
}

static bool json_args(struct draft *d)
{
	/* before the class, between it and the header, behind the signature */
	static const char *const forms[][3] = { { "{\"class\":", ",\"args\":[[", "]]}" },
		{ "{\"class\":", ",\"args\":[", ",\"\"]}" },
		{ "{\"class\":", ",\"args\":[", ",]}" },
		{ "{\"class\":", ",\"args\":[null,", "]}" },
		{ "{\"class\":", ",\"args\":{\"0\":[", "]}}" },
		{ "{\"class\":", ",\"arg\":[", "]}" }, { "{\"Class\":", ",\"args\":[", "]}" },
		{ "{\"class\":[", "],\"args\":[", "]}" },
		{ "{\"class\":null,\"x\":", ",\"args\":[", "]}" },
		{ "{\"class\":", ",\"args\":\"[", "]\"}" },
		{ "[{\"class\":", ",\"args\":[", "]}]" } };
	const char *const *form = forms[roll(STK_ARRAY_LEN(forms))];

	text_set(&d->body, "[]");
	forge_sign(d, d->by);
	text_print(&d->out, "%s\"%s\"%s\"%s\",\"[]\",\"%s\"%s", form[0], d->cls.b, form[1],
	    d->header.b, d->sig.b, form[2]);
	return true;
}

static bool json_cut(struct draft *d)
{
	forge_spell(d, false);
	return cut(&d->out);
}

/* In its shortest spelling no few bytes can be changed, or be missing, and it still say the same.
 */
static bool json_bytes(struct draft *d)
{
	forge_spell(d, false);
	for (uint64_t n = 1 + roll(4), last = 0; n > 0 && last < d->out.n; n--) {
		size_t at = last + roll(d->out.n - last);

		d->out.b[at] = (char)((uint64_t)(uint8_t)d->out.b[at] ^ (1 + roll(255)));
		last = at + 1;
	}
	return true;
}

static bool json_less(struct draft *d)
{
	forge_spell(d, false);
	return less(&d->out);
}

/* Another spelling of the same: white space, escapes, order, what tools add. */
static bool json_odd(struct draft *d)
{
	forge_spell(d, true);
	return d->same = true;
}

static bool untouched(struct draft *d)
{
	return d->same = true;
}

#define M(family, name) { #family, #name, name },
const struct mutation mutations[] = { M(header, header_byte) M(header, header_less) M(
    header, header_cut) M(header, header_more) M(header, number_respelt) M(header,
    iat_off) M(header, nbf_off) M(header, exp_off) M(header, runs_off) M(header,
    kid_swapped) M(header, queue_swapped) M(header, class_swapped) M(header, jti_new) M(header,
    ref_new) M(header, fields_swapped) M(header, field_twice) M(header, version_other) M(class,
    class_byte) M(class, class_less) M(class, class_more) M(class, class_case) M(class,
    class_other) M(class, class_nul) M(args, body_byte) M(args, body_less) M(args, body_cut) M(args,
    body_more) M(args, body_respelt) M(args, body_key_twice) M(args, body_other) M(args,
    spliced) M(signature, sig_byte) M(signature, sig_less) M(signature, sig_cut) M(signature,
    sig_more) M(signature, sig_spare_bits) M(signature,
    sig_padded) M(signature, sig_other_alphabet) M(signature, sig_space) M(signature,
    sig_plus_order) M(signature, sig_negated) M(signature, sig_mirrored)
	    M(signature, sig_small_order) M(signature, sig_zero) M(signature, sig_random) M(
		signature, sig_of_other) M(forged, hmac_by_public) M(forged,
		hmac_by_guess) M(forged, algorithm_swapped) M(forged, signed_by_stranger) M(forged,
		signed_by_other) M(forged, signed_other_bytes) M(forged, signed_a_part) M(unlawful,
		moved) M(unlawful, signed_for_foreign_queue) M(unlawful, signed_foreign_class)
		M(unlawful, signed_absent_class) M(unlawful, signed_other_audience)
		    M(unlawful, expired) M(unlawful, too_early) M(unlawful, outside_key_window)
			M(unlawful, times_disordered) M(unlawful, not_due) M(unlawful,
			    too_many_runs) M(unlawful, too_long_delay) M(unlawful, too_long_window)
			    M(unlawful, too_large) M(unlawful, by_revoked) M(unlawful, by_gone)
				M(unlawful, again_by_no_operator) M(unlawful, signed_bad_number)
				    M(unlawful, signed_bad_header) M(unlawful, signed_bad_version)
					M(unlawful, signed_line_break) M(unlawful, signed_bad_body)
					    M(json, json_key_twice) M(json, json_around) M(json,
						json_extra_bad) M(json, json_args) M(json, json_cut)
						M(json, json_bytes) M(json, json_less)
						    M(same, json_odd) M(same, untouched) };
const size_t n_mutations = STK_ARRAY_LEN(mutations);

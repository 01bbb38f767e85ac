/*
 * forge.c - see mutations.h: keys, genuine jobs, signatures over anything, spellings of JSON.
 */
#include "tests/mutations/mutations.h"

#include "worker/seal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const kids[SIGNERS] = { "web-2", "web-1", "web-h", "other-1", "web-r", "web-0",
	"web-2" /* a stranger uses a name that the ring knows */ };

static uint64_t dice = 1;

void roll_seed(uint64_t seed)
{
	dice = seed * 0x9e3779b97f4a7c15u | 1;
}

uint64_t roll(uint64_t sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (dice >> 11) % sides;
}

/* --- text ------------------------------------------------------------------------------------- */

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("not ok - the test itself is amiss: %s\n", what);
	exit(70);
}

void text_add(struct text *t, const char *p, size_t n)
{
	must(t->n + n < TEXT_MAX, "a text is too long");
	memcpy(t->b + t->n, p, n);
	t->n += n;
	t->b[t->n] = '\0';
}

void text_set(struct text *t, const char *s)
{
	t->n = 0;
	text_add(t, s, strlen(s));
}

void text_print(struct text *t, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(t->b + t->n, TEXT_MAX - t->n, format, ap);
	va_end(ap);
	must(n >= 0 && t->n + (size_t)n < TEXT_MAX, "a text is too long");
	t->n += (size_t)n;
}

char *field(struct text *header, const char *name, size_t *n)
{
	char key[24], *at;

	(void)snprintf(key, sizeof(key), ";%s=", name);
	at = strstr(header->b, key);
	if (at == NULL)
		return NULL;
	at += strlen(key);
	*n = strcspn(at, ";");
	return at;
}

void field_set(struct text *header, const char *name, const char *value)
{
	struct text all = { 0 };
	size_t n = 0;
	const char *at = field(header, name, &n);

	must(at != NULL, "no such field");
	text_add(&all, header->b, (size_t)(at - header->b));
	text_add(&all, value, strlen(value));
	text_add(&all, at + n, header->n - (size_t)(at - header->b) - n);
	*header = all;
}

/* --- keys ------------------------------------------------------------------------------------- */

static void secret_of(enum signer who, uint8_t out[static STK_KEY_LEN])
{
	char text[STK_KEY_LEN + 1];

	(void)snprintf(text, sizeof(text), "test key %d, of no use elsewhere", (int)who);
	memcpy(out, text, STK_KEY_LEN);
}

const uint8_t *forge_public(enum signer who)
{
	static uint8_t key[STK_KEY_LEN];
	uint8_t secret[STK_KEY_LEN];

	secret_of(who, secret);
	stk_seal_public(secret, key);
	return key;
}

static void add_key(struct stk_keyring *r, enum signer who, size_t principal)
{
	struct stk_key k = { .alg = who == HMAC ? STK_ALG_HMAC_SHA256 : STK_ALG_ED25519,
		.iat_from_s = NOW_S - 1000000,
		.iat_to_s = who == RETIRING ? NOW_S - 5000 : NOW_S + 1000000,
		.revoked = who == REVOKED,
		.principal = principal };
	const char *why = "";

	(void)snprintf(k.kid, sizeof(k.kid), "%s", kids[who]);
	if (who == HMAC) {
		k.secret = stk_secret_new();
		must(k.secret != NULL, "no memory for a secret");
		secret_of(who, k.secret);
	} else {
		memcpy(k.public_key, forge_public(who), STK_KEY_LEN);
	}
	must(stk_keyring_add_key(r, &k, &why) == STK_OK, why);
}

/* Every point of small order, in each spelling that fits 32 bytes: under such a key one signature
 * fits all. */
static void no_small_order(struct stk_keyring *r)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	size_t refused = 0;

	for (size_t i = 0; i < STK_ARRAY_LEN(points); i++) {
		struct stk_key k = { .kid = "small", .iat_from_s = 1, .iat_to_s = 2 };
		const char *why;

		for (size_t b = 0; b < STK_KEY_LEN; b++) {
			const char hex[3] = { points[i][2 * b], points[i][2 * b + 1], '\0' };

			k.public_key[b] = (uint8_t)strtoul(hex, NULL, 16);
		}
		refused += stk_keyring_add_key(r, &k, &why) == STK_E_REFUSED;
	}
	printf("%s - a ring takes none of %zu small-order keys\n",
	    refused == STK_ARRAY_LEN(points) ? "ok" : "not ok", STK_ARRAY_LEN(points));
}

static void add_principal(
    struct stk_keyring *r, const char *name, const char *queues, const char *classes)
{
	struct stk_principal p = { .max_runs = 5,
		.max_delay_s = 3600,
		.max_window_s = 7200,
		.rate_per_h = 3600,
		.burst = 1,
		.park_max = 1,
		.quarantine_max = 1 };
	char q[64], c[64], *qs[4], *cs[4], *save = NULL;
	const char *why = "";
	size_t nq = 0, nc = 0;

	(void)snprintf(p.name, sizeof(p.name), "%s", name);
	(void)snprintf(q, sizeof(q), "%s", queues);
	(void)snprintf(c, sizeof(c), "%s", classes);
	for (char *s = strtok_r(q, " ", &save); s != NULL; s = strtok_r(NULL, " ", &save))
		qs[nq++] = s;
	for (char *s = strtok_r(c, " ", &save); s != NULL; s = strtok_r(NULL, " ", &save))
		cs[nc++] = s;
	must(
	    stk_keyring_add_principal(r, &p, &why) == STK_OK &&
		stk_keyring_add_grant(r, r->n_principals - 1, qs, nq, cs, nc, 1024, &why) == STK_OK,
	    why);
}

struct stk_keyring *forge_ring(void)
{
	struct stk_keyring *r = stk_keyring_new();
	const char *why = "";

	must(r != NULL && stk_seal_init() == STK_OK, "no ring");
	must(stk_keyring_add_audience(r, "prod", &why) == STK_OK, why);
	add_principal(r, "web", "images low", "Resize Ghost");
	add_principal(r, "other", "mail", "Send");
	add_key(r, WEB, 0);
	add_key(r, RETIRING, 0);
	add_key(r, HMAC, 0);
	add_key(r, REVOKED, 0);
	add_key(r, OTHER, 1);
	no_small_order(r);
	return r;
}

const struct stk_class_table *forge_classes(void)
{
	static struct stk_class_desc classes[3] = { { .name = "Resize" }, { .name = "Send" },
		{ .name = "Admin" } };
	static const struct stk_class_table table = { .head = { .n_classes = 3 },
		.classes = classes };

	return &table;
}

/* --- signing ---------------------------------------------------------------------------------- */

static void put_sig(struct draft *d, const uint8_t *sig, size_t n)
{
	char text[STK_SIG_TEXT_MAX + 1];

	stk_b64url_encode(sig, n, text, sizeof(text));
	text_set(&d->sig, text);
}

void forge_sign_bytes(struct draft *d, enum signer who, const char *p, size_t n)
{
	enum stk_alg alg = who == HMAC ? STK_ALG_HMAC_SHA256 : STK_ALG_ED25519;
	uint8_t secret[STK_KEY_LEN], sig[STK_SIG_MAX];

	secret_of(who, secret);
	stk_seal_sign(alg, secret, stk_span_of(p, n), sig);
	put_sig(d, sig, stk_alg_sig_len(alg));
}

static void message(const struct draft *d, struct text *m)
{
	text_set(m, STK_DOMAIN);
	text_add(m, d->header.b, d->header.n);
	text_add(m, "\n", 1);
	text_add(m, d->body.b, d->body.n);
}

void forge_sign(struct draft *d, enum signer who)
{
	static struct text m;

	message(d, &m);
	forge_sign_bytes(d, who, m.b, m.n);
}

void forge_hmac(struct draft *d, const uint8_t key[static STK_KEY_LEN])
{
	static struct text m;
	uint8_t sig[STK_SIG_MAX];

	message(d, &m);
	stk_seal_sign(STK_ALG_HMAC_SHA256, key, stk_span_of(m.b, m.n), sig);
	put_sig(d, sig, 32);
}

/* --- genuine jobs ----------------------------------------------------------------------------- */

void forge_genuine(struct draft *d)
{
	static const char *const bodies[] = { "[]", "[\"k\",{\"w\":1}]",
		"[12,\"a/b\\\\c\",null,true]", "[\"\\u00e9\xc3\xa9\",{\"a\":{\"b\":[1,2,3]}}]",
		"[1.0,-0,\"x\",[],{}]",
		"[\"images/2027/01/a.png\",{\"width\":320,\"height\":200}]" };
	static const enum signer who[] = { WEB, WEB, RETIRING, HMAC, OTHER };
	static struct text m;
	struct draft fresh = { .now_s = NOW_S, .by = who[roll(STK_ARRAY_LEN(who))] };
	int64_t iat = fresh.by == RETIRING ? NOW_S - 5100 : NOW_S - (int64_t)roll(100);
	const char *queue = fresh.by == OTHER ? "mail" : roll(2) != 0 ? "images" : "low";
	uint8_t digest[STK_SHA256_LEN];

	*d = fresh;
	text_set(&d->cls, d->by == OTHER ? "Send" : "Resize");
	text_set(&d->queue, queue);
	text_set(&d->body, bodies[roll(STK_ARRAY_LEN(bodies))]);
	text_print(&d->header,
	    "stk1;kid=%s;aud=prod;q=%s%s;cls=%s;jti=%08x%08x;iat=%lld;nbf=%lld;exp=%lld;runs=%d;"
	    "ref=%s",
	    kids[d->by], queue, roll(3) == 0 ? ",third" : "", d->cls.b, (unsigned)roll(UINT32_MAX),
	    (unsigned)roll(UINT32_MAX), (long long)iat, (long long)iat,
	    (long long)iat + 5200 + (long long)roll(2000), 1 + (int)roll(5),
	    roll(2) != 0 ? "-" : "o.42");
	forge_sign(d, d->by);
	message(d, &m);
	stk_sha256(stk_span_of(m.b, m.n), digest);
	memcpy(d->id, digest, STK_JOB_ID_LEN);
}

/* --- spelling --------------------------------------------------------------------------------- */

static void space(struct text *out, bool odd)
{
	for (uint64_t n = odd && roll(3) == 0 ? 1 + roll(4) : 0; n > 0; n--)
		text_add(out, &" \t\r\n"[roll(4)], 1);
}

static void string(struct text *out, const struct text *t, bool odd)
{
	text_add(out, "\"", 1);
	for (size_t i = 0; i < t->n; i++) {
		unsigned char c = (unsigned char)t->b[i];

		if (c < 0x20 || (odd && c < 0x80 && roll(6) == 0))
			text_print(out, roll(2) != 0 ? "\\u%04x" : "\\u%04X", c);
		else if (c == '"' || c == '\\')
			text_print(out, "\\%c", c);
		else if (odd && c == '/' && roll(2) != 0)
			text_add(out, "\\/", 2);
		else
			text_add(out, &t->b[i], 1);
	}
	text_add(out, "\"", 1);
}

static void member(struct text *out, const char *key, bool odd)
{
	struct text k = { 0 };

	text_set(&k, key);
	space(out, odd);
	string(out, &k, odd);
	space(out, odd);
	text_add(out, ":", 1);
	space(out, odd);
}

static void args(struct draft *d, bool odd)
{
	const struct text *const parts[] = { &d->header, &d->body, &d->sig };

	member(&d->out, "args", odd);
	text_add(&d->out, "[", 1);
	for (size_t i = 0; i < 3; i++) {
		space(&d->out, odd);
		string(&d->out, parts[i], odd);
		space(&d->out, odd);
		text_add(&d->out, i < 2 ? "," : "]", 1);
	}
	space(&d->out, odd);
}

static void extra(struct draft *d)
{
	static const char *const extras[] = { "\"queue\":\"x\"", "\"id\":\"0f\"", "\"prefix\":null",
		"\"queue_time\":1.5e3", "\"mine\":true", "\"traceparent\":\"00-1\"" };

	text_print(&d->out, ",%s", extras[roll(STK_ARRAY_LEN(extras))]);
}

void forge_spell(struct draft *d, bool odd)
{
	bool args_first = odd && roll(2) != 0;

	d->out.n = 0;
	text_add(&d->out, "{", 1);
	if (args_first) {
		args(d, odd);
		text_add(&d->out, ",", 1);
	}
	member(&d->out, "class", odd);
	string(&d->out, &d->cls, odd);
	if (odd && roll(3) == 0)
		extra(d);
	if (!args_first) {
		text_add(&d->out, ",", 1);
		args(d, odd);
	}
	space(&d->out, odd);
	text_add(&d->out, "}", 1);
	space(&d->out, odd);
}

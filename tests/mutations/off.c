/*
 * off.c - in build/test/mutations-off alone: calls from one of the worker's files into another come
 * by here (the linker's --wrap), and one check at a time can be left out. What a mutation run is
 * worth is that it finds each of them.
 */
#include "tests/mutations/mutations.h"

#include "worker/payload.h"
#include "worker/scan.h"
#include "worker/seal.h"

#include <string.h>

static const char *const names[] = { "signature", "s-below-order", "base64-canonical",
	"algorithm-of-key", "revoked", "class", "queue", "audience", "times", "policy",
	"duplicate-keys", "header-grammar", "body-grammar" };
static const char *off = "";
static bool hmac_text; /* a signature of 43 characters stood where 86 were due */

bool check_off(const char *name)
{
	off = "";
	for (size_t i = 0; name != NULL && i < STK_ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0)
			off = names[i];
	return name == NULL || off[0] != '\0';
}

const char *check_name(size_t i)
{
	return i < STK_ARRAY_LEN(names) ? names[i] : NULL;
}

static bool is_off(const char *name)
{
	return strcmp(off, name) == 0;
}

/* --- the seal --------------------------------------------------------------------------------- */

bool __real_stk_seal_verify(
    enum stk_alg alg, const uint8_t *key, struct stk_span msg, struct stk_span sig);
bool __wrap_stk_seal_verify(
    enum stk_alg alg, const uint8_t *key, struct stk_span msg, struct stk_span sig);
bool __wrap_stk_seal_verify(
    enum stk_alg alg, const uint8_t *key, struct stk_span msg, struct stk_span sig)
{
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6,
		0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
	uint8_t copy[STK_SIG_MAX] = { 0 };

	if (is_off("signature"))
		return true;
	memcpy(copy, sig.p, sig.len);
	if (hmac_text)
		return __real_stk_seal_verify(STK_ALG_HMAC_SHA256, key, msg, stk_span_of(copy, 32));
	while (is_off("s-below-order") && alg == STK_ALG_ED25519 && copy[63] > 0x10) {
		int borrow = 0;

		for (size_t i = 0; i < 32; i++) {
			int v = copy[32 + i] - (int)order[i] - borrow;

			borrow = v < 0;
			copy[32 + i] = (uint8_t)v;
		}
	}
	return __real_stk_seal_verify(alg, key, msg, stk_span_of(copy, sig.len));
}

/* Takes whatever the last character says beyond its bytes. */
static bool decode_anyhow(struct stk_span text, uint8_t *out, size_t want)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	size_t have = 0, n = 0;

	for (size_t i = 0; i < text.len; i++) {
		const char *at = text.p[i] == '\0' ? NULL : strchr(alphabet, text.p[i]);

		if (at == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		if ((have += 6) >= 8 && n < want)
			out[n++] = (uint8_t)(bits >> (have -= 8));
	}
	return n == want;
}

bool __real_stk_b64url_decode(struct stk_span text, uint8_t *out, size_t want);
bool __wrap_stk_b64url_decode(struct stk_span text, uint8_t *out, size_t want);
bool __wrap_stk_b64url_decode(struct stk_span text, uint8_t *out, size_t want)
{
	hmac_text = is_off("algorithm-of-key") && want == STK_SIG_MAX && text.len == 43;
	if (hmac_text)
		return __real_stk_b64url_decode(text, out, 32);
	if (is_off("base64-canonical") && text.len == (4 * want + 2) / 3)
		return decode_anyhow(text, out, want);
	return __real_stk_b64url_decode(text, out, want);
}

/* --- the ring --------------------------------------------------------------------------------- */

const struct stk_key *__real_stk_keyring_find(const struct stk_keyring *r, struct stk_span kid);
const struct stk_key *__wrap_stk_keyring_find(const struct stk_keyring *r, struct stk_span kid);
const struct stk_key *__wrap_stk_keyring_find(const struct stk_keyring *r, struct stk_span kid)
{
	static struct stk_key copy;
	const struct stk_key *k = __real_stk_keyring_find(r, kid);

	if (k == NULL || !is_off("revoked"))
		return k;
	copy = *k;
	copy.revoked = false;
	return &copy;
}

bool __real_stk_keyring_has_audience(const struct stk_keyring *r, struct stk_span aud);
bool __wrap_stk_keyring_has_audience(const struct stk_keyring *r, struct stk_span aud);
bool __wrap_stk_keyring_has_audience(const struct stk_keyring *r, struct stk_span aud)
{
	return is_off("audience") || __real_stk_keyring_has_audience(r, aud);
}

enum stk_verdict __real_stk_keyring_allows(
    const struct stk_principal *p, struct stk_span queue, const struct stk_envelope *e, size_t n);
enum stk_verdict __wrap_stk_keyring_allows(
    const struct stk_principal *p, struct stk_span queue, const struct stk_envelope *e, size_t n);
enum stk_verdict __wrap_stk_keyring_allows(
    const struct stk_principal *p, struct stk_span queue, const struct stk_envelope *e, size_t n)
{
	struct stk_envelope short_lived = *e;

	if (is_off("times")) /* what message_decode made of them is no matter of the grant */
		short_lived.exp_s = short_lived.nbf_s + 1;
	return is_off("policy") ? STK_V_ACCEPT
				: __real_stk_keyring_allows(p, queue, &short_lived, n);
}

/* --- the envelope ----------------------------------------------------------------------------- */

bool __real_stk_envelope_names_queue(const struct stk_envelope *e, struct stk_span queue);
bool __wrap_stk_envelope_names_queue(const struct stk_envelope *e, struct stk_span queue);
bool __wrap_stk_envelope_names_queue(const struct stk_envelope *e, struct stk_span queue)
{
	return is_off("queue") || __real_stk_envelope_names_queue(e, queue);
}

/* Numbers with leading zeros mean what they mean to a careless parser. */
static struct stk_span without_zeros(struct stk_span header)
{
	static uint8_t copy[STK_HEADER_MAX];
	size_t n = 0;

	for (size_t i = 0; i < header.len && n < sizeof(copy); i++)
		if (n == 0 || copy[n - 1] != '=' || header.p[i] != '0' || i + 1 == header.len ||
		    header.p[i + 1] == ';')
			copy[n++] = header.p[i];
	return stk_span_of(copy, n);
}

/* Here and not in the envelope's own file, so the calls of admit.c alone come by; as does the time.
 */
enum stk_verdict __real_stk_message_decode(const struct stk_payload *p, size_t max,
    struct stk_message *m, struct stk_envelope *e, bool *nomem);
enum stk_verdict __wrap_stk_message_decode(const struct stk_payload *p, size_t max,
    struct stk_message *m, struct stk_envelope *e, bool *nomem);
enum stk_verdict __wrap_stk_message_decode(const struct stk_payload *p, size_t max,
    struct stk_message *m, struct stk_envelope *e, bool *nomem)
{
	uint8_t header[STK_HEADER_MAX], body[4096];
	size_t h = stk_json_unescape(p->header, header, sizeof(header));
	size_t b = stk_json_unescape(p->body, body, sizeof(body));
	enum stk_verdict v = __real_stk_message_decode(p, max, m, e, nomem);
	struct stk_span line = stk_span_of(header, h);
	bool header_off = is_off("header-grammar") && v == STK_V_E_HEADER;
	bool body_off = is_off("body-grammar") && v == STK_V_E_BODY;

	if ((header_off || body_off) && h <= sizeof(header) && b <= sizeof(body)) {
		stk_message_clear(m);
		if (stk_message_make(line, stk_span_of(body, b), m) != STK_OK)
			return v;
		v = stk_envelope_parse(header_off ? without_zeros(m->header) : m->header, e);
	}
	if (is_off("times") && v == STK_V_ACCEPT) {
		e->iat_s = e->nbf_s = NOW_S - 5100;
		e->exp_s = NOW_S * 2ll;
	}
	return v;
}

/* --- the outer JSON --------------------------------------------------------------------------- */

bool __real_stk_json_same_string(struct stk_span a, struct stk_span b);
bool __wrap_stk_json_same_string(struct stk_span a, struct stk_span b);
bool __wrap_stk_json_same_string(struct stk_span a, struct stk_span b)
{
	return !is_off("duplicate-keys") && __real_stk_json_same_string(a, b);
}

/* The class that runs is the one outside: take it for granted that both are the same. */
enum stk_verdict __real_stk_payload_scan(struct stk_span bytes, struct stk_payload *out);
enum stk_verdict __wrap_stk_payload_scan(struct stk_span bytes, struct stk_payload *out);
enum stk_verdict __wrap_stk_payload_scan(struct stk_span bytes, struct stk_payload *out)
{
	enum stk_verdict v = __real_stk_payload_scan(bytes, out);
	const uint8_t *at;

	if (v != STK_V_ACCEPT || !is_off("class") ||
	    (at = memmem(out->header.p, out->header.len, ";cls=", 5)) == NULL)
		return v;
	at += 5;
	out->class_text = stk_span_of(at, strcspn((const char *)at, ";"));
	return v;
}

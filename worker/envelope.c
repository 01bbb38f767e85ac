/*
 * envelope.c - see envelope.h. The grammar is fixed in order and has no escapes, so parsing is one
 * walk over a table of fields; H cannot hold a LF, which makes M injective.
 */
#include "worker/envelope.h"

#include "worker/scan.h"
#include "worker/seal.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"
#define ALNUM  DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static bool made_of(struct stk_span s, const char *set, size_t min, size_t max)
{
	if (s.len < min || s.len > max)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] == '\0' || strchr(set, s.p[i]) == NULL)
			return false;
	return true;
}

bool stk_envelope_kid_ok(struct stk_span s)
{
	return made_of(s, ALNUM "_.-", 1, STK_KID_MAX);
}

bool stk_envelope_aud_ok(struct stk_span s)
{
	return made_of(s, ALNUM "_.-+:/", 1, STK_AUD_MAX);
}

bool stk_envelope_queue_ok(struct stk_span s)
{
	return made_of(s, ALNUM "_.:-", 1, 64);
}

bool stk_envelope_class_ok(struct stk_span s)
{
	return made_of(s, ALNUM "_:", 1, STK_CLASS_MAX) && strchr(DIGITS ":", s.p[0]) == NULL;
}

bool stk_envelope_ref_ok(struct stk_span s)
{
	return made_of(s, ALNUM "_.-+:/", 1, STK_REF_MAX);
}

/* --- fields -------------------------------------------------------------------------------------
 */

/* Decimal, at most 11 digits, no leading zero. */
static bool number(struct stk_span s, int64_t *out)
{
	int64_t v = 0;

	if (!made_of(s, DIGITS, 1, 11) || (s.p[0] == '0' && s.len > 1))
		return false;
	for (size_t i = 0; i < s.len; i++)
		v = v * 10 + (s.p[i] - '0');
	*out = v;
	return true;
}

/* Takes `<name>=<value>` up to the next ';' (or the end, for the last field) off *@rest. */
static bool take_field(struct stk_span *rest, const char *name, bool last, struct stk_span *value)
{
	size_t n = strlen(name);
	const uint8_t *end;

	if (rest->len < n + 1 || memcmp(rest->p, name, n) != 0 || rest->p[n] != '=')
		return false;
	*value = stk_span_of(rest->p + n + 1, rest->len - n - 1);
	end = value->len > 0 ? memchr(value->p, ';', value->len) : NULL;
	if (last || end == NULL)
		return last && end == NULL;
	value->len = (size_t)(end - value->p);
	*rest = stk_span_of(end + 1, rest->len - n - 2 - value->len);
	return true;
}

static bool split_queues(struct stk_span s, struct stk_envelope *out)
{
	for (;;) {
		const uint8_t *comma = s.len > 0 ? memchr(s.p, ',', s.len) : NULL;
		struct stk_span one =
		    stk_span_of(s.p, comma != NULL ? (size_t)(comma - s.p) : s.len);

		if (out->n_queues == STK_QUEUES_MAX || !stk_envelope_queue_ok(one))
			return false;
		out->queues[out->n_queues++] = one;
		if (comma == NULL)
			return true;
		s = stk_span_of(comma + 1, s.len - one.len - 1);
	}
}

static bool parse_fields(struct stk_span rest, struct stk_envelope *out)
{
	struct stk_span queues, iat, nbf, exp, runs_text;
	int64_t runs;

	if (!take_field(&rest, "kid", false, &out->kid) ||
	    !take_field(&rest, "aud", false, &out->aud) ||
	    !take_field(&rest, "q", false, &queues) ||
	    !take_field(&rest, "cls", false, &out->cls) ||
	    !take_field(&rest, "jti", false, &out->jti) || !take_field(&rest, "iat", false, &iat) ||
	    !take_field(&rest, "nbf", false, &nbf) || !take_field(&rest, "exp", false, &exp) ||
	    !take_field(&rest, "runs", false, &runs_text) ||
	    !take_field(&rest, "ref", true, &out->ref))
		return false;
	if (!number(iat, &out->iat_s) || !number(nbf, &out->nbf_s) || !number(exp, &out->exp_s) ||
	    !number(runs_text, &runs) || runs < 1 || runs > STK_RUNS_MAX)
		return false;
	out->runs = (uint32_t)runs;
	return stk_envelope_kid_ok(out->kid) && stk_envelope_aud_ok(out->aud) &&
	       split_queues(queues, out) && stk_envelope_class_ok(out->cls) &&
	       made_of(out->jti, ALNUM "_-", STK_JTI_MIN, STK_JTI_MAX) &&
	       stk_envelope_ref_ok(out->ref);
}

/* "stk", digits, ";": the line claims to be some version of ours. */
static bool claims_version(struct stk_span h)
{
	size_t i = 3;

	if (h.len < 5 || memcmp(h.p, "stk", 3) != 0)
		return false;
	while (i < h.len && h.p[i] >= '0' && h.p[i] <= '9')
		i++;
	return i > 3 && i < h.len && h.p[i] == ';';
}

enum stk_verdict stk_envelope_parse(struct stk_span header, struct stk_envelope *out)
{
	*out = (struct stk_envelope){ 0 };
	if (!claims_version(header))
		return STK_V_E_UNSIGNED;
	if (memcmp(header.p, "stk1;", 5) != 0)
		return STK_V_E_VERSION;
	if (header.len > STK_HEADER_MAX ||
	    !parse_fields(stk_span_of(header.p + 5, header.len - 5), out))
		return STK_V_E_HEADER;
	return STK_V_ACCEPT;
}

bool stk_envelope_body_ok(struct stk_span body, size_t max)
{
	if (body.len < 2 || body.len > max || body.p[0] != '[' || body.p[body.len - 1] != ']')
		return false;
	for (size_t i = 0; i < body.len; i++)
		if (body.p[i] < 0x20)
			return false;
	return true;
}

bool stk_envelope_names_queue(const struct stk_envelope *e, struct stk_span queue)
{
	for (size_t i = 0; i < e->n_queues; i++)
		if (stk_span_eq(e->queues[i], queue))
			return true;
	return false;
}

/* --- the message --------------------------------------------------------------------------------
 */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

enum stk_verdict stk_message_decode(const struct stk_payload *p, size_t max_body,
    struct stk_message *out, struct stk_envelope *out_env, bool *nomem)
{
	uint8_t
	    head[STK_HEADER_MAX + 1]; /* one more: a longer line must not look like a whole one */
	struct stk_span header = stk_span_of(
	    head, least(stk_json_unescape(p->header, head, sizeof(head)), sizeof(head)));
	const size_t domain = strlen(STK_DOMAIN);
	enum stk_verdict v = stk_envelope_parse(header, out_env);
	size_t body_len;

	*out = (struct stk_message){ 0 };
	*nomem = false;
	if (v != STK_V_ACCEPT)
		return v;
	body_len = stk_json_unescape(p->body, NULL, 0);
	if (body_len > max_body) {
		*out_env = (struct stk_envelope){ 0 }; /* its spans point into @head */
		return STK_V_E_BODY;
	}
	out->len = domain + header.len + 1 + body_len;
	if ((out->bytes = malloc(out->len)) == NULL) {
		*nomem = true;
		*out_env = (struct stk_envelope){ 0 };
		return STK_V_E_BODY;
	}
	memcpy(out->bytes, STK_DOMAIN, domain);
	memcpy(out->bytes + domain, head, header.len);
	out->bytes[domain + header.len] = '\n';
	body_len = stk_json_unescape(p->body, out->bytes + domain + header.len + 1, body_len);
	out->header = stk_span_of(out->bytes + domain, header.len);
	out->body = stk_span_of(out->header.p + header.len + 1, body_len);
	/* again, so that the envelope's spans live as long as the message and not as @head */
	if ((v = stk_envelope_parse(out->header, out_env)) != STK_V_ACCEPT)
		return v;
	return stk_envelope_body_ok(out->body, max_body) ? STK_V_ACCEPT : STK_V_E_BODY;
}

enum stk_err stk_message_make(struct stk_span header, struct stk_span body, struct stk_message *out)
{
	const size_t domain = strlen(STK_DOMAIN);

	*out = (struct stk_message){ 0 };
	if (header.len > STK_HEADER_MAX || body.len > (1u << 20))
		return STK_E_TOOBIG;
	out->len = domain + header.len + 1 + body.len;
	if ((out->bytes = malloc(out->len)) == NULL)
		return STK_E_NOMEM;
	memcpy(out->bytes, STK_DOMAIN, domain);
	memcpy(out->bytes + domain, header.p, header.len);
	out->bytes[domain + header.len] = '\n';
	memcpy(out->bytes + domain + header.len + 1, body.p, body.len);
	out->header = stk_span_of(out->bytes + domain, header.len);
	out->body = stk_span_of(out->header.p + header.len + 1, body.len);
	return STK_OK;
}

void stk_message_clear(struct stk_message *m)
{
	free(m->bytes);
	*m = (struct stk_message){ 0 };
}

void stk_message_job_id(const struct stk_message *m, uint8_t out[static STK_JOB_ID_LEN])
{
	uint8_t digest[STK_SHA256_LEN];

	stk_sha256(stk_span_of(m->bytes, m->len), digest);
	memcpy(out, digest, STK_JOB_ID_LEN);
}

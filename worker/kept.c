/*
 * kept.c - see kept.h. Called by the `quarantine` commands only.
 */
#include "worker/kept.h"

#include "worker/envelope.h"
#include "worker/scan.h"
#include "worker/seal.h"

#include <stdlib.h>
#include <string.h>

#define HEX   "0123456789abcdef"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* --- one field -------------------------------------------------------------------------------- */

static bool made_of(struct stk_span s, const char *alphabet)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] == '\0' || strchr(alphabet, s.p[i]) == NULL)
			return false;
	return s.len > 0;
}

static bool id_ok(struct stk_span s)
{
	return s.len == 26 && made_of(s, UPPER "0123456789");
}

static bool reason_ok(struct stk_span s)
{
	return s.len < 40 && made_of(s, UPPER "_");
}

static bool time_ok(struct stk_span s)
{
	static const char form[] = "0000-00-00T00:00:00Z";

	if (s.len != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (form[i] == '0' ? s.p[i] < '0' || s.p[i] > '9' : s.p[i] != (uint8_t)form[i])
			return false;
	return true;
}

static bool sha256_ok(struct stk_span s)
{
	return s.len == 64 && made_of(s, HEX);
}

static bool job_ok(struct stk_span s)
{
	return s.len == 32 && made_of(s, HEX);
}

static int64_t count_of(struct stk_span s)
{
	int64_t v = 0;

	if (s.len > 15 || !made_of(s, "0123456789"))
		return -1;
	for (size_t i = 0; i < s.len; i++)
		v = v * 10 + (s.p[i] - '0');
	return v;
}

/* --- the entry -------------------------------------------------------------------------------- */

/* Ours are never escaped, so the text between the quotes is the value. */
static void take_string(struct stk_kept_entry *k, struct stk_span key, struct stk_span v)
{
	const struct {
		const char *name;
		char *out;
		bool (*ok)(struct stk_span);
	} fields[] = {
		{ "id", k->id, id_ok },
		{ "reason", k->reason, reason_ok },
		{ "queue", k->queue, stk_envelope_queue_ok },
		{ "at", k->at, time_ok },
		{ "sha256", k->sha256, sha256_ok },
		{ "kid", k->kid, stk_envelope_kid_ok },
		{ "job", k->job, job_ok },
	};

	for (size_t i = 0; i < STK_ARRAY_LEN(fields); i++)
		if (stk_json_string_is(key, fields[i].name) && fields[i].ok(v)) {
			memcpy(fields[i].out, v.p, v.len);
			fields[i].out[v.len] = '\0';
		}
	if (stk_json_string_is(key, "raw_b64"))
		k->raw_b64 = v;
}

void stk_kept_parse(struct stk_span text, struct stk_kept_entry *out)
{
	struct stk_scan s = { .bytes = text };
	struct stk_span key, v;

	*out = (struct stk_kept_entry){ .bytes = -1, .n = -1 };
	if (stk_scan_next(&s, NULL) != STK_TOKEN_OBJECT_BEGIN)
		return;
	while (stk_scan_next(&s, &key) == STK_TOKEN_STRING &&
	       stk_scan_next(&s, NULL) == STK_TOKEN_COLON) {
		enum stk_token t = stk_scan_next(&s, &v);

		if (t == STK_TOKEN_STRING)
			take_string(out, key, v);
		else if (t == STK_TOKEN_NUMBER && stk_json_string_is(key, "bytes"))
			out->bytes = count_of(v);
		else if (t == STK_TOKEN_NUMBER && stk_json_string_is(key, "n"))
			out->n = count_of(v);
		else if (t != STK_TOKEN_NUMBER && t != STK_TOKEN_WORD)
			break; /* nothing of ours nests */
		if (stk_scan_next(&s, NULL) != STK_TOKEN_COMMA)
			break;
	}
	out->ours = out->id[0] != '\0' && out->reason[0] != '\0' && out->queue[0] != '\0' &&
		    out->at[0] != '\0' && out->bytes >= 0 && out->n >= 1;
}

/* --- the payload ------------------------------------------------------------------------------ */

enum stk_err stk_kept_payload(const struct stk_kept_entry *k, uint8_t **out, size_t *len)
{
	uint8_t digest[STK_SHA256_LEN];
	char hex[2 * STK_SHA256_LEN + 1];

	*out = NULL;
	if (k->sha256[0] == '\0')
		return STK_E_ABSENT;
	if ((*out = malloc(k->raw_b64.len + 1)) == NULL)
		return STK_E_NOMEM;
	if (stk_b64_decode(k->raw_b64, *out, k->raw_b64.len, len) && (int64_t)*len == k->bytes) {
		stk_sha256(stk_span_of(*out, *len), digest);
		stk_hex(digest, sizeof(digest), hex);
		if (strcmp(hex, k->sha256) == 0)
			return STK_OK;
	}
	free(*out);
	*out = NULL;
	return STK_E_FORMAT;
}

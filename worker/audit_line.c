/*
 * audit_line.c - see audit_line.h. Lines come from a file that somebody may have edited: strict
 * tokens, fixed bounds, nothing believed.
 */
#include "worker/audit_line.h"

#include "worker/scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hash_of(struct stk_span text, uint8_t out[STK_SHA256_LEN])
{

	if (text.len != 2 * (size_t)STK_SHA256_LEN)
		return false;
	for (size_t i = 0; i < STK_SHA256_LEN; i++) {
		int hi = digit_of(text.p[2 * i]), lo = digit_of(text.p[2 * i + 1]);

		if (hi == -1 || lo == -1)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

static bool number_of(struct stk_span text, int64_t *out)
{
	int64_t v = 0;

	if (text.len == 0 || text.len > 18)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = v * 10 + (text.p[i] - '0');
	}
	*out = v;
	return true;
}

/* What the five members that every line has look like; bits of what was seen. */
static bool member(struct stk_audit_line *l, struct stk_span key, enum stk_token type,
    struct stk_span value, unsigned *seen)
{
	const struct {
		const char *name;
		enum stk_token type;
		struct stk_span *into;
	} known[] = {
		{ "v", STK_TOKEN_NUMBER, NULL },
		{ "seq", STK_TOKEN_NUMBER, NULL },
		{ "at", STK_TOKEN_STRING, &l->at },
		{ "kind", STK_TOKEN_STRING, &l->kind },
		{ "prev", STK_TOKEN_STRING, NULL },
		{ "key", STK_TOKEN_STRING, &l->key },
		{ "sig", STK_TOKEN_STRING, &l->sig },
	};

	for (unsigned i = 0; i < STK_ARRAY_LEN(known); i++) {
		if (!stk_json_string_is(key, known[i].name))
			continue;
		if (type != known[i].type || (*seen & 1u << i) != 0)
			return false;
		*seen |= 1u << i;
		if (known[i].into != NULL)
			*known[i].into = value;
		if (i == 0)
			return value.len == 1 && value.p[0] == '1';
		if (i == 1)
			return number_of(value, &l->seq);
		return i != 4 || hash_of(value, l->prev);
	}
	return true;
}

static bool scalar(enum stk_token t)
{
	return t == STK_TOKEN_STRING || t == STK_TOKEN_NUMBER || t == STK_TOKEN_WORD;
}

enum stk_err stk_audit_line_parse(struct stk_span text, struct stk_audit_line *out)
{
	struct stk_scan s = { .bytes = text };
	enum stk_token t = STK_TOKEN_COMMA;
	unsigned seen = 0;

	*out = (struct stk_audit_line){ 0 };
	stk_sha256(text, out->hash);
	if (text.len >= STK_AUDIT_LINE_MAX || stk_scan_next(&s, NULL) != STK_TOKEN_OBJECT_BEGIN)
		return STK_E_FORMAT;
	while (t == STK_TOKEN_COMMA) {
		struct stk_span key, value;

		if (stk_scan_next(&s, &key) != STK_TOKEN_STRING ||
		    stk_scan_next(&s, NULL) != STK_TOKEN_COLON)
			return STK_E_FORMAT;
		t = stk_scan_next(&s, &value);
		if (!scalar(t) || !member(out, key, t, value, &seen))
			return STK_E_FORMAT;
		t = stk_scan_next(&s, NULL);
	}
	if (t != STK_TOKEN_OBJECT_END || stk_scan_next(&s, NULL) != STK_TOKEN_END)
		return STK_E_FORMAT;
	return (seen & 0x1f) == 0x1f ? STK_OK : STK_E_FORMAT;
}

size_t stk_audit_head_text(unsigned slot, int64_t seq, const uint8_t prev[static STK_SHA256_LEN],
    char out[static STK_AUDIT_HEAD_TEXT])
{
	char hex[2 * STK_SHA256_LEN + 1];
	int n;

	stk_hex(prev, STK_SHA256_LEN, hex);
	n = snprintf(out, STK_AUDIT_HEAD_TEXT, "stockade audit head v1\n%u\n%" PRId64 "\n%s\n",
	    slot, seq, hex);
	return (size_t)n;
}

void stk_audit_name(unsigned slot, int64_t seq, char out[static STK_AUDIT_NAME_MAX])
{
	(void)snprintf(out, STK_AUDIT_NAME_MAX, "audit-%u-%016" PRId64 ".jsonl", slot, seq);
}

bool stk_audit_name_parse(const char *name, unsigned *slot, int64_t *seq)
{
	char again[STK_AUDIT_NAME_MAX];

	if (sscanf(name, "audit-%3u-%16" SCNd64 ".jsonl", slot, seq) != 2)
		return false;
	stk_audit_name(*slot, *seq, again);
	return strcmp(name, again) == 0;
}

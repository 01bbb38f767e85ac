/*
 * scan.c - see scan.h: strings and tokens (the recogniser stands in recognise.c). Every index is
 * checked against the length before the byte is read.
 */
#include "worker/scan.h"

#include "worker/utf8.h"

#include <string.h>

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static int hex_digit(uint8_t c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* --- strings ---------------------------------------------------------------------------------- */

/* The four hex digits of a \uXXXX at @p, or -1. */
static int32_t u_escape(const uint8_t *p, size_t left)
{
	int32_t v = 0;

	if (left < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (size_t i = 2; i < 6; i++) {
		int d = hex_digit(p[i]);

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

static size_t put_utf8(uint32_t c, uint8_t out[static 4])
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (c & 0x3f));
	return 4;
}

/* One \u escape, or a surrogate pair of two; the bytes taken, or 0 if it is neither. */
static size_t unicode_unit(const uint8_t *p, size_t left, uint8_t out[static 4], size_t *n_out)
{
	int32_t high = u_escape(p, left), low;

	if (high < 0 || (high >= 0xdc00 && high <= 0xdfff))
		return 0;
	if (high < 0xd800 || high > 0xdbff) {
		*n_out = put_utf8((uint32_t)high, out);
		return 6;
	}
	low = u_escape(p + 6, left - 6);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	*n_out =
	    put_utf8(0x10000u + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00), out);
	return 12;
}

/* One character of a string's text: bytes taken from @p (0: none is well-formed) and its UTF-8. */
static size_t string_unit(const uint8_t *p, size_t left, uint8_t out[static 4], size_t *n_out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (*p < 0x20 || *p == '"')
		return 0;
	if (*p != '\\') {
		*n_out = stk_utf8_len(p, left);
		memcpy(out, p, *n_out);
		return *n_out;
	}
	if (left >= 2 && p[1] == 'u')
		return unicode_unit(p, left, out, n_out);
	if (left < 2 || p[1] == '\0' || (at = strchr(from, p[1])) == NULL)
		return 0;
	out[0] = (uint8_t)to[at - from];
	*n_out = 1;
	return 2;
}

/* Length of the string token at @p (which is a quote), quotes included, or 0. */
static size_t string_len(const uint8_t *p, size_t left)
{
	uint8_t unit[4];
	size_t i = 1, n, n_unit;

	while (i < left && p[i] != '"') {
		/* plain ASCII, most of every payload, needs no decoding */
		if (p[i] >= 0x20 && p[i] < 0x80 && p[i] != '\\')
			n = 1;
		else
			n = string_unit(p + i, left - i, unit, &n_unit);
		if (n == 0)
			return 0;
		i += n;
	}
	return i < left ? i + 1 : 0;
}

size_t stk_json_unescape(struct stk_span text, uint8_t *out, size_t cap)
{
	uint8_t unit[4];
	size_t len = 0, n, n_unit = 0;

	for (size_t i = 0; i < text.len; i += n) {
		n = string_unit(text.p + i, text.len - i, unit, &n_unit);
		if (n == 0)
			break;
		for (size_t k = 0; k < n_unit; k++, len++)
			if (len < cap)
				out[len] = unit[k];
	}
	return len;
}

bool stk_json_same_string(struct stk_span a, struct stk_span b)
{
	uint8_t ua[4], ub[4];
	size_t i = 0, k = 0;

	while (i < a.len && k < b.len) {
		size_t na = 0, nb = 0;
		size_t ta = string_unit(a.p + i, a.len - i, ua, &na);
		size_t tb = string_unit(b.p + k, b.len - k, ub, &nb);

		if (ta == 0 || tb == 0 || na != nb || memcmp(ua, ub, na) != 0)
			return false;
		i += ta;
		k += tb;
	}
	return i == a.len && k == b.len;
}

bool stk_json_string_is(struct stk_span text, const char *plain)
{
	uint8_t unit[4];
	size_t n, n_unit = 0, at = 0, len = strlen(plain);

	for (size_t i = 0; i < text.len; i += n) {
		n = string_unit(text.p + i, text.len - i, unit, &n_unit);
		if (n == 0 || len - at < n_unit || memcmp(plain + at, unit, n_unit) != 0)
			return false;
		at += n_unit;
	}
	return at == len;
}

/* --- tokens ----------------------------------------------------------------------------------- */

static size_t digits(const uint8_t *p, size_t left)
{
	size_t n = 0;

	while (n < left && is_digit(p[n]))
		n++;
	return n;
}

/* Length of the number at @p by RFC 8259 section 6, or 0. */
static size_t number_len(const uint8_t *p, size_t left)
{
	size_t i = left > 0 && p[0] == '-' ? 1 : 0, n;

	n = digits(p + i, left - i);
	if (n == 0 || (n > 1 && p[i] == '0'))
		return 0;
	i += n;
	if (i < left && p[i] == '.') {
		if ((n = digits(p + i + 1, left - i - 1)) == 0)
			return 0;
		i += 1 + n;
	}
	if (i < left && (p[i] == 'e' || p[i] == 'E')) {
		i++;
		if (i < left && (p[i] == '+' || p[i] == '-'))
			i++;
		if ((n = digits(p + i, left - i)) == 0)
			return 0;
		i += n;
	}
	return i;
}

static size_t word_len(const uint8_t *p, size_t left)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < STK_ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i]);

		if (left >= n && memcmp(p, words[i], n) == 0)
			return n;
	}
	return 0;
}

static enum stk_token punctuation(uint8_t c)
{
	switch (c) {
	case '{': return STK_TOKEN_OBJECT_BEGIN;
	case '}': return STK_TOKEN_OBJECT_END;
	case '[': return STK_TOKEN_ARRAY_BEGIN;
	case ']': return STK_TOKEN_ARRAY_END;
	case ':': return STK_TOKEN_COLON;
	case ',': return STK_TOKEN_COMMA;
	default: return STK_TOKEN_BAD;
	}
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

enum stk_token stk_scan_next(struct stk_scan *s, struct stk_span *text)
{
	const uint8_t *p;
	size_t left, n = 1;
	enum stk_token t;

	while (s->at < s->bytes.len && is_space(s->bytes.p[s->at]))
		s->at++;
	if (s->at >= s->bytes.len)
		return STK_TOKEN_END;
	p = s->bytes.p + s->at;
	left = s->bytes.len - s->at;
	t = punctuation(*p);
	if (t == STK_TOKEN_BAD && *p == '"') {
		n = string_len(p, left);
		t = STK_TOKEN_STRING;
	} else if (t == STK_TOKEN_BAD && (*p == '-' || is_digit(*p))) {
		n = number_len(p, left);
		t = STK_TOKEN_NUMBER;
	} else if (t == STK_TOKEN_BAD) {
		n = word_len(p, left);
		t = STK_TOKEN_WORD;
	}
	if (n == 0)
		return STK_TOKEN_BAD;
	if (text != NULL)
		*text = t == STK_TOKEN_STRING ? stk_span_of(p + 1, n - 2) : stk_span_of(p, n);
	s->at += n;
	return t;
}

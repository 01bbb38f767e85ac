/*
 * redact.c - see redact.h. A help against accidents: a handler that wants to give its secret away
 * can spell it in a thousand other ways.
 */
#include "worker/redact.h"

#include <string.h>

/* --- as it is --------------------------------------------------------------------------------- */

static bool blot_out(const uint8_t *secret, size_t n, uint8_t *text, size_t len)
{
	bool found = false;

	for (uint8_t *at = text, *end = text + len;
	     (at = memmem(at, (size_t)(end - at), secret, n)) != NULL; at += n) {
		memset(at, '*', n);
		found = true;
	}
	return found;
}

/* A text that was cut to its room may begin with a secret's end or end with its beginning. */
static bool blot_edges(const uint8_t *secret, size_t n, uint8_t *text, size_t len)
{
	size_t most = n - 1 < len ? n - 1 : len, head = most, tail = most;

	while (head >= STK_REDACT_LEAST && memcmp(text, secret + n - head, head) != 0)
		head--;
	if (head >= STK_REDACT_LEAST)
		memset(text, '*', head);
	while (tail >= STK_REDACT_LEAST && memcmp(text + len - tail, secret, tail) != 0)
		tail--;
	if (tail >= STK_REDACT_LEAST)
		memset(text + len - tail, '*', tail);
	return head >= STK_REDACT_LEAST || tail >= STK_REDACT_LEAST;
}

/* --- in a JSON string ------------------------------------------------------------------------- */

/* What one character of a JSON string stands for, in UTF-8. */
struct unit {
	size_t took; /* bytes of the text */
	size_t n;
	uint8_t bytes[4];
};

/* Four hex digits, or -1. */
static int32_t hex4(const uint8_t *p, size_t len)
{
	int32_t v = 0;

	for (size_t i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *d;

		if (i >= len || p[i] < '0' || (d = strchr(digits, p[i] | 0x20)) == NULL)
			return -1;
		v = v * 16 + (int32_t)(d - digits);
	}
	return v;
}

static void encode(uint32_t c, struct unit *u)
{
	u->n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = u->n - 1; i > 0; i--, c >>= 6)
		u->bytes[i] = (uint8_t)(0x80 | (c & 0x3f));
	u->bytes[0] = (uint8_t)(u->n == 1   ? c
				: u->n == 2 ? 0xc0 | c
				: u->n == 3 ? 0xe0 | c
					    : 0xf0 | c);
}

static struct unit read_unit(const uint8_t *p, size_t len)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	struct unit u = { .took = 1, .n = 1, .bytes = { p[0] } };
	const char *at;
	int32_t c, low;

	if (p[0] != '\\' || len < 2)
		return u;
	if (p[1] != '\0' && (at = strchr(from, p[1])) != NULL) {
		u.took = 2;
		u.bytes[0] = (uint8_t)to[at - from];
		return u;
	}
	if (p[1] != 'u' || (c = hex4(p + 2, len - 2)) < 0)
		return u;
	u.took = 6;
	if (c >= 0xd800 && c < 0xdc00 && len >= 8 && p[6] == '\\' && p[7] == 'u' &&
	    (low = hex4(p + 8, len - 8)) >= 0xdc00 && low < 0xe000) {
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		u.took = 12;
	}
	encode((uint32_t)c, &u);
	return u;
}

/* How many bytes of the text spell the secret, or so much of it as stands before the cut; or 0. */
static size_t spells(const uint8_t *secret, size_t n, const uint8_t *text, size_t len)
{
	size_t at = 0, done = 0;

	while (done < n && at < len) {
		struct unit u = read_unit(text + at, len - at);

		if (u.n > n - done || memcmp(u.bytes, secret + done, u.n) != 0)
			break;
		done += u.n;
		at += u.took;
	}
	/* an escape that was cut apart is left of the last character */
	if (done < n && at < len && len - at < 12 && text[at] == '\\')
		at = len;
	return done == n || (at == len && done >= STK_REDACT_LEAST) ? at : 0;
}

static bool blot_escaped(const uint8_t *secret, size_t n, uint8_t *text, size_t len)
{
	bool found = false;

	for (size_t i = 0, took; i < len; i += took == 0 ? 1 : took) {
		took = spells(secret, n, text + i, len - i);
		found = found || took > 0;
		memset(text + i, '*', took);
	}
	return found;
}

bool stk_redact(const uint8_t *secret, size_t n, uint8_t *text, size_t len)
{
	bool found = false;

	if (n < STK_REDACT_LEAST || text == NULL)
		return false;
	if (n <= len)
		found |= blot_out(secret, n, text, len);
	if (memchr(text, '\\', len) != NULL)
		found |= blot_escaped(secret, n, text, len);
	if (n > STK_REDACT_LEAST)
		found |= blot_edges(secret, n, text, len);
	return found;
}

/*
 * text.c - see text.h.
 */
#include "jobs/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text text_in(char *room, size_t size)
{
	room[0] = '\0';
	return (struct text){ .at = room, .size = size };
}

void text_put(struct text *t, const char *fmt, ...)
{
	size_t left = t->size - t->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at + t->len, left, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < left) {
		t->len += (size_t)n;
		return;
	}
	t->at[t->len] = '\0';
	t->full = true;
}

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* The length of the UTF-8 sequence at @s, by RFC 3629's table; 0 if there is none. */
static size_t sequence(const unsigned char *s, size_t left)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return left >= 2 && is_tail(s[1]) ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		if (left < 3 || !is_tail(s[1]) || !is_tail(s[2]) || (s[0] == 0xe0 && s[1] < 0xa0) ||
		    (s[0] == 0xed && s[1] > 0x9f))
			return 0;
		return 3;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if (left < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3]) ||
		    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

static void put_one(struct text *t, const unsigned char *s, size_t n)
{
	if (n == 0)
		text_put(t, "\\ufffd");
	else if (s[0] == '\n' || s[0] == '\t')
		text_put(t, s[0] == '\n' ? "\\n" : "\\t");
	else if (n == 1 && (s[0] < 0x20 || s[0] == 0x7f))
		text_put(t, "\\u%04x", (unsigned)s[0]);
	else
		text_put(t, "%s%.*s", n == 1 && (s[0] == '"' || s[0] == '\\') ? "\\" : "", (int)n,
		    (const char *)s);
}

void text_put_json(struct text *t, const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;
	size_t begin = t->len;
	bool was_full = t->full;

	t->full = false;
	text_put(t, "\"");
	for (size_t i = 0; i < len && !t->full;) {
		size_t n = sequence(s + i, len - i);

		put_one(t, s + i, n);
		i += n == 0 ? 1 : n;
	}
	text_put(t, "\"");
	if (t->full) {
		t->len = begin;
		t->at[begin] = '\0';
	}
	t->full |= was_full;
}

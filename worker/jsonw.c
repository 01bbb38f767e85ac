/*
 * jsonw.c - see jsonw.h. A writer that ran out of room stays sour, so callers check once at the
 * end.
 */
#include "worker/jsonw.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void stk_jw_init(struct stk_jw *w, size_t max)
{
	*w = (struct stk_jw){ .max = max };
}

void stk_jw_clear(struct stk_jw *w)
{
	free(w->buf);
	*w = (struct stk_jw){ 0 };
}

void stk_jw_reset(struct stk_jw *w)
{
	w->len = 0;
	w->sour = false;
	w->comma = false;
	if (w->buf != NULL)
		w->buf[0] = '\0';
}

static bool make_room(struct stk_jw *w, size_t n)
{
	size_t cap = w->cap == 0 ? 512 : w->cap;
	char *bigger;

	if (w->sour || n > w->max || w->len > w->max - n)
		return false;
	while (cap < w->len + n + 1)
		cap *= 2;
	if (cap == w->cap)
		return true;
	bigger = realloc(w->buf, cap);
	if (bigger == NULL)
		return false;
	w->buf = bigger;
	w->cap = cap;
	return true;
}

static void put(struct stk_jw *w, const void *p, size_t n)
{
	if (!make_room(w, n)) {
		w->sour = true;
		return;
	}
	if (n > 0)
		memcpy(w->buf + w->len, p, n);
	w->len += n;
	w->buf[w->len] = '\0';
}

static void puts_raw(struct stk_jw *w, const char *s)
{
	put(w, s, strlen(s));
}

static void lead_in(struct stk_jw *w, const char *key)
{
	if (w->comma)
		put(w, ",", 1);
	w->comma = true;
	if (key != NULL) {
		put(w, "\"", 1);
		puts_raw(w, key);
		put(w, "\":", 2);
	}
}

void stk_jw_open(struct stk_jw *w, const char *key, char bracket)
{
	lead_in(w, key);
	put(w, &bracket, 1);
	w->comma = false;
}

void stk_jw_close(struct stk_jw *w, char bracket)
{
	put(w, &bracket, 1);
	w->comma = true;
}

void stk_jw_int(struct stk_jw *w, const char *key, int64_t v)
{
	char text[24];

	lead_in(w, key);
	(void)snprintf(text, sizeof(text), "%lld", (long long)v);
	puts_raw(w, text);
}

void stk_jw_bool(struct stk_jw *w, const char *key, bool v)
{
	lead_in(w, key);
	puts_raw(w, v ? "true" : "false");
}

void stk_jw_null(struct stk_jw *w, const char *key)
{
	lead_in(w, key);
	puts_raw(w, "null");
}

/* Length of the valid UTF-8 sequence at @p (RFC 3629), or 0. */
static size_t utf8_len(const uint8_t *p, size_t left)
{
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (left < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/*
 * One character of untrusted text. < > & and DEL are escaped too: old resque-web prints some fields
 * raw, and a terminal must not see control bytes (C1 controls and U+2028/9 included).
 */
static size_t put_char(struct stk_jw *w, const uint8_t *p, size_t left)
{
	size_t n = utf8_len(p, left);
	char esc[8];

	if (n == 0) {
		puts_raw(w, "\\ufffd");
		return 1;
	}
	if (n == 1 && (p[0] == '"' || p[0] == '\\')) {
		esc[0] = '\\';
		esc[1] = (char)p[0];
		put(w, esc, 2);
	} else if (n == 1 && (p[0] < 0x20 || p[0] == 0x7f || strchr("<>&", p[0]) != NULL)) {
		(void)snprintf(esc, sizeof(esc), "\\u%04x", p[0]);
		puts_raw(w, esc);
	} else if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0) {
		(void)snprintf(esc, sizeof(esc), "\\u%04x", p[1]);
		puts_raw(w, esc);
	} else if (n == 3 && p[0] == 0xe2 && p[1] == 0x80 &&
		   ((p[2] >= 0xa8 && p[2] <= 0xae) || p[2] == 0x8e || p[2] == 0x8f)) {
		(void)snprintf(esc, sizeof(esc), "\\u%04x", 0x2000u | (p[2] & 0x3fu));
		puts_raw(w, esc);
	} else {
		put(w, p, n);
	}
	return n;
}

void stk_jw_str(struct stk_jw *w, const char *key, struct stk_span s, size_t max_bytes)
{
	size_t keep = s.len < max_bytes ? s.len : max_bytes;
	size_t i = 0;

	/* never cut inside a character */
	while (keep < s.len && keep > 0 && (s.p[keep] & 0xc0) == 0x80 && max_bytes - keep < 4)
		keep--;
	lead_in(w, key);
	put(w, "\"", 1);
	while (i < keep)
		i += put_char(w, s.p + i, keep - i);
	if (keep < s.len)
		puts_raw(w, "\xe2\x80\xa6");
	put(w, "\"", 1);
}

void stk_jw_cstr(struct stk_jw *w, const char *key, const char *s)
{
	stk_jw_str(w, key, stk_span_str(s), SIZE_MAX);
}

void stk_jw_fmt(struct stk_jw *w, const char *key, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	stk_jw_str(w, key, stk_span_of(text, (size_t)n), SIZE_MAX);
}

void stk_jw_raw(struct stk_jw *w, const char *key, struct stk_span json)
{
	lead_in(w, key);
	put(w, json.p, json.len);
}

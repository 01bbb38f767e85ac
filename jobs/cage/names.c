/*
 * names.c - job.h's checks of arguments that name something: a file name, and the words of an
 * argument list. What they are given was written by others.
 */
#include "jobs/cage/cage.h"

#include <errno.h>
#include <string.h>

#define FILE_NAME_MAX 255 /* NAME_MAX of Linux's file systems */

/*
 * The code point at *p, which is moved behind it; UINT32_MAX where there is no UTF-8 (RFC 3629:
 * shortest form, no surrogates, up to U+10FFFF). The text ends with NUL, which is no continuation.
 */
static uint32_t decode(const unsigned char **p)
{
	static const struct {
		unsigned char mask, head;
		uint32_t least;
	} forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 } };
	const unsigned char *s = *p;
	uint32_t c;
	size_t n = 0;

	while (n < STK_ARRAY_LEN(forms) && (s[0] & forms[n].mask) != forms[n].head)
		n++;
	if (n == STK_ARRAY_LEN(forms))
		return UINT32_MAX;
	c = (uint32_t)(s[0] & ~forms[n].mask);
	for (size_t i = 1; i <= n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < forms[n].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return UINT32_MAX;
	*p = s + n + 1;
	return c;
}

/* Control characters, and what changes how the text around it is shown. */
static bool unseen(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

static bool plain_text(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p != '\0') {
		uint32_t c = decode(&p);

		if (c == UINT32_MAX || unseen(c))
			return false;
	}
	return true;
}

bool stockade_name_ok(const char *name)
{
	size_t n = strnlen(name, FILE_NAME_MAX + 1);

	return n > 0 && n <= FILE_NAME_MAX && name[0] != '.' && name[0] != '-' &&
	       strchr(name, '/') == NULL && plain_text(name);
}

/* --- argument lists --------------------------------------------------------------------------- */

static int refuse(int err)
{
	errno = err;
	return -1;
}

static int add(struct stockade_argv *v, const char *word)
{
	size_t len = strlen(word) + 1;

	if (v->n >= STK_SAY_ARGS_MAX || v->bytes > STK_SAY_MAX || len > STK_SAY_MAX - v->bytes)
		return refuse(E2BIG);
	v->at[v->n++] = word;
	v->at[v->n] = NULL;
	v->bytes += len;
	return 0;
}

_Static_assert(STOCKADE_ARGV_MAX == STK_SAY_ARGS_MAX, "as job.h says");

int stockade_argv_add(struct stockade_argv *v, const char *word)
{
	return add(v, word);
}

int stockade_argv_add_operand(struct stockade_argv *v, const char *text, unsigned flags)
{
	if (text[0] == '\0' || !plain_text(text) ||
	    (text[0] == '-' && (flags & STOCKADE_ARGV_DASH) == 0))
		return refuse(EINVAL);
	return add(v, text);
}

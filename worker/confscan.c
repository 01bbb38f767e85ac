/*
 * confscan.c - see confscan.h. A three-state walk: outside, in a comment, in a string.
 */
#include "worker/confscan.h"

#include "worker/utf8.h"

enum state {
	OUTSIDE,
	COMMENT,
	STRING
};

/* libconfig reads bare numbers with atoi: 4294967299 would silently be 3. */
#define BARE_DIGITS_MAX 9

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       c == '-' || c == '*';
}

/* Is the number that begins at @p one that libconfig reads as it is written? */
static const char *number(const uint8_t *p, size_t left)
{
	size_t n = 0;

	while (n < left && is_digit(p[n]))
		n++;
	if (n > BARE_DIGITS_MAX)
		return "a bare number has at most nine digits; sizes and times are quoted, with a "
		       "unit";
	if (n < left && (p[n] == 'x' || p[n] == 'X'))
		return "hexadecimal numbers are not accepted";
	return NULL;
}

/* What is wrong with the byte at @p in this state, or NULL; moves to the next state. */
static const char *step(const uint8_t *p, size_t left, uint8_t before, enum state *st)
{
	uint8_t next = left > 1 ? p[1] : 0;

	if (*st == COMMENT) {
		if (*p == '\n')
			*st = OUTSIDE;
	} else if (*st == STRING) {
		if (*p == '\n')
			return "a string is not closed on its line";
		if (*p == '\\' && (next == 'x' || next == 'X'))
			return "\\x escapes are not accepted; write the character itself";
		if (*p == '"')
			*st = OUTSIDE;
	} else if (*p == '"') {
		*st = STRING;
	} else if (*p == '#' || (*p == '/' && next == '/')) {
		*st = COMMENT;
	} else if (*p == '/' && next == '*') {
		return "block comments are not accepted; begin each line with #";
	} else if (*p == '@') {
		return "@include is not accepted; one file says everything";
	} else if (is_digit(*p) && (!is_name(before) || before == '-')) {
		return number(p, left);
	}
	return NULL;
}

bool stk_conf_prescan(const uint8_t *p, size_t len, int *line, const char **why)
{
	enum state st = OUTSIDE;
	size_t n;

	*line = 1;
	*why = NULL;
	for (size_t i = 0; i < len && *why == NULL; i += n) {
		bool escape = st == STRING && p[i] == '\\';

		if (p[i] == '\0')
			*why = "a NUL byte in the file";
		else if (stk_utf8_len(p + i, len - i) == 0)
			*why = "not valid UTF-8";
		else
			*why = step(p + i, len - i, i > 0 ? p[i - 1] : 0, &st);
		n = stk_utf8_len(p + i, len - i);
		/* the character after a backslash is never a closing quote */
		if (*why == NULL && escape && i + 1 < len && (p[i + 1] == '"' || p[i + 1] == '\\'))
			n = 2;
		if (*why == NULL && p[i] == '\n')
			(*line)++;
	}
	if (*why == NULL && st == STRING)
		*why = "a string is not closed on its line";
	return *why == NULL;
}

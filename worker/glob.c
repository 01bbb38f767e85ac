/*
 * glob.c - see glob.h. Follows the steps of Ruby's dir.c (fnmatch_helper, bracket), without its
 * pointers into C strings.
 */
#include "worker/glob.h"

#include "worker/utf8.h"

#include <string.h>

/* What is left to match; p == end: nothing. */
struct cursor {
	const uint8_t *p, *end;
};

static bool at_end(struct cursor c)
{
	return c.p == c.end;
}

static bool at(struct cursor c, char what)
{
	return !at_end(c) && *c.p == (uint8_t)what;
}

/* The bytes of one character; what is not UTF-8 is taken byte by byte. Not at the end. */
static size_t char_len(struct cursor c)
{
	size_t n = stk_utf8_len(c.p, (size_t)(c.end - c.p));

	return n > 0 ? n : 1;
}

static struct cursor after_char(struct cursor c)
{
	c.p += char_len(c);
	return c;
}

/* A backslash makes the next character literal. */
static struct cursor unescape(struct cursor c)
{
	if (at(c, '\\') && c.end - c.p > 1)
		c.p++;
	return c;
}

/* UTF-8 sorts as its code points do, so characters compare as bytes; not at either end. */
static int compare_char(struct cursor a, struct cursor b)
{
	size_t m = char_len(a), n = char_len(b);
	int order = memcmp(a.p, b.p, m < n ? m : n);

	return order != 0 ? order : (int)m - (int)n;
}

/* One member or range of a bracket against the character at @s; false at the pattern's end. */
static bool member(struct cursor *p, struct cursor s, bool *ok)
{
	struct cursor low = unescape(*p), high = low;

	*p = after_char(low);
	if (at(*p, '-') && p->end - p->p > 1 && p->p[1] != ']') {
		p->p++;
		high = unescape(*p);
		*p = after_char(high);
	}
	if (compare_char(low, s) <= 0 && compare_char(s, high) <= 0)
		*ok = true;
	return !at_end(*p);
}

/* @p stands behind '['. True: the character at @s belongs, and @p stands behind ']'. */
static bool bracket(struct cursor *p, struct cursor s)
{
	bool not = at(*p, '!') || at(*p, '^'), ok = false;

	if (not )
		p->p++;
	while (!at_end(*p)) {
		if (at(*p, ']')) {
			p->p++;
			return ok != not ;
		}
		if (!member(p, s, &ok))
			break;
	}
	return false; /* never closed: matches nothing */
}

/* One step that is no star; moves both on where it matches. */
static bool step(struct cursor *p, struct cursor *s)
{
	struct cursor after = *p;

	if (at_end(*p) || at_end(*s))
		return false;
	if (at(*p, '?')) {
		after.p++;
	} else if (at(*p, '[')) {
		after.p++;
		if (!bracket(&after, *s))
			return false;
	} else {
		struct cursor literal = unescape(*p);

		if (compare_char(literal, *s) != 0)
			return false;
		after = after_char(literal);
	}
	*p = after;
	*s = after_char(*s);
	return true;
}

/* A last backslash that escapes nothing is as good as absent. */
static struct stk_span without_last_escape(struct stk_span pattern)
{
	size_t n = 0;

	while (n < pattern.len && pattern.p[pattern.len - 1 - n] == '\\')
		n++;
	pattern.len -= n % 2;
	return pattern;
}

bool stk_glob_match(struct stk_span whole, struct stk_span name)
{
	struct stk_span pattern = without_last_escape(whole);
	struct cursor p = { pattern.p, pattern.p + pattern.len }, s = { name.p, name.p + name.len };
	struct cursor star = p, retry = s;
	bool starred = false;

	if (at(s, '.') && !at(unescape(p), '.'))
		return false;
	for (;;) {
		if (at(p, '*')) {
			while (at(p, '*'))
				p.p++;
			star = p;
			retry = s;
			starred = true;
		} else if (at_end(p) && at_end(s)) {
			return true;
		} else if (!step(&p, &s)) {
			if (!starred || at_end(retry))
				return false;
			retry = after_char(retry);
			p = star;
			s = retry;
		}
		if (at_end(p) && starred && star.p == p.p)
			return true; /* the pattern ends in a star */
	}
}

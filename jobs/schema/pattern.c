/*
 * pattern.c - `pattern`: the part of ECMA-262's syntax that means the same to every engine and
 * cannot run away, rewritten so that PCRE2 reads it as ECMA-262 (with its u flag) does.
 */
#include "jobs/schema/schema.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX 32    /* within each other */
#define REPEAT_MAX 1000  /* in {n,m} */
#define WEIGHT_MAX 20000 /* atoms, each times the repeats around it */

struct parse {
	const char *p;
	char *out;
	size_t len, room;
	unsigned depth;
	char *wrong;
};

/* What a part can do: does it repeat without bound, how much does it unfold to. */
struct part {
	bool unbounded, anchor;
	unsigned weight;
};

STK_PRINTF(2, 3) static bool bad(struct parse *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(s->wrong, 256, fmt, ap);
	va_end(ap);
	return false;
}

STK_PRINTF(2, 3) static void put(struct parse *s, const char *fmt, ...)
{
	va_list ap;

	if (s->room - s->len < 64) {
		s->room = s->room * 2 + 256;
		s->out = realloc(s->out, s->room);
		if (s->out == NULL)
			abort();
	}
	va_start(ap, fmt);
	s->len += (size_t)vsnprintf(s->out + s->len, s->room - s->len, fmt, ap);
	va_end(ap);
}

static void put_char(struct parse *s, unsigned long c)
{
	bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

	if (plain)
		put(s, "%c", (int)c);
	else
		put(s, "\\x{%lx}", c);
}

/* One code point of valid UTF-8. */
static unsigned long take(struct parse *s)
{
	unsigned char c = (unsigned char)*s->p++;
	unsigned long point = c;
	int more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

	if (more > 0)
		point = c & (0x3fu >> more);
	for (; more > 0 && *s->p != '\0'; more--)
		point = point << 6 | ((unsigned char)*s->p++ & 0x3f);
	return point;
}

static bool hex(struct parse *s, int digits, unsigned long *c)
{
	*c = 0;
	for (int i = 0; i < digits; i++) {
		const char *all = "0123456789abcdef", *at;
		char d = *s->p;

		if (d >= 'A' && d <= 'F')
			d = (char)(d - 'A' + 'a');
		at = d == '\0' ? NULL : strchr(all, d);
		if (at == NULL)
			return bad(s, "\\x takes two hex digits, \\u four");
		*c = *c * 16 + (unsigned long)(at - all);
		s->p++;
	}
	return *c != 0 && (*c < 0xd800 || *c > 0xdfff) ? true
						       : bad(s, "names no character by \\x or \\u");
}

/* After a backslash. *set is the inside of a class, for \d and \w; else *c is a character. */
static bool escape(struct parse *s, bool in_class, unsigned long *c, const char **set)
{
	static const char letters[] = "tnrfv", values[] = "\t\n\r\f\v";
	char e = *s->p;

	*set = NULL;
	if (e == '\0')
		return bad(s, "ends in a backslash");
	s->p++;
	if (e == 'd' || e == 'w') {
		*set = e == 'd' ? "0-9" : "A-Za-z0-9_";
		return true;
	}
	if (strchr("^$\\.*+?()[]{}|/", e) != NULL || (in_class && e == '-')) {
		*c = (unsigned char)e;
		return true;
	}
	if (strchr(letters, e) != NULL) {
		*c = (unsigned char)values[strchr(letters, e) - letters];
		return true;
	}
	if (e == 'x' || e == 'u')
		return hex(s, e == 'x' ? 2 : 4, c);
	if (e >= '1' && e <= '9')
		return bad(s, "has a back-reference, \\%c; those are not allowed", e);
	if (strchr("DWsSbBpPk", e) != NULL)
		return bad(s, "has \\%c; write the characters as a class, such as [^0-9]", e);
	return bad(s, "has a backslash before a character that needs none");
}

static bool class_char(struct parse *s, unsigned long *c, const char **set)
{
	*set = NULL;
	if (*s->p == '\0')
		return bad(s, "has a [ without its ]");
	if (*s->p == '\\') {
		s->p++;
		return escape(s, true, c, set);
	}
	*c = take(s);
	return true;
}

static bool character_class(struct parse *s)
{
	bool negated = *s->p == '^';
	unsigned long from = 0, to = 0;
	const char *set;

	if (negated)
		s->p++;
	put(s, negated ? "[^" : "[");
	if (*s->p == ']')
		return bad(s, "has an empty class");
	while (*s->p != ']') {
		if (!class_char(s, &from, &set))
			return false;
		if (set != NULL) {
			put(s, "%s", set);
			if (s->p[0] == '-' && s->p[1] != ']')
				return bad(s, "has a range with \\d or \\w at its end");
			continue;
		}
		put_char(s, from);
		if (s->p[0] != '-' || s->p[1] == ']')
			continue;
		s->p++;
		if (!class_char(s, &to, &set))
			return false;
		if (set != NULL || to < from)
			return bad(s, "has a range that runs backwards or ends in \\d or \\w");
		put(s, "-");
		put_char(s, to);
	}
	s->p++;
	put(s, "]");
	return true;
}

static bool alternation(struct parse *s, struct part *part);

static bool group(struct parse *s, struct part *part)
{
	if (s->p[0] == '?') {
		if (s->p[1] != ':')
			return bad(s,
			    "has (?%c; look-around, named groups and flags are not allowed",
			    s->p[1] == '\0' ? ' ' : s->p[1]);
		s->p += 2;
	}
	if (++s->depth > GROUPS_MAX)
		return bad(s, "has more than %d groups within each other", GROUPS_MAX);
	put(s, "(?:");
	if (!alternation(s, part))
		return false;
	if (*s->p != ')')
		return bad(s, "has a ( without its )");
	s->p++;
	s->depth--;
	put(s, ")");
	return true;
}

static bool atom(struct parse *s, struct part *part)
{
	unsigned long c = 0;
	const char *set;

	*part = (struct part){ .weight = 1 };
	switch (*s->p) {
	case '(': s->p++; return group(s, part);
	case '[': s->p++; return character_class(s);
	case '.':
		s->p++;
		put(s, "[^\\n\\r\\x{2028}\\x{2029}]");
		return true;
	case '^':
	case '$':
		part->anchor = true;
		put(s, "%c", *s->p++);
		return true;
	case '\\':
		s->p++;
		if (!escape(s, false, &c, &set))
			return false;
		if (set != NULL)
			put(s, "[%s]", set);
		else
			put_char(s, c);
		return true;
	case '*':
	case '+':
	case '?': return bad(s, "has a %c with nothing before it", *s->p);
	case '{':
	case '}':
	case ']': return bad(s, "has a %c of its own; write \\%c", *s->p, *s->p);
	default: put_char(s, take(s)); return true;
	}
}

static bool count(struct parse *s, unsigned *n)
{
	const char *from = s->p;

	for (*n = 0; *s->p >= '0' && *s->p <= '9'; s->p++)
		if (s->p - from == 4 || (*n = *n * 10 + (unsigned)(*s->p - '0')) > REPEAT_MAX)
			return bad(s, "repeats more than %d times", REPEAT_MAX);
	return s->p > from ? true : bad(s, "has a { that is no {n}, {n,} or {n,m}");
}

/* *most is 0 for no bound. */
static bool quantifier(struct parse *s, unsigned *least, unsigned *most)
{
	char q = *s->p++;

	*least = q == '+';
	*most = q == '?';
	if (q != '{')
		return true;
	if (!count(s, least))
		return false;
	*most = *least;
	if (*s->p == ',') {
		s->p++;
		*most = 0;
		if (*s->p != '}' && !count(s, most))
			return false;
		if (s->p[-1] != ',' && *most < *least)
			return bad(s, "has a {n,m} that runs backwards");
		if (s->p[-1] != ',' && *most == 0)
			return bad(s, "repeats something 0 times");
	} else if (*most == 0) {
		return bad(s, "repeats something 0 times");
	}
	return *s->p++ == '}' ? true : bad(s, "has a { without its }");
}

static bool repeated(struct parse *s, struct part *part)
{
	const char *from = s->p;
	unsigned least, most;

	if (*s->p == '\0' || strchr("*+?{", *s->p) == NULL)
		return true;
	if (part->anchor)
		return bad(s, "repeats an anchor");
	if (!quantifier(s, &least, &most))
		return false;
	if (most == 0 && part->unbounded)
		return bad(
		    s, "repeats without bound what repeats without bound: it could take for ever");
	part->unbounded = part->unbounded || most == 0;
	part->weight *= most > least ? most : least > 0 ? least : 1;
	put(s, "%.*s", (int)(s->p - from), from);
	if (*s->p == '?') {
		s->p++;
		put(s, "?");
	}
	if (*s->p != '\0' && strchr("*+?{", *s->p) != NULL)
		return bad(s, "has one quantifier after another");
	return true;
}

static bool alternation(struct parse *s, struct part *part)
{
	struct part one;

	*part = (struct part){ .weight = 1 };
	while (*s->p != '\0' && *s->p != ')') {
		if (*s->p == '|') {
			s->p++;
			put(s, "|");
			continue;
		}
		if (!atom(s, &one) || !repeated(s, &one))
			return false;
		part->unbounded = part->unbounded || one.unbounded;
		part->weight += one.weight;
		if (part->weight > WEIGHT_MAX)
			return bad(s, "unfolds to more than %d parts", WEIGHT_MAX);
	}
	return true;
}

char *stk_pattern_translate(const char *pattern, char wrong[256])
{
	struct parse s = { .p = pattern, .wrong = wrong };
	struct part part;
	char buf[160];

	wrong[0] = '\0';
	put(&s, "%s", "");
	if (alternation(&s, &part) && *s.p == ')')
		(void)bad(&s, "has a ) without its (");
	if (wrong[0] == '\0' && stk_pattern_wrong(s.out, buf, sizeof(buf)) != NULL)
		(void)bad(&s, "does not compile: %s", buf);
	if (wrong[0] == '\0')
		return s.out;
	free(s.out);
	return NULL;
}

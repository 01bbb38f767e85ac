/*
 * generate_text.c - strings that fit length, pattern and format (generate.h). The patterns are of
 * the schema compiler's subset, in which each part says how it may be written.
 */
#include "jobs/cage/formats.h"
#include "jobs/test/generate.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX   16384 /* bytes */
#define REPEAT_MAX 6     /* beyond what must be */
#define RANGES_MAX 64

/* The text so far. */
struct writer {
	struct stockade_dice *d;
	char *out;
	size_t len;
	const char *at; /* where in the pattern */
	unsigned depth;
};

static void put(struct writer *w, uint32_t c)
{
	static const struct {
		uint32_t below, lead;
	} sizes[] = { { 0x80, 0 }, { 0x800, 0xc0 }, { 0x10000, 0xe0 }, { 0x110000, 0xf0 } };
	size_t more = 0;

	while (more < 3 && c >= sizes[more].below)
		more++;
	if (c == 0 || (c >= 0xd800 && c < 0xe000) || w->len + more >= TEXT_MAX)
		return;
	w->out[w->len++] = (char)(sizes[more].lead | c >> (6 * more));
	for (; more > 0; more--)
		w->out[w->len++] = (char)(0x80 | (c >> (6 * (more - 1)) & 63));
}

/* One code point of the pattern. */
static uint32_t next(struct writer *w)
{
	uint32_t c = (uint8_t)*w->at++;
	int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

	if (more > 0)
		c &= 0x3fu >> more;
	for (; more > 0 && *w->at != '\0'; more--)
		c = c << 6 | ((uint8_t)*w->at++ & 63);
	return c;
}

/* --- characters ------------------------------------------------------------------------------- */

struct set {
	uint32_t from[RANGES_MAX], to[RANGES_MAX];
	size_t n;
	bool negated;
};

static void add(struct set *s, uint32_t from, uint32_t to)
{
	if (s->n < RANGES_MAX) {
		s->from[s->n] = from;
		s->to[s->n++] = to;
	}
}

/* Behind a backslash: true if it stands for several characters, which are added. */
static bool escape(struct writer *w, struct set *s, uint32_t *one)
{
	char c = (char)next(w);

	*one = (uint8_t)c;
	switch (c) {
	case 'd': add(s, '0', '9'); return true;
	case 'w':
		add(s, 'a', 'z');
		add(s, 'A', 'Z');
		add(s, '0', '9');
		add(s, '_', '_');
		return true;
	case 's': add(s, ' ', ' '); return true;
	case 'D':
	case 'S':
	case 'W': add(s, '-', '-'); return true;
	case 'n': *one = '\n'; break;
	case 't': *one = '\t'; break;
	case 'r': *one = '\r'; break;
	case 'x': {
		char *end;

		if (*w->at == '{')
			w->at++;
		*one = (uint32_t)strtoul(w->at, &end, 16);
		w->at = *end == '}' ? end + 1 : end;
		break;
	}
	default: break;
	}
	return false;
}

static void parse_set(struct writer *w, struct set *s)
{
	s->negated = *w->at == '^';
	w->at += s->negated;
	for (bool first = true; *w->at != '\0' && (first || *w->at != ']'); first = false) {
		uint32_t from = next(w), to;

		if (from == '\\' && escape(w, s, &from))
			continue;
		to = from;
		if (w->at[0] == '-' && w->at[1] != ']' && w->at[1] != '\0') {
			w->at++;
			to = next(w);
			if (to == '\\')
				(void)escape(w, s, &to);
		}
		add(s, from, to);
	}
	if (*w->at == ']')
		w->at++;
}

static bool in_set(const struct set *s, uint32_t c)
{
	for (size_t i = 0; i < s->n; i++)
		if (c >= s->from[i] && c <= s->to[i])
			return true;
	return false;
}

static void put_of(struct writer *w, const struct set *s)
{
	size_t i;

	if (!s->negated && s->n > 0) {
		i = stockade_dice_pick(w->d, (uint32_t)s->n);
		put(w, s->from[i] + stockade_dice_pick(w->d, s->to[i] - s->from[i] + 1));
		return;
	}
	for (uint32_t c = 0x21 + stockade_dice_pick(w->d, 64), k = 0; k < 256; k++, c++)
		if (!in_set(s, c) && c != 0x7f) {
			put(w, c);
			return;
		}
}

/* --- patterns --------------------------------------------------------------------------------- */

static void alternatives(struct writer *w, bool emit);

static void atom(struct writer *w, bool emit)
{
	struct set s = { 0 };
	uint32_t c = next(w);

	switch (c) {
	case '(':
		if (w->at[0] == '?')
			w->at += strcspn(w->at, ":)") + 1;
		alternatives(w, emit);
		w->at += *w->at == ')';
		return;
	case '^':
	case '$': return;
	case '[': parse_set(w, &s); break;
	case '.': s.negated = true; break;
	case '\\':
		if (strchr("AzZbBG", *w->at) != NULL && *w->at != '\0') {
			w->at++;
			return;
		}
		if (!escape(w, &s, &c))
			add(&s, c, c);
		break;
	default: add(&s, c, c); break;
	}
	if (emit)
		put_of(w, &s);
}

/* How often the last atom stands; the pattern is behind it then. */
static uint32_t quantity(struct writer *w, bool emit)
{
	uint32_t least = 1, most = 1;
	char *end;

	switch (*w->at) {
	case '?': least = 0; break;
	case '*':
		least = 0;
		most = REPEAT_MAX;
		break;
	case '+': most = 1 + REPEAT_MAX; break;
	case '{':
		least = most = (uint32_t)strtoul(w->at + 1, &end, 10);
		if (*end == ',')
			most = end[1] == '}' ? least + REPEAT_MAX
					     : (uint32_t)strtoul(end + 1, &end, 10);
		w->at += strcspn(w->at, "}");
		break;
	default: return 1;
	}
	w->at += *w->at != '\0';
	/* lazy or possessive */
	w->at += *w->at == '?' || *w->at == '+';
	return emit && most > least ? least + stockade_dice_pick(w->d, most - least + 1) : least;
}

static void sequence(struct writer *w, bool emit)
{
	while (*w->at != '\0' && *w->at != '|' && *w->at != ')') {
		const char *from = w->at, *behind;
		uint32_t n;

		atom(w, false);
		n = quantity(w, emit);
		behind = w->at;
		for (uint32_t i = 0; emit && i < n && w->len < TEXT_MAX; i++) {
			w->at = from;
			atom(w, true);
		}
		w->at = behind;
	}
}

/* Twice over it: once to count what there is to choose from. */
static void alternatives(struct writer *w, bool emit)
{
	const char *from = w->at;
	uint32_t n = 1, pick;

	if (++w->depth > 32) {
		w->at += strlen(w->at);
		w->depth--;
		return;
	}
	for (sequence(w, false); *w->at == '|'; sequence(w, false)) {
		w->at++;
		n++;
	}
	if (emit) {
		w->at = from;
		pick = stockade_dice_pick(w->d, n);
		for (uint32_t i = 0; i < n; i++) {
			sequence(w, i == pick);
			w->at += i + 1 < n;
		}
	}
	w->depth--;
}

/* --- plain text ------------------------------------------------------------------------------- */

static const struct {
	const char *format, *texts[3];
} samples[] = {
	{ "date", { "2026-11-23", "2024-02-29", "0001-01-01" } },
	{ "time", { "06:55:05Z", "23:59:59.999999+14:00", "00:00:00-00:01" } },
	{ "date-time",
	    { "2026-11-23T06:55:05Z", "2024-02-29T23:59:59.5+05:30", "1970-01-01T00:00:00Z" } },
	{ "duration", { "P1Y2M3DT4H5M6S", "PT1S", "P4W" } },
	{ "email", { "a@example.com", "a.b+c@sub.example.org", "\"q s\"@example.com" } },
	{ "idn-email", { "a@example.com", "j\xc3\xb6rg@example.com", "x@example.org" } },
	{ "hostname", { "example.com", "a", "xn--bcher-kva.example" } },
	{ "ipv4", { "192.0.2.1", "0.0.0.0", "255.255.255.255" } },
	{ "ipv6", { "2001:db8::1", "::", "::ffff:192.0.2.1" } },
	{ "uri", { "https://example.com/a?b=c#d", "http://[::1]:8080/", "urn:x:y" } },
	{ "uri-reference", { "../a/b?c", "https://example.com/", "#f" } },
	{ "iri", { "https://example.com/\xc3\xa4", "https://example.com/", "urn:x:y" } },
	{ "iri-reference", { "../\xc3\xa4", "a", "https://example.com/" } },
	{ "uri-template", { "https://example.com/{a}{?b,c}", "{+path}", "x" } },
	{ "uuid", { "2eb8aa08-aa98-11ea-b4aa-73b441d16380", "00000000-0000-0000-0000-000000000000",
		      "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF" } },
	{ "json-pointer", { "/a/0", "", "/~0~1" } },
	{ "relative-json-pointer", { "0", "1/a", "2#" } },
};

static void put_text(struct writer *w, const char *s)
{
	for (; *s != '\0' && w->len < TEXT_MAX; s++)
		w->out[w->len++] = *s;
}

static void put_format(struct writer *w, uint32_t format)
{
	const char *name = stk_format_name(format);

	for (size_t i = 0; i < STK_ARRAY_LEN(samples); i++)
		if (strcmp(samples[i].format, name) == 0)
			put_text(w, samples[i].texts[stockade_dice_pick(w->d, 3)]);
}

static void put_char(struct writer *w)
{
	static const uint32_t odd[] = { '/', '.', '\\', '%', '"', '\'', '\n', '\t', ' ', '<', '&',
		0x7f, 0xe9, 0x20ac, 0x1f600, 0x202e };
	uint32_t b = stockade_dice_pick(w->d, 256);

	put(w, b < 0x20 ? odd[b % STK_ARRAY_LEN(odd)] : b < 0x7f ? b : 'a' + b % 26);
}

static void put_plain(struct writer *w, uint32_t least, uint32_t most)
{
	static const char part[] = STOCKADE_GENERATED_FILE ".part";
	static const char *const words[] = { STOCKADE_GENERATED_FILE, "output", "../x", "a/b", part,
		"0", "-1", "%s%n" };
	uint32_t pick = stockade_dice_pick(w->d, 24), n;
	const char *word = STOCKADE_GENERATED_FILE;

	if (pick < 8)
		word = words[pick];
	if (pick < 16 && strlen(word) >= least && strlen(word) <= most) {
		put_text(w, word);
		return;
	}
	most = most > TEXT_MAX / 4 ? TEXT_MAX / 4 : most;
	n = pick == 16 || most <= least ? least : pick == 17 ? most : least;
	if (pick > 17 && most > least)
		n += stockade_dice_pick(w->d, most - least < 64 ? most - least + 1 : 64);
	for (uint32_t i = 0; i < n; i++)
		put_char(w);
}

/* What a pattern does not hold to an end may have more of anything there. */
static void put_around(struct writer *w, const struct stockade_text *t)
{
	const char *p = t->pattern;
	size_t n = strlen(p);
	bool begins = p[0] == '^', ends = n > 0 && p[n - 1] == '$' && (n == 1 || p[n - 2] != '\\');
	size_t from, core;

	alternatives(w, true);
	core = w->len;
	if (begins && ends)
		return;
	put_plain(w, t->least > core ? t->least - (uint32_t)core : 0,
	    t->most > core ? t->most - (uint32_t)core : 0);
	from = w->len - core;
	/* what was put behind belongs in front */
	if (ends && from > 0 && core > 0) {
		char *copy = malloc(w->len);

		if (copy == NULL)
			return;
		memcpy(copy, w->out + core, from);
		memcpy(copy + from, w->out, core);
		memcpy(w->out, copy, w->len);
		free(copy);
	}
}

json_t *stockade_generate_text(const struct stockade_text *t, struct stockade_dice *d)
{
	struct writer w = { .d = d, .out = malloc(TEXT_MAX), .at = t->pattern };
	json_t *out;

	if (w.out == NULL)
		return NULL;
	if (t->pattern != NULL)
		put_around(&w, t);
	else if (t->format != STK_RULES_NONE)
		put_format(&w, t->format);
	else
		put_plain(&w, t->least, t->most);
	out = json_stringn(w.out, w.len);
	free(w.out);
	return out == NULL ? json_string("") : out;
}

/*
 * registry_words.c - see registry_words.h. A small reader of "WORD, WORD(arguments), ..."; the C
 * compiler reads the same text again as initialisers.
 */
#include "jobs/schema/registry_words.h"

#include "jobs/schema/schema.h"
#include "sandbox/wire.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	BARE,
	LABELS = 1 + STK_TEXT_LABEL,
	PLACES = 1 + STK_TEXT_PLACE,
	PATHS = 1 + STK_TEXT_PATH,
	NUMBER,
	PROFILES,
	RETRIES
};

static const struct {
	enum kind kind;
	long most;
} words_table[] = {
#define X(word, kind, most) { kind, most },
	STK_WORDS(X)
#undef X
};

static const char *const names[] = {
#define X(word, kind, most) #word,
	STK_WORDS(X)
#undef X
};

static const char *const profiles[] = { "pure", "files", "threads", "net", "exec" };

#define TEXT_MAX  160 /* more than any may have */
#define TEXTS_MAX 8   /* of one word */

struct scan {
	const char *p;
	char *wrong;
	size_t size;
	bool beyond; /* the operator's ceiling is not the default one: numbers are not looked at */
};

void stk_registry_print(FILE *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(out, fmt, ap);
	va_end(ap);
}

STK_PRINTF(2, 3) static bool bad(struct scan *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(s->wrong, s->size, fmt, ap);
	va_end(ap);
	return false;
}

static void blanks(struct scan *s)
{
	while (isspace((unsigned char)*s->p))
		s->p++;
}

static bool eat(struct scan *s, char c)
{
	blanks(s);
	if (*s->p != c)
		return false;
	s->p++;
	return true;
}

static bool word(struct scan *s, char out[64])
{
	size_t n = 0;

	for (blanks(s); isalnum((unsigned char)*s->p) || *s->p == '_'; s->p++)
		if (n < 63)
			out[n++] = *s->p;
	out[n] = '\0';
	return n > 0;
}

/* --- arguments -------------------------------------------------------------------------------- */

static bool number(struct scan *s, const char *of, long most)
{
	char *end;
	long n;

	if (s->beyond) {
		s->p += strcspn(s->p, ",)");
		return true;
	}
	blanks(s);
	n = strtol(s->p, &end, 10);
	if (end == s->p || !isdigit((unsigned char)*s->p))
		return bad(s, "%s takes a plain number", of);
	if (s->p[0] == '0' && end > s->p + 1)
		return bad(
		    s, "%s takes a number without a 0 before it: to C it is an octal one", of);
	s->p = end;
	blanks(s);
	if (*s->p != ')' && *s->p != ',')
		return bad(s, "%s takes a plain number, not an expression", of);
	if (n < 1 || n > most)
		return bad(s, "%s(%ld) is outside of what may be asked for: 1 to %ld", of, n, most);
	return true;
}

/* One text in quotes, as it stands there: with an escape in it C would read another. */
static bool text(struct scan *s, const char *of, char out[TEXT_MAX])
{
	size_t len;

	if (!eat(s, '"'))
		return bad(s, "%s takes texts in quotes", of);
	len = strcspn(s->p, "\"\\");
	if (s->p[len] != '"')
		return bad(s,
		    s->p[len] == '\0' ? "%s has a text without its end"
				      : "%s has a text with a \\ in it",
		    of);
	if (len == 0)
		return bad(s, "%s has an empty text", of);
	if (len >= TEXT_MAX)
		return bad(s, "%s has a text of more than %d bytes", of, TEXT_MAX - 1);
	memcpy(out, s->p, len);
	out[len] = '\0';
	s->p += len + 1;
	return true;
}

static bool texts(struct scan *s, const char *of, enum stk_text_kind kind, long most, uint32_t *n)
{
	char all[TEXTS_MAX][TEXT_MAX];
	const char *wrong;

	do {
		if (*n == (uint32_t)most)
			return bad(s, "%s takes at most %ld", of, most);
		if (!text(s, of, all[*n]))
			return false;
		if ((wrong = stk_text_wrong(kind, all[*n])) != NULL)
			return bad(s, "%s(\"%s\") %s", of, all[*n], wrong);
		for (uint32_t i = 0; i < *n; i++)
			if (strcmp(all[i], all[*n]) == 0)
				return bad(s, "%s names \"%s\" twice", of, all[i]);
		++*n;
	} while (eat(s, ','));
	return true;
}

static bool profile_list(struct scan *s, struct stk_words *w)
{
	char name[64];

	do {
		uint32_t i = 0;
		const char *near;

		if (!word(s, name))
			return bad(s, "PROFILE takes pure, files, threads, net or exec");
		while (i < STK_ARRAY_LEN(profiles) && strcmp(profiles[i], name) != 0)
			i++;
		near = stk_nearest(profiles, STK_ARRAY_LEN(profiles), name);
		if (i == STK_ARRAY_LEN(profiles))
			return bad(s,
			    "unknown profile %s%s%s; there are pure, files, threads, net and exec",
			    name, near == NULL ? "" : ", did you mean ", near == NULL ? "" : near);
		if ((w->profiles & 1u << i) != 0)
			return bad(s, "PROFILE names %s twice", name);
		w->profiles |= 1u << i;
	} while (eat(s, ','));
	return true;
}

static bool retries(struct scan *s, long most)
{
	char rule[64];

	if (!number(s, "RETRY", most))
		return false;
	if (!eat(s, ',') || !word(s, rule) ||
	    (strcmp(rule, "EXPONENTIAL_S") != 0 && strcmp(rule, "FIXED_S") != 0) || !eat(s, '('))
		return bad(
		    s, "RETRY takes a number and EXPONENTIAL_S(seconds) or FIXED_S(seconds)");
	return number(s, rule, 86400 * 7) && (eat(s, ')') || bad(s, "%s lacks its )", rule));
}

static bool one(struct scan *s, struct stk_words *w)
{
	const char *near;
	char name[64];
	size_t i = 0;
	bool fine = true;

	if (!word(s, name))
		return bad(s, "something that is no word stands at: %.40s",
		    *s->p == '\0' ? "its end" : s->p);
	while (i < STK_ARRAY_LEN(names) && strcmp(names[i], name) != 0)
		i++;
	near = stk_nearest(names, STK_ARRAY_LEN(names), name);
	if (i == STK_ARRAY_LEN(names))
		return bad(s, "unknown grant or limit %s%s%s", name,
		    near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
	if (w->there[i])
		return bad(s, "%s stands twice", name);
	w->there[i] = true;
	if (words_table[i].kind == BARE)
		return true;
	if (!eat(s, '('))
		return bad(s, "%s takes something in ( )", name);
	switch (words_table[i].kind) {
	case LABELS:
	case PLACES:
	case PATHS:
		fine = texts(s, name, (enum stk_text_kind)(words_table[i].kind - LABELS),
		    words_table[i].most, &w->texts[i]);
		break;
	case NUMBER: fine = number(s, name, words_table[i].most); break;
	case PROFILES: fine = profile_list(s, w); break;
	case RETRIES: fine = retries(s, words_table[i].most); break;
	case BARE: break;
	}
	return fine && (eat(s, ')') || bad(s, "%s takes no more than that, or lacks its )", name));
}

int stk_words_parse(
    const char *text, bool beyond, struct stk_words *words, char *wrong, size_t size)
{
	struct scan s = { text, wrong, size, beyond };

	memset(words, 0, sizeof(*words));
	do {
		if (!one(&s, words))
			return -1;
	} while (eat(&s, ','));
	blanks(&s);
	if (*s.p != '\0')
		return bad(&s, "a comma is missing before: %.40s", s.p) ? 0 : -1;
	return 0;
}

/* A profile without its grant and a grant without its profile are both a mistake. */
int stk_words_agree(const struct stk_words *w, char *wrong, size_t size)
{
	const bool *there = w->there;
	bool files = there[STK_WORD_READ] || there[STK_WORD_WRITE] || there[STK_WORD_WORK_MIB];
	bool exec = there[STK_WORD_EXEC] || there[STK_WORD_EXEC_DYNAMIC];
	const char *what = NULL;

	if (!there[STK_WORD_PROFILE])
		what = "it has no PROFILE(...)";
	else if ((w->profiles & STK_WORD_PURE) != 0 && w->profiles != STK_WORD_PURE)
		what = "PROFILE(pure) goes with no other profile";
	else if (files != ((w->profiles & STK_WORD_FILES) != 0))
		what = "PROFILE(files) and READ, WRITE or WORK_MIB belong together";
	else if (there[STK_WORD_CONNECT] != ((w->profiles & STK_WORD_NET) != 0))
		what = "PROFILE(net) and CONNECT belong together";
	else if (exec != ((w->profiles & STK_WORD_EXEC_PROFILE) != 0))
		what = "PROFILE(exec) and EXEC or EXEC_DYNAMIC belong together";
	else if (there[STK_WORD_EXEC] && there[STK_WORD_EXEC_DYNAMIC])
		what = "EXEC and EXEC_DYNAMIC exclude each other";
	else if (there[STK_WORD_EXEC_DYNAMIC] && w->texts[STK_WORD_EXEC_DYNAMIC] < 2)
		what = "EXEC_DYNAMIC takes a program and the trees of its libraries";
	else if (w->texts[STK_WORD_READ] + w->texts[STK_WORD_WRITE] > STK_GRANTS_MAX)
		what = "READ and WRITE take at most 8 labels together";
	else if (there[STK_WORD_TASKS] && (w->profiles & STK_WORD_THREADS) == 0)
		what = "TASKS and PROFILE(threads) belong together";
	if (what == NULL)
		return 0;
	(void)snprintf(wrong, size, "%s", what);
	return -1;
}

/*
 * conf_text.c - settings without libconfig: names, values from text, defaults, flags, freeing. See
 * conf.h for the public half and conf_text.h for what conf.c needs of it.
 */
#include "worker/conf_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING_MAX  STK_CONF_STRING_MAX
#define ENTRIES_MAX 1024 /* entries of one list, unless the table says otherwise */

enum stk_err stk_conf_blame(
    struct stk_conf_error *e, const char *path, int line, const char *fmt, ...)
{
	int n = line > 0 ? snprintf(e->sentence, sizeof(e->sentence), "%.255s:%d: ", path, line)
			 : snprintf(e->sentence, sizeof(e->sentence), "%.255s: ", path);
	va_list ap;

	e->line = line;
	va_start(ap, fmt);
	if (n > 0)
		(void)vsnprintf(e->sentence + n, sizeof(e->sentence) - (size_t)n, fmt, ap);
	va_end(ap);
	return STK_E_FORMAT;
}

void *stk_conf_slot(void *into, const struct stk_setting *s)
{
	return (char *)into + s->offset;
}

size_t stk_conf_entries_max(const struct stk_setting *s)
{
	return s->max > 0 ? (size_t)s->max : ENTRIES_MAX;
}

/* --- names ---------------------------------------------------------------------------------- */

const struct stk_setting *stk_conf_find(const struct stk_setting *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].type != STK_SET_LINE && strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

enum stk_err stk_conf_unknown(
    struct stk_conf_walk *w, int line, const struct stk_setting *table, size_t n, const char *name)
{
	const char *near = stk_conf_nearest(table, n, name);

	if (near != NULL)
		(void)stk_conf_blame(
		    w->e, w->path, line, "unknown setting `%.64s`; did you mean `%s`?", name, near);
	else
		(void)stk_conf_blame(w->e, w->path, line, "unknown setting `%.64s`", name);
	return STK_E_ABSENT;
}

/* --- values from text (quoted quantities, defaults, environment, flags) ----------------------- */

static const char *expected(enum stk_setting_type type)
{
	switch (type) {
	case STK_SET_BOOL: return "true or false";
	case STK_SET_COUNT: return "a whole number, like 12";
	case STK_SET_DURATION_MS:
		return "a quoted duration, like \"10s\", \"5m\", \"2h\" or \"7d\"";
	case STK_SET_BYTES: return "a quoted size, like \"64K\", \"1M\" or \"1G\"";
	case STK_SET_RATE: return "a quoted rate, like \"50/s\", \"30/m\" or \"4/h\"";
	case STK_SET_TIME: return "a quoted UTC time, like \"2027-01-01T00:00:00Z\"";
	case STK_SET_STRING: return "a quoted string";
	case STK_SET_CHOICE: return "one of its choices, quoted";
	case STK_SET_STRINGS: return "a list of quoted strings, like [ \"a\", \"b\" ]";
	case STK_SET_MAP: return "a group of name = \"text\"; pairs";
	case STK_SET_GROUP: return "a group, like { name = value; }";
	case STK_SET_LIST: return "a list of groups, like ( { name = value; } )";
	case STK_SET_LINE: break;
	}
	return "nothing";
}

enum stk_err stk_conf_mistyped(struct stk_conf_walk *w, int line, const struct stk_setting *s)
{
	return stk_conf_blame(w->e, w->path, line, "`%s` wants %s%s%s", s->name, expected(s->type),
	    s->doc != NULL ? ": " : "", s->doc != NULL ? s->doc : "");
}

struct unit {
	int64_t of;
	const char *name;
};

/* As a file has it: in the largest unit that leaves nothing over; other numbers as they are. */
static void spell(enum stk_setting_type type, int64_t v, char *out, size_t size)
{
	static const struct unit times[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" },
		{ 1000, "s" }, { 1, "ms" } };
	static const struct unit sizes[] = { { 1 << 30, "G" }, { 1 << 20, "M" }, { 1 << 10, "K" } };
	const struct unit *u = type == STK_SET_DURATION_MS ? times : sizes;
	size_t n = type == STK_SET_DURATION_MS ? STK_ARRAY_LEN(times)
		   : type == STK_SET_BYTES     ? STK_ARRAY_LEN(sizes)
					       : 0;

	for (size_t i = 0; i < n; i++)
		if (v != 0 && v % u[i].of == 0) {
			(void)snprintf(out, size, "%lld%s", (long long)(v / u[i].of), u[i].name);
			return;
		}
	(void)snprintf(out, size, "%lld", (long long)v);
}

enum stk_err stk_conf_put_number(
    struct stk_conf_walk *w, int line, const struct stk_setting *s, void *into, int64_t v)
{
	if (v < s->min || (s->max != 0 && v > s->max)) {
		char is[32], least[32], most[32];

		spell(s->type, v, is, sizeof(is));
		spell(s->type, s->min, least, sizeof(least));
		spell(s->type, s->max != 0 ? s->max : INT64_MAX, most, sizeof(most));
		return stk_conf_blame(w->e, w->path, line,
		    "`%s` is out of range: %s, allowed %s to %s%s%s", s->name, is, least, most,
		    s->doc != NULL ? ": " : "", s->doc != NULL ? s->doc : "");
	}
	memcpy(stk_conf_slot(into, s), &v, sizeof(v));
	return STK_OK;
}

static enum stk_err put_string(
    struct stk_conf_walk *w, int line, const struct stk_setting *s, void *into, const char *text)
{
	size_t len = strlen(text), max = s->max > 0 ? (size_t)s->max : STRING_MAX;
	char **slot = stk_conf_slot(into, s);
	char *copy;

	if (len > max || (int64_t)len < s->min)
		return stk_conf_blame(w->e, w->path, line, "`%s` is %zu bytes, allowed %lld to %zu",
		    s->name, len, (long long)s->min, max);
	if ((copy = strdup(text)) == NULL)
		return STK_E_NOMEM;
	free(*slot);
	*slot = copy;
	return STK_OK;
}

static enum stk_err put_choice(
    struct stk_conf_walk *w, int line, const struct stk_setting *s, void *into, const char *text)
{
	char list[256] = "";

	for (int i = 0; s->choices[i] != NULL; i++) {
		size_t used = strlen(list);

		if (strcmp(text, s->choices[i]) == 0) {
			memcpy(stk_conf_slot(into, s), &i, sizeof(i));
			return STK_OK;
		}
		(void)snprintf(
		    list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", s->choices[i]);
	}
	return stk_conf_blame(
	    w->e, w->path, line, "`%s` cannot be \"%.64s\"; it is one of: %s", s->name, text, list);
}

static void strings_clear(struct stk_strings *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct stk_strings){ 0 };
}

enum stk_err stk_conf_strings_reserve(
    struct stk_conf_walk *w, int line, const struct stk_setting *s, struct stk_strings *l, size_t n)
{
	if (n > stk_conf_entries_max(s) || (int64_t)n < s->min)
		return stk_conf_blame(w->e, w->path, line,
		    "`%s` has %zu entries, allowed %lld to %zu", s->name, n, (long long)s->min,
		    stk_conf_entries_max(s));
	strings_clear(l);
	l->v = calloc(n + 1, sizeof(*l->v));
	return l->v != NULL ? STK_OK : STK_E_NOMEM;
}

static enum stk_err put_split(
    struct stk_conf_walk *w, const struct stk_setting *s, void *into, const char *text)
{
	struct stk_strings *l = stk_conf_slot(into, s);
	size_t n = *text != '\0';
	enum stk_err e;

	for (const char *p = text; *p != '\0'; p++)
		n += *p == ',';
	if ((e = stk_conf_strings_reserve(w, 0, s, l, n)) != STK_OK)
		return e;
	while (l->n < n) {
		size_t whole = strcspn(text, ","), blanks = strspn(text, " \t"), len;

		len = blanks < whole ? whole - blanks : 0;
		while (len > 0 && strchr(" \t", text[blanks + len - 1]) != NULL)
			len--;
		if (len == 0 || len > STRING_MAX)
			return stk_conf_blame(
			    w->e, w->path, 0, "`%s` has an empty or over-long entry", s->name);
		if ((l->v[l->n] = strndup(text + blanks, len)) == NULL)
			return STK_E_NOMEM;
		l->n++;
		text += whole + (text[whole] == ',');
	}
	return STK_OK;
}

static bool bool_of(const char *text, bool *out)
{
	bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;

	*out = yes;
	return yes || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

static bool quantity(enum stk_setting_type type, const char *text, int64_t *v)
{
	switch (type) {
	case STK_SET_COUNT: return stk_quantity_count(text, v);
	case STK_SET_DURATION_MS: return stk_quantity_duration_ms(text, v);
	case STK_SET_BYTES: return stk_quantity_bytes(text, v);
	case STK_SET_RATE: return stk_quantity_rate(text, v);
	case STK_SET_TIME: return stk_quantity_time(text, v);
	case STK_SET_BOOL:
	case STK_SET_STRING:
	case STK_SET_CHOICE:
	case STK_SET_STRINGS:
	case STK_SET_MAP:
	case STK_SET_GROUP:
	case STK_SET_LIST:
	case STK_SET_LINE: break;
	}
	return false;
}

enum stk_err stk_conf_put_text(
    struct stk_conf_walk *w, int line, const struct stk_setting *s, void *into, const char *text)
{
	int64_t v;

	switch (s->type) {
	case STK_SET_STRING: return put_string(w, line, s, into, text);
	case STK_SET_CHOICE: return put_choice(w, line, s, into, text);
	case STK_SET_STRINGS: return put_split(w, s, into, text);
	case STK_SET_BOOL:
		return bool_of(text, stk_conf_slot(into, s)) ? STK_OK
							     : stk_conf_mistyped(w, line, s);
	case STK_SET_COUNT:
	case STK_SET_DURATION_MS:
	case STK_SET_BYTES:
	case STK_SET_RATE:
	case STK_SET_TIME:
		if (!quantity(s->type, text, &v))
			return stk_conf_mistyped(w, line, s);
		return stk_conf_put_number(w, line, s, into, v);
	case STK_SET_MAP:
	case STK_SET_GROUP:
	case STK_SET_LIST:
	case STK_SET_LINE: break;
	}
	return stk_conf_blame(w->e, w->path, line, "`%s` can only be set in the file", s->name);
}

enum stk_err stk_conf_put_defaults(
    struct stk_conf_walk *w, const struct stk_setting *table, size_t n, void *into)
{
	enum stk_err e = STK_OK;

	for (size_t i = 0; i < n && e == STK_OK; i++) {
		if (table[i].type == STK_SET_GROUP)
			e = stk_conf_put_defaults(
			    w, table[i].sub, table[i].n_sub, stk_conf_slot(into, &table[i]));
		else if (table[i].def != NULL)
			e = stk_conf_put_text(w, 0, &table[i], into, table[i].def);
	}
	return e;
}

enum stk_err stk_conf_nomem(struct stk_conf_walk *w, enum stk_err e)
{
	if (e == STK_E_NOMEM)
		(void)stk_conf_blame(w->e, w->path, 0, "out of memory");
	return e;
}

enum stk_err stk_conf_defaults(
    const struct stk_setting *table, size_t n, void *into, struct stk_conf_error *error)
{
	struct stk_conf_walk w = { .path = "defaults", .e = error };
	enum stk_err e = stk_conf_nomem(&w, stk_conf_put_defaults(&w, table, n, into));

	if (e != STK_OK)
		stk_conf_clear(table, n, into);
	return e;
}

enum stk_err stk_conf_set(const struct stk_setting *table, size_t n, void *into, const char *name,
    const char *text, const char *where, struct stk_conf_error *error)
{
	struct stk_conf_walk w = { .path = where, .e = error };
	const char *dot = strchr(name, '.');
	char head[64];
	const struct stk_setting *s;

	(void)snprintf(head, sizeof(head), "%.*s", dot != NULL ? (int)(dot - name) : 63, name);
	s = stk_conf_find(table, n, head);
	if (s == NULL || (dot != NULL && s->type != STK_SET_GROUP))
		return stk_conf_unknown(&w, 0, table, n, head);
	if (dot != NULL)
		return stk_conf_set(
		    s->sub, s->n_sub, stk_conf_slot(into, s), dot + 1, text, where, error);
	return stk_conf_nomem(&w, stk_conf_put_text(&w, 0, s, into, text));
}

static void map_clear(struct stk_map *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].name);
		free(m->v[i].value);
	}
	free(m->v);
	*m = (struct stk_map){ 0 };
}

static void list_clear(const struct stk_setting *s, struct stk_conf_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		stk_conf_clear(s->sub, s->n_sub, (char *)l->items + i * s->item_size);
	free(l->items);
	*l = (struct stk_conf_list){ 0 };
}

void stk_conf_clear(const struct stk_setting *table, size_t n, void *into)
{
	for (size_t i = 0; i < n; i++) {
		void *slot = stk_conf_slot(into, &table[i]);

		switch (table[i].type) {
		case STK_SET_STRING:
			free(*(char **)slot);
			*(char **)slot = NULL;
			break;
		case STK_SET_STRINGS: strings_clear(slot); break;
		case STK_SET_MAP: map_clear(slot); break;
		case STK_SET_LIST: list_clear(&table[i], slot); break;
		case STK_SET_GROUP: stk_conf_clear(table[i].sub, table[i].n_sub, slot); break;
		case STK_SET_BOOL:
		case STK_SET_COUNT:
		case STK_SET_DURATION_MS:
		case STK_SET_BYTES:
		case STK_SET_RATE:
		case STK_SET_TIME:
		case STK_SET_CHOICE:
		case STK_SET_LINE: break;
		}
	}
}

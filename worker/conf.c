/*
 * conf.c - see conf.h. The only file that knows libconfig. Bytes go through the pre-scan
 * (confscan.c) first, because libconfig reads includes, ends at a NUL and decodes \x escapes
 * without asking.
 */
#include "worker/conf.h"

#include "worker/confscan.h"

#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STRING_MAX  4096 /* bytes of one string */
#define ENTRIES_MAX 1024 /* entries of one list */

/* What a walk needs besides the setting it stands on. */
struct walk {
	const char *path;
	struct stk_conf_error *e;
};

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

static void *at(void *into, const struct stk_setting *s)
{
	return (char *)into + s->offset;
}

static size_t entries_max(const struct stk_setting *s)
{
	return s->max > 0 ? (size_t)s->max : ENTRIES_MAX;
}

/* --- names ---------------------------------------------------------------------------------- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein distance; SIZE_MAX for names longer than any of ours. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], na = strlen(a), nb = strlen(b);

	if (na >= STK_ARRAY_LEN(row) || nb >= STK_ARRAY_LEN(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t above = row[j];

			row[j] =
			    least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[nb];
}

const char *stk_conf_nearest(const struct stk_setting *table, size_t n, const char *name)
{
	const char *best = NULL;
	size_t best_distance = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		size_t d;

		if (table[i].type == STK_SET_LINE)
			continue;
		d = distance(name, table[i].name);
		if (d < best_distance && d * 2 <= strlen(table[i].name)) {
			best = table[i].name;
			best_distance = d;
		}
	}
	return best;
}

static const struct stk_setting *find(const struct stk_setting *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].type != STK_SET_LINE && strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static enum stk_err unknown(
    struct walk *w, int line, const struct stk_setting *table, size_t n, const char *name)
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

static enum stk_err mistyped(struct walk *w, int line, const struct stk_setting *s)
{
	return stk_conf_blame(w->e, w->path, line, "`%s` wants %s%s%s", s->name, expected(s->type),
	    s->doc != NULL ? ": " : "", s->doc != NULL ? s->doc : "");
}

static enum stk_err put_number(
    struct walk *w, int line, const struct stk_setting *s, void *into, int64_t v)
{
	if (v < s->min || (s->max != 0 && v > s->max))
		return stk_conf_blame(w->e, w->path, line,
		    "`%s` is out of range: %lld, allowed %lld to %lld%s%s", s->name, (long long)v,
		    (long long)s->min, (long long)(s->max != 0 ? s->max : INT64_MAX),
		    s->doc != NULL ? ": " : "", s->doc != NULL ? s->doc : "");
	memcpy(at(into, s), &v, sizeof(v));
	return STK_OK;
}

static enum stk_err put_string(
    struct walk *w, int line, const struct stk_setting *s, void *into, const char *text)
{
	size_t len = strlen(text), max = s->max > 0 ? (size_t)s->max : STRING_MAX;
	char **slot = at(into, s);
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
    struct walk *w, int line, const struct stk_setting *s, void *into, const char *text)
{
	char list[256] = "";

	for (int i = 0; s->choices[i] != NULL; i++) {
		size_t used = strlen(list);

		if (strcmp(text, s->choices[i]) == 0) {
			memcpy(at(into, s), &i, sizeof(i));
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

static enum stk_err strings_reserve(
    struct walk *w, int line, const struct stk_setting *s, struct stk_strings *l, size_t n)
{
	if (n > entries_max(s) || (int64_t)n < s->min)
		return stk_conf_blame(w->e, w->path, line,
		    "`%s` has %zu entries, allowed %lld to %zu", s->name, n, (long long)s->min,
		    entries_max(s));
	strings_clear(l);
	l->v = calloc(n + 1, sizeof(*l->v));
	return l->v != NULL ? STK_OK : STK_E_NOMEM;
}

static enum stk_err put_split(
    struct walk *w, const struct stk_setting *s, void *into, const char *text)
{
	struct stk_strings *l = at(into, s);
	size_t n = *text != '\0';
	enum stk_err e;

	for (const char *p = text; *p != '\0'; p++)
		n += *p == ',';
	if ((e = strings_reserve(w, 0, s, l, n)) != STK_OK)
		return e;
	while (l->n < n) {
		size_t len = strcspn(text, ",");

		if (len == 0 || len > STRING_MAX)
			return stk_conf_blame(
			    w->e, w->path, 0, "`%s` has an empty or over-long entry", s->name);
		if ((l->v[l->n] = strndup(text, len)) == NULL)
			return STK_E_NOMEM;
		l->n++;
		text += len + (text[len] == ',');
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

static enum stk_err put_text(
    struct walk *w, int line, const struct stk_setting *s, void *into, const char *text)
{
	int64_t v;

	switch (s->type) {
	case STK_SET_STRING: return put_string(w, line, s, into, text);
	case STK_SET_CHOICE: return put_choice(w, line, s, into, text);
	case STK_SET_STRINGS: return put_split(w, s, into, text);
	case STK_SET_BOOL: return bool_of(text, at(into, s)) ? STK_OK : mistyped(w, line, s);
	case STK_SET_COUNT:
	case STK_SET_DURATION_MS:
	case STK_SET_BYTES:
	case STK_SET_RATE:
	case STK_SET_TIME:
		if (!quantity(s->type, text, &v))
			return mistyped(w, line, s);
		return put_number(w, line, s, into, v);
	case STK_SET_MAP:
	case STK_SET_GROUP:
	case STK_SET_LIST:
	case STK_SET_LINE: break;
	}
	return stk_conf_blame(w->e, w->path, line, "`%s` can only be set in the file", s->name);
}

static enum stk_err defaults(struct walk *w, const struct stk_setting *table, size_t n, void *into)
{
	enum stk_err e = STK_OK;

	for (size_t i = 0; i < n && e == STK_OK; i++) {
		if (table[i].type == STK_SET_GROUP)
			e = defaults(w, table[i].sub, table[i].n_sub, at(into, &table[i]));
		else if (table[i].def != NULL)
			e = put_text(w, 0, &table[i], into, table[i].def);
	}
	return e;
}

/* --- values from the parsed file ---------------------------------------------------------------
 */

static enum stk_err walk_group(struct walk *w, config_setting_t *g, const struct stk_setting *table,
    size_t n, void *into, const char *group_name);

static int line_of(const config_setting_t *c)
{
	return (int)config_setting_source_line(c);
}

static enum stk_err walk_strings(
    struct walk *w, config_setting_t *c, const struct stk_setting *s, void *into)
{
	struct stk_strings *l = at(into, s);
	int n = config_setting_length(c);
	enum stk_err e;

	if (!config_setting_is_array(c) && !config_setting_is_list(c))
		return mistyped(w, line_of(c), s);
	if ((e = strings_reserve(w, line_of(c), s, l, (size_t)n)) != STK_OK)
		return e;
	for (int i = 0; i < n; i++) {
		const char *text = config_setting_get_string_elem(c, i);

		if (text == NULL || strlen(text) > STRING_MAX)
			return mistyped(w, line_of(c), s);
		if ((l->v[i] = strdup(text)) == NULL)
			return STK_E_NOMEM;
		l->n++;
	}
	return STK_OK;
}

static enum stk_err walk_map(
    struct walk *w, config_setting_t *c, const struct stk_setting *s, void *into)
{
	struct stk_map *m = at(into, s);
	int n = config_setting_length(c);

	if (!config_setting_is_group(c))
		return mistyped(w, line_of(c), s);
	if ((size_t)n > entries_max(s))
		return stk_conf_blame(w->e, w->path, line_of(c), "`%s` has %d entries, at most %zu",
		    s->name, n, entries_max(s));
	if ((m->v = calloc((size_t)n + 1, sizeof(*m->v))) == NULL)
		return STK_E_NOMEM;
	for (int i = 0; i < n; i++) {
		config_setting_t *pair = config_setting_get_elem(c, (unsigned)i);
		const char *text = config_setting_get_string(pair);

		if (text == NULL || strlen(text) > STRING_MAX)
			return mistyped(w, line_of(pair), s);
		m->n++;
		m->v[i].name = strdup(config_setting_name(pair));
		m->v[i].value = strdup(text);
		if (m->v[i].name == NULL || m->v[i].value == NULL)
			return STK_E_NOMEM;
	}
	return STK_OK;
}

static enum stk_err walk_list(
    struct walk *w, config_setting_t *c, const struct stk_setting *s, void *into)
{
	struct stk_conf_list *l = at(into, s);
	int n = config_setting_length(c);
	enum stk_err e = STK_OK;

	if (!config_setting_is_list(c))
		return mistyped(w, line_of(c), s);
	if ((size_t)n > entries_max(s) || n < s->min)
		return stk_conf_blame(w->e, w->path, line_of(c),
		    "`%s` has %d entries, allowed %lld to %zu", s->name, n, (long long)s->min,
		    entries_max(s));
	if ((l->items = calloc((size_t)n + 1, s->item_size)) == NULL)
		return STK_E_NOMEM;
	for (int i = 0; i < n && e == STK_OK; i++) {
		config_setting_t *item = config_setting_get_elem(c, (unsigned)i);

		if (!config_setting_is_group(item))
			return mistyped(w, line_of(c), s);
		l->n++;
		e = walk_group(w, item, s->sub, s->n_sub,
		    (char *)l->items + (size_t)i * s->item_size, s->name);
	}
	return e;
}

static enum stk_err walk_one(
    struct walk *w, config_setting_t *c, const struct stk_setting *s, void *into)
{
	const char *text = config_setting_get_string(c);
	int type = config_setting_type(c);
	bool yes;

	switch (s->type) {
	case STK_SET_BOOL:
		if (type != CONFIG_TYPE_BOOL)
			return mistyped(w, line_of(c), s);
		yes = config_setting_get_bool(c) == CONFIG_TRUE;
		memcpy(at(into, s), &yes, sizeof(yes));
		return STK_OK;
	case STK_SET_COUNT:
		if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
			return mistyped(w, line_of(c), s);
		return put_number(w, line_of(c), s, into, config_setting_get_int64(c));
	case STK_SET_STRINGS: return walk_strings(w, c, s, into);
	case STK_SET_MAP: return walk_map(w, c, s, into);
	case STK_SET_LIST: return walk_list(w, c, s, into);
	case STK_SET_GROUP:
		if (!config_setting_is_group(c))
			return mistyped(w, line_of(c), s);
		return walk_group(w, c, s->sub, s->n_sub, at(into, s), s->name);
	case STK_SET_DURATION_MS:
	case STK_SET_BYTES:
	case STK_SET_RATE:
	case STK_SET_TIME:
	case STK_SET_STRING:
	case STK_SET_CHOICE:
		return text != NULL ? put_text(w, line_of(c), s, into, text)
				    : mistyped(w, line_of(c), s);
	case STK_SET_LINE: break;
	}
	return mistyped(w, line_of(c), s);
}

/* Every member of @g must be in the table; then every required entry of the table in @g. */
static enum stk_err walk_group(struct walk *w, config_setting_t *g, const struct stk_setting *table,
    size_t n, void *into, const char *group_name)
{
	enum stk_err e = defaults(w, table, n, into);
	int line = line_of(g);

	for (int i = 0; e == STK_OK && i < config_setting_length(g); i++) {
		config_setting_t *c = config_setting_get_elem(g, (unsigned)i);
		const struct stk_setting *s = find(table, n, config_setting_name(c));

		e = s != NULL ? walk_one(w, c, s, into)
			      : unknown(w, line_of(c), table, n, config_setting_name(c));
	}
	for (size_t i = 0; e == STK_OK && i < n; i++) {
		if (table[i].type == STK_SET_LINE)
			memcpy(at(into, &table[i]), &line, sizeof(line));
		else if (table[i].required && config_setting_get_member(g, table[i].name) == NULL)
			e = stk_conf_blame(w->e, w->path, line, "`%s` is missing%s%s%s%s%s",
			    table[i].name, group_name != NULL ? " in `" : "",
			    group_name != NULL ? group_name : "", group_name != NULL ? "`" : "",
			    table[i].doc != NULL ? ": " : "",
			    table[i].doc != NULL ? table[i].doc : "");
	}
	return e;
}

/* --- the file --------------------------------------------------------------------------------- */

/* What libconfig says when a name stands twice is only "duplicate setting name"; say which. */
static enum stk_err blame_parser(struct walk *w, const config_t *c, const uint8_t *bytes)
{
	const char *line = (const char *)bytes;
	char name[64] = "";

	for (int i = 1; line != NULL && i < config_error_line(c); i++)
		line = (line = strchr(line, '\n')) != NULL ? line + 1 : NULL;
	if (line == NULL || strstr(config_error_text(c), "duplicate") == NULL ||
	    sscanf(line, " %63[A-Za-z0-9_*-]", name) != 1)
		return stk_conf_blame(
		    w->e, w->path, config_error_line(c), "%s near here", config_error_text(c));
	return stk_conf_blame(
	    w->e, w->path, config_error_line(c), "duplicate setting on this line (`%s`)", name);
}

static enum stk_err nomem(struct walk *w, enum stk_err e)
{
	if (e == STK_E_NOMEM)
		(void)stk_conf_blame(w->e, w->path, 0, "out of memory");
	return e;
}

enum stk_err stk_conf_parse(const char *path, const uint8_t *bytes, size_t len,
    const struct stk_setting *table, size_t n, void *into, struct stk_conf_error *error)
{
	struct walk w = { .path = path, .e = error };
	config_t c;
	const char *why;
	int line;
	enum stk_err e;

	if (!stk_conf_prescan(bytes, len, &line, &why))
		return stk_conf_blame(error, path, line, "%s", why);
	config_init(&c);
	if (config_read_string(&c, (const char *)bytes) != CONFIG_TRUE)
		e = blame_parser(&w, &c, bytes);
	else
		e = nomem(&w, walk_group(&w, config_root_setting(&c), table, n, into, NULL));
	config_destroy(&c);
	if (e != STK_OK)
		stk_conf_clear(table, n, into);
	return e;
}

enum stk_err stk_conf_read(
    const char *path, uint8_t **bytes, size_t *len, struct stk_conf_error *error)
{
	/* O_NONBLOCK: a FIFO in the file's place must not hold the start */
	STK_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	enum stk_err e;

	*bytes = NULL;
	*len = 0;
	if (fd == -1 || fstat(fd, &st) == -1) {
		(void)stk_conf_blame(error, path, 0, "cannot be opened: %s", strerror(errno));
		return STK_E_SYSTEM;
	}
	if (!S_ISREG(st.st_mode))
		return stk_conf_blame(error, path, 0, "is not a regular file");
	e = stk_read_all(fd, STK_CONF_FILE_MAX, bytes, len);
	if (e != STK_OK)
		(void)stk_conf_blame(error, path, 0, "cannot be read: %s", stk_strerror(e));
	return e;
}

enum stk_err stk_conf_load(const char *path, const struct stk_setting *table, size_t n, void *into,
    struct stk_conf_error *error)
{
	STK_AUTO_FREE uint8_t *bytes = NULL;
	size_t len;
	enum stk_err e = stk_conf_read(path, &bytes, &len, error);

	return e != STK_OK ? e : stk_conf_parse(path, bytes, len, table, n, into, error);
}

enum stk_err stk_conf_defaults(
    const struct stk_setting *table, size_t n, void *into, struct stk_conf_error *error)
{
	struct walk w = { .path = "defaults", .e = error };
	enum stk_err e = nomem(&w, defaults(&w, table, n, into));

	if (e != STK_OK)
		stk_conf_clear(table, n, into);
	return e;
}

enum stk_err stk_conf_set(const struct stk_setting *table, size_t n, void *into, const char *name,
    const char *text, const char *where, struct stk_conf_error *error)
{
	struct walk w = { .path = where, .e = error };
	const char *dot = strchr(name, '.');
	char head[64];
	const struct stk_setting *s;

	(void)snprintf(head, sizeof(head), "%.*s", dot != NULL ? (int)(dot - name) : 63, name);
	s = find(table, n, head);
	if (s == NULL || (dot != NULL && s->type != STK_SET_GROUP))
		return unknown(&w, 0, table, n, head);
	if (dot != NULL)
		return stk_conf_set(s->sub, s->n_sub, at(into, s), dot + 1, text, where, error);
	return nomem(&w, put_text(&w, 0, s, into, text));
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
		void *slot = at(into, &table[i]);

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

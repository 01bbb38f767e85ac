/*
 * conf.c - see conf.h. The only file that knows libconfig. Bytes go through the pre-scan
 * (confscan.c) first, because libconfig reads includes, ends at a NUL and decodes \x escapes
 * without asking.
 */
#include "worker/conf_text.h"
#include "worker/confscan.h"

#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STRING_MAX STK_CONF_STRING_MAX

/* --- values from the parsed file ---------------------------------------------------------------
 */

static enum stk_err walk_group(struct stk_conf_walk *w, config_setting_t *g,
    const struct stk_setting *table, size_t n, void *into, const char *group_name);

static int line_of(const config_setting_t *c)
{
	return (int)config_setting_source_line(c);
}

static enum stk_err walk_strings(
    struct stk_conf_walk *w, config_setting_t *c, const struct stk_setting *s, void *into)
{
	struct stk_strings *l = stk_conf_slot(into, s);
	int n = config_setting_length(c);
	enum stk_err e;

	if (!config_setting_is_array(c) && !config_setting_is_list(c))
		return stk_conf_mistyped(w, line_of(c), s);
	if ((e = stk_conf_strings_reserve(w, line_of(c), s, l, (size_t)n)) != STK_OK)
		return e;
	for (int i = 0; i < n; i++) {
		const char *text = config_setting_get_string_elem(c, i);

		if (text == NULL || strlen(text) > STRING_MAX)
			return stk_conf_mistyped(w, line_of(c), s);
		if ((l->v[i] = strdup(text)) == NULL)
			return STK_E_NOMEM;
		l->n++;
	}
	return STK_OK;
}

static enum stk_err walk_map(
    struct stk_conf_walk *w, config_setting_t *c, const struct stk_setting *s, void *into)
{
	struct stk_map *m = stk_conf_slot(into, s);
	int n = config_setting_length(c);

	if (!config_setting_is_group(c))
		return stk_conf_mistyped(w, line_of(c), s);
	if ((size_t)n > stk_conf_entries_max(s))
		return stk_conf_blame(w->e, w->path, line_of(c), "`%s` has %d entries, at most %zu",
		    s->name, n, stk_conf_entries_max(s));
	if ((m->v = calloc((size_t)n + 1, sizeof(*m->v))) == NULL)
		return STK_E_NOMEM;
	for (int i = 0; i < n; i++) {
		config_setting_t *pair = config_setting_get_elem(c, (unsigned)i);
		const char *text = config_setting_get_string(pair);

		if (text == NULL || strlen(text) > STRING_MAX)
			return stk_conf_mistyped(w, line_of(pair), s);
		m->n++;
		m->v[i].name = strdup(config_setting_name(pair));
		m->v[i].value = strdup(text);
		if (m->v[i].name == NULL || m->v[i].value == NULL)
			return STK_E_NOMEM;
	}
	return STK_OK;
}

static enum stk_err walk_list(
    struct stk_conf_walk *w, config_setting_t *c, const struct stk_setting *s, void *into)
{
	struct stk_conf_list *l = stk_conf_slot(into, s);
	int n = config_setting_length(c);
	enum stk_err e = STK_OK;

	if (!config_setting_is_list(c))
		return stk_conf_mistyped(w, line_of(c), s);
	if ((size_t)n > stk_conf_entries_max(s) || n < s->min)
		return stk_conf_blame(w->e, w->path, line_of(c),
		    "`%s` has %d entries, allowed %lld to %zu", s->name, n, (long long)s->min,
		    stk_conf_entries_max(s));
	if ((l->items = calloc((size_t)n + 1, s->item_size)) == NULL)
		return STK_E_NOMEM;
	for (int i = 0; i < n && e == STK_OK; i++) {
		config_setting_t *item = config_setting_get_elem(c, (unsigned)i);

		if (!config_setting_is_group(item))
			return stk_conf_mistyped(w, line_of(c), s);
		l->n++;
		e = walk_group(w, item, s->sub, s->n_sub,
		    (char *)l->items + (size_t)i * s->item_size, s->name);
	}
	return e;
}

static enum stk_err walk_one(
    struct stk_conf_walk *w, config_setting_t *c, const struct stk_setting *s, void *into)
{
	const char *text = config_setting_get_string(c);
	int type = config_setting_type(c);
	bool yes;

	switch (s->type) {
	case STK_SET_BOOL:
		if (type != CONFIG_TYPE_BOOL)
			return stk_conf_mistyped(w, line_of(c), s);
		yes = config_setting_get_bool(c) == CONFIG_TRUE;
		memcpy(stk_conf_slot(into, s), &yes, sizeof(yes));
		return STK_OK;
	case STK_SET_COUNT:
		if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
			return stk_conf_mistyped(w, line_of(c), s);
		return stk_conf_put_number(w, line_of(c), s, into, config_setting_get_int64(c));
	case STK_SET_STRINGS: return walk_strings(w, c, s, into);
	case STK_SET_MAP: return walk_map(w, c, s, into);
	case STK_SET_LIST: return walk_list(w, c, s, into);
	case STK_SET_GROUP:
		if (!config_setting_is_group(c))
			return stk_conf_mistyped(w, line_of(c), s);
		return walk_group(w, c, s->sub, s->n_sub, stk_conf_slot(into, s), s->name);
	case STK_SET_DURATION_MS:
	case STK_SET_BYTES:
	case STK_SET_RATE:
	case STK_SET_TIME:
	case STK_SET_STRING:
	case STK_SET_CHOICE:
		return text != NULL ? stk_conf_put_text(w, line_of(c), s, into, text)
				    : stk_conf_mistyped(w, line_of(c), s);
	case STK_SET_LINE: break;
	}
	return stk_conf_mistyped(w, line_of(c), s);
}

/* Every member of @g must be in the table; then every required entry of the table in @g. */
static enum stk_err walk_group(struct stk_conf_walk *w, config_setting_t *g,
    const struct stk_setting *table, size_t n, void *into, const char *group_name)
{
	enum stk_err e = stk_conf_put_defaults(w, table, n, into);
	int line = line_of(g);

	for (int i = 0; e == STK_OK && i < config_setting_length(g); i++) {
		config_setting_t *c = config_setting_get_elem(g, (unsigned)i);
		const struct stk_setting *s = stk_conf_find(table, n, config_setting_name(c));

		e = s != NULL ? walk_one(w, c, s, into)
			      : stk_conf_unknown(w, line_of(c), table, n, config_setting_name(c));
	}
	for (size_t i = 0; e == STK_OK && i < n; i++) {
		if (table[i].type == STK_SET_LINE)
			memcpy(stk_conf_slot(into, &table[i]), &line, sizeof(line));
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
static enum stk_err blame_parser(struct stk_conf_walk *w, const config_t *c, const uint8_t *bytes)
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

enum stk_err stk_conf_parse(const char *path, const uint8_t *bytes, size_t len,
    const struct stk_setting *table, size_t n, void *into, struct stk_conf_error *error)
{
	struct stk_conf_walk w = { .path = path, .e = error };
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
		e = stk_conf_nomem(
		    &w, walk_group(&w, config_root_setting(&c), table, n, into, NULL));
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
	if ((st.st_mode & S_IWOTH) != 0)
		return stk_conf_blame(error, path, 0, "can be written by everybody; chmod o-w it");
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

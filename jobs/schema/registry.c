/*
 * registry.c - see registry.h: every line of the whitelist read as an author means it, and every
 * mistake named with its line. registry_words.c knows the words.
 */
#include "jobs/schema/registry.h"

#include "jobs/schema/registry_words.h"
#include "jobs/schema/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES_BYTES (4u << 20)

struct line {
	const char *file, *function, *schema, *name, *words;
	int number;
	json_t *json; /* owned; the texts are its */
};

struct registry {
	struct line *lines;
	uint32_t n;
	const char *symbols; /* or NULL */
	FILE *out;
	bool beyond;
	int bad;
};

STK_PRINTF(3, 4)
static void complain(struct registry *r, const struct line *l, const char *fmt, ...)
{
	va_list ap;

	r->bad = 1;
	stk_registry_print(r->out, "%s:%d: error: class \"%s\": ", l->file, l->number, l->name);
	va_start(ap, fmt);
	(void)vfprintf(r->out, fmt, ap);
	va_end(ap);
	stk_registry_print(r->out, "\n");
}

/* --- one line --------------------------------------------------------------------------------- */

static void check_schema(struct registry *r, const struct line *l)
{
	size_t len = strlen(l->schema);
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s", l->schema);
	if (len > 0 && l->schema[len - 1] == '/')
		(void)snprintf(path, sizeof(path), "%s%s.schema.json", l->schema, l->function);
	if (access(path, R_OK) == -1)
		complain(r, l, "its schema %s is missing: %s", path, strerror(errno));
}

/* Does a line of nm (address, kind, name) end in @kind and @name? */
static bool defined(const char *symbols, const char *kind, const char *name)
{
	char want[STK_SCHEMA_NAME + 32];
	size_t len = (size_t)snprintf(want, sizeof(want), "%s%s", kind, name);
	const char *at = symbols;

	while ((at = strstr(at, want)) != NULL) {
		if (len < sizeof(want) && (at[len] == '\n' || at[len] == '\0'))
			return true;
		at++;
	}
	return false;
}

/* A binding written by hand, as those of tests are, stands for its handler. */
static void check_handler(struct registry *r, const struct line *l)
{
	if (r->symbols != NULL && !defined(r->symbols, " T ", l->function) &&
	    !defined(r->symbols, " stockade_binding_", l->function))
		complain(r, l, "no handler: no file defines the function %s", l->function);
}

static void check_name(struct registry *r, const struct line *l)
{
	size_t len = strlen(l->name);

	if (len == 0 || len > STK_NAME_MAX)
		complain(r, l, "class names have 1 to %d bytes", STK_NAME_MAX);
	if (strspn(l->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:") !=
		len ||
	    l->name[0] == ':' || (l->name[0] >= '0' && l->name[0] <= '9'))
		complain(r, l,
		    "class names are of letters, digits, _ and :, and begin with a letter or _");
}

static void check_line(struct registry *r, uint32_t at)
{
	const struct line *l = &r->lines[at];
	struct stk_words words;
	char wrong[256];

	for (uint32_t i = 0; i < at; i++) {
		const struct line *other = &r->lines[i];

		if (strcmp(other->name, l->name) == 0)
			complain(
			    r, l, "stands twice; the other is %s:%d", other->file, other->number);
		if (strcmp(other->function, l->function) == 0)
			complain(r, l, "its function %s is that of class \"%s\" at %s:%d",
			    l->function, other->name, other->file, other->number);
	}
	check_name(r, l);
	if (stk_words_parse(l->words, r->beyond, &words, wrong, sizeof(wrong)) == -1 ||
	    stk_words_agree(&words, wrong, sizeof(wrong)) == -1)
		complain(r, l, "%s", wrong);
	check_schema(r, l);
	check_handler(r, l);
}

/* --- all -------------------------------------------------------------------------------------- */

static bool add_line(struct registry *r, const char *text, size_t len)
{
	struct line l = { .json = json_loadb(text, len, 0, NULL) };
	json_int_t number;

	if (l.json == NULL || json_unpack(l.json, "[s,I,s,s,s,s]", &l.file, &number, &l.function,
				  &l.schema, &l.name, &l.words) == -1) {
		json_decref(l.json);
		return false;
	}
	l.number = (int)number;
	if (strncmp(l.file, "./", 2) == 0)
		l.file += 2;
	r->lines = stk_grow(r->lines, r->n, sizeof(*r->lines));
	r->lines[r->n++] = l;
	return true;
}

/* What the preprocessor left besides our lines is a registry that is not one. */
static void no_line(struct registry *r, const char *text, size_t len)
{
	char file[256];
	int number;

	r->bad = 1;
	if (sscanf(text, "@ [ \"%255[^\"]\", %d,", file, &number) == 2)
		stk_registry_print(r->out,
		    "%s:%d: error: this is no JOB(function, \"Class\", ...)\n", file, number);
	else
		stk_registry_print(r->out,
		    "registry: error: this is no JOB(function, \"Class\", ...): %.*s\n",
		    (int)(len < 120 ? len : 120), text);
}

static void read_lines(struct registry *r, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		size_t blank = strspn(text, " \t");

		if (text[0] == '@' ? !add_line(r, text + 1, len - 1)
				   : len > 0 && blank < len && text[0] != '#')
			no_line(r, text, len);
		text += len + (text[len] == '\n');
	}
}

static uint8_t *load(const char *path, FILE *out)
{
	STK_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *text = NULL;
	size_t len;

	if (fd == -1 || stk_read_all(fd, LINES_BYTES, &text, &len) != STK_OK)
		stk_registry_print(out, "%s: error: %s\n", path, strerror(errno));
	return text;
}

int stk_registry_check(const char *lines, const char *symbols, bool beyond, FILE *out)
{
	STK_AUTO_FREE uint8_t *text = load(lines, out),
			      *nm = symbols == NULL ? NULL : load(symbols, out);
	struct registry r = { .out = out, .beyond = beyond, .symbols = (const char *)nm };

	if (text == NULL || (symbols != NULL && nm == NULL))
		return 1;
	read_lines(&r, (const char *)text);
	for (uint32_t i = 0; i < r.n; i++)
		check_line(&r, i);
	if (r.n == 0 || r.n > STK_CLASSES_MAX) {
		stk_registry_print(out,
		    "registry: error: it has %u classes; 1 to %d may stand in it\n", r.n,
		    STK_CLASSES_MAX);
		r.bad = 1;
	}
	for (uint32_t i = 0; i < r.n; i++)
		json_decref(r.lines[i].json);
	free(r.lines);
	return r.bad;
}

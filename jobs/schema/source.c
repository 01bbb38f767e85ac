/*
 * source.c - schema text to a tree, and from a JSON pointer back to a line of the text.
 */
#include "jobs/schema/emit.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int stk_schema_wrong(struct stk_schema_fault *f, const char *pointer, const char *fmt, ...)
{
	va_list ap;

	if (f->text[0] != '\0')
		return -1;
	(void)snprintf(f->pointer, sizeof(f->pointer), "%s", pointer);
	va_start(ap, fmt);
	(void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return -1;
}

/* --- words for people ---------------------------------------------------------------------------
 */

size_t stk_obeyed(const char *s)
{
	const unsigned char *c = (const unsigned char *)s;

	if (c[0] < 0x20 || c[0] == 0x7f)
		return c[0] != '\0';
	if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
		return 2;
	/* U+2028 to U+202E, U+2066 to U+2069 */
	if (c[0] == 0xe2 && ((c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae) ||
				(c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9)))
		return 3;
	return 0;
}

void stk_put_plain(FILE *out, const char *s)
{
	for (size_t n; *s != '\0'; s += n == 0 ? 1 : n) {
		unsigned char last;

		n = stk_obeyed(s);
		last = (unsigned char)s[n == 0 ? 0 : n - 1];
		if (n == 0)
			stk_put(out, "%c", *s);
		else if (n == 3)
			stk_put(out, "\\u20%02x", s[1] == '\x80' ? last - 0x80u : last - 0x40u);
		else
			stk_put(out, "\\u00%02x", last);
	}
}

void stk_schema_put_fault(FILE *out, const char *path, const struct stk_schema_fault *f)
{
	stk_put(out, "%s%s%d:%d: error: ", path, path[0] == '\0' ? "" : ":", f->line, f->column);
	stk_put_plain(out, f->pointer);
	stk_put(out, f->pointer[0] == '\0' ? "" : ": ");
	stk_put_plain(out, f->text);
	stk_put(out, "\n");
}

/* --- pointers --------------------------------------------------------------------------------- */

char *stk_pointer_add(const char *pointer, const char *token)
{
	size_t n = strlen(pointer);
	char *out = malloc(n + 2 * strlen(token) + 2);

	if (out == NULL)
		abort();
	memcpy(out, pointer, n);
	out[n++] = '/';
	for (; *token != '\0'; token++) {
		out[n++] = (char)(*token == '/' ? '~' : *token);
		if (*token == '/' || *token == '~')
			out[n++] = (char)(*token == '/' ? '1' : '0');
	}
	out[n] = '\0';
	return out;
}

char *stk_pointer_index(const char *pointer, size_t i)
{
	char number[24];

	(void)snprintf(number, sizeof(number), "%zu", i);
	return stk_pointer_add(pointer, number);
}

/* --- text ------------------------------------------------------------------------------------- */

/* Brackets outside strings; in JSON these are its depth. */
static bool too_deep(const char *text, size_t len)
{
	size_t depth = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"') {
			for (i++; i < len && text[i] != '"'; i++)
				i += text[i] == '\\';
		} else if (text[i] == '[' || text[i] == '{') {
			if (++depth > STK_SCHEMA_DEPTH)
				return true;
		} else if (text[i] == ']' || text[i] == '}') {
			depth -= depth > 0;
		}
	}
	return false;
}

int stk_source_parse(const char *text, size_t len, json_t **root, struct stk_schema_fault *f)
{
	json_error_t error;

	*root = NULL;
	if (len > STK_SCHEMA_BYTES)
		return stk_schema_wrong(f, "", "the file is larger than 1 MiB");
	if (too_deep(text, len))
		return stk_schema_wrong(f, "", "nested deeper than %d levels", STK_SCHEMA_DEPTH);
	*root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (*root != NULL)
		return 0;
	f->line = error.line;
	f->column = error.column;
	return stk_schema_wrong(f, "", "is not JSON: %s", error.text);
}

/* --- from a pointer to a line ------------------------------------------------------------------
 */

struct reader {
	const char *p, *end;
};

static void blanks(struct reader *r)
{
	while (r->p < r->end && strchr(" \t\r\n,:", *r->p) != NULL && *r->p != '\0')
		r->p++;
}

static void skip_string(struct reader *r)
{
	for (r->p++; r->p < r->end && *r->p != '"'; r->p++)
		if (*r->p == '\\')
			r->p++;
	if (r->p < r->end)
		r->p++;
	if (r->p > r->end)
		r->p = r->end;
}

static void skip_value(struct reader *r)
{
	size_t depth = 0;

	do {
		blanks(r);
		if (r->p >= r->end)
			return;
		if (*r->p == '"') {
			skip_string(r);
			continue;
		}
		if (*r->p == '[' || *r->p == '{') {
			depth++;
			r->p++;
		} else if (*r->p == ']' || *r->p == '}') {
			depth -= depth > 0;
			r->p++;
		} else {
			while (r->p < r->end && strchr(" \t\r\n,:]}", *r->p) == NULL)
				r->p++;
		}
	} while (depth > 0);
}

/* Is the string at @from, spelled as JSON, the pointer token @want of @len bytes? */
static bool is_token(const char *from, const char *to, const char *want, size_t len)
{
	json_t *key = json_loadb(from, (size_t)(to - from), JSON_DECODE_ANY, NULL);
	char *token = key == NULL ? NULL : stk_pointer_add("", json_string_value(key));
	bool same = token != NULL && strlen(token + 1) == len && memcmp(token + 1, want, len) == 0;

	free(token);
	json_decref(key);
	return same;
}

/* Moves to the member or item that the token names; false if it is not there. */
static bool enter(struct reader *r, const char *token, size_t len, const char **mark)
{
	bool object = r->p < r->end && *r->p == '{';
	unsigned long index = strtoul(token, NULL, 10);

	if (r->p >= r->end || (*r->p != '{' && *r->p != '['))
		return false;
	r->p++;
	for (unsigned long i = 0;; i++) {
		const char *from;
		bool here = i == index;

		blanks(r);
		if (r->p >= r->end || *r->p == '}' || *r->p == ']')
			return false;
		from = r->p;
		if (object) {
			if (*r->p != '"')
				return false;
			skip_string(r);
			here = is_token(from, r->p, token, len);
			blanks(r);
		}
		if (here) {
			*mark = from;
			return true;
		}
		skip_value(r);
	}
}

void stk_source_locate(const char *text, size_t len, struct stk_schema_fault *f)
{
	struct reader r = { text, text + len };
	const char *token = f->pointer, *mark;

	if (f->line != 0)
		return;
	blanks(&r);
	mark = r.p;
	while (*token == '/') {
		size_t n = strcspn(++token, "/");

		blanks(&r);
		if (!enter(&r, token, n, &mark))
			break;
		token += n;
	}
	f->line = 1;
	f->column = 1;
	for (const char *p = text; p < mark; p++) {
		f->column++;
		if (*p == '\n') {
			f->line++;
			f->column = 1;
		}
	}
}

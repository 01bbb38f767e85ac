/*
 * docs.c - a plan as people read it: each argument with its type, its limits in words and what it
 * is for; as text for a terminal or as Markdown.
 */
#include "jobs/schema/emit.h"
#include "jobs/schema/role.h"

#include <stdlib.h>
#include <string.h>

/* Before and after the keyword's value; NULL after: the value is not shown. */
static const struct {
	const char *keyword, *before, *after;
} words[] = {
	{ "format", "format ", "" },
	{ "const", "always ", "" },
	{ "enum", "one of ", "" },
	{ "minLength", "at least ", " characters" },
	{ "maxLength", "at most ", " characters" },
	{ "pattern", "matching ", "" },
	{ "minimum", "at least ", "" },
	{ "exclusiveMinimum", "more than ", "" },
	{ "maximum", "at most ", "" },
	{ "exclusiveMaximum", "less than ", "" },
	{ "multipleOf", "a multiple of ", "" },
	{ "minItems", "at least ", " items" },
	{ "maxItems", "at most ", " items" },
	{ "uniqueItems", "all different", NULL },
	{ "minProperties", "at least ", " keys" },
	{ "maxProperties", "at most ", " keys" },
	{ "default", "by convention ", " if left out" },
	{ "$ref", "and as ", "" },
	{ "allOf", "and more: see the schema", NULL },
	{ "anyOf", "one of several forms: see the schema", NULL },
	{ "oneOf", "one of several forms: see the schema", NULL },
	{ "if", "and more: see the schema", NULL },
	{ "not", "and more: see the schema", NULL },
};

/* Controls become blanks; in a Markdown table a bar would end the cell. */
static void put_text(FILE *out, const char *s, bool markdown)
{
	for (size_t n; *s != '\0'; s += n == 0 ? 1 : n) {
		n = stk_obeyed(s);
		stk_put(out, "%s%c", markdown && *s == '|' ? "\\" : "", n > 0 ? ' ' : *s);
	}
}

static void put_value(FILE *out, const json_t *v, bool markdown)
{
	char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY);

	put_text(out,
	    text != NULL        ? text
	    : json_is_string(v) ? json_string_value(v)
				: "",
	    markdown);
	free(text);
}

static const char *kind(const struct stk_member *m)
{
	const json_t *type = json_object_get(m->schema, "type");

	if (m->rest)
		return "any number of";
	return json_is_string(type) ? json_string_value(type) : NULL;
}

static void put_type(FILE *out, const struct stk_member *m, bool markdown)
{
	const json_t *type = json_object_get(m->schema, "type");
	const json_t *items = json_object_get(json_object_get(m->schema, "items"), "type");

	if (kind(m) != NULL)
		stk_put(out, "%s%s%s", kind(m), m->rest && json_is_string(type) ? " " : "",
		    m->rest && json_is_string(type) ? json_string_value(type) : "");
	else if (type != NULL)
		put_value(out, type, markdown);
	else
		stk_put(out, m->values != NULL ? "string" : "any value");
	if (json_is_string(items))
		stk_put(out, " of %s", json_string_value(items));
	stk_put(out, m->rest ? "" : m->optional ? ", optional" : ", required");
}

static void put_limits(FILE *out, const json_t *schema, const char *between, bool markdown)
{
	bool first = true;

	for (size_t i = 0; i < STK_ARRAY_LEN(words); i++) {
		const json_t *v = json_object_get(schema, words[i].keyword);

		if (v == NULL || json_is_false(v))
			continue;
		stk_put(out, "%s%s", first ? between : ", ", words[i].before);
		if (words[i].after != NULL) {
			put_value(out, v, markdown);
			stk_put(out, "%s", words[i].after);
		}
		first = false;
	}
}

static void put_row(FILE *out, const struct stk_member *m, const char *about)
{
	if (m->key == NULL) {
		stk_put(out, "| %u%s ", m->index + 1, m->rest ? "…" : "");
	} else {
		stk_put(out, "| `");
		put_text(out, m->key, true);
		stk_put(out, "` ");
	}
	stk_put(out, "| `%s` | ", m->name);
	put_type(out, m, true);
	stk_put(out, " | ");
	put_limits(out, m->schema, "", true);
	stk_put(out, " | ");
	put_text(out, about, true);
	stk_put(out, " |\n");
}

static void put_entry(FILE *out, const struct stk_member *m, const char *about)
{
	stk_put(out, "  ");
	if (m->key == NULL)
		stk_put(out, "%u%s. %s", m->index + 1, m->rest ? "..." : "", m->name);
	else
		put_text(out, m->key, false);
	stk_put(out, ": ");
	put_type(out, m, false);
	put_limits(out, m->schema, ", ", false);
	stk_put(out, "\n");
	if (*about == '\0')
		return;
	stk_put(out, "     ");
	put_text(out, about, false);
	stk_put(out, "\n");
}

void stk_docs(FILE *out, const char *class_name, const struct stk_plan *plan, bool markdown)
{
	const char *about = json_string_value(json_object_get(plan->root, "description"));

	stk_put(out, markdown ? "## %s\n\n" : "%s\n", class_name);
	if (about != NULL) {
		stk_put(out, markdown ? "" : "  ");
		put_text(out, about, false);
		stk_put(out, markdown ? "\n\n" : "\n");
	}
	if (plan->object)
		stk_put(out, "%sOne argument, an object with these keys:%s", markdown ? "" : "  ",
		    markdown ? "\n\n" : "\n");
	if (plan->n == 0)
		stk_put(out, "%s",
		    markdown ? "No argument has a name; see the schema.\n"
			     : "  no argument has a name; see the schema\n");
	else if (markdown)
		stk_put(out,
		    "| argument | name | type | limits | what it is |\n|---|---|---|---|---|\n");
	for (uint32_t i = 0; i < plan->n; i++) {
		const char *what =
		    json_string_value(json_object_get(plan->members[i].schema, "description"));

		(markdown ? put_row : put_entry)(out, &plan->members[i], what == NULL ? "" : what);
	}
	stk_put(out, "\n");
}

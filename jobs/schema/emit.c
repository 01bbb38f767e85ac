/*
 * emit.c - the plan and the program as C text: a header for the handler, and a source file of const
 * tables with the binding. No control flow is generated.
 */
#include "jobs/schema/emit.h"

#include "jobs/cage/bind.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void stk_put(FILE *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(out, fmt, ap);
	va_end(ap);
}

/* A description inside a comment: one line, no end of the comment in it. */
static void put_comment(FILE *out, const char *s, size_t most)
{
	for (size_t i = 0; s[i] != '\0'; i++) {
		unsigned char c = (unsigned char)s[i];

		if (i >= most && (c & 0xc0) != 0x80) {
			stk_put(out, "...");
			return;
		}
		if (stk_obeyed(s + i) > 0) {
			i += stk_obeyed(s + i) - 1;
			c = ' ';
		}
		/* neither the end of a comment nor what looks like another begin */
		stk_put(out, "%c%s", c,
		    (c == '*' && s[i + 1] == '/') || (c == '/' && s[i + 1] == '*') ? " " : "");
	}
}

static const char *text_of(const json_t *node, const char *key, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(node, key));

	return s == NULL ? otherwise : s;
}

/* --- the header ------------------------------------------------------------------------------- */

static const struct {
	const char *type; /* of the member, with its blank */
	bool has;         /* an optional one has a has_ beside it */
} kinds[] = {
	[STOCKADE_FIELD_STRING] = { "const char *", false },
	[STOCKADE_FIELD_INTEGER] = { "int64_t ", true },
	[STOCKADE_FIELD_NUMBER] = { "double ", true },
	[STOCKADE_FIELD_BOOLEAN] = { "bool ", true },
	[STOCKADE_FIELD_STRINGS] = { "struct stockade_strings ", false },
	[STOCKADE_FIELD_INTEGERS] = { "struct stockade_integers ", false },
	[STOCKADE_FIELD_NUMBERS] = { "struct stockade_numbers ", false },
	[STOCKADE_FIELD_BOOLEANS] = { "struct stockade_booleans ", false },
	[STOCKADE_FIELD_JSON] = { "const struct stockade_json *", false },
};

static bool has(const struct stk_member *m)
{
	return m->optional && kinds[m->kind].has;
}

static void put_upper(FILE *out, const char *s)
{
	for (; *s != '\0'; s++)
		stk_put(out, "%c",
		    *s >= 'a' && *s <= 'z'   ? *s - 'a' + 'A'
		    : *s >= 'A' && *s <= 'Z' ? *s
		    : *s >= '0' && *s <= '9' ? *s
					     : '_');
}

/* FUNCTION_MEMBER_VALUE, malloc; with _@number behind it where another has that name already. */
static char *constant(const struct stk_plan *plan, const struct stk_member *m, const char *value,
    unsigned number, json_t *used)
{
	char *text = NULL;
	bool again;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		abort();
	put_upper(out, plan->function);
	stk_put(out, "_");
	put_upper(out, m->name);
	stk_put(out, "_");
	put_upper(out, value);
	/* "a-b" and "a_b" are one name in C; and what is numbered may be a third one's name */
	do {
		again = fflush(out) == 0 && json_object_get(used, text) != NULL;
		if (again)
			stk_put(out, "_%u", number);
	} while (again);
	if (fclose(out) != 0 || json_object_set_new(used, text, json_true()) == -1)
		abort();
	return text;
}

/* A list of strings as an enum: 0 for what was left out, then the values from 1 in their order. */
static void put_enum(
    FILE *out, const struct stk_plan *plan, const struct stk_member *m, json_t *used)
{
	char *name = constant(plan, m, "none", 0, used);
	unsigned number = 0;
	json_t *value;
	size_t i;

	stk_put(out, "enum %s_%s {\n\t%s = 0, /* left out */\n", plan->function, m->name, name);
	free(name);
	json_array_foreach(m->values, i, value)
	{
		if (!json_is_string(value))
			continue;
		number++;
		name = constant(plan, m, json_string_value(value), number, used);
		stk_put(out, "\t%s = %u, /* \"", name, number);
		put_comment(out, json_string_value(value), 80);
		stk_put(out, "\" */\n");
		free(name);
	}
	stk_put(out, "};\n\n");
}

static void put_enums(FILE *out, const struct stk_plan *plan)
{
	json_t *used = json_object();

	if (used == NULL)
		abort();
	for (uint32_t i = 0; i < plan->n; i++)
		if (plan->members[i].values != NULL)
			put_enum(out, plan, &plan->members[i], used);
	json_decref(used);
}

static void put_member(FILE *out, const char *function, const struct stk_member *m)
{
	const char *about = text_of(m->schema, "description", NULL);

	if (has(m))
		stk_put(out, "\tbool has_%s;\n", m->name);
	stk_put(out, "\t%s%s;", kinds[m->kind].type, m->name);
	if (about != NULL || (m->optional && !has(m))) {
		stk_put(out, " /* ");
		put_comment(out, about == NULL ? "" : about, 160);
		if (m->optional && !has(m))
			stk_put(out, "%s%s", about == NULL ? "" : "; ",
			    m->kind >= STOCKADE_FIELD_STRINGS && m->kind <= STOCKADE_FIELD_BOOLEANS
				? "n is 0 if left out"
				: "NULL if left out");
		stk_put(out, " */");
	}
	stk_put(out, "\n");
	if (m->values != NULL)
		stk_put(out, "\tenum %s_%s which_%s;\n", function, m->name, m->name);
}

static void put_guard(FILE *out, const char *function)
{
	stk_put(out, "STOCKADE_ARGS_");
	for (; *function != '\0'; function++)
		stk_put(out, "%c",
		    *function >= 'a' && *function <= 'z' ? *function - 'a' + 'A' : *function);
	stk_put(out, "_H\n");
}

char *stk_emit_header(const struct stk_plan *plan, const char *source)
{
	const char *fn = plan->function;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	stk_put(out, "/*\n * The arguments of ");
	put_comment(out, text_of(plan->root, "title", fn), 100);
	stk_put(out,
	    ", written by the schema compiler from\n * %s: change that file, not this one.\n "
	    "*/\n#ifndef ",
	    source);
	put_guard(out, fn);
	stk_put(out, "#define ");
	put_guard(out, fn);
	stk_put(out, "\n#include \"jobs/job.h\"\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
	put_enums(out, plan);
	stk_put(out,
	    "/* Text and arrays are borrowed until the handler returns. */\nstruct %s_args {\n",
	    fn);
	for (uint32_t i = 0; i < plan->n; i++)
		put_member(out, fn, &plan->members[i]);
	stk_put(out, "\tconst struct stockade_json *json; /* all of it, as it came */\n};\n\n");
	stk_put(out,
	    "struct stockade_result %s(\n    struct stockade_job *job, const struct %s_args "
	    "*args);\n\n",
	    fn, fn);
	stk_put(out, "#ifdef __cplusplus\n}\n#endif\n#endif\n");
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* --- the source ------------------------------------------------------------------------------- */

static void put_values(FILE *out, const struct stk_plan *plan)
{
	for (uint32_t k = 0; k < plan->n; k++) {
		const struct stk_member *m = &plan->members[k];
		json_t *value;
		size_t i;

		if (m->values == NULL)
			continue;
		stk_put(out, "_Static_assert(sizeof(enum %s_%s) == sizeof(int), \"as bound\");\n",
		    plan->function, m->name);
		stk_put(out, "static const char *const stk_values_%u[] = {\n", k);
		json_array_foreach(m->values, i, value)
		{
			if (!json_is_string(value))
				continue;
			stk_put(out, "\t");
			stk_put_string(out, json_string_value(value));
			stk_put(out, ",\n");
		}
		stk_put(out, "};\n\n");
	}
}

static void put_fields(FILE *out, const struct stk_plan *plan)
{
	const char *fn = plan->function;

	if (plan->n == 0)
		return;
	put_values(out, plan);
	stk_put(out, "static const struct stockade_field stk_fields[] = {\n");
	for (uint32_t i = 0; i < plan->n; i++) {
		const struct stk_member *m = &plan->members[i];

		stk_put(out, "\t{ .kind = %u, .flags = %s, .index = %u,\n\t\t.key = ", m->kind,
		    m->rest ? "STOCKADE_FIELD_REST" : "0", m->index);
		stk_put_string(out, m->key);
		stk_put(out, ",\n\t\t.offset = offsetof(struct %s_args, %s),\n\t\t.has = ", fn,
		    m->name);
		if (has(m))
			stk_put(out, "offsetof(struct %s_args, has_%s)", fn, m->name);
		else
			stk_put(out, "STK_RULES_NONE");
		if (m->values != NULL)
			stk_put(out,
			    ",\n\t\t.values = stk_values_%u, .n_values = sizeof(stk_values_%u) / "
			    "sizeof(stk_values_%u[0]),\n\t\t.which = offsetof(struct %s_args, "
			    "which_%s)",
			    i, i, i, fn, m->name);
		stk_put(out, " },\n");
	}
	stk_put(out, "};\n\n");
}

char *stk_emit_source(const struct stk_plan *plan, const struct stk_compiled *c, const char *source,
    const char *header)
{
	const char *fn = plan->function;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	stk_put(out,
	    "/*\n * Written by the schema compiler from %s: change that file, not this one.\n */\n",
	    source);
	/* a handler may be called run() or fields(): whatever else stands in that file is stk_ */
	stk_put(out, "#include \"%s\"\n\n#include \"jobs/cage/bind.h\"\n\n", header);
	stk_put(out, "#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n\n");
	stk_put_program(out, &c->program);
	put_fields(out, plan);
	stk_put(out,
	    "static const struct stockade_binder stk_binder = {\n\t.program = &stk_program,\n");
	if (plan->n > 0)
		stk_put(out, "\t.fields = stk_fields,\n\t.n_fields = %u,\n", plan->n);
	stk_put(out, "\t.json = offsetof(struct %s_args, json),\n};\n\n", fn);
	stk_put(out,
	    "static int stk_bind(const json_t *args, void *out, struct stockade_violation *v)\n"
	    "{\n\treturn stockade_bind(&stk_binder, args, out, v);\n}\n\n");
	stk_put(out,
	    "static struct stockade_result stk_run(struct stockade_job *stk_job, const void "
	    "*stk_args)\n"
	    "{\n\treturn %s(stk_job, stk_args);\n}\n\n",
	    fn);
	stk_put(out, "extern const struct stockade_binding stockade_binding_%s;\n", fn);
	stk_put(out,
	    "const struct stockade_binding stockade_binding_%s = {\n"
	    "\t.args_size = sizeof(struct %s_args),\n\t.bind = stk_bind,\n\t.run = "
	    "stk_run,\n\t.rules = "
	    "&stk_program,\n};\n",
	    fn, fn);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/*
 * emit_program.c - a program's tables as C initialisers (emit.h). Empty tables are left out: C has
 * no arrays of nothing.
 */
#include "jobs/schema/emit.h"

#include <inttypes.h>
#include <string.h>

void stk_put_string(FILE *out, const char *s)
{
	if (s == NULL) {
		stk_put(out, "NULL");
		return;
	}
	stk_put(out, "\"");
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		/* ? could begin a trigraph; three octal digits never swallow what follows */
		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '?')
			stk_put(out, "\\%03o", c);
		else
			stk_put(out, "%c", c);
	}
	stk_put(out, "\"");
}

static void put_number(FILE *out, struct stk_number n)
{
	if (n.i == INT64_MIN)
		stk_put(out, "{ %s, INT64_MIN, %.17g }", n.real ? "true" : "false", n.d);
	else
		stk_put(out, "{ %s, INT64_C(%" PRId64 "), %.17g }", n.real ? "true" : "false", n.i,
		    n.d);
}

static void put_rules(FILE *out, const struct stk_program *p)
{
	static const char *const ops[] = {
#define X(op, keyword) #op,
		STK_RULE_OPS(X)
#undef X
	};

	if (p->n_rules == 0)
		return;
	stk_put(out, "static const struct stk_rule stk_rules[] = {\n");
	for (uint32_t i = 0; i < p->n_rules; i++) {
		const struct stk_rule *r = &p->rules[i];

		stk_put(out, "\t{ STK_RULE_%s, %" PRIu32 "u, %" PRIu32 "u, %" PRIu32 "u, ",
		    ops[r->op], r->a, r->b, r->c);
		put_number(out, r->number);
		stk_put(out, " },\n");
	}
	stk_put(out, "};\n");
}

static void put_entries(FILE *out, const struct stk_program *p)
{
	if (p->n_entries == 0)
		return;
	stk_put(out, "static const struct stk_rule_entry stk_entries[] = {\n");
	for (uint32_t i = 0; i < p->n_entries; i++) {
		stk_put(out, "\t{ ");
		stk_put_string(out, p->entries[i].key);
		stk_put(out, ", %" PRIu32 "u, %" PRIu32 "u, %" PRIu32 "u },\n",
		    p->entries[i].pattern, p->entries[i].schema, p->entries[i].n);
	}
	stk_put(out, "};\n");
}

static void put_values(FILE *out, const struct stk_program *p)
{
	if (p->n_values == 0)
		return;
	stk_put(out, "static const struct stk_value stk_values[] = {\n");
	for (uint32_t i = 0; i < p->n_values; i++) {
		const struct stk_value *v = &p->values[i];

		stk_put(out, "\t{ %" PRIu32 "u, %" PRIu32 "u, ", v->type, v->span);
		stk_put_string(out, v->key);
		stk_put(out, ", ");
		stk_put_string(out, v->text);
		stk_put(out, ", %" PRIu32 "u, ", v->len);
		put_number(out, v->number);
		stk_put(out, " },\n");
	}
	stk_put(out, "};\n");
}

static void put_strings(FILE *out, const char *name, const char *const *strings, uint32_t n)
{
	if (n == 0)
		return;
	stk_put(out, "static const char *const stk_%s[] = {\n", name);
	for (uint32_t i = 0; i < n; i++) {
		stk_put(out, "\t");
		stk_put_string(out, strings[i]);
		stk_put(out, ",\n");
	}
	stk_put(out, "};\n");
}

static void put_table(FILE *out, const char *name, uint32_t n)
{
	if (n > 0)
		stk_put(out, "\t.%s = stk_%s,\n\t.n_%s = %" PRIu32 ",\n", name, name, name, n);
}

void stk_put_program(FILE *out, const struct stk_program *p)
{
	stk_put(out, "static const struct stk_schema stk_schemas[] = {\n");
	for (uint32_t i = 0; i < p->n_schemas; i++)
		stk_put(out, "\t{ %" PRIu32 "u, %" PRIu32 "u },\n", p->schemas[i].first,
		    p->schemas[i].n);
	stk_put(out, "};\n");
	put_rules(out, p);
	put_entries(out, p);
	put_values(out, p);
	put_strings(out, "names", p->names, p->n_names);
	put_strings(out, "patterns", p->patterns, p->n_patterns);
	if (p->n_lists > 0) {
		stk_put(out, "static const uint32_t stk_lists[] = {");
		for (uint32_t i = 0; i < p->n_lists; i++)
			stk_put(out, "%s%" PRIu32 "u,", i % 12 == 0 ? "\n\t" : " ", p->lists[i]);
		stk_put(out, "\n};\n");
	}
	stk_put(out, "static const struct stk_program stk_program = {\n");
	put_table(out, "schemas", p->n_schemas);
	put_table(out, "rules", p->n_rules);
	put_table(out, "entries", p->n_entries);
	put_table(out, "values", p->n_values);
	put_table(out, "names", p->n_names);
	put_table(out, "patterns", p->n_patterns);
	put_table(out, "lists", p->n_lists);
	stk_put(out, "};\n\n");
}

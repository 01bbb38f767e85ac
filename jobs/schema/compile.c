/*
 * compile.c - a schema tree to a program: first every place where a schema stands gets its number,
 * then compile_rules.c fills each. Also $ref: where it leads, and that it comes to an end.
 */
#include "jobs/schema/schema.h"

#include <stdlib.h>
#include <string.h>

void *stk_grow(void *array, uint32_t n, size_t size)
{
	void *more = array;

	if (n == 0 || (n & (n - 1)) == 0)
		more = realloc(array, (n == 0 ? 1 : 2 * (size_t)n) * size);
	if (more == NULL)
		abort();
	return more;
}

/* --- positions -------------------------------------------------------------------------------- */

static int visit(
    struct stk_compiled *c, const json_t *node, const char *pointer, struct stk_schema_fault *f);

/* Takes @pointer. */
static int visit_owned(
    struct stk_compiled *c, const json_t *node, char *pointer, struct stk_schema_fault *f)
{
	int bad = visit(c, node, pointer, f);

	free(pointer);
	return bad;
}

static int visit_keyword(struct stk_compiled *c, const char *key, json_t *v, const char *pointer,
    struct stk_schema_fault *f)
{
	char *at = stk_pointer_add(pointer, key);
	const char *name;
	json_t *one;
	size_t i;
	int bad = 0;

	switch (stk_keyword_shape(key)) {
	case STK_SHAPE_SCHEMA: bad = visit(c, v, at, f); break;
	case STK_SHAPE_LIST:
		json_array_foreach(v, i, one)
		{
			if (bad == 0)
				bad = visit_owned(c, one, stk_pointer_index(at, i), f);
		}
		break;
	case STK_SHAPE_MAP:
		json_object_foreach(v, name, one)
		{
			if (bad == 0)
				bad = visit_owned(c, one, stk_pointer_add(at, name), f);
		}
		break;
	case STK_SHAPE_PLAIN: break;
	}
	free(at);
	return bad;
}

static int visit(
    struct stk_compiled *c, const json_t *node, const char *pointer, struct stk_schema_fault *f)
{
	uint32_t n = c->program.n_schemas;
	const char *key;
	json_t *v;

	if (stk_keywords_check(node, pointer, f) == -1)
		return -1;
	c->positions = stk_grow(c->positions, n, sizeof(*c->positions));
	c->positions[n] = (struct stk_position){ .pointer = strdup(pointer), .node = node };
	if (c->positions[n].pointer == NULL ||
	    json_object_set_new(c->numbers, pointer, json_integer(n)) == -1)
		abort();
	c->program.n_schemas++;
	json_object_foreach((json_t *)(uintptr_t)node, key, v)
	{
		if (visit_keyword(c, key, v, pointer, f) == -1)
			return -1;
	}
	return 0;
}

uint32_t stk_compiled_find(const struct stk_compiled *c, const char *pointer)
{
	const json_t *n = json_object_get(c->numbers, pointer);

	return n == NULL ? STK_RULES_NONE : (uint32_t)json_integer_value(n);
}

/* --- $ref ------------------------------------------------------------------------------------- */

/* The fragment's percent-encoding undone; malloc. NULL for a bad triplet. */
static char *decoded(const char *s)
{
	char *out = malloc(strlen(s) + 1);
	size_t n = 0;

	if (out == NULL)
		abort();
	for (; *s != '\0'; s++) {
		char two[3] = { 0 }, *end;

		if (*s != '%') {
			out[n++] = *s;
			continue;
		}
		two[0] = s[1];
		two[1] = (char)(s[1] == '\0' ? '\0' : s[2]);
		out[n] = (char)strtoul(two, &end, 16);
		if (end != two + 2 || out[n++] == '\0') {
			free(out);
			return NULL;
		}
		s += 2;
	}
	out[n] = '\0';
	return out;
}

uint32_t stk_ref_follow(
    const struct stk_compiled *c, const char *ref, const char *pointer, struct stk_schema_fault *f)
{
	char *to = decoded(ref + 1), *at = stk_pointer_add(pointer, "$ref");
	uint32_t n = to == NULL ? STK_RULES_NONE : stk_compiled_find(c, to);

	if (n == STK_RULES_NONE)
		(void)stk_schema_wrong(f, at, "\"%.128s\" leads to no schema in this file", ref);
	free(to);
	free(at);
	return n;
}

/* Each schema that @rule applies to the very same value. */
static bool applied(
    const struct stk_program *p, const struct stk_rule *rule, uint32_t i, uint32_t *schema)
{
	switch ((enum stk_rule_op)rule->op) {
	case STK_RULE_REF:
	case STK_RULE_NOT: *schema = rule->a; return i == 0;
	case STK_RULE_IF: *schema = i == 0 ? rule->a : i == 1 ? rule->b : rule->c; return i < 3;
	case STK_RULE_ALL_OF:
	case STK_RULE_ANY_OF:
	case STK_RULE_ONE_OF: *schema = i < rule->b ? p->lists[rule->a + i] : 0; return i < rule->b;
	case STK_RULE_DEPENDENT_SCHEMAS:
		*schema = i < rule->b ? p->entries[rule->a + i].schema : 0;
		return i < rule->b;
	case STK_RULE_NEVER:
	case STK_RULE_TYPE:
	case STK_RULE_CONST:
	case STK_RULE_ENUM:
	case STK_RULE_MULTIPLE_OF:
	case STK_RULE_MAXIMUM:
	case STK_RULE_EXCLUSIVE_MAXIMUM:
	case STK_RULE_MINIMUM:
	case STK_RULE_EXCLUSIVE_MINIMUM:
	case STK_RULE_MAX_LENGTH:
	case STK_RULE_MIN_LENGTH:
	case STK_RULE_PATTERN:
	case STK_RULE_FORMAT:
	case STK_RULE_MAX_ITEMS:
	case STK_RULE_MIN_ITEMS:
	case STK_RULE_PREFIX_ITEMS:
	case STK_RULE_ITEMS:
	case STK_RULE_CONTAINS:
	case STK_RULE_UNIQUE_ITEMS:
	case STK_RULE_MAX_PROPERTIES:
	case STK_RULE_MIN_PROPERTIES:
	case STK_RULE_REQUIRED:
	case STK_RULE_DEPENDENT_REQUIRED:
	case STK_RULE_PROPERTY_NAMES:
	case STK_RULE_PROPERTIES:
	case STK_RULE_PATTERN_PROPERTIES:
	case STK_RULE_ADDITIONAL_PROPERTIES: break;
	}
	return false;
}

/* Depth first; @state: 0 not seen, 1 on the way, 2 known to end. */
static bool ends(const struct stk_program *p, uint32_t schema, uint8_t *state, unsigned depth)
{
	const struct stk_schema *s = &p->schemas[schema];
	uint32_t next;

	if (state[schema] != 0)
		return state[schema] == 2;
	if (depth == STK_RULES_DEPTH / 2)
		return false;
	state[schema] = 1;
	for (uint32_t r = 0; r < s->n; r++)
		for (uint32_t i = 0; applied(p, &p->rules[s->first + r], i, &next); i++)
			if (next != STK_RULES_NONE && !ends(p, next, state, depth + 1))
				return false;
	state[schema] = 2;
	return true;
}

int stk_ref_loops(const struct stk_compiled *c, struct stk_schema_fault *f)
{
	uint8_t *state = calloc(c->program.n_schemas, 1);
	int bad = 0;

	if (state == NULL)
		abort();
	for (uint32_t i = 0; bad == 0 && i < c->program.n_schemas; i++)
		if (!ends(&c->program, i, state, 0))
			bad = stk_schema_wrong(f, c->positions[i].pointer,
			    "a $ref comes back to itself without going into a value (or through "
			    "more than %u schemas)",
			    STK_RULES_DEPTH / 2);
	free(state);
	return bad;
}

/* --- all of it -------------------------------------------------------------------------------- */

int stk_compile(const json_t *root, struct stk_compiled *c, struct stk_schema_fault *f)
{
	memset(c, 0, sizeof(*c));
	c->numbers = json_object();
	if (c->numbers == NULL)
		abort();
	if (visit(c, root, "", f) == -1 || stk_compile_rules(c, f) == -1)
		return -1;
	c->program.schemas = c->schemas;
	c->program.rules = c->rules;
	c->program.entries = c->entries;
	c->program.values = c->values;
	c->program.lists = c->lists;
	c->program.names = c->names;
	c->program.patterns = (const char *const *)c->patterns;
	return stk_ref_loops(c, f);
}

void stk_compiled_clear(struct stk_compiled *c)
{
	for (uint32_t i = 0; i < c->program.n_schemas; i++)
		free(c->positions[i].pointer);
	for (uint32_t i = 0; i < c->program.n_patterns; i++)
		free(c->patterns[i]);
	free(c->positions);
	free(c->schemas);
	free(c->rules);
	free(c->entries);
	free(c->values);
	free(c->lists);
	free(c->names);
	free(c->patterns);
	json_decref(c->numbers);
	memset(c, 0, sizeof(*c));
}

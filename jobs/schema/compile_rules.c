/*
 * compile_rules.c - the keywords of each schema to rules, in the order in which they are checked:
 * cheap ones first, so that a string is measured before a pattern sees it.
 */
#include "jobs/schema/schema.h"

#include "jobs/cage/formats.h"

#include <stdlib.h>
#include <string.h>

/* One schema being filled. */
struct fill {
	struct stk_compiled *c;
	const json_t *node;
	const char *pointer;
	struct stk_schema_fault *f;
};

static struct stk_rule *add(struct fill *w, uint32_t op)
{
	struct stk_compiled *c = w->c;
	uint32_t n = c->program.n_rules;

	c->rules = stk_grow(c->rules, n, sizeof(*c->rules));
	c->rules[n] = (struct stk_rule){ .op = op };
	c->program.n_rules++;
	return &c->rules[n];
}

static uint32_t add_list(struct stk_compiled *c, uint32_t schema)
{
	c->lists = stk_grow(c->lists, c->program.n_lists, sizeof(*c->lists));
	c->lists[c->program.n_lists] = schema;
	return c->program.n_lists++;
}

static uint32_t add_entry(struct stk_compiled *c, struct stk_rule_entry e)
{
	c->entries = stk_grow(c->entries, c->program.n_entries, sizeof(*c->entries));
	c->entries[c->program.n_entries] = e;
	return c->program.n_entries++;
}

static uint32_t add_names(struct stk_compiled *c, const json_t *strings)
{
	uint32_t first = c->program.n_names;
	json_t *s;
	size_t i;

	json_array_foreach(strings, i, s)
	{
		c->names = stk_grow(c->names, c->program.n_names, sizeof(*c->names));
		c->names[c->program.n_names++] = json_string_value(s);
	}
	return first;
}

/* The number of the schema under @keyword, and under @token of it if that is not NULL. */
static uint32_t child(const struct fill *w, const char *keyword, const char *token)
{
	char *at = stk_pointer_add(w->pointer, keyword), *deeper = NULL;
	uint32_t n;

	if (token != NULL)
		deeper = stk_pointer_add(at, token);
	n = stk_compiled_find(w->c, deeper == NULL ? at : deeper);
	free(deeper);
	free(at);
	return n;
}

/* STK_RULES_NONE with the fault noted. */
static uint32_t add_pattern(
    struct fill *w, const char *pattern, const char *keyword, const char *token)
{
	struct stk_compiled *c = w->c;
	char wrong[256], *at, *deeper, *ours = stk_pattern_translate(pattern, wrong);

	if (ours != NULL) {
		c->patterns = stk_grow(c->patterns, c->program.n_patterns, sizeof(*c->patterns));
		c->patterns[c->program.n_patterns] = ours;
		return c->program.n_patterns++;
	}
	at = stk_pointer_add(w->pointer, keyword);
	deeper = token == NULL ? NULL : stk_pointer_add(at, token);
	(void)stk_schema_wrong(w->f, deeper == NULL ? at : deeper, "the pattern %s", wrong);
	free(deeper);
	free(at);
	return STK_RULES_NONE;
}

/* --- one function per shape of rule ------------------------------------------------------------
 */

static int type(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	struct stk_rule *r = add(w, op);
	json_t *one;
	size_t i;

	(void)keyword;
	if (json_is_string(v))
		r->a = stk_type_bit(v);
	json_array_foreach(v, i, one)
	{
		r->a |= stk_type_bit(one);
	}
	return 0;
}

static int values(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	struct stk_rule *r = add(w, op);
	json_t *one;
	size_t i;

	(void)keyword;
	r->a = w->c->program.n_values;
	r->b = 1;
	if (op == STK_RULE_CONST) {
		stk_compile_value(w->c, NULL, (json_t *)(uintptr_t)v);
		return 0;
	}
	r->b = (uint32_t)json_array_size(v);
	json_array_foreach(v, i, one)
	{
		stk_compile_value(w->c, NULL, one);
	}
	return 0;
}

static int number(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	struct stk_rule *r = add(w, op);
	int exponent;
	uint64_t digits;

	(void)keyword;
	r->number = stk_number_of(v);
	if (op != STK_RULE_MULTIPLE_OF)
		return 0;
	digits = stk_number_digits(r->number, &exponent);
	for (; exponent > 0; exponent--)
		digits *= 10;
	r->number.d = json_number_value(v);
	r->number.real = false;
	r->number.i = (int64_t)digits;
	r->a = (uint32_t)-exponent;
	return 0;
}

static int count(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	(void)keyword;
	add(w, op)->a = (uint32_t)json_number_value(v);
	return 0;
}

static int pattern(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	uint32_t n = add_pattern(w, json_string_value(v), keyword, NULL);

	if (n == STK_RULES_NONE)
		return -1;
	if (json_object_get(w->node, "maxLength") == NULL)
		add(w, STK_RULE_MAX_LENGTH)->a = STK_PATTERN_LENGTH;
	add(w, op)->a = n;
	return 0;
}

static int format(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	(void)keyword;
	add(w, op)->a = (uint32_t)stk_format_find(json_string_value(v));
	return 0;
}

static int schema(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	uint32_t n = child(w, keyword, NULL);
	struct stk_rule *r = add(w, op);

	(void)v;
	r->a = n;
	if (op == STK_RULE_ITEMS)
		r->b = (uint32_t)json_array_size(json_object_get(w->node, "prefixItems"));
	return 0;
}

static int reference(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	uint32_t n = stk_ref_follow(w->c, json_string_value(v), w->pointer, w->f);

	(void)keyword;
	if (n == STK_RULES_NONE)
		return -1;
	add(w, op)->a = n;
	return 0;
}

static int contains(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	const json_t *least = json_object_get(w->node, "minContains");
	const json_t *most = json_object_get(w->node, "maxContains");
	struct stk_rule *r = add(w, op);

	(void)v;
	r->a = child(w, keyword, NULL);
	r->b = least == NULL ? 1 : (uint32_t)json_number_value(least);
	r->c = most == NULL ? UINT32_MAX : (uint32_t)json_number_value(most);
	return 0;
}

static int truth(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	(void)keyword;
	if (json_is_true(v))
		(void)add(w, op);
	return 0;
}

static int list(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	uint32_t first = w->c->program.n_lists;
	struct stk_rule *r;
	char token[24];

	for (size_t i = 0; i < json_array_size(v); i++) {
		(void)snprintf(token, sizeof(token), "%zu", i);
		(void)add_list(w->c, child(w, keyword, token));
	}
	r = add(w, op);
	r->a = first;
	r->b = (uint32_t)json_array_size(v);
	return 0;
}

static int names(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	struct stk_rule *r = add(w, op);

	(void)keyword;
	r->a = add_names(w->c, v);
	r->b = (uint32_t)json_array_size(v);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(
	    ((const struct stk_rule_entry *)a)->key, ((const struct stk_rule_entry *)b)->key);
}

/* properties, patternProperties, dependentSchemas, dependentRequired */
static int map(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	uint32_t first = w->c->program.n_entries, n = (uint32_t)json_object_size(v);
	struct stk_rule *r;
	const char *key;
	json_t *one;

	json_object_foreach((json_t *)(uintptr_t)v, key, one)
	{
		struct stk_rule_entry e = { .key = key };

		if (op == STK_RULE_DEPENDENT_REQUIRED) {
			e.schema = add_names(w->c, one);
			e.n = (uint32_t)json_array_size(one);
		} else {
			e.schema = child(w, keyword, key);
		}
		if (op == STK_RULE_PATTERN_PROPERTIES) {
			e.pattern = add_pattern(w, key, keyword, key);
			if (e.pattern == STK_RULES_NONE)
				return -1;
		}
		(void)add_entry(w->c, e);
	}
	if (n > 0)
		qsort(w->c->entries + first, n, sizeof(struct stk_rule_entry), by_key);
	r = add(w, op);
	r->a = first;
	r->b = n;
	return 0;
}

static uint32_t rule_before(const struct stk_compiled *c, uint32_t first, uint32_t op)
{
	for (uint32_t i = first; i < c->program.n_rules; i++)
		if (c->rules[i].op == op)
			return i;
	return STK_RULES_NONE;
}

static int additional(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	/* the rules of this schema began where the one before it ended; these two stand among them
	 */
	uint32_t first = w->c->schemas[stk_compiled_find(w->c, w->pointer)].first;
	struct stk_rule r = { .op = op, .a = child(w, keyword, NULL) };

	(void)v;
	r.b = rule_before(w->c, first, STK_RULE_PROPERTIES);
	r.c = rule_before(w->c, first, STK_RULE_PATTERN_PROPERTIES);
	*add(w, op) = r;
	return 0;
}

static int condition(struct fill *w, uint32_t op, const char *keyword, const json_t *v)
{
	struct stk_rule *r = add(w, op);

	(void)v;
	r->a = child(w, keyword, NULL);
	r->b = child(w, "then", NULL);
	r->c = child(w, "else", NULL);
	return 0;
}

/* In the order of STK_RULE_OPS. */
static int (*const makers[])(struct fill *w, uint32_t op, const char *keyword, const json_t *v) = {
	[STK_RULE_TYPE] = type,
	[STK_RULE_CONST] = values,
	[STK_RULE_ENUM] = values,
	[STK_RULE_MULTIPLE_OF] = number,
	[STK_RULE_MAXIMUM] = number,
	[STK_RULE_EXCLUSIVE_MAXIMUM] = number,
	[STK_RULE_MINIMUM] = number,
	[STK_RULE_EXCLUSIVE_MINIMUM] = number,
	[STK_RULE_MAX_LENGTH] = count,
	[STK_RULE_MIN_LENGTH] = count,
	[STK_RULE_PATTERN] = pattern,
	[STK_RULE_FORMAT] = format,
	[STK_RULE_MAX_ITEMS] = count,
	[STK_RULE_MIN_ITEMS] = count,
	[STK_RULE_PREFIX_ITEMS] = list,
	[STK_RULE_ITEMS] = schema,
	[STK_RULE_CONTAINS] = contains,
	[STK_RULE_UNIQUE_ITEMS] = truth,
	[STK_RULE_MAX_PROPERTIES] = count,
	[STK_RULE_MIN_PROPERTIES] = count,
	[STK_RULE_REQUIRED] = names,
	[STK_RULE_DEPENDENT_REQUIRED] = map,
	[STK_RULE_PROPERTY_NAMES] = schema,
	[STK_RULE_PROPERTIES] = map,
	[STK_RULE_PATTERN_PROPERTIES] = map,
	[STK_RULE_ADDITIONAL_PROPERTIES] = additional,
	[STK_RULE_DEPENDENT_SCHEMAS] = map,
	[STK_RULE_REF] = reference,
	[STK_RULE_ALL_OF] = list,
	[STK_RULE_ANY_OF] = list,
	[STK_RULE_ONE_OF] = list,
	[STK_RULE_NOT] = schema,
	[STK_RULE_IF] = condition,
};

static const char *const keywords[] = {
#define X(op, keyword) keyword,
	STK_RULE_OPS(X)
#undef X
};
_Static_assert(STK_ARRAY_LEN(makers) == STK_ARRAY_LEN(keywords), "one maker per rule");

static int fill(struct fill *w)
{
	if (json_is_false(w->node))
		(void)add(w, STK_RULE_NEVER);
	for (uint32_t op = STK_RULE_NEVER + 1; op < STK_ARRAY_LEN(makers); op++) {
		const json_t *v = json_object_get(w->node, keywords[op]);

		if (v != NULL && makers[op](w, op, keywords[op], v) == -1)
			return -1;
	}
	return 0;
}

int stk_compile_rules(struct stk_compiled *c, struct stk_schema_fault *f)
{
	c->schemas = calloc(c->program.n_schemas, sizeof(*c->schemas));
	if (c->schemas == NULL)
		abort();
	for (uint32_t i = 0; i < c->program.n_schemas; i++) {
		struct fill w = { c, c->positions[i].node, c->positions[i].pointer, f };

		c->schemas[i].first = c->program.n_rules;
		if (fill(&w) == -1)
			return -1;
		c->schemas[i].n = c->program.n_rules - c->schemas[i].first;
	}
	return 0;
}

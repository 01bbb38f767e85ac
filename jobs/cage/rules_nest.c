/*
 * rules_nest.c - the keywords of arrays and objects (rules_run.h).
 */
#include "jobs/cage/rules_run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- arrays ----------------------------------------------------------------------------------- */

static bool item(
    struct stk_run *r, uint32_t schema, const json_t *v, size_t i, const struct stk_place *at)
{
	struct stk_place here = { .up = at, .index = i };

	return stk_rules_fit(r, schema, json_array_get(v, i), &here);
}

/* a: where in lists, b: how many. */
static bool prefix(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	for (uint32_t i = 0; i < rule->b && i < json_array_size(v); i++)
		if (!item(r, r->p->lists[rule->a + i], v, i, at))
			return false;
	return true;
}

/* a: the schema, b: of items from here on. */
static bool rest(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	const struct stk_schema *s = &r->p->schemas[rule->a];

	/* `items: false` is the usual way to say "no more" */
	if (s->n == 1 && r->p->rules[s->first].op == STK_RULE_NEVER) {
		struct stk_place here = { .up = at, .index = rule->b };

		if (json_array_size(v) <= rule->b)
			return true;
		return rule->b == 1
			   ? stk_rule_failed(r, &here, "one item is all there may be (items)")
			   : stk_rule_failed(r, &here,
				 "%" PRIu32 " items are all there may be (items)", rule->b);
	}
	for (size_t i = rule->b; i < json_array_size(v); i++)
		if (!item(r, rule->a, v, i, at))
			return false;
	return true;
}

/* a: the schema, b: at least, c: at most. */
static bool contains(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	uint32_t n = 0;

	r->quiet++;
	for (size_t i = 0; i < json_array_size(v) && !r->meter.out; i++)
		n += item(r, rule->a, v, i, at);
	r->quiet--;
	if (n < rule->b)
		return stk_rule_failed(r, at,
		    "contains fewer than %" PRIu32 " of what it must contain (contains)", rule->b);
	return n <= rule->c ||
	       stk_rule_failed(r, at,
		   "contains more than %" PRIu32 " of what it may contain (maxContains)", rule->c);
}

bool stk_rule_items(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	size_t n = json_array_size(v);

	switch (rule->op) {
	case STK_RULE_PREFIX_ITEMS: return prefix(r, rule, v, at);
	case STK_RULE_ITEMS: return rest(r, rule, v, at);
	case STK_RULE_CONTAINS: return contains(r, rule, v, at);
	case STK_RULE_MAX_ITEMS:
		return n <= rule->a ||
		       stk_rule_failed(
			   r, at, "must not have more than %" PRIu32 " items (maxItems)", rule->a);
	case STK_RULE_MIN_ITEMS:
		return n >= rule->a ||
		       stk_rule_failed(r, at, "must have at least %" PRIu32 " %s (minItems)",
			   rule->a, rule->a == 1 ? "item" : "items");
	default:
		return stk_items_unique(v, &r->meter) ||
		       stk_rule_failed(r, at, "has the same item twice (uniqueItems)");
	}
}

/* --- objects ---------------------------------------------------------------------------------- */

static bool member(struct stk_run *r, uint32_t schema, const json_t *v, const char *key,
    const struct stk_place *at)
{
	struct stk_place here = { .up = at, .key = key };

	return stk_rules_fit(r, schema, v, &here);
}

/* a: where in names, b: how many. */
static bool required(struct stk_run *r, uint32_t a, uint32_t b, const json_t *v,
    const struct stk_place *at, const char *keyword)
{
	for (uint32_t i = 0; i < b; i++) {
		if (!stk_spend(&r->meter, 1))
			return false;
		if (json_object_get(v, r->p->names[a + i]) == NULL)
			return stk_rule_failed(
			    r, at, "needs the key %s (%s)", r->p->names[a + i], keyword);
	}
	return true;
}

/* a: where in entries, b: how many. */
static bool named(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	for (uint32_t i = 0; i < rule->b; i++) {
		const struct stk_rule_entry *e = &r->p->entries[rule->a + i];
		const json_t *value = json_object_get(v, e->key);
		bool fits = true;

		if (!stk_spend(&r->meter, 1))
			return false;
		if (value == NULL)
			continue;
		if (rule->op == STK_RULE_PROPERTIES)
			fits = member(r, e->schema, value, e->key, at);
		else if (rule->op == STK_RULE_DEPENDENT_SCHEMAS)
			fits = stk_rules_fit(r, e->schema, v, at);
		else
			fits = required(r, e->schema, e->n, v, at, "dependentRequired");
		if (!fits)
			return false;
	}
	return true;
}

static int by_key(const void *key, const void *entry)
{
	return strcmp(key, ((const struct stk_rule_entry *)entry)->key);
}

/* The compiler sorted the entries of properties. */
static bool is_named(const struct stk_run *r, uint32_t rule, const char *key)
{
	const struct stk_rule *p = rule == STK_RULES_NONE ? NULL : &r->p->rules[rule];

	return p != NULL && p->b > 0 &&
	       bsearch(key, r->p->entries + p->a, p->b, sizeof(r->p->entries[0]), by_key) != NULL;
}

/* One member against each pattern; false is a misfit. *hit says that a pattern matched. */
static bool patterned(struct stk_run *r, uint32_t rule, const char *key, const json_t *value,
    const struct stk_place *at, bool *hit, bool look_only)
{
	const struct stk_rule *p = rule == STK_RULES_NONE ? NULL : &r->p->rules[rule];

	*hit = false;
	for (uint32_t i = 0; p != NULL && i < p->b; i++) {
		const struct stk_rule_entry *e = &r->p->entries[p->a + i];

		if (!stk_spend(&r->meter, 1))
			return false;
		if (!stk_pattern_matches(
			&r->patterns, r->p, e->pattern, key, strlen(key), &r->meter))
			continue;
		*hit = true;
		if (!look_only && !member(r, e->schema, value, "*", at))
			return false;
	}
	return true;
}

/* a: the schema, b: the properties rule, c: the patternProperties rule of the same schema. */
static bool additional(struct stk_run *r, const struct stk_rule *rule, const char *key,
    const json_t *value, const struct stk_place *at)
{
	const struct stk_schema *s = &r->p->schemas[rule->a];
	bool hit;

	if (is_named(r, rule->b, key))
		return true;
	if (!patterned(r, rule->c, key, value, at, &hit, true) || hit)
		return hit;
	if (s->n == 1 && r->p->rules[s->first].op == STK_RULE_NEVER)
		return stk_rule_failed(
		    r, at, "has a key that the schema does not name (additionalProperties)");
	return member(r, rule->a, value, "*", at);
}

static bool name_fits(
    struct stk_run *r, uint32_t schema, const char *key, const struct stk_place *at)
{
	json_t *name = json_string(key);
	bool fits;

	if (name == NULL) {
		r->meter.out = true;
		return false;
	}
	r->quiet++;
	fits = stk_rules_fit(r, schema, name, at);
	r->quiet--;
	json_decref(name);
	return fits || stk_rule_failed(r, at, "has a key that is spelled wrongly (propertyNames)");
}

static bool each_member(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	json_t *object = (json_t *)(uintptr_t)v, *value;
	const char *key;
	bool hit, fits = true;

	json_object_foreach(object, key, value)
	{
		if (!stk_spend(&r->meter, 1 + strlen(key) / 64))
			return false;
		if (rule->op == STK_RULE_PROPERTY_NAMES)
			fits = name_fits(r, rule->a, key, at);
		else if (rule->op == STK_RULE_PATTERN_PROPERTIES)
			fits = patterned(
			    r, (uint32_t)(rule - r->p->rules), key, value, at, &hit, false);
		else
			fits = additional(r, rule, key, value, at);
		if (!fits)
			return false;
	}
	return true;
}

bool stk_rule_members(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	size_t n = json_object_size(v);

	switch (rule->op) {
	case STK_RULE_MAX_PROPERTIES:
		return n <= rule->a ||
		       stk_rule_failed(r, at,
			   "must not have more than %" PRIu32 " keys (maxProperties)", rule->a);
	case STK_RULE_MIN_PROPERTIES:
		return n >= rule->a ||
		       stk_rule_failed(r, at,
			   "must not have fewer than %" PRIu32 " keys (minProperties)", rule->a);
	case STK_RULE_REQUIRED: return required(r, rule->a, rule->b, v, at, "required");
	case STK_RULE_PROPERTIES:
	case STK_RULE_DEPENDENT_REQUIRED:
	case STK_RULE_DEPENDENT_SCHEMAS: return named(r, rule, v, at);
	default: return each_member(r, rule, v, at);
	}
}

/*
 * rules.c - the interpreter of compiled schemas (rules.h). One function per keyword that has more
 * to it than a comparison; `failed` is the one place where anything is reported.
 */
#include "jobs/cage/rules.h"

#include "jobs/cage/formats.h"
#include "jobs/cage/rules_run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STK_FRACTION_STEPS 32

/* --- reporting -------------------------------------------------------------------------------- */

/* Written from the leaf upwards: the end of @buf is filled first. What does not fit is cut in
 * front. */
static void pointer(const struct stk_place *at, char *out, size_t size)
{
	char buf[256], number[24];
	size_t left = sizeof(buf) - 1;

	buf[left] = '\0';
	for (; at != NULL && at->up != NULL; at = at->up) {
		const char *token = at->key;

		if (at->key == NULL) {
			(void)snprintf(number, sizeof(number), "%zu", at->index);
			token = number;
		}
		for (size_t i = strlen(token); i > 0; i--) {
			char c = token[i - 1];

			if (left < 3)
				break;
			if (c == '/' || c == '~')
				buf[--left] = (char)(c == '/' ? '1' : '0');
			buf[--left] = (char)(c == '/' ? '~' : c);
		}
		if (left < 4)
			break;
		buf[--left] = '/';
	}
	(void)snprintf(out, size, "%s", buf + left);
}

/* The first report stands; a rule that fails inside of a question (anyOf, not, if) reports nothing.
 */
bool stk_rule_failed(struct stk_run *r, const struct stk_place *at, const char *fmt, ...)
{
	va_list ap;

	if (r->quiet > 0 || r->v->rule[0] != '\0')
		return false;
	pointer(at, r->v->pointer, sizeof(r->v->pointer));
	va_start(ap, fmt);
	(void)vsnprintf(r->v->rule, sizeof(r->v->rule), fmt, ap);
	va_end(ap);
	return false;
}

/* --- scalars ---------------------------------------------------------------------------------- */

static uint32_t types_of(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT: return STK_TYPE_OBJECT;
	case JSON_ARRAY: return STK_TYPE_ARRAY;
	case JSON_STRING: return STK_TYPE_STRING;
	case JSON_INTEGER: return STK_TYPE_INTEGER | STK_TYPE_NUMBER;
	case JSON_REAL:
		return STK_TYPE_NUMBER |
		       (stk_number_whole(stk_number_of(v)) ? STK_TYPE_INTEGER : 0);
	case JSON_TRUE:
	case JSON_FALSE: return STK_TYPE_BOOLEAN;
	case JSON_NULL: break;
	}
	return STK_TYPE_NULL;
}

static bool type(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	static const char *const names[] = { "null", "a boolean", "an integer", "a number",
		"a string", "an array", "an object" };
	char text[96] = "";
	size_t n = 0;

	if ((types_of(v) & rule->a) != 0)
		return true;
	for (size_t i = 0; i < STK_ARRAY_LEN(names); i++)
		if ((rule->a & (1u << i)) != 0)
			n += (size_t)snprintf(
			    text + n, sizeof(text) - n, "%s%s", n > 0 ? " or " : "", names[i]);
	return stk_rule_failed(r, at, "must be %s (type)", text);
}

/* a: the first value, b: how many. */
static bool one_of_values(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	const struct stk_value *value = r->p->values + rule->a;

	for (uint32_t i = 0; i < rule->b; i++, value += value->span)
		if (stk_value_equal(value, v, &r->meter))
			return true;
	return stk_rule_failed(r, at,
	    rule->op == STK_RULE_CONST ? "is not the one value there may be (const)"
				       : "is none of the values there may be (enum)");
}

static const char *spelled(struct stk_number n, char buf[32])
{
	if (n.real)
		(void)snprintf(buf, 32, "%.15g", n.d);
	else
		(void)snprintf(buf, 32, "%" PRId64, n.i);
	return buf;
}

/* number: the bound; multipleOf: number.i / 10^a, and number.d for people. */
static bool number(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	struct stk_number n = json_is_number(v) ? stk_number_of(v) : (struct stk_number){ 0 };
	char buf[32];
	int order;

	if (!json_is_number(v))
		return true;
	if (rule->op == STK_RULE_MULTIPLE_OF) {
		/* a fraction is printed and read up to seventeen times until its digits are known
		 */
		if (n.real && !stk_spend(&r->meter, STK_FRACTION_STEPS))
			return false;
		if (stk_number_multiple(n, rule->number.i, rule->a))
			return true;
		(void)snprintf(buf, sizeof(buf), "%.15g", rule->number.d);
		return stk_rule_failed(r, at, "must be a multiple of %s (multipleOf)", buf);
	}
	order = stk_number_cmp(n, rule->number);
	switch (rule->op) {
	case STK_RULE_MAXIMUM:
		return order <= 0 || stk_rule_failed(r, at, "must be at most %s (maximum)",
					 spelled(rule->number, buf));
	case STK_RULE_MINIMUM:
		return order >= 0 || stk_rule_failed(r, at, "must be at least %s (minimum)",
					 spelled(rule->number, buf));
	case STK_RULE_EXCLUSIVE_MAXIMUM:
		return order < 0 ||
		       stk_rule_failed(r, at, "must be less than %s (exclusiveMaximum)",
			   spelled(rule->number, buf));
	default:
		return order > 0 ||
		       stk_rule_failed(r, at, "must be more than %s (exclusiveMinimum)",
			   spelled(rule->number, buf));
	}
}

/* a: the length, the pattern or the format. */
static bool text(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);

	if (s == NULL)
		return true;
	if (!stk_spend(&r->meter, len / 64))
		return false;
	switch (rule->op) {
	case STK_RULE_MAX_LENGTH:
		return stk_code_points(s, len) <= rule->a ||
		       stk_rule_failed(
			   r, at, "must not be longer than %" PRIu32 " (maxLength)", rule->a);
	case STK_RULE_MIN_LENGTH:
		if (stk_code_points(s, len) >= rule->a)
			return true;
		return rule->a == 1
			   ? stk_rule_failed(r, at, "must not be empty (minLength)")
			   : stk_rule_failed(r, at,
				 "must not be shorter than %" PRIu32 " (minLength)", rule->a);
	case STK_RULE_FORMAT:
		return stk_format_holds(rule->a, stk_span_of(s, len)) ||
		       stk_rule_failed(r, at, "is no %s (format)", stk_format_name(rule->a));
	default:
		return stk_pattern_matches(&r->patterns, r->p, rule->a, s, len, &r->meter) ||
		       stk_rule_failed(r, at, "does not match its pattern (pattern)");
	}
}

/* --- in place: the same value against other schemas --------------------------------------------
 */

/* A question: its answer is no verdict yet, so nothing is reported. */
static bool would_fit(
    struct stk_run *r, uint32_t schema, const json_t *v, const struct stk_place *at)
{
	bool fits;

	r->quiet++;
	fits = stk_rules_fit(r, schema, v, at);
	r->quiet--;
	return fits;
}

/* a: where in lists, b: how many. */
static bool alternatives(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	uint32_t fitting = 0;

	for (uint32_t i = 0; i < rule->b && !r->meter.out; i++) {
		uint32_t schema = r->p->lists[rule->a + i];

		if (rule->op == STK_RULE_ALL_OF) {
			if (!stk_rules_fit(r, schema, v, at))
				return false;
			continue;
		}
		fitting += would_fit(r, schema, v, at);
		if (rule->op == STK_RULE_ANY_OF && fitting > 0)
			return true;
		if (fitting > 1)
			return stk_rule_failed(r, at, "fits more than one alternative (oneOf)");
	}
	if (rule->op == STK_RULE_ALL_OF || fitting == 1)
		return true;
	return stk_rule_failed(
	    r, at, "fits no alternative (%s)", rule->op == STK_RULE_ANY_OF ? "anyOf" : "oneOf");
}

static bool in_place(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	uint32_t next;

	switch (rule->op) {
	case STK_RULE_REF: return stk_rules_fit(r, rule->a, v, at);
	case STK_RULE_NOT:
		return !would_fit(r, rule->a, v, at) ||
		       stk_rule_failed(r, at, "is what it must not be (not)");
	case STK_RULE_IF: /* a: if, b: then, c: else */
		next = would_fit(r, rule->a, v, at) ? rule->b : rule->c;
		return next == STK_RULES_NONE || stk_rules_fit(r, next, v, at);
	default: return alternatives(r, rule, v, at);
	}
}

/* --- the loop --------------------------------------------------------------------------------- */

static bool holds(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at)
{
	switch ((enum stk_rule_op)rule->op) {
	case STK_RULE_NEVER: return stk_rule_failed(r, at, "nothing may stand here (false)");
	case STK_RULE_TYPE: return type(r, rule, v, at);
	case STK_RULE_CONST:
	case STK_RULE_ENUM: return one_of_values(r, rule, v, at);
	case STK_RULE_MULTIPLE_OF:
	case STK_RULE_MAXIMUM:
	case STK_RULE_EXCLUSIVE_MAXIMUM:
	case STK_RULE_MINIMUM:
	case STK_RULE_EXCLUSIVE_MINIMUM: return number(r, rule, v, at);
	case STK_RULE_MAX_LENGTH:
	case STK_RULE_MIN_LENGTH:
	case STK_RULE_PATTERN:
	case STK_RULE_FORMAT: return text(r, rule, v, at);
	case STK_RULE_MAX_ITEMS:
	case STK_RULE_MIN_ITEMS:
	case STK_RULE_PREFIX_ITEMS:
	case STK_RULE_ITEMS:
	case STK_RULE_CONTAINS:
	case STK_RULE_UNIQUE_ITEMS: return !json_is_array(v) || stk_rule_items(r, rule, v, at);
	case STK_RULE_MAX_PROPERTIES:
	case STK_RULE_MIN_PROPERTIES:
	case STK_RULE_REQUIRED:
	case STK_RULE_DEPENDENT_REQUIRED:
	case STK_RULE_PROPERTY_NAMES:
	case STK_RULE_PROPERTIES:
	case STK_RULE_PATTERN_PROPERTIES:
	case STK_RULE_ADDITIONAL_PROPERTIES:
	case STK_RULE_DEPENDENT_SCHEMAS:
		return !json_is_object(v) || stk_rule_members(r, rule, v, at);
	case STK_RULE_REF:
	case STK_RULE_ALL_OF:
	case STK_RULE_ANY_OF:
	case STK_RULE_ONE_OF:
	case STK_RULE_NOT:
	case STK_RULE_IF: return in_place(r, rule, v, at);
	}
	return false;
}

bool stk_rules_fit(struct stk_run *r, uint32_t schema, const json_t *v, const struct stk_place *at)
{
	const struct stk_schema *s = &r->p->schemas[schema];
	bool fits = true;

	if (r->depth == STK_RULES_DEPTH)
		r->meter.out = true;
	r->depth++;
	for (uint32_t i = 0; fits && i < s->n; i++)
		fits = stk_spend(&r->meter, 1) && holds(r, &r->p->rules[s->first + i], v, at);
	r->depth--;
	return fits && !r->meter.out;
}

int stk_rules_check(
    const struct stk_program *p, const json_t *value, uint32_t steps, struct stockade_violation *v)
{
	struct stk_run r = { .p = p, .meter = { .left = steps }, .v = v };
	struct stk_place top = { 0 };
	bool fits;

	memset(v, 0, sizeof(*v));
	fits = stk_rules_fit(&r, 0, value, &top);
	stk_patterns_clear(&r.patterns, p);
	if (r.meter.out) {
		memset(v, 0, sizeof(*v));
		(void)snprintf(v->rule, sizeof(v->rule), "took too many steps to check (cost)");
	}
	return fits ? 0 : -1;
}

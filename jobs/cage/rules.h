/*
 * rules.h - a compiled JSON Schema: const tables that the schema compiler (jobs/schema/) writes and
 * one small interpreter reads. No generated control flow: what a schema can do is what rules.c
 * does.
 *
 * A program is a list of schemas; a schema is a run of rules; a rule is a keyword with numbers that
 * point into the other tables. Everything is in read-only memory and is trusted: it came out of the
 * build. The instance is not: each evaluation spends from one step counter, and nothing is reported
 * of it but the place and the rule.
 */
#ifndef JOBS_CAGE_RULES_H
#define JOBS_CAGE_RULES_H

#include "jobs/cage/registry.h"

#define STK_RULES_STEPS 1000000u /* of one validation */
#define STK_RULES_DEPTH 512u     /* schemas within schemas, within one value */
#define STK_RULES_NONE  UINT32_MAX
#define STK_2_63        9223372036854775808.0 /* the first double beyond int64_t */

/* Bits of TYPE's a. */
enum {
	STK_TYPE_NULL = 1,
	STK_TYPE_BOOLEAN = 2,
	STK_TYPE_INTEGER = 4, /* a number without a fraction, 1.0 too */
	STK_TYPE_NUMBER = 8,
	STK_TYPE_STRING = 16,
	STK_TYPE_ARRAY = 32,
	STK_TYPE_OBJECT = 64
};

/* X(op, keyword): what a, b, c and number mean stands beside each in rules.c. */
#define STK_RULE_OPS(X)                                  \
	X(NEVER, "false")                                \
	X(TYPE, "type")                                  \
	X(CONST, "const")                                \
	X(ENUM, "enum")                                  \
	X(MULTIPLE_OF, "multipleOf")                     \
	X(MAXIMUM, "maximum")                            \
	X(EXCLUSIVE_MAXIMUM, "exclusiveMaximum")         \
	X(MINIMUM, "minimum")                            \
	X(EXCLUSIVE_MINIMUM, "exclusiveMinimum")         \
	X(MAX_LENGTH, "maxLength")                       \
	X(MIN_LENGTH, "minLength")                       \
	X(PATTERN, "pattern")                            \
	X(FORMAT, "format")                              \
	X(MAX_ITEMS, "maxItems")                         \
	X(MIN_ITEMS, "minItems")                         \
	X(PREFIX_ITEMS, "prefixItems")                   \
	X(ITEMS, "items")                                \
	X(CONTAINS, "contains")                          \
	X(UNIQUE_ITEMS, "uniqueItems")                   \
	X(MAX_PROPERTIES, "maxProperties")               \
	X(MIN_PROPERTIES, "minProperties")               \
	X(REQUIRED, "required")                          \
	X(DEPENDENT_REQUIRED, "dependentRequired")       \
	X(PROPERTY_NAMES, "propertyNames")               \
	X(PROPERTIES, "properties")                      \
	X(PATTERN_PROPERTIES, "patternProperties")       \
	X(ADDITIONAL_PROPERTIES, "additionalProperties") \
	X(DEPENDENT_SCHEMAS, "dependentSchemas")         \
	X(REF, "$ref")                                   \
	X(ALL_OF, "allOf")                               \
	X(ANY_OF, "anyOf")                               \
	X(ONE_OF, "oneOf")                               \
	X(NOT, "not")                                    \
	X(IF, "if")

enum stk_rule_op {
#define X(op, keyword) STK_RULE_##op,
	STK_RULE_OPS(X)
#undef X
};

/* An integer that fits 64 bits is kept as one: doubles would lose the last digits. */
struct stk_number {
	bool real;
	int64_t i;
	double d;
};

struct stk_rule {
	uint32_t op;
	uint32_t a, b, c;
	struct stk_number number;
};

struct stk_schema {
	uint32_t first, n; /* rules */
};

/* A property, or the number of a pattern, and its schema or list of names. */
struct stk_rule_entry {
	const char *key;
	uint32_t pattern, schema, n;
};

/* A value of const and enum, in pre-order; @span counts itself and all beneath. */
struct stk_value {
	uint32_t type; /* one STK_TYPE_ bit; never INTEGER */
	uint32_t span;
	const char *key, *text;
	uint32_t len; /* of text; of an array or object: members; of a boolean: its truth */
	struct stk_number number;
};

struct stk_program {
	const struct stk_schema *schemas; /* the first is the whole */
	const struct stk_rule *rules;
	const struct stk_rule_entry *entries;
	const struct stk_value *values;
	const uint32_t *lists;       /* schema numbers, for allOf and its like */
	const char *const *names;    /* for required and dependentRequired */
	const char *const *patterns; /* in PCRE2's spelling */
	uint32_t n_schemas, n_rules, n_entries, n_values, n_lists, n_names, n_patterns;
};

/*
 * Does @value fit @p? @steps is what it may cost. 0, or -1 with @v: the place as a JSON pointer,
 * the rule as a sentence fragment that ends in the keyword in brackets, or in "(cost)" when the
 * counter ran out. A key that the schema does not name stands as "*" in the pointer: it is the
 * sender's word.
 */
int stk_rules_check(
    const struct stk_program *p, const json_t *value, uint32_t steps, struct stockade_violation *v);

/* What is spent and where; shared by the files that evaluate. */
struct stk_meter {
	uint32_t left;
	bool out; /* it ran out: whatever is being decided is not decided */
};

/* False, for ever after, once @n more than what is left is asked for. */
static inline bool stk_spend(struct stk_meter *m, size_t n)
{
	if (m->out || n > m->left) {
		m->out = true;
		return false;
	}
	m->left -= (uint32_t)n;
	return true;
}

/* --- rules_value.c: numbers and equality -------------------------------------------------------
 */

/* <0, 0, >0; exact, also between an integer and a double. */
int stk_number_cmp(struct stk_number a, struct stk_number b);
/* Of a JSON integer or real. */
struct stk_number stk_number_of(const json_t *v);
/* A whole number, 1.0 too. */
bool stk_number_whole(struct stk_number n);
/* Is @n a multiple of @scaled / 10^places? Exact in decimal: 0.3 is one of 0.1. */
bool stk_number_multiple(struct stk_number n, int64_t scaled, uint32_t places);
/*
 * @n as @digits * 10^*exponent, the shortest digits that read back as the same double, without
 * trailing zeros; the sign is left out.
 */
uint64_t stk_number_digits(struct stk_number n, int *exponent);
/* Does @v equal the value at @values? Members in any order, 1 is 1.0. */
bool stk_value_equal(const struct stk_value *values, const json_t *v, struct stk_meter *m);
/* Are all items of array @v different? */
bool stk_items_unique(const json_t *v, struct stk_meter *m);

/* --- rules_text.c: strings -------------------------------------------------------------------- */

/* Compiled patterns of one program, made when first met; zeroed to begin with. */
struct stk_patterns {
	void **code;
};

/* Unicode code points in valid UTF-8. */
size_t stk_code_points(const char *s, size_t len);
/*
 * Does @pattern match anywhere in @s? Each step of the matcher is spent from @m. False with m->out
 * when it ran out, or when memory did.
 */
bool stk_pattern_matches(struct stk_patterns *set, const struct stk_program *p, uint32_t pattern,
    const char *s, size_t len, struct stk_meter *m);
void stk_patterns_clear(struct stk_patterns *set, const struct stk_program *p);
/* NULL if PCRE2 compiles @pattern as stk_pattern_matches would, else its complaint in @buf. */
const char *stk_pattern_wrong(const char *pattern, char *buf, size_t size);

#endif

/*
 * keywords.c - the closed list of keywords and what each may hold. Whatever is not in the table is
 * a build error: a misspelt keyword would else be a check that silently is not made.
 */
#include "jobs/schema/schema.h"

#include "jobs/cage/formats.h"

#include <stdlib.h>
#include <string.h>

/* What is wrong with a keyword's value, in words; NULL if nothing is. */
typedef const char *checker(const json_t *v);

static const char *any(const json_t *v)
{
	(void)v;
	return NULL;
}

static const char *string(const json_t *v)
{
	return json_is_string(v) ? NULL : "must be a string";
}

static const char *boolean(const json_t *v)
{
	return json_is_boolean(v) ? NULL : "must be true or false";
}

static const char *array(const json_t *v)
{
	return json_is_array(v) ? NULL : "must be an array";
}

static const char *number(const json_t *v)
{
	return json_is_number(v) ? NULL : "must be a number";
}

static const char *count(const json_t *v)
{
	struct stk_number n = json_is_number(v) ? stk_number_of(v) : (struct stk_number){ .i = -1 };

	if (!stk_number_whole(n) || stk_number_cmp(n, (struct stk_number){ 0 }) < 0 ||
	    stk_number_cmp(n, (struct stk_number){ .i = INT32_MAX }) > 0)
		return "must be a whole number from 0 to 2147483647";
	return NULL;
}

static const char *multiple(const json_t *v)
{
	static const char wrong[] = "must be a number above 0 with at most 9 decimal places";
	struct stk_number n;
	int exponent;
	uint64_t digits;

	if (!json_is_number(v))
		return wrong;
	n = stk_number_of(v);
	digits = stk_number_digits(n, &exponent);
	if (stk_number_cmp(n, (struct stk_number){ 0 }) <= 0 || exponent < -9)
		return wrong;
	/* without its point it must fit 63 bits */
	if (digits > INT64_MAX || exponent > 18)
		return "is too large: at most 18 digits";
	for (; exponent > 0; exponent--, digits *= 10)
		if (digits > INT64_MAX / 10)
			return "is too large: at most 18 digits";
	return NULL;
}

/* In the order of the STK_TYPE_ bits. */
uint32_t stk_type_bit(const json_t *name)
{
	static const char *const types[] = { "null", "boolean", "integer", "number", "string",
		"array", "object" };

	for (uint32_t i = 0; json_is_string(name) && i < STK_ARRAY_LEN(types); i++)
		if (strcmp(json_string_value(name), types[i]) == 0)
			return 1u << i;
	return 0;
}

static const char *type(const json_t *v)
{
	static const char wrong[] =
	    "must be null, boolean, integer, number, string, array, object, or an array of these";
	size_t i;
	json_t *one;

	if (!json_is_array(v))
		return stk_type_bit(v) != 0 ? NULL : wrong;
	json_array_foreach(v, i, one)
	{
		if (stk_type_bit(one) == 0)
			return wrong;
	}
	return json_array_size(v) > 0 ? NULL : wrong;
}

static const char *values(const json_t *v)
{
	return json_is_array(v) && json_array_size(v) > 0 ? NULL
							  : "must be an array of one value or more";
}

static const char *format(const json_t *v)
{
	return json_is_string(v) && stk_format_find(json_string_value(v)) >= 0
		   ? NULL
		   : "is a format that is not checked here; stockade-schema(7) lists those that "
		     "are";
}

static const char *strings(const json_t *v)
{
	json_t *seen = json_object(), *one;
	size_t i;

	if (seen == NULL)
		abort();
	json_array_foreach(v, i, one)
	{
		if (json_is_string(one) &&
		    json_object_set_new(seen, json_string_value(one), json_true()) == -1)
			abort();
	}
	/* what is no string, or stands twice, is missing among the keys */
	i = json_object_size(seen);
	json_decref(seen);
	return json_is_array(v) && i == json_array_size(v)
		   ? NULL
		   : "must be an array of different strings";
}

static const char *strings_map(const json_t *v)
{
	const char *key, *wrong = NULL;
	json_t *one;

	if (!json_is_object(v))
		return "must be an object of arrays of strings";
	json_object_foreach((json_t *)(uintptr_t)v, key, one)
	{
		wrong = wrong != NULL ? wrong : strings(one);
	}
	return wrong;
}

static const char *schema(const json_t *v)
{
	return json_is_object(v) || json_is_boolean(v)
		   ? NULL
		   : "must be a schema: an object, true or false";
}

static const char *schema_list(const json_t *v)
{
	static const char wrong[] = "must be an array of one schema or more";
	size_t i;
	json_t *one;

	if (!json_is_array(v) || json_array_size(v) == 0)
		return wrong;
	json_array_foreach(v, i, one)
	{
		if (schema(one) != NULL)
			return wrong;
	}
	return NULL;
}

static const char *schema_map(const json_t *v)
{
	const char *key;
	json_t *one;

	if (!json_is_object(v))
		return "must be an object of schemas";
	json_object_foreach((json_t *)(uintptr_t)v, key, one)
	{
		if (schema(one) != NULL)
			return "must be an object of schemas";
	}
	return NULL;
}

static const char *draft(const json_t *v)
{
	const char *s = json_string_value(v);

	return s != NULL && strcmp(s, "https://json-schema.org/draft/2020-12/schema") == 0
		   ? NULL
		   : "must be \"https://json-schema.org/draft/2020-12/schema\"";
}

static const char *reference(const json_t *v)
{
	const char *s = json_string_value(v);

	return s != NULL && s[0] == '#' && (s[1] == '\0' || s[1] == '/')
		   ? NULL
		   : "must lead into this file: \"#\" or \"#/$defs/...\"";
}

#define KEYWORDS(X)                                \
	X("$schema", draft, PLAIN)                 \
	X("$ref", reference, PLAIN)                \
	X("$defs", schema_map, MAP)                \
	X("$comment", string, PLAIN)               \
	X("title", string, PLAIN)                  \
	X("description", string, PLAIN)            \
	X("default", any, PLAIN)                   \
	X("examples", array, PLAIN)                \
	X("type", type, PLAIN)                     \
	X("enum", values, PLAIN)                   \
	X("const", any, PLAIN)                     \
	X("multipleOf", multiple, PLAIN)           \
	X("maximum", number, PLAIN)                \
	X("exclusiveMaximum", number, PLAIN)       \
	X("minimum", number, PLAIN)                \
	X("exclusiveMinimum", number, PLAIN)       \
	X("maxLength", count, PLAIN)               \
	X("minLength", count, PLAIN)               \
	X("pattern", string, PLAIN)                \
	X("format", format, PLAIN)                 \
	X("prefixItems", schema_list, LIST)        \
	X("items", schema, SCHEMA)                 \
	X("contains", schema, SCHEMA)              \
	X("minContains", count, PLAIN)             \
	X("maxContains", count, PLAIN)             \
	X("maxItems", count, PLAIN)                \
	X("minItems", count, PLAIN)                \
	X("uniqueItems", boolean, PLAIN)           \
	X("properties", schema_map, MAP)           \
	X("patternProperties", schema_map, MAP)    \
	X("additionalProperties", schema, SCHEMA)  \
	X("propertyNames", schema, SCHEMA)         \
	X("required", strings, PLAIN)              \
	X("dependentRequired", strings_map, PLAIN) \
	X("dependentSchemas", schema_map, MAP)     \
	X("maxProperties", count, PLAIN)           \
	X("minProperties", count, PLAIN)           \
	X("allOf", schema_list, LIST)              \
	X("anyOf", schema_list, LIST)              \
	X("oneOf", schema_list, LIST)              \
	X("not", schema, SCHEMA)                   \
	X("if", schema, SCHEMA)                    \
	X("then", schema, SCHEMA)                  \
	X("else", schema, SCHEMA)

static const struct {
	checker *check;
	enum stk_keyword_shape shape;
} keywords[] = {
#define X(name, check, shape) { check, STK_SHAPE_##shape },
	KEYWORDS(X)
#undef X
};

static const char *const names[] = {
#define X(name, check, shape) name,
	KEYWORDS(X)
#undef X
};

static size_t find(const char *keyword)
{
	size_t i = 0;

	while (i < STK_ARRAY_LEN(names) && strcmp(names[i], keyword) != 0)
		i++;
	return i;
}

enum stk_keyword_shape stk_keyword_shape(const char *keyword)
{
	size_t i = find(keyword);

	return i < STK_ARRAY_LEN(names) ? keywords[i].shape : STK_SHAPE_PLAIN;
}

/* --- did you mean ----------------------------------------------------------------------------- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein distance, a swap of neighbours counted as two; SIZE_MAX for long names. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], na = strlen(a), nb = strlen(b);

	if (na >= STK_ARRAY_LEN(row) || nb >= STK_ARRAY_LEN(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t above = row[j];

			row[j] =
			    least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[nb];
}

const char *stk_nearest(const char *const *list, size_t n, const char *name)
{
	const char *best = NULL;
	size_t best_distance = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(name, list[i]);

		if (d < best_distance && d * 2 <= strlen(list[i])) {
			best = list[i];
			best_distance = d;
		}
	}
	return best;
}

int stk_keywords_check(const json_t *node, const char *pointer, struct stk_schema_fault *f)
{
	const char *key;
	json_t *v;

	if (schema(node) != NULL)
		return stk_schema_wrong(f, pointer, "%s", schema(node));
	json_object_foreach((json_t *)(uintptr_t)node, key, v)
	{
		size_t i = find(key);
		char *at;
		const char *wrong, *near;

		wrong = i < STK_ARRAY_LEN(names) ? keywords[i].check(v) : "";
		if (wrong == NULL)
			continue;
		at = stk_pointer_add(pointer, key);
		f->outside = i == STK_ARRAY_LEN(names) || keywords[i].check == reference ||
			     keywords[i].check == format;
		near = stk_nearest(names, STK_ARRAY_LEN(names), key);
		if (i < STK_ARRAY_LEN(names))
			(void)stk_schema_wrong(f, at, "\"%s\" %s", key, wrong);
		else if (near != NULL)
			(void)stk_schema_wrong(
			    f, at, "unknown keyword \"%.64s\"; did you mean \"%s\"?", key, near);
		else
			(void)stk_schema_wrong(f, at,
			    "unknown keyword \"%.64s\"; stockade-schema(7) lists the known ones",
			    key);
		free(at);
		return -1;
	}
	return 0;
}

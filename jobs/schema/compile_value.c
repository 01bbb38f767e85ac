/*
 * compile_value.c - the values of const and enum, flat and in pre-order (rules.h, struct
 * stk_value).
 */
#include "jobs/schema/schema.h"

void stk_compile_value(struct stk_compiled *c, const char *key, json_t *v)
{
	uint32_t at = c->program.n_values++;
	struct stk_value value = { .key = key };
	const char *name;
	json_t *one;
	size_t i;

	c->values = stk_grow(c->values, at, sizeof(*c->values));
	switch (json_typeof(v)) {
	case JSON_NULL: value.type = STK_TYPE_NULL; break;
	case JSON_TRUE:
	case JSON_FALSE:
		value.type = STK_TYPE_BOOLEAN;
		value.len = json_is_true(v);
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		value.type = STK_TYPE_NUMBER;
		value.number = stk_number_of(v);
		break;
	case JSON_STRING:
		value.type = STK_TYPE_STRING;
		value.text = json_string_value(v);
		value.len = (uint32_t)json_string_length(v);
		break;
	case JSON_ARRAY:
		value.type = STK_TYPE_ARRAY;
		value.len = (uint32_t)json_array_size(v);
		json_array_foreach(v, i, one)
		{
			stk_compile_value(c, NULL, one);
		}
		break;
	case JSON_OBJECT:
		value.type = STK_TYPE_OBJECT;
		value.len = (uint32_t)json_object_size(v);
		json_object_foreach(v, name, one)
		{
			stk_compile_value(c, name, one);
		}
		break;
	}
	value.span = c->program.n_values - at;
	c->values[at] = value;
}

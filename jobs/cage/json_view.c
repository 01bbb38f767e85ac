/*
 * json_view.c - the read-only look into arguments that are deeper than a struct member (job.h). A
 * struct stockade_json is jansson's value under a name of our own; nothing here can change it.
 */
#include "jobs/cage/rules.h"

static const json_t *inner(const struct stockade_json *v)
{
	return (const json_t *)(const void *)v;
}

static const struct stockade_json *outer(const json_t *v)
{
	return (const struct stockade_json *)(const void *)v;
}

enum stockade_json_kind stockade_json_kind(const struct stockade_json *v)
{
	if (v == NULL)
		return STOCKADE_JSON_ABSENT;
	switch (json_typeof(inner(v))) {
	case JSON_OBJECT: return STOCKADE_JSON_OBJECT;
	case JSON_ARRAY: return STOCKADE_JSON_ARRAY;
	case JSON_STRING: return STOCKADE_JSON_STRING;
	case JSON_INTEGER:
	case JSON_REAL: return STOCKADE_JSON_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE: return STOCKADE_JSON_BOOLEAN;
	case JSON_NULL: break;
	}
	return STOCKADE_JSON_NULL;
}

size_t stockade_json_size(const struct stockade_json *v)
{
	return json_is_object(inner(v)) ? json_object_size(inner(v)) : json_array_size(inner(v));
}

const struct stockade_json *stockade_json_at(const struct stockade_json *array, size_t i)
{
	return outer(json_array_get(inner(array), i));
}

const struct stockade_json *stockade_json_get(const struct stockade_json *object, const char *key)
{
	return outer(json_object_get(inner(object), key));
}

const char *stockade_json_next(
    const struct stockade_json *object, const char *key, const struct stockade_json **value)
{
	json_t *o = (json_t *)(uintptr_t)inner(object);
	void *at = key == NULL ? json_object_iter(o)
			       : json_object_iter_next(o, json_object_key_to_iter(key));

	*value = at == NULL ? NULL : outer(json_object_iter_value(at));
	return at == NULL ? NULL : json_object_iter_key(at);
}

const char *stockade_json_string(const struct stockade_json *v)
{
	return json_string_value(inner(v));
}

bool stockade_json_integer(const struct stockade_json *v, int64_t *out)
{
	double d = json_real_value(inner(v));

	if (json_is_integer(inner(v)))
		*out = json_integer_value(inner(v));
	else if (json_is_real(inner(v)) && d >= -STK_2_63 && d < STK_2_63 &&
		 (double)(int64_t)d == d)
		*out = (int64_t)d;
	else
		return false;
	return true;
}

bool stockade_json_number(const struct stockade_json *v, double *out)
{
	if (!json_is_number(inner(v)))
		return false;
	*out = json_number_value(inner(v));
	return true;
}

bool stockade_json_boolean(const struct stockade_json *v, bool *out)
{
	if (!json_is_boolean(inner(v)))
		return false;
	*out = json_is_true(inner(v));
	return true;
}

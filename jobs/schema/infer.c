/*
 * infer.c - from samples of a queue to a proposed schema. It proposes what fits every sample and
 * leaves room above: a person reads it before it becomes a file. Samples are anybody's bytes; this
 * runs shut in (role.c).
 */
#include "jobs/schema/role.h"

#include "jobs/cage/formats.h"

#include <stdlib.h>
#include <string.h>

#define POSITIONS_MAX 16 /* longer argument lists are taken for a list of one kind */
#define DEPTH_MAX     8  /* deeper values are left open */
#define FORMAT_SEEN   3  /* samples before a format is believed */

static json_t *propose(const json_t *values, unsigned depth);

static bool all(const json_t *values, bool (*is)(const json_t *v))
{
	json_t *v;
	size_t i;

	json_array_foreach(values, i, v)
	{
		if (!is(v))
			return false;
	}
	return true;
}

static bool is_string(const json_t *v)
{
	return json_is_string(v);
}
static bool is_integer(const json_t *v)
{
	return json_is_integer(v);
}
static bool is_number(const json_t *v)
{
	return json_is_number(v);
}
static bool is_boolean(const json_t *v)
{
	return json_is_boolean(v);
}
static bool is_array(const json_t *v)
{
	return json_is_array(v);
}
static bool is_object(const json_t *v)
{
	return json_is_object(v);
}

static void set(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value) == -1)
		abort();
}

/* --- one type -----------------------------------------------------------------------------------
 */

static void strings(json_t *out, const json_t *values)
{
	static const char *const guesses[] = { "date-time", "date", "uuid", "ipv4", "ipv6", "email",
		"uri" };
	size_t longest = 0, room = 16, i;
	json_t *v;

	json_array_foreach(values, i, v)
	{
		size_t n = stk_code_points(json_string_value(v), json_string_length(v));

		longest = n > longest ? n : longest;
	}
	while (room < 2 * longest)
		room *= 2;
	set(out, "maxLength", json_integer((json_int_t)room));
	for (size_t g = 0; g < STK_ARRAY_LEN(guesses) && json_array_size(values) >= FORMAT_SEEN;
	     g++) {
		size_t n = 0;

		json_array_foreach(values, i, v)
		{
			n += stk_format_holds((uint32_t)stk_format_find(guesses[g]),
			    stk_span_of(json_string_value(v), json_string_length(v)));
		}
		if (n == json_array_size(values)) {
			set(out, "format", json_string(guesses[g]));
			return;
		}
	}
}

static void numbers(json_t *out, const json_t *values)
{
	json_t *v;
	size_t i;

	json_array_foreach(values, i, v)
	{
		if (json_number_value(v) < 0)
			return;
	}
	set(out, "minimum", json_integer(0));
}

static void arrays(json_t *out, const json_t *values, unsigned depth)
{
	json_t *items = json_array(), *v, *item;
	size_t longest = 0, room = 16, i, k;

	json_array_foreach(values, i, v)
	{
		longest = json_array_size(v) > longest ? json_array_size(v) : longest;
		json_array_foreach(v, k, item)
		{
			(void)json_array_append(items, item);
		}
	}
	while (room < 2 * longest)
		room *= 2;
	set(out, "items", propose(items, depth + 1));
	set(out, "maxItems", json_integer((json_int_t)room));
	json_decref(items);
}

static void objects(json_t *out, const json_t *values, unsigned depth)
{
	json_t *by_key = json_object(), *properties = json_object(), *required = json_array(), *v,
	       *member, *seen;
	const char *key;
	size_t i;

	json_array_foreach(values, i, v)
	{
		json_object_foreach(v, key, member)
		{
			if (json_object_get(by_key, key) == NULL)
				set(by_key, key, json_array());
			(void)json_array_append(json_object_get(by_key, key), member);
		}
	}
	json_object_foreach(by_key, key, seen)
	{
		set(properties, key, propose(seen, depth + 1));
		if (json_array_size(seen) == json_array_size(values))
			(void)json_array_append_new(required, json_string(key));
	}
	set(out, "properties", properties);
	set(out, "required", required);
	set(out, "additionalProperties", json_false());
	json_decref(by_key);
}

/* --- any ----------------------------------------------------------------------------------------
 */

/* The values that are not null. */
static json_t *without_null(const json_t *values)
{
	json_t *out = json_array(), *v;
	size_t i;

	json_array_foreach(values, i, v)
	{
		if (!json_is_null(v))
			(void)json_array_append(out, v);
	}
	return out;
}

static const char *shape(json_t *out, const json_t *values, unsigned depth)
{
	if (all(values, is_string)) {
		strings(out, values);
		return "string";
	}
	if (all(values, is_number)) {
		numbers(out, values);
		return all(values, is_integer) ? "integer" : "number";
	}
	if (all(values, is_boolean))
		return "boolean";
	if (all(values, is_array)) {
		arrays(out, values, depth);
		return "array";
	}
	if (!all(values, is_object))
		return NULL;
	objects(out, values, depth);
	return "object";
}

static json_t *propose(const json_t *values, unsigned depth)
{
	json_t *some = without_null(values), *out = json_object();
	bool nulls = json_array_size(some) < json_array_size(values);
	const char *type = NULL;

	if (json_array_size(some) > 0 && depth < DEPTH_MAX)
		type = shape(out, some, depth);
	else if (nulls && json_array_size(some) == 0)
		set(out, "type", json_string("null"));
	if (type != NULL)
		set(out, "type", nulls ? json_pack("[s,s]", type, "null") : json_string(type));
	else if (json_array_size(some) > 0)
		set(out, "$comment", json_string("values of several kinds were seen"));
	json_decref(some);
	return out;
}

/* --- the arguments -------------------------------------------------------------------------------
 */

/* Of all lists of arguments, the values that stood at position @at. */
static json_t *column(const json_t *lists, size_t at)
{
	json_t *out = json_array(), *list;
	size_t i;

	json_array_foreach(lists, i, list)
	{
		if (at < json_array_size(list))
			(void)json_array_append(out, json_array_get(list, at));
	}
	return out;
}

static json_t *whole(const char *class_name, const json_t *lists)
{
	size_t least = SIZE_MAX, most = 0, i;
	json_t *out = json_object(), *list, *prefix = json_array();
	char text[96];

	json_array_foreach(lists, i, list)
	{
		least = json_array_size(list) < least ? json_array_size(list) : least;
		most = json_array_size(list) > most ? json_array_size(list) : most;
	}
	(void)snprintf(text, sizeof(text),
	    "Proposed from %zu samples: read it, name the arguments, tighten it.",
	    json_array_size(lists));
	set(out, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	set(out, "title", json_string(class_name));
	set(out, "$comment", json_string(text));
	set(out, "type", json_string("array"));
	for (size_t at = 0; at < most && most <= POSITIONS_MAX; at++) {
		json_t *values = column(lists, at), *one = propose(values, 0);

		(void)snprintf(text, sizeof(text), "arg%zu", at + 1);
		set(one, "title", json_string(text));
		(void)json_array_append_new(prefix, one);
		json_decref(values);
	}
	if (json_array_size(prefix) > 0)
		set(out, "prefixItems", json_incref(prefix));
	json_decref(prefix);
	if (most <= POSITIONS_MAX)
		set(out, "items", json_false());
	set(out, "minItems", json_integer((json_int_t)(least == SIZE_MAX ? 0 : least)));
	return out;
}

/* A signed job's arguments are the text of its second string. The new list, or NULL. */
static json_t *arguments(const json_t *args)
{
	const char *head = json_string_value(json_array_get(args, 0));
	const char *body = json_string_value(json_array_get(args, 1));
	struct stockade_violation v;
	json_t *out;

	if (json_array_size(args) != 3 || head == NULL || body == NULL ||
	    strncmp(head, "stk1;", 5) != 0)
		return json_is_array(args) ? json_incref((json_t *)(uintptr_t)args) : NULL;
	return stockade_args_parse(body, strlen(body), &out, &v) == 0 ? out : NULL;
}

/* One payload into @classes: class name -> array of argument lists. */
static bool take(json_t *classes, const uint8_t *p, size_t len, const char *only)
{
	json_t *payload = json_loadb((const char *)p, len, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(payload, "class"));
	json_t *args = arguments(json_object_get(payload, "args"));
	bool good = name != NULL && args != NULL && (only == NULL || strcmp(only, name) == 0);

	if (good && json_object_get(classes, name) == NULL)
		set(classes, name, json_array());
	if (good)
		(void)json_array_append(json_object_get(classes, name), args);
	json_decref(args);
	json_decref(payload);
	return good;
}

json_t *stk_infer(const uint8_t *samples, size_t len, const char *only, char why[256])
{
	json_t *classes = json_object(), *out = json_object(), *lists;
	size_t seen = 0, used = 0, at = 0;
	const char *name;
	uint32_t n;

	for (; len - at >= sizeof(n); at += n, seen++) {
		memcpy(&n, samples + at, sizeof(n));
		at += sizeof(n);
		if (n > len - at)
			break;
		used += take(classes, samples + at, n, only);
	}
	json_object_foreach(classes, name, lists)
	{
		set(out, name, whole(name, lists));
	}
	json_decref(classes);
	if (used > 0)
		return out;
	json_decref(out);
	(void)snprintf(why, 256, "of %zu samples none is a job%s%.128s", seen,
	    only == NULL ? "" : " of class ", only == NULL ? "" : only);
	return NULL;
}

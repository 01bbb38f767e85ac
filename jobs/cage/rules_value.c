/*
 * rules_value.c - numbers and equality as JSON Schema means them (rules.h): by value, exactly.
 */
#include "jobs/cage/rules.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

/* --- numbers ---------------------------------------------------------------------------------- */

struct stk_number stk_number_of(const json_t *v)
{
	if (json_is_integer(v))
		return (struct stk_number){ .i = json_integer_value(v) };
	return (struct stk_number){ .real = true, .d = json_real_value(v) };
}

bool stk_number_whole(struct stk_number n)
{
	return !n.real || floor(n.d) == n.d;
}

/* Between an integer and a double, without rounding the integer: 2^53 + 1 is not 2^53. */
static int int_double(int64_t i, double d)
{
	int64_t whole;

	if (d >= STK_2_63)
		return -1;
	if (d < -STK_2_63)
		return 1;
	whole = (int64_t)d;
	if (i != whole)
		return i < whole ? -1 : 1;
	d -= (double)whole;
	return d > 0 ? -1 : d < 0 ? 1 : 0;
}

int stk_number_cmp(struct stk_number a, struct stk_number b)
{
	if (!a.real && !b.real)
		return (a.i > b.i) - (a.i < b.i);
	if (a.real && b.real)
		return (a.d > b.d) - (a.d < b.d);
	return a.real ? -int_double(b.i, a.d) : int_double(a.i, b.d);
}

uint64_t stk_number_digits(struct stk_number n, int *exponent)
{
	uint64_t digits = 0;
	char s[40];
	int places = -1;

	*exponent = 0;
	if (!n.real) {
		digits = n.i < 0 ? 0 - (uint64_t)n.i : (uint64_t)n.i;
	} else {
		for (int precision = 0; precision <= 16; precision++) {
			(void)snprintf(s, sizeof(s), "%.*e", precision, fabs(n.d));
			if (strtod(s, NULL) == fabs(n.d))
				break;
		}
		for (const char *p = s; *p != '\0' && *p != 'e'; p++)
			if (*p >= '0' && *p <= '9') {
				digits = digits * 10 + (uint64_t)(*p - '0');
				places++;
			}
		*exponent = (int)strtol(strchr(s, 'e') + 1, NULL, 10) - places;
	}
	for (; digits != 0 && digits % 10 == 0; digits /= 10)
		++*exponent;
	return digits;
}

bool stk_number_multiple(struct stk_number n, int64_t scaled, uint32_t places)
{
	int exponent;
	uint64_t digits = stk_number_digits(n, &exponent), m = (uint64_t)scaled;
	wide rest = digits % m, of = m;

	exponent += (int)places;
	/* fewer than 20 digits, the last not 0: no multiple of a higher power of ten */
	if (exponent < 0)
		return digits == 0;
	for (; exponent > 0 && rest != 0; exponent--)
		rest = rest * 10 % of;
	return rest == 0;
}

/* --- equality --------------------------------------------------------------------------------- */

/* INTEGER is not among them: 1 and 1.0 are of one kind here. */
static uint32_t kind(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT: return STK_TYPE_OBJECT;
	case JSON_ARRAY: return STK_TYPE_ARRAY;
	case JSON_STRING: return STK_TYPE_STRING;
	case JSON_INTEGER:
	case JSON_REAL: return STK_TYPE_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE: return STK_TYPE_BOOLEAN;
	case JSON_NULL: break;
	}
	return STK_TYPE_NULL;
}

static bool same_text(const struct stk_value *t, const json_t *v)
{
	return json_string_length(v) == t->len &&
	       memcmp(json_string_value(v), t->text, t->len) == 0;
}

bool stk_value_equal(const struct stk_value *t, const json_t *v, struct stk_meter *m)
{
	const struct stk_value *child = t + 1;

	if (!stk_spend(m, 1) || t->type != kind(v))
		return false;
	switch (t->type) {
	case STK_TYPE_BOOLEAN: return json_is_true(v) == (t->len != 0);
	case STK_TYPE_NUMBER: return stk_number_cmp(t->number, stk_number_of(v)) == 0;
	case STK_TYPE_STRING: return same_text(t, v);
	case STK_TYPE_ARRAY:
		if (json_array_size(v) != t->len)
			return false;
		for (size_t i = 0; i < t->len; i++, child += child->span)
			if (!stk_value_equal(child, json_array_get(v, i), m))
				return false;
		return true;
	case STK_TYPE_OBJECT:
		if (json_object_size(v) != t->len)
			return false;
		for (size_t i = 0; i < t->len; i++, child += child->span) {
			const json_t *member = json_object_get(v, child->key);

			if (member == NULL || !stk_value_equal(child, member, m))
				return false;
		}
		return true;
	default: return true;
	}
}

static bool equal(json_t *a, json_t *b, struct stk_meter *m)
{
	const char *key;
	json_t *x, *y;
	size_t i;

	if (!stk_spend(m, 1) || kind(a) != kind(b))
		return false;
	if (json_is_number(a))
		return stk_number_cmp(stk_number_of(a), stk_number_of(b)) == 0;
	if (json_is_string(a))
		return json_equal(a, b) == 1 && stk_spend(m, json_string_length(a) / 64);
	if (json_is_array(a)) {
		if (json_array_size(a) != json_array_size(b))
			return false;
		json_array_foreach(a, i, x)
		{
			if (!equal(x, json_array_get(b, i), m))
				return false;
		}
		return true;
	}
	if (!json_is_object(a))
		return json_typeof(a) == json_typeof(b);
	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach(a, key, x)
	{
		y = json_object_get(b, key);
		if (y == NULL || !equal(x, y, m))
			return false;
	}
	return true;
}

/* --- uniqueItems ------------------------------------------------------------------------------ */

/* FNV-1a. Collisions made on purpose only cost the sender's own steps. */
static uint64_t mix(uint64_t h, const void *p, size_t len)
{
	const unsigned char *at = p;

	for (size_t i = 0; i < len; i++)
		h = (h ^ at[i]) * 0x100000001b3u;
	return h;
}

/* Equal values have equal hashes: members in any order, so theirs are added. */
static uint64_t hash(json_t *v, struct stk_meter *m)
{
	uint32_t k = kind(v);
	uint64_t h = mix(0xcbf29ce484222325u, &k, sizeof(k)), sum = 0;
	const char *key;
	json_t *x;
	size_t i;

	if (!stk_spend(m, 1))
		return 0;
	if (json_is_number(v)) {
		double d = json_number_value(v) + 0.0;

		return mix(h, &d, sizeof(d));
	}
	if (json_is_string(v) && stk_spend(m, json_string_length(v) / 64))
		return mix(h, json_string_value(v), json_string_length(v));
	if (json_is_array(v)) {
		json_array_foreach(v, i, x)
		{
			uint64_t one = hash(x, m);

			h = mix(h, &one, sizeof(one));
		}
		return h;
	}
	if (!json_is_object(v))
		return h + json_is_true(v);
	json_object_foreach(v, key, x)
	{
		sum += mix(hash(x, m), key, strlen(key));
	}
	return mix(h, &sum, sizeof(sum));
}

struct item {
	uint64_t hash;
	json_t *value;
};

static int by_hash(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

bool stk_items_unique(const json_t *v, struct stk_meter *m)
{
	size_t n = json_array_size(v);
	struct item *items = n < 2 ? NULL : calloc(n, sizeof(*items));
	bool unique = true;

	if (n < 2)
		return true;
	if (items == NULL) {
		m->out = true;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		items[i].value = json_array_get(v, i);
		items[i].hash = hash(items[i].value, m);
	}
	if (stk_spend(m, n))
		qsort(items, n, sizeof(*items), by_hash);
	for (size_t i = 0; unique && !m->out && i < n; i++)
		for (size_t j = i + 1; unique && j < n && items[j].hash == items[i].hash; j++)
			unique = !equal(items[i].value, items[j].value, m);
	free(items);
	return unique;
}

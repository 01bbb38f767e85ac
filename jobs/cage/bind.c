/*
 * bind.c - see bind.h. The schema has said yes before anything is stored; what is looked at here
 * again is only what C cannot hold: an integer beyond 64 bits.
 */
#include "jobs/cage/bind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wrong(struct stockade_violation *v, const struct stockade_field *f, const char *rule)
{
	if (f->key != NULL)
		(void)snprintf(v->pointer, sizeof(v->pointer), "/0/%s", f->key);
	else
		(void)snprintf(v->pointer, sizeof(v->pointer), "/%u", f->index);
	(void)snprintf(v->rule, sizeof(v->rule), "%s", rule);
	return -1;
}

/* 1e3 and 3.0 are integers to JSON Schema. */
static bool integer(const json_t *j, int64_t *out)
{
	double d = json_real_value(j);

	if (json_is_integer(j)) {
		*out = json_integer_value(j);
		return true;
	}
	if (!json_is_real(j) || d < -STK_2_63 || d >= STK_2_63)
		return false;
	*out = (int64_t)d;
	return true;
}

/* One scalar of @kind to @at; false if C cannot hold it. */
static bool scalar(uint32_t kind, const json_t *j, void *at)
{
	const char *s = json_string_value(j);
	double d = json_number_value(j);
	bool yes = json_is_true(j);
	int64_t i = 0;

	switch (kind) {
	case STOCKADE_FIELD_STRING:
	case STOCKADE_FIELD_STRINGS: memcpy(at, &s, sizeof(s)); return true;
	case STOCKADE_FIELD_NUMBER:
	case STOCKADE_FIELD_NUMBERS: memcpy(at, &d, sizeof(d)); return true;
	case STOCKADE_FIELD_BOOLEAN:
	case STOCKADE_FIELD_BOOLEANS: memcpy(at, &yes, sizeof(yes)); return true;
	case STOCKADE_FIELD_INTEGER:
	case STOCKADE_FIELD_INTEGERS:
		if (!integer(j, &i))
			return false;
		memcpy(at, &i, sizeof(i));
		return true;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): it is the pointer that is stored */
	default: memcpy(at, &j, sizeof(j)); return true;
	}
}

static size_t width(uint32_t kind)
{
	switch (kind) {
	case STOCKADE_FIELD_STRINGS: return sizeof(const char *);
	case STOCKADE_FIELD_NUMBERS: return sizeof(double);
	case STOCKADE_FIELD_BOOLEANS: return sizeof(bool);
	default: return sizeof(int64_t);
	}
}

/* The public array structs are all alike: a count and a pointer. */
struct array {
	size_t n;
	void *at;
};
_Static_assert(sizeof(struct array) == sizeof(struct stockade_strings), "arrays are alike");

static int array(const struct stockade_field *f, const json_t *j, size_t from, void *out,
    struct stockade_violation *v)
{
	struct array a = { .n = json_array_size(j) - from };
	size_t each = width(f->kind);

	a.at = a.n == 0 ? NULL : calloc(a.n, each);
	if (a.n > 0 && a.at == NULL)
		return wrong(v, f, "does not fit into memory");
	memcpy(out, &a, sizeof(a));
	for (size_t i = 0; i < a.n; i++)
		if (!scalar(f->kind, json_array_get(j, from + i), (char *)a.at + i * each))
			return wrong(v, f, "must fit 64 bits (type)");
	return 0;
}

static bool is_array(uint32_t kind)
{
	return kind >= STOCKADE_FIELD_STRINGS && kind <= STOCKADE_FIELD_BOOLEANS;
}

/* The schema said that it is one of them. An enum of C is as wide as an int (the source checks). */
static void which(const struct stockade_field *f, const char *s, char *out)
{
	for (uint32_t i = 0; i < f->n_values; i++)
		if (strcmp(f->values[i], s) == 0) {
			int number = (int)i + 1;

			memcpy(out + f->which, &number, sizeof(number));
			return;
		}
}

static int field(
    const struct stockade_field *f, const json_t *args, char *out, struct stockade_violation *v)
{
	const json_t *j = f->key != NULL ? json_object_get(json_array_get(args, 0), f->key)
					 : json_array_get(args, f->index);
	bool yes = true;

	if ((f->flags & STOCKADE_FIELD_REST) != 0)
		return json_array_size(args) > f->index
			   ? array(f, args, f->index, out + f->offset, v)
			   : 0;
	if (j == NULL || (json_is_null(j) && f->kind != STOCKADE_FIELD_JSON))
		return 0;
	if (f->has != STK_RULES_NONE)
		memcpy(out + f->has, &yes, sizeof(yes));
	if (is_array(f->kind))
		return array(f, j, 0, out + f->offset, v);
	if (f->n_values > 0)
		which(f, json_string_value(j), out);
	return scalar(f->kind, j, out + f->offset) ? 0 : wrong(v, f, "must fit 64 bits (type)");
}

int stockade_bind(
    const struct stockade_binder *b, const json_t *args, void *out, struct stockade_violation *v)
{
	if (stk_rules_check(b->program, args, STK_RULES_STEPS, v) == -1)
		return -1;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): it is the pointer that is stored */
	memcpy((char *)out + b->json, &args, sizeof(args));
	for (uint32_t i = 0; i < b->n_fields; i++)
		if (field(&b->fields[i], args, out, v) == -1)
			return -1;
	return 0;
}

void stockade_bind_clear(const struct stockade_binder *b, void *out)
{
	for (uint32_t i = 0; i < b->n_fields; i++) {
		struct array a;

		if (!is_array(b->fields[i].kind))
			continue;
		memcpy(&a, (char *)out + b->fields[i].offset, sizeof(a));
		free(a.at);
		memset((char *)out + b->fields[i].offset, 0, sizeof(a));
	}
}

/*
 * one_file.c - see one_file.h. Checks exactly what checksum_file.schema.json and
 * csv_summary.schema.json say; lengths are in code points, as JSON Schema counts.
 */
#include "jobs/cage/one_file.h"

#include <stdio.h>

#define FILE_MAX 255

static int violate(struct stockade_violation *v, const char *pointer, const char *rule)
{
	(void)snprintf(v->pointer, sizeof(v->pointer), "%s", pointer);
	(void)snprintf(v->rule, sizeof(v->rule), "%s", rule);
	return -1;
}

/* jansson let only valid UTF-8 through: every byte that is no continuation begins a code point. */
static size_t code_points(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

int stockade_bind_one_file(const json_t *args, const char **file, struct stockade_violation *v)
{
	const json_t *name = json_array_get(args, 0);

	if (json_array_size(args) < 1)
		return violate(v, "", "needs one item: a file name (minItems)");
	if (json_array_size(args) > 1)
		return violate(v, "/1", "one item is all there may be (items)");
	if (!json_is_string(name))
		return violate(v, "/0", "must be a string (type)");
	*file = json_string_value(name);
	if (code_points(*file) < 1)
		return violate(v, "/0", "must not be empty (minLength)");
	if (code_points(*file) > FILE_MAX)
		return violate(v, "/0", "must not be longer than 255 (maxLength)");
	return 0;
}

/*
 * args.c - argument text to a JSON tree, in the caged child only. The bytes are signed, but the
 * signer may be careless or taken over: depth and keys are counted before a tree is built.
 */
#include "jobs/cage/cage.h"

#include <stdio.h>
#include <string.h>

/* Past the string that begins at text[i] == '"'; the parser proper judges what is in it. */
static size_t skip_string(const char *text, size_t len, size_t i)
{
	for (i++; i < len && text[i] != '"'; i++)
		if (text[i] == '\\')
			i++;
	return i;
}

/*
 * Brackets and colons outside strings: in anything that is JSON these are its depth and its number
 * of keys, and in anything else the parser stops by itself.
 */
static const char *shape_wrong(const char *text, size_t len)
{
	size_t depth = 0, keys = 0;

	for (size_t i = 0; i < len; i++) {
		switch (text[i]) {
		case '"': i = skip_string(text, len, i); break;
		case '[':
		case '{': depth++; break;
		case ']':
		case '}': depth -= depth > 0; break;
		case ':': keys++; break;
		default: break;
		}
		if (depth > STOCKADE_ARGS_DEPTH)
			return "nested deeper than 64 levels";
		if (keys > STOCKADE_ARGS_KEYS)
			return "more than 1024 keys";
	}
	return NULL;
}

int stockade_args_parse(const char *text, size_t len, json_t **out, struct stockade_violation *v)
{
	const char *wrong = shape_wrong(text, len);
	json_error_t error;

	*out = NULL;
	memset(v, 0, sizeof(*v));
	if (wrong != NULL) {
		(void)snprintf(v->rule, sizeof(v->rule), "%s", wrong);
		return -1;
	}
	*out = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (*out == NULL) {
		(void)snprintf(v->rule, sizeof(v->rule), "byte %d: %s", error.position, error.text);
		return -1;
	}
	if (!json_is_array(*out)) {
		(void)snprintf(v->rule, sizeof(v->rule), "the arguments are not an array");
		json_decref(*out);
		*out = NULL;
		return -1;
	}
	return 0;
}

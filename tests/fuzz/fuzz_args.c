/*
 * fuzz_args.c - argument text as the caged child reads it.
 */
#include "jobs/cage/cage.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t depth_of(const json_t *j)
{
	size_t deepest = 0, i, d;
	const char *key;
	json_t *v;

	json_array_foreach(j, i, v) if ((d = depth_of(v)) > deepest) deepest = d;
	json_object_foreach((json_t *)(uintptr_t)j, key, v) if ((d = depth_of(v)) > deepest)
	    deepest = d;
	return deepest + (json_is_array(j) || json_is_object(j));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stockade_violation v;
	json_t *args;

	if (stockade_args_parse((const char *)data, size, &args, &v) == -1) {
		if (args != NULL || v.rule[0] == '\0')
			abort();
		return 0;
	}
	if (!json_is_array(args) || depth_of(args) > STOCKADE_ARGS_DEPTH)
		abort();
	json_decref(args);
	return 0;
}

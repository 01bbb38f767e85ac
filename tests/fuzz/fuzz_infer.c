/*
 * fuzz_infer.c - samples of a queue, anybody's bytes, to proposed schemas. What is proposed is a
 * schema that compiles.
 */
#include "jobs/schema/role.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compiles(json_t *schema)
{
	struct stk_compiled c = { 0 };
	struct stk_schema_fault f = { 0 };

	if (stk_compile(schema, &c, &f) == -1)
		abort();
	stk_compiled_clear(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[256] = "";
	json_t *all = stk_infer(data, size, NULL, why), *schema;
	const char *name;

	if (all == NULL && why[0] == '\0')
		abort();
	json_object_foreach(all, name, schema) compiles(schema);
	json_decref(all);
	return 0;
}

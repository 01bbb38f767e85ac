/*
 * fuzz_schema.c - schema text through the whole compiler. Whatever it is, it is compiled or refused
 * with a sentence and a place; what is compiled can be emitted and run.
 */
#include "jobs/schema/schema.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A program runs on its own schema as a value, and on scalars, without going wrong. */
static void run(const struct stk_program *p, const json_t *root)
{
	json_t *values[] = { json_null(), json_integer(7), json_string("aab"),
		json_pack("[f]", 0.5) };
	struct stockade_violation v;

	if (stk_rules_check(p, root, 20000, &v) == -1 && v.rule[0] == '\0')
		abort();
	for (size_t i = 0; i < STK_ARRAY_LEN(values); i++) {
		(void)stk_rules_check(p, values[i], 2000, &v);
		json_decref(values[i]);
	}
}

static void plan(const struct stk_compiled *c, struct stk_schema_fault *f)
{
	struct stk_plan made;

	if (stk_plan_make(c, "fuzz", &made, f) == 0) {
		char *header = stk_emit_header(&made, "x");
		char *source = stk_emit_source(&made, c, "x", "x.h");

		if (header == NULL || source == NULL)
			abort();
		free(header);
		free(source);
	} else if (f->text[0] == '\0') {
		abort();
	}
	stk_plan_clear(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stk_schema_fault f = { 0 };
	struct stk_compiled c = { 0 };
	json_t *root;

	if (stk_source_parse((const char *)data, size, &root, &f) == 0) {
		if (stk_compile(root, &c, &f) == 0) {
			run(&c.program, root);
			plan(&c, &f);
		} else if (f.text[0] == '\0') {
			abort();
		}
		stk_source_locate((const char *)data, size, &f);
		if (f.line < 1 || f.column < 1)
			abort();
	} else if (f.text[0] == '\0') {
		abort();
	}
	stk_compiled_clear(&c);
	json_decref(root);
	return 0;
}

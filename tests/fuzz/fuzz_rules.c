/*
 * fuzz_rules.c - argument text against schemas that hold every keyword. A verdict is the same each
 * time, holds for a larger counter too, and a refusal always has its rule.
 */
#include "jobs/cage/cage.h"
#include "jobs/schema/schema.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS 20000u

static const char *const schemas[] = {
	"{\"type\":\"array\",\"uniqueItems\":true,\"minItems\":1,\"maxItems\":9,\"contains\":{"
	"\"type\":"
	"\"string\"},\"minContains\":0,\"maxContains\":3,\"prefixItems\":[{\"minimum\":-3.5,"
	"\"multipleOf\":"
	"0.05},{\"pattern\":\"^(a|aa)*[b-d]{1,9}$\"}],\"items\":{\"$ref\":\"#/$defs/"
	"t\"},\"$defs\":{\"t\":{"
	"\"properties\":{\"kids\":{\"items\":{\"$ref\":\"#/$defs/"
	"t\"}}},\"anyOf\":[{\"type\":\"object\"},{"
	"\"maxLength\":3},{\"exclusiveMaximum\":10}]}}}",
	"{\"items\":{\"patternProperties\":{\"^a\":{\"const\":[1,{\"b\":null}]}},\"properties\":{"
	"\"x\":{"
	"\"enum\":[1.5,\"s\",true]}},\"additionalProperties\":{\"type\":[\"integer\",\"null\"]},"
	"\"propertyNames\":{\"maxLength\":8},\"required\":[\"x\"],\"dependentRequired\":{\"x\":["
	"\"y\"]},"
	"\"dependentSchemas\":{\"y\":{\"minProperties\":2}},\"maxProperties\":6}}",
	"{\"items\":{\"if\":{\"type\":\"string\"},\"then\":{\"oneOf\":[{\"format\":\"date-time\"},{"
	"\"format\":"
	"\"uri\"},{\"format\":\"email\"},{\"format\":\"ipv6\"}]},\"else\":{\"not\":{"
	"\"exclusiveMinimum\":5},"
	"\"allOf\":[{\"maximum\":1e300},{\"minLength\":0}]}}}",
	"{\"items\":{\"anyOf\":[{\"format\":\"duration\"},{\"format\":\"hostname\"},{\"format\":"
	"\"ipv4\"},{"
	"\"format\":\"idn-email\"},{\"format\":\"iri-reference\"},{\"format\":\"uri-template\"},{"
	"\"format\":"
	"\"uuid\"},{\"format\":\"relative-json-pointer\"}]}}",
};

static struct stk_compiled compiled[STK_ARRAY_LEN(schemas)];

/* Kept for the life of the process; the trees are borrowed from. */
static void build(void)
{
	static json_t *roots[STK_ARRAY_LEN(schemas)];

	for (size_t i = 0; i < STK_ARRAY_LEN(schemas); i++) {
		struct stk_schema_fault f = { 0 };

		if (roots[i] != NULL)
			continue;
		if (stk_source_parse(schemas[i], strlen(schemas[i]), &roots[i], &f) == -1 ||
		    stk_compile(roots[i], &compiled[i], &f) == -1)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stockade_violation v, again;
	json_t *args;

	build();
	if (stockade_args_parse((const char *)data, size, &args, &v) == -1)
		return 0;
	for (size_t i = 0; i < STK_ARRAY_LEN(schemas); i++) {
		int fits = stk_rules_check(&compiled[i].program, args, STEPS, &v);

		if ((fits == 0) != (v.rule[0] == '\0') || strlen(v.pointer) >= sizeof(v.pointer))
			abort();
		if (stk_rules_check(&compiled[i].program, args, STEPS, &again) != fits ||
		    strcmp(v.rule, again.rule) != 0 || strcmp(v.pointer, again.pointer) != 0)
			abort();
		if (fits == 0 &&
		    stk_rules_check(&compiled[i].program, args, 2 * STEPS, &again) != 0)
			abort();
	}
	json_decref(args);
	return 0;
}

/*
 * test_generate.c - arguments made from a schema (jobs/test/generate.h) fit it: for each keyword
 * that the generator heeds, out of random bytes, out of none, and the same bytes give the same.
 */
#include "tests/harness.h"

#include "jobs/cage/formats.h"
#include "jobs/schema/schema.h"
#include "jobs/test/generate.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 500

/* The least of a hundred that must fit; 100 but where the generator gives up a rule. */
static const struct {
	const char *schema;
	unsigned fit;
} all[] = {
	{ "{\"type\":\"integer\",\"minimum\":-5,\"exclusiveMaximum\":7}", 100 },
	{ "{\"type\":\"integer\",\"minimum\":10,\"maximum\":1000,\"multipleOf\":7}", 95 },
	{ "{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":0.5}", 100 },
	{ "{\"type\":\"boolean\"}", 100 },
	{ "{\"type\":[\"null\",\"string\"],\"maxLength\":3}", 100 },
	{ "{\"type\":\"string\",\"minLength\":2000,\"maxLength\":2010}", 100 },
	{ "{\"type\":\"string\",\"minLength\":40,\"maxLength\":41}", 100 },
	{ "{\"type\":\"string\",\"pattern\":\"^[a-c]{2,4}(x|yz)?-\\\\d+$\"}", 100 },
	{ "{\"type\":\"string\",\"pattern\":\"^(GET|POST) /[\\\\w/]*$\"}", 100 },
	{ "{\"type\":\"string\",\"pattern\":\"\\\\.gz$\",\"minLength\":9,\"maxLength\":30}", 100 },
	{ "{\"type\":\"string\",\"pattern\":\"^[^a-z]+$\"}", 100 },
	{ "{\"enum\":[1,\"two\",[3,{\"four\":4.5}],null,true]}", 100 },
	{ "{\"const\":{\"a\":[1,2]}}", 100 },
	{ "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":3,\"maxItems\":5}",
	    100 },
	{ "{\"type\":\"array\",\"prefixItems\":[{\"const\":1},{\"type\":\"string\"}],"
	  "\"items\":false,\"minItems\":1}",
	    100 },
	{ "{\"type\":\"array\",\"contains\":{\"const\":5},\"minContains\":2}", 100 },
	{ "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":"
	  "\"string\"}},\"required\":[\"b\",\"c\"]}",
	    100 },
	{ "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},"
	  "\"additionalProperties\":false}",
	    100 },
	{ "{\"type\":\"object\",\"minProperties\":4,\"additionalProperties\":{\"type\":"
	  "\"number\"}}",
	    100 },
	{ "{\"allOf\":[{\"type\":\"integer\"},{\"minimum\":3},{\"maximum\":9}]}", 100 },
	{ "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"array\",\"items\":{\"const\":0}}]}",
	    100 },
	{ "{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/"
	  "$defs/t\"},\"maxItems\":2}}}",
	    90 },
	{ "{\"if\":{\"type\":\"integer\"},\"then\":{\"minimum\":5},\"else\":{\"type\":\"string\"}}",
	    90 },
};

static uint64_t seed = 42;

static size_t fill(uint8_t *p, size_t max)
{
	size_t n;

	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	n = (size_t)(seed >> 33) % max;
	for (size_t i = 0; i < n; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		p[i] = (uint8_t)(seed >> 40);
	}
	return n;
}

static bool fits(const struct stk_program *p, const json_t *v)
{
	struct stockade_violation wrong;

	return stk_rules_check(p, v, STK_RULES_STEPS, &wrong) == 0;
}

/* Fitting ones of ROUNDS, and that the same bytes give the same value. */
static unsigned try_schema(const struct stk_program *p)
{
	unsigned good = 0;
	uint8_t bytes[300];

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t n = i == 0 ? 0 : fill(bytes, sizeof(bytes));
		struct stockade_dice one = { bytes, n }, two = { bytes, n };
		json_t *v = stockade_generate(p, &one), *again = stockade_generate(p, &two);

		assert_non_null(v);
		assert_true(json_equal(v, again) == 1);
		good += fits(p, v);
		json_decref(v);
		json_decref(again);
	}
	return good;
}

static void what_is_generated_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(all); i++) {
		struct stk_schema_fault f = { 0 };
		struct stk_compiled c;
		json_t *root;
		unsigned good;

		if (stk_source_parse(all[i].schema, strlen(all[i].schema), &root, &f) == -1 ||
		    stk_compile(root, &c, &f) == -1)
			fail_msg("%s: %s", all[i].schema, f.text);
		good = try_schema(&c.program);
		if (good * 100 < all[i].fit * ROUNDS)
			fail_msg("%s: %u of %u fit", all[i].schema, good, ROUNDS);
		stk_compiled_clear(&c);
		json_decref(root);
	}
}

/* Every format has samples, and each of them is one. */
static void every_format_has_samples(void **state)
{
	static const char *const formats[] = { "date", "time", "date-time", "duration", "email",
		"idn-email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "iri",
		"iri-reference", "uri-template", "uuid", "json-pointer", "relative-json-pointer" };

	(void)state;
	assert_int_equal(stk_format_count(), STK_ARRAY_LEN(formats));
	for (uint32_t k = 0; k < STK_ARRAY_LEN(formats); k++)
		for (uint8_t pick = 0; pick < 3; pick++) {
			struct stockade_text t = { .most = UINT32_MAX,
				.format = (uint32_t)stk_format_find(formats[k]) };
			struct stockade_dice d = { &pick, 1 };
			json_t *v = stockade_generate_text(&t, &d);

			if (!stk_format_holds(
				t.format, stk_span_of(json_string_value(v), json_string_length(v))))
				fail_msg("%s: \"%s\" is none", formats[k], json_string_value(v));
			json_decref(v);
		}
}

/* Bounds are where mistakes are: they come up. */
static void bounds_come_often(void **state)
{
	static const char text[] = "{\"type\":\"integer\",\"minimum\":-3,\"maximum\":100000}";
	struct stk_schema_fault f = { 0 };
	struct stk_compiled c;
	unsigned low = 0, high = 0, zero = 0;
	uint8_t bytes[16];
	json_t *root;

	(void)state;
	assert_int_equal(stk_source_parse(text, strlen(text), &root, &f), 0);
	assert_int_equal(stk_compile(root, &c, &f), 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct stockade_dice d = { bytes, fill(bytes, sizeof(bytes)) };
		json_t *v = stockade_generate(&c.program, &d);
		json_int_t n = json_integer_value(v);

		low += n == -3;
		high += n == 100000;
		zero += n == 0;
		json_decref(v);
	}
	assert_in_range(low, 10, ROUNDS / 2);
	assert_in_range(high, 10, ROUNDS / 2);
	assert_in_range(zero, 10, ROUNDS / 2);
	stk_compiled_clear(&c);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_generated_fits),
		cmocka_unit_test(every_format_has_samples),
		cmocka_unit_test(bounds_come_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

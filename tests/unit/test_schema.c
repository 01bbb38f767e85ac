/*
 * test_schema.c - the schema compiler's refusals with their places, the interpreter's reports, its
 * step counter, and the plan of the struct. What keywords mean is the public suite's business
 * (tests/vectors/json_schema.sh).
 */
#include "jobs/cage/bind.h"
#include "jobs/cage/cage.h"
#include "jobs/schema/schema.h"
#include "tests/harness.h"

#include <stdlib.h>
#include <string.h>

/* --- building --------------------------------------------------------------------------------- */

struct built {
	json_t *root;
	struct stk_compiled c;
	struct stk_schema_fault f;
	bool good;
};

static struct built build(const char *text)
{
	struct built b = { 0 };

	b.good = stk_source_parse(text, strlen(text), &b.root, &b.f) == 0 &&
		 stk_compile(b.root, &b.c, &b.f) == 0;
	if (!b.good)
		stk_source_locate(text, strlen(text), &b.f);
	return b;
}

static void discard(struct built *b)
{
	stk_compiled_clear(&b->c);
	json_decref(b->root);
}

static void refused(const char *text, int line, int column, const char *pointer, const char *words)
{
	struct built b = build(text);

	if (b.good)
		fail_msg("built: %s", text);
	if (strstr(b.f.text, words) == NULL)
		fail_msg("%s: says \"%s\", not \"%s\"", text, b.f.text, words);
	assert_string_equal(b.f.pointer, pointer);
	assert_int_equal(b.f.line, line);
	assert_int_equal(b.f.column, column);
	discard(&b);
}

static void mistakes_are_named_with_their_place(void **state)
{
	(void)state;
	refused("{", 1, 1, "", "is not JSON");
	refused("{\"type\":\"array\",\n \"type\":\"array\"}", 2, 7, "", "duplicate object key");
	refused("{\"minLenght\":1}", 1, 2, "/minLenght", "did you mean \"minLength\"?");
	refused("{\"type\":\"array\",\n  \"prefixItems\": [\n    {\"title\":\"a\"},\n    { "
		"\"tpye\": \"string\" }]}",
	    4, 7, "/prefixItems/1/tpye", "did you mean \"type\"?");
	refused("{\"unevaluatedItems\":false}", 1, 2, "/unevaluatedItems", "unknown keyword");
	refused("{\"$id\":\"x\"}", 1, 2, "/$id", "unknown keyword");
	refused("{\"properties\":{\"a/b~\":{\"x\":1}}}", 1, 24, "/properties/a~1b~0/x",
	    "unknown keyword");
	refused("{\"type\":\"text\"}", 1, 2, "/type", "must be null, boolean");
	refused("{\"type\":[]}", 1, 2, "/type", "must be null, boolean");
	refused("{\"items\":[{}]}", 1, 2, "/items", "must be a schema");
	refused("{\"anyOf\":[]}", 1, 2, "/anyOf", "one schema or more");
	refused("{\"anyOf\":[1]}", 1, 2, "/anyOf", "one schema or more");
	refused("{\"maxLength\":-1}", 1, 2, "/maxLength", "whole number");
	refused("{\"maxLength\":1.5}", 1, 2, "/maxLength", "whole number");
	refused("{\"multipleOf\":0}", 1, 2, "/multipleOf", "above 0");
	refused("{\"multipleOf\":0.0000000001}", 1, 2, "/multipleOf", "9 decimal places");
	refused("{\"multipleOf\":1e19}", 1, 2, "/multipleOf", "18 digits");
	refused("{\"required\":[\"a\",\"a\"]}", 1, 2, "/required", "different strings");
	refused(
	    "{\"dependentRequired\":{\"a\":[1]}}", 1, 2, "/dependentRequired", "different strings");
	refused("{\"format\":\"idn-hostname\"}", 1, 2, "/format", "not checked here");
	refused("{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", 1, 2, "/$schema",
	    "2020-12");
	refused("[1]", 1, 1, "", "must be a schema");
}

static void references_lead_somewhere_and_end(void **state)
{
	struct built b;

	(void)state;
	refused("{\"$ref\":\"other.json\"}", 1, 2, "/$ref", "into this file");
	refused("{\"$ref\":\"#/$defs/a\"}", 1, 2, "/$ref", "leads to no schema");
	refused("{\"$defs\":{\"a\":{\"title\":\"t\"}},\"$ref\":\"#/$defs/a/title\"}", 1, 30,
	    "/$ref", "leads to no schema");
	refused("{\"$ref\":\"#\"}", 1, 1, "", "comes back to itself");
	refused("{\"$defs\":{\"a\":{\"allOf\":[{\"$ref\":\"#/$defs/"
		"b\"}]},\"b\":{\"not\":{\"$ref\":\"#/$defs/a\"}}}}",
	    1, 11, "/$defs/a", "comes back to itself");
	b = build("{\"items\":{\"$ref\":\"#\"}}");
	assert_true(b.good);
	discard(&b);
}

static void bad_pattern(const char *pattern, const char *words)
{
	char wrong[256], *out = stk_pattern_translate(pattern, wrong);

	if (out != NULL)
		fail_msg("built: %s as %s", pattern, out);
	if (strstr(wrong, words) == NULL)
		fail_msg("%s: says \"%s\", not \"%s\"", pattern, wrong, words);
}

static void patterns_cannot_run_away(void **state)
{
	static const char *const good[] = { "", "^[a-z0-9_-]{1,32}$", "a|b|", "(ab)+c?",
		"(?:x|y){2,3}", "^\\d+\\.\\w*$", "[^\\]\\\\]", "\\u00e9\\x41", "é+", "(a+){2,5}",
		"a+?", "[\\d-]", NULL };

	(void)state;
	for (size_t i = 0; good[i] != NULL; i++) {
		char wrong[256], *out = stk_pattern_translate(good[i], wrong);

		if (out == NULL)
			fail_msg("%s: %s", good[i], wrong);
		free(out);
	}
	bad_pattern("(a+)+", "repeats without bound what repeats");
	bad_pattern("((a*b){2})*", "repeats without bound what repeats");
	bad_pattern("(?=a)", "look-around");
	bad_pattern("(?<n>a)", "look-around, named groups");
	bad_pattern("(a)\\1", "back-reference");
	bad_pattern("\\bword", "write the characters as a class");
	bad_pattern("\\D", "write the characters as a class");
	bad_pattern("a{1001}", "more than 1000 times");
	bad_pattern("a{00001}", "more than 1000 times");
	bad_pattern("((a{100}){100}){100}", "unfolds to more");
	bad_pattern("a{3,2}", "backwards");
	bad_pattern("a{0}", "0 times");
	bad_pattern("a{", "no {n}");
	bad_pattern("*a", "nothing before it");
	bad_pattern("a**", "one quantifier after another");
	bad_pattern("^*", "repeats an anchor");
	bad_pattern("(a", "without its )");
	bad_pattern("a)", "without its (");
	bad_pattern("[a", "without its ]");
	bad_pattern("[]", "empty class");
	bad_pattern("[z-a]", "backwards");
	bad_pattern("[\\d-z]", "range with \\d");
	bad_pattern("a]", "write \\]");
	bad_pattern("\\", "ends in a backslash");
	bad_pattern("\\u12", "four");
	bad_pattern("\\ud800", "names no character");
	bad_pattern("\\q", "needs none");
}

/* --- checking --------------------------------------------------------------------------------- */

static void says(const char *schema, const char *args, const char *pointer, const char *rule)
{
	struct built b = build(schema);
	struct stockade_violation v;
	json_t *value = json_loads(args, JSON_DECODE_ANY, NULL);

	if (!b.good)
		fail_msg("%s: %s", schema, b.f.text);
	assert_non_null(value);
	(void)stk_rules_check(&b.c.program, value, STK_RULES_STEPS, &v);
	assert_string_equal(v.rule, rule);
	assert_string_equal(v.pointer, pointer);
	json_decref(value);
	discard(&b);
}

static void reports_name_place_and_rule_and_no_value(void **state)
{
	(void)state;
	says("{\"type\":\"string\"}", "\"x\"", "", "");
	says("{\"type\":[\"string\",\"null\"]}", "1", "", "must be null or a string (type)");
	says("{\"items\":{\"type\":\"integer\"}}", "[1,2,\"secret\"]", "/2",
	    "must be an integer (type)");
	says("{\"properties\":{\"a/b\":{\"items\":{\"maximum\":5}}}}", "{\"a/b\":[1,6]}", "/a~1b/1",
	    "must be at most 5 (maximum)");
	says("{\"additionalProperties\":{\"type\":\"null\"}}", "{\"secret\":1}", "/*",
	    "must be null (type)");
	says("{\"additionalProperties\":false}", "{\"secret\":1}", "",
	    "has a key that the schema does not name (additionalProperties)");
	says("{\"required\":[\"id\"]}", "{}", "", "needs the key id (required)");
	says("{\"anyOf\":[{\"type\":\"null\"},{\"minimum\":3}]}", "2", "",
	    "fits no alternative (anyOf)");
	says("{\"oneOf\":[true,{\"minimum\":3}]}", "4", "",
	    "fits more than one alternative (oneOf)");
	says("{\"not\":{\"type\":\"string\"}}", "\"s\"", "", "is what it must not be (not)");
	says("{\"enum\":[1,[2]]}", "[3]", "", "is none of the values there may be (enum)");
	says("{\"multipleOf\":0.01}", "0.015", "", "must be a multiple of 0.01 (multipleOf)");
	says("{\"format\":\"date\"}", "\"2023-02-29\"", "", "is no date (format)");
	says("{\"items\":false,\"prefixItems\":[true,true]}", "[1,2,3]", "/2",
	    "2 items are all there may be (items)");
	says("{\"minLength\":2}", "\"\\u00e9\"", "", "must not be shorter than 2 (minLength)");
}

/* 2^53 + 1 is no double: a comparison by doubles would take it for 2^53. */
static void numbers_are_compared_exactly(void **state)
{
	(void)state;
	says("{\"maximum\":9007199254740992}", "9007199254740993", "",
	    "must be at most 9007199254740992 (maximum)");
	says("{\"const\":9007199254740993}", "9007199254740992", "",
	    "is not the one value there may be (const)");
	says("{\"const\":9007199254740992}", "9007199254740992.0", "", "");
	says("{\"exclusiveMaximum\":9223372036854775807}", "9.3e18", "",
	    "must be less than 9223372036854775807 (exclusiveMaximum)");
	says("{\"multipleOf\":0.1}", "0.3", "", "");
	says("{\"multipleOf\":0.000000001}", "1e308", "", "");
	says("{\"multipleOf\":3}", "1e308", "", "must be a multiple of 3 (multipleOf)");
	says("{\"uniqueItems\":true}", "[1,true,\"1\",1.0]", "",
	    "has the same item twice (uniqueItems)");
	says("{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "",
	    "has the same item twice (uniqueItems)");
	says("{\"uniqueItems\":true}", "[9007199254740993,9007199254740992]", "", "");
}

static void cost_of(const char *schema, json_t *value, uint32_t steps)
{
	struct built b = build(schema);
	struct stockade_violation v;

	assert_true(b.good);
	assert_int_equal(stk_rules_check(&b.c.program, value, steps, &v), -1);
	assert_string_equal(v.rule, "took too many steps to check (cost)");
	assert_string_equal(v.pointer, "");
	json_decref(value);
	discard(&b);
}

static json_t *text_of(char c, size_t n, const char *end)
{
	char *s = calloc(1, n + strlen(end) + 1);
	json_t *v;

	memset(s, c, n);
	memcpy(s + n, end, strlen(end));
	v = json_string(s);
	free(s);
	return v;
}

static json_t *nested(unsigned depth)
{
	json_t *v = json_integer(1);

	for (unsigned i = 0; i < depth; i++)
		v = json_pack("[o]", v);
	return v;
}

/* Each of these would run for minutes, or for ever; a wrong answer would be worse than none. */
static void the_step_counter_bounds_every_check(void **state)
{
	json_t *many = json_array();

	(void)state;
	for (int i = 0; i < 40000; i++)
		json_array_append_new(many, json_integer(i));
	cost_of("{\"items\":{\"type\":\"integer\"}}", json_incref(many), 1000);
	cost_of("{\"contains\":{\"minimum\":-1},\"minContains\":0}", json_incref(many), 1000);
	/* what is not decided is not the opposite either */
	cost_of("{\"not\":{\"contains\":{\"type\":\"string\"}}}", many, 1000);
	/* no nested quantifier, and exponential all the same */
	cost_of("{\"pattern\":\"^(a|aa)*$\"}", text_of('a', 60, "b"), STK_RULES_STEPS);
	cost_of("{\"pattern\":\"^a*a*a*a*a*a*[cd]\"}", text_of('a', 3000, "b"), STK_RULES_STEPS);
	cost_of("{\"$defs\":{\"t\":{\"type\":\"array\",\"items\":{\"anyOf\":["
		"{\"$ref\":\"#/$defs/t\"},{\"$ref\":\"#/$defs/t\"}]}}},\"$ref\":\"#/$defs/t\"}",
	    nested(24), STK_RULES_STEPS);
}

/* All of a body of 64 KiB may be distinct: that much is within the default. */
static void a_large_array_of_different_items_is_no_cost(void **state)
{
	struct built b = build("{\"uniqueItems\":true,\"items\":{\"type\":\"integer\"}}");
	struct stockade_violation v;
	json_t *many = json_array();

	(void)state;
	for (int i = 0; i < 13000; i++)
		json_array_append_new(many, json_integer(i));
	assert_int_equal(stk_rules_check(&b.c.program, many, STK_RULES_STEPS, &v), 0);
	json_decref(many);
	discard(&b);
}

static void a_pattern_implies_a_length(void **state)
{
	struct built b = build("{\"pattern\":\"a\"}");
	json_t *s = text_of('a', 4097, "");
	struct stockade_violation v;

	(void)state;
	assert_int_equal(stk_rules_check(&b.c.program, s, STK_RULES_STEPS, &v), -1);
	assert_string_equal(v.rule, "must not be longer than 4096 (maxLength)");
	json_decref(s);
	discard(&b);
}

/* --- the plan --------------------------------------------------------------------------------- */

static void unplannable(const char *schema, const char *pointer, const char *words)
{
	struct built b = build(schema);
	struct stk_plan plan;

	assert_true(b.good);
	assert_int_equal(stk_plan_make(&b.c, "send_mail", &plan, &b.f), -1);
	if (strstr(b.f.text, words) == NULL)
		fail_msg("says \"%s\", not \"%s\"", b.f.text, words);
	assert_string_equal(b.f.pointer, pointer);
	stk_plan_clear(&plan);
	discard(&b);
}

#define STRING "{\"type\":\"string\",\"title\":"

static void members_have_names(void **state)
{
	(void)state;
	unplannable("{}", "", "say \"type\": \"array\"");
	unplannable("{\"type\":\"object\"}", "", "say \"type\": \"array\"");
	unplannable(
	    "{\"type\":\"array\",\"prefixItems\":[true]}", "/prefixItems/0", "needs a \"title\"");
	unplannable("{\"type\":\"array\",\"prefixItems\":[" STRING "\"File name\"}]}",
	    "/prefixItems/0", "no name for a member");
	unplannable("{\"type\":\"array\",\"prefixItems\":[" STRING "\"class\"}]}", "/prefixItems/0",
	    "no name for a member");
	unplannable("{\"type\":\"array\",\"prefixItems\":[" STRING "\"a\"}," STRING "\"a\"}]}",
	    "/prefixItems/1", "there already");
	unplannable("{\"type\":\"array\",\"prefixItems\":[" STRING "\"has_a\"}," STRING "\"a\"}]}",
	    "/prefixItems/1", "there already");
	unplannable("{\"type\":\"array\",\"prefixItems\":[" STRING "\"json\"}]}", "/prefixItems/0",
	    "there already");
	unplannable(
	    "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", "/items", "needs a \"title\"");
}

static void types_become_members(void **state)
{
	struct built b =
	    build("{\"type\":\"array\",\"minItems\":2,\"$defs\":{\"n\":{\"type\":\"number\"}},"
		  "\"prefixItems\":["
		  "{\"title\":\"a\",\"type\":\"integer\"},{\"title\":\"b\",\"type\":[\"null\","
		  "\"boolean\"]},"
		  "{\"title\":\"c\",\"$ref\":\"#/$defs/"
		  "n\"},{\"title\":\"d\",\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/n\"}},"
		  "{\"title\":\"e\",\"type\":\"object\"},{\"title\":\"f\",\"type\":[\"string\","
		  "\"integer\"]}],"
		  "\"items\":{\"title\":\"more\",\"type\":\"string\"}}");
	static const uint32_t kinds[] = { STOCKADE_FIELD_INTEGER, STOCKADE_FIELD_BOOLEAN,
		STOCKADE_FIELD_NUMBER, STOCKADE_FIELD_NUMBERS, STOCKADE_FIELD_JSON,
		STOCKADE_FIELD_JSON, STOCKADE_FIELD_STRINGS };
	static const bool optional[] = { false, true, true, true, true, true, false };
	struct stk_plan plan;

	(void)state;
	assert_true(b.good);
	assert_int_equal(stk_plan_make(&b.c, "f", &plan, &b.f), 0);
	assert_int_equal(plan.n, STK_ARRAY_LEN(kinds));
	for (uint32_t i = 0; i < plan.n; i++) {
		assert_int_equal(plan.members[i].kind, kinds[i]);
		assert_int_equal(plan.members[i].optional, optional[i]);
	}
	assert_true(plan.members[6].rest);
	stk_plan_clear(&plan);
	discard(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_named_with_their_place),
		cmocka_unit_test(references_lead_somewhere_and_end),
		cmocka_unit_test(patterns_cannot_run_away),
		cmocka_unit_test(reports_name_place_and_rule_and_no_value),
		cmocka_unit_test(numbers_are_compared_exactly),
		cmocka_unit_test(the_step_counter_bounds_every_check),
		cmocka_unit_test(a_large_array_of_different_items_is_no_cost),
		cmocka_unit_test(a_pattern_implies_a_length),
		cmocka_unit_test(members_have_names),
		cmocka_unit_test(types_become_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * schema_suite.c - runs files of the JSON-Schema-Test-Suite through the schema compiler and the
 * interpreter, as a build and a job would. Prints one line per case that ends otherwise than the
 * suite says, "file<TAB>group<TAB>case<TAB>what happened", and a last line with the counts.
 *	stockade-schema_suite FILE...
 * Or judges what a generator makes: each line of standard input is {"schema":...,"data":[...]},
 *answered by one line: "no " and why it does not build, or a letter per value: y, n, or c for cost.
 *	stockade-schema_suite --lines
 */
#include "jobs/cage/cage.h"
#include "jobs/schema/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct counts {
	unsigned all, inside, deviate;
};

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* Through the argument parser: what it refuses is invalid before any schema is asked. */
static bool valid(const struct stk_program *p, json_t *data)
{
	json_t *array = json_pack("[O]", data), *args;
	char *text = json_dumps(array, JSON_COMPACT);
	struct stockade_violation v;
	bool fits = false;

	if (text != NULL && stockade_args_parse(text, strlen(text), &args, &v) == 0) {
		fits = stk_rules_check(p, json_array_get(args, 0), STK_RULES_STEPS, &v) == 0;
		json_decref(args);
	}
	free(text);
	json_decref(array);
	return fits;
}

static void run_group(const char *file, const json_t *group, struct counts *n)
{
	const char *title = json_string_value(json_object_get(group, "description"));
	const json_t *tests = json_object_get(group, "tests");
	char *text = json_dumps(json_object_get(group, "schema"), JSON_ENCODE_ANY);
	struct stk_compiled c = { 0 };
	struct stk_schema_fault f = { 0 };
	json_t *schema = NULL, *test;
	bool built;
	size_t i;

	built = stk_source_parse(text, strlen(text), &schema, &f) == 0 &&
		stk_compile(schema, &c, &f) == 0;
	n->all += (unsigned)json_array_size(tests);
	if (built || !f.outside)
		n->inside += (unsigned)json_array_size(tests);
	json_array_foreach(tests, i, test)
	{
		bool want = json_is_true(json_object_get(test, "valid"));
		bool got = built && valid(&c.program, json_object_get(test, "data"));

		if (f.outside || (built && want == got))
			continue;
		n->deviate++;
		printf("%s\t%s\t%s\t%s\n", file, title,
		    json_string_value(json_object_get(test, "description")),
		    !built ? f.text
		    : got  ? "is accepted here"
			   : "is refused here");
	}
	stk_compiled_clear(&c);
	json_decref(schema);
	free(text);
}

static void judge(const json_t *line)
{
	char *text = json_dumps(json_object_get(line, "schema"), JSON_ENCODE_ANY);
	struct stockade_violation v = { .pointer = "" };
	struct stk_schema_fault f = { 0 };
	struct stk_compiled c = { 0 };
	json_t *schema = NULL, *data;
	size_t i;

	if (stk_source_parse(text, strlen(text), &schema, &f) == -1 ||
	    stk_compile(schema, &c, &f) == -1) {
		printf("no %s: %s", f.pointer, f.text);
	} else {
		json_array_foreach(json_object_get(line, "data"), i, data)
		{
			int fits = stk_rules_check(&c.program, data, STK_RULES_STEPS, &v);

			(void)putchar(fits == 0                          ? 'y'
				      : strstr(v.rule, "(cost)") != NULL ? 'c'
									 : 'n');
		}
	}
	(void)putchar('\n');
	stk_compiled_clear(&c);
	json_decref(schema);
	free(text);
}

static int judge_lines(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	while ((len = getline(&line, &room, stdin)) > 0) {
		json_t *j = json_loadb(line, (size_t)len, 0, NULL);

		if (j == NULL)
			return 1;
		judge(j);
		json_decref(j);
	}
	free(line);
	return 0;
}

int main(int argc, char **argv)
{
	struct counts n = { 0 };

	if (argc == 2 && strcmp(argv[1], "--lines") == 0)
		return judge_lines();

	for (int i = 1; i < argc; i++) {
		json_error_t error;
		json_t *groups = json_load_file(argv[i], JSON_ALLOW_NUL, &error), *group;
		size_t g;

		if (groups == NULL) {
			printf("%s: line %d: %s\n", argv[i], error.line, error.text);
			return 1;
		}
		json_array_foreach(groups, g, group) run_group(base(argv[i]), group, &n);
		json_decref(groups);
	}
	printf("%u cases, %u within the keyword set, %u deviate\n", n.all, n.inside, n.deviate);
	return 0;
}

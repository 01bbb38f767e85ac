/*
 * main.c - a cage program's roles. Executed by the nursery with an environment made from nothing;
 * an author may run `describe` by hand. It never sees Redis, a key or a password.
 */
#include "jobs/cage/bare.h"

#include "jobs/schema/role.h"
#include "sandbox/learn.h"
#include "sandbox/zygote.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* sysexits(3) */
#define EX_USAGE  64
#define EX_CONFIG 78

static struct stockade_table table;

static int describe(void)
{
	if (stk_write_all(STDOUT_FILENO, &table.head, sizeof(table.head)) != STK_OK ||
	    stk_write_all(STDOUT_FILENO, table.classes,
		table.head.n_classes * sizeof(table.classes[0])) != STK_OK)
		return 71;
	return 0;
}

static int setup(uint32_t class_index)
{
	const struct stockade_class *c = table.origin[class_index];

	return c->setup == NULL ? 0 : c->setup();
}

static void job(
    const struct stk_class_desc *desc, uint32_t class_index, const struct stk_spawn *spawn)
{
	stockade_run_job(table.origin[class_index], desc, spawn);
}

static int zygote(int argc, char **argv)
{
	const struct stk_zygote_program program = {
		.head = &table.head, .classes = table.classes, .setup = setup, .job = job
	};
	struct stk_zygote_args args;

	if (!stk_zygote_args_parse(argc, argv, &args))
		return EX_USAGE;
	/* the program's own name stands in front of its operands */
	args.title_size += (size_t)(args.title - argv[-1]);
	args.title = argv[-1];
	return stk_zygote_main(&program, &args);
}

/* `stockade run-job --learn`: one class has another line than its own. */
static bool learn(const char *line)
{
	struct stk_learn l;

	return stk_learn_parse(line, &l) && stk_learn_apply(&l, &table.head, table.classes);
}

int main(int argc, char **argv)
{
	const char *wrong = stockade_table_build(stockade_registry, stockade_registry_len, &table);

	if (wrong != NULL) {
		(void)fprintf(stderr, "stockade-cage: the registry is wrong: %s\n", wrong);
		return EX_CONFIG;
	}
	if (argc == 2 && strcmp(argv[1], "describe") == 0)
		return describe();
	if (argc == 2 && strcmp(argv[1], "schema") == 0)
		return stk_schema_role(&table);
	if (argc == 3 && strcmp(argv[1], "bare") == 0)
		return stockade_bare(&table, argv[2]);
	if (argc > 2 && strcmp(argv[1], "zygote") == 0)
		return zygote(argc - 1, argv + 1);
	if (argc > 3 && strcmp(argv[1], "learn") == 0)
		return learn(argv[2]) ? zygote(argc - 2, argv + 2) : EX_USAGE;
	(void)fprintf(stderr, "usage: stockade-cage describe\n"
			      "This program holds job handlers; `stockade work --cage` runs it.\n");
	return EX_USAGE;
}

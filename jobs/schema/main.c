/*
 * main.c - stockade-schemac, a program of the build:
 *	stockade-schemac check FILE...              says what is wrong with each
 *	stockade-schemac compile FILE --out DIR     writes DIR/<name>.args.h and DIR/<name>.bind.c
 *	stockade-schemac registry LINES [SYMBOLS [beyond]]   checks a registry (registry.c)
 * A mistake is one line as compilers print it, file:line:column: message; the exit code is then 1.
 */
#include "jobs/schema/registry.h"
#include "jobs/schema/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EX_USAGE 64

/* A schema file on its way; each field owned. */
struct unit {
	const char *path;
	uint8_t *text;
	size_t len;
	json_t *root;
	struct stk_compiled compiled;
	struct stk_schema_fault fault;
};

static void unit_clear(struct unit *u)
{
	stk_compiled_clear(&u->compiled);
	json_decref(u->root);
	free(u->text);
}

static int complain(struct unit *u)
{
	stk_source_locate((const char *)u->text, u->len, &u->fault);
	stk_schema_put_fault(stderr, u->path, &u->fault);
	return 1;
}

static int file_wrong(const char *path)
{
	(void)fprintf(stderr, "%s: error: %s\n", path, strerror(errno));
	return 1;
}

/* <name> of .../<name>.schema.json into @name; false if the file is called otherwise. */
static bool name_of(const char *path, char name[STK_SCHEMA_NAME])
{
	static const char ending[] = ".schema.json";
	const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
	size_t len = strlen(base), tail = sizeof(ending) - 1;

	if (len <= tail || strcmp(base + len - tail, ending) != 0 || len - tail >= STK_SCHEMA_NAME)
		return false;
	memcpy(name, base, len - tail);
	name[len - tail] = '\0';
	return true;
}

static int unit_open(struct unit *u, const char *path, struct stk_plan *plan)
{
	STK_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char name[STK_SCHEMA_NAME];

	*u = (struct unit){ .path = path };
	*plan = (struct stk_plan){ 0 };
	if (fd == -1 || stk_read_all(fd, STK_SCHEMA_BYTES, &u->text, &u->len) != STK_OK)
		return file_wrong(path);
	if (!name_of(path, name)) {
		(void)stk_schema_wrong(&u->fault, "", "is not called <function>.schema.json");
		return complain(u);
	}
	if (stk_source_parse((const char *)u->text, u->len, &u->root, &u->fault) == -1 ||
	    stk_compile(u->root, &u->compiled, &u->fault) == -1 ||
	    stk_plan_make(&u->compiled, name, plan, &u->fault) == -1)
		return complain(u);
	return 0;
}

/* Written beside and renamed: a build that is killed leaves no half file that looks new. */
static int write_file(const char *dir, const char *name, const char *ending, const char *text)
{
	char path[4096], draft[4104];
	STK_AUTO_CLOSE int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/%s%s", dir, name, ending);
	(void)snprintf(draft, sizeof(draft), "%s.tmp", path);
	fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd == -1 || text == NULL || stk_write_all(fd, text, strlen(text)) != STK_OK ||
	    rename(draft, path) == -1)
		return file_wrong(path);
	return 0;
}

static int compile(const char *path, const char *dir)
{
	struct unit u;
	struct stk_plan plan;
	int bad = unit_open(&u, path, &plan);
	STK_AUTO_FREE char *header = NULL, *source = NULL;
	char include[STK_SCHEMA_NAME + 16];

	if (bad == 0) {
		(void)snprintf(include, sizeof(include), "%s.args.h", plan.function);
		header = stk_emit_header(&plan, path);
		source = stk_emit_source(&plan, &u.compiled, path, include);
		bad = write_file(dir, plan.function, ".args.h", header) ||
		      write_file(dir, plan.function, ".bind.c", source);
	}
	stk_plan_clear(&plan);
	unit_clear(&u);
	return bad;
}

static int check(const char *path)
{
	struct unit u;
	struct stk_plan plan;
	int bad = unit_open(&u, path, &plan);

	stk_plan_clear(&plan);
	unit_clear(&u);
	return bad;
}

int main(int argc, char **argv)
{
	int bad = 0;

	if (argc == 5 && strcmp(argv[1], "compile") == 0 && strcmp(argv[3], "--out") == 0)
		return compile(argv[2], argv[4]);
	if (argc >= 3 && argc <= 5 && strcmp(argv[1], "registry") == 0)
		return stk_registry_check(
		    argv[2], argv[3], argc == 5 && strcmp(argv[4], "beyond") == 0, stderr);
	if (argc < 3 || strcmp(argv[1], "check") != 0) {
		(void)fprintf(stderr,
		    "usage: stockade-schemac check FILE...\n"
		    "       stockade-schemac compile FILE --out DIR\n"
		    "       stockade-schemac registry LINES [SYMBOLS [beyond]]\n");
		return EX_USAGE;
	}
	for (int i = 2; i < argc; i++)
		bad |= check(argv[i]);
	return bad;
}

/*
 * role.c - see role.h. Shut in as a job of profile pure is: the big and the tiny filter, limits, no
 * new privileges (from the nursery), no file but the system's libraries (the nursery's Landlock).
 */
#include "jobs/schema/role.h"

#include "jobs/schema/emit.h"
#include "sandbox/filter.h"
#include "sandbox/limits.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define REQUEST_BYTES (16u << 20)

/* Everything that would fail inside is built before. 0, or -1. */
static int shut(void)
{
	const struct stk_limits limits = { .mem_bytes = 1u << 30,
		.file_bytes = REQUEST_BYTES, /* standard output may be a file */
		.stack_bytes = 8u << 20,
		.cpu_s = 20,
		.fds = 64 };
	struct stk_bpf big = { 0 }, tiny = { 0 };
	const char *step;

	if (stk_filter_big_build(STK_PROFILE_PURE, &big) != STK_OK ||
	    stk_filter_tiny_build(STK_PROFILE_PURE, &tiny) != STK_OK ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || stk_limits_fixed(&step) != STK_OK ||
	    stk_limits_job(&limits, STK_PROFILE_PURE, &step) != STK_OK ||
	    stk_filter_install(&big) != STK_OK ||
	    stk_filter_tiny_install(&tiny, getpid()) != STK_OK)
		return -1;
	stk_bpf_clear(&big);
	stk_bpf_clear(&tiny);
	return 0;
}

/* --- one compiled-in class ---------------------------------------------------------------------
 */

static json_t *schema_of(const struct stockade_class *c)
{
	return json_loadb((const char *)c->schema, (size_t)(c->schema_end - c->schema), 0, NULL);
}

static void document(FILE *out, const struct stockade_class *c, bool markdown)
{
	struct stk_compiled compiled = { 0 };
	struct stk_schema_fault f = { 0 };
	struct stk_plan plan = { 0 };
	json_t *root = schema_of(c);

	/* a class bound by hand has a schema that need not be one the compiler takes */
	if (root == NULL || stk_compile(root, &compiled, &f) == -1 ||
	    stk_plan_make(&compiled, "args", &plan, &f) == -1)
		stk_put(out, "%s: %s\n\n", c->name, f.text);
	else
		stk_docs(out, c->name, &plan, markdown);
	stk_plan_clear(&plan);
	stk_compiled_clear(&compiled);
	json_decref(root);
}

static const struct stockade_class *find(const struct stockade_table *t, const char *name)
{
	for (uint32_t i = 0; i < t->head.n_classes; i++)
		if (strcmp(t->origin[i]->name, name) == 0)
			return t->origin[i];
	return NULL;
}

/* --- commands ----------------------------------------------------------------------------------
 */

/* Line by line, because within a line of JSON all that a terminal would obey is in strings. */
static bool dump(FILE *out, const json_t *j)
{
	char *text = json_dumps(j, JSON_INDENT(2) | JSON_ENCODE_ANY), *line = text, *end;

	for (; line != NULL && (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		stk_put_plain(out, line);
		stk_put(out, "\n");
	}
	stk_put_plain(out, line == NULL ? "" : line);
	stk_put(out, "\n");
	free(text);
	return text != NULL;
}

static bool export(FILE *out, const struct stockade_table *t, const char *only)
{
	json_t *all = json_object();
	bool good;

	if (*only != '\0') {
		const struct stockade_class *c = find(t, only);

		json_decref(all);
		if (c == NULL)
			stk_put(out, "there is no class %s\n", only);
		else
			(void)fwrite(c->schema, 1, (size_t)(c->schema_end - c->schema), out);
		return c != NULL;
	}
	for (uint32_t i = 0; i < t->head.n_classes; i++)
		(void)json_object_set_new(all, t->origin[i]->name, schema_of(t->origin[i]));
	good = dump(out, all);
	json_decref(all);
	return good;
}

static bool docs(FILE *out, const struct stockade_table *t, const char *how)
{
	bool markdown = strncmp(how, "markdown", 8) == 0;
	const char *only = strchr(how, ' ');
	const struct stockade_class *c = only == NULL ? NULL : find(t, only + 1);

	if (only != NULL && c == NULL) {
		stk_put(out, "there is no class %s\n", only + 1);
		return false;
	}
	for (uint32_t i = 0; i < t->head.n_classes; i++)
		if (c == NULL || c == t->origin[i])
			document(out, t->origin[i], markdown);
	return true;
}

static bool check(FILE *out, const char *name, const char *text, size_t len)
{
	struct stk_compiled c = { 0 };
	struct stk_schema_fault f = { 0 };
	struct stk_plan plan = { 0 };
	json_t *root;
	bool good = stk_source_parse(text, len, &root, &f) == 0 && stk_compile(root, &c, &f) == 0 &&
		    stk_plan_make(&c, name, &plan, &f) == 0;

	if (!good) {
		stk_source_locate(text, len, &f);
		stk_schema_put_fault(out, "", &f);
	} else {
		stk_docs(out, name, &plan, false);
	}
	stk_plan_clear(&plan);
	stk_compiled_clear(&c);
	json_decref(root);
	return good;
}

static bool infer(FILE *out, const char *only, const uint8_t *samples, size_t len)
{
	char why[256];
	json_t *j = stk_infer(samples, len, *only == '\0' ? NULL : only, why);
	bool good = j != NULL && dump(out, j);

	if (j == NULL)
		stk_put(out, "%s\n", why);
	json_decref(j);
	return good;
}

/* What follows the word in the line, or NULL if the line is another. */
static const char *operand(const char *line, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(line, word, len) != 0 || (line[len] != ' ' && line[len] != '\0'))
		return NULL;
	return line[len] == ' ' ? line + len + 1 : line + len;
}

static bool answer(
    FILE *out, const struct stockade_table *t, const char *line, const uint8_t *more, size_t len)
{
	const char *what;

	if ((what = operand(line, "export")) != NULL)
		return export(out, t, what);
	if ((what = operand(line, "docs")) != NULL)
		return docs(out, t, what);
	if ((what = operand(line, "check")) != NULL)
		return check(out, what, (const char *)more, len);
	if ((what = operand(line, "infer")) != NULL)
		return infer(out, what, more, len);
	stk_put(out, "unknown request\n");
	return false;
}

/* Both owned by the caller. False if memory is out. */
static bool work(const struct stockade_table *t, uint8_t *request, size_t len, bool *good,
    char **reply, size_t *reply_len)
{
	uint8_t *end = memchr(request, '\n', len);
	FILE *out = end == NULL ? NULL : open_memstream(reply, reply_len);

	if (out == NULL)
		return false;
	*end++ = '\0';
	*good = answer(out, t, (const char *)request, end, len - (size_t)(end - request));
	return fclose(out) == 0;
}

int stk_schema_role(const struct stockade_table *t)
{
	STK_AUTO_FREE uint8_t *request = NULL;
	STK_AUTO_FREE char *reply = NULL;
	size_t len, reply_len;
	bool good;

	/* from /dev/urandom, which no call reaches once it is shut */
	json_object_seed(0);
	if (shut() == -1 || stk_read_all(STDIN_FILENO, REQUEST_BYTES, &request, &len) != STK_OK ||
	    !work(t, request, len, &good, &reply, &reply_len) ||
	    stk_write_all(STDOUT_FILENO, good ? "ok\n" : "no\n", 3) != STK_OK ||
	    stk_write_all(STDOUT_FILENO, reply, reply_len) != STK_OK)
		return 71;
	return 0;
}

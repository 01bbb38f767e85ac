/*
 * assert.c - job_test.h's assertions: one run each, and a failure that tells the whole end.
 */
#include "jobs/test/bench.h"

#include <jansson.h>
#include <string.h>

__attribute__((format(printf, 5, 6))) static void wrong(const struct stockade_test *t,
    const char *args, const char *file, int line, const char *fmt, ...)
{
	char wanted[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(wanted, sizeof(wanted), fmt, ap);
	va_end(ap);
	print_error("%s: wanted %s\n  outcome %s: %s\n", args, wanted, t->end.outcome, t->end.why);
	if (t->end.result[0] != '\0')
		print_error("  result  %s\n", t->end.result);
	if (t->end.log[0] != '\0')
		print_error("  log     %s\n", t->end.log);
	if (t->end.output[0] != '\0')
		print_error("  printed %s\n", t->end.output);
	_fail(file, line);
}

void stockade_test_ended_at(struct stockade_test *t, const char *class_name, const char *args,
    const char *outcome, const char *part, const char *file, int line)
{
	const struct stockade_test_end *e = stockade_test_run(t, class_name, args);

	if (strcmp(e->outcome, outcome) != 0 || (part != NULL && strstr(e->why, part) == NULL))
		wrong(t, args, file, line, "%s%s%s", outcome, part == NULL ? "" : " with ",
		    part == NULL ? "" : part);
}

static bool same_json(const char *a, const char *b)
{
	json_t *x = json_loads(a, JSON_DECODE_ANY, NULL), *y = json_loads(b, JSON_DECODE_ANY, NULL);
	bool same = x != NULL && y != NULL && json_equal(x, y) == 1;

	json_decref(x);
	json_decref(y);
	return same;
}

void stockade_test_done_at(struct stockade_test *t, const char *class_name, const char *args,
    const char *result, const char *file, int line)
{
	stockade_test_ended_at(t, class_name, args, "Done", NULL, file, line);
	if (result != NULL && !same_json(t->end.result, result))
		wrong(t, args, file, line, "the result %s", result);
}

void stockade_test_retry_at(struct stockade_test *t, const char *class_name, const char *args,
    uint32_t ms, const char *file, int line)
{
	stockade_test_ended_at(t, class_name, args, "RetryAsked", NULL, file, line);
	if (t->end.retry_ms != ms)
		wrong(t, args, file, line, "to be run again in %u ms", ms);
}

void stockade_test_failed_at(struct stockade_test *t, const char *class_name, const char *args,
    uint32_t code, const char *part, const char *file, int line)
{
	stockade_test_ended_at(t, class_name, args, "Failed", NULL, file, line);
	if (t->end.code != code)
		wrong(t, args, file, line, "code %u, not %u", code, t->end.code);
	if (part != NULL && strstr(t->end.message, part) == NULL)
		wrong(t, args, file, line, "a message with %s", part);
}

void stockade_test_refused_at(struct stockade_test *t, const char *class_name, const char *args,
    const char *pointer, const char *rule, const char *file, int line)
{
	stockade_test_ended_at(t, class_name, args, "E_SCHEMA", NULL, file, line);
	if (strcmp(t->end.pointer, pointer) != 0 || strcmp(t->end.rule, rule) != 0)
		wrong(t, args, file, line, "refused at %s by %s", pointer, rule);
}

void stockade_test_denied_at(struct stockade_test *t, const char *class_name, const char *args,
    const char *call, const char *file, int line)
{
	stockade_test_ended_at(t, class_name, args, "SyscallDenied", NULL, file, line);
	if (strcmp(t->end.denied, call) != 0 || !t->end.caged)
		wrong(t, args, file, line, "the call %s denied", call);
}

void stockade_test_logged_at(struct stockade_test *t, const char *part, const char *file, int line)
{
	if (t->end.log == NULL || strstr(t->end.log, part) == NULL)
		wrong(t, "log", file, line, "a line with %s", part);
}

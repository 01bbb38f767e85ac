/*
 * programs.c - handlers that run a program, for tests. Arguments are up to eight strings, which
 * become the program's; what came of it is told in a failure's message, so that a test can read it.
 */
#include "jobs/cage/registry.h"

#include "sandbox/entry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct texts {
	const char *arg[9]; /* NULL-ended */
};

static int bind(const json_t *args, void *out, struct stockade_violation *v)
{
	struct texts *t = out;

	for (size_t i = 0; i < json_array_size(args); i++) {
		t->arg[i] = json_string_value(json_array_get(args, i));
		if (i == 8 || t->arg[i] == NULL) {
			(void)snprintf(v->rule, sizeof(v->rule), "up to eight strings");
			return -1;
		}
	}
	return 0;
}

static struct stockade_result tell(struct stockade_job *job, int ran, const struct stockade_exec *e)
{
	if (ran == -1)
		return stockade_fail(
		    job, 2, "not run: %s, %zu bytes", strerror(errno), e->output_len);
	return stockade_fail(job, 1, "status %d: %.*s", e->status, (int)e->output_len, e->output);
}

static struct stockade_result run_with(
    struct stockade_job *job, const char *const *args, const char *input)
{
	char output[512];
	struct stockade_exec e = { .args = args,
		.input = input,
		.input_len = input == NULL ? 0 : strlen(input),
		.output = output,
		.output_size = sizeof(output) };
	int ran = stockade_exec(job, &e);

	return tell(job, ran, &e);
}

static struct stockade_result run_perl(struct stockade_job *job, const void *args)
{
	const struct texts *t = args;

	return run_with(job, t->arg, "from the handler");
}

/* The first argument is a file of the granted directory, which the program gets as a path. */
static struct stockade_result run_perl_files(struct stockade_job *job, const void *args)
{
	const struct texts *t = args;
	char path[1200];
	const char *argv[] = { "-e", t->arg[1], path, NULL };

	if (stockade_exec_path(job, "inputs", t->arg[0], path, sizeof(path)) == -1)
		return stockade_fail(job, 3, "no path: %s", strerror(errno));
	return run_with(job, argv, NULL);
}

static struct stockade_result run_static(struct stockade_job *job, const void *args)
{
	const struct texts *t = args;

	return run_with(job, t->arg, NULL);
}

static struct stockade_result run_static_perl(struct stockade_job *job, const void *args)
{
	return run_static(job, args);
}

/* The handler itself has no exec at all: its program is another process. */
static struct stockade_result run_by_hand(struct stockade_job *job, const void *args)
{
	const struct texts *t = args;
	char *const none[] = { NULL };

	(void)syscall(SYS_execve, t->arg[0], none, none);
	return stockade_fail(job, 1, "refused: %s", strerror(errno));
}

static struct stockade_result run_small_room(struct stockade_job *job, const void *args)
{
	const struct texts *t = args;
	char output[8];
	struct stockade_exec e = {
		.args = t->arg, .output = output, .output_size = sizeof(output)
	};
	int ran = stockade_exec(job, &e);

	return tell(job, ran, &e);
}

static struct stockade_result run_twice(struct stockade_job *job, const void *args)
{
	(void)run_static(job, args);
	return run_static(job, args);
}

static struct stockade_result run_missing(struct stockade_job *job, const void *args)
{
	return run_static(job, args);
}

/* What a hostile handler would write where the program's arguments are expected. */
static struct stockade_result run_garbage(struct stockade_job *job, const void *args)
{
	struct stk_say say = { .magic = STK_SAY_MAGIC, .n = 3, .len = 4 };
	struct stk_program_end end = { 0 };
	int fd = STK_SLOT_EXTRAS + STK_EXTRA_PROGRAM_SAY;

	(void)args;
	if (write(fd, &say, sizeof(say)) == -1 || write(fd, "ab\0c", 4) == -1 ||
	    read(STK_SLOT_EXTRAS + STK_EXTRA_PROGRAM_END, &end, sizeof(end)) == -1)
		return stockade_fail(job, 9, "%s", strerror(errno));
	return stockade_fail(job, 1, "status %d", end.status);
}

static struct stockade_result run_nothing(struct stockade_job *job, const void *args)
{
	(void)job;
	(void)args;
	return STOCKADE_DONE;
}

/* Starts its program, hears its first byte, and leaves it running. */
static struct stockade_result run_left(struct stockade_job *job, const void *args)
{
	static const char words[] = "-e\0$|=1; print 1; sleep 600";
	struct stk_say say = { .magic = STK_SAY_MAGIC, .n = 2, .len = sizeof(words) };
	int fd = STK_SLOT_EXTRAS + STK_EXTRA_PROGRAM_SAY;
	char byte;

	(void)args;
	if (write(fd, &say, sizeof(say)) == -1 || write(fd, words, sizeof(words)) == -1 ||
	    read(STK_SLOT_EXTRAS + STK_EXTRA_PROGRAM_OUT, &byte, 1) != 1)
		return stockade_fail(job, 9, "%s", strerror(errno));
	return STOCKADE_DONE;
}

/* A megabyte there and back: neither side may wait for the other. */
static struct stockade_result run_echo(struct stockade_job *job, const void *args)
{
	enum {
		SIZE = 1 << 20
	};
	const char *const cat[] = { "-e", "while (sysread(STDIN, $b, 4096)) { print $b }", NULL };
	char *input = malloc(SIZE), *output = malloc(SIZE);
	struct stockade_exec e = { .args = cat,
		.input = input,
		.input_len = SIZE,
		.output = output,
		.output_size = SIZE };
	int ran = -1;

	(void)args;
	for (size_t i = 0; input != NULL && i < SIZE; i++)
		input[i] = (char)(i * 7 + i / 255);
	if (input != NULL && output != NULL)
		ran = stockade_exec(job, &e);
	if (ran == 0 && e.status == 0 && e.output_len == SIZE && memcmp(input, output, SIZE) == 0)
		return STOCKADE_DONE;
	return stockade_fail(job, 1, "%d, status %d, %zu bytes", ran, e.status, e.output_len);
}

#define JOB_SCHEMA(fn, path, name, ...)                                    \
	extern const struct stockade_binding stockade_binding_##fn;        \
	const struct stockade_binding stockade_binding_##fn = {            \
		.args_size = sizeof(struct texts), .bind = bind, .run = fn \
	};
#include "tests/programs/registry.def"

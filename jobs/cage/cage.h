/*
 * cage.h - what the files of a cage program share: the described table, the argument parser and the
 * run of one job. Everything here is on the untrusted side of the wall.
 */
#ifndef JOBS_CAGE_CAGE_H
#define JOBS_CAGE_CAGE_H

#include "jobs/cage/registry.h"

#include <stdarg.h>

#define STOCKADE_MESSAGE_MAX 1024 /* STK_RESULT's message, and a log line */

/* The registry as it is described: sorted by name, labels collected, defaults filled in. */
struct stockade_table {
	struct stk_desc_header head;
	struct stk_class_desc classes[STK_CLASSES_MAX];
	const struct stockade_class *origin[STK_CLASSES_MAX]; /* of the same index */
};

/* Builds @t from @n registry lines. NULL, or a sentence that says what is wrong with the registry.
 */
const char *stockade_table_build(
    const struct stockade_class *registry, size_t n, struct stockade_table *t);

/* What job.h's functions see of the job; runtime.c makes it. */
struct stockade_job {
	const struct stk_class_desc *desc;
	const struct stk_spawn *spawn;
	char id[33];
	char trace[STK_TRACE_BYTES];
	uint32_t reported; /* bytes of log records so far */
	uint32_t unlogged; /* lines that did not fit */
	int64_t pulsed_ms; /* when progress or a heartbeat was last sent; 0: not yet */
	bool executed;     /* its program was run */
	char message[STOCKADE_MESSAGE_MAX + 1];
	char *releases[STK_RELEASES_MAX]; /* owned */
	uint32_t n_releases;
	size_t release_bytes;
	char *result; /* owned */
	size_t result_len;
	struct stockade_piece *pieces; /* owned: stockade_alloc()'s, the newest first (memory.c) */
};

/* vsnprintf that never leaves half a UTF-8 sequence at the cut; how many bytes stand in @out. */
STK_PRINTF(3, 0)
size_t stockade_vformat(char *out, size_t size, const char *fmt, va_list ap);

/* Frees what stockade_alloc() gave this job. Its process need not: it ends. */
void stockade_memory_clear(struct stockade_job *job);

/* A warning in the job's log, the first time that it is said; cut at 95 bytes. */
STK_PRINTF(2, 3) void stockade_tell_once(const struct stockade_job *job, const char *fmt, ...);
/* stockade_dir(); without a grant the log says which word of the registry line is missing. */
int stockade_dir_for(const struct stockade_job *job, const char *label, const char *word);

/* A relative path whose parts are neither empty nor "." nor "..", at most 1024 bytes. */
bool stockade_name_safe(const char *name);
/* Exactly @len bytes; false at end of file or on an error. */
bool stockade_read_all(int fd, void *p, size_t len);

#define STOCKADE_ARGS_DEPTH 64
#define STOCKADE_ARGS_KEYS  1024

/*
 * Parses @len bytes of argument text: one JSON array, no duplicate keys, at most 64 levels and 1024
 * keys. *out is the caller's (json_decref). 0, or -1 with a sentence in @v->rule.
 */
int stockade_args_parse(const char *text, size_t len, json_t **out, struct stockade_violation *v);

/*
 * What the operator handed to this class and job (handed.c): the block that came behind the
 * arguments, which stays where it is, and the descriptors of the spawn. Once per process. False:
 * the block is not what the class's record promises.
 */
bool stockade_handed_take(const struct stk_class_desc *desc, const struct stk_spawn *spawn,
    const uint8_t *block, size_t len);

/* The caged child after READY: reads GO and arguments, runs the handler, writes the result, exits.
 */
STK_NORETURN void stockade_run_job(const struct stockade_class *class_entry,
    const struct stk_class_desc *desc, const struct stk_spawn *spawn);

#endif

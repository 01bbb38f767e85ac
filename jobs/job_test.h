/*
 * job_test.h - a job's test, for cmocka. Installed as <stockade/job_test.h>; link
 * libstockade-test.a (`pkg-config --libs stockade-test`). C11 and C++17.
 *
 *	static void words_are_counted(void **state)
 *	{
 *		stockade_test_file(t, "inputs", "text", "one two\n", 8);
 *		stockade_assert_done(t, "Acme::WordCount", "[\"text\"]",
 *"{\"lines\":1,\"words\":2}"); stockade_assert_refused(t, "Acme::WordCount", "[\"\"]", "/0",
 *"minLength");
 *	}
 *
 * A handler is run by its cage program: behind the very wall of production, or, if the test says
 * so, as a plain process outside of it. It is never linked into the test. What it would be handed
 * by an operator is what the test says. A word that cannot do its work fails the running test.
 *
 * The cage refuses to be made by root: such a test says so and fails.
 */
#ifndef STOCKADE_JOB_TEST_H
#define STOCKADE_JOB_TEST_H

/* cmocka.h needs these before it */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#ifdef __cplusplus
extern "C" {
#endif

/* A cage program under test, with what its jobs are handed. Opaque; one thread. */
struct stockade_test;

/*
 * @program: path of the cage program; NULL: the environment's CAGE (which stockade.mk sets), else
 * $B/stockade-cage with B "build" by default. Open it in the group's setup: each one starts
 * processes. A class that connects needs the program `stockade` too: the environment's STOCKADE,
 * else $B/stockade.
 */
struct stockade_test *stockade_test_open(const char *program);
/* Ends its processes, removes its directories. NULL-safe. */
void stockade_test_close(struct stockade_test *t);

/*
 * True: from now on handlers run outside the cage, as a plain process with the rights of the test
 * and its environment: for a sanitizer, a profiler, a clock of libfaketime's. What arguments may be
 * holds as ever; no limit but the wall-clock one does, and stockade_exec() and stockade_connect()
 * answer as in a class without the grant.
 */
void stockade_test_outside(struct stockade_test *t, bool outside);

/* --- what a job is handed --------------------------------------------------------------------- */

/*
 * Maps @label to the directory @path. Before the first run; a label that is not mapped is a fresh
 * directory, removed at the end.
 */
void stockade_test_directory(struct stockade_test *t, const char *label, const char *path);
/* The directory of @label. Borrowed. */
const char *stockade_test_path(struct stockade_test *t, const char *label);
/* Writes the file @name, without folders, into the directory of @label. */
void stockade_test_file(
    struct stockade_test *t, const char *label, const char *name, const void *bytes, size_t len);

/* What stockade_secret(job, @label) and stockade_setting(job, @name) answer; at most 4096 bytes. */
void stockade_test_secret(struct stockade_test *t, const char *label, const char *value);
void stockade_test_setting(struct stockade_test *t, const char *name, const char *value);

/* What stockade_attempt(job) answers: 1 to begin with. */
void stockade_test_attempt(struct stockade_test *t, uint32_t attempt);
/*
 * How long the job has, in milliseconds: what stockade_deadline_left_ms(job) counts down from, and
 * when it is ended. 0: its class's WALL_MS, as to begin with.
 */
void stockade_test_deadline(struct stockade_test *t, uint32_t ms);
/* What stockade_job_id(job) answers: 32 hex digits. To begin with, "abab...". */
void stockade_test_job_id(struct stockade_test *t, const char *hex);

/* --- one run ---------------------------------------------------------------------------------- */

/* How it ended. Borrowed until the next run; texts are never NULL. */
struct stockade_test_end {
	const char
	    *outcome;    /* "Done", "Skipped", "RetryAsked", "Failed", "E_SCHEMA", "Crash" ... */
	const char *why; /* the sentence that an operator would read */
	const char *message; /* of stockade_fail() */
	const char *result;  /* of stockade_result_json(); "" if there is none */
	const char *pointer; /* E_SCHEMA: the place of the argument, "/0/name" */
	const char *rule;    /* E_SCHEMA: the keyword it breaks, "minLength" */
	const char *denied;  /* SyscallDenied: the call, "openat" */
	const char *log;     /* each line of stockade_log(): its level, a blank, the text, "\n" */
	const char *output;  /* the last 512 bytes that it printed */
	uint32_t code;       /* of stockade_fail() */
	uint32_t retry_ms;   /* of stockade_retry_after() */
	bool caged;          /* seen shut in, from outside, by the kernel's word */
};

/* Runs @class_name with the JSON array @args. Never NULL. */
const struct stockade_test_end *stockade_test_run(
    struct stockade_test *t, const char *class_name, const char *args);

/* --- assertions: each runs the job once ------------------------------------------------------- */

/* @result: the same JSON value, however it is written; NULL: any, or none. */
#define stockade_assert_done(t, class_name, args, result) \
	stockade_test_done_at(t, class_name, args, result, __FILE__, __LINE__)
#define stockade_assert_skipped(t, class_name, args) \
	stockade_test_ended_at(t, class_name, args, "Skipped", NULL, __FILE__, __LINE__)
#define stockade_assert_retry(t, class_name, args, ms) \
	stockade_test_retry_at(t, class_name, args, ms, __FILE__, __LINE__)
/* @part of the message; NULL: any. */
#define stockade_assert_failed(t, class_name, args, code, part) \
	stockade_test_failed_at(t, class_name, args, code, part, __FILE__, __LINE__)
/* The schema refused them, there and by that keyword: "/1", "maximum". The whole is "/". */
#define stockade_assert_refused(t, class_name, args, pointer, rule) \
	stockade_test_refused_at(t, class_name, args, pointer, rule, __FILE__, __LINE__)
/* The cage ended it at that system call. Outside the cage it cannot pass. */
#define stockade_assert_denied(t, class_name, args, call) \
	stockade_test_denied_at(t, class_name, args, call, __FILE__, __LINE__)
/* Any outcome by its name, with @part of the sentence; NULL: any. */
#define stockade_assert_ended(t, class_name, args, outcome, part) \
	stockade_test_ended_at(t, class_name, args, outcome, part, __FILE__, __LINE__)
/* A line that the last run logged has @part in it. */
#define stockade_assert_logged(t, part) stockade_test_logged_at(t, part, __FILE__, __LINE__)

void stockade_test_done_at(struct stockade_test *t, const char *class_name, const char *args,
    const char *result, const char *file, int line);
void stockade_test_retry_at(struct stockade_test *t, const char *class_name, const char *args,
    uint32_t ms, const char *file, int line);
void stockade_test_failed_at(struct stockade_test *t, const char *class_name, const char *args,
    uint32_t code, const char *part, const char *file, int line);
void stockade_test_refused_at(struct stockade_test *t, const char *class_name, const char *args,
    const char *pointer, const char *rule, const char *file, int line);
void stockade_test_denied_at(struct stockade_test *t, const char *class_name, const char *args,
    const char *call, const char *file, int line);
void stockade_test_ended_at(struct stockade_test *t, const char *class_name, const char *args,
    const char *outcome, const char *part, const char *file, int line);
void stockade_test_logged_at(struct stockade_test *t, const char *part, const char *file, int line);

#ifdef __cplusplus
}
#endif
#endif

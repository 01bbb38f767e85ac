/*
 * bare.h - a job without the wall: the cage program's role `bare` runs one handler as a plain
 * process, for a debugger or for a test that says so. No filter, no Landlock, no limits, no broker
 * and no program beside it; what arguments may be is checked as ever. No worker has a way here.
 *
 * The protocol is that of the cage (wire.h), over memory files instead of pipes: the process finds
 * a spawn record, GO, arguments and what the class is handed at STK_SLOT_ARGS, and leaves its
 * report at STK_SLOT_REPORT. It begins both anew each time it is run, as a debugger does.
 */
#ifndef SANDBOX_BARE_H
#define SANDBOX_BARE_H

#include "sandbox/outcome.h"

struct stk_class_table;
struct stk_run_request;

/* One job in hand; -1 where there is none. stk_bare_clear(). */
struct stk_bare {
	const struct stk_class_table *table; /* borrowed */
	const struct stk_run_request *r;     /* borrowed */
	const int *dir_fds;                  /* borrowed, one per label, -1 where unmapped */
	int work_fd;                         /* borrowed, or -1 */
	int letter, report, output;          /* owned; output -1: what it prints is printed */
};

/*
 * Writes the letter. @deadline_ms: CLOCK_MONOTONIC, what the handler is told; nobody ends it then.
 * @b has table, r, dir_fds and work_fd; @keep_output: into a file, for the outcome. STK_E_SYSTEM
 * with errno, STK_E_NOMEM.
 */
STK_CHECK enum stk_err stk_bare_prepare(struct stk_bare *b, int64_t deadline_ms, bool keep_output);
void stk_bare_clear(struct stk_bare *b);

/* In the child, before its exec: everything in its slot. 0, or -1 with errno. */
int stk_bare_place(const struct stk_bare *b);
/* The operands of the cage program; NULL-ended. @program is borrowed. */
void stk_bare_argv(const struct stk_bare *b, const char *program, const char *argv[4]);

/*
 * What became of it, from @status (as waitid has it: exit code, or -signal) and the report; log
 * lines go to @log. Names are those of the cage where there is one; the proof is empty.
 * STK_BARE_UNKNOWN, where a debugger stood between: the report tells, or STK_E_ABSENT.
 */
#define STK_BARE_UNKNOWN INT32_MIN
STK_CHECK enum stk_err stk_bare_judge(const struct stk_bare *b, int status,
    void (*log)(void *ctx, uint32_t level, struct stk_span text), void *ctx,
    struct stk_outcome *out);

#endif

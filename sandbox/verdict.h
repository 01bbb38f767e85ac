/*
 * verdict.h - from the facts of a child's end to one stable name and one sentence. Internal to
 * sandbox/; a pure function, so that every name has a test.
 */
#ifndef SANDBOX_VERDICT_H
#define SANDBOX_VERDICT_H

#include "sandbox/filter.h"
#include "sandbox/outcome.h"
#include "sandbox/parent.h"
#include "sandbox/report.h"

/* What a threads library wakes a thread with that is to be cancelled; a job may send it to itself.
 */
#define STK_SIGCANCEL 32

/* Why the worker itself ended the child; the first reason stays. */
enum stk_kill {
	STK_KILL_NONE,
	STK_KILL_WALL,
	STK_KILL_SILENT, /* it said nothing for longer than its class promises */
	STK_KILL_OUTPUT,
	STK_KILL_FLOOD,
	STK_KILL_MALFORMED,
	STK_KILL_TASKS, /* more threads than its class may have */
	STK_KILL_SHUTDOWN,
	STK_KILL_CALLED_OFF, /* the go hook said no */
	STK_KILL_PROGRAM,    /* its program met a limit or a filter */
	STK_KILL_LEFT,       /* others were left in its control group after its end */
	STK_KILL_WORK,       /* its own directory holds more than it may */
	STK_KILL_UNPROVEN,   /* /proc does not show a shut cage; why is set already */
};

struct stk_end {
	enum stk_kill kill;
	const struct stk_class_desc *class_desc;
	const struct stk_limits *limits;
	const struct stk_limits *granted; /* before the service's own hard limits; NULL: the same */
	const struct stk_report *report;
	const struct stk_program *program; /* STK_KILL_PROGRAM: whose end it was */
	uint32_t left;                     /* processes found in its control group after its end */
	uint64_t tasks_refused;            /* by the pids.max of its control group */
	uint64_t oom_kills;                /* of our cgroup while the job ran */
};

/*
 * Fills name, why, code, retry_ms, message and result of @o, whose pid, status, times and proof are
 * set. Precedence as in ARCHITECTURE.md ("How a job's end is named").
 */
void stk_verdict(const struct stk_end *e, struct stk_outcome *o);
/* outcome_acts.c: the part of it that the worker did itself. */
void stk_verdict_by_us(const struct stk_end *e, struct stk_outcome *o);
/* Sets name and sentence. */
void stk_outcome_say(struct stk_outcome *o, enum stk_outcome_name n, const char *fmt, ...)
    STK_PRINTF(3, 4);

/* Adds what could be done about a denied call; @who: "class" or "program". */
void stk_outcome_add_way(struct stk_outcome *o, const struct stk_way *way, const char *who);

enum stk_bound {
	STK_BOUND_MEMORY,
	STK_BOUND_CPU,
	STK_BOUND_FILE,
	STK_BOUND_STACK,
	STK_BOUND_WALL,
	STK_BOUND_TASKS,
	STK_BOUND_WORK,
	STK_BOUND_OUTPUT,
	STK_BOUND_REPORT,
	STK_BOUND_COUNT
};
/* bound.c: adds who set the limit that was met, and so what is to be raised. */
void stk_outcome_add_bound(const struct stk_end *e, struct stk_outcome *o, enum stk_bound which);

/* The worker changed its mind before there was a child. */
void stk_outcome_called_off(struct stk_outcome *o);
/* "SEGV"; "?" for none. Static storage. */
const char *stk_signal_name(int sig);
/* crash.c: a signal of its own doing; an ABRT. */
void stk_name_crash(const struct stk_end *e, struct stk_outcome *o);
void stk_name_abort(const struct stk_end *e, struct stk_outcome *o);

#endif

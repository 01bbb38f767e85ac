/*
 * outcome_acts.c - the names and sentences of what the worker itself did: it ended the child, or
 * the child's program met the wall. Called by outcome.c; a pure function, as all of it.
 */
#include "sandbox/verdict.h"

#include "sandbox/filter.h"
#include "sandbox/program.h"

#include <inttypes.h>
#include <signal.h>

/* --- its program --------------------------------------------------------------------------------
 */

static void program_denied(const struct stk_end *e, struct stk_outcome *o)
{
	const struct stk_class_desc *c = e->class_desc;
	const struct stk_denied *d = &e->program->denied;
	const char *call = stk_syscall_name(d->arch, d->nr);
	struct stk_way way = { .instead = NULL };

	if (!e->program->has_denied) {
		stk_outcome_say(o, STK_OUT_SYSCALL_DENIED,
		    "a system call (program %s of class %s): which one is not known, the kernel "
		    "gave no notification",
		    c->program, c->name);
		return;
	}
	if (call != NULL)
		way = stk_syscall_way(d->nr, d->args, 0, stk_program_sum(c->profiles));
	o->missing = way.grant;
	if (way.grant == NULL)
		way.instead = "a program has no network, no processes and no code that it wrote";
	stk_outcome_say(o, STK_OUT_SYSCALL_DENIED, "%s (program %s of class %s%s%s%s)",
	    call == NULL ? "an unknown call" : call, c->program, c->name,
	    way.grant == NULL ? "" : ", which has no ", way.grant == NULL ? "" : way.grant,
	    way.grant == NULL ? "" : " grant");
	stk_outcome_add_way(o, &way, "program");
}

/* What ended a class's program, where that was the wall and not the program. */
static void by_program(const struct stk_end *e, struct stk_outcome *o)
{
	const struct stk_program *p = e->program;

	if (p->has_denied || p->last.status == -SIGSYS) {
		program_denied(e, o);
	} else if (stk_program_cpu_spent(p)) {
		stk_outcome_say(o, STK_OUT_CPU_LIMIT,
		    "its program %s was ended by SIG%s after %" PRId64
		    " ms of CPU: its limit is %" PRIu32 " s",
		    e->class_desc->program, stk_signal_name(-p->last.status), p->last.cpu_ms,
		    e->limits->cpu_s);
		stk_outcome_add_bound(e, o, STK_BOUND_CPU);
	} else {
		stk_outcome_say(o, STK_OUT_FILE_SIZE_LIMIT,
		    "its program %s wrote a file beyond the limit of %" PRIu64 " bytes",
		    e->class_desc->program, e->limits->file_bytes);
		stk_outcome_add_bound(e, o, STK_BOUND_FILE);
	}
}

/* --- our own acts ----------------------------------------------------------------------------- */

/* It printed or reported more than it may, or what it may not. */
static void by_its_words(const struct stk_end *e, struct stk_outcome *o)
{
	const struct stk_limits *l = e->limits;

	if (e->kill == STK_KILL_OUTPUT) {
		stk_outcome_say(o, STK_OUT_OUTPUT_LIMIT,
		    "killed: it printed more than %" PRIu32
		    " bytes; log with stockade_log and return "
		    "results instead",
		    l->output_bytes);
		stk_outcome_add_bound(e, o, STK_BOUND_OUTPUT);
	} else if (e->kill == STK_KILL_FLOOD) {
		stk_outcome_say(o, STK_OUT_REPORT_FLOOD,
		    "killed: more than %" PRIu32
		    " bytes of log records, or more progress than a handler can report by "
		    "job.h",
		    l->report_bytes);
	} else {
		stk_outcome_say(o, STK_OUT_REPORT_MALFORMED,
		    "killed: its report pipe carried something that is no record in its turn; the "
		    "job "
		    "wrote there itself or its memory is damaged");
	}
}

void stk_verdict_by_us(const struct stk_end *e, struct stk_outcome *o)
{
	const struct stk_limits *l = e->limits;

	switch (e->kill) {
	case STK_KILL_NONE: break;
	case STK_KILL_WALL:
		stk_outcome_say(o, STK_OUT_WALL_TIMEOUT,
		    "killed after %" PRId64 " ms: its wall-clock limit is %" PRIu32 " ms",
		    o->wall_ms, l->wall_ms);
		stk_outcome_add_bound(e, o, STK_BOUND_WALL);
		break;
	case STK_KILL_SILENT:
		stk_outcome_say(o, STK_OUT_STALLED,
		    "killed after %" PRId64 " ms: it had said nothing for %" PRIu32
		    " ms, and its class promises to (SILENCE_S); a handler that works calls "
		    "stockade_heartbeat or stockade_progress",
		    o->wall_ms, l->silence_ms);
		break;
	case STK_KILL_OUTPUT:
	case STK_KILL_FLOOD:
	case STK_KILL_MALFORMED: by_its_words(e, o); break;
	case STK_KILL_TASKS:
		stk_outcome_say(o, STK_OUT_TASK_LIMIT,
		    "killed: it had more than %" PRIu32 " threads at a time", l->tasks);
		stk_outcome_add_bound(e, o, STK_BOUND_TASKS);
		break;
	case STK_KILL_SHUTDOWN:
		stk_outcome_say(o, STK_OUT_SHUTDOWN,
		    "ended by the worker's own shutdown after %" PRId64 " ms", o->wall_ms);
		break;
	case STK_KILL_CALLED_OFF:
		stk_outcome_say(o, STK_OUT_SHUTDOWN,
		    "called off by the worker before it was given its arguments");
		break;
	case STK_KILL_LEFT:
		stk_outcome_say(o, STK_OUT_LEFT_PROCESSES,
		    "it ended and left %" PRIu32
		    " process%s in its cgroup, which no class can make; they were killed: look at "
		    "the machine",
		    e->left, e->left == 1 ? "" : "es");
		break;
	case STK_KILL_WORK:
		stk_outcome_say(o, STK_OUT_WORK_QUOTA,
		    "its work directory held more than %" PRIu64
		    " MiB (each file counts 4 KiB at least)",
		    l->work_bytes >> 20);
		stk_outcome_add_bound(e, o, STK_BOUND_WORK);
		break;
	case STK_KILL_PROGRAM: by_program(e, o); break;
	case STK_KILL_UNPROVEN: o->name = STK_OUT_SANDBOX_UNAVAILABLE; break;
	}
}

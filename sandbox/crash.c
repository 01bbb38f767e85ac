/*
 * crash.c - names the ends by a fault or by abort(): StackOverflow, MemoryLimit, Crash, Abort. The
 * wait status and rusage decide; what the child's handler wrote adds an address and a place, as
 * numbers.
 */
#include "sandbox/verdict.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static uint64_t mib(uint64_t bytes)
{
	return bytes >> 20;
}

/*
 * A NULL that nobody checked ends in SEGV or ABRT; resident size near the limit tells it from other
 * crashes. A heuristic, so the sentence says what was seen.
 */
static bool memory_spent(const struct stk_end *e, const struct stk_outcome *o)
{
	return o->maxrss_kib >= (int64_t)(e->limits->mem_bytes / 1024 / 10 * 9);
}

static void memory(const struct stk_end *e, struct stk_outcome *o)
{
	stk_outcome_say(o, STK_OUT_MEMORY_LIMIT,
	    "ended by SIG%s with %" PRId64 " MiB resident of its limit of %" PRIu64
	    " MiB; raise MEM_MIB and the ceiling if the work is honest",
	    stk_signal_name(-o->status), o->maxrss_kib / 1024, mib(e->limits->mem_bytes));
}

/* The innermost frame in the cage program, in numbers; a worker opens no file to name it. */
static void say_place(const struct stk_end *e, struct stk_outcome *o)
{
	const struct stk_fault *f = &e->report->fault;
	size_t n = strlen(o->why);

	if (!e->report->has_fault || f->signal != -o->status)
		return;
	for (uint32_t i = 0; i < f->n_frames; i++)
		if (f->frames[i].module == 0) {
			(void)snprintf(o->why + n, sizeof(o->why) - n, "%s stockade-cage+%#" PRIx64,
			    i == 0 ? " in" : " in a library that was called from",
			    f->frames[i].offset);
			return;
		}
}

static void end_sentence(struct stk_outcome *o)
{
	size_t n = strlen(o->why);

	if (n > 0 && o->why[n - 1] == ',')
		o->why[n - 1] = '\0';
}

void stk_name_crash(const struct stk_end *e, struct stk_outcome *o)
{
	const struct stk_report *r = e->report;

	if (o->status == -SIGSEGV && r->has_fault && r->fault.near_sp)
		stk_outcome_say(o, STK_OUT_STACK_OVERFLOW,
		    "the stack ran over its %" PRIu64
		    " MiB: endless recursion, or a huge local array,",
		    mib(e->limits->stack_bytes));
	else if (memory_spent(e, o))
		memory(e, o);
	else if (r->has_fault)
		stk_outcome_say(o, STK_OUT_CRASH, "SIG%s at 0x%" PRIx64,
		    stk_signal_name(-o->status), r->fault.addr);
	else
		stk_outcome_say(o, STK_OUT_CRASH, "SIG%s", stk_signal_name(-o->status));
	if (o->name != STK_OUT_MEMORY_LIMIT)
		say_place(e, o);
	end_sentence(o);
}

void stk_name_abort(const struct stk_end *e, struct stk_outcome *o)
{
	if (memory_spent(e, o)) {
		memory(e, o);
		return;
	}
	stk_outcome_say(o, STK_OUT_ABORT, "the handler called abort(), or a check in libc did,");
	say_place(e, o);
	end_sentence(o);
}

/*
 * crash.c - names the ends by a fault or by abort(): StackOverflow, MemoryLimit, Crash, Abort. That
 * it was a crash the kernel says; which of these, rusage or what the child's handler wrote, as
 * numbers: an address, a place, an errno.
 */
#include "sandbox/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static uint64_t mib(uint64_t bytes)
{
	return bytes >> 20;
}

/* The first pages are nobody's, and the last ones the kernel's: what NULL and MAP_FAILED point to.
 */
#define NOWHERE (64u << 10)

/*
 * A NULL that nobody checked ends in SEGV or ABRT, and RLIMIT_AS leaves no trace of a refusal.
 * Three things tell it from other crashes: resident size near the limit, which is the kernel's
 * word; at the fault itself ENOMEM as the thread's last error; or next to no address space left, of
 * which libraries and what was never touched are a part. The last two are the child's word and
 * count only for a use of what a refused call returns. Between the names of a crash a child may
 * well lie: none of them gives it anything (recycle.c). The sentence says what was seen.
 */
enum spent {
	NOT_SPENT,
	RESIDENT,
	REFUSED,
	NO_ROOM
};

static enum spent memory_spent(const struct stk_end *e, const struct stk_outcome *o)
{
	const struct stk_fault *f = &e->report->fault;
	uint64_t limit = e->limits->mem_bytes;

	if (o->maxrss_kib >= (int64_t)(limit / 1024 / 10 * 9))
		return RESIDENT;
	if (!e->report->has_fault || f->signal != -o->status ||
	    (f->signal != SIGABRT && f->signal != SIGSEGV) ||
	    (f->signal == SIGSEGV && f->addr >= NOWHERE && f->addr < UINT64_MAX - NOWHERE))
		return NOT_SPENT;
	if (f->err == ENOMEM)
		return REFUSED;
	return f->room > 0 && f->room < limit / 32 ? NO_ROOM : NOT_SPENT;
}

static void memory(const struct stk_end *e, struct stk_outcome *o, enum spent how)
{
	uint64_t limit = mib(e->limits->mem_bytes), room = e->report->fault.room;
	char left[64] = "";

	if (how != RESIDENT && room > 0)
		(void)snprintf(
		    left, sizeof(left), " and %" PRIu64 " MiB still to be had", mib(room));
	stk_outcome_say(o, STK_OUT_MEMORY_LIMIT,
	    "ended by SIG%s%s with %" PRId64 " MiB resident%s of its limit of %" PRIu64 " MiB%s",
	    stk_signal_name(-o->status), how == REFUSED ? " after it was refused memory," : "",
	    o->maxrss_kib / 1024, left, limit,
	    how == RESIDENT ? "" : ", which counts all that it maps, libraries too");
	stk_outcome_add_bound(e, o, STK_BOUND_MEMORY);
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
	enum spent how = memory_spent(e, o);

	if (o->status == -SIGSEGV && r->has_fault && r->fault.near_sp)
		stk_outcome_say(o, STK_OUT_STACK_OVERFLOW,
		    "the stack ran over its %" PRIu64
		    " MiB: endless recursion, or a huge local array,",
		    mib(e->limits->stack_bytes));
	else if (how != NOT_SPENT)
		memory(e, o, how);
	else if (r->has_fault)
		stk_outcome_say(o, STK_OUT_CRASH, "SIG%s at 0x%" PRIx64,
		    stk_signal_name(-o->status), r->fault.addr);
	else
		stk_outcome_say(o, STK_OUT_CRASH, "SIG%s", stk_signal_name(-o->status));
	if (o->name != STK_OUT_MEMORY_LIMIT)
		say_place(e, o);
	end_sentence(o);
	if (o->name == STK_OUT_STACK_OVERFLOW)
		stk_outcome_add_bound(e, o, STK_BOUND_STACK);
}

void stk_name_abort(const struct stk_end *e, struct stk_outcome *o)
{
	enum spent how = memory_spent(e, o);

	if (how != NOT_SPENT) {
		memory(e, o, how);
		return;
	}
	stk_outcome_say(o, STK_OUT_ABORT, "the handler called abort(), or a check in libc did,");
	say_place(e, o);
	end_sentence(o);
}

/*
 * outcome.c - names how a job ended. Called by the run loop; trusts the wait status, rusage and the
 * worker's own acts for the name, and the child's records only for the words after it.
 */
#include "sandbox/verdict.h"

#include "sandbox/entry.h"
#include "sandbox/filter.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *stk_outcome_text(enum stk_outcome_name n)
{
	static const char *const texts[STK_OUT_COUNT] = {
#define X(id, text) [STK_OUT_##id] = text,
		STK_OUTCOMES(X)
#undef X
	};

	return n < STK_OUT_COUNT ? texts[n] : "unknown";
}

void stk_outcome_clear(struct stk_outcome *o)
{
	free(o->message);
	free(o->result);
	memset(o, 0, sizeof(*o));
}

void stk_name_end(struct stk_outcome *o, enum stk_outcome_name n, const char *fmt, ...)
{
	va_list ap;

	o->name = n;
	va_start(ap, fmt);
	(void)vsnprintf(o->why, sizeof(o->why), fmt, ap);
	va_end(ap);
}

static uint64_t mib(uint64_t bytes)
{
	return bytes >> 20;
}

const char *stk_signal_name(int sig)
{
	const char *abbrev = sigabbrev_np(sig);

	return abbrev == NULL ? "?" : abbrev;
}

/* --- its program --------------------------------------------------------------------------------
 */

static void program_denied(const struct stk_end *e, struct stk_outcome *o)
{
	const struct stk_denied *d = &e->program->denied;
	const char *call =
	    e->program->has_denied ? stk_syscall_name(d->arch, d->nr) : "a system call";

	stk_name_end(o, STK_OUT_SYSCALL_DENIED, "%s (program %s of class %s)%s",
	    call == NULL ? "an unknown call" : call, e->class_desc->program, e->class_desc->name,
	    e->program->has_denied
		? ": no program may make it; the exec profile has no network and no processes"
		: ": which one is not known, the kernel gave no notification");
}

/* What ended a class's program, where that was the wall and not the program. */
static void by_program(const struct stk_end *e, struct stk_outcome *o)
{
	const struct stk_program *p = e->program;

	if (p->has_denied || p->last.status == -SIGSYS)
		program_denied(e, o);
	else if (p->last.status == -SIGXCPU)
		stk_name_end(o, STK_OUT_CPU_LIMIT,
		    "its program %s was ended by SIGXCPU after %" PRId64
		    " ms of CPU: its limit is %" PRIu32 " s; raise CPU_S and the ceiling if the "
		    "work is honest",
		    e->class_desc->program, p->last.cpu_ms, e->limits->cpu_s);
	else
		stk_name_end(o, STK_OUT_FILE_SIZE_LIMIT,
		    "its program %s wrote a file beyond the limit of %" PRIu64 " bytes",
		    e->class_desc->program, e->limits->file_bytes);
}

/* --- our own acts ----------------------------------------------------------------------------- */

static void by_us(const struct stk_end *e, struct stk_outcome *o)
{
	const struct stk_limits *l = e->limits;

	switch (e->kill) {
	case STK_KILL_NONE: break;
	case STK_KILL_WALL:
		stk_name_end(o, STK_OUT_WALL_TIMEOUT,
		    "killed after %" PRId64 " ms: its wall-clock limit is %" PRIu32
		    " ms; raise WALL_MS and the ceiling if the work is honest",
		    o->wall_ms, l->wall_ms);
		break;
	case STK_KILL_OUTPUT:
		stk_name_end(o, STK_OUT_OUTPUT_LIMIT,
		    "killed: it printed more than %" PRIu32
		    " bytes; log with stockade_log and return "
		    "results instead",
		    l->output_bytes);
		break;
	case STK_KILL_FLOOD:
		stk_name_end(o, STK_OUT_REPORT_FLOOD,
		    "killed: more than %" PRIu32 " bytes of log records", l->report_bytes);
		break;
	case STK_KILL_MALFORMED:
		stk_name_end(o, STK_OUT_REPORT_MALFORMED,
		    "killed: its report pipe carried something that is no record in its turn; the "
		    "job "
		    "wrote there itself or its memory is damaged");
		break;
	case STK_KILL_TASKS:
		stk_name_end(o, STK_OUT_TASK_LIMIT,
		    "killed: it had more than %" PRIu32
		    " threads at a time; raise TASKS and the ceiling if the work is honest",
		    l->tasks);
		break;
	case STK_KILL_SHUTDOWN:
		stk_name_end(o, STK_OUT_SHUTDOWN,
		    "ended by the worker's own shutdown after %" PRId64 " ms", o->wall_ms);
		break;
	case STK_KILL_CALLED_OFF:
		stk_name_end(o, STK_OUT_SHUTDOWN,
		    "called off by the worker before it was given its arguments");
		break;
	case STK_KILL_LEFT:
		stk_name_end(o, STK_OUT_LEFT_PROCESSES,
		    "it ended and left %" PRIu32
		    " process%s in its cgroup, which no class can make; they were killed: look at "
		    "the machine",
		    e->left, e->left == 1 ? "" : "es");
		break;
	case STK_KILL_WORK:
		stk_name_end(o, STK_OUT_WORK_QUOTA,
		    "its work directory held more than %" PRIu64
		    " MiB (each file counts 4 KiB at least); raise WORK_MIB and the ceiling if the "
		    "work is honest",
		    mib(l->work_bytes));
		break;
	case STK_KILL_PROGRAM: by_program(e, o); break;
	case STK_KILL_UNPROVEN: o->name = STK_OUT_SANDBOX_UNAVAILABLE; break;
	}
}

/* A kill that came too late for a child that had ended by itself does not change its story. */
static bool kill_counts(const struct stk_end *e, const struct stk_outcome *o)
{
	if (e->kill == STK_KILL_WALL || e->kill == STK_KILL_SHUTDOWN)
		return o->status == -SIGKILL || o->status == -SIGTERM;
	/* found after the end as well: it outweighs a result, but not another death */
	if (e->kill == STK_KILL_LEFT)
		return o->status >= 0;
	if (e->kill == STK_KILL_WORK)
		return o->status == -SIGKILL || o->status >= 0;
	return e->kill != STK_KILL_NONE;
}

/* --- before READY ----------------------------------------------------------------------------- */

static void unready(const struct stk_end *e, struct stk_outcome *o)
{
	const struct stk_report *r = e->report;

	if (r->has_setup)
		stk_name_end(o, STK_OUT_SANDBOX_UNAVAILABLE,
		    "the cage could not be shut: could not %s: %s; the job was not started; "
		    "`stockade run-job` shows the same on this machine",
		    stk_step_name(r->setup.step), strerror(r->setup.err));
	else if (r->has_denied)
		stk_name_end(o, STK_OUT_SANDBOX_UNAVAILABLE,
		    "the cage could not be shut: its own filter denied %s on the way in",
		    stk_syscall_name(r->denied.arch, r->denied.nr) == NULL
			? "an unknown call"
			: stk_syscall_name(r->denied.arch, r->denied.nr));
	else if (o->status < 0)
		stk_name_end(o, STK_OUT_SANDBOX_UNAVAILABLE,
		    "the child was ended by SIG%s before its cage was shut; memory limit %" PRIu64
		    " MiB",
		    stk_signal_name(-o->status), mib(e->limits->mem_bytes));
	else
		stk_name_end(o, STK_OUT_SANDBOX_UNAVAILABLE,
		    "the child exited with %d before its cage was shut", o->status);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void denied(const struct stk_end *e, struct stk_outcome *o)
{
	const struct stk_denied *d = &e->report->denied;
	const char *call, *grant;

	if (!e->report->has_denied) {
		stk_name_end(o, STK_OUT_SYSCALL_DENIED,
		    "a denied system call ended it (class %s); which one is not known: its handler "
		    "could "
		    "not report",
		    e->class_desc->name);
		return;
	}
	call = stk_syscall_name(d->arch, d->nr);
	if (call == NULL) {
		stk_name_end(o, STK_OUT_SYSCALL_DENIED,
		    "an unknown call (class %s): no class may make it", e->class_desc->name);
		return;
	}
	grant =
	    stk_syscall_missing_grant(d->nr, d->args, (uint64_t)o->pid, e->class_desc->profiles);
	o->missing = grant;
	if (grant != NULL)
		stk_name_end(o, STK_OUT_SYSCALL_DENIED, "%s (class %s has no %s grant)", call,
		    e->class_desc->name, grant);
	else
		stk_name_end(o, STK_OUT_SYSCALL_DENIED,
		    "%s (class %s): not in any profile like this", call, e->class_desc->name);
}

static bool cpu_spent(const struct stk_end *e, const struct stk_outcome *o)
{
	if (o->status == -SIGXCPU)
		return true;
	/* The hard limit is one second later. The kernel counts it in ticks and rusage in run time,
	 * which can be a tenth less; but only a job that held SIGXCPU back lives past the soft one.
	 */
	return o->status == -SIGKILL &&
	       o->cpu_ms >= (int64_t)e->limits->cpu_s * 1000 + (e->oom_kills > 0 ? 900 : 0);
}

static void killed(const struct stk_end *e, struct stk_outcome *o)
{
	if (o->status == -SIGKILL && e->oom_kills > 0)
		stk_name_end(o, STK_OUT_OOM_KILLED,
		    "the kernel ended it because the machine or the pod ran out of memory; the "
		    "job's own "
		    "limit was %" PRIu64 " MiB: lower concurrency or raise the pod's limit",
		    mib(e->limits->mem_bytes));
	else
		stk_name_end(o, STK_OUT_KILLED_EXTERNALLY,
		    "ended by SIG%s that the worker did not send", stk_signal_name(-o->status));
}

static void by_signal(const struct stk_end *e, struct stk_outcome *o)
{
	int sig = -o->status;

	if (sig == SIGSYS)
		denied(e, o);
	else if (cpu_spent(e, o))
		stk_name_end(o, STK_OUT_CPU_LIMIT,
		    "ended by SIG%s after %" PRId64 " ms of CPU: its limit is %" PRIu32
		    " s; raise CPU_S and the ceiling if the work is honest",
		    stk_signal_name(sig), o->cpu_ms, e->limits->cpu_s);
	else if (sig == SIGXFSZ)
		stk_name_end(o, STK_OUT_FILE_SIZE_LIMIT,
		    "it wrote a file beyond its limit of %" PRIu64 " bytes", e->limits->file_bytes);
	else if (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE)
		stk_name_crash(e, o);
	else if (sig == SIGABRT)
		stk_name_abort(e, o);
	else
		killed(e, o);
}

/* --- exits ------------------------------------------------------------------------------------ */

/* Hands the child's words over; a failed allocation costs the words, not the verdict. */
static void take_words(const struct stk_report *r, struct stk_outcome *o)
{
	size_t m = r->result.message_len, n = r->result.result_len;

	o->code = r->result.code;
	o->retry_ms = r->result.retry_ms;
	if (m > 0 && (o->message = malloc(m + 1)) != NULL) {
		memcpy(o->message, r->body, m);
		o->message[m] = '\0';
		o->message_len = m;
	}
	if (n > 0 && (o->result = malloc(n)) != NULL) {
		memcpy(o->result, r->body + m, n);
		o->result_len = n;
	}
}

static void by_result(const struct stk_report *r, struct stk_outcome *o)
{
	const char *said;

	take_words(r, o);
	said = o->message == NULL ? "(no message)" : o->message;
	switch ((enum stk_result_kind)r->result.kind) {
	case STK_RESULT_DONE: stk_name_end(o, STK_OUT_DONE, "done"); break;
	case STK_RESULT_SKIP:
		stk_name_end(o, STK_OUT_SKIPPED, "the handler chose to skip it");
		break;
	case STK_RESULT_RETRY:
		stk_name_end(o, STK_OUT_RETRY_ASKED,
		    "the handler asks to be run again in %" PRIu32 " ms", r->result.retry_ms);
		break;
	case STK_RESULT_FAIL: stk_name_end(o, STK_OUT_FAILED, "%.480s", said); break;
	case STK_RESULT_ARGS_JSON: stk_name_end(o, STK_OUT_ARGS_JSON, "%.480s", said); break;
	case STK_RESULT_ARGS_SCHEMA: stk_name_end(o, STK_OUT_ARGS_SCHEMA, "%.480s", said); break;
	}
}

static void by_exit(const struct stk_end *e, struct stk_outcome *o)
{
	if (o->status != 0)
		stk_name_end(o, STK_OUT_NON_ZERO_EXIT,
		    "the child exited with %d by itself; a handler returns, it never calls exit()",
		    o->status);
	else if (stk_report_torn(e->report))
		stk_name_end(o, STK_OUT_REPORT_MALFORMED, "it exited in the middle of a record");
	else if (!e->report->has_result)
		stk_name_end(o, STK_OUT_NO_RESULT,
		    "the child exited with 0 but gave no result; that is never success");
	else
		by_result(e->report, o);
}

void stk_outcome_called_off(struct stk_outcome *o)
{
	stk_name_end(
	    o, STK_OUT_SHUTDOWN, "called off by the worker while its child was still being made");
}

void stk_verdict(const struct stk_end *e, struct stk_outcome *o)
{
	o->has_fault = e->report->has_fault && o->status < 0;
	if (o->has_fault)
		o->fault = e->report->fault;
	if (kill_counts(e, o))
		by_us(e, o);
	else if (!e->report->ready)
		unready(e, o);
	else if (o->status < 0)
		by_signal(e, o);
	else
		by_exit(e, o);
}

void stk_outcome_printed(struct stk_outcome *o, const uint8_t *p, size_t n)
{
	size_t room = sizeof(o->output_tail), keep;

	if (n >= room) {
		memcpy(o->output_tail, p + n - room, room);
		o->output_tail_len = room;
		return;
	}
	keep = o->output_tail_len + n > room ? room - n : o->output_tail_len;
	memmove(o->output_tail, o->output_tail + o->output_tail_len - keep, keep);
	memcpy(o->output_tail + keep, p, n);
	o->output_tail_len = keep + n;
}

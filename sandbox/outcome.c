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
	for (uint32_t i = 0; i < o->n_releases; i++)
		free((void *)(uintptr_t)o->releases[i].p);
	memset(o, 0, sizeof(*o));
}

void stk_outcome_say(struct stk_outcome *o, enum stk_outcome_name n, const char *fmt, ...)
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

	if (sig == STK_SIGCANCEL)
		return "CANCEL";
	return abbrev == NULL ? "?" : abbrev;
}

/* A kill that came too late for a child that had ended by itself does not change its story. */
static bool kill_counts(const struct stk_end *e, const struct stk_outcome *o)
{
	if (e->kill == STK_KILL_WALL || e->kill == STK_KILL_SHUTDOWN || e->kill == STK_KILL_SILENT)
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
		stk_outcome_say(o, STK_OUT_SANDBOX_UNAVAILABLE,
		    "the cage could not be shut: could not %s: %s; the job was not started; "
		    "`stockade run-job` shows the same on this machine",
		    stk_step_name(r->setup.step), strerror(r->setup.err));
	else if (r->has_denied)
		stk_outcome_say(o, STK_OUT_SANDBOX_UNAVAILABLE,
		    "the cage could not be shut: its own filter denied %s on the way in",
		    stk_syscall_name(r->denied.arch, r->denied.nr) == NULL
			? "an unknown call"
			: stk_syscall_name(r->denied.arch, r->denied.nr));
	else if (o->status < 0)
		stk_outcome_say(o, STK_OUT_SANDBOX_UNAVAILABLE,
		    "the child was ended by SIG%s before its cage was shut; memory limit %" PRIu64
		    " MiB",
		    stk_signal_name(-o->status), mib(e->limits->mem_bytes));
	else
		stk_outcome_say(o, STK_OUT_SANDBOX_UNAVAILABLE,
		    "the child exited with %d before its cage was shut", o->status);
}

/* --- signals ---------------------------------------------------------------------------------- */

/* What could be done about it, after the call and who made it. */
void stk_outcome_add_way(struct stk_outcome *o, const struct stk_way *way, const char *who)
{
	size_t n = strlen(o->why);
	char *at = o->why + n;
	size_t room = sizeof(o->why) - n;

	if (way->instead == NULL && way->grant == NULL)
		(void)snprintf(at, room, ": no %s may make it like this", who);
	else if (way->instead == NULL)
		(void)snprintf(at, room, ": %s in its registry line allows it", way->line);
	else if (way->grant == NULL)
		(void)snprintf(at, room, ": no %s may make it like this; %s", who, way->instead);
	else
		(void)snprintf(at, room, ": no %s may make it like this; with %s %s", who,
		    way->line, way->instead);
}

static void denied(const struct stk_end *e, struct stk_outcome *o)
{
	const struct stk_denied *d = &e->report->denied;
	const char *call;
	struct stk_way way;

	if (!e->report->has_denied) {
		stk_outcome_say(o, STK_OUT_SYSCALL_DENIED,
		    "a denied system call ended it (class %s); which one is not known: it was made "
		    "where nothing could report it, as in libc's system, popen and posix_spawn, "
		    "which "
		    "block all signals",
		    e->class_desc->name);
		return;
	}
	call = stk_syscall_name(d->arch, d->nr);
	if (call == NULL) {
		stk_outcome_say(o, STK_OUT_SYSCALL_DENIED,
		    "an unknown call (class %s): no class may make it", e->class_desc->name);
		return;
	}
	way = stk_syscall_way(d->nr, d->args, (uint64_t)o->pid, e->class_desc->profiles);
	o->missing = way.grant;
	if (way.grant != NULL)
		stk_outcome_say(o, STK_OUT_SYSCALL_DENIED, "%s (class %s has no %s grant)", call,
		    e->class_desc->name, way.grant);
	else
		stk_outcome_say(
		    o, STK_OUT_SYSCALL_DENIED, "%s (class %s)", call, e->class_desc->name);
	stk_outcome_add_way(o, &way, "class");
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
		stk_outcome_say(o, STK_OUT_OOM_KILLED,
		    "the kernel ended it because the machine or the pod ran out of memory; the "
		    "job's own "
		    "limit was %" PRIu64 " MiB: lower concurrency or raise the pod's limit",
		    mib(e->limits->mem_bytes));
	else
		stk_outcome_say(o, STK_OUT_KILLED_EXTERNALLY,
		    "ended by SIG%s that the worker did not send", stk_signal_name(-o->status));
}

/* By CPU time, or by the size of a file. */
static void limited(const struct stk_end *e, struct stk_outcome *o)
{
	if (o->status == -SIGXFSZ) {
		stk_outcome_say(o, STK_OUT_FILE_SIZE_LIMIT,
		    "it wrote a file beyond its limit of %" PRIu64 " bytes", e->limits->file_bytes);
		stk_outcome_add_bound(e, o, STK_BOUND_FILE);
		return;
	}
	stk_outcome_say(o, STK_OUT_CPU_LIMIT,
	    "ended by SIG%s after %" PRId64 " ms of CPU: its limit is %" PRIu32 " s",
	    stk_signal_name(-o->status), o->cpu_ms, e->limits->cpu_s);
	stk_outcome_add_bound(e, o, STK_BOUND_CPU);
}

/* Signals that a job can bring upon itself: by an instruction, by a pipe that nobody reads, by the
 * one call that it may signal with. Whoever guesses at addresses dies of the first as well. */
static bool own_doing(const struct stk_end *e, int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE ||
	       sig == SIGTRAP || sig == SIGPIPE ||
	       (sig == STK_SIGCANCEL && (e->class_desc->profiles & STK_PROFILE_THREADS) != 0);
}

static void by_signal(const struct stk_end *e, struct stk_outcome *o)
{
	int sig = -o->status;

	if (sig == SIGSYS)
		denied(e, o);
	else if (cpu_spent(e, o) || sig == SIGXFSZ)
		limited(e, o);
	else if (own_doing(e, sig))
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
	uint8_t *copy;

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
	/* a release without its bytes is refused later, never left out */
	for (uint32_t i = 0; r->result.kind == STK_RESULT_DONE && i < r->n_releases; i++) {
		if ((copy = malloc(r->releases[i].len)) != NULL)
			memcpy(copy, r->releases[i].p, r->releases[i].len);
		o->releases[o->n_releases++] =
		    stk_span_of(copy, copy == NULL ? 0 : r->releases[i].len);
	}
}

/* Its words stay out of the sentence, which nobody looks through for secrets. */
static void refused_tasks(const struct stk_end *e, struct stk_outcome *o)
{
	stk_outcome_say(o, STK_OUT_TASK_LIMIT,
	    "it failed after the pids.max of its cgroup had refused it %" PRIu64
	    " thread%s: it may have %" PRIu32 " at a time",
	    e->tasks_refused, e->tasks_refused == 1 ? "" : "s", e->limits->tasks);
	stk_outcome_add_bound(e, o, STK_BOUND_TASKS);
}

static void by_result(const struct stk_report *r, struct stk_outcome *o)
{
	const char *said;

	take_words(r, o);
	said = o->message == NULL ? "(no message)" : o->message;
	switch ((enum stk_result_kind)r->result.kind) {
	case STK_RESULT_DONE: stk_outcome_say(o, STK_OUT_DONE, "done"); break;
	case STK_RESULT_SKIP:
		stk_outcome_say(o, STK_OUT_SKIPPED, "the handler chose to skip it");
		break;
	case STK_RESULT_RETRY:
		stk_outcome_say(o, STK_OUT_RETRY_ASKED,
		    "the handler asks to be run again in %" PRIu32 " ms", r->result.retry_ms);
		break;
	case STK_RESULT_FAIL: stk_outcome_say(o, STK_OUT_FAILED, "%.480s", said); break;
	case STK_RESULT_FAIL_FOR_GOOD:
		stk_outcome_say(o, STK_OUT_FAILED_FOR_GOOD, "%.480s", said);
		break;
	case STK_RESULT_ARGS_JSON: stk_outcome_say(o, STK_OUT_ARGS_JSON, "%.480s", said); break;
	case STK_RESULT_ARGS_SCHEMA: stk_outcome_say(o, STK_OUT_ARGS_SCHEMA, "%.480s", said); break;
	}
}

static void by_exit(const struct stk_end *e, struct stk_outcome *o)
{
	if (o->status != 0)
		stk_outcome_say(o, STK_OUT_NON_ZERO_EXIT,
		    "the child exited with %d by itself; a handler returns, it never calls exit()",
		    o->status);
	else if (stk_report_torn(e->report))
		stk_outcome_say(o, STK_OUT_REPORT_MALFORMED, "it exited in the middle of a record");
	else if (!e->report->has_result)
		stk_outcome_say(o, STK_OUT_NO_RESULT,
		    "the child exited with 0 but gave no result; that is never success");
	else if (e->tasks_refused > 0 && (e->report->result.kind == STK_RESULT_FAIL ||
					     e->report->result.kind == STK_RESULT_FAIL_FOR_GOOD))
		refused_tasks(e, o);
	else
		by_result(e->report, o);
}

void stk_outcome_called_off(struct stk_outcome *o)
{
	stk_outcome_say(
	    o, STK_OUT_SHUTDOWN, "called off by the worker while its child was still being made");
}

void stk_verdict(const struct stk_end *e, struct stk_outcome *o)
{
	o->has_fault = e->report->has_fault && o->status < 0;
	if (o->has_fault)
		o->fault = e->report->fault;
	if (kill_counts(e, o))
		stk_verdict_by_us(e, o);
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

/*
 * run_loop.c - one job from the moment it has a child to its verdict: a single poll over the
 * child's end, its two pipes, its arguments, the worker's signals and the clock. Trusts the
 * kernel's word about the child and nothing that the child writes.
 */
#include "sandbox/run.h"

#include "sandbox/procstat.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 1000 /* without a tick_ms of the caller's */
#define CHUNK   16384

static const struct stk_class_desc *class_of(const struct stk_run *run)
{
	return &run->c->table->classes[run->r->class_index];
}

/* --- acts on the child ------------------------------------------------------------------------ */

/* The first reason is the one that is told. */
static void end_job(struct stk_run *run, enum stk_kill reason)
{
	if (run->kill == STK_KILL_NONE)
		run->kill = reason;
	run->killed = true;
	stk_child_signal(&run->child, SIGKILL);
}

static void obey(struct stk_run *run, enum stk_run_order order)
{
	switch (order) {
	case STK_RUN_ON: break;
	case STK_RUN_TERM:
		/* its default action; a job cannot have changed that */
		if (!run->termed && run->kill == STK_KILL_NONE) {
			run->kill = STK_KILL_SHUTDOWN;
			stk_child_signal(&run->child, SIGTERM);
		}
		run->termed = true;
		break;
	case STK_RUN_KILL: end_job(run, STK_KILL_SHUTDOWN); break;
	}
}

/*
 * RLIMIT_CPU counts whose turn it is when the machine's clock ticks: who sleeps over every tick has
 * used none. Its run time is exact, and the limit is the same, the hard one: so the end is named as
 * if the kernel had made it.
 */
static void end_if_spent(const struct stk_run *run, const struct stk_child *child)
{
	if (stk_child_cpu_ms(child) >= ((int64_t)run->r->limits.cpu_s + 1) * 1000)
		stk_child_signal(child, SIGKILL);
}

static void tick(struct stk_run *run)
{
	const struct stk_run_hooks *h = run->hooks;

	run->tick_due_ms = stk_monotonic_ms() + (h->tick_ms == 0 ? TICK_MS : h->tick_ms);
	if (h->tick != NULL)
		obey(run, h->tick(h->ctx, run->killed ? INT64_MAX : run->deadline_ms));
	if (run->kill == STK_KILL_NONE && stk_cage_work_full(run->c, run->r))
		end_job(run, STK_KILL_WORK);
	end_if_spent(run, &run->child);
	if (!run->program.ended)
		end_if_spent(run, &run->program.child);
}

/* --- READY and GO ----------------------------------------------------------------------------- */

/* 0 once it was reaped: its number may be another's by now. */
static pid_t program_alive(const struct stk_run *run)
{
	return run->program.ended ? 0 : run->program.child.pid;
}

/* READY came: look from outside, ask the worker, then let the arguments flow. */
static void greet(struct stk_run *run)
{
	const struct stk_run_hooks *h = run->hooks;

	run->greeted = true;
	if (run->kill != STK_KILL_NONE)
		return;
	if (!stk_procstat_proves(
		run->child.pid, run->zygote_filters, &run->out->proof, run->out->why) ||
	    stk_tasks_watch(&run->tasks, run->child.pid, class_of(run), &run->r->limits,
		run->out->why) != STK_OK ||
	    !stk_cage_lodge(run->c, &run->r->limits, run->child.pid, program_alive(run),
		run->out->why, sizeof(run->out->why)))
		end_job(run, STK_KILL_UNPROVEN);
	else if (h->go != NULL && !h->go(h->ctx, run->child.pid, &run->out->proof))
		end_job(run, STK_KILL_CALLED_OFF);
	else
		run->out->started = true;
	run->heard_ms = stk_monotonic_ms();
}

/* A child that does not read its arguments is its own problem; its end tells the story. */
static void push_args(struct stk_run *run)
{
	if (stk_letter_push(&run->letter, run->pipes.args))
		stk_close(&run->pipes.args);
}

/* --- pipes ------------------------------------------------------------------------------------ */

static void take_output(struct stk_run *run, const uint8_t *p, size_t n)
{
	struct stk_outcome *o = run->out;
	uint32_t cap = run->r->limits.output_bytes;

	stk_outcome_printed(o, p, n);
	/* the program's pipe may bring more before both are dead */
	if (o->output_bytes > cap || n > cap - o->output_bytes) {
		o->output_bytes = cap + 1;
		stk_close(&run->pipes.output);
		end_job(run, STK_KILL_OUTPUT);
		return;
	}
	o->output_bytes += (uint32_t)n;
}

static void take_report(struct stk_run *run, const uint8_t *p, size_t n)
{
	enum stk_err e = stk_report_feed(&run->report, p, n);

	if (e != STK_OK) {
		stk_close(&run->pipes.report);
		end_job(run, e == STK_E_TOOBIG ? STK_KILL_FLOOD : STK_KILL_MALFORMED);
		return;
	}
	if (run->report.words != run->words) {
		run->words = run->report.words;
		run->heard_ms = stk_monotonic_ms();
	}
	if (run->report.ready && !run->greeted && !run->over)
		greet(run);
}

/* Reads one chunk; false when there is nothing more for now. */
static bool drain(
    struct stk_run *run, int *fd, void (*take)(struct stk_run *, const uint8_t *, size_t))
{
	uint8_t buf[CHUNK];
	ssize_t n;

	if (*fd == -1)
		return false;
	n = read(*fd, buf, sizeof(buf));
	if (n > 0) {
		take(run, buf, (size_t)n);
		return *fd != -1;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		stk_close(fd);
	return false;
}

/* --- the loop --------------------------------------------------------------------------------- */

enum slot {
	SLOT_CHILD,
	SLOT_REPORT,
	SLOT_OUTPUT,
	SLOT_ARGS,
	SLOT_WAKE,
	SLOT_NET,
	SLOT_PROGRAM,
	SLOTS = SLOT_PROGRAM + STK_PROGRAM_SLOTS
};

/* When its silence becomes too long; INT64_MAX: it may be silent. */
static int64_t stalled_at(const struct stk_run *run)
{
	if (!run->out->started || run->r->limits.silence_ms == 0)
		return INT64_MAX;
	return run->heard_ms + run->r->limits.silence_ms;
}

static int wait_ms(const struct stk_run *run)
{
	int64_t now = stk_monotonic_ms(), due = stk_tasks_due(&run->tasks, run->tick_due_ms);

	if (!run->killed && run->deadline_ms < due)
		due = run->deadline_ms;
	if (!run->killed && stalled_at(run) < due)
		due = stalled_at(run);
	return due <= now ? 0 : due - now > 60000 ? 60000 : (int)(due - now);
}

/* Its end is the handler's business, unless it was the wall that ended it. */
static void step_program(struct stk_run *run, const struct pollfd *p)
{
	struct stk_program *program = &run->program;

	if (p[STK_PROGRAM_PRINTED].revents != 0)
		(void)drain(run, &program->output, take_output);
	if (stk_program_step(program, p) != STK_OK)
		end_job(run, STK_KILL_MALFORMED);
	else if (program->ended && stk_program_broke_a_limit(program))
		end_job(run, STK_KILL_PROGRAM);
}

/* False once the child has ended. */
static bool step(struct stk_run *run)
{
	struct pollfd p[SLOTS] = {
		[SLOT_CHILD] = { .fd = run->child.pidfd, .events = POLLIN },
		[SLOT_REPORT] = { .fd = run->pipes.report, .events = POLLIN },
		[SLOT_OUTPUT] = { .fd = run->pipes.output, .events = POLLIN },
		[SLOT_ARGS] = { .fd = run->out->started ? run->pipes.args : -1, .events = POLLOUT },
		[SLOT_WAKE] = { .fd = run->hooks->wake_fd, .events = POLLIN },
		[SLOT_NET] = { .fd = run->net.events, .events = POLLIN },
	};
	int n;
	int64_t now;

	stk_program_polls(&run->program, p + SLOT_PROGRAM);
	n = poll(p, SLOTS, wait_ms(run));
	now = stk_monotonic_ms();
	if (n > 0)
		step_program(run, p + SLOT_PROGRAM);
	if (n > 0 && p[SLOT_REPORT].revents != 0)
		(void)drain(run, &run->pipes.report, take_report);
	if (n > 0 && p[SLOT_OUTPUT].revents != 0)
		(void)drain(run, &run->pipes.output, take_output);
	if (n > 0 && p[SLOT_NET].revents != 0)
		stk_net_hear(run->c, &run->net, run->hooks);
	if (n > 0 && p[SLOT_ARGS].revents != 0)
		push_args(run);
	if (n > 0 && p[SLOT_CHILD].revents != 0)
		return false;
	if (now >= run->deadline_ms && !run->killed)
		end_job(run, STK_KILL_WALL);
	/* what it has said by now was read above */
	if (!run->killed && now >= stalled_at(run))
		end_job(run, STK_KILL_SILENT);
	if (!run->killed && stk_tasks_over(&run->tasks, now))
		end_job(run, STK_KILL_TASKS);
	if ((n > 0 && p[SLOT_WAKE].revents != 0) || now >= run->tick_due_ms)
		tick(run);
	return true;
}

/*
 * What the pipes still hold; bounded by their caps, and by what a pipe holds, never waiting for an
 * end of file that a grandchild could withhold.
 */
static void drain_rest(struct stk_run *run)
{
	run->over = true;
	while (drain(run, &run->pipes.report, take_report))
		continue;
	while (drain(run, &run->pipes.output, take_output))
		continue;
	stk_net_hear_rest(run->c, &run->net, run->hooks);
}

static void reap(struct stk_run *run)
{
	struct stk_outcome *o = run->out;
	struct stk_last_words last = stk_child_reap(&run->child);

	o->status = last.status;
	o->wall_ms = stk_monotonic_ms() - run->started_ms;
	o->cpu_ms = last.cpu_ms;
	o->maxrss_kib = last.maxrss_kib;
}

static void judge(struct stk_run *run)
{
	struct stk_end end = { .kill = run->kill,
		.class_desc = class_of(run),
		.limits = &run->r->limits,
		.granted = run->granted,
		.report = &run->report,
		.program = &run->program,
		.left = run->left,
		.tasks_refused = stk_cage_tasks_refused(run->c) - run->refused_before,
		.oom_kills = stk_cage_oom_kills(run->c) - run->oom_before };

	stk_verdict(&end, run->out);
	run->out->unlogged = run->report.unlogged;
	run->out->tasks_seen = run->tasks.seen;
	run->out->cpu_ms += run->program.last.cpu_ms;
	if (run->program.last.maxrss_kib > run->out->maxrss_kib)
		run->out->maxrss_kib = run->program.last.maxrss_kib;
	stk_zygote_doubt(run->c, run->r->class_index, run->out->name);
}

/* Nothing changes in it any more: one count of all of it, however long that takes. */
static bool work_was_full(const struct stk_run *run)
{
	uint64_t sum, most = run->r->limits.work_bytes;
	const struct stk_run_hooks *h = run->hooks;

	if (!stk_cage_wants_work(run->r))
		return false;
	stk_work_count_anew(run->c->work);
	while (!stk_work_count(run->c->work, STK_WORK_ENTRIES, most, &sum))
		if (h->tick != NULL)
			(void)h->tick(h->ctx, INT64_MAX);
	return sum > most;
}

/* The handler may have seen its program's end before we did, and called it a failure. */
static enum stk_kill found_after(const struct stk_run *run)
{
	if (stk_program_broke_a_limit(&run->program))
		return STK_KILL_PROGRAM;
	if (work_was_full(run))
		return STK_KILL_WORK;
	return run->left > 0 ? STK_KILL_LEFT : STK_KILL_NONE;
}

/* A kill can take its time, as of a process in a disk's wait: the worker's beat goes on meanwhile,
 * as it does until the job itself has ended. */
static void end_program(struct stk_run *run)
{
	struct stk_program *p = &run->program;

	if (p->child.pid > 0 && !p->ended) {
		stk_program_kill(p);
		run->c->hooks = run->hooks;
		while (stk_await(run->c, p->child.pidfd, INT64_MAX, true) == STK_E_TIMEOUT)
			continue;
		run->c->hooks = NULL;
	}
	stk_program_finish(p);
}

void stk_run_child(struct stk_run *run)
{
	run->out->pid = run->child.pid;
	tick(run);
	while (step(run))
		continue;
	drain_rest(run);
	reap(run);
	end_program(run);
	run->left = stk_cage_unlodge(run->c);
	if (run->kill == STK_KILL_NONE)
		run->kill = found_after(run);
	judge(run);
}

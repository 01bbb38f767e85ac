/*
 * run.c - one job behind the wall: what is checked and made before there is a child, and what is
 * cleared after it (cage.h, stk_cage_run). Called by worker/run.c.
 */
#include "sandbox/run.h"

#include "sandbox/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SPAWN_TRIES 3

static bool build_go(struct stk_run *run)
{
	const struct stk_run_request *r = run->r;
	struct stk_go go = { .magic = STK_GO_MAGIC,
		.args_len = (uint32_t)r->args.len,
		.handed_len = (uint32_t)r->handed.len,
		.flags = r->check_only ? STK_GO_CHECK_ONLY : 0 };

	memcpy(go.job_id, r->job_id, sizeof(go.job_id));
	memcpy(go.trace, r->trace, sizeof(go.trace) - 1);
	return stk_letter_write(&run->letter, &go, r->args, r->handed);
}

static enum stk_err spawn_with_patience(struct stk_run *run)
{
	struct stk_spawn s = { .magic = STK_SPAWN_MAGIC,
		.class_index = run->r->class_index,
		.limits = run->r->limits,
		.attempt = run->r->attempt,
		.since_s = (int64_t)time(NULL) };
	enum stk_err e = STK_E_ABSENT;

	if (run->r->queue != NULL)
		(void)snprintf(s.queue, sizeof(s.queue), "%s", run->r->queue);

	for (int i = 0; i < SPAWN_TRIES && e != STK_OK && !run->c->called_off; i++) {
		e = stk_net_open(run->c, &s, &run->net, &run->extras, run->out->why);
		if (e == STK_OK)
			e = stk_program_spawn(
			    run->c, &s, run->hooks, &run->program, &run->extras, run->out->why);
		if (e == STK_OK)
			e = stk_spawn(run->c, &s, &run->extras, &run->child, &run->pipes,
			    &run->zygote_filters, run->out->why);
		stk_program_spawned(&run->program, &run->extras, e == STK_OK);
		stk_net_spawned(run->c, &run->net, &run->extras, e == STK_OK);
		if (e == STK_E_CLOSED || e == STK_E_REFUSED)
			break;
	}
	run->deadline_ms = s.deadline_ms;
	run->started_ms = s.deadline_ms - run->r->limits.wall_ms;
	return e;
}

static void clear(struct stk_run *run)
{
	stk_close(&run->pipes.report);
	stk_close(&run->pipes.output);
	stk_close(&run->pipes.args);
	stk_program_finish(&run->program);
	run->c->program = 0;
	stk_report_clear(&run->report);
	stk_letter_clear(&run->letter);
	stk_tasks_clear(&run->tasks);
	stk_net_close(run->c, &run->net);
}

enum stk_err stk_cage_run(struct stk_cage *c, const struct stk_run_request *r,
    const struct stk_run_hooks *hooks, struct stk_outcome *out)
{
	struct stk_run_request own = *r;
	struct stk_run run = { .c = c,
		.r = &own,
		.granted = &r->limits,
		.hooks = hooks,
		.out = out,
		.pipes = { .report = -1, .output = -1, .args = -1 },
		.tasks = { .fd = -1 },
		.net = { .events = -1, .job_end = -1 } };
	const char *wrong = stk_cage_request_fault(c, r);
	enum stk_err e = STK_OK;

	stk_limits_within(&own.limits, &c->service);
	stk_program_init(&run.program);
	memset(out, 0, sizeof(*out));
	out->name = STK_OUT_SANDBOX_UNAVAILABLE;
	if (wrong != NULL) {
		(void)snprintf(out->why, sizeof(out->why), "%s", wrong);
		return STK_OK;
	}
	if (stk_report_init(&run.report, &r->limits, hooks->log, hooks->ctx) != STK_OK ||
	    stk_report_may_release(&run.report, c->table->classes[r->class_index].releases) !=
		STK_OK ||
	    !build_go(&run)) {
		(void)snprintf(out->why, sizeof(out->why), "no memory in the worker for the job");
		clear(&run);
		return STK_OK;
	}
	run.report.progress = hooks->progress;
	if (stk_cage_wants_work(r)) {
		run.extras.have |= UINT32_C(1) << STK_EXTRA_WORK_DIR;
		run.extras.fds[STK_EXTRA_WORK_DIR] = stk_work_fd(c->work);
	}
	run.oom_before = stk_cage_oom_kills(c);
	run.refused_before = stk_cage_tasks_refused(c);
	c->hooks = hooks;
	c->called_off = false;
	c->exact_tasks = r->exact_tasks;
	e = spawn_with_patience(&run);
	c->hooks = NULL;
	if (e == STK_OK)
		stk_run_child(&run);
	else if (c->called_off && e != STK_E_CLOSED)
		stk_outcome_called_off(out);
	clear(&run);
	stk_cage_bury_strays(c);
	stk_cage_sweep_work(c, hooks);
	return e == STK_E_CLOSED ? STK_E_CLOSED : STK_OK;
}

/*
 * run.h - one job in hand, as run.c prepares it and run_loop.c sees it through. Internal to
 * sandbox/.
 */
#ifndef SANDBOX_RUN_H
#define SANDBOX_RUN_H

#include "sandbox/letter.h"
#include "sandbox/net_link.h"
#include "sandbox/parent.h"
#include "sandbox/report.h"
#include "sandbox/tasks.h"
#include "sandbox/verdict.h"

struct stk_run {
	struct stk_cage *c;
	const struct stk_run_request *r;
	const struct stk_limits *granted; /* before the service's own hard limits */
	const struct stk_run_hooks *hooks;
	struct stk_outcome *out;
	struct stk_child child;
	struct stk_job_pipes pipes;
	struct stk_extras extras; /* what the class's grants hand to the child; borrowed */
	struct stk_net_link net;
	struct stk_report report;
	struct stk_tasks tasks;
	struct stk_program program; /* exec: beside the child */
	int zygote_filters;
	enum stk_kill kill;
	bool termed, killed, greeted;
	bool over; /* the child has ended: a READY that is read now comes too late for a GO */
	int64_t started_ms, deadline_ms, tick_due_ms;
	int64_t heard_ms; /* when the handler last said anything; once started */
	uint64_t words;   /* how much it had said by then */
	uint64_t oom_before, refused_before;
	uint32_t left;            /* processes that outlived the job in its control group */
	struct stk_letter letter; /* GO, arguments, secrets */
};

/* Everything from the spawned child on: fills run->out. */
void stk_run_child(struct stk_run *run);

#endif

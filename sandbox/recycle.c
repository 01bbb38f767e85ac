/*
 * recycle.c - when a zygote has made its last job. Called by spawn.c before each job and by the run
 * loop after it; decides from the kernel's word on how a job ended.
 */
#include "sandbox/parent.h"

#include "sandbox/program.h"

/*
 * All children of one zygote share its address layout: what one learned of it, or guessed by dying,
 * would serve the next. So none makes jobs for ever, and none makes another after such an end.
 */
static const bool doubtful[STK_OUT_COUNT] = {
	[STK_OUT_SYSCALL_DENIED] = true,
	[STK_OUT_CRASH] = true,
	[STK_OUT_MEMORY_LIMIT] = true, /* a crash too, partly so called by the child's word */
	[STK_OUT_ABORT] = true,        /* libc's and the compiler's own checks end so */
	[STK_OUT_STACK_OVERFLOW] = true,
	[STK_OUT_REPORT_MALFORMED] = true,
	[STK_OUT_REPORT_FLOOD] = true,
	[STK_OUT_NO_RESULT] = true,
	[STK_OUT_LEFT_PROCESSES] = true,
};

void stk_zygote_doubt(struct stk_cage *c, uint32_t class_index, enum stk_outcome_name name)
{
	uint32_t profiles = c->table->classes[class_index].profiles;

	for (size_t i = 0; doubtful[name] && i < c->n_zygotes; i++)
		if (c->zygotes[i].profiles == profiles ||
		    c->zygotes[i].profiles == stk_program_sum(profiles))
			c->zygotes[i].doubt = name;
}

void stk_zygote_recycle(struct stk_cage *c, struct stk_zygote *z)
{
	bool old = c->zygote_jobs > 0 && z->jobs >= c->zygote_jobs, doubt = doubtful[z->doubt];

	if (z->child.pid > 0 && !old && !doubt)
		return;
	if (z->child.pid > 0 && c->hooks != NULL && c->hooks->recycled != NULL)
		c->hooks->recycled(
		    c->hooks->ctx, z->jobs, doubt ? stk_outcome_text(z->doubt) : "age");
	stk_zygote_end(z);
	z->jobs = 0;
	z->doubt = STK_OUT_DONE;
}

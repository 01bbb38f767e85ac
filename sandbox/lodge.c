/*
 * lodge.c - a job in its control group, from the run loop's chair.
 */
#include "sandbox/parent.h"

#include "sandbox/procstat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void stk_cage_lend_group(struct stk_cage *c, struct stk_cgroup *group)
{
	c->group = group;
}

bool stk_cage_lodge(struct stk_cage *c, const struct stk_limits *l, pid_t job, pid_t program,
    char *why, size_t why_size)
{
	const char *doing = NULL;

	if (c->group == NULL)
		return true;
	if (!stk_group_empty(c->group))
		doing = "processes of a former job in it cannot be ended";
	else if (stk_group_limit(c->group, l, program > 0) != STK_OK)
		doing = "its limits cannot be set";
	else if (stk_group_place(c->group, job) != STK_OK ||
		 (program > 0 && stk_group_place(c->group, program) != STK_OK))
		doing = "the job cannot be placed into it";
	if (doing == NULL)
		return true;
	(void)snprintf(why, why_size,
	    "the job's cgroup is of no use: %s: %s; it was killed unstarted; was the subtree taken "
	    "back? cgroup = \"off\" runs without",
	    doing, strerror(errno));
	return false;
}

uint32_t stk_cage_unlodge(struct stk_cage *c)
{
	uint32_t left = c->group == NULL ? 0 : stk_group_count(c->group);

	if (left > 0)
		(void)stk_group_empty(c->group);
	return left;
}

uint64_t stk_cage_oom_kills(const struct stk_cage *c)
{
	if (c->group != NULL && (stk_group_controllers(c->group) & STK_GROUP_MEMORY) != 0)
		return stk_group_oom_kills(c->group);
	return stk_oom_count(c->oom_fd);
}

uint64_t stk_cage_tasks_refused(const struct stk_cage *c)
{
	return c->group == NULL ? 0 : stk_group_tasks_refused(c->group);
}

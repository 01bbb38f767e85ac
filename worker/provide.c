/*
 * provide.c - what jobs need besides the cage itself: memory for all of them, a work directory,
 * their classes' secrets. Part of a worker's start.
 */
#include "worker/cli/cli.h"
#include "worker/hidden.h"
#include "worker/memory_sum.h"
#include "worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* All workers' jobs together against the memory there is. */
static int check_memory(const struct stk_worker *w)
{
	struct stk_memory_sum sum;
	char why[512];

	if (w->config->memory_check == 2)
		return 0;
	stk_memory_sum(w->config, &w->cage.table, "", &sum, why, sizeof(why));
	if (sum.fits)
		return 0;
	if (w->config->memory_check == 0)
		return stk_complain(
		    STK_EX_CONFIG, "%s; memory_check = \"warn\" starts all the same", why);
	(void)stk_log_start(STK_LOG_WARN, "memory.sum", "unknown", "%s", why);
	stk_log_end();
	return 0;
}

/* The jobs' own directory, where a class has one. */
static int make_work(struct stk_worker *w)
{
	struct stk_work_left left;
	char why[512];
	int code = stk_cage_setup_work(w->config, &w->cage, -1, &left, why, sizeof(why));

	if (code != 0)
		return stk_complain(code, "%s", why);
	if (left.swept + left.left == 0)
		return 0;
	(void)stk_log_start(left.left > 0 ? STK_LOG_WARN : STK_LOG_INFO, "work.swept", "success",
	    "%u work directories of dead workers were removed, %u could not be emptied", left.swept,
	    left.left);
	stk_log_end();
	return 0;
}

void stk_worker_log_group(const struct stk_worker *w)
{
	uint32_t has = w->group == NULL ? 0 : stk_group_controllers(w->group);

	if (strcmp(w->config->cgroup, "off") == 0)
		return;
	if (w->group == NULL)
		(void)stk_log_start(STK_LOG_INFO, "cgroup.absent", "unknown",
		    "jobs have no cgroup of their own: %s; rlimits hold without", w->group_why);
	else
		(void)stk_log_start(STK_LOG_INFO, "cgroup.ready", "success",
		    "each job is placed into a cgroup, with controllers:%s%s%s%s",
		    (has & STK_GROUP_MEMORY) != 0 ? " memory" : "",
		    (has & STK_GROUP_PIDS) != 0 ? " pids" : "",
		    (has & STK_GROUP_CPU) != 0 ? " cpu" : "", has == 0 ? " none" : "");
	stk_log_end();
}

int stk_worker_open_group(struct stk_worker *w, pid_t supervisor)
{
	const char *setting = w->config->cgroup, *why = NULL;
	const pid_t pids[] = { getpid(), supervisor };
	bool path = setting[0] == '/';
	enum stk_err e;

	if (strcmp(setting, "off") == 0)
		return 0;
	errno = 0;
	e = stk_group_open(path ? setting : NULL, pids, STK_ARRAY_LEN(pids), &w->group, &why);
	if (e != STK_OK && strcmp(setting, "auto") != 0)
		return stk_complain(STK_EX_OS, "cgroup = \"%s\": the group %s%s%s", setting, why,
		    e == STK_E_SYSTEM ? ": " : "", e == STK_E_SYSTEM ? strerror(errno) : "");
	if (e == STK_E_SYSTEM)
		(void)snprintf(w->group_why, sizeof(w->group_why), "the service's group %s: %s",
		    why, strerror(errno));
	else if (e != STK_OK)
		(void)snprintf(w->group_why, sizeof(w->group_why), "%s", why);
	return 0;
}

int stk_worker_provide(struct stk_worker *w)
{
	int code = check_memory(w);

	stk_cage_lend_group(w->cage.cage, w->group);
	return code != 0 ? code : make_work(w);
}

/* What classes are handed, from files that no job may read by itself. */
int stk_worker_load_handed(struct stk_worker *w)
{
	char why[512];
	int code = 0;

	for (size_t i = 0; code == 0 && i < w->config->secrets.n; i++)
		code = stk_hidden_check(w->config, w->config->secrets.v[i].value);
	if (code != 0)
		return code;
	code = stk_handed_load(w->config, &w->cage.table, -1, &w->handed, why, sizeof(why));
	return code == 0 ? 0 : stk_complain(code, "%s", why);
}

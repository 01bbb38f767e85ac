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
int stk_worker_check_memory(struct stk_worker *w, const struct stk_worker_start *start)
{
	struct stk_memory_sum sum;
	char why[512];

	(void)start;
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

/* The jobs' own directory, where a class has one; whoever is granted such a class asks for it. */
int stk_worker_make_work(struct stk_worker *w, const struct stk_worker_start *start)
{
	struct stk_work_left left;

	(void)start;
	stk_cage_setup_work(w->config, &w->cage, w->rehearsal, &left);
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

int stk_worker_open_group(struct stk_worker *w, const struct stk_worker_start *start)
{
	const char *setting = w->config->cgroup, *why = NULL;
	const pid_t pids[] = { getpid(), start->supervisor };
	bool path = setting[0] == '/';
	enum stk_err e;

	if (strcmp(setting, "off") == 0)
		return 0;
	errno = 0;
	e = w->rehearsal
		? stk_group_look(path ? setting : NULL, &why)
		: stk_group_open(path ? setting : NULL, pids, STK_ARRAY_LEN(pids), &w->group, &why);
	if (e != STK_OK && strcmp(setting, "auto") != 0)
		return stk_complain(STK_EX_OS, "cgroup = \"%s\": the group %s%s%s%s", setting,
		    e == STK_E_SYSTEM ? "" : "is not to be had: ", why,
		    e == STK_E_SYSTEM ? ": " : "", e == STK_E_SYSTEM ? strerror(errno) : "");
	if (e == STK_E_SYSTEM)
		(void)snprintf(w->group_why, sizeof(w->group_why), "the service's group %s: %s",
		    why, strerror(errno));
	else if (e != STK_OK)
		(void)snprintf(w->group_why, sizeof(w->group_why), "%s", why);
	return 0;
}

int stk_class_unready(const struct stk_config *c, const struct stk_cage_setup *s, size_t index,
    char *why, size_t why_size)
{
	const struct stk_class_desc *d = &s->table.classes[index];
	const char *label = stk_cage_setup_unmapped(s, index), *what;
	bool secret;
	int code;

	if (label != NULL) {
		(void)snprintf(why, why_size,
		    "class %s has a grant '%s' that no directory is mapped to; add directories = { "
		    "%s = \"/path\"; }; to the configuration",
		    d->name, label, label);
		return STK_EX_CONFIG;
	}
	if ((code = stk_cage_setup_program(s, index, why, why_size)) != 0 ||
	    (code = stk_cage_setup_workless(s, index, why, why_size)) != 0)
		return code;
	what = stk_handed_unmapped(c, d, &secret);
	if (what == NULL)
		return 0;
	(void)snprintf(why, why_size,
	    "class %s needs a %s '%s' that %s; add %s = { %s = \"%s\"; }; to the configuration",
	    d->name, secret ? "secret" : "setting", what,
	    secret ? "no file is mapped to" : "has no value", secret ? "secrets" : "settings", what,
	    secret ? "/path" : "value");
	return STK_EX_CONFIG;
}

bool stk_class_wanted(
    const struct stk_config *c, const struct stk_keyring *ring, const char *class_name)
{
	const struct stk_queue_rule *rules = c->queue_rules.items;

	for (size_t i = 0; i < c->queue_rules.n; i++)
		for (size_t k = 0; k < rules[i].classes.n; k++)
			if (strcmp(rules[i].classes.v[k], class_name) == 0)
				return true;
	return stk_keyring_grants(ring, class_name);
}

/* What classes are handed, from files that no job may read by itself. */
int stk_worker_load_handed(struct stk_worker *w, const struct stk_worker_start *start)
{
	char why[512];
	int code = 0;

	(void)start;
	for (size_t i = 0; code == 0 && i < w->config->secrets.n; i++)
		code = stk_hidden_check(w->config, w->config->secrets.v[i].value);
	if (code != 0)
		return code;
	code = stk_handed_load(w->config, &w->cage.table, -1, &w->handed, why, sizeof(why));
	return code == 0 ? 0 : stk_complain(code, "%s", why);
}

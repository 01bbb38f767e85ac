/*
 * group.h - a control group (cgroup v2) for the job in hand, where the operator delegated a
 * subtree: its memory, tasks and CPU are limited together, its end ends all that is in it, and an
 * OOM kill in it is this job's and no neighbour's.
 *
 * One group per worker, beside the one where the service itself stands; a job is placed after READY
 * and before its arguments. All files are opened at start, before W's filter: afterwards W only
 * reads and writes descriptors. Controllers that are not delegated are left out; cgroup.procs and
 * cgroup.kill (Linux 5.14) need none. Never required: rlimits hold without it.
 */
#ifndef SANDBOX_GROUP_H
#define SANDBOX_GROUP_H

#include "sandbox/wire.h"

struct stk_cgroup;

#define STK_GROUP_PATH 3072
/* group_own.c: where this process stands in the tree of version 2; false if there is none. */
STK_CHECK bool stk_group_own(char path[static STK_GROUP_PATH]);

enum stk_group_controller {
	STK_GROUP_MEMORY = 1u << 0,
	STK_GROUP_PIDS = 1u << 1,
	STK_GROUP_CPU = 1u << 2,
};

/*
 * @base: a delegated group; NULL: the one this process is in, as /proc says. If it is our own,
 * @pids (this process and its supervisor) first move into its child "main": a group with processes
 * cannot hand controllers on. Removes empty groups of dead workers. *@out is the caller's:
 * stk_group_close(). STK_E_ABSENT: there is no such tree; STK_E_SYSTEM with errno: it is not ours
 * to use; a static fragment in *@why.
 */
STK_CHECK enum stk_err stk_group_open(
    const char *base, const pid_t *pids, size_t n, struct stk_cgroup **out, const char **why);
/* Whether there is a group that is ours to use, without touching it; errors as stk_group_open(). */
STK_CHECK enum stk_err stk_group_look(const char *base, const char **why);
/*
 * Moves @pids out of the delegated group (@base as above) into its child "main" before they make
 * other processes: whoever is still in it when the worker hands controllers on keeps them from all.
 * Tells nothing; what is wrong with the group is stk_group_open()'s to name.
 */
void stk_group_move_in(const char *base, const pid_t *pids, size_t n);
/* Ends what is in it and removes it; NULL-safe. */
void stk_group_close(struct stk_cgroup *g);

/* The delegated group, borrowed; -1 for NULL. */
int stk_group_base(const struct stk_cgroup *g);
/* Sum of enum stk_group_controller: what the group can limit. */
uint32_t stk_group_controllers(const struct stk_cgroup *g);

/*
 * Writes the job's limits: memory.max (with an eighth and 8 MiB more than RLIMIT_AS, which names a
 * job's own failure; this one is for what rlimits do not count), pids.max and cpu.max.
 * @program: a class's program stands in the group beside its handler, with an RLIMIT_AS of its own.
 * STK_E_SYSTEM.
 */
STK_CHECK enum stk_err stk_group_limit(
    struct stk_cgroup *g, const struct stk_limits *l, bool program);
/* Puts @pid into the group. STK_E_SYSTEM with errno. */
STK_CHECK enum stk_err stk_group_place(struct stk_cgroup *g, pid_t pid);

/* Processes in the group just now; zombies do not count. */
uint32_t stk_group_count(const struct stk_cgroup *g);
/* Kills all of them and waits, at most a second, until the group is empty; false if it is not. */
bool stk_group_empty(struct stk_cgroup *g);
/* How often pids.max refused a task (pids.events) since it was made, 0 without that controller. */
uint64_t stk_group_tasks_refused(const struct stk_cgroup *g);
/* oom_kill of its memory.events since it was made, 0 without that controller. */
uint64_t stk_group_oom_kills(const struct stk_cgroup *g);

#endif

/*
 * tasks.h - how many tasks a threaded job has, and what stops it from having more.
 *
 * No limit that an unprivileged process may set counts the tasks of one process: RLIMIT_NPROC
 * counts those of the uid. So the worker counts, in /proc/<pid>/status, every few milliseconds, and
 * ends the job by name; RLIMIT_NPROC, set from the machine's count at the spawn, only bounds what a
 * bomb can make between two looks. Called by the run loop for classes with the threads profile.
 */
#ifndef SANDBOX_TASKS_H
#define SANDBOX_TASKS_H

#include "sandbox/parent.h"

/* A bomb makes about 100 threads in a millisecond (measured). */
#define STK_TASKS_LOOK_MS 5

/* The watch over one job; zeroed with fd -1: watches nothing. */
struct stk_tasks {
	int fd; /* /proc/<pid>/status, owned */
	uint32_t most;
	uint32_t seen; /* the most at a time, of the looks so far */
	int64_t due_ms;
};

/*
 * Begins to watch @pid, a child that was not reaped yet. Without the threads profile there is
 * nothing to watch: the filter lets no task be made. STK_E_SYSTEM with a sentence in @why if /proc
 * does not show it: then it must not run.
 */
STK_CHECK enum stk_err stk_tasks_watch(struct stk_tasks *t, pid_t pid,
    const struct stk_class_desc *d, const struct stk_limits *l, char why[static STK_WHY_MAX]);
void stk_tasks_clear(struct stk_tasks *t);
/* When the next look is due, or @otherwise if that is sooner. */
int64_t stk_tasks_due(const struct stk_tasks *t, int64_t otherwise);
/* Looks if it is due; true if the job has more tasks than it may. */
bool stk_tasks_over(struct stk_tasks *t, int64_t now_ms);

/*
 * Sets s->nproc for a sum with the threads profile: all tasks of the machine (/proc/loadavg), since
 * the uid cannot have more than those, the job's own, and room for jobs that start meanwhile; or
 * @exactly the uid's own and the job's, so that the kernel refuses the next one, or, if others of
 * the uid start meanwhile, an earlier one: to find out how many a job needs.
 * STK_E_REFUSED with a sentence in @why if they cannot be counted.
 */
STK_CHECK enum stk_err stk_tasks_bound(
    uint32_t profiles, bool exactly, struct stk_spawn *s, char why[static STK_WHY_MAX]);
/* The parser alone: "0.1 0.1 0.1 2/119 7906" is 119; 0 if it is no such text. */
uint32_t stk_tasks_of_machine(const char *loadavg);

#endif

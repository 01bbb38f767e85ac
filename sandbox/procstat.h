/*
 * procstat.h - a process as the kernel shows it in /proc/<pid>/status: the look from outside that
 * no child can talk its way past. Called by W for each zygote and each job.
 */
#ifndef SANDBOX_PROCSTAT_H
#define SANDBOX_PROCSTAT_H

#include "sandbox/outcome.h"

/*
 * Reads the seccomp mode, filter count, no_new_privs and capability sets of @pid, a child that was
 * not reaped yet (so the number cannot have gone to another). STK_E_SYSTEM; STK_E_FORMAT when a
 * line that must be there is not.
 */
STK_CHECK enum stk_err stk_procstat(pid_t pid, struct stk_cage_proof *out);
/*
 * Whether the kernel shows @pid, a job's child, shut in: filters on top of its zygote's
 * @zygote_filters, no_new_privs, no capability. If not, a sentence in @why.
 */
bool stk_procstat_proves(
    pid_t pid, int zygote_filters, struct stk_cage_proof *p, char why[static 512]);
/* The parser alone. @text is NUL-terminated. */
STK_CHECK enum stk_err stk_procstat_parse(const char *text, struct stk_cage_proof *out);

/* Opens our cgroup's memory.events, or -1 where there is none; its oom_kill count, 0 for fd -1. */
int stk_oom_open(void);
uint64_t stk_oom_count(int fd);
/* The number behind @key at the beginning of a line of @fd, else 0. */
uint64_t stk_event_count(int fd, const char *key);

#endif

/*
 * limits.h - resource limits of a job, hard equal to soft so that they cannot be raised again.
 *
 * Fixed ones are set once in Z and inherited; a job's own are set in J, after its descriptors are
 * in place and before its filter (setting is denied afterwards). Numbers come from struct
 * stk_limits, already clamped by W.
 */
#ifndef SANDBOX_LIMITS_H
#define SANDBOX_LIMITS_H

#include "sandbox/wire.h"

/*
 * What every job has alike: CORE 0, MEMLOCK 0, MSGQUEUE 0, SIGPENDING 16, LOCKS 0, NICE 0, RTPRIO
 * 0. STK_E_SYSTEM with errno, and *step (static) names the limit. Async-signal-safe.
 */
STK_CHECK enum stk_err stk_limits_fixed(const char **step);

/*
 * What the class asked for: CPU (hard one second above soft), FSIZE, NOFILE, STACK, NPROC 0 (left
 * alone with the threads profile: it counts every task of the uid), AS last. A limit that
 * the process already holds lower stays as it is. Errors as above; STK_E_REFUSED for zero cpu,
 * stack, memory or fds. Never call it in Z: with NPROC 0 it could not clone. Async-signal-safe.
 */
STK_CHECK enum stk_err stk_limits_job(
    const struct stk_limits *l, uint32_t profiles, const char **step);

/* RLIMIT_NPROC of a class with the threads profile; errors as above, STK_E_REFUSED for 0. */
STK_CHECK enum stk_err stk_limits_tasks(uint32_t nproc, const char **step);

/*
 * The hard limits that this process was started with, which no child can have more of; all ones
 * where there is none. Within: the lesser of both, of each.
 */
void stk_limits_of_service(struct stk_limits *out);
void stk_limits_within(struct stk_limits *l, const struct stk_limits *service);

#endif

/*
 * probe_try.h - what probe.c needs of the trials: one function per layer, and how they answer.
 */
#ifndef SANDBOX_PROBE_TRY_H
#define SANDBOX_PROBE_TRY_H

#include "sandbox/probe.h"

/* A trial's exit code: 0 the layer works, 1..199 the errno that refused it, or one of these. */
#define STK_TRY_NO_EFFECT 200 /* every step said yes and the forbidden thing still worked */
#define STK_TRY_ODD       201 /* the trial itself could not be set up */
#define STK_TRY_NO_PLACE  202 /* it needs a folder that can be written, and there is none */

/* Runs @act in a forked child: its exit code, or 256 + the signal that ended it. */
int stk_probe_forked(int (*act)(void));
/* Waits for @pid: its exit code, or 256 + the signal that ended it. */
int stk_try_reap(pid_t pid);

/* What a call that answered @rc says, as a trial's exit code. */
int stk_try_said(int rc);
/* Sets no_new_privs, which most layers want first; answers as a trial does. */
int stk_try_no_new_privs(void);

/* probe_seccomp.c */
int stk_try_seccomp_trap(void);
int stk_try_seccomp_errno(void);
int stk_try_seccomp_kill(void);
int stk_try_seccomp_arch(void);
int stk_try_seccomp_stack(void);
int stk_try_seccomp_notify(void);
/* probe_landlock.c */
int stk_try_landlock_fs(void);
int stk_try_landlock_refer(void);
int stk_try_landlock_truncate(void);
int stk_try_landlock_net(void);
int stk_try_landlock_ioctl(void);
int stk_try_landlock_signal(void);
int stk_try_landlock_abstract(void);
/* probe_limits.c */
int stk_try_no_core(void);
int stk_try_rlimit_as(void);
int stk_try_rlimit_cpu(void);
int stk_try_rlimit_fsize(void);
int stk_try_rlimit_nofile(void);
int stk_try_rlimit_stack(void);
int stk_try_rlimit_nproc(void);
int stk_try_rlimit_others(void);
/* probe_memory.c */
int stk_try_memfd_seals(void);
int stk_try_mdwe(void);
int stk_try_thp(void);
int stk_try_mlock(void);
int stk_try_dont_fork(void);
int stk_try_memfd_secret(void);
int stk_try_mseal(void);

extern int (*const stk_probe_try[STK_LAYER_COUNT])(void);

#endif

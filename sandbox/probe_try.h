/*
 * probe_try.h - what probe.c needs of the trials: one function per layer, and how they answer.
 */
#ifndef SANDBOX_PROBE_TRY_H
#define SANDBOX_PROBE_TRY_H

#include "sandbox/probe.h"

/* A trial's exit code: 0 the layer works, 1..199 the errno that refused it, or one of these. */
#define STK_TRY_NO_EFFECT 200 /* every step said yes and the forbidden thing still worked */
#define STK_TRY_ODD       201 /* the trial itself could not be set up */

/* Runs @act in a forked child: its exit code, or 256 + the signal that ended it. */
int stk_probe_forked(int (*act)(void));

/* What a call that answered @rc says, as a trial's exit code. */
int stk_try_said(int rc);
/* Sets no_new_privs, which most layers want first; answers as a trial does. */
int stk_try_no_new_privs(void);

/* probe_seccomp.c */
int stk_try_seccomp_trap(void);
int stk_try_seccomp_arch(void);
int stk_try_seccomp_stack(void);

extern int (*const stk_probe_try[STK_LAYER_COUNT])(void);

#endif

/*
 * caps.h - capabilities: drop every set, and look that nothing is left.
 *
 * Called by Z once (children inherit the empty sets) and by W. caps.c is the only user of libcap.
 */
#ifndef SANDBOX_CAPS_H
#define SANDBOX_CAPS_H

#include "sandbox/base.h"

/*
 * Empties bounding (where permitted: without CAP_SETPCAP there is nothing to drop it with, and
 * no_new_privs makes it moot), ambient, effective, permitted and inheritable sets, then verifies.
 * STK_E_SYSTEM with errno, STK_E_REFUSED if something is still set afterwards; *step (static) names
 * the failed step. Idempotent. Z calls it before its filter: no filter allows dropping the bounding
 * set; J, behind it, calls stk_caps_verify().
 */
STK_CHECK enum stk_err stk_caps_drop(const char **step);

/* Whether effective, permitted, inheritable and ambient are all empty; STK_E_REFUSED if not. */
STK_CHECK enum stk_err stk_caps_verify(const char **step);

#endif

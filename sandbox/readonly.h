/*
 * readonly.h - what is read-only in a process stays so (mseal, Linux 6.10): code, constants and the
 * tables of addresses that the loader has filled in (RELRO). Nobody can make it writable, unmap it
 * or put something else in its place any more, whatever the filter would let him call.
 *
 * Called by Z, B, W and S before their filters; Z's children inherit the seals, an exec begins
 * without.
 */
#ifndef SANDBOX_READONLY_H
#define SANDBOX_READONLY_H

#include "sandbox/base.h"

/*
 * Seals the read-only segments of every object that is loaded now. STK_E_ABSENT where the kernel,
 * or a filter around us, has no mseal: the filters stand without; STK_E_SYSTEM with errno.
 */
STK_CHECK enum stk_err stk_readonly_seal(void);

#endif

/*
 * backtrace.h - where a job child was when a signal ended it, as numbers: for each frame the module
 * and the offset in it, for each module its build id. Written by a signal handler; read by W as an
 * enemy's word (report.h), named by `stockade run-job` (worker/cli/trace.h).
 */
#ifndef SANDBOX_BACKTRACE_H
#define SANDBOX_BACKTRACE_H

#include "sandbox/wire.h"

/* What the interrupted code had in its registers. */
struct stk_registers {
	uint64_t ip, sp, fp;
	uint64_t lr; /* aarch64: the link register; else 0 */
};

/*
 * Notes which modules are loaded, the program first. In Z, before a child exists; children inherit
 * the table. A module that is loaded later has no name in a trace.
 */
void stk_backtrace_prepare(void);

/*
 * Fills f->frames and f->modules. For a signal handler: no allocation, no lock, no call but
 * rt_sigprocmask, by which the kernel says whether an address may be read (EFAULT); so a damaged
 * stack makes the trace shorter and faults nowhere. Bounded by STK_FAULT_FRAMES and by 4096 words
 * of stack.
 */
void stk_backtrace_take(const struct stk_registers *r, struct stk_fault *f);

#endif

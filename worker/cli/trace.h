/*
 * trace.h - the frames of a crash with names: what `stockade run-job` makes of the numbers that a
 * job wrote (struct stk_fault). For an author at a terminal; no worker does this.
 *
 * The numbers are the job's word and may be forged. They choose which of our own files' names and
 * lines are shown, and nothing else: no path, no text and no length comes from the job.
 */
#ifndef WORKER_CLI_TRACE_H
#define WORKER_CLI_TRACE_H

#include "sandbox/wire.h"

struct stk_trace_frame {
	char module[64];    /* file name without its folders, or "?" */
	uint64_t offset;    /* from the module's beginning; 0 where it is not known */
	char function[128]; /* "" if there is no name */
	char file[256];     /* "" if the line is not known */
	int line;
	bool guessed; /* a return address that lay on the stack, not one of the chain */
};

struct stk_trace {
	size_t n;
	struct stk_trace_frame frames[STK_FAULT_FRAMES];
	char note[256]; /* what would make it better, or "" */
};

/*
 * Names the frames of @f by the program file @program (used only if its build id is the one that
 * the job had) and by the libraries that this process shares with it. Lines come from addr2line or
 * eu-addr2line, which is executed; without them functions are named by the symbol tables.
 */
void stk_trace_make(const struct stk_fault *f, const char *program, struct stk_trace *out);

#endif

/*
 * forge.c - handlers that forge what a crash's record says, and then crash or not. The worker may
 * show the numbers and must do nothing else with them.
 */
#include "sandbox/wire.h"
#include "tests/hostile/acts.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first argument says what is wrong with it. */
int hostile_forge_fault(const struct hostile_args *a)
{
	const struct stk_frame head = {
		.magic = STK_FRAME_MAGIC, .type = STK_FRAME_FAULT, .len = sizeof(struct stk_fault)
	};
	struct stk_fault f = { .signal = SIGABRT, .n_frames = STK_FAULT_FRAMES, .n_modules = 1 };
	const char *what = a->n == 0 ? "" : a->arg[0];

	memset(f.modules[0].bytes, '%', sizeof(f.modules[0].bytes));
	f.modules[0].len = sizeof(f.modules[0].bytes);
	for (uint32_t i = 0; i < STK_FAULT_FRAMES; i++)
		f.frames[i].offset = UINT64_MAX - i;
	if (strcmp(what, "frames") == 0)
		f.n_frames = UINT32_MAX;
	if (strcmp(what, "modules") == 0)
		f.n_modules = STK_FAULT_MODULES + 1;
	if (strcmp(what, "module") == 0)
		f.frames[3].module = 1;
	if (strcmp(what, "id") == 0)
		f.modules[0].len = 21;
	if (strcmp(what, "how") == 0)
		f.frames[0].how = 3;
	if (write(3, &head, sizeof(head)) != (ssize_t)sizeof(head) ||
	    write(3, &f, sizeof(f)) != (ssize_t)sizeof(f))
		return -1;
	if (a->n > 1)
		abort();
	return 0;
}

/* A crash in a library of a caller's mistake: the caller is what has to be named. */
int hostile_null_string(const struct hostile_args *a)
{
	size_t (*volatile length)(const char *) = strlen;
	const char *volatile none = a->n == 0 ? NULL : a->arg[0];
	size_t n = length(none);

	errno = (int)n;
	return n == 0 ? 0 : -1;
}

/* The stack pointer and the chain lead nowhere: the trace ends, the death keeps its name. */
int hostile_lost_stack(const struct hostile_args *a)
{
	uintptr_t bad = a->n == 0 ? 0x10 : 0xdeadbeef000;

#if defined(__x86_64__)
	__asm__ volatile("mov %0, %%rbp\n\tmov %0, %%rsp\n\tud2" : : "r"(bad) : "memory");
#elif defined(__aarch64__)
	__asm__ volatile("mov x29, %0\n\tmov sp, %0\n\tudf #0" : : "r"(bad) : "memory");
#endif
	return 0;
}

/*
 * program.h - exec: the one program that a class names at compile time, and the process that
 * becomes it.
 *
 * P is cloned by a zygote of its own, whose filter holds what a program needs and nothing of a
 * handler's; W is its true parent. It shuts its cage as J does, waits for its arguments on a pipe
 * from J, and then executes the file that W opened at start. J never executes anything, and neither
 * of them can make a process. Landlock gives EXECUTE on that file alone (with EXEC_DYNAMIC on the
 * loader too), which is why exec cannot be had without Landlock.
 */
#ifndef SANDBOX_PROGRAM_H
#define SANDBOX_PROGRAM_H

#include "sandbox/wire.h"

/* Every program and library tree of a table, once, in the table's order. */
struct stk_paths {
	struct {
		const char *path; /* borrowed from the class table */
		bool program;     /* else a tree of libraries */
	} at[STK_PATHS_MAX];
	uint32_t n;
};
/* False if there are more than STK_PATHS_MAX of them. */
bool stk_paths_of(const struct stk_class_desc *classes, uint32_t n_classes, struct stk_paths *out);
/* Bits of the program and trees of one class; *program is the program's index. */
uint32_t stk_paths_bits(
    const struct stk_paths *p, const struct stk_class_desc *d, uint32_t *program);

/*
 * What became of them when they were opened (O_PATH). A program must be a regular file that only
 * its owner may write, and its owner must not be us: who could change it could run anything.
 * fault[i] is 0, an errno, or STK_PATH_UNSAFE; slots are counted, so that of a faulty path holds
 * /dev/null. fd[] beyond the paths are -1.
 */
struct stk_path_fds {
	int fd[STK_PATHS_MAX];
	int fault[STK_PATHS_MAX];
};
#define STK_PATH_UNSAFE (-1)
/* STK_E_SYSTEM: not even /dev/null. The descriptors stay the caller's to close, in every case. */
STK_CHECK enum stk_err stk_paths_open(const struct stk_paths *p, struct stk_path_fds *out);
/* The first path of class @d with a fault, or STK_PATHS_MAX. */
uint32_t stk_paths_faulty(
    const struct stk_paths *p, const struct stk_path_fds *fds, const struct stk_class_desc *d);

/* The sum that the zygote of a class's program serves; 0 for a class without exec. */
uint32_t stk_program_sum(uint32_t profiles);

/*
 * P after READY: waits for its arguments on STK_SLOT_ARGS and executes STK_SLOT_PROGRAM. End of
 * file or anything malformed ends it with 0 unexecuted; a refused exec is a log frame, then 127.
 */
STK_NORETURN void stk_program_become(const struct stk_class_desc *d);

#endif

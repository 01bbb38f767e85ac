/*
 * outer.h - filters that stand around ours, as a container runtime puts them around a pod.
 */
#ifndef TESTS_LIB_OUTER_H
#define TESTS_LIB_OUTER_H

#include <stdbool.h>

/* What a runtime's default profile refuses (tests/tools/outer.def); for this process and its
 * children. */
bool outer_default(void);
/* One call, by its name in sandbox/syscalls.def, answers @err. */
bool outer_call(const char *name, unsigned err);
/* These calls (ending in NULL) and no others, which get EPERM, as a service manager has it. */
bool outer_only(char *const *names);

#endif

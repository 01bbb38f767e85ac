/*
 * landlock.h - path rules: what exists in the file system for a process, whatever it may open.
 *
 * Z makes one ruleset per class from the operator's directory fds before its filter is on; J enters
 * it (restrict) as a step of its entry; M hides keys and configuration with one. Raw system calls:
 * glibc has no wrappers, and Debian 12's headers do not know newer rights.
 */
#ifndef SANDBOX_LANDLOCK_H
#define SANDBOX_LANDLOCK_H

#include "sandbox/base.h"

/* What a tree (or one file) may be used for. WRITE: create, change, truncate and remove regular
 * files; never directories, links, devices, sockets, or moves between directories. */
enum stk_landlock_right {
	STK_LANDLOCK_READ = 1u << 0,
	STK_LANDLOCK_WRITE = 1u << 1,
	STK_LANDLOCK_EXEC = 1u << 2,
};

/* What a ruleset denies besides the file system; parts unknown to the ABI are left out. */
enum stk_landlock_deny {
	STK_LANDLOCK_NET = 1u << 0,    /* TCP bind and connect, ABI 4 */
	STK_LANDLOCK_SCOPES = 1u << 1, /* signals and abstract sockets to the outside, ABI 6;
					  never for a process that must kill others (W, S) */
};

/* The running kernel's ABI (>= 1), or -errno: ENOSYS absent, EOPNOTSUPP off, EPERM blocked. */
int stk_landlock_abi(void);

/* The kernel's bits for files (LANDLOCK_ACCESS_FS_*) that a ruleset of @abi denies. */
uint64_t stk_landlock_handled(int abi);
/* Those of them that @rights (enum stk_landlock_right) give beneath a directory, or on a file. */
uint64_t stk_landlock_allowed(int abi, uint32_t rights, bool directory);
/* "read_file"; NULL for a bit that has no name here. Static storage. */
const char *stk_landlock_name(unsigned bit);

/*
 * A ruleset that denies every file right of @abi (as stk_landlock_abi() said) and what @deny (enum
 * stk_landlock_deny) asks. *out_fd is the caller's, close-on-exec. STK_E_SYSTEM with errno.
 */
STK_CHECK enum stk_err stk_landlock_create(int abi, uint32_t deny, int *out_fd);

/*
 * Allows @rights (enum stk_landlock_right) beneath @tree_fd, an O_PATH fd of a directory or a
 * file; borrowed for the call. STK_E_SYSTEM with errno, STK_E_REFUSED for no or unknown rights.
 */
STK_CHECK enum stk_err stk_landlock_add(int ruleset_fd, int abi, int tree_fd, uint32_t rights);

/* Enters the ruleset for good; needs no_new_privs. Async-signal-safe. STK_E_SYSTEM with errno. */
STK_CHECK enum stk_err stk_landlock_restrict(int ruleset_fd);

#endif

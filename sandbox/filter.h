/*
 * filter.h - the system-call filters of the wall, built from sandbox/profile.def.
 *
 * Z installs the big filter once (class table plus the entry calls); J, cloned from it, installs
 * the tiny one as its last act, which takes the entry calls away again and pins calls that name a
 * process to its own pid; W installs the worker's own. All are built before they are needed, so
 * that installing is one system call. filter.c is the only user of libseccomp.
 */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include "sandbox/wire.h"

#include <linux/filter.h>

#define STK_BPF_PIDS_MAX 8

/* A program for seccomp(2). Caller-owned; zeroed is empty; stk_bpf_clear(). */
struct stk_bpf {
	struct sock_filter *insns; /* owned */
	uint16_t len;              /* instructions */
	uint16_t n_pids;
	uint16_t pid_at[STK_BPF_PIDS_MAX]; /* instructions whose k becomes the own pid at install */
};
/* Frees; safe on a zeroed struct. */
void stk_bpf_clear(struct stk_bpf *p);

/*
 * Z's filter for one sum of enum stk_profile: base, the granted groups and the entry calls.
 * Anything else traps (SIGSYS with the call's number), a foreign architecture kills the process.
 * STK_E_REFUSED if the table is one that libseccomp would silently weaken or a profile has no table
 * yet, STK_E_SYSTEM, STK_E_NOMEM.
 */
STK_CHECK enum stk_err stk_filter_big_build(uint32_t profiles, struct stk_bpf *out);

/*
 * J's filter for the same sum: an explicit list of what the entry could do and the class may not,
 * and the own-pid pin. The default is to allow: it only makes sense on top of the big one. Built
 * once in Z; errors as above.
 */
STK_CHECK enum stk_err stk_filter_tiny_build(uint32_t profiles, struct stk_bpf *out);

/* Whether every one of these profiles has a call table: a zygote refuses any other sum. */
bool stk_filter_ready(uint32_t profiles);

/*
 * W's filter once its start is over: a list of what it does, EPERM for the rest, and death for what
 * only an intruder would try (clone, execve, ptrace ...). The own pid is pinned at build time, so
 * build it in the process that installs it.
 */
STK_CHECK enum stk_err stk_filter_worker_build(struct stk_bpf *out);

/* B's: base and broker, EPERM for the rest, death for what only an intruder would try. As above. */
STK_CHECK enum stk_err stk_filter_broker_build(struct stk_bpf *out);

/* S's, once its launcher is forked. As above. */
STK_CHECK enum stk_err stk_filter_supervisor_build(struct stk_bpf *out);
/* E's, likewise. */
STK_CHECK enum stk_err stk_filter_exporter_build(struct stk_bpf *out);

/*
 * seccomp(SECCOMP_SET_MODE_FILTER) for the calling (single-threaded) process. Needs no_new_privs.
 * STK_E_SYSTEM with errno. Async-signal-safe. A program with pid slots is refused (STK_E_REFUSED).
 */
STK_CHECK enum stk_err stk_filter_install(const struct stk_bpf *p);
/* The same around every thread of the process. STK_E_SYSTEM too if one stands behind filters of its
 * own. */
STK_CHECK enum stk_err stk_filter_install_around(const struct stk_bpf *p);
/*
 * The same, but what the filter would trap waits for the reader of *listener (seccomp_unotify(2)),
 * which is the caller's. Where the kernel gives no listener (EBUSY: an outer filter has one;
 * EINVAL, ENOSYS: not built in) it traps as always and *listener is -1.
 */
STK_CHECK enum stk_err stk_filter_install_listening(const struct stk_bpf *p, int *listener);
/* The same after writing @self into the pid slots; J passes its own pid. */
STK_CHECK enum stk_err stk_filter_tiny_install(struct stk_bpf *p, pid_t self);

/* The call's name from a compiled table, or NULL: unknown numbers are never shown as text. */
const char *stk_syscall_name(uint32_t arch, int nr);
/* AUDIT_ARCH_* this program was built for. */
uint32_t stk_syscall_arch(void);

/* What could have been done about a denied call; all text static. */
struct stk_way {
	const char *grant; /* the profile that is missing, as people say it: "files read" */
	const char *line;  /* how a registry line gives it; NULL without a grant */
	const char
	    *instead; /* what to use; NULL: the grant, if there is one, allows the very call */
};
/*
 * For a call of process @self that was denied to a class with @profiles, or to the class's program
 * (its sum, program.h). Nothing set: no class may ever make it, and nothing stands in for it.
 */
struct stk_way stk_syscall_way(int nr, const uint64_t args[6], uint64_t self, uint32_t profiles);

#endif

/*
 * probe.h - is the wall really there? Every layer is tried by its effect in a forked child.
 *
 * The worker runs it at start and refuses to work without a required layer. A
 * runtime's outer filter may answer EPERM or ENOSYS for anything, so return codes of "set" calls
 * are never believed alone.
 */
#ifndef SANDBOX_PROBE_H
#define SANDBOX_PROBE_H

#include "sandbox/wire.h"

/* Order is free; names are stable. */
#define STK_LAYERS(X)                         \
	X(UID, "uid")                         \
	X(NO_NEW_PRIVS, "no_new_privs")       \
	X(CAPABILITIES, "capabilities")       \
	X(SECCOMP_TRAP, "seccomp.trap")       \
	X(SECCOMP_ARCH, "seccomp.bad_arch")   \
	X(SECCOMP_STACK, "seccomp.stack")     \
	X(LANDLOCK_FS, "landlock.fs")         \
	X(LANDLOCK_NET, "landlock.net")       \
	X(LANDLOCK_SCOPES, "landlock.scopes") \
	X(MDWE, "mdwe")                       \
	X(DUMPABLE, "dumpable")               \
	X(RLIMITS, "rlimits")                 \
	X(CLOSE_RANGE, "close_range")         \
	X(PIDFD, "pidfd")                     \
	X(PDEATHSIG, "pdeathsig")             \
	X(PROC, "proc")

enum stk_layer {
#define X(id, text) STK_LAYER_##id,
	STK_LAYERS(X)
#undef X
	STK_LAYER_COUNT
};
/* Static storage. */
const char *stk_layer_text(enum stk_layer l);

enum stk_probe_state {
	STK_PROBE_OK,      /* seen to work */
	STK_PROBE_MISSING, /* the kernel does not know it or cannot do it here (ENOSYS, EINVAL,
			      EOPNOTSUPP) */
	STK_PROBE_REFUSED, /* something refuses it (EPERM, EACCES), or it had no effect (err 0) */
};

struct stk_probe {
	enum stk_layer layer;
	enum stk_probe_state state;
	int err;       /* errno of the deciding call, or 0 */
	int abi;       /* landlock.*: the ABI; else 0 */
	char why[160]; /* one sentence for people */
};

/*
 * Tries all layers; out[i].layer == i. Forks short-lived children and waits for them by pid (the
 * caller must not ignore SIGCHLD). Never fails: what cannot be tried is not ok and says so.
 */
void stk_probe_all(struct stk_probe out[static STK_LAYER_COUNT]);

/* Whether a worker whose classes use these profiles (all ORed) must not start without @l. */
bool stk_layer_required(enum stk_layer l, uint32_t profiles_in_use);

/*
 * The layers that are required and not ok, in order, into @missing. Returns how many: 0 means go.
 * Landlock is required only for files, net and exec.
 */
size_t stk_probe_required(uint32_t profiles_in_use,
    const struct stk_probe all[static STK_LAYER_COUNT],
    enum stk_layer missing[static STK_LAYER_COUNT]);

#endif

/*
 * privilege.h - who the process is: drop to the configured user, refuse uid 0, hide the memory.
 */
#ifndef WORKER_PRIVILEGE_H
#define WORKER_PRIVILEGE_H

#include "sandbox/base.h"

/*
 * Becomes @user (a name or a number; NULL: stay who we are) with its groups, no way back, then sets
 * no_new_privs and dumpable 0. Before the first fork: a credential change clears pdeathsig
 * (ARCHITECTURE.md, Decisions 2). Refuses to go on as uid 0. STK_OK, or STK_E_REFUSED with a
 * sentence in @why.
 */
STK_CHECK enum stk_err stk_privilege_drop(const char *user, char *why, size_t why_size);

/*
 * Opens the cage program once (O_PATH); every describe and zygote of this generation are these
 * bytes (ARCHITECTURE.md, Decisions 4). Refuses a file that the running user, its group or others
 * may write. Returns the descriptor or -1 with a sentence in @why.
 */
STK_CHECK int stk_cage_program_open(const char *path, char *why, size_t why_size);

#endif

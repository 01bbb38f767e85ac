/*
 * vault.h - memory for secrets, on pages of their own.
 *
 * Where the kernel has memfd_secret(2), Linux 5.14 and not switched off, the pages are not even in
 * the kernel's own map of memory: no other process, no debugger and no dump reaches them, root's
 * included. Elsewhere they are anonymous pages: locked, and not dumped. Both are absent from a
 * forked child, because fork copies everything else into a handler's reach.
 */
#ifndef WORKER_VAULT_H
#define WORKER_VAULT_H

#include "sandbox/base.h"

/* What to do where there is none. */
#define STK_VAULT_CURE "raise the limit of locked memory (ulimit -l 1024, LimitMEMLOCK=1M)"

/*
 * @bytes of zeroes, or NULL with errno if the kernel refuses any of it (EAGAIN, ENOMEM:
 * RLIMIT_MEMLOCK). Owned by the caller: stk_vault_free, which wipes; NULL-safe.
 */
void *stk_vault_new(size_t bytes);
void stk_vault_free(void *secret);

/* True where the pages come from memfd_secret; for people and tests. */
bool stk_vault_hidden(const void *secret);
/* The second kind even where the first is to be had; for tests. */
void *stk_vault_new_plain(size_t bytes);

#endif

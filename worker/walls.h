/*
 * walls.h - the walls around our own processes that stay: S, E and W (M, Z and J have theirs in
 * sandbox/, the launcher has none, because its children inherit all it has).
 *
 * Pattern for a further role: a group of calls in sandbox/profile.def, a builder in
 * sandbox/filter.c that adds nothing but the group, a list of paths here, entered in one function
 * once everything that needs more is done. Landlock without signal scope: whoever ends others must
 * reach them.
 */
#ifndef WORKER_WALLS_H
#define WORKER_WALLS_H

#include "worker/config.h"
#include "worker/keyring.h"

/* No file, no TCP; waits, kills, asks the launcher. On failure *@step says what could not be done,
 * errno why. */
STK_CHECK enum stk_err stk_walls_supervisor(const struct stk_config *c, const char **step);

/* No file, no TCP, no signals to others; answers at the socket it has. */
STK_CHECK enum stk_err stk_walls_exporter(const struct stk_config *c, const char **step);
/* Its Landlock half alone, for tests. */
STK_CHECK enum stk_err stk_walls_exporter_files(const struct stk_config *c, const char **step);

/*
 * Reads what a worker may have to read again (the folders of policy, keys and password, the
 * resolver's files, /proc) and connects to Redis's port; then its second thread (crew.h); then the
 * worker's filter, around both. @ring: whose key files count. @cgroup: where it removes the jobs'
 * group at its end, or -1.
 */
STK_CHECK enum stk_err stk_walls_worker(
    const struct stk_config *c, const struct stk_keyring *ring, int cgroup, const char **step);

/* The Landlock half alone, for tests. */
STK_CHECK enum stk_err stk_walls_worker_files(
    const struct stk_config *c, const struct stk_keyring *ring, int cgroup, const char **step);

#endif

/*
 * follow.h - no process of ours outlives the worker that it belongs to. Called by M, Z and J, first
 * thing in each.
 */
#ifndef SANDBOX_FOLLOW_H
#define SANDBOX_FOLLOW_H

#include "sandbox/base.h"

/*
 * From here on the calling process dies by SIGKILL with its parent, which must be @worker. 0, or -1
 * with errno; ESRCH: that parent is gone already.
 */
STK_CHECK int stk_follow(pid_t worker);

#endif

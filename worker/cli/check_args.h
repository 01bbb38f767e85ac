/*
 * check_args.h - has a class's own schema judge an admitted job's arguments, behind the same wall,
 * without running its handler. For `explain` and `shadow`.
 */
#ifndef WORKER_CLI_CHECK_ARGS_H
#define WORKER_CLI_CHECK_ARGS_H

#include "worker/admit.h"
#include "worker/cage_setup.h"

/*
 * False: nothing was asked, and @why says why not. Else an empty @why says that they fit; a @why,
 * safe for a terminal, that they do not: *verdict is then STK_V_E_ARGS_JSON or STK_V_E_SCHEMA, or
 * STK_V_ACCEPT if the wall could not be had.
 */
bool stk_check_args(const struct stk_config *config, const struct stk_cage_setup *setup,
    const struct stk_ticket *ticket, enum stk_verdict *verdict, char *why, size_t why_size);

#endif

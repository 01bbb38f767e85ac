/*
 * debugger.h - `stockade run-job --debugger`: a handler outside the cage, under gdb.
 */
#ifndef WORKER_CLI_DEBUGGER_H
#define WORKER_CLI_DEBUGGER_H

#include "worker/cage_setup.h"

/*
 * Checks the arguments of @r behind the wall, warns that there will be none, and hands this
 * terminal to gdb with the cage program's role `bare` in it. Fills @out with what the arguments or
 * the handler came to; log lines go to @log. 0, or an exit code after complaining: no gdb, or a
 * handler that was never let come to an end.
 */
STK_CHECK int stk_debugger_run(struct stk_cage_setup *setup, const char *program,
    const struct stk_run_request *r, const struct stk_run_hooks *hooks, struct stk_outcome *out);

#endif

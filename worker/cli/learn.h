/*
 * learn.h - `stockade run-job --learn`: the smallest registry line under which a job ends well.
 */
#ifndef WORKER_CLI_LEARN_H
#define WORKER_CLI_LEARN_H

#include "worker/cli/options.h"

/*
 * Runs the job again and again, each time with the grant that the last denial names, then without
 * one grant after the other; prints each run and the line's difference. Returns the exit code: 0 if
 * it ended as Done at last, 1 if not.
 */
STK_CHECK int stk_learn_run(
    const struct stk_config *config, const char *class_name, struct stk_span args);

#endif

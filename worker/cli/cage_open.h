/*
 * cage_open.h - the class table for subcommands that need the whitelist but run no worker.
 */
#ifndef WORKER_CLI_CAGE_OPEN_H
#define WORKER_CLI_CAGE_OPEN_H

#include "sandbox/cage.h"

/*
 * Opens the cage program (@cage_path, or NULL for the configured one), starts it and has it
 * describe itself; before any secret is read. Returns 0 (both are the caller's: stk_cage_close,
 * stk_class_table_clear), or an exit code after complaining by itself.
 */
STK_CHECK int stk_cli_cage_open(
    const char *cage_path, struct stk_cage **cage, struct stk_class_table *table);

#endif

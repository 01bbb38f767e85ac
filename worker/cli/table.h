/*
 * table.h - the subcommands, in the order `stockade --help` shows them.
 */
#ifndef WORKER_CLI_TABLE_H
#define WORKER_CLI_TABLE_H

#include "worker/cli/cli.h"

extern const struct stk_command *const stk_commands[];
extern const size_t stk_n_commands;

#endif

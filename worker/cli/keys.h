/*
 * keys.h - the subcommands of `stockade keys` that look and change nothing; argv[0] is the word.
 * Each returns the exit code.
 */
#ifndef WORKER_CLI_KEYS_H
#define WORKER_CLI_KEYS_H

#include "worker/cli/cli.h"

int stk_keys_show(int argc, char **argv);
int stk_keys_check(int argc, char **argv);
int stk_keys_diff(int argc, char **argv);

#endif

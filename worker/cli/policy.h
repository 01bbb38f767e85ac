/*
 * policy.h - the subcommands of `stockade policy`, one file each; argv[0] is the word. Each returns
 * the exit code.
 */
#ifndef WORKER_CLI_POLICY_H
#define WORKER_CLI_POLICY_H

#include "worker/cli/cli.h"

int stk_policy_syscalls(int argc, char **argv);
int stk_policy_check(int argc, char **argv);
int stk_policy_show(int argc, char **argv);
int stk_policy_review(int argc, char **argv);

#endif

/*
 * secret.h - a Redis password that came inside REDIS_URL, moved out of every readable place.
 *
 * A password in the environment stays on the stack of the process and of all it forks, unsetenv or
 * not (ARCHITECTURE.md, Decisions 3). So it goes to a sealed memfd and the program executes itself
 * again with a clean environment, before it forks anything. Only the worker is handed the
 * descriptor.
 */
#ifndef WORKER_SECRET_H
#define WORKER_SECRET_H

#include "worker/config.h"

/*
 * Looks at c->redis. Without a password in it: *@fd is the descriptor that a former self passed on,
 * or -1. With one in REDIS_URL: does not return, or returns an exit code after complaining. With
 * one from a flag or a file: refuses (64, 78): argv and configuration are no place for secrets.
 */
STK_CHECK int stk_secret_from_url(const struct stk_config *c, bool from_flag, char **argv, int *fd);

/*
 * The password for the link: a fresh descriptor of redis_password_file, or @inherited where none is
 * named. -1: there is none, or (with a file named) it cannot be read, errno. A FIFO in the file's
 * place must not hold the start; what is read with pread is a file.
 */
STK_CHECK int stk_secret_open(const struct stk_config *c, int inherited);

/* A password's file for pread; a FIFO in its place is refused. -1 with errno. */
STK_CHECK int stk_open_password_file(const char *file);

#endif

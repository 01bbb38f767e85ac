/*
 * hidden.h - is a secret's file out of the reach of jobs? One that a grant or a handler's setup()
 * could read would make the cage pointless.
 */
#ifndef WORKER_HIDDEN_H
#define WORKER_HIDDEN_H

#include "worker/config.h"

/*
 * 0, or 78 after complaining that @secret lies beneath one of `directories` or `setup_read`. A NULL
 * or absent file is 0: whoever opens it says what is wrong.
 */
STK_CHECK int stk_hidden_check(const struct stk_config *c, const char *secret);
/* The same without a word: the path that jobs may read, or NULL. Borrowed from @c. */
const char *stk_hidden_beneath(const struct stk_config *c, const char *secret);

#endif

/*
 * pidfile.h - the supervisor's pid in a file, as Resque writes it: the number alone, and the file
 * stays.
 */
#ifndef WORKER_PIDFILE_H
#define WORKER_PIDFILE_H

#include "sandbox/base.h"

/* 0, or 71 after complaining. */
STK_CHECK int stk_pidfile_write(const char *path);
/* Whether it could be written; nothing is. 0, or 71 after complaining with the same sentence. */
STK_CHECK int stk_pidfile_look(const char *path);

#endif

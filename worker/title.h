/*
 * title.h - the process title in the argv area, where ps and a Ruby worker's pruning look for it.
 *
 * `resque-<version>: text`, the marker first: a starting Ruby worker on the same host keeps its
 * hands off such a process (PROTOCOL.md, Titles). Names in the text are cut and cleaned, and never
 * spell "resque-web", which would undo that.
 */
#ifndef WORKER_TITLE_H
#define WORKER_TITLE_H

#include "sandbox/base.h"

/* Moves the environment away and takes the argv area over. Once, from main, before any thread. */
void stk_title_init(int argc, char **argv);
/* Shows "resque-<version>: <text>". */
void stk_title_set(const char *fmt, ...) STK_PRINTF(1, 2);

#endif

/*
 * confscan.h - the look at a configuration file's bytes before libconfig sees them.
 */
#ifndef WORKER_CONFSCAN_H
#define WORKER_CONFSCAN_H

#include "sandbox/base.h"

/*
 * Refuses what libconfig would read silently and differently from a person: NUL (it stops there),
 * block comments, @include, non-UTF-8, \x escapes and line ends inside strings. False: *@line and
 * the static sentence *@why say where and what.
 */
STK_CHECK bool stk_conf_prescan(const uint8_t *p, size_t len, int *line, const char **why);

#endif

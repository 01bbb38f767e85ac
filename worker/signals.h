/*
 * signals.h - which signals the supervisor hears, and which of them are its workers' as well.
 */
#ifndef WORKER_SIGNALS_H
#define WORKER_SIGNALS_H

#include "sandbox/base.h"

/* Blocks them and opens a signalfd (close-on-exec, non-blocking), or -1 with errno. */
int stk_signals_open(void);
/* Handed on to every worker; the rest, SIGCHLD apart, asks the service to stop. */
bool stk_signal_passes(uint32_t sig);

#endif

/*
 * notify.h - what a service manager is told, as in sd_notify(3): one datagram of lines to the
 * socket that NOTIFY_SOCKET names. So a unit of Type=notify counts as started when a worker is
 * ready, and one whose supervisor stands still is started anew (WatchdogSec).
 *
 * The socket is connected before the supervisor's walls and never blocks: what the manager has no
 * room for is not told.
 */
#ifndef WORKER_NOTIFY_H
#define WORKER_NOTIFY_H

#include "sandbox/base.h"

struct stk_notify {
	int fd;           /* -1: nobody asked to be told */
	int64_t every_ms; /* between two signs of life; 0: none are asked for */
	int64_t next_ms;  /* CLOCK_MONOTONIC */
	bool stopping;    /* it was told */
};

/*
 * Connects to what NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID say. STK_E_ABSENT: nobody asked.
 * STK_E_SYSTEM with errno, STK_E_FORMAT (a name that is no socket's): it asked and cannot be told.
 */
STK_CHECK enum stk_err stk_notify_open(struct stk_notify *n);
void stk_notify_close(struct stk_notify *n);

/* The service works. @workers: for its status line. */
void stk_notify_ready(const struct stk_notify *n, uint32_t workers);
/* It is on its way out; told once. */
void stk_notify_stopping(struct stk_notify *n);
/* A sign of life, if one is due. */
void stk_notify_alive(struct stk_notify *n, int64_t now_ms);
/* Milliseconds until the next is due; @most where none is. */
int64_t stk_notify_wait_ms(const struct stk_notify *n, int64_t now_ms, int64_t most);

#endif

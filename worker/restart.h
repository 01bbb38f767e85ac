/*
 * restart.h - how long the supervisor waits before it makes a process anew: twice as long each
 * time, and from the beginning after it lived for a while.
 */
#ifndef WORKER_RESTART_H
#define WORKER_RESTART_H

#include "sandbox/base.h"

#define STK_RESTART_MAX_MS 30000

struct stk_restart {
	uint32_t failures;
	int64_t started_ms, start_at_ms; /* CLOCK_MONOTONIC */
};

/* It died: how long its successor waits, also in start_at_ms. */
int64_t stk_restart_after(struct stk_restart *r, int64_t now_ms);
/* What is left of that. */
int64_t stk_restart_left(const struct stk_restart *r, int64_t now_ms);

#endif

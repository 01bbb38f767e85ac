/*
 * pressure.h - how much of every configured rate this machine may use now: less while memory or CPU
 * is short (PSI in /proc/pressure, the cgroup's own memory limit), never more than configured.
 *
 * Halved at each look that finds pressure, raised by a tenth each minute without. A machine that
 * tells nothing is under no pressure.
 */
#ifndef WORKER_PRESSURE_H
#define WORKER_PRESSURE_H

#include "sandbox/base.h"

#define STK_FACTOR_FULL      1000 /* thousandths */
#define STK_FACTOR_LEAST     125
#define STK_PRESSURE_LOOK_MS 10000
#define STK_PRESSURE_MEMORY  10 /* % of the last ten seconds in which somebody waited for memory */
#define STK_PRESSURE_CPU     80 /* ... for a CPU */
#define STK_PRESSURE_CGROUP  90 /* % of the cgroup's memory limit in use */

struct stk_pressure {
	int64_t factor;  /* 0: not looked yet, as full */
	int64_t next_ms; /* CLOCK_MONOTONIC */
	int64_t raise_ms;
	const char *cause; /* "memory", "cpu", "cgroup" of the last look; NULL: none */
};

int64_t stk_pressure_factor(const struct stk_pressure *p);
/* Looks when it is time, under @root ("" but for tests). True when the factor changed. */
bool stk_pressure_look(struct stk_pressure *p, const char *root, int64_t now_ms);

#endif

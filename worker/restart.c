/*
 * restart.c - see restart.h.
 */
#include "worker/restart.h"

#define FIRST_MS  100
#define STABLE_MS 60000 /* a process that lived this long starts the backoff anew */

int64_t stk_restart_after(struct stk_restart *r, int64_t now_ms)
{
	int64_t wait;

	if (now_ms - r->started_ms > STABLE_MS)
		r->failures = 0;
	wait = (int64_t)FIRST_MS << (r->failures < 9 ? r->failures : 9);
	if (wait > STK_RESTART_MAX_MS)
		wait = STK_RESTART_MAX_MS;
	r->failures++;
	r->start_at_ms = now_ms + wait;
	return wait;
}

int64_t stk_restart_left(const struct stk_restart *r, int64_t now_ms)
{
	return r->start_at_ms > now_ms ? r->start_at_ms - now_ms : 0;
}

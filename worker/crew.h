/*
 * crew.h - one thread beside the worker's own, for work on many elements of which none depends on
 * another: to verify the signatures of a flood (drain.c). It only computes: it makes no call of its
 * own, and waits else.
 *
 * Opened once, before the worker's filter, whose calls know no clone; it stands behind the same
 * filter and Landlock domain. Where it cannot be had, or there is one processor, the worker does
 * all of it alone. Its memory is the process's: it lives and ends with that, and there is one.
 */
#ifndef WORKER_CREW_H
#define WORKER_CREW_H

#include "sandbox/base.h"

#define STK_CREW_MOST 64 /* elements of one piece of work */

typedef void stk_crew_act(void *ctx, size_t i);

/* The thread has started, and waits: no call but to wait and wake is left for it to make. False:
 * there is none, and what follows works without. */
bool stk_crew_open(void);

/* @act may be called for 0 to @n - 1, each once, in that order, by either of the two, until
 * stk_crew_end(). */
void stk_crew_begin(stk_crew_act *act, void *ctx, size_t n);
/* Returns once @i was done; the caller does what nobody has begun meanwhile. In rising order. */
void stk_crew_need(size_t i);
/* Nothing further is begun; returns when nobody is at it any more. How many were begun. */
size_t stk_crew_end(void);

#endif

/*
 * life.h - the worker as a living thing: its id, its beat, its signals, the order to stop.
 *
 * The same poll loop that waits for a job calls stk_life_tick(), so a long job keeps its heartbeat
 * and a signal is heard at once. TERM, INT and HUP drain: the running job may finish until
 * drain_timeout, then its child gets TERM, term_timeout later KILL, and the job is handed back.
 * QUIT (and TERM with graceful_term) waits for the job however long it takes. A second signal that
 * stops acts at once. USR1 ends the running child, USR2 pauses, CONT goes on.
 */
#ifndef WORKER_LIFE_H
#define WORKER_LIFE_H

#include "sandbox/cage.h"
#include "worker/config.h"
#include "worker/record.h"
#include "worker/store.h"

enum stk_stop {
	STK_STOP_NO,
	STK_STOP_DRAIN,
	STK_STOP_NOW
};

struct stk_life {
	const struct stk_config *config; /* borrowed */
	struct stk_store *store;         /* borrowed */
	int signal_fd;
	enum stk_stop stop;
	int64_t drain_until_ms, kill_at_ms; /* CLOCK_MONOTONIC; 0: not set */
	bool paused;                        /* USR2: nothing new is reserved until CONT */
	bool kill_child; /* USR1: the running child is ended, the worker goes on */
	int64_t next_beat_ms;
	bool fenced;     /* others hold this instance for dead: forget the job, end */
	bool redis_lost; /* a beat found no Redis: the running job may finish, nothing new starts */
	char started[STK_TIME_BYTES];
};

/* Blocks and opens the signals, notes the time of birth. STK_E_SYSTEM. */
STK_CHECK enum stk_err stk_life_open(struct stk_life *l, const struct stk_config *c);
void stk_life_close(struct stk_life *l);

/* "<host>:<pid>:<q1,q2>" (patterns literally, no exclusions) into @out of @size bytes;
 * STK_E_TOOBIG. */
STK_CHECK enum stk_err stk_life_worker_id(const struct stk_config *c, char *out, size_t size);

/* Beats if it is time, hears signals; says what to do with a running child. */
enum stk_run_order stk_life_tick(struct stk_life *l);

/* Waits at most @ms for a signal, beating meanwhile. */
void stk_life_wait(struct stk_life *l, int64_t ms);

#endif

/*
 * life.h - the worker as a living thing: its id, its beat, its signals, the order to stop.
 *
 * The same poll loop that waits for a job calls stk_life_tick(), so a long job keeps its heartbeat,
 * a lost Redis is found again and a signal is heard at once. TERM and INT drain: the running
 * job may finish until drain_timeout, then its child gets TERM, term_timeout later KILL, and the
 * job is handed back. QUIT (and TERM with graceful_term) waits for the job however long it takes. A
 * second signal that stops acts at once. USR1 ends the running child, USR2 pauses, CONT goes on,
 * HUP reloads the policy.
 */
#ifndef WORKER_LIFE_H
#define WORKER_LIFE_H

#include "sandbox/cage.h"
#include "worker/config.h"
#include "worker/log.h"
#include "worker/outage.h"
#include "worker/pulse.h"
#include "worker/store.h"
#include "worker/times.h"

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
	pid_t supervisor;
	uint32_t n_stops[2];                /* heard from elsewhere, from the supervisor */
	int64_t drain_until_ms, kill_at_ms; /* CLOCK_MONOTONIC; 0: not set */
	bool paused;                        /* USR2: nothing new is reserved until CONT */
	bool reload;     /* HUP: policy and keys are read anew before the next job */
	bool kill_child; /* USR1: the running child is ended, the worker goes on */
	int64_t next_beat_ms;
	int64_t beat_ok_ms; /* the last beat that succeeded; 0: none yet */
	int64_t
	    steady_since_ms; /* first of the beats that all succeeded on one connection; 0: none */
	int64_t leave_at_ms; /* told to stop with an outcome in hand and Redis away: until then */
	bool fenced;         /* others hold this instance for dead: forget the job, begin again */
	bool running;        /* a child is at work */
	int64_t back_by_ms; /* and must be seen to by then (CLOCK_MONOTONIC); INT64_MAX: no limit */
	bool may_repeat;    /* and its class promises that twice is the same as once */
	bool abandoned;     /* no beat for so long that others may run it: its child was killed */
	struct stk_outage outage;
	struct stk_log_budget beat_lines;
	struct stk_pulse *pulse;   /* owned; NULL without a supervisor */
	void (*ticked)(void *ctx); /* with every tick, or NULL: who is told how this worker is */
	void *ctx;
	char started[STK_TIME_BYTES];
};

/* Blocks and opens the signals, notes the time of birth. STK_E_SYSTEM. */
STK_CHECK enum stk_err stk_life_open(struct stk_life *l, const struct stk_config *c);
void stk_life_close(struct stk_life *l);

/* "<host>:<pid>:<q1,q2>" (patterns literally, no exclusions) into @out of @size bytes; *@len is its
 * length even when that is too much: STK_E_TOOBIG. */
STK_CHECK enum stk_err stk_life_worker_id(
    const struct stk_config *c, char *out, size_t size, size_t *len);

/* Beats if it is time, hears signals; says what to do with a running child. */
enum stk_run_order stk_life_tick(struct stk_life *l);

/* Waits at most @ms for a signal or FENCED, beating and ticking meanwhile. */
void stk_life_wait(struct stk_life *l, int64_t ms);

/* How often somebody must call stk_life_tick: at least each second, often enough for stuck_after.
 */
int64_t stk_life_tick_ms(const struct stk_life *l);

/*
 * After every call to Redis, with what it returned: do { e = call } while (stk_life_again(...)).
 * False when it went through, and when it is time to stop asking: FENCED, hopeless, or told to stop
 * (with @outcome_in_hand only after term_timeout). Else waits out the backoff, reconnects, and
 * true.
 */
STK_CHECK bool stk_life_again(struct stk_life *l, enum stk_err e, bool outcome_in_hand);

/* The same for a call to another server, such as the ledger's: @o is its own outage. */
STK_CHECK bool stk_life_again_on(
    struct stk_life *l, struct stk_outage *o, enum stk_err e, bool outcome_in_hand);

/*
 * Waits @ms, beating and ticking; false when it is time to stop asking, as for stk_life_again.
 */
STK_CHECK bool stk_life_linger(struct stk_life *l, int64_t ms, bool outcome_in_hand);

/*
 * Since when every beat of ours succeeded in time and on one connection; 0: not now. Only what is
 * seen within it says anything about the others (PROTOCOL.md, "Who is dead").
 */
int64_t stk_life_steady_since(const struct stk_life *l);

#endif

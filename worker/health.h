/*
 * health.h - is the service alive, is it ready: what /livez and /readyz answer, from the pulses.
 *
 * Alive means: nobody stands still whom a restart would mend. A Redis that is away is no reason to
 * restart anything, so only readiness tells of it.
 */
#ifndef WORKER_HEALTH_H
#define WORKER_HEALTH_H

#include "worker/pulse.h"

/* X(name, sentence for a tired operator); the names are stable (PROTOCOL.md, "Metrics"). */
#define STK_UNWELL(X)                                                                             \
	X(WELL, "ok")                                                                             \
	X(SUPERVISOR_STILL, "the supervisor has not looked at its workers for too long; restart " \
			    "the service")                                                        \
	X(WORKER_STILL, "a worker does not tick and was not replaced; restart the service")       \
	X(STOPPING, "the service was told to stop; running jobs may finish")                      \
	X(NO_WORKER, "no worker is registered: starting, or failing to start; see the log")       \
	X(REDIS_AWAY, "Redis does not serve the workers; see redis.away in the log")              \
	X(LEDGER_AWAY, "the run ledger does not answer or is not to be believed, so nothing "     \
		       "signed starts; see ledger.away and ledger.unfit in the log")              \
	X(AUDIT_LOST, "the audit trail cannot be written, so nothing signed starts; see "         \
		      "audit.lost in the log")                                                    \
	X(SANDBOX_UNAVAILABLE, "no class can be caged on this machine; see `stockade doctor`")    \
	X(PAUSED, "paused by USR2: nothing new is taken until CONT")

enum stk_unwell {
#define X(id, sentence) STK_##id,
	STK_UNWELL(X)
#undef X
	STK_UNWELL_COUNT
};
/* "REDIS_AWAY"; static storage. */
const char *stk_unwell_text(enum stk_unwell u);
const char *stk_unwell_sentence(enum stk_unwell u);

/* What is looked at. */
struct stk_service {
	int64_t now_ms; /* CLOCK_MONOTONIC, as the ticks are */
	int64_t stuck_after_ms;
	struct stk_pulse_view supervisor;
	const struct stk_pulse_view *workers; /* n of them */
	size_t n;
};

/* STK_WELL, SUPERVISOR_STILL or WORKER_STILL. */
enum stk_unwell stk_service_alive(const struct stk_service *s);
/* STK_WELL: a job that is pushed now would be taken. */
enum stk_unwell stk_service_ready(const struct stk_service *s);

#endif

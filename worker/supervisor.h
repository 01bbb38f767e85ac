/*
 * supervisor.h - S: has workers made, restarts them with backoff, forwards the wish to stop.
 *
 * S holds no Redis link, no key and no secret; once its launcher is forked, no file and no right to
 * fork either. As pid 1 it reaps orphans.
 */
#ifndef WORKER_SUPERVISOR_H
#define WORKER_SUPERVISOR_H

#include "worker/config.h"
#include "worker/pulse.h"

/* What one worker is told at its fork; everything else it opens itself. */
struct stk_worker_start {
	const struct stk_config *config;
	int cage_fd;     /* O_PATH */
	int password_fd; /* sealed memfd, or -1 */
	int ready_fd;    /* the worker writes one byte once it is registered, before it reserves */
	int pulse_fd;    /* worker/pulse.h; the worker maps it after it forked its nursery */
	bool again;      /* this service has worked before: an unreachable Redis is waited for */
	uint32_t slot;
	uint8_t instance[STK_INSTANCE_BYTES];
	bool has_over; /* a predecessor of this slot died without unregistering */
	uint8_t over[STK_INSTANCE_BYTES]; /* its token: recovered first */
	pid_t supervisor;
};

/*
 * Runs until told to stop; the exit code is main's. @run is the worker's whole life. The two
 * descriptors go to the launcher and are closed here.
 */
int stk_supervise(const struct stk_config *config, int *cage_fd, int *password_fd,
    int (*run)(const struct stk_worker_start *));

#endif

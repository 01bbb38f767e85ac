/*
 * tend.h - what the supervisor tends beside its workers. The exporter: socket and pages, made
 * before the walls; born, restarted, counted; nothing where metrics are off. And the service
 * manager.
 */
#ifndef WORKER_TEND_H
#define WORKER_TEND_H

#include "worker/launcher.h"
#include "worker/notify.h"
#include "worker/restart.h"
#include "worker/self.h"

struct stk_tend {
	const struct stk_config *config;
	int *fds; /* the listening socket, then every page read-only, the supervisor's first */
	size_t n_fds;
	struct stk_pulse *pulse; /* the supervisor's own */
	struct stk_meter *meter; /* NULL: metrics are off */
	struct stk_self self;
	pid_t pid; /* 0: not running */
	struct stk_restart restart;
	struct stk_notify notify;
};

/*
 * Binds, and opens what E is given; @pulses: the workers' pages. Before the supervisor's walls,
 * after the launcher's fork, so that nobody inherits it. 0, or an exit code after complaining;
 * stk_tend_close() in every case.
 */
STK_CHECK int stk_tend_open(
    struct stk_tend *t, const struct stk_config *c, const int *pulses, size_t n);
/* Ends E, if it runs, and reaps it. */
void stk_tend_close(struct stk_tend *t);

/* The first worker of @workers is ready. */
void stk_tend_ready(struct stk_tend *t, uint32_t workers);
/* Once a round of the supervisor's loop: its tick, and an exporter that is due. STK_E_CLOSED or
 * STK_E_TIMEOUT: the launcher is gone or still. */
STK_CHECK enum stk_err stk_tend_tick(
    struct stk_tend *t, const struct stk_launcher *l, bool stopping);
/* The next tick may come so much later than usual. */
void stk_tend_patience(struct stk_tend *t, int64_t ms);
/* True: it was E. */
bool stk_tend_died(struct stk_tend *t, pid_t pid, int status);
/* Something that the supervisor counts. */
void stk_tend_count(struct stk_tend *t, enum stk_metric id);
/* Milliseconds until the next round is due; @most where nothing is. */
int64_t stk_tend_wait_ms(const struct stk_tend *t, int64_t most);

#endif

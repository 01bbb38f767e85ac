/*
 * meter.h - what one worker puts into its sheet, and when: at each judgement and each end of a job
 * directly, the rest of its counters with its ticks. Where metrics are off all of it does nothing.
 */
#ifndef WORKER_METER_H
#define WORKER_METER_H

#include "sandbox/net_addr.h"
#include "worker/admit.h"
#include "worker/self.h"

struct stk_worker;
struct stk_worker_start;

struct stk_metering {
	struct stk_meter *sheet; /* owned; NULL: metrics are off */
	struct stk_self self;
	uint64_t told[STK_METRIC_COUNT]; /* what of each counter stands in the sheet already */
	uint64_t told_net[STK_NET_COUNT];
	uint64_t told_outages[2], told_lines;
	int64_t told_audit; /* the trail's number */
	int64_t next_ms;    /* CLOCK_MONOTONIC: the rest is told again */
	bool looks;         /* this slot looks at the queues for all */
	bool shown;         /* what it saw there stands in the sheet */
	bool no_info;       /* Redis does not let it ask */
	size_t next_queue;  /* the look goes on there */
	int64_t next_look_ms;
};

/* Maps the slot's sheet; 0, or an exit code after complaining. Before the walls. */
STK_CHECK int stk_meter_begin(struct stk_worker *w, const struct stk_worker_start *start);
void stk_meter_end(struct stk_worker *w);
/* Every row that this policy and these queues can need, at 0: at start and after a reload. */
void stk_meter_rows(struct stk_worker *w);

/* What the parcel in hand was judged to be. */
void stk_meter_judged(
    struct stk_worker *w, const char *queue, const struct stk_admission *a, enum stk_verdict v);
/* @n elements that left a queue unrun, without being taken one by one. */
void stk_meter_removed(struct stk_worker *w, const char *queue, enum stk_verdict v, uint64_t n);
/* A job is in its cage, or not any more. */
void stk_meter_running(struct stk_worker *w, const struct stk_ticket *t, bool running);
void stk_meter_finished(struct stk_worker *w, const char *queue, const struct stk_ticket *t,
    const struct stk_outcome *o);
/* A destination that a job was refused by a rule. */
void stk_meter_net_refused(struct stk_worker *w, const struct stk_ticket *t);
/* How much of its memory a Redis uses; @max 0: it has no bound. */
void stk_meter_memory(struct stk_worker *w, const char *server, int64_t used, int64_t max);

/* With every tick: is this worker ready, and the counters that nobody tells by themselves. */
void stk_meter_tick(struct stk_worker *w);

/* measure.c: looks at queues and Redis, every ten seconds and not within @back_by_ms. */
void stk_measure_pass(struct stk_worker *w, int64_t back_by_ms);

#endif

/*
 * report.h - what a job child says on its report pipe, taken apart as an enemy's word.
 *
 * Frames are state-gated: SETUP or READY first, LOG, PROGRESS and BEAT after READY, one RESULT
 * last; DENIED and FAULT may come at any time because the handlers that write them may run at any
 * time. Memory is bounded before the first byte: one frame is buffered, its largest size follows
 * from the limits.
 */
#ifndef SANDBOX_REPORT_H
#define SANDBOX_REPORT_H

#include "sandbox/wire.h"

#define STK_MESSAGE_MAX   1024
#define STK_REPORT_BESIDE 640 /* READY, one DENIED, one FAULT and two UNLOGGED: 524 bytes */

struct stk_report {
	uint32_t report_max, result_max;
	uint8_t *buf; /* owned: one frame */
	size_t cap, have;
	uint64_t counted; /* bytes of everything but the result */
	bool ready, has_setup, has_denied, has_fault, has_result;
	struct stk_setup_failed setup;
	struct stk_denied denied;
	struct stk_fault fault;
	struct stk_result result;
	uint8_t *body;        /* owned: message bytes, then result bytes, as result says */
	int64_t began_ms;     /* CLOCK_MONOTONIC, of stk_report_init() */
	uint32_t may_release; /* how many RELEASE frames; stk_report_may_release() */
	struct stk_span releases[STK_RELEASES_MAX]; /* owned */
	uint32_t n_releases;
	size_t release_bytes; /* of all, at most STK_ARGS_MAX: they came among the arguments */
	uint64_t pulses;      /* PROGRESS and BEAT so far */
	uint32_t unlogged;    /* log lines that did not fit, by its own count */
	uint64_t words;       /* LOG, PROGRESS and BEAT so far: signs of life */
	void (*log)(void *ctx, uint32_t level, struct stk_span text);
	/* may be set after stk_report_init(); @note is untrusted, borrowed for the call */
	void (*progress)(void *ctx, const struct stk_progress *p, struct stk_span note);
	void *ctx;
};
/*
 * So many PROGRESS and BEAT frames at once, and one more for so many milliseconds of the job's
 * life: more than job.h's functions ever send (jobs/cage/pulse.c), however late they are read.
 */
#define STK_PULSES_AT_ONCE 64
#define STK_PULSE_EVERY_MS 100

/* @limits bound it; @log may be NULL. STK_E_NOMEM. stk_report_clear() by the caller. */
STK_CHECK enum stk_err stk_report_init(struct stk_report *r, const struct stk_limits *limits,
    void (*log)(void *ctx, uint32_t level, struct stk_span text), void *ctx);
void stk_report_clear(struct stk_report *r);
/* After init: @n RELEASE frames may come (without it none may). STK_E_NOMEM. */
STK_CHECK enum stk_err stk_report_may_release(struct stk_report *r, uint32_t n);

/*
 * Takes @len more bytes. STK_E_FORMAT: malformed or out of turn; STK_E_TOOBIG: more log and
 * denial records than the limit, or progress beyond its rate; STK_E_NOMEM. After an error the
 * stream is not to be fed again.
 */
STK_CHECK enum stk_err stk_report_feed(struct stk_report *r, const uint8_t *p, size_t len);
/* Whether a frame was begun and not ended: at the child's end that is a malformed report. */
bool stk_report_torn(const struct stk_report *r);

#endif

/*
 * run_show.h - what `stockade run-job` prints: one outcome, and how several runs went. What the job
 * said is untrusted: it leaves here as JSON strings only.
 */
#ifndef WORKER_CLI_RUN_SHOW_H
#define WORKER_CLI_RUN_SHOW_H

#include "worker/cli/run_progress.h"

#define STK_RUNS_MAX 100000u

/* What one run took, in the order wall ms, CPU ms, peak KiB. */
enum stk_took {
	STK_TOOK_WALL,
	STK_TOOK_CPU,
	STK_TOOK_PEAK,
	STK_TOOK_COUNT
};

/* Several runs of one job. Zeroed to begin with, but for asked; stk_series_clear(). */
struct stk_series {
	uint32_t asked, ran;
	uint32_t first_bad; /* number of the first run that was not done, from 1; 0: none */
	uint32_t ends[STK_OUT_COUNT];
	int64_t *took[STK_TOOK_COUNT];    /* owned, `asked` of each */
	struct stk_outcome shown;         /* the first that was not done, else the last */
	struct stk_run_progress progress; /* what that one said last of how far it was */
};

/* STK_E_NOMEM. */
STK_CHECK enum stk_err stk_series_init(struct stk_series *s, uint32_t asked);
/* Takes @o over; it is zeroed. @p: how far that run said it was. */
void stk_series_add(struct stk_series *s, struct stk_outcome *o, const struct stk_run_progress *p);
void stk_series_clear(struct stk_series *s);

struct stk_trace; /* worker/cli/trace.h */

/*
 * The outcome shown and, if @timed or more than one run was asked for, the numbers of all of them.
 * @trace: where it crashed, or NULL. The JSON is one object on one line; STK_E_TOOBIG.
 */
void stk_series_print(
    const struct stk_series *s, const char *class_name, bool timed, const struct stk_trace *trace);
STK_CHECK enum stk_err stk_series_print_json(
    const struct stk_series *s, const char *class_name, bool timed, const struct stk_trace *trace);

#endif

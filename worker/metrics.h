/*
 * metrics.h - the table of metrics.def: which metrics there are, and how many cells a row of one
 * has.
 */
#ifndef WORKER_METRICS_H
#define WORKER_METRICS_H

#include "sandbox/base.h"

#define STK_BOUNDS 12 /* of a histogram */

enum stk_metric {
#define SINGLE(id, field, name, help)                    STK_METRIC_##id,
#define COUNTER(id, name, a, b, wide, scale, rows, help) STK_METRIC_##id,
#define GAUGE(id, name, a, b, merge, scale, rows, help)  STK_METRIC_##id,
#define SEEN(id, name, a, rows, help)                    STK_METRIC_##id,
#define HISTOGRAM(id, name, a, scale, rows, help, ...)   STK_METRIC_##id,
#include "worker/metrics.def"
#undef SINGLE
#undef COUNTER
#undef GAUGE
#undef SEEN
#undef HISTOGRAM
	STK_METRIC_COUNT
};

enum stk_metric_type {
	STK_TYPE_COUNTER,
	STK_TYPE_GAUGE,
	STK_TYPE_SEEN, /* a counter, kept and merged as a gauge */
	STK_TYPE_HISTOGRAM
};
/* What several workers' values come to. */
enum stk_merge {
	STK_MERGE_SUM,
	STK_MERGE_MIN,
	STK_MERGE_MAX
};
/* A label that has a cell for each of its values. */
enum stk_wide {
	STK_WIDE_NONE,
	STK_WIDE_REASON,
	STK_WIDE_RESULT,
	STK_WIDE_VIOLATION,
	STK_WIDE_NET
};
/* Kinds of sandbox violations. */
enum stk_violation {
	STK_VIOLATION_SYSCALL, /* a denied call */
	STK_VIOLATION_RLIMIT,  /* a limit of the kernel's, or of the worker's for want of one */
	STK_VIOLATION_REPORT,  /* malformed or too many words to its worker */
	STK_VIOLATION_NET,     /* a destination that a rule refuses */
	STK_VIOLATION_COUNT
};

struct stk_metric_desc {
	const char *name, *help;
	const char *a, *b; /* labels; "": none */
	enum stk_metric_type type;
	enum stk_merge merge;
	enum stk_wide wide;
	uint32_t rows;               /* at most */
	int64_t scale;               /* cells are divided by it; below 0: multiplied with */
	size_t counter;              /* SINGLE: offset into struct stk_counters; else SIZE_MAX */
	uint64_t bounds[STK_BOUNDS]; /* histogram: upper bounds, in cells' unit */
};
const struct stk_metric_desc *stk_metric_desc(enum stk_metric m);

/* Cells of one row: 1, one per value of the wide label, or a histogram's buckets and sum. */
size_t stk_metric_cells(enum stk_metric m);
/* Values that stand until another worker says otherwise, and are unset when a worker begins. */
bool stk_metric_is_gauge(enum stk_metric m);
/* "reason"; NULL for none. */
const char *stk_wide_name(enum stk_wide w);
/* The value of cell @i of a wide label; NULL: such a cell is never shown. Static storage. */
const char *stk_wide_value(enum stk_wide w, size_t i);

#endif

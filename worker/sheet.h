/*
 * sheet.h - the counters of one worker slot in shared memory: rows of cells, only ever more of
 * them.
 *
 * A slot's memfd (pulse.h) has the pulse in front and, from STK_SHEET_AT on, the sheet. One worker
 * at a time writes it, without a lock; the supervisor has one of its own; the exporter maps all of
 * them read-only. A sheet outlives its writer: the successor takes the numbers up where they stand,
 * so no counter ever falls. Whoever reads one believes nothing in it (sheet_read.c).
 *
 * A row is one metric with the values of its labels. Labels are names out of configuration, policy
 * and class table only; what has no room any more is counted as `other`.
 */
#ifndef WORKER_SHEET_H
#define WORKER_SHEET_H

#include "worker/metrics.h"

#include <stdatomic.h>

#define STK_SHEET_AT    65536 /* a multiple of every page size */
#define STK_SHEET_ROWS  2560  /* room for every row that metrics.def allows, and so the cells */
#define STK_SHEET_CELLS 16384
#define STK_SHEET_LABEL 128 /* bytes of a label's value: a class's name is the longest */
#define STK_SHEET_OTHER "other"
#define STK_CELL_UNSET  UINT64_MAX /* a gauge that says nothing now */

struct stk_sheet_row {
	uint16_t metric;
	uint16_t n_cells;
	uint32_t first; /* of its cells */
	char a[STK_SHEET_LABEL + 4], b[STK_SHEET_LABEL + 4];
};

struct stk_sheet {
	_Atomic uint32_t n_rows;  /* stored after the row is complete */
	_Atomic uint32_t n_cells; /* taken */
	struct stk_sheet_row rows[STK_SHEET_ROWS];
	_Atomic uint64_t cells[STK_SHEET_CELLS];
};
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a cell is never seen half written");

/* --- the writer
 * ------------------------------------------------------------------------------------ */

struct stk_meter;

/*
 * Maps the sheet behind @fd (borrowed), takes its rows up, unsets its gauges. NULL with errno, or
 * without memory. The mapping is not inherited by a fork.
 */
struct stk_meter *stk_meter_open(int fd);
void stk_meter_close(struct stk_meter *m);

/*
 * Everything below takes NULL: then nobody counts. @a and @b: values of the metric's labels, ""
 * where it has none. The row is made where there is none yet; all its counters are 0, its gauges
 * unset.
 */
void stk_meter_row(struct stk_meter *m, enum stk_metric id, const char *a, const char *b);
/* A counter. @cell: 0, or which value of the wide label. */
void stk_meter_add(
    struct stk_meter *m, enum stk_metric id, const char *a, const char *b, size_t cell, uint64_t n);
/* The value of a counter now; 0 where there is no row. */
uint64_t stk_meter_get(
    struct stk_meter *m, enum stk_metric id, const char *a, const char *b, size_t cell);
/* A gauge, or a counter whose owner keeps the number. */
void stk_meter_set(
    struct stk_meter *m, enum stk_metric id, const char *a, const char *b, size_t cell, uint64_t v);
/* A histogram: one more of @v, in the cells' unit. */
void stk_meter_observe(struct stk_meter *m, enum stk_metric id, const char *a, uint64_t v);
/* All rows of a gauge say nothing any more. */
void stk_meter_unset(struct stk_meter *m, enum stk_metric id);

/* Is row @i one that the table knows, with its cells inside the sheet? A copy of it in *@out. */
bool stk_sheet_row_at(const struct stk_sheet *s, uint32_t i, struct stk_sheet_row *out);

#endif

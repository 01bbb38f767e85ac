/*
 * exposition.h - many sheets become one text: Prometheus 0.0.4.
 *
 * The exporter's half of sheet.h. A sheet is what another process wrote, which may have been taken
 * over: each row is copied, checked against the table and bounded before anything is made of it.
 */
#ifndef WORKER_EXPOSITION_H
#define WORKER_EXPOSITION_H

#include "worker/sheet.h"

#define STK_EXPOSED_ROWS  6144 /* of all sheets together; what comes beyond them is `other` */
#define STK_EXPOSED_CELLS 32768

struct stk_exposed_row {
	uint16_t metric, n_cells;
	uint32_t first;
	char a[STK_SHEET_LABEL + 4], b[STK_SHEET_LABEL + 4];
};

struct stk_exposed {
	uint32_t n_rows, n_cells;
	uint64_t malformed; /* rows that were left out */
	struct stk_exposed_row rows[STK_EXPOSED_ROWS];
	uint64_t cells[STK_EXPOSED_CELLS];
};

/* Forgets all. */
void stk_exposed_clear(struct stk_exposed *x);
/* Adds what @s says. @alive: its writer is; gauges of the dead are history. */
void stk_exposed_merge(struct stk_exposed *x, const struct stk_sheet *s, bool alive);
/* Adds one value of the exporter's own. */
void stk_exposed_set(
    struct stk_exposed *x, enum stk_metric id, const char *a, const char *b, uint64_t v);

/* Bytes of a text; owned by the caller, stk_text_clear(). */
struct stk_text {
	char *p;
	size_t len, room;
	bool sour; /* no memory: what there is is not whole */
};
void stk_text_clear(struct stk_text *t);
/* The exposition of @x behind what @out holds. */
void stk_exposed_render(const struct stk_exposed *x, struct stk_text *out);

#endif

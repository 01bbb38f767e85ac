/*
 * sheet.c - see sheet.h: the writer's side. What a predecessor left is checked like a stranger's.
 */
#include "worker/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS (4 * STK_SHEET_ROWS) /* of the index */

enum {
	ROWS_AT_MOST = 0
#define SINGLE(id, field, name, help)                    +1
#define COUNTER(id, name, a, b, wide, scale, rows, help) +(rows)
#define GAUGE(id, name, a, b, merge, scale, rows, help)  +(rows)
#define SEEN(id, name, a, rows, help)                    +(rows)
#define HISTOGRAM(id, name, a, scale, rows, help, ...)   +(rows)
#include "worker/metrics.def"
#undef SINGLE
#undef COUNTER
#undef GAUGE
#undef SEEN
#undef HISTOGRAM
};
_Static_assert(
    ROWS_AT_MOST <= STK_SHEET_ROWS, "no metric is without a row because others took them");

struct stk_meter {
	struct stk_sheet *sheet;
	uint32_t per_metric[STK_METRIC_COUNT]; /* rows */
	uint16_t index[SLOTS];                 /* row + 1; 0: free */
};

static bool is_label(const char s[STK_SHEET_LABEL + 4], const char *name)
{
	return memchr(s, '\0', STK_SHEET_LABEL + 1) != NULL && (name[0] == '\0') == (s[0] == '\0');
}

bool stk_sheet_row_at(const struct stk_sheet *s, uint32_t i, struct stk_sheet_row *out)
{
	const struct stk_metric_desc *d;

	if (i >= STK_SHEET_ROWS)
		return false;
	/* a copy first: whoever writes it may change it between check and use */
	memcpy(out, &s->rows[i], sizeof(*out));
	if (out->metric >= STK_METRIC_COUNT)
		return false;
	d = stk_metric_desc((enum stk_metric)out->metric);
	return out->n_cells == stk_metric_cells((enum stk_metric)out->metric) &&
	       out->first <= STK_SHEET_CELLS && STK_SHEET_CELLS - out->first >= out->n_cells &&
	       is_label(out->a, d->a) && is_label(out->b, d->b);
}

static uint32_t mix(uint32_t h, const char *s)
{
	for (; *s != '\0'; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return (h ^ 0xffu) * 16777619u;
}

/* Where the row stands in the index, or would. */
static uint32_t place_of(
    const struct stk_meter *m, enum stk_metric id, const char *a, const char *b)
{
	uint32_t at = mix(mix(2166136261u ^ (uint32_t)id, a), b) % SLOTS;

	for (; m->index[at] != 0; at = (at + 1) % SLOTS) {
		const struct stk_sheet_row *r = &m->sheet->rows[m->index[at] - 1];

		if (r->metric == (uint16_t)id && strcmp(r->a, a) == 0 && strcmp(r->b, b) == 0)
			break;
	}
	return at;
}

static void unset_row(struct stk_meter *m, const struct stk_sheet_row *r)
{
	for (uint32_t i = 0; i < r->n_cells; i++)
		atomic_store_explicit(
		    &m->sheet->cells[r->first + i], STK_CELL_UNSET, memory_order_relaxed);
}

/* A key that was used remains so, whoever says it. */
static bool begins_unset(uint16_t metric)
{
	return stk_metric_is_gauge((enum stk_metric)metric) && metric != STK_METRIC_KEY_USED;
}

/* What a predecessor counted; false: nobody counts on what stands there. */
static bool take_up(struct stk_meter *m)
{
	uint32_t n = atomic_load(&m->sheet->n_rows), cells = atomic_load(&m->sheet->n_cells);

	if (n > STK_SHEET_ROWS || cells > STK_SHEET_CELLS)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct stk_sheet_row r;
		uint32_t at;

		if (!stk_sheet_row_at(m->sheet, i, &r) || r.first + r.n_cells > cells)
			return false;
		at = place_of(m, (enum stk_metric)r.metric, r.a, r.b);
		if (m->index[at] != 0)
			return false;
		m->index[at] = (uint16_t)(i + 1);
		m->per_metric[r.metric]++;
		if (begins_unset(r.metric))
			unset_row(m, &r);
	}
	return true;
}

struct stk_meter *stk_meter_open(int fd)
{
	struct stk_meter *m = calloc(1, sizeof(*m));
	void *p;

	if (m == NULL)
		return NULL;
	p = mmap(
	    NULL, sizeof(struct stk_sheet), PROT_READ | PROT_WRITE, MAP_SHARED, fd, STK_SHEET_AT);
	if (p == MAP_FAILED) {
		free(m);
		return NULL;
	}
	m->sheet = p;
	if (madvise(p, sizeof(struct stk_sheet), MADV_DONTFORK) == -1) {
		stk_meter_close(m);
		return NULL;
	}
	if (!take_up(m)) {
		/* damaged: better from the beginning than wrong */
		memset(m->sheet, 0, sizeof(*m->sheet));
		memset(m->index, 0, sizeof(m->index));
		memset(m->per_metric, 0, sizeof(m->per_metric));
	}
	return m;
}

void stk_meter_close(struct stk_meter *m)
{
	if (m == NULL)
		return;
	(void)munmap(m->sheet, sizeof(*m->sheet));
	free(m);
}

static bool has_room(const struct stk_meter *m, enum stk_metric id, size_t cells)
{
	return atomic_load(&m->sheet->n_rows) < STK_SHEET_ROWS &&
	       atomic_load(&m->sheet->n_cells) + cells <= STK_SHEET_CELLS &&
	       m->per_metric[id] < stk_metric_desc(id)->rows;
}

static const struct stk_sheet_row *append(
    struct stk_meter *m, enum stk_metric id, const char *a, const char *b, uint32_t at)
{
	uint32_t n = atomic_load(&m->sheet->n_rows);
	struct stk_sheet_row *r = &m->sheet->rows[n];

	r->metric = (uint16_t)id;
	r->n_cells = (uint16_t)stk_metric_cells(id);
	r->first = atomic_load(&m->sheet->n_cells);
	(void)snprintf(r->a, STK_SHEET_LABEL + 1, "%s", a);
	(void)snprintf(r->b, STK_SHEET_LABEL + 1, "%s", b);
	if (stk_metric_is_gauge(id))
		unset_row(m, r);
	atomic_store(&m->sheet->n_cells, r->first + r->n_cells);
	atomic_store(&m->sheet->n_rows, n + 1); /* from here on it is seen */
	m->index[at] = (uint16_t)(n + 1);
	m->per_metric[id]++;
	return r;
}

static bool is_too_long(const char *s)
{
	return strnlen(s, STK_SHEET_LABEL + 1) > STK_SHEET_LABEL;
}

/* The row, made where it can be; the last one that a metric may have is `other`. NULL: none. */
static const struct stk_sheet_row *row(
    struct stk_meter *m, enum stk_metric id, const char *a, const char *b)
{
	const struct stk_metric_desc *d = stk_metric_desc(id);
	bool labelled = d->a[0] != '\0';
	uint32_t at;

	if (is_too_long(a) || is_too_long(b) || (labelled && a[0] == '\0') ||
	    (d->b[0] != '\0' && b[0] == '\0')) {
		a = labelled ? STK_SHEET_OTHER : "";
		b = d->b[0] != '\0' ? STK_SHEET_OTHER : "";
	}
	at = place_of(m, id, a, b);
	if (m->index[at] != 0)
		return &m->sheet->rows[m->index[at] - 1];
	if (labelled && d->rows > 1 && m->per_metric[id] + 1 >= d->rows) {
		a = STK_SHEET_OTHER;
		b = d->b[0] != '\0' ? STK_SHEET_OTHER : "";
		at = place_of(m, id, a, b);
		if (m->index[at] != 0)
			return &m->sheet->rows[m->index[at] - 1];
	}
	return has_room(m, id, stk_metric_cells(id)) ? append(m, id, a, b, at) : NULL;
}

void stk_meter_row(struct stk_meter *m, enum stk_metric id, const char *a, const char *b)
{
	if (m != NULL)
		(void)row(m, id, a, b);
}

static _Atomic uint64_t *cell_of(
    struct stk_meter *m, enum stk_metric id, const char *a, const char *b, size_t cell)
{
	const struct stk_sheet_row *r = m == NULL ? NULL : row(m, id, a, b);

	/* the mapping is shared: what stands in it is looked at again before it leads anywhere */
	if (r == NULL || cell >= stk_metric_cells(id) || r->first + cell >= STK_SHEET_CELLS)
		return NULL;
	return &m->sheet->cells[r->first + cell];
}

/* One writer: a plain load and store, each whole, are enough. */
static void bump(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(
	    c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

void stk_meter_add(
    struct stk_meter *m, enum stk_metric id, const char *a, const char *b, size_t cell, uint64_t n)
{
	_Atomic uint64_t *c = cell_of(m, id, a, b, cell);

	if (c != NULL)
		bump(c, n);
}

uint64_t stk_meter_get(
    struct stk_meter *m, enum stk_metric id, const char *a, const char *b, size_t cell)
{
	_Atomic uint64_t *c = cell_of(m, id, a, b, cell);

	return c == NULL ? 0 : atomic_load_explicit(c, memory_order_relaxed);
}

void stk_meter_set(
    struct stk_meter *m, enum stk_metric id, const char *a, const char *b, size_t cell, uint64_t v)
{
	_Atomic uint64_t *c = cell_of(m, id, a, b, cell);

	if (c != NULL)
		atomic_store_explicit(c, v, memory_order_relaxed);
}

void stk_meter_observe(struct stk_meter *m, enum stk_metric id, const char *a, uint64_t v)
{
	const uint64_t *bounds = stk_metric_desc(id)->bounds;
	_Atomic uint64_t *c;
	size_t i = 0;

	while (i < STK_BOUNDS && v > bounds[i])
		i++;
	c = cell_of(m, id, a, "", i);
	if (c == NULL)
		return;
	bump(c, 1);
	bump(c + (STK_BOUNDS + 1 - i), v);
}

void stk_meter_unset(struct stk_meter *m, enum stk_metric id)
{
	uint32_t n = m == NULL ? 0 : atomic_load(&m->sheet->n_rows);

	for (uint32_t i = 0; i < n; i++) {
		struct stk_sheet_row r;

		if (stk_sheet_row_at(m->sheet, i, &r) && r.metric == (uint16_t)id)
			unset_row(m, &r);
	}
}

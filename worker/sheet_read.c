/*
 * sheet_read.c - see exposition.h: the reader's side of a sheet. It maps no page writable and
 * believes no number that leads anywhere.
 */
#include "worker/exposition.h"

#include <stdio.h>
#include <string.h>

void stk_exposed_clear(struct stk_exposed *x)
{
	x->n_rows = x->n_cells = 0;
	x->malformed = 0;
}

static struct stk_exposed_row *find(
    struct stk_exposed *x, uint16_t metric, const char *a, const char *b, uint32_t guess)
{
	for (uint32_t k = 0; k < x->n_rows; k++) {
		/* sheets of one service have their rows in one order, as a rule */
		struct stk_exposed_row *r = &x->rows[(guess + k) % x->n_rows];

		if (r->metric == metric && strcmp(r->a, a) == 0 && strcmp(r->b, b) == 0)
			return r;
	}
	return NULL;
}

static struct stk_exposed_row *append(
    struct stk_exposed *x, uint16_t metric, const char *a, const char *b)
{
	struct stk_exposed_row *r = &x->rows[x->n_rows];
	size_t n = stk_metric_cells((enum stk_metric)metric);
	bool gauge = stk_metric_is_gauge((enum stk_metric)metric);

	if (x->n_rows == STK_EXPOSED_ROWS || x->n_cells + n > STK_EXPOSED_CELLS)
		return NULL;
	r->metric = metric;
	r->n_cells = (uint16_t)n;
	r->first = x->n_cells;
	(void)snprintf(r->a, sizeof(r->a), "%s", a);
	(void)snprintf(r->b, sizeof(r->b), "%s", b);
	for (size_t i = 0; i < n; i++)
		x->cells[r->first + i] = gauge ? STK_CELL_UNSET : 0;
	x->n_cells += (uint32_t)n;
	x->n_rows++;
	return r;
}

static bool is_full(const struct stk_exposed *x)
{
	/* room is kept for one `other` of each metric */
	return x->n_rows + STK_METRIC_COUNT >= STK_EXPOSED_ROWS ||
	       x->n_cells + STK_EXPOSED_CELLS / 4 >= STK_EXPOSED_CELLS;
}

static struct stk_exposed_row *row(
    struct stk_exposed *x, uint16_t metric, const char *a, const char *b, uint32_t guess)
{
	struct stk_exposed_row *r = find(x, metric, a, b, guess);

	if (r != NULL)
		return r;
	if (is_full(x) && a[0] != '\0') {
		a = STK_SHEET_OTHER;
		b = b[0] != '\0' ? STK_SHEET_OTHER : "";
		if ((r = find(x, metric, a, b, guess)) != NULL)
			return r;
	}
	return append(x, metric, a, b);
}

static void merge_cell(const struct stk_metric_desc *d, uint64_t *to, uint64_t v)
{
	bool gauge = d->type == STK_TYPE_GAUGE || d->type == STK_TYPE_SEEN;

	bool first = gauge && *to == STK_CELL_UNSET;

	if (gauge && v == STK_CELL_UNSET)
		return;
	if (!first && (!gauge || d->merge == STK_MERGE_SUM))
		*to += v;
	else if (first || (d->merge == STK_MERGE_MAX) == (v > *to))
		*to = v;
}

static bool counts(uint16_t metric, bool alive)
{
	return alive || !stk_metric_is_gauge((enum stk_metric)metric) ||
	       metric == STK_METRIC_KEY_USED;
}

void stk_exposed_merge(struct stk_exposed *x, const struct stk_sheet *s, bool alive)
{
	uint32_t n = atomic_load(&s->n_rows), of[STK_METRIC_COUNT] = { 0 };

	if (n > STK_SHEET_ROWS) {
		x->malformed++;
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct stk_sheet_row in;
		struct stk_exposed_row *r;

		/* more rows than it may have no worker of ours gives to a metric */
		if (!stk_sheet_row_at(s, i, &in) ||
		    ++of[in.metric] > stk_metric_desc((enum stk_metric)in.metric)->rows) {
			x->malformed++;
			continue;
		}
		if (!counts(in.metric, alive) || (r = row(x, in.metric, in.a, in.b, i)) == NULL)
			continue;
		for (uint32_t c = 0; c < in.n_cells; c++)
			merge_cell(stk_metric_desc((enum stk_metric)in.metric),
			    &x->cells[r->first + c],
			    atomic_load_explicit(&s->cells[in.first + c], memory_order_relaxed));
	}
}

void stk_exposed_set(
    struct stk_exposed *x, enum stk_metric id, const char *a, const char *b, uint64_t v)
{
	struct stk_exposed_row *r = row(x, (uint16_t)id, a, b, 0);

	if (r != NULL)
		merge_cell(stk_metric_desc(id), &x->cells[r->first], v);
}

/*
 * fuzz_sheet.c - any bytes as two workers' sheets: merged within the bounds and rendered as lines
 * that a scraper can read, whatever stands in them.
 *
 * Input: two counts of rows and cells each, then rows (number of the metric, of cells, of the first
 * cell, two short labels), then cells.
 */
#include "worker/exposition.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t left;
};

struct small_row {
	uint16_t metric, n_cells;
	uint32_t first;
	char a[12], b[12];
};

static void take(struct input *in, void *out, size_t n)
{
	size_t some = n < in->left ? n : in->left;

	memset(out, 0, n);
	if (some > 0)
		memcpy(out, in->p, some);
	in->p += some;
	in->left -= some;
}

static void fill(struct input *in, struct stk_sheet *s)
{
	uint32_t n_rows, n_cells;
	uint8_t rows;

	memset(s, 0, sizeof(*s));
	take(in, &n_rows, sizeof(n_rows));
	take(in, &n_cells, sizeof(n_cells));
	take(in, &rows, 1);
	atomic_store(&s->n_rows, n_rows);
	atomic_store(&s->n_cells, n_cells);
	for (uint8_t i = 0; i < rows; i++) {
		struct stk_sheet_row *r = &s->rows[i];
		struct small_row small;

		take(in, &small, sizeof(small));
		r->metric = small.metric;
		r->n_cells = small.n_cells;
		r->first = small.first;
		memset(r->a, small.a[11], sizeof(r->a)); /* with an end, or without */
		memset(r->b, small.b[11], sizeof(r->b));
		memcpy(r->a, small.a, sizeof(small.a));
		memcpy(r->b, small.b, sizeof(small.b));
	}
	for (size_t i = 0; i < 64; i++) {
		uint64_t v;

		take(in, &v, sizeof(v));
		atomic_store(&s->cells[i * (STK_SHEET_CELLS / 64)], v);
	}
}

static void check(const struct stk_text *t)
{
	bool start = true;

	for (size_t i = 0; i < t->len; i++) {
		unsigned char c = (unsigned char)t->p[i];

		if ((c < 0x20 && c != '\n') || c > 0x7e)
			abort();
		if (start && c != '#' && (c < 'a' || c > 'z'))
			abort();
		start = c == '\n';
	}
	if (t->sour || !start)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stk_sheet sheets[2];
	static struct stk_exposed x;
	struct input in = { data, size };
	struct stk_text t = { 0 };

	stk_exposed_clear(&x);
	for (int i = 0; i < 2; i++) {
		fill(&in, &sheets[i]);
		stk_exposed_merge(&x, &sheets[i], i == 0);
	}
	if (x.n_rows > STK_EXPOSED_ROWS || x.n_cells > STK_EXPOSED_CELLS)
		abort();
	stk_exposed_render(&x, &t);
	check(&t);
	stk_text_clear(&t);
	return 0;
}

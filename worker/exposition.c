/*
 * exposition.c - see exposition.h: the text. Every metric together, in the order of the table.
 */
#include "worker/exposition.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (16u << 20)

void stk_text_clear(struct stk_text *t)
{
	free(t->p);
	*t = (struct stk_text){ 0 };
}

static bool make_room(struct stk_text *t, size_t more)
{
	size_t room = t->room == 0 ? 16384 : t->room;
	char *p;

	while (room - t->len < more && room < TEXT_MAX)
		room *= 2;
	if (room - t->len < more)
		return false;
	if (room == t->room)
		return true;
	p = realloc(t->p, room);
	if (p == NULL)
		return false;
	t->p = p;
	t->room = room;
	return true;
}

static void put(struct stk_text *t, const char *s, size_t n)
{
	if (t->sour || !make_room(t, n)) {
		t->sour = true;
		return;
	}
	memcpy(t->p + t->len, s, n);
	t->len += n;
}

static void say(struct stk_text *t, const char *fmt, ...) STK_PRINTF(2, 3);
static void say(struct stk_text *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line))
		t->sour = true;
	else
		put(t, line, (size_t)n);
}

/* As names go they need no escape; what is there instead is made harmless. */
static void put_label(struct stk_text *t, const char *name, const char *value, bool *first)
{
	if (name == NULL || name[0] == '\0')
		return;
	say(t, "%s%s=\"", *first ? "{" : ",", name);
	for (const char *p = value; *p != '\0'; p++)
		if (*p == '"' || *p == '\\')
			put(t, *p == '"' ? "\\\"" : "\\\\", 2);
		else if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			put(t, "_", 1);
		else
			put(t, p, 1);
	put(t, "\"", 1);
	*first = false;
}

static void put_scaled(struct stk_text *t, uint64_t v, int64_t scale)
{
	if (scale == 1)
		say(t, "%" PRIu64, v);
	else if (scale <= 0)
		say(t, "%" PRIu64, v * (uint64_t)-scale);
	else
		say(t, "%" PRIu64 ".%0*" PRIu64, v / (uint64_t)scale, scale == 1000 ? 3 : 6,
		    v % (uint64_t)scale);
}

/* Bounds stand as people write them: 0.25, not 0.250. */
static void put_bound(char out[static 32], uint64_t v, int64_t scale)
{
	size_t n;

	if (scale <= 0)
		(void)snprintf(out, 32, "%" PRIu64, v * (uint64_t)-scale);
	else
		(void)snprintf(out, 32, "%" PRIu64 ".%0*" PRIu64, v / (uint64_t)scale,
		    scale == 1000 ? 3 : 6, scale == 1 ? (uint64_t)0 : v % (uint64_t)scale);
	n = strlen(out);
	while (scale > 0 && out[n - 1] == '0')
		out[--n] = '\0';
	if (out[n - 1] == '.')
		out[n - 1] = '\0';
}

/* name{labels} of one line, and the blank. */
static void put_series(struct stk_text *t, const struct stk_exposed_row *r, const char *suffix,
    const char *extra, const char *extra_value)
{
	const struct stk_metric_desc *d = stk_metric_desc((enum stk_metric)r->metric);
	bool first = true;

	say(t, "%s%s", d->name, suffix);
	put_label(t, d->a, r->a, &first);
	put_label(t, d->b, r->b, &first);
	put_label(t, extra, extra_value, &first);
	put(t, first ? " " : "} ", first ? 1 : 2);
}

static void put_histogram(
    struct stk_text *t, const struct stk_exposed_row *r, const uint64_t *cells)
{
	const struct stk_metric_desc *d = stk_metric_desc((enum stk_metric)r->metric);
	uint64_t sum = 0;
	char bound[32];

	for (size_t i = 0; i <= STK_BOUNDS; i++) {
		sum += cells[i];
		if (i < STK_BOUNDS)
			put_bound(bound, d->bounds[i], d->scale);
		put_series(t, r, "_bucket", "le", i < STK_BOUNDS ? bound : "+Inf");
		say(t, "%" PRIu64 "\n", sum);
	}
	put_series(t, r, "_sum", NULL, "");
	put_scaled(t, cells[STK_BOUNDS + 1], d->scale);
	put(t, "\n", 1);
	put_series(t, r, "_count", NULL, "");
	say(t, "%" PRIu64 "\n", sum);
}

static void put_cells(struct stk_text *t, const struct stk_exposed_row *r, const uint64_t *cells)
{
	const struct stk_metric_desc *d = stk_metric_desc((enum stk_metric)r->metric);

	for (size_t i = 0; i < r->n_cells; i++) {
		const char *value = stk_wide_value(d->wide, i);

		if (value == NULL ||
		    (stk_metric_is_gauge((enum stk_metric)r->metric) && cells[i] == STK_CELL_UNSET))
			continue;
		put_series(t, r, "", stk_wide_name(d->wide), value);
		put_scaled(t, cells[i], d->scale);
		put(t, "\n", 1);
	}
}

static bool says_something(const struct stk_exposed_row *r, const uint64_t *cells)
{
	return !stk_metric_is_gauge((enum stk_metric)r->metric) || cells[0] != STK_CELL_UNSET;
}

static const char *type_of(const struct stk_metric_desc *d)
{
	if (d->type == STK_TYPE_HISTOGRAM)
		return "histogram";
	return d->type == STK_TYPE_GAUGE ? "gauge" : "counter";
}

void stk_exposed_render(const struct stk_exposed *x, struct stk_text *out)
{
	for (unsigned m = 0; m < STK_METRIC_COUNT; m++) {
		const struct stk_metric_desc *d = stk_metric_desc((enum stk_metric)m);
		bool begun = false;

		for (uint32_t i = 0; i < x->n_rows; i++) {
			const struct stk_exposed_row *r = &x->rows[i];

			if (r->metric != m || !says_something(r, &x->cells[r->first]))
				continue;
			if (!begun)
				say(out, "# HELP %s %s\n# TYPE %s %s\n", d->name, d->help, d->name,
				    type_of(d));
			begun = true;
			if (d->type == STK_TYPE_HISTOGRAM)
				put_histogram(out, r, &x->cells[r->first]);
			else
				put_cells(out, r, &x->cells[r->first]);
		}
	}
}

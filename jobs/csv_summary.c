/*
 * csv_summary.c - CsvSummary: rows, columns and the range of each numeric column of an untrusted
 * CSV file of up to a gigabyte and more. csv_reader.c takes the file apart; memory is fixed.
 */
#include "jobs/csv_summary.args.h"

#include "jobs/csv_reader.h"
#include "jobs/decimal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS_MAX  256
#define NAME_BYTES   128
#define RESULT_BYTES (64u << 10)

struct column {
	char name[NAME_BYTES + 1];
	bool text; /* a value that is neither empty nor a number was seen */
	uint64_t count, empty;
	double min, max, sum, carry; /* Neumaier's sum: a billion small values keep their digits */
};

struct summary {
	struct stk_csv csv;
	struct column columns[COLUMNS_MAX];
};

/* --- names and values ------------------------------------------------------------------------- */

static void add_number(struct column *col, double x)
{
	double sum = col->sum + x;

	col->carry += fabs(col->sum) >= fabs(x) ? (col->sum - sum) + x : (x - sum) + col->sum;
	col->sum = sum;
	if (col->count == 0 || x < col->min)
		col->min = x;
	if (col->count == 0 || x > col->max)
		col->max = x;
	col->count++;
}

static bool add_name(struct stk_csv *c, size_t column, const unsigned char *p, size_t len)
{
	struct summary *s = c->ctx;

	if (column == COLUMNS_MAX)
		return stk_csv_bad(c, "line 1: more than %d columns", COLUMNS_MAX);
	if (len > NAME_BYTES)
		return stk_csv_bad(c, "line 1: the name of column %zu is longer than %d bytes",
		    column + 1, NAME_BYTES);
	memcpy(s->columns[column].name, p, len);
	s->columns[column].name[len] = '\0';
	return true;
}

static void add_value(void *ctx, size_t column, const unsigned char *p, size_t len)
{
	struct column *col = &((struct summary *)ctx)->columns[column];
	double x;

	if (len == 0)
		col->empty++;
	else if (!col->text && stk_decimal(p, len, &x))
		add_number(col, x);
	else
		col->text = true;
}

/* --- the result ------------------------------------------------------------------------------- */

struct text {
	char bytes[RESULT_BYTES + 1];
	size_t len;
	bool over;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->bytes + t->len, sizeof(t->bytes) - t->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(t->bytes) - t->len)
		t->over = true;
	else
		t->len += (size_t)n;
}

/* The length of the well-formed UTF-8 sequence at @s (RFC 3629), or 0. */
static size_t utf8(const unsigned char *s)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 : 4;

	if (n == 1)
		return 1;
	if (*s < 0xc2 || *s > 0xf4)
		return 0;
	low = *s == 0xe0 ? 0xa0 : *s == 0xf0 ? 0x90 : low;
	high = *s == 0xed ? 0x9f : *s == 0xf4 ? 0x8f : high;
	for (size_t i = 1; i < n; i++) {
		if (s[i] < low || s[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

/* A header may hold any bytes; the result is JSON whatever they are. */
static void put_string(struct text *t, const char *text)
{
	unsigned char s[1024 + 4] = { 0 };
	size_t n;

	memcpy(s, text, strnlen(text, 1024));
	put(t, "\"");
	for (size_t i = 0; s[i] != '\0'; i += n == 0 ? 1 : n) {
		n = utf8(s + i);
		if (n == 0)
			put(t, "\\ufffd");
		else if (s[i] < 0x20)
			put(t, "\\u%04x", s[i]);
		else
			put(t, "%s%.*s", s[i] == '"' || s[i] == '\\' ? "\\" : "", (int)n,
			    (const char *)s + i);
	}
	put(t, "\"");
}

/* The shortest of three forms that reads back as the same number. */
static void put_number(struct text *t, const char *key, double x)
{
	char s[40];

	for (int precision = 15; precision <= 17; precision++) {
		(void)snprintf(s, sizeof(s), "%.*g", precision, x);
		if (strtod(s, NULL) == x)
			break;
	}
	put(t, ",\"%s\":%s", key, s);
}

static void put_column(struct text *t, const struct column *col)
{
	bool numeric = !col->text && col->count > 0;
	double mean = (col->sum + col->carry) / (double)(col->count == 0 ? 1 : col->count);

	put(t, "{\"name\":");
	put_string(t, col->name);
	put(t, ",\"numeric\":%s,\"empty\":%" PRIu64, numeric ? "true" : "false", col->empty);
	if (numeric) {
		put_number(t, "minimum", col->min);
		put_number(t, "maximum", col->max);
		if (isfinite(mean))
			put_number(t, "mean", mean);
	}
	put(t, "}");
}

static bool put_result(struct text *t, const char *file, const struct summary *s)
{
	put(t, "{\"file\":");
	put_string(t, file);
	put(t, ",\"rows\":%" PRIu64 ",\"columns\":%zu,\"fields\":[", s->csv.rows, s->csv.n_columns);
	for (size_t i = 0; i < s->csv.n_columns; i++) {
		if (i > 0)
			put(t, ",");
		put_column(t, &s->columns[i]);
	}
	put(t, "]}");
	return !t->over;
}

struct stockade_result csv_summary(struct stockade_job *job, const struct csv_summary_args *args)
{
	static struct summary s;
	static struct text text;
	int fd = stockade_open(job, "inputs", args->file);

	if (fd == -1)
		return stockade_fail(job, 1, "cannot open %s: %s", args->file, strerror(errno));
	/* too large for the stack; a fuzzer calls this again and again in one process */
	memset(&s, 0, sizeof(s));
	memset(&text, 0, sizeof(text));
	s.csv.name = add_name;
	s.csv.value = add_value;
	s.csv.ctx = &s;
	if (!stk_csv_read(&s.csv, fd))
		return stockade_fail(job, 2, "%s: %s", args->file, s.csv.why);
	(void)close(fd);
	if (!put_result(&text, args->file, &s) || stockade_result_json(job, text.bytes) == -1)
		return stockade_fail(job, 3,
		    "%s: the summary of %zu columns is larger than a result may be", args->file,
		    s.csv.n_columns);
	return STOCKADE_DONE;
}

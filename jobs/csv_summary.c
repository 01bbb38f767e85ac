/*
 * csv_summary.c - CsvSummary: rows, columns and the range of each numeric column of an untrusted
 * CSV file (RFC 4180, LF or CRLF, optional byte order mark, header row). The file is a stream of up
 * to a gigabyte and more; memory is fixed, and every way a file can be bad has a sentence with its
 * line number.
 */
#include "jobs/csv_summary.args.h"

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
#define FIELD_BYTES  (64u << 10)
#define CHUNK_BYTES  (256u << 10)
#define RESULT_BYTES (64u << 10)

struct column {
	char name[NAME_BYTES + 1];
	bool text; /* a value that is neither empty nor a number was seen */
	uint64_t count, empty;
	double min, max, sum, carry; /* Neumaier's sum: a billion small values keep their digits */
};

enum state {
	AT_FIELD,
	PLAIN,
	QUOTED,
	QUOTE_SEEN,
	CR_SEEN
};

struct csv {
	enum state state;
	bool header_done;
	uint64_t line, row_line, rows;
	size_t n_columns, at; /* at: fields of this row so far */
	struct column columns[COLUMNS_MAX];
	unsigned char field[FIELD_BYTES]; /* what of the current field lay in earlier chunks */
	size_t len;
	char why[256]; /* "" while all is well */
};

/* Bytes that end a run of plain ones. */
static const bool special[256] = {
	['\0'] = true, ['\n'] = true, ['\r'] = true, ['"'] = true, [','] = true
};

__attribute__((format(printf, 2, 3))) static bool bad(struct csv *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	return false;
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* Powers of ten that a double holds exactly: with a mantissa below 2^53 one operation is exact too.
 */
static const double tens[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
	1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

struct decimal {
	uint64_t mantissa;
	int digits, exponent;
	bool negative;
};

static bool is_digit(unsigned char b)
{
	return b >= '0' && b <= '9';
}

static const unsigned char *digits(
    const unsigned char *p, const unsigned char *end, struct decimal *d, int step)
{
	for (; p < end && is_digit(*p); p++) {
		if (d->digits < 19)
			d->mantissa = d->mantissa * 10 + (uint64_t)(*p - '0');
		d->digits += d->digits > 0 || *p != '0';
		d->exponent += step;
	}
	return p;
}

static const unsigned char *exponent(
    const unsigned char *p, const unsigned char *end, struct decimal *d)
{
	bool negative = p < end && *p == '-';
	int value = 0;

	p += p < end && (*p == '-' || *p == '+');
	if (p == end || !is_digit(*p))
		return NULL;
	for (; p < end && is_digit(*p); p++)
		value = value < 10000 ? value * 10 + (*p - '0') : value;
	d->exponent += negative ? -value : value;
	return p;
}

/* [+-] digits [. digits] [e [+-] digits], at least one digit before the e. */
static bool scan_decimal(const unsigned char *p, const unsigned char *end, struct decimal *d)
{
	const unsigned char *start;
	bool some;

	memset(d, 0, sizeof(*d));
	d->negative = *p == '-';
	p += *p == '-' || *p == '+';
	start = p;
	p = digits(p, end, d, 0);
	some = p > start;
	if (p < end && *p == '.') {
		start = ++p;
		p = digits(p, end, d, -1);
		some = some || p > start;
	}
	if (some && p < end && (*p == 'e' || *p == 'E'))
		p = exponent(p + 1, end, d);
	return some && p == end;
}

static bool number(const unsigned char *p, size_t len, double *out)
{
	struct decimal d;
	char text[128];

	if (!scan_decimal(p, p + len, &d))
		return false;
	if (d.digits < 19 && d.mantissa < UINT64_C(1) << 53 && d.exponent >= -22 &&
	    d.exponent <= 22) {
		*out = (double)d.mantissa;
		*out = d.exponent < 0 ? *out / tens[-d.exponent] : *out * tens[d.exponent];
		*out = d.negative ? -*out : *out;
		return true;
	}
	if (len >= sizeof(text))
		return false;
	memcpy(text, p, len);
	text[len] = '\0';
	*out = strtod(text, NULL);
	return isfinite(*out);
}

/* --- fields and rows -------------------------------------------------------------------------- */

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

static void add_value(struct column *col, const unsigned char *p, size_t len)
{
	double x;

	if (len == 0)
		col->empty++;
	else if (!col->text && number(p, len, &x))
		add_number(col, x);
	else
		col->text = true;
}

static bool add_name(struct csv *c, const unsigned char *p, size_t len)
{
	if (c->at == COLUMNS_MAX)
		return bad(c, "line 1: more than %d columns", COLUMNS_MAX);
	if (len > NAME_BYTES)
		return bad(c, "line 1: the name of column %zu is longer than %d bytes", c->at + 1,
		    NAME_BYTES);
	memcpy(c->columns[c->at].name, p, len);
	c->columns[c->at].name[len] = '\0';
	c->at++;
	return true;
}

static bool end_field(struct csv *c, const unsigned char *p, size_t len)
{
	if (!c->header_done)
		return add_name(c, p, len);
	if (c->at < c->n_columns)
		add_value(&c->columns[c->at], p, len);
	c->at++;
	return true;
}

static bool end_row(struct csv *c)
{
	if (!c->header_done) {
		c->n_columns = c->at;
		c->header_done = true;
	} else if (c->at != c->n_columns) {
		return bad(c, "line %" PRIu64 ": %zu fields where the header has %zu", c->row_line,
		    c->at, c->n_columns);
	} else {
		c->rows++;
	}
	c->at = 0;
	c->row_line = ++c->line;
	return true;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static bool keep(struct csv *c, const unsigned char *p, size_t n)
{
	if (n > FIELD_BYTES - c->len)
		return bad(
		    c, "line %" PRIu64 ": a field longer than %u bytes", c->row_line, FIELD_BYTES);
	memcpy(c->field + c->len, p, n);
	c->len += n;
	return true;
}

/* The byte after a field: comma, LF or CR; anything else was ruled out by the caller. */
static bool separate(struct csv *c, unsigned char b)
{
	c->len = 0;
	c->state = b == '\r' ? CR_SEEN : AT_FIELD;
	return b != '\n' || end_row(c);
}

/* Most fields lie whole in the chunk and are looked at where they lie. */
static const unsigned char *plain(struct csv *c, const unsigned char *p, const unsigned char *end)
{
	const unsigned char *q = p;

	while (q < end && !special[*q])
		q++;
	c->state = PLAIN;
	if (q == end || c->len > 0 || (size_t)(q - p) > FIELD_BYTES) {
		if (!keep(c, p, (size_t)(q - p)))
			return NULL;
		if (q == end)
			return q;
		p = c->field;
	}
	if (*q == '\0' || *q == '"') {
		(void)bad(c,
		    *q == '"' ? "line %" PRIu64 ": a quote inside an unquoted field"
			      : "line %" PRIu64 ": a NUL byte; this is not text",
		    c->line);
		return NULL;
	}
	if (!end_field(c, p, p == c->field ? c->len : (size_t)(q - p)))
		return NULL;
	return separate(c, *q) ? q + 1 : NULL;
}

static const unsigned char *quoted(struct csv *c, const unsigned char *p, const unsigned char *end)
{
	const unsigned char *q = p;

	for (; q < end && *q != '"' && *q != '\0'; q++)
		c->line += *q == '\n';
	if (!keep(c, p, (size_t)(q - p)))
		return NULL;
	if (q == end)
		return q;
	if (*q == '\0') {
		(void)bad(c, "line %" PRIu64 ": a NUL byte; this is not text", c->line);
		return NULL;
	}
	c->state = QUOTE_SEEN;
	return q + 1;
}

static const unsigned char *quote_seen(struct csv *c, const unsigned char *p)
{
	if (*p == '"') {
		c->state = QUOTED;
		return keep(c, p, 1) ? p + 1 : NULL;
	}
	if (*p != ',' && *p != '\n' && *p != '\r') {
		(void)bad(c, "line %" PRIu64 ": text after a closing quote", c->line);
		return NULL;
	}
	return end_field(c, c->field, c->len) && separate(c, *p) ? p + 1 : NULL;
}

static const unsigned char *cr_seen(struct csv *c, const unsigned char *p)
{
	if (*p != '\n') {
		(void)bad(c, "line %" PRIu64 ": a carriage return without a line feed", c->line);
		return NULL;
	}
	return separate(c, '\n') ? p + 1 : NULL;
}

static bool feed(struct csv *c, const unsigned char *p, const unsigned char *end)
{
	while (p != NULL && p < end) {
		switch (c->state) {
		case AT_FIELD:
			if (*p == '"') {
				c->state = QUOTED;
				p++;
				break;
			}
			p = plain(c, p, end);
			break;
		case PLAIN: p = plain(c, p, end); break;
		case QUOTED: p = quoted(c, p, end); break;
		case QUOTE_SEEN: p = quote_seen(c, p); break;
		case CR_SEEN: p = cr_seen(c, p); break;
		}
	}
	return p != NULL;
}

/* A last line needs no line feed, but it has to be a whole one. */
static bool finish(struct csv *c)
{
	bool begun = c->at > 0 || c->state != AT_FIELD;

	if (c->state == QUOTED)
		return bad(c, "line %" PRIu64 ": a quoted field is never closed", c->row_line);
	if (c->state == CR_SEEN)
		return bad(c, "line %" PRIu64 ": a carriage return without a line feed", c->line);
	if (begun && (!end_field(c, c->field, c->len) || !end_row(c)))
		return false;
	return c->header_done || bad(c, "the file is empty");
}

/* --- reading ---------------------------------------------------------------------------------- */

static ssize_t fill(int fd, unsigned char *buf, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = read(fd, buf + have, size - have);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

static bool summarise(int fd, struct csv *c)
{
	static unsigned char buf[CHUNK_BYTES];
	bool first = true;
	ssize_t n;

	c->line = c->row_line = 1;
	while ((n = fill(fd, buf, sizeof(buf))) > 0) {
		size_t skip = first && n >= 3 && memcmp(buf, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

		first = false;
		if (!feed(c, buf + skip, buf + n))
			return false;
	}
	if (n == -1)
		return bad(c, "cannot read: %s", strerror(errno));
	return finish(c);
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

static bool put_result(struct text *t, const char *file, const struct csv *c)
{
	put(t, "{\"file\":");
	put_string(t, file);
	put(t, ",\"rows\":%" PRIu64 ",\"columns\":%zu,\"fields\":[", c->rows, c->n_columns);
	for (size_t i = 0; i < c->n_columns; i++) {
		if (i > 0)
			put(t, ",");
		put_column(t, &c->columns[i]);
	}
	put(t, "]}");
	return !t->over;
}

struct stockade_result csv_summary(struct stockade_job *job, const struct csv_summary_args *args)
{
	static struct csv csv;
	static struct text text;
	int fd = stockade_open(job, "inputs", args->file);

	if (fd == -1)
		return stockade_fail(job, 1, "cannot open %s: %s", args->file, strerror(errno));
	if (!summarise(fd, &csv))
		return stockade_fail(job, 2, "%s: %s", args->file, csv.why);
	(void)close(fd);
	if (!put_result(&text, args->file, &csv) || stockade_result_json(job, text.bytes) == -1)
		return stockade_fail(job, 3,
		    "%s: the summary of %zu columns is larger than a result may "
		    "be",
		    args->file, csv.n_columns);
	return STOCKADE_DONE;
}

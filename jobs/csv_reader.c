/*
 * csv_reader.c - see csv_reader.h. Called by csv_summary.c; trusts nothing in the file.
 */
#include "jobs/csv_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES (256u << 10)

/* Bytes that end a run of plain ones. */
static const bool special[256] = {
	['\0'] = true, ['\n'] = true, ['\r'] = true, ['"'] = true, [','] = true
};

bool stk_csv_bad(struct stk_csv *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	return false;
}

/* --- fields and rows -------------------------------------------------------------------------- */

static bool end_field(struct stk_csv *c, const unsigned char *p, size_t len)
{
	if (!c->header_done)
		return c->name(c, c->at++, p, len);
	if (c->at < c->n_columns)
		c->value(c->ctx, c->at, p, len);
	c->at++;
	return true;
}

static bool end_row(struct stk_csv *c)
{
	if (!c->header_done) {
		c->n_columns = c->at;
		c->header_done = true;
	} else if (c->at != c->n_columns) {
		return stk_csv_bad(c, "line %" PRIu64 ": %zu fields where the header has %zu",
		    c->row_line, c->at, c->n_columns);
	} else {
		c->rows++;
	}
	c->at = 0;
	c->row_line = ++c->line;
	return true;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static bool keep(struct stk_csv *c, const unsigned char *p, size_t n)
{
	if (n > STK_CSV_FIELD_BYTES - c->len)
		return stk_csv_bad(c, "line %" PRIu64 ": a field longer than %u bytes", c->row_line,
		    STK_CSV_FIELD_BYTES);
	memcpy(c->field + c->len, p, n);
	c->len += n;
	return true;
}

/* The byte after a field: comma, LF or CR; anything else was ruled out by the caller. */
static bool separate(struct stk_csv *c, unsigned char b)
{
	c->len = 0;
	c->state = b == '\r' ? STK_CSV_CR_SEEN : STK_CSV_AT_FIELD;
	return b != '\n' || end_row(c);
}

/* Most fields lie whole in the chunk and are looked at where they lie. */
static const unsigned char *plain(
    struct stk_csv *c, const unsigned char *p, const unsigned char *end)
{
	const unsigned char *q = p;

	while (q < end && !special[*q])
		q++;
	c->state = STK_CSV_PLAIN;
	if (q == end || c->len > 0 || (size_t)(q - p) > STK_CSV_FIELD_BYTES) {
		if (!keep(c, p, (size_t)(q - p)))
			return NULL;
		if (q == end)
			return q;
		p = c->field;
	}
	if (*q == '\0' || *q == '"') {
		(void)stk_csv_bad(c,
		    *q == '"' ? "line %" PRIu64 ": a quote inside an unquoted field"
			      : "line %" PRIu64 ": a NUL byte; this is not text",
		    c->line);
		return NULL;
	}
	if (!end_field(c, p, p == c->field ? c->len : (size_t)(q - p)))
		return NULL;
	return separate(c, *q) ? q + 1 : NULL;
}

static const unsigned char *quoted(
    struct stk_csv *c, const unsigned char *p, const unsigned char *end)
{
	const unsigned char *q = p;

	for (; q < end && *q != '"' && *q != '\0'; q++)
		c->line += *q == '\n';
	if (!keep(c, p, (size_t)(q - p)))
		return NULL;
	if (q == end)
		return q;
	if (*q == '\0') {
		(void)stk_csv_bad(c, "line %" PRIu64 ": a NUL byte; this is not text", c->line);
		return NULL;
	}
	c->state = STK_CSV_QUOTE_SEEN;
	return q + 1;
}

static const unsigned char *quote_seen(struct stk_csv *c, const unsigned char *p)
{
	if (*p == '"') {
		c->state = STK_CSV_QUOTED;
		return keep(c, p, 1) ? p + 1 : NULL;
	}
	if (*p != ',' && *p != '\n' && *p != '\r') {
		(void)stk_csv_bad(c, "line %" PRIu64 ": text after a closing quote", c->line);
		return NULL;
	}
	return end_field(c, c->field, c->len) && separate(c, *p) ? p + 1 : NULL;
}

static const unsigned char *cr_seen(struct stk_csv *c, const unsigned char *p)
{
	if (*p != '\n') {
		(void)stk_csv_bad(
		    c, "line %" PRIu64 ": a carriage return without a line feed", c->line);
		return NULL;
	}
	return separate(c, '\n') ? p + 1 : NULL;
}

static bool feed(struct stk_csv *c, const unsigned char *p, const unsigned char *end)
{
	while (p != NULL && p < end) {
		switch (c->state) {
		case STK_CSV_AT_FIELD:
			if (*p == '"') {
				c->state = STK_CSV_QUOTED;
				p++;
				break;
			}
			p = plain(c, p, end);
			break;
		case STK_CSV_PLAIN: p = plain(c, p, end); break;
		case STK_CSV_QUOTED: p = quoted(c, p, end); break;
		case STK_CSV_QUOTE_SEEN: p = quote_seen(c, p); break;
		case STK_CSV_CR_SEEN: p = cr_seen(c, p); break;
		}
	}
	return p != NULL;
}

/* A last line needs no line feed, but it has to be a whole one. */
static bool finish(struct stk_csv *c)
{
	bool begun = c->at > 0 || c->state != STK_CSV_AT_FIELD;

	if (c->state == STK_CSV_QUOTED)
		return stk_csv_bad(
		    c, "line %" PRIu64 ": a quoted field is never closed", c->row_line);
	if (c->state == STK_CSV_CR_SEEN)
		return stk_csv_bad(
		    c, "line %" PRIu64 ": a carriage return without a line feed", c->line);
	if (begun && (!end_field(c, c->field, c->len) || !end_row(c)))
		return false;
	return c->header_done || stk_csv_bad(c, "the file is empty");
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

bool stk_csv_read(struct stk_csv *c, int fd)
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
		return stk_csv_bad(c, "cannot read: %s", strerror(errno));
	return finish(c);
}

/*
 * csv_reader.h - an untrusted CSV file as a stream of fields (RFC 4180, LF or CRLF, optional byte
 * order mark, header row). Memory is fixed, whatever the file's size; every way a file can be bad
 * has a sentence with its line number.
 */
#ifndef JOBS_CSV_READER_H
#define JOBS_CSV_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STK_CSV_FIELD_BYTES (64u << 10)

struct stk_csv {
	/* The caller's; the bytes are borrowed until the call returns. name() is called for each
	 * field of the header, false after stk_csv_bad(); value() for each field of a row that has
	 * a name. */
	bool (*name)(struct stk_csv *c, size_t column, const unsigned char *p, size_t len);
	void (*value)(void *ctx, size_t column, const unsigned char *p, size_t len);
	void *ctx;

	/* what was read; whole only after stk_csv_read() said true */
	uint64_t rows;
	size_t n_columns;
	char why[256]; /* "" while all is well */

	/* the reader's own */
	enum stk_csv_state {
		STK_CSV_AT_FIELD,
		STK_CSV_PLAIN,
		STK_CSV_QUOTED,
		STK_CSV_QUOTE_SEEN,
		STK_CSV_CR_SEEN
	} state;
	bool header_done;
	uint64_t line, row_line;
	size_t at;                                /* fields of this row so far */
	unsigned char field[STK_CSV_FIELD_BYTES]; /* what of it lay in earlier chunks */
	size_t len;
};

/*
 * Reads @fd to its end. @c is zero but for the caller's part. False: @c->why says where and why.
 * One file at a time: the chunk is static.
 */
bool stk_csv_read(struct stk_csv *c, int fd);

/* Sets @c->why; always false, so that a caller can return it. */
__attribute__((format(printf, 2, 3))) bool stk_csv_bad(struct stk_csv *c, const char *fmt, ...);

#endif

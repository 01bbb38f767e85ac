/*
 * picture.h - pictures that nobody has vouched for, made small as their rows come in. Sizes are
 * looked at before memory is taken for them. All memory is of a job's process, which ends with it.
 */
#ifndef JOBS_PICTURE_H
#define JOBS_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PICTURE_SIDE_MAX   32767u
#define PICTURE_PIXELS_MAX ((uint64_t)50 * 1000 * 1000)
/* interlaced and progressive files must be held whole while they are read */
#define PICTURE_WHOLE_MAX ((uint64_t)12 * 1000 * 1000)
#define PICTURE_SCANS_MAX 64 /* of a progressive JPEG: each is a walk over the whole picture */

/* The handler's codes; the page names them. */
enum picture_code {
	PICTURE_OK = 0,
	PICTURE_CANNOT_OPEN = 1,
	PICTURE_FORMAT,
	PICTURE_TOO_LARGE,
	PICTURE_DAMAGED,
	PICTURE_NO_MEMORY,
	PICTURE_CANNOT_WRITE
};

/* Bytes in memory; borrowed. */
struct picture_bytes {
	const uint8_t *at;
	size_t len;
};

/* The small picture while it grows, and the row of sums that is being filled. */
struct picture {
	uint32_t max_width, max_height; /* what the caller asks for */
	uint32_t from_width, from_height;
	uint32_t width, height; /* what it will be; never more than from */
	uint8_t *rgba;          /* width * height * 4, owned */
	uint64_t *sums;         /* 5 for each column: red, green, blue times alpha, alpha, count */
	uint32_t row;           /* rows taken so far */
	bool transparent;
	char why[200]; /* after a failure */
};

/* Says why and returns @code. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
enum picture_code
picture_fail(struct picture *p, enum picture_code code, const char *fmt, ...);
/*
 * PICTURE_TOO_LARGE unless @width by @height is within the budget: PICTURE_PIXELS_MAX, or
 * PICTURE_WHOLE_MAX if @whole.
 */
enum picture_code picture_admit(struct picture *p, uint64_t width, uint64_t height, bool whole);
/* Takes memory for a picture of that size made small. */
enum picture_code picture_begin(struct picture *p, uint32_t width, uint32_t height);
/* The next row: from_width pixels of 4 bytes. Rows beyond from_height are ignored. */
void picture_row(struct picture *p, const uint8_t *rgba);

/* Read @in into @p. */
enum picture_code picture_read_png(struct picture *p, struct picture_bytes in);
enum picture_code picture_read_jpeg(struct picture *p, struct picture_bytes in);
/* *out is malloc()ed. */
enum picture_code picture_write_png(struct picture *p, uint8_t **out, size_t *len);
enum picture_code picture_write_jpeg(struct picture *p, uint8_t **out, size_t *len);

#endif

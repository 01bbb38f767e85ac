/*
 * text.h - what the built-in jobs share for writing results: JSON text of a bounded size, from
 * bytes that nobody has vouched for.
 */
#ifndef JOBS_TEXT_H
#define JOBS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TEXT_PRINTF __attribute__((format(printf, 2, 3)))
#else
#define TEXT_PRINTF
#endif

/* A text that grows in the caller's room; full stays true once something did not fit. */
struct text {
	char *at;
	size_t len, size;
	bool full;
};

/* @size bytes at @room, the last of which is always a NUL. Borrowed. */
struct text text_in(char *room, size_t size);
/* Puts it as printf does, whole or not at all. */
void text_put(struct text *t, const char *fmt, ...) TEXT_PRINTF;
/*
 * Puts @len bytes as a JSON string with its quotation marks, whole or not at all. What is no UTF-8
 * becomes U+FFFD, one for each byte.
 */
void text_put_json(struct text *t, const char *bytes, size_t len);

#endif

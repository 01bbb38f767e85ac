/*
 * utf8.h - one question, asked by the scanner, the configuration reader and the seal's callers:
 * how long is the UTF-8 sequence here, if it is one? Trusts nothing.
 */
#ifndef WORKER_UTF8_H
#define WORKER_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length 1..4 of the valid sequence at @p (RFC 3629: no overlong form, no surrogate, at most
 * U+10FFFF), or 0. @left is at least 1. */
static inline size_t stk_utf8_len(const uint8_t *p, size_t left)
{
	uint8_t lead = p[0], low = 0x80, high = 0xbf;
	size_t n = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4 || left < n)
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

#endif

/*
 * safe.c - see safe.h.
 */
#include "worker/cli/safe.h"

#include "worker/utf8.h"

#include <stdio.h>
#include <string.h>

static uint32_t code_point(const uint8_t *p, size_t len)
{
	uint32_t c = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3fu);
	return c;
}

static bool obeyed(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xfffb) ||
	       (c >= 0xe0000 && c <= 0xe0fff);
}

size_t stk_safe_text(struct stk_span text, size_t columns, char *out, size_t size)
{
	size_t n = 0, used = 0, i = 0;

	while (i < text.len) {
		size_t len = stk_utf8_len(text.p + i, text.len - i);
		uint32_t c = len == 0 ? 0xfffd : code_point(text.p + i, len);
		bool escaped = len == 0 || obeyed(c);
		char piece[8];
		size_t bytes, wide = escaped ? 6 : 1;

		if (escaped)
			(void)snprintf(piece, sizeof(piece), "\\u%04x", c > 0xffff ? 0xfffd : c);
		else
			memcpy(piece, text.p + i, len);
		bytes = escaped ? 6 : len;
		/* room for the tilde stays until nothing more is to come */
		if (n + wide + (i + len < text.len ? 1 : 0) > columns || used + bytes + 2 > size) {
			out[used++] = '~';
			n++;
			break;
		}
		memcpy(out + used, piece, bytes);
		used += bytes;
		n += wide;
		i += len == 0 ? 1 : len;
	}
	out[used] = '\0';
	return n;
}

/*
 * base.c - see base.h. Nothing here prints, exits or keeps state.
 */
#include "sandbox/base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *stk_strerror(enum stk_err e)
{
	switch (e) {
	case STK_OK: return "no error";
	case STK_E_SYSTEM: return strerror(errno);
	case STK_E_NOMEM: return "out of memory";
	case STK_E_TOOBIG: return "larger than its ceiling";
	case STK_E_FORMAT: return "malformed";
	case STK_E_CLOSED: return "the other side is gone";
	case STK_E_TIMEOUT: return "timed out";
	case STK_E_ABSENT: return "not there";
	case STK_E_REFUSED: return "refused";
	}
	return "unknown error";
}

struct stk_span stk_span_str(const char *s)
{
	return stk_span_of(s, strlen(s));
}

bool stk_span_eq(struct stk_span a, struct stk_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

void stk_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

void stk_free(void *p)
{
	void *mem;

	memcpy(&mem, p, sizeof(mem));
	free(mem);
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t stk_monotonic_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t stk_realtime_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

void stk_hex(const uint8_t *p, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = '\0';
}

enum stk_err stk_read_all(int fd, size_t max, uint8_t **out, size_t *len)
{
	size_t cap = 4096, have = 0;
	uint8_t *buf = malloc(cap + 1);

	*out = NULL;
	*len = 0;
	if (buf == NULL)
		return STK_E_NOMEM;
	for (;;) {
		ssize_t n = read(fd, buf + have, cap - have);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			free(buf);
			return STK_E_SYSTEM;
		}
		if (n == 0)
			break;
		have += (size_t)n;
		if (have > max) {
			free(buf);
			return STK_E_TOOBIG;
		}
		if (have == cap) {
			uint8_t *bigger = realloc(buf, 2 * cap + 1);

			if (bigger == NULL) {
				free(buf);
				return STK_E_NOMEM;
			}
			buf = bigger;
			cap *= 2;
		}
	}
	buf[have] = 0;
	*out = buf;
	*len = have;
	return STK_OK;
}

enum stk_err stk_write_all(int fd, const void *p, size_t len)
{
	const uint8_t *at = p;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return STK_E_SYSTEM;
		at += n;
		len -= (size_t)n;
	}
	return STK_OK;
}

/*
 * times.c - see times.h.
 */
#include "worker/times.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/types.h>
#include <time.h>

/* Seconds since the epoch that no calendar can show become the epoch itself. */
static struct tm civil(int64_t now_s, bool local)
{
	time_t t = (time_t)now_s, zero = 0;
	struct tm tm = { 0 };

	if (now_s < 0 || now_s > 253402300799 ||
	    (local ? localtime_r(&t, &tm) : gmtime_r(&t, &tm)) == NULL)
		(void)gmtime_r(&zero, &tm);
	return tm;
}

void stk_time_iso(char out[static STK_TIME_BYTES], int64_t now_s)
{
	struct tm tm = civil(now_s, false);

	(void)strftime(out, STK_TIME_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void stk_time_iso_ms(char out[static STK_TIME_BYTES], int64_t now_ms)
{
	struct tm tm = civil(now_ms / 1000, false);
	size_t n = strftime(out, STK_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);

	(void)snprintf(out + n, STK_TIME_BYTES - n, ".%03dZ", (int)(now_ms % 1000));
}

void stk_time_failed(char out[static STK_TIME_BYTES], int64_t now_s)
{
	struct tm tm = civil(now_s, false);

	(void)strftime(out, STK_TIME_BYTES, "%Y/%m/%d %H:%M:%S UTC", &tm);
}

void stk_time_shown(char out[static STK_TIME_BYTES], int64_t now_s)
{
	struct tm tm = civil(now_s, true);

	(void)strftime(out, STK_TIME_BYTES, "%Y-%m-%d %H:%M:%S %z", &tm);
}

enum stk_err stk_ulid(char out[static STK_ULID_BYTES], int64_t now_ms)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint8_t random[10];
	uint64_t ms = (uint64_t)now_ms;
	ssize_t n;

	while ((n = getrandom(random, sizeof(random), 0)) == -1 && errno == EINTR)
		continue;
	if (n != (ssize_t)sizeof(random))
		return STK_E_SYSTEM;
	for (int i = 9; i >= 0; i--, ms >>= 5)
		out[i] = digits[ms & 31];
	for (size_t i = 0; i < 2; i++) { /* 5 bytes are 8 characters */
		const uint8_t *b = random + 5 * i;
		uint64_t v = (uint64_t)b[0] << 32 | (uint64_t)b[1] << 24 | (uint64_t)b[2] << 16 |
			     (uint64_t)b[3] << 8 | b[4];

		for (int k = 7; k >= 0; k--, v >>= 5)
			out[10 + 8 * i + (size_t)k] = digits[v & 31];
	}
	out[26] = '\0';
	return STK_OK;
}

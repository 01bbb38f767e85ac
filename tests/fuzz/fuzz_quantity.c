/*
 * fuzz_quantity.c - quantities are never negative, never partial, and survive being written again.
 */
#include "worker/quantity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
	if (!claim)
		abort();
}

/* What was taken, written in the smallest unit, means the same. */
static void again(bool (*parse)(const char *, int64_t *), int64_t v, const char *unit)
{
	char text[64];
	int64_t back = -1;

	(void)snprintf(text, sizeof(text), "%lld%s", (long long)v, unit);
	must(v >= 0 && parse(text, &back) && back == v);
}

static void same_as_libc(const char *text, int64_t s)
{
	char back[64];
	time_t t = (time_t)s;
	struct tm tm;

	must(gmtime_r(&t, &tm) != NULL &&
	     strftime(back, sizeof(back), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
	must(strcmp(back, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	int64_t v;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (stk_quantity_count(text, &v))
		again(stk_quantity_count, v, "");
	if (stk_quantity_duration_ms(text, &v))
		again(stk_quantity_duration_ms, v, "ms");
	if (stk_quantity_bytes(text, &v))
		again(stk_quantity_bytes, v, "");
	if (stk_quantity_rate(text, &v))
		again(stk_quantity_rate, v, "/h");
	if (stk_quantity_time(text, &v))
		same_as_libc(text, v);
	free(text);
	return 0;
}

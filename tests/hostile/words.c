/*
 * words.c - the words of job.h as a handler uses them, and as one misuses them that is owned by its
 * input: the first argument says which.
 */
#include "jobs/job.h"
#include "tests/hostile/acts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is(const struct hostile_args *a, size_t i, const char *text)
{
	return i < a->n && strcmp(a->arg[i], text) == 0;
}

/* "for good": no attempt mends it; else the class's RETRY does what it says. */
int hostile_fail(const struct hostile_args *a)
{
	hostile_for_good = is(a, 0, "for good");
	(void)snprintf(hostile_message, sizeof(hostile_message), "it cannot be done");
	return -1;
}

/* More than there is: NULL, and what was given before still stands. */
int hostile_memory(const struct hostile_args *a)
{
	char *first = stockade_text(hostile_job, "%s", "still there");
	unsigned n = 0;

	(void)a;
	for (void *p; (p = stockade_alloc(hostile_job, 1u << 20)) != NULL; n++)
		memset(p, 0xff, 1u << 20);
	(void)snprintf(hostile_message, sizeof(hostile_message), "%s, %s after %u MiB",
	    first == NULL ? "nothing" : first, strerror(errno), n < 128 ? n : 999);
	return -1;
}

/* The first argument as it is, so many times as the second says; "none" gives nothing. */
int hostile_result(const struct hostile_args *a)
{
	static char text[128 << 10];
	size_t len = a->n > 0 ? strlen(a->arg[0]) : 0, used = 0;

	if (is(a, 0, "none"))
		return 0;
	for (int i = a->n > 1 ? atoi(a->arg[1]) : 1; i > 0 && used + len < sizeof(text); i--) {
		memcpy(text + used, a->arg[0], len);
		used += len;
	}
	return stockade_result_json(hostile_job, text);
}

/* the same in a class whose results are not kept */
int hostile_result_only(const struct hostile_args *a)
{
	return hostile_result(a);
}

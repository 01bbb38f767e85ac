/*
 * memory.c - job.h's memory that lives as long as the job. Each piece is a block of the allocator's
 * own, so that a write beyond its end is seen by whatever watches the allocator.
 */
#include "jobs/cage/cage.h"

#include <errno.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stockade_piece {
	struct stockade_piece *before;
	alignas(max_align_t) unsigned char bytes[];
};

void *stockade_alloc(struct stockade_job *job, size_t size)
{
	struct stockade_piece *p;

	if (size > PTRDIFF_MAX - sizeof(*p) || (p = calloc(1, sizeof(*p) + size)) == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	p->before = job->pieces;
	job->pieces = p;
	return p->bytes;
}

char *stockade_text(struct stockade_job *job, const char *fmt, ...)
{
	va_list ap, again;
	char *out = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		errno = ENOMEM;
	else if ((out = stockade_alloc(job, (size_t)n + 1)) != NULL)
		(void)vsnprintf(out, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return out;
}

void stockade_memory_clear(struct stockade_job *job)
{
	while (job->pieces != NULL) {
		struct stockade_piece *p = job->pieces;

		job->pieces = p->before;
		free(p);
	}
}

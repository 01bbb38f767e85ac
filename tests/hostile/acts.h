/*
 * acts.h - what hostile handlers do. Each act is one function that runs in the cage, and without it
 * as the control: 0 means that the act got what it wanted, -1 with errno that it was refused.
 */
#ifndef TESTS_HOSTILE_ACTS_H
#define TESTS_HOSTILE_ACTS_H

#include <stdbool.h>
#include <stddef.h>

/* Where the tester holds a pipe that is not the job's. */
#define HOSTILE_PIPE    50
#define HOSTILE_SKIPS   1 /* what an act returns that finds nothing to do */
#define HOSTILE_RETRIES 2 /* ... that wants to be run again in 1500 ms */

struct hostile_args {
	size_t n;
	const char *arg[8]; /* NULL beyond n */
};

/* For acts that use job.h itself: the job, and what it wants to fail with. */
struct stockade_job;
extern struct stockade_job *hostile_job;
extern char hostile_message[256];
extern char hostile_tried[160]; /* what was refused, or sought in vain; empty: errno says enough */
extern bool hostile_for_good;   /* and never to be tried again */

#define JOB(...)
#define JOB_SCHEMA(fn, path, name, ...) int fn(const struct hostile_args *a);
#include "tests/hostile/registry.def"
#undef JOB
#undef JOB_SCHEMA

#endif

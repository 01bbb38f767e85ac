/*
 * bare.h - the role `bare` of a cage program: one handler without the wall (sandbox/bare.h).
 */
#ifndef JOBS_CAGE_BARE_H
#define JOBS_CAGE_BARE_H

#include "jobs/cage/cage.h"

/* Runs a job of @class_name whose letter stands in its slot. Returns an exit code if it cannot. */
int stockade_bare(const struct stockade_table *t, const char *class_name);

#endif

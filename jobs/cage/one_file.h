/*
 * one_file.h - binding of the schema that both built-in jobs have: an array of one file name.
 */
#ifndef JOBS_CAGE_ONE_FILE_H
#define JOBS_CAGE_ONE_FILE_H

#include "jobs/cage/registry.h"

/* 0 with *file borrowed from @args, or -1 with @v filled. */
int stockade_bind_one_file(const json_t *args, const char **file, struct stockade_violation *v);

#endif

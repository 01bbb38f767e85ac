/*
 * handlers.h - the handlers of tests/handlers/registry.def. Each returns NULL, or a sentence that
 * says which step did not work; errno tells more.
 */
#ifndef TESTS_HANDLERS_HANDLERS_H
#define TESTS_HANDLERS_HANDLERS_H

#include "jobs/job.h"

#define JOB(...)
#define JOB_SCHEMA(fn, path, name, ...) const char *fn(struct stockade_job *job);
#include "tests/handlers/registry.def"
#undef JOB
#undef JOB_SCHEMA

#endif

/*
 * registry.h - a registry's lines, checked before the C compiler sees them: what it would say about
 * a macro is not what an author needs to read.
 */
#ifndef JOBS_SCHEMA_REGISTRY_H
#define JOBS_SCHEMA_REGISTRY_H

#include <stdbool.h>
#include <stdio.h>

/*
 * @lines is what the preprocessor makes of jobs/schema/registry_lines.h with STOCKADE_REGISTRY set.
 * @symbols is `nm -g --defined-only` of the handlers' objects, or NULL: handlers are then not
 * looked for. @beyond: the operator has raised the ceiling (make BEYOND=beyond), so limits may be
 * any. Complaints go to @out as file:line: error: ... 0, or 1 if there was one.
 */
int stk_registry_check(const char *lines, const char *symbols, bool beyond, FILE *out);

#endif

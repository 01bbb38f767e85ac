/*
 * emit.h - what the two files that write C text share.
 */
#ifndef JOBS_SCHEMA_EMIT_H
#define JOBS_SCHEMA_EMIT_H

#include "jobs/schema/schema.h"

STK_PRINTF(2, 3) void stk_put(FILE *out, const char *fmt, ...);
/* A C string literal, or NULL. */
void stk_put_string(FILE *out, const char *s);
/* The tables, and `static const struct stk_program program`. */
void stk_put_program(FILE *out, const struct stk_program *p);

#endif

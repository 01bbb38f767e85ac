/*
 * role.h - the role `schema` of a cage program: one request on standard input, one reply on
 * standard output. It is where `stockade schema` has JSON looked into, since stockade itself builds
 * no tree.
 */
#ifndef JOBS_SCHEMA_ROLE_H
#define JOBS_SCHEMA_ROLE_H

#include "jobs/cage/cage.h"
#include "jobs/schema/schema.h"

/*
 * A request is a line and, for some, bytes after it:
 *	export [CLASS]           the schemas, as one JSON object by class, or the one as its file
 *stands docs text|markdown [CLASS] check NAME               the text of a schema follows infer
 *[CLASS]            samples follow, each a uint32_t length and a payload as it was queued A reply
 *is a line, "ok" or "no", and text. The process shuts itself in before it reads anything: samples
 *are anybody's bytes. Returns the exit code.
 */
int stk_schema_role(const struct stockade_table *t);

/* --- docs.c, infer.c -----------------------------------------------------------------------------
 */

/* What the arguments of @class_name are, for people. */
void stk_docs(FILE *out, const char *class_name, const struct stk_plan *plan, bool markdown);
/*
 * A schema per class of what @len bytes of samples hold, as one JSON object; or that of @only. NULL
 * with a sentence in @why if there is nothing to infer from. The caller's.
 */
json_t *stk_infer(const uint8_t *samples, size_t len, const char *only, char why[256]);

#endif

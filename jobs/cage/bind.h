/*
 * bind.h - from checked arguments to a handler's struct: a table per class, written by the schema
 * compiler, and one function that reads it.
 */
#ifndef JOBS_CAGE_BIND_H
#define JOBS_CAGE_BIND_H

#include "jobs/cage/rules.h"

/* What a member of the struct is. */
enum stockade_field_kind {
	STOCKADE_FIELD_STRING,   /* const char * */
	STOCKADE_FIELD_INTEGER,  /* int64_t */
	STOCKADE_FIELD_NUMBER,   /* double */
	STOCKADE_FIELD_BOOLEAN,  /* bool */
	STOCKADE_FIELD_STRINGS,  /* struct stockade_strings */
	STOCKADE_FIELD_INTEGERS, /* struct stockade_integers */
	STOCKADE_FIELD_NUMBERS,  /* struct stockade_numbers */
	STOCKADE_FIELD_BOOLEANS, /* struct stockade_booleans */
	STOCKADE_FIELD_JSON      /* const struct stockade_json * */
};

#define STOCKADE_FIELD_REST 1u /* all items from index on, as one array */

struct stockade_field {
	uint32_t kind, flags;
	const char *key; /* of the one object, or NULL: the item at index */
	uint32_t index;
	uint32_t offset; /* of the member */
	uint32_t has;    /* of its has_ member, or STK_RULES_NONE */
	/* of a string that is one of a list: the list, and the offset of its which_ member */
	const char *const *values;
	uint32_t n_values, which;
};

struct stockade_binder {
	const struct stk_program *program;
	const struct stockade_field *fields;
	uint32_t n_fields;
	uint32_t json; /* offset of the member `json`, the whole */
};

/*
 * Checks @args against the program and fills @out, which is zeroed. Text is borrowed from @args;
 * arrays are allocated (stockade_bind_clear). 0, or -1 with @v filled.
 */
int stockade_bind(
    const struct stockade_binder *b, const json_t *args, void *out, struct stockade_violation *v);
/* Frees what stockade_bind allocated; a job's process just ends. */
void stockade_bind_clear(const struct stockade_binder *b, void *out);

#endif

/*
 * generate.h - arguments that fit a compiled schema, out of bytes that decide every choice: the
 * same bytes give the same arguments, more bytes vary more of them. For fuzzing a handler behind
 * its schema. Not installed.
 */
#ifndef JOBS_TEST_GENERATE_H
#define JOBS_TEST_GENERATE_H

#include "jobs/cage/rules.h"

/* Where the choices come from; when it is used up, every further choice is the first one. */
struct stockade_dice {
	const uint8_t *p;
	size_t left;
};

/* 0 to n - 1. */
uint32_t stockade_dice_pick(struct stockade_dice *d, uint32_t n);
uint64_t stockade_dice_word(struct stockade_dice *d);

/*
 * A value for the whole schema. It mostly fits: `not`, and rules that contradict each other, are
 * not solved, so the caller checks. A new reference; NULL without memory.
 */
json_t *stockade_generate(const struct stk_program *p, struct stockade_dice *d);

/* --- generate_text.c -------------------------------------------------------------------------- */

/* What a string must be; code points. */
struct stockade_text {
	uint32_t least, most;
	const char *pattern; /* PCRE2's spelling, of the compiler's subset; or NULL */
	uint32_t format;     /* of formats.h, or STK_RULES_NONE */
};
/* The name that a generated string often is: of the one file that is there. */
#define STOCKADE_GENERATED_FILE "input"
json_t *stockade_generate_text(const struct stockade_text *t, struct stockade_dice *d);

#endif

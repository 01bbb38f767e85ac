/*
 * rules_text.c - lengths and patterns (rules.h). PCRE2 without its JIT: no writable code. The
 * compiler wrote the pattern, the sender wrote the subject; every step of the matcher is counted by
 * a callout, so that a subject made to backtrack ends as "cost" and the same subject always does.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "jobs/cage/rules.h"

#include <pcre2.h>
#include <stdlib.h>

/* A step of the meter buys this many steps of the matcher: both are some ten nanoseconds. */
#define HEAP_KIB 8192u

size_t stk_code_points(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

static int count(pcre2_callout_block *block, void *meter)
{
	(void)block;
	return stk_spend(meter, 1) ? 0 : PCRE2_ERROR_CALLOUT;
}

static pcre2_code *compile(const char *pattern, int *error)
{
	PCRE2_SIZE at;

	return pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C, error,
	    &at, NULL);
}

const char *stk_pattern_wrong(const char *pattern, char *buf, size_t size)
{
	int error;
	pcre2_code *code = compile(pattern, &error);

	if (code == NULL) {
		(void)pcre2_get_error_message(error, (PCRE2_UCHAR *)buf, size);
		return buf;
	}
	pcre2_code_free(code);
	return NULL;
}

static pcre2_code *compiled(struct stk_patterns *set, const struct stk_program *p, uint32_t pattern)
{
	int error;

	if (set->code == NULL)
		set->code = calloc(p->n_patterns, sizeof(*set->code));
	if (set->code == NULL)
		return NULL;
	if (set->code[pattern] == NULL)
		set->code[pattern] = compile(p->patterns[pattern], &error);
	return set->code[pattern];
}

void stk_patterns_clear(struct stk_patterns *set, const struct stk_program *p)
{
	for (uint32_t i = 0; set->code != NULL && i < p->n_patterns; i++)
		pcre2_code_free(set->code[i]);
	free(set->code);
	set->code = NULL;
}

bool stk_pattern_matches(struct stk_patterns *set, const struct stk_program *p, uint32_t pattern,
    const char *s, size_t len, struct stk_meter *m)
{
	pcre2_code *code = compiled(set, p, pattern);
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int got = PCRE2_ERROR_NOMEMORY;

	if (code != NULL && limits != NULL && data != NULL && stk_spend(m, 1 + len / 16)) {
		(void)pcre2_set_callout(limits, count, m);
		(void)pcre2_set_match_limit(limits, m->left + 1);
		(void)pcre2_set_heap_limit(limits, HEAP_KIB);
		got = pcre2_match(code, (PCRE2_SPTR)s, len, 0, 0, data, limits);
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(limits);
	/* whatever else went wrong, it is not known whether it matches */
	if (got < 0 && got != PCRE2_ERROR_NOMATCH)
		m->out = true;
	return got >= 0;
}

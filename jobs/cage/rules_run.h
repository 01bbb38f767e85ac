/*
 * rules_run.h - one validation under way: shared by rules.c and rules_nest.c alone.
 */
#ifndef JOBS_CAGE_RULES_RUN_H
#define JOBS_CAGE_RULES_RUN_H

#include "jobs/cage/rules.h"

/* Where in the instance: the way back to the top. */
struct stk_place {
	const struct stk_place *up;
	const char *key; /* or NULL: an item */
	size_t index;
};

struct stk_run {
	const struct stk_program *p;
	struct stk_meter meter;
	struct stk_patterns patterns;
	uint32_t depth, quiet;
	struct stockade_violation *v;
};

/* Does @v fit schema number @schema? False, too, once the meter has run out. */
bool stk_rules_fit(struct stk_run *r, uint32_t schema, const json_t *v, const struct stk_place *at);
/* Notes the place and the rule; always false, so that it can be returned. */
STK_PRINTF(3, 4)
bool stk_rule_failed(struct stk_run *r, const struct stk_place *at, const char *fmt, ...);
/* The keywords of arrays and of objects. */
bool stk_rule_items(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at);
bool stk_rule_members(
    struct stk_run *r, const struct stk_rule *rule, const json_t *v, const struct stk_place *at);

#endif

/*
 * wall.h - runs something in a child behind the real filters, as Z, J or W would stand behind them.
 */
#ifndef TESTS_LIB_WALL_H
#define TESTS_LIB_WALL_H

#include "sandbox/profile.h"
#include "tests/lib/child.h"

/* Nothing; Z's filter; Z's and J's; W's. */
enum wall {
	WALL_NONE,
	WALL_BIG,
	WALL_BOTH,
	WALL_WORKER
};

/* As in_child(), behind the wall; 200..205 if the wall could not be built, never a denial. */
int behind(enum wall w, uint32_t profiles, int (*act)(const void *), const void *arg);

/* One raw call. */
struct call {
	long nr;
	uint64_t args[6];
};
/* Its errno, 0 if it succeeded, or how the child died of it. */
int calling(enum wall w, uint32_t profiles, struct call c);

/*
 * The next sum of profiles that there can be, in counting order, from 0 round to 0: those of
 * classes, and those of the programs that a class executes.
 */
uint32_t next_sum(uint32_t sum);

/* Arguments that satisfy every condition of @r, zero elsewhere. */
void satisfy(const struct stk_row *r, uint64_t self, uint64_t args[6]);

#endif

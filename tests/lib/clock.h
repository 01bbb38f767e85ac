/*
 * clock.h - another wall clock for a program that a test starts (tests/preload/clock.c); its
 * monotonic one, by which it waits, goes on as ever.
 */
#ifndef TESTS_LIB_CLOCK_H
#define TESTS_LIB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define TEST_CLOCK_VARIABLE "STOCKADE_TEST_CLOCK"
/* From here on a value is a moment, in ms since the epoch, at which the clock stands still; below
 * it is by how many ms the clock is off. */
#define TEST_CLOCK_STANDS (INT64_C(1) << 40)

struct test_clock {
	char path[64];
	int64_t *value; /* shared with who was started with it */
};

/*
 * Makes one that goes right. What is started from now on, until test_clock_leave(), has it: it
 * stands in the environment. False after perror().
 */
bool test_clock_enter(struct test_clock *c);
void test_clock_leave(void);
void test_clock_set(struct test_clock *c, int64_t value);
void test_clock_close(struct test_clock *c);

#endif

/*
 * harness.h - the one way to include cmocka: its own header needs these four in this order, and an
 * include sorter would move it. And the one way to skip a test.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

/*
 * Ends the calling test as skipped. @why: what would enable it; tests/run.sh shows it with the
 * test's name, which cmocka's own skip() leaves to be guessed.
 */
#define skip_because(why)                                                  \
	do {                                                               \
		print_message("# skipped: %s # SKIP %s\n", __func__, why); \
		skip();                                                    \
	} while (0)

#endif

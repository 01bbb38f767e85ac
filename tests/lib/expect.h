/*
 * expect.h - a job of a stand and what must come of it, in one call.
 */
#ifndef TESTS_LIB_EXPECT_H
#define TESTS_LIB_EXPECT_H

#include "tests/lib/stand.h"

/*
 * Runs @class_name with @args (printf's words follow) and fails the test unless it ends as @name
 * and @part stands in its result (for Done) or in why it ended (for the rest). Also that the cage
 * was shut while it ran.
 */
__attribute__((format(printf, 5, 6))) void expect(struct stk_stand *s, const char *class_name,
    enum stk_outcome_name name, const char *part, const char *args, ...);

#endif

/*
 * mutate.h - which layer of the wall is switched off in this process.
 */
#ifndef TESTS_ESCAPE_MUTATE_H
#define TESTS_ESCAPE_MUTATE_H

#include <stdbool.h>

bool escape_off(const char *layer);
/* Whether any is. */
bool escape_mutated(void);

#endif

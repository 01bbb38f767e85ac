/*
 * child.h - runs a function in a forked child and says how that child ended: the tests of the wall
 * do to a child what they do not want done to themselves.
 */
#ifndef TESTS_LIB_CHILD_H
#define TESTS_LIB_CHILD_H

#include <signal.h>

#define DIED_OF(sig) (256 + (sig))

/*
 * Forks, gives the deadly signals back their defaults (cmocka catches them), leaves no core dump,
 * ends with @act's value as exit code. Returns that code, or DIED_OF(signal). -1: no child.
 */
int in_child(int (*act)(const void *), const void *arg);

#endif

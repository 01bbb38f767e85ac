/*
 * harness.h - the one way to include cmocka: its own header needs these four in this order, and an
 * include sorter would move it.
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

#endif

/*
 * signed_job.h - a ring with one key, a class table and freshly signed payloads, for tests of
 * admit.
 */
#ifndef TESTS_LIB_SIGNED_JOB_H
#define TESTS_LIB_SIGNED_JOB_H

#include "worker/admit.h"

#define TEST_NOW_S 1800000000

/* Principal "web" with Ed25519 key "k1" and HMAC key "h1": queue images, classes Resize and Ghost.
 */
struct stk_keyring *test_ring(void);
/* Holds only Resize. Static storage. */
const struct stk_class_table *test_classes(void);

/*
 * Writes {"class":@outer,"args":[H,B,S]} with H = @header, signed by k1 or h1 as its kid says, into
 * @out; returns its length, 0 if it does not fit.
 */
size_t test_payload(const char *outer, const char *header, const char *body, char *out, size_t cap);
/* A header that admit accepts at TEST_NOW_S, with kid @kid. */
void test_header(const char *kid, char out[static STK_HEADER_MAX + 1]);

#endif

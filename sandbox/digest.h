/*
 * digest.h - SHA-256 (FIPS 180-4) for the class table's digest. The wall is a leaf without
 * libsodium, and the cage program must not need it either unless a job does. Public data only: not
 * constant time, keeps nothing secret.
 */
#ifndef SANDBOX_DIGEST_H
#define SANDBOX_DIGEST_H

#include "sandbox/base.h"

#define STK_DIGEST_BYTES 32

/* The digest of @len bytes at @p. Never fails. */
void stk_digest(const void *p, size_t len, uint8_t out[STK_DIGEST_BYTES]);

#endif

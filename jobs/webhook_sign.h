/*
 * webhook_sign.h - the signature of a message as Standard Webhooks 1.0 has it: HMAC-SHA-256 over
 * "id.timestamp.body", in base64, after "v1,".
 */
#ifndef JOBS_WEBHOOK_SIGN_H
#define JOBS_WEBHOOK_SIGN_H

#include <stddef.h>
#include <stdint.h>

#define WEBHOOK_KEYS_MAX 4
/* "v1," and 44 characters for each key, with blanks between and a NUL */
#define WEBHOOK_SIGNATURES ((size_t)WEBHOOK_KEYS_MAX * 48)

/*
 * @keys: one to four, with blanks between, newest first: "whsec_" and base64 of 24 to 64 bytes, as
 * receivers are given them. One signature for each goes into @out, with blanks between, so that a
 * receiver that has only the old key goes on. 0, or -1 if @keys is none of that.
 */
int webhook_sign(const char *keys, const char *id, int64_t timestamp, const char *body,
    char out[WEBHOOK_SIGNATURES]);

#endif

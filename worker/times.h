/*
 * times.h - moments as others spell them: our logs, Resque's screens, ids that sort by age.
 */
#ifndef WORKER_TIMES_H
#define WORKER_TIMES_H

#include "sandbox/base.h"

#define STK_TIME_BYTES 32
#define STK_ULID_BYTES 27

/* "2026-11-23T06:51:18Z" / "2026-11-23T06:51:18.042Z". */
void stk_time_iso(char out[static STK_TIME_BYTES], int64_t now_s);
void stk_time_iso_ms(char out[static STK_TIME_BYTES], int64_t now_ms);
/* "2026/11/23 06:55:05 UTC", as in Resque's failed list. */
void stk_time_failed(char out[static STK_TIME_BYTES], int64_t now_s);
/* "2026-11-23 06:51:14 +0000" (local), as on Resque's page of workers. */
void stk_time_shown(char out[static STK_TIME_BYTES], int64_t now_s);
/* Crockford's 26 characters: 48 bits of milliseconds, 80 random ones (getrandom). STK_E_SYSTEM. */
STK_CHECK enum stk_err stk_ulid(char out[static STK_ULID_BYTES], int64_t now_ms);

#endif

/*
 * quantity.h - the quoted quantities of configuration, policy and flags: `10s`, `64K`, `50/s`,
 * `2027-01-01T00:00:00Z`. Every parser takes the whole string or refuses it, and none overflows.
 */
#ifndef WORKER_QUANTITY_H
#define WORKER_QUANTITY_H

#include "sandbox/base.h"

/* Decimal digits only. */
STK_CHECK bool stk_quantity_count(const char *text, int64_t *out);
/* `250ms 10s 5m 2h 7d` in milliseconds. */
STK_CHECK bool stk_quantity_duration_ms(const char *text, int64_t *out_ms);
/* `512 64K 1M 1G` in bytes, powers of 1024. */
STK_CHECK bool stk_quantity_bytes(const char *text, int64_t *out_bytes);
/* `50/s 30/m 4/h`, as events per hour, so that slow rates stay whole numbers. */
STK_CHECK bool stk_quantity_rate(const char *text, int64_t *out_per_h);
/* `2027-01-01T00:00:00Z`, UTC only, years 1970 to 9999; seconds since the epoch. */
STK_CHECK bool stk_quantity_time(const char *text, int64_t *out_s);

#endif

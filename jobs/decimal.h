/*
 * decimal.h - numbers as people write them in data files. Called by handlers on untrusted bytes.
 */
#ifndef JOBS_DECIMAL_H
#define JOBS_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * [+-] digits [. digits] [e [+-] digits], at least one digit before the e: the nearest double in
 * *@out, correctly rounded. False for anything else, for an empty text (@len 0 included), for what
 * no finite double can hold, and for 128 bytes and more of what takes more than a multiplication.
 */
bool stk_decimal(const unsigned char *p, size_t len, double *out);

#endif

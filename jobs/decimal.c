/*
 * decimal.c - see decimal.h. Most numbers of a file have few digits, and one exact operation makes
 * them; strtod is for the rest.
 */
#include "jobs/decimal.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Powers of ten that a double holds exactly: with a mantissa below 2^53 one operation is exact too.
 */
static const double tens[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
	1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

struct decimal {
	uint64_t mantissa;
	int digits, exponent;
	bool negative;
};

static bool is_digit(unsigned char b)
{
	return b >= '0' && b <= '9';
}

static const unsigned char *digits(
    const unsigned char *p, const unsigned char *end, struct decimal *d, int step)
{
	for (; p < end && is_digit(*p); p++) {
		if (d->digits < 19)
			d->mantissa = d->mantissa * 10 + (uint64_t)(*p - '0');
		d->digits += d->digits > 0 || *p != '0';
		d->exponent += step;
	}
	return p;
}

static const unsigned char *exponent(
    const unsigned char *p, const unsigned char *end, struct decimal *d)
{
	bool negative = p < end && *p == '-';
	int value = 0;

	p += p < end && (*p == '-' || *p == '+');
	if (p == end || !is_digit(*p))
		return NULL;
	for (; p < end && is_digit(*p); p++)
		value = value < 10000 ? value * 10 + (*p - '0') : value;
	d->exponent += negative ? -value : value;
	return p;
}

/* [+-] digits [. digits] [e [+-] digits], at least one digit before the e. */
static bool scan_decimal(const unsigned char *p, const unsigned char *end, struct decimal *d)
{
	const unsigned char *start;
	bool some;

	memset(d, 0, sizeof(*d));
	d->negative = *p == '-';
	p += *p == '-' || *p == '+';
	start = p;
	p = digits(p, end, d, 0);
	some = p > start;
	if (p < end && *p == '.') {
		start = ++p;
		p = digits(p, end, d, -1);
		some = some || p > start;
	}
	if (some && p < end && (*p == 'e' || *p == 'E'))
		p = exponent(p + 1, end, d);
	return some && p == end;
}

bool stk_decimal(const unsigned char *p, size_t len, double *out)
{
	struct decimal d;
	char text[128];

	if (len == 0 || !scan_decimal(p, p + len, &d))
		return false;
	if (d.digits < 19 && d.mantissa < UINT64_C(1) << 53 && d.exponent >= -22 &&
	    d.exponent <= 22) {
		*out = (double)d.mantissa;
		*out = d.exponent < 0 ? *out / tens[-d.exponent] : *out * tens[d.exponent];
		*out = d.negative ? -*out : *out;
		return true;
	}
	if (len >= sizeof(text))
		return false;
	memcpy(text, p, len);
	text[len] = '\0';
	*out = strtod(text, NULL);
	return isfinite(*out);
}

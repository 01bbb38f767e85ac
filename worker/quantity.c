/*
 * quantity.c - see quantity.h. Hand-written because strtoll takes signs, blanks and other bases,
 * and strptime takes what the locale likes.
 */
#include "worker/quantity.h"

#include <string.h>

struct unit {
	const char *suffix;
	int64_t factor;
};

/* Leading digits of @text into *@out; the rest, or NULL without digits or on overflow. */
static const char *digits(const char *text, int64_t *out)
{
	int64_t v = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
			return NULL;
	*out = v;
	return p == text ? NULL : p;
}

static bool with_unit(const char *text, const struct unit *units, size_t n, int64_t *out)
{
	int64_t v;
	const char *rest = digits(text, &v);

	for (size_t i = 0; rest != NULL && i < n; i++)
		if (strcmp(rest, units[i].suffix) == 0)
			return !__builtin_mul_overflow(v, units[i].factor, out);
	return false;
}

bool stk_quantity_count(const char *text, int64_t *out)
{
	static const struct unit units[] = { { "", 1 } };

	return with_unit(text, units, STK_ARRAY_LEN(units), out);
}

bool stk_quantity_duration_ms(const char *text, int64_t *out_ms)
{
	static const struct unit units[] = {
		{ "ms", 1 },
		{ "s", 1000 },
		{ "m", 60 * 1000 },
		{ "h", 3600 * 1000 },
		{ "d", 86400 * 1000 },
	};

	return with_unit(text, units, STK_ARRAY_LEN(units), out_ms);
}

bool stk_quantity_bytes(const char *text, int64_t *out_bytes)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "K", 1 << 10 },
		{ "M", 1 << 20 },
		{ "G", 1 << 30 },
	};

	return with_unit(text, units, STK_ARRAY_LEN(units), out_bytes);
}

bool stk_quantity_rate(const char *text, int64_t *out_per_h)
{
	static const struct unit units[] = { { "/s", 3600 }, { "/m", 60 }, { "/h", 1 } };

	return with_unit(text, units, STK_ARRAY_LEN(units), out_per_h);
}

/* @n digits at @p as a number, or -1. */
static int64_t field(const char *p, size_t n)
{
	int64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

static bool leap(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Days from 1970-01-01 to the first of @month in @year. */
static int64_t days_before(int64_t year, int64_t month)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int64_t y = year - 1;

	return (year - 1970) * 365 + (y / 4 - 1969 / 4) - (y / 100 - 1969 / 100) +
	       (y / 400 - 1969 / 400) + before[month - 1] + (month > 2 && leap(year) ? 1 : 0);
}

bool stk_quantity_time(const char *text, int64_t *out_s)
{
	static const int in_month[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t y, mo, d, h, mi, s;

	if (strlen(text) != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
	    text[13] != ':' || text[16] != ':' || text[19] != 'Z')
		return false;
	y = field(text, 4);
	mo = field(text + 5, 2);
	d = field(text + 8, 2);
	h = field(text + 11, 2);
	mi = field(text + 14, 2);
	s = field(text + 17, 2);
	if (y < 1970 || mo < 1 || mo > 12 || d < 1 ||
	    d > in_month[mo - 1] + (mo == 2 && leap(y) ? 1 : 0))
		return false;
	if (h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59)
		return false;
	*out_s = (days_before(y, mo) + d - 1) * 86400 + h * 3600 + mi * 60 + s;
	return true;
}

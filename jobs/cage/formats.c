/*
 * formats.c - the table of formats, and those that are about time, numbers and JSON itself.
 */
#include "jobs/cage/formats.h"

#include <string.h>

static const struct {
	const char *name;
	bool (*holds)(struct stk_span s);
} formats[] = {
#define X(name, fn, rfc) { name, stk_format_##fn },
	STK_FORMATS(X)
#undef X
};

int stk_format_find(const char *name)
{
	for (size_t i = 0; i < STK_ARRAY_LEN(formats); i++)
		if (strcmp(formats[i].name, name) == 0)
			return (int)i;
	return -1;
}

uint32_t stk_format_count(void)
{
	return STK_ARRAY_LEN(formats);
}

const char *stk_format_name(uint32_t id)
{
	return id < STK_ARRAY_LEN(formats) ? formats[id].name : "?";
}

bool stk_format_holds(uint32_t id, struct stk_span s)
{
	return id < STK_ARRAY_LEN(formats) && formats[id].holds(s);
}

/* --- RFC 3339 --------------------------------------------------------------------------------- */

/* Exactly @n digits. */
static bool number(struct stk_span *s, size_t n, int *out)
{
	if (s->len < n)
		return false;
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		if (!stk_is_digit(s->p[i]))
			return false;
		*out = *out * 10 + (s->p[i] - '0');
	}
	s->p += n;
	s->len -= n;
	return true;
}

static bool eat_date(struct stk_span *s)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int y, m, d;
	bool leap;

	if (!number(s, 4, &y) || !stk_eat(s, '-') || !number(s, 2, &m) || !stk_eat(s, '-') ||
	    !number(s, 2, &d) || m < 1 || m > 12)
		return false;
	leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
	return d >= 1 && d <= days[m - 1] + (m == 2 && leap);
}

/* Minutes to add for UTC: Z, or a numeric offset. */
static bool eat_offset(struct stk_span *s, int *minutes)
{
	int h, m, sign = -1;

	*minutes = 0;
	if (stk_eat(s, 'Z') || stk_eat(s, 'z'))
		return true;
	if (stk_eat(s, '-'))
		sign = 1;
	else if (!stk_eat(s, '+'))
		return false;
	if (!number(s, 2, &h) || !stk_eat(s, ':') || !number(s, 2, &m) || h > 23 || m > 59)
		return false;
	*minutes = sign * (h * 60 + m);
	return true;
}

static bool eat_time(struct stk_span *s)
{
	int h, m, sec, offset;

	if (!number(s, 2, &h) || !stk_eat(s, ':') || !number(s, 2, &m) || !stk_eat(s, ':') ||
	    !number(s, 2, &sec) || h > 23 || m > 59 || sec > 60)
		return false;
	if (stk_eat(s, '.')) {
		if (s->len == 0 || !stk_is_digit(s->p[0]))
			return false;
		while (s->len > 0 && stk_is_digit(s->p[0]))
			(void)stk_eat(s, s->p[0]);
	}
	if (!eat_offset(s, &offset))
		return false;
	/* a leap second is the last of a day in UTC */
	return sec < 60 || (h * 60 + m + offset + 2 * 1440) % 1440 == 1439;
}

bool stk_format_date(struct stk_span s)
{
	return eat_date(&s) && s.len == 0;
}

bool stk_format_time(struct stk_span s)
{
	return eat_time(&s) && s.len == 0;
}

bool stk_format_date_time(struct stk_span s)
{
	return eat_date(&s) && (stk_eat(&s, 'T') || stk_eat(&s, 't')) && eat_time(&s) && s.len == 0;
}

/*
 * Components of @units in order, each a number and its letter. Of years, months and days, and of
 * hours, minutes and seconds, none may be left out between two that are there. How many, or -1.
 */
static int components(struct stk_span *s, const char *units)
{
	int n = 0, last = -1;

	while (s->len > 0 && stk_is_digit(s->p[0])) {
		const char *unit;

		while (s->len > 0 && stk_is_digit(s->p[0]))
			(void)stk_eat(s, s->p[0]);
		if (s->len == 0 || s->p[0] == '\0')
			return -1;
		unit = strchr(units, s->p[0]);
		if (unit == NULL || (last != -1 && unit - units != last + 1))
			return -1;
		last = (int)(unit - units);
		(void)stk_eat(s, s->p[0]);
		n++;
	}
	return n;
}

bool stk_format_duration(struct stk_span s)
{
	struct stk_span weeks;
	int date, time = 0;

	if (!stk_eat(&s, 'P'))
		return false;
	weeks = s;
	if (components(&weeks, "W") == 1 && weeks.len == 0)
		return true;
	date = components(&s, "YMD");
	if (stk_eat(&s, 'T')) {
		time = components(&s, "HMS");
		if (time <= 0)
			return false;
	}
	return date >= 0 && date + time > 0 && s.len == 0;
}

/* --- identifiers ------------------------------------------------------------------------------ */

bool stk_format_uuid(struct stk_span s)
{
	if (s.len != 36)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s.p[i] != '-' : !stk_is_hex(s.p[i]))
			return false;
	}
	return true;
}

bool stk_format_json_pointer(struct stk_span s)
{
	if (s.len > 0 && s.p[0] != '/')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] == '~' && (i + 1 == s.len || !stk_one_of(s.p[i + 1], "01")))
			return false;
	return true;
}

bool stk_format_relative_json_pointer(struct stk_span s)
{
	if (s.len == 0 || !stk_is_digit(s.p[0]))
		return false;
	if (!stk_eat(&s, '0'))
		while (s.len > 0 && stk_is_digit(s.p[0]))
			(void)stk_eat(&s, s.p[0]);
	if (stk_eat(&s, '#'))
		return s.len == 0;
	return stk_format_json_pointer(s);
}

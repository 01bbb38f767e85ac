/*
 * formats_net.c - the formats that are about hosts, mail and references (formats.h). They judge
 * spelling; whether a URL may be fetched is another question, and not theirs.
 */
#include "jobs/cage/formats.h"

#include <string.h>

/* Up to the next @c, or all of it. */
static struct stk_span upto(struct stk_span s, uint8_t c)
{
	const uint8_t *at = s.len == 0 ? NULL : memchr(s.p, c, s.len);

	return stk_span_of(s.p, at == NULL ? s.len : (size_t)(at - s.p));
}

static struct stk_span after(struct stk_span s, size_t n)
{
	return stk_span_of(s.p + n, s.len - n);
}

/* --- hosts ------------------------------------------------------------------------------------ */

/* RFC 1123. "--" in the third place marks an A-label, of which only xn-- is known (RFC 5890). */
static bool label(struct stk_span s, bool wide)
{
	if (s.len == 0 || s.len > 63 || s.p[0] == '-' || s.p[s.len - 1] == '-')
		return false;
	if (s.len >= 4 && s.p[2] == '-' && s.p[3] == '-' && memcmp(s.p, "xn", 2) != 0)
		return false;
	if (s.len < 6 && s.len >= 4 && memcmp(s.p, "xn--", 4) == 0)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!stk_is_alpha(s.p[i]) && !stk_is_digit(s.p[i]) && s.p[i] != '-' &&
		    !(wide && s.p[i] >= 0x80))
			return false;
	return true;
}

static bool hostname(struct stk_span s, bool wide)
{
	if (s.len > 253)
		return false;
	for (;;) {
		struct stk_span part = upto(s, '.');

		if (!label(part, wide))
			return false;
		if (part.len == s.len)
			return true;
		s = after(s, part.len + 1);
	}
}

bool stk_format_hostname(struct stk_span s)
{
	return hostname(s, false);
}

bool stk_format_ipv4(struct stk_span s)
{
	for (int part = 0; part < 4; part++) {
		int n = 0, digits = 0;
		bool zero = s.len > 0 && s.p[0] == '0';

		if (part > 0 && !stk_eat(&s, '.'))
			return false;
		zero = s.len > 0 && s.p[0] == '0';
		for (; s.len > 0 && stk_is_digit(s.p[0]) && digits < 4; digits++) {
			n = n * 10 + (s.p[0] - '0');
			(void)stk_eat(&s, s.p[0]);
		}
		if (digits == 0 || digits > 3 || n > 255 || (zero && digits > 1))
			return false;
	}
	return s.len == 0;
}

bool stk_format_ipv6(struct stk_span s)
{
	int groups = 0;
	bool gap = false;

	if (s.len >= 2 && s.p[0] == ':' && s.p[1] == ':') {
		gap = true;
		s = after(s, 2);
	}
	while (s.len > 0) {
		size_t digits = 0;

		while (digits < s.len && stk_is_hex(s.p[digits]))
			digits++;
		if (digits < s.len && s.p[digits] == '.')
			return stk_format_ipv4(s) && (gap ? groups <= 5 : groups == 6);
		if (digits == 0 || digits > 4)
			return false;
		groups++;
		s = after(s, digits);
		if (s.len == 0)
			break;
		if (!stk_eat(&s, ':') || s.len == 0)
			return false;
		if (stk_eat(&s, ':')) {
			if (gap)
				return false;
			gap = true;
		}
	}
	return gap ? groups <= 7 : groups == 8;
}

/* --- mail ------------------------------------------------------------------------------------- */

static bool quoted_local(struct stk_span *s, bool wide)
{
	if (!stk_eat(s, '"'))
		return false;
	while (s->len > 0 && s->p[0] != '"') {
		if (stk_eat(s, '\\') && s->len == 0)
			return false;
		if (s->p[0] < 0x20 || s->p[0] == 0x7f || (s->p[0] >= 0x80 && !wide))
			return false;
		*s = after(*s, 1);
	}
	return stk_eat(s, '"');
}

static bool dot_local(struct stk_span *s, bool wide)
{
	size_t n = 0;

	for (; s->len > 0 && s->p[0] != '@'; n = s->p[-1] == '.' ? 0 : n + 1) {
		uint8_t c = s->p[0];

		if (c == '.' ? n == 0
			     : !stk_is_alpha(c) && !stk_is_digit(c) &&
				   !stk_one_of(c, "!#$%&'*+-/=?^_`{|}~") && !(wide && c >= 0x80))
			return false;
		*s = after(*s, 1);
	}
	return n > 0;
}

static bool mail(struct stk_span s, bool wide)
{
	const uint8_t *start = s.p;

	if (s.len == 0 || !(s.p[0] == '"' ? quoted_local(&s, wide) : dot_local(&s, wide)))
		return false;
	if (s.p - start > 64 || !stk_eat(&s, '@') || s.len == 0)
		return false;
	if (s.p[0] != '[')
		return hostname(s, wide);
	if (s.p[s.len - 1] != ']')
		return false;
	s = stk_span_of(s.p + 1, s.len - 2);
	if (s.len > 5 && memcmp(s.p, "IPv6:", 5) == 0)
		return stk_format_ipv6(after(s, 5));
	return stk_format_ipv4(s);
}

bool stk_format_email(struct stk_span s)
{
	return mail(s, false);
}

bool stk_format_idn_email(struct stk_span s)
{
	return mail(s, true);
}

/* --- references: RFC 3986, and RFC 3987 with @wide -------------------------------------------- */

/* Unreserved, sub-delims, percent triplets and those of @more. */
static bool made_of(struct stk_span s, const char *more, bool wide)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c == '%') {
			if (s.len - i < 3 || !stk_is_hex(s.p[i + 1]) || !stk_is_hex(s.p[i + 2]))
				return false;
			i += 2;
		} else if (!stk_is_alpha(c) && !stk_is_digit(c) &&
			   !stk_one_of(c, "-._~!$&'()*+,;=") && !stk_one_of(c, more) &&
			   !(wide && c >= 0x80)) {
			return false;
		}
	}
	return true;
}

/* "[" IPv6 or IPvFuture "]"; the rest after it stays in *s. */
static bool literal_host(struct stk_span *s)
{
	struct stk_span in = upto(after(*s, 1), ']');
	size_t digits = 1;

	if (in.len + 2 > s->len)
		return false;
	*s = after(*s, in.len + 2);
	if (in.len == 0 || !stk_one_of(in.p[0], "vV"))
		return stk_format_ipv6(in);
	while (digits < in.len && stk_is_hex(in.p[digits]))
		digits++;
	return digits > 1 && in.len > digits + 1 && in.p[digits] == '.' &&
	       memchr(in.p, '%', in.len) == NULL && made_of(after(in, digits + 1), ":", false);
}

static bool authority(struct stk_span s, bool wide)
{
	struct stk_span user = upto(s, '@'), host;

	if (user.len < s.len) {
		if (!made_of(user, ":", wide))
			return false;
		s = after(s, user.len + 1);
	}
	if (s.len > 0 && s.p[0] == '[') {
		if (!literal_host(&s))
			return false;
	} else {
		host = upto(s, ':');
		if (!made_of(host, "", wide))
			return false;
		s = after(s, host.len);
	}
	if (s.len > 0 && !stk_eat(&s, ':'))
		return false;
	while (s.len > 0 && stk_is_digit(s.p[0]))
		s = after(s, 1);
	return s.len == 0;
}

/* The length of a scheme with its colon, or 0. */
static size_t scheme(struct stk_span s)
{
	size_t n = 0;

	while (n < s.len && (stk_is_alpha(s.p[n]) ||
				(n > 0 && (stk_is_digit(s.p[n]) || stk_one_of(s.p[n], "+-.")))))
		n++;
	return n > 0 && n < s.len && s.p[n] == ':' ? n + 1 : 0;
}

static bool reference(struct stk_span s, bool absolute, bool wide)
{
	struct stk_span part = upto(s, '#'), path;
	size_t n = scheme(s);

	if (n == 0 && absolute)
		return false;
	if (part.len < s.len && !made_of(after(s, part.len + 1), ":@/?", wide))
		return false;
	s = after(part, n);
	part = upto(s, '?');
	if (part.len < s.len && !made_of(after(s, part.len + 1), ":@/?", wide))
		return false;
	path = part;
	if (path.len >= 2 && path.p[0] == '/' && path.p[1] == '/') {
		part = upto(after(path, 2), '/');
		if (!authority(part, wide))
			return false;
		path = after(path, 2 + part.len);
	} else if (n == 0 && upto(upto(path, '/'), ':').len < upto(path, '/').len) {
		return false;
	}
	return made_of(path, ":@/", wide);
}

bool stk_format_uri(struct stk_span s)
{
	return reference(s, true, false);
}

bool stk_format_uri_reference(struct stk_span s)
{
	return reference(s, false, false);
}

bool stk_format_iri(struct stk_span s)
{
	return reference(s, true, true);
}

bool stk_format_iri_reference(struct stk_span s)
{
	return reference(s, false, true);
}

/* --- RFC 6570 --------------------------------------------------------------------------------- */

/* One variable with its modifier. */
static bool varspec(struct stk_span s)
{
	struct stk_span name = upto(s, ':');
	size_t digits = s.len - name.len;

	if (digits > 0) {
		struct stk_span n = after(s, name.len + 1);

		if (n.len < 1 || n.len > 4 || n.p[0] == '0')
			return false;
		for (size_t i = 0; i < n.len; i++)
			if (!stk_is_digit(n.p[i]))
				return false;
	} else if (name.len > 0 && name.p[name.len - 1] == '*') {
		name.len--;
	}
	if (name.len == 0 || name.p[0] == '.' || name.p[name.len - 1] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.p[i];

		if (c == '.' && name.p[i - 1] == '.')
			return false;
		if (c == '%') {
			if (name.len - i < 3 || !stk_is_hex(name.p[i + 1]) ||
			    !stk_is_hex(name.p[i + 2]))
				return false;
			i += 2;
		} else if (!stk_is_alpha(c) && !stk_is_digit(c) && c != '_' && c != '.') {
			return false;
		}
	}
	return true;
}

static bool expression(struct stk_span s)
{
	if (s.len > 0 && stk_one_of(s.p[0], "+#./;?&"))
		s = after(s, 1);
	for (;;) {
		struct stk_span one = upto(s, ',');

		if (!varspec(one))
			return false;
		if (one.len == s.len)
			return true;
		s = after(s, one.len + 1);
	}
}

bool stk_format_uri_template(struct stk_span s)
{
	while (s.len > 0) {
		uint8_t c = s.p[0];

		if (c == '{') {
			struct stk_span in = upto(after(s, 1), '}');

			if (in.len + 2 > s.len || !expression(in))
				return false;
			s = after(s, in.len + 2);
			continue;
		}
		if (c == '%' && (s.len < 3 || !stk_is_hex(s.p[1]) || !stk_is_hex(s.p[2])))
			return false;
		if (c <= 0x20 || c == 0x7f || stk_one_of(c, "\"<>\\^`|}"))
			return false;
		s = after(s, 1);
	}
	return true;
}

/*
 * url.c - job.h's check of a URL that others wrote: one strict spelling, so that whoever fetches it
 * understands it as this did. RFC 3986's generic form, without what readers are known to disagree
 * about: user names, numbers for hosts, white space, backslashes, dot segments, coded control
 * bytes.
 */
#include "jobs/cage/cage.h"
#include "jobs/cage/formats.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static int bad(struct stockade_url *out, const char *why)
{
	memset(out, 0, sizeof(*out));
	out->why = why;
	errno = EINVAL;
	return -1;
}

static int hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Only bytes that a URL has (RFC 3986, section 2), and no control byte in another spelling. */
static const char *bytes_wrong(const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL)
			return "a byte that no URL has: white space, a control byte, a backslash, "
			       "a "
			       "quote, or beyond ASCII";
		if (c == '#')
			return "a fragment: it is never sent to a server";
		if (c == '%') {
			int high = hex_digit((unsigned char)s[1]);
			int low = high == -1 ? -1 : hex_digit((unsigned char)s[2]);

			if (low == -1)
				return "a % without two hexadecimal digits";
			if (high < 2 || high * 16 + low == 0x7f)
				return "a coded control byte";
		}
	}
	return NULL;
}

static const char *take_scheme(const char **at, unsigned flags, struct stockade_url *out)
{
	if (strncasecmp(*at, "https://", 8) == 0) {
		*at += 8;
		out->port = 443;
		memcpy(out->scheme, "https", 6);
	} else if ((flags & STOCKADE_URL_HTTP) != 0 && strncasecmp(*at, "http://", 7) == 0) {
		*at += 7;
		out->port = 80;
		memcpy(out->scheme, "http", 5);
	} else {
		return (flags & STOCKADE_URL_HTTP) != 0
			   ? "it begins neither with https:// nor with http://"
			   : "it does not begin with https://";
	}
	return NULL;
}

/* A last part of digits or of 0x… is a number to inet_aton(3), whatever it looks like. */
static bool looks_like_a_number(struct stk_span host)
{
	size_t from = host.len;

	while (from > 0 && host.p[from - 1] != '.')
		from--;
	return from < host.len && stk_is_digit(host.p[from]);
}

/* "name", "192.0.2.7" or "[2001:db8::1]", in lower case and without the brackets. */
static const char *take_host(struct stk_span host, struct stockade_url *out)
{
	bool bracketed = host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']';
	uint8_t address[16];

	if (bracketed)
		host = stk_span_of(host.p + 1, host.len - 2);
	if (host.len == 0)
		return "no host";
	if (host.len >= sizeof(out->host))
		return "a host name of more than 253 bytes";
	for (size_t i = 0; i < host.len; i++)
		out->host[i] =
		    (char)(host.p[i] >= 'A' && host.p[i] <= 'Z' ? host.p[i] | 0x20 : host.p[i]);
	if (bracketed) {
		out->is_address = inet_pton(AF_INET6, out->host, address) == 1;
		return out->is_address ? NULL : "what stands in brackets is no IPv6 address";
	}
	out->is_address = stk_format_ipv4(host);
	if (!out->is_address && looks_like_a_number(host))
		return "a number for a host that is no plain IPv4 address";
	if (!out->is_address && !stk_format_hostname(host))
		return "what stands for the host is no host name";
	return NULL;
}

static const char *take_port(struct stk_span s, struct stockade_url *out)
{
	uint32_t n = 0;

	if (s.len == 0 || s.len > 5 || s.p[0] == '0')
		return "a port that is no number from 1 to 65535";
	for (size_t i = 0; i < s.len; i++) {
		if (!stk_is_digit(s.p[i]))
			return "a port that is no number from 1 to 65535";
		n = n * 10 + (uint32_t)(s.p[i] - '0');
	}
	if (n > 65535)
		return "a port that is no number from 1 to 65535";
	out->port = (uint16_t)n;
	return NULL;
}

static const char *take_authority(struct stk_span s, struct stockade_url *out)
{
	size_t end = s.len;
	const char *why;

	if (s.len == 0)
		return "no host";
	if (memchr(s.p, '@', s.len) != NULL)
		return "a user name or password before the host";
	if (memchr(s.p, '%', s.len) != NULL)
		return "a host in a coded spelling";
	/* the last colon, unless it stands within brackets */
	for (size_t i = s.len; i > 0 && s.p[i - 1] != ']'; i--)
		if (s.p[i - 1] == ':') {
			end = i - 1;
			break;
		}
	why = take_host(stk_span_of(s.p, end), out);
	if (why == NULL && end < s.len)
		why = take_port(stk_span_of(s.p + end + 1, s.len - end - 1), out);
	return why;
}

/* One dot, in either spelling; moves *s behind it. */
static bool dot(struct stk_span *s)
{
	if (s->len >= 1 && s->p[0] == '.') {
		*s = stk_span_of(s->p + 1, s->len - 1);
		return true;
	}
	if (s->len >= 3 && s->p[0] == '%' && s->p[1] == '2' && (s->p[2] | 0x20) == 'e') {
		*s = stk_span_of(s->p + 3, s->len - 3);
		return true;
	}
	return false;
}

static bool has_dot_segment(const char *path, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t end = at;
		struct stk_span s;

		while (end < len && path[end] != '/')
			end++;
		s = stk_span_of(path + at, end - at);
		if (dot(&s) && (s.len == 0 || (dot(&s) && s.len == 0)))
			return true;
		at = end + 1;
	}
	return false;
}

static const char *take_target(const char *s, struct stockade_url *out)
{
	size_t path = strcspn(s, "?");

	if (strpbrk(s, "[]") != NULL)
		return "a bracket behind the host";
	if (has_dot_segment(s, path))
		return "a \".\" or \"..\" in its path";
	out->target[0] = '/';
	/* the length was bounded before; "" and "?x" are "/" and "/?x" */
	memcpy(out->target + (s[0] == '/' ? 0 : 1), s, strlen(s) + 1);
	return NULL;
}

_Static_assert(
    sizeof(((struct stockade_url *)0)->target) >= STOCKADE_URL_MAX + 2, "with its slash");

int stockade_url_parse(const char *text, unsigned flags, struct stockade_url *out)
{
	const char *why, *at = text;
	size_t authority;

	memset(out, 0, sizeof(*out));
	if (strnlen(text, STOCKADE_URL_MAX + 1) > STOCKADE_URL_MAX)
		return bad(out, "more than 2048 bytes");
	if ((why = bytes_wrong(text)) != NULL || (why = take_scheme(&at, flags, out)) != NULL)
		return bad(out, why);
	authority = strcspn(at, "/?");
	if ((why = take_authority(stk_span_of(at, authority), out)) != NULL ||
	    (why = take_target(at + authority, out)) != NULL)
		return bad(out, why);
	return 0;
}

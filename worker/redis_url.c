/*
 * redis_url.c - see redis_url.h. A cursor over the text; each part has one function and one limit.
 */
#include "worker/redis_url.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STK_URL_MAX 2048

struct parse {
	const char *at, *end;
	struct stk_redis_url *u;
	char *why;
	size_t why_bytes;
};

static enum stk_err STK_PRINTF(2, 3) bad(struct parse *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(p->why, p->why_bytes, fmt, ap);
	va_end(ap);
	return STK_E_FORMAT;
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool plain_bytes(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)p[i] <= 0x20 || (uint8_t)p[i] >= 0x7f)
			return false;
	return true;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes %XX; NUL may not come out of it. */
static bool decode(const char *from, const char *end, char *out, size_t cap)
{
	size_t n = 0;

	for (; from < end; from++) {
		int v = (uint8_t)*from;

		if (*from == '%') {
			if (end - from < 3 || hex_value(from[1]) < 0 || hex_value(from[2]) < 0)
				return false;
			v = hex_value(from[1]) * 16 + hex_value(from[2]);
			from += 2;
		}
		if (v == 0 || n + 1 >= cap)
			return false;
		out[n++] = (char)v;
	}
	out[n] = '\0';
	return true;
}

/* Decimal digits only, 0..@max. */
static bool number(const char *from, const char *end, long max, long *out)
{
	long v = 0;

	if (from == end || end - from > 6)
		return false;
	for (; from < end; from++) {
		if (*from < '0' || *from > '9')
			return false;
		v = v * 10 + (*from - '0');
	}
	*out = v;
	return v <= max;
}

static enum stk_err take_db(struct parse *p, const char *from, const char *end)
{
	long v;

	if (!number(from, end, 65535, &v))
		return bad(p, "the database is not a number from 0 to 65535");
	p->u->db = (int)v;
	return STK_OK;
}

static enum stk_err take_port(struct parse *p, const char *from, const char *end)
{
	long v;

	if (!number(from, end, 65535, &v) || v == 0)
		return bad(p, "the port is not a number from 1 to 65535");
	p->u->port = (uint16_t)v;
	return STK_OK;
}

/* The host up to ':', '/' or @stop; an IPv6 address stands in brackets. */
static enum stk_err take_host(struct parse *p, const char *stop)
{
	const char *from = p->at, *to;

	if (from < stop && *from == '[') {
		from++;
		to = memchr(from, ']', (size_t)(stop - from));
		if (to == NULL)
			return bad(p, "an IPv6 address needs its closing bracket: [::1]:6379");
		p->at = to + 1;
		if (p->at < stop && *p->at != ':')
			return bad(p, "after an IPv6 address only :port may follow");
	} else {
		for (to = from; to < stop && *to != ':'; to++)
			continue;
		p->at = to;
	}
	if (to == from)
		return bad(p, "the host is missing");
	if ((size_t)(to - from) >= sizeof(p->u->host) || !plain_bytes(from, (size_t)(to - from)))
		return bad(p, "the host is longer than 255 bytes or holds a space or control byte");
	memcpy(p->u->host, from, (size_t)(to - from));
	return STK_OK;
}

/* user:password@ in front of the host; the last @ counts, as in every URL reader. */
static enum stk_err take_login(struct parse *p, const char *stop)
{
	const char *at = memrchr(p->at, '@', (size_t)(stop - p->at)), *colon;

	if (at == NULL)
		return STK_OK;
	colon = memchr(p->at, ':', (size_t)(at - p->at));
	if (!decode(p->at, colon == NULL ? at : colon, p->u->user, sizeof(p->u->user)))
		return bad(p, "the user is longer than 127 bytes or badly percent-encoded");
	if (colon != NULL) {
		if (!decode(colon + 1, at, p->u->password, sizeof(p->u->password)))
			return bad(
			    p, "the password is longer than 511 bytes or badly percent-encoded");
		p->u->has_password = p->u->password[0] != '\0';
	}
	p->at = at + 1;
	return STK_OK;
}

static enum stk_err parse_redis(struct parse *p)
{
	const char *slash;
	enum stk_err e;

	p->at += strlen("redis://");
	slash = memchr(p->at, '/', (size_t)(p->end - p->at));
	if (slash == NULL)
		slash = p->end;
	if (memchr(p->at, '?', (size_t)(p->end - p->at)) != NULL ||
	    memchr(p->at, '#', (size_t)(p->end - p->at)) != NULL)
		return bad(p,
		    "redis:// takes no ? or # part: write redis://host:port/db, and percent-encode "
		    "such bytes of a password");
	if ((e = take_login(p, slash)) != STK_OK || (e = take_host(p, slash)) != STK_OK)
		return e;
	if (p->at < slash && (e = take_port(p, p->at + 1, slash)) != STK_OK)
		return e;
	if (p->end - slash <= 1)
		return STK_OK;
	if (memchr(slash + 1, '/', (size_t)(p->end - slash - 1)) != NULL)
		return bad(p, "after the database nothing may follow: the namespace comes from "
			      "RESQUE_NAMESPACE");
	return take_db(p, slash + 1, p->end);
}

static enum stk_err parse_unix(struct parse *p)
{
	const char *query;
	size_t n;

	p->at += strlen("unix://");
	query = memchr(p->at, '?', (size_t)(p->end - p->at));
	n = (size_t)((query == NULL ? p->end : query) - p->at);
	if (n < 2 || n >= sizeof(p->u->socket_path))
		return bad(p, "a socket path has 2 to 107 bytes: unix:///run/redis/redis.sock");
	memcpy(p->u->socket_path, p->at, n);
	if (query == NULL)
		return STK_OK;
	if (!starts(query, "?db="))
		return bad(p, "unix:// takes ?db=N only");
	return take_db(p, query + 4, p->end);
}

static enum stk_err take_namespace(struct parse *p, const char *from)
{
	size_t n = (size_t)(p->end - from);

	if (n == 0 || n >= sizeof(p->u->ns) || !plain_bytes(from, n))
		return bad(p, "the namespace after / has 1 to 128 printable bytes");
	memcpy(p->u->ns, from, n);
	return STK_OK;
}

/* host, host:port, host:port:db, each with /namespace; everything after the first / is namespace.
 */
static enum stk_err parse_plain(struct parse *p)
{
	const char *slash = memchr(p->at, '/', (size_t)(p->end - p->at));
	const char *stop = slash == NULL ? p->end : slash, *colon;
	enum stk_err e;

	if (memchr(p->at, '@', (size_t)(stop - p->at)) != NULL)
		return bad(
		    p, "a user or password needs the form redis://user:password@host:port/db");
	if ((e = take_host(p, stop)) != STK_OK)
		return e;
	if (p->at < stop) {
		p->at++;
		colon = memchr(p->at, ':', (size_t)(stop - p->at));
		if ((e = take_port(p, p->at, colon == NULL ? stop : colon)) != STK_OK)
			return e;
		if (colon != NULL && (e = take_db(p, colon + 1, stop)) != STK_OK)
			return e;
	}
	return slash == NULL ? STK_OK : take_namespace(p, slash + 1);
}

static enum stk_err dispatch(struct parse *p, const char *text)
{
	if (starts(text, "rediss://")) {
		(void)bad(p, "rediss:// is refused: TLS is not built in yet; use a unix socket "
			     "(unix:///path) or a TLS tunnel such as stunnel on this machine");
		return STK_E_REFUSED;
	}
	if (starts(text, "redis://"))
		return parse_redis(p);
	if (starts(text, "unix://"))
		return parse_unix(p);
	if (strstr(text, "://") != NULL)
		return bad(p, "this scheme is unknown: use redis:// or unix://");
	return parse_plain(p);
}

enum stk_err stk_redis_url_parse(
    const char *text, struct stk_redis_url *out, char *why, size_t why_bytes)
{
	size_t n = strnlen(text, STK_URL_MAX + 1);
	struct parse p = {
		.at = text, .end = text + n, .u = out, .why = why, .why_bytes = why_bytes
	};
	enum stk_err e;

	*out = (struct stk_redis_url){ .port = 6379 };
	if (why_bytes > 0)
		why[0] = '\0';
	if (n > STK_URL_MAX) {
		(void)bad(&p, "longer than %d bytes", STK_URL_MAX);
		e = STK_E_TOOBIG;
	} else if (n == 0) {
		e = bad(&p, "empty: write redis://localhost:6379/0");
	} else {
		e = dispatch(&p, text);
	}
	if (e != STK_OK)
		stk_redis_url_clear(out);
	return e;
}

void stk_redis_url_clear(struct stk_redis_url *u)
{
	explicit_bzero(u, sizeof(*u));
}

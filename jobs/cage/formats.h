/*
 * formats.h - the values of JSON Schema's `format` that are checked. All of them assert; a name
 * that is not here is a build error. Oracle: the format cases of the JSON-Schema-Test-Suite.
 */
#ifndef JOBS_CAGE_FORMATS_H
#define JOBS_CAGE_FORMATS_H

#include "sandbox/base.h"

/* X(name in a schema, function, what it is); the order is the number a compiled schema holds. */
#define STK_FORMATS(X)                                  \
	X("date", date, "RFC 3339")                     \
	X("time", time, "RFC 3339, with offset")        \
	X("date-time", date_time, "RFC 3339")           \
	X("duration", duration, "RFC 3339, appendix A") \
	X("email", email, "RFC 5321")                   \
	X("idn-email", idn_email, "RFC 6531")           \
	X("hostname", hostname, "RFC 1123")             \
	X("ipv4", ipv4, "RFC 2673")                     \
	X("ipv6", ipv6, "RFC 4291")                     \
	X("uri", uri, "RFC 3986")                       \
	X("uri-reference", uri_reference, "RFC 3986")   \
	X("iri", iri, "RFC 3987")                       \
	X("iri-reference", iri_reference, "RFC 3987")   \
	X("uri-template", uri_template, "RFC 6570")     \
	X("uuid", uuid, "RFC 4122")                     \
	X("json-pointer", json_pointer, "RFC 6901")     \
	X("relative-json-pointer", relative_json_pointer, "draft-handrews-relative-json-pointer-01")

/* Each takes valid UTF-8 that may hold NUL bytes; linear in its length; no allocation. */
#define X(name, fn, rfc) bool stk_format_##fn(struct stk_span s);
STK_FORMATS(X)
#undef X

/* The number of @name, or -1. */
int stk_format_find(const char *name);
/* The name of number @id, which stk_format_find gave; static. */
const char *stk_format_name(uint32_t id);
/* How many there are. */
uint32_t stk_format_count(void);
/* Is @s of format @id? False for a number that is none. */
bool stk_format_holds(uint32_t id, struct stk_span s);

/* --- shared by the files that implement them ----------------------------------------------------
 */

static inline bool stk_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline bool stk_is_alpha(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool stk_is_hex(uint8_t c)
{
	return stk_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Takes the next byte if it is @c. */
static inline bool stk_eat(struct stk_span *s, uint8_t c)
{
	if (s->len == 0 || s->p[0] != c)
		return false;
	s->p++;
	s->len--;
	return true;
}

static inline bool stk_one_of(uint8_t c, const char *set)
{
	for (; *set != '\0'; set++)
		if ((uint8_t)*set == c)
			return true;
	return false;
}

#endif

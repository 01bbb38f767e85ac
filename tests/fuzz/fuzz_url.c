/*
 * fuzz_url.c - job.h's URL check over any text: what it lets through holds what it promises, and is
 * let through again in its own spelling, to the same parts.
 */
#include "jobs/job.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promises(const struct stockade_url *u)
{
	for (const char *p = u->target; *p != '\0'; p++)
		if (*p <= 0x20 || *p >= 0x7f || *p == '#' || *p == '\\')
			abort();
	for (const char *p = u->host; *p != '\0'; p++)
		if (*p <= 0x20 || *p >= 0x7f || strchr("@%/?#[]", *p) != NULL ||
		    (*p >= 'A' && *p <= 'Z'))
			abort();
	if (u->host[0] == '\0' || u->target[0] != '/' || u->port == 0 || u->why != NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[4096], again[4096];
	struct stockade_url u, v;
	bool six;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (stockade_url_parse(text, STOCKADE_URL_HTTP, &u) != 0) {
		if (u.why == NULL || u.host[0] != '\0')
			abort();
		return 0;
	}
	promises(&u);
	six = strchr(u.host, ':') != NULL;
	(void)snprintf(again, sizeof(again), "%s://%s%s%s:%u%s", u.scheme, six ? "[" : "", u.host,
	    six ? "]" : "", u.port, u.target);
	if (strlen(again) > STOCKADE_URL_MAX)
		return 0;
	if (stockade_url_parse(again, STOCKADE_URL_HTTP, &v) != 0 || strcmp(u.host, v.host) != 0 ||
	    strcmp(u.target, v.target) != 0 || u.port != v.port ||
	    strcmp(u.scheme, v.scheme) != 0 || u.is_address != v.is_address)
		abort();
	return 0;
}

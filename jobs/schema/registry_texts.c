/*
 * registry_texts.c - what stands in quotes in a registry line: labels, destinations, paths. The
 * worker refuses a cage program that describes others (sandbox/classes.c); here the author hears it
 * at the build, with the line.
 */
#include "jobs/schema/registry_words.h"

#include "sandbox/net_addr.h"
#include "sandbox/wire.h"

#include <string.h>

static const char *label(const char *s)
{
	size_t len = strlen(s);

	if (len >= STK_LABEL_MAX)
		return "is longer than 31 bytes";
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len
		   ? NULL
		   : "is no label: those are of a to z, 0 to 9, _ and -";
}

static const char *place(const char *s)
{
	struct stk_net_rule rule;

	if (strlen(s) >= STK_NET_MAX)
		return "is longer than 95 bytes";
	return stk_net_rule_parse(s, &rule) == NULL
		   ? NULL
		   : "is none of \"name:port\", \"*.name:port\", \"address:port\", \"range:port\" "
		     "and \"*:port\"";
}

static const char *path(const char *s)
{
	if (strlen(s) >= STK_PATH_MAX)
		return "is longer than 127 bytes";
	if (s[0] != '/' || strstr(s, "/..") != NULL)
		return "is no absolute path without ..";
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~')
			return "has a character that is none of printable ASCII, or a blank";
	return NULL;
}

const char *stk_text_wrong(enum stk_text_kind kind, const char *text)
{
	switch (kind) {
	case STK_TEXT_LABEL: return label(text);
	case STK_TEXT_PLACE: return place(text);
	case STK_TEXT_PATH: break;
	}
	return path(text);
}

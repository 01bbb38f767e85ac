/*
 * title.c - see title.h. The kernel shows the original argv area, so the text is written there; the
 * environment behind it is copied away first to make room.
 */
#include "worker/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static struct {
	char *start;
	size_t size;
} area;

static char *area_end(int argc, char **argv)
{
	char *end = argv[0] + strlen(argv[0]) + 1;

	for (int i = 1; i < argc; i++)
		if (argv[i] == end)
			end = argv[i] + strlen(argv[i]) + 1;
	for (char **e = environ; *e != NULL; e++)
		if (*e == end)
			end = *e + strlen(*e) + 1;
	return end;
}

static bool move_environment(void)
{
	size_t n = 0;
	char **copy;

	while (environ[n] != NULL)
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	if (copy == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		copy[i] = strdup(environ[i]);
		if (copy[i] == NULL)
			goto free_copy;
	}
	environ = copy;
	return true;
free_copy:
	for (size_t i = 0; i < n; i++)
		free(copy[i]);
	free(copy);
	return false; /* the old environment stays in place */
}

void stk_title_init(int argc, char **argv)
{
	char *start, *end;

	if (argc < 1)
		return;
	start = argv[0];
	end = area_end(argc, argv);
	for (int i = 0; i < argc; i++) {
		char *copy = strdup(argv[i]);

		if (copy == NULL)
			return; /* without memory the title stays what it was */
		argv[i] = copy; /* lives as long as the program */
	}
	if (!move_environment())
		return;
	area.start = start;
	area.size = (size_t)(end - start);
}

/* Control and non-ASCII bytes become '?'; "resque-web" in a name becomes "resque_web". */
static void clean(char *text)
{
	char *web;

	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			*p = '?';
	while ((web = strstr(text, "resque-web")) != NULL)
		web[6] = '_';
}

void stk_title_set(const char *fmt, ...)
{
	const char *prefix = getenv("RESQUE_PROCLINE_PREFIX");
	char text[256];
	va_list ap;
	size_t len;
	int head;

	if (area.start == NULL || area.size < 2)
		return;
	/* an operator's prefix goes first, as in Ruby; it is cut so that the marker stays in sight
	 */
	head = snprintf(
	    text, sizeof(text), "%.40sresque-%s: ", prefix != NULL ? prefix : "", STOCKADE_VERSION);
	va_start(ap, fmt);
	(void)vsnprintf(text + head, sizeof(text) - (size_t)head, fmt, ap);
	va_end(ap);
	clean(text);
	len = strlen(text);
	if (len > area.size - 1)
		len = area.size - 1;
	memset(area.start, 0, area.size);
	memcpy(area.start, text, len);
}

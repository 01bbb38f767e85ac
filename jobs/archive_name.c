/*
 * archive_name.c - see archive_name.h.
 */
#include "jobs/archive_name.h"

#include <stdlib.h>
#include <string.h>

#define SLASHES "/\\"

/* The next part that is neither empty nor "."; *len is 0 at the end. */
static const char *next_part(const char *at, size_t *len)
{
	for (;;) {
		at += strspn(at, SLASHES);
		*len = strcspn(at, SLASHES);
		if (*len != 1 || at[0] != '.')
			return at;
		at += 1;
	}
}

static bool is_up(const char *part, size_t len)
{
	return len == 2 && part[0] == '.' && part[1] == '.';
}

static bool is_absolute(const char *name)
{
	char c = name[0];

	return c == '/' || c == '\\' ||
	       (((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) && name[1] == ':');
}

/* Part by part, so that "a//b" is "a/b"; @link ends with its last part. */
static bool beneath(const char *link, const char *name)
{
	size_t a, b;

	for (;; link += a, name += b) {
		link = next_part(link, &a);
		name = next_part(name, &b);
		if (a == 0)
			return b != 0;
		if (a != b || memcmp(link, name, a) != 0)
			return false;
	}
}

const char *archive_name_wrong(const struct archive_links *links, const char *name)
{
	size_t len;

	if (name[0] == '\0')
		return "is empty";
	if (strlen(name) > ARCHIVE_NAME_MAX)
		return "is longer than 1024 bytes";
	if (is_absolute(name))
		return "is absolute";
	for (const char *at = next_part(name, &len); len > 0; at = next_part(at + len, &len))
		if (is_up(at, len))
			return "climbs by \"..\"";
	for (size_t i = 0; i < links->n; i++)
		if (beneath(links->name[i], name))
			return "lies beneath a symbolic link of the archive";
	return NULL;
}

static size_t depth(const char *name)
{
	size_t n = 0, len;

	for (const char *at = next_part(name, &len); len > 0; at = next_part(at + len, &len))
		n++;
	return n;
}

const char *archive_link_wrong(struct archive_links *links, const char *name, const char *target)
{
	size_t folders = depth(name), up = 0, len;
	bool down = false;

	/* "." as a link's own name would make everything lie beneath it */
	if (folders == 0)
		return "is a symbolic link in place of the folder itself";
	folders--;
	if (target[0] == '\0' || strlen(target) > ARCHIVE_NAME_MAX)
		return "is a symbolic link to nothing, or to more than 1024 bytes";
	if (is_absolute(target))
		return "is a symbolic link to an absolute path";
	for (const char *at = next_part(target, &len); len > 0; at = next_part(at + len, &len)) {
		if (!is_up(at, len)) {
			down = true;
			continue;
		}
		if (down)
			return "is a symbolic link that goes down and up again";
		if (++up > folders)
			return "is a symbolic link that leads out";
	}
	if (links->n == ARCHIVE_LINKS_MAX)
		return "is one of more than 256 symbolic links";
	links->name[links->n] = strdup(name);
	if (links->name[links->n] == NULL)
		return "finds no memory";
	links->n++;
	return NULL;
}

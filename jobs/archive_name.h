/*
 * archive_name.h - whether names in an archive stay where the archive is unpacked. Compute only;
 * knows no archive library.
 */
#ifndef JOBS_ARCHIVE_NAME_H
#define JOBS_ARCHIVE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define ARCHIVE_NAME_MAX  1024
#define ARCHIVE_LINKS_MAX 256

/* The symbolic links seen so far; zeroed before the first. */
struct archive_links {
	size_t n;
	char *name[ARCHIVE_LINKS_MAX]; /* owned; the process ends with the job */
};

/*
 * NULL if @name is good as the name of an entry, else what is wrong with it, in words: absolute (a
 * drive letter included), with a ".." part, longer than 1024 bytes, or beneath one of @links. Both
 * slashes part, as one of them does where it is unpacked.
 */
const char *archive_name_wrong(const struct archive_links *links, const char *name);
/*
 * The same for the target of a symbolic link called @name, whose name is good: relative, ".." only
 * at its beginning and no more often than there are folders above @name. Remembers @name.
 *
 * That is enough: the folder of @name is real, since no entry lies beneath a link, so each leading
 * ".." is one real folder up; and what follows goes down, through links of which the same holds.
 */
const char *archive_link_wrong(struct archive_links *links, const char *name, const char *target);

#endif

/*
 * files.c - job.h's words for writing. Every part of a name is opened by itself and never through a
 * link, so a name stays beneath its label whatever others put there; Landlock says the same again.
 */
#include "jobs/cage/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NEW_FILE (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)

/* A directory and a name in it; close_place() in every case. */
struct place {
	int dir; /* owned if @ours, else the label's */
	bool ours;
	const char *last; /* borrowed from the name */
};

static void close_place(struct place *p)
{
	if (p->ours)
		stk_close(&p->dir);
}

/* One part down. */
static int enter(struct place *p, const char *part, size_t len)
{
	char name[256];
	int fd;

	if (len >= sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, part, len);
	name[len] = '\0';
	fd = openat(p->dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -1;
	close_place(p);
	p->dir = fd;
	p->ours = true;
	return 0;
}

static int find_place(
    const struct stockade_job *job, const char *label, const char *name, struct place *p)
{
	const char *slash;

	*p = (struct place){ .dir = stockade_dir_for(job, label, "WRITE"), .last = name };
	if (p->dir == -1)
		return -1;
	if (!stockade_name_safe(name)) {
		errno = EINVAL;
		return -1;
	}
	for (; (slash = strchr(p->last, '/')) != NULL; p->last = slash + 1)
		if (enter(p, p->last, (size_t)(slash - p->last)) == -1)
			return -1;
	return 0;
}

int stockade_create(const struct stockade_job *job, const char *label, const char *name)
{
	struct place p;
	int fd = -1;

	if (find_place(job, label, name, &p) == 0)
		fd = openat(p.dir, p.last, NEW_FILE | O_CLOEXEC, 0600);
	close_place(&p);
	return fd;
}

int stockade_rename(
    const struct stockade_job *job, const char *label, const char *from, const char *to)
{
	struct place a, b = { .dir = -1 };
	int rc = -1;

	if (find_place(job, label, from, &a) == 0 && find_place(job, label, to, &b) == 0)
		rc = renameat(a.dir, a.last, b.dir, b.last);
	close_place(&a);
	close_place(&b);
	return rc;
}

int stockade_unlink(const struct stockade_job *job, const char *label, const char *name)
{
	struct place p;
	int rc = -1;

	if (find_place(job, label, name, &p) == 0)
		rc = unlinkat(p.dir, p.last, 0);
	close_place(&p);
	return rc;
}

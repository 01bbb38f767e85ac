/*
 * output_file.c - see output_file.h.
 */
#include "jobs/output_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int output_file_open(
    struct output_file *o, const struct stockade_job *job, const char *label, const char *name)
{
	const char *slash = strrchr(name, '/');
	size_t folder = slash == NULL ? 0 : (size_t)(slash - name) + 1;

	*o = (struct output_file){ .job = job, .label = label, .name = name, .fd = -1 };
	if (folder + 64 > sizeof(o->draft)) {
		errno = EINVAL;
		return -1;
	}
	(void)snprintf(
	    o->draft, sizeof(o->draft), "%.*s.%s.part", (int)folder, name, stockade_job_id(job));
	o->fd = stockade_create(job, label, o->draft);
	if (o->fd == -1 && errno == EEXIST && stockade_unlink(job, label, o->draft) == 0)
		o->fd = stockade_create(job, label, o->draft);
	return o->fd == -1 ? -1 : 0;
}

int output_file_write(struct output_file *o, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(o->fd, at, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int output_file_commit(struct output_file *o)
{
	int synced = fsync(o->fd);

	if (synced == 0 && stockade_rename(o->job, o->label, o->draft, o->name) == 0) {
		(void)close(o->fd);
		o->fd = -1;
		return 0;
	}
	output_file_discard(o);
	return -1;
}

void output_file_discard(struct output_file *o)
{
	int err = errno;

	if (o->fd == -1)
		return;
	(void)close(o->fd);
	o->fd = -1;
	(void)stockade_unlink(o->job, o->label, o->draft);
	errno = err;
}

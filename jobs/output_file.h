/*
 * output_file.h - a file of a job that is there whole or not at all: written under a name of the
 * job's own, synced, then renamed. Used by the built-in jobs that write.
 */
#ifndef JOBS_OUTPUT_FILE_H
#define JOBS_OUTPUT_FILE_H

#include "jobs/job.h"

struct output_file {
	const struct stockade_job *job;
	const char *label, *name; /* borrowed */
	char draft[1100];         /* ".<job id>.part" in the folder of name */
	int fd;
};

/*
 * Begins the file @name beneath @label; what an earlier run of this job left half written is
 * removed. 0, or -1 with errno as stockade_create() has it.
 */
int output_file_open(
    struct output_file *o, const struct stockade_job *job, const char *label, const char *name);
/* All of it: 0, or -1 with errno. */
int output_file_write(struct output_file *o, const void *bytes, size_t len);
/* Syncs and gives it its name, in place of what had it. 0, or -1 with errno and the draft gone. */
int output_file_commit(struct output_file *o);
/* Removes the draft; nothing after a commit. Keeps errno. */
void output_file_discard(struct output_file *o);

#endif

/*
 * checksum_file.args.h - the arguments of ChecksumFile as checksum_file.schema.json admits them.
 */
#ifndef JOBS_CHECKSUM_FILE_ARGS_H
#define JOBS_CHECKSUM_FILE_ARGS_H

#include "jobs/job.h"

struct checksum_file_args {
	const char *file; /* 1..255 bytes, a relative path; borrowed for the job's life */
};

struct stockade_result checksum_file(
    struct stockade_job *job, const struct checksum_file_args *args);

#endif

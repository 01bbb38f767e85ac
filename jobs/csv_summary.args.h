/*
 * csv_summary.args.h - the arguments of CsvSummary as csv_summary.schema.json admits them.
 */
#ifndef JOBS_CSV_SUMMARY_ARGS_H
#define JOBS_CSV_SUMMARY_ARGS_H

#include "jobs/job.h"

struct csv_summary_args {
	const char *file; /* 1..255 bytes, a relative path; borrowed for the job's life */
};

struct stockade_result csv_summary(struct stockade_job *job, const struct csv_summary_args *args);

#endif

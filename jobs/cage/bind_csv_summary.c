/*
 * bind_csv_summary.c - ties CsvSummary's checked arguments to its handler.
 */
#include "jobs/cage/one_file.h"
#include "jobs/csv_summary.args.h"

extern const struct stockade_binding stockade_binding_csv_summary;
int stockade_bind_csv_summary(
    const json_t *args, struct csv_summary_args *out, struct stockade_violation *v);

int stockade_bind_csv_summary(
    const json_t *args, struct csv_summary_args *out, struct stockade_violation *v)
{
	return stockade_bind_one_file(args, &out->file, v);
}

static int bind(const json_t *args, void *out, struct stockade_violation *v)
{
	return stockade_bind_csv_summary(args, out, v);
}

static struct stockade_result run(struct stockade_job *job, const void *args)
{
	return csv_summary(job, args);
}

const struct stockade_binding stockade_binding_csv_summary = {
	.args_size = sizeof(struct csv_summary_args),
	.bind = bind,
	.run = run,
};

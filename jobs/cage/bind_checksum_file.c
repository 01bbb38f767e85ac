/*
 * bind_checksum_file.c - ties ChecksumFile's checked arguments to its handler.
 */
#include "jobs/cage/one_file.h"
#include "jobs/checksum_file.args.h"

extern const struct stockade_binding stockade_binding_checksum_file;
int stockade_bind_checksum_file(
    const json_t *args, struct checksum_file_args *out, struct stockade_violation *v);

int stockade_bind_checksum_file(
    const json_t *args, struct checksum_file_args *out, struct stockade_violation *v)
{
	return stockade_bind_one_file(args, &out->file, v);
}

static int bind(const json_t *args, void *out, struct stockade_violation *v)
{
	return stockade_bind_checksum_file(args, out, v);
}

static struct stockade_result run(struct stockade_job *job, const void *args)
{
	return checksum_file(job, args);
}

const struct stockade_binding stockade_binding_checksum_file = {
	.args_size = sizeof(struct checksum_file_args),
	.bind = bind,
	.run = run,
};

/*
 * thumbnail.c - Thumbnail: a PNG or JPEG that nobody has vouched for, made small. What kind it is
 * is told by its first bytes, how large it is before memory is taken for it. Neither colour
 * profiles nor the orientation that a camera notes are applied, and neither is handed on.
 */
#include "jobs/output_file.h"
#include "jobs/picture.h"
#include "jobs/text.h"
#include "jobs/thumbnail.args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES ((size_t)32 << 20)

static enum picture_code load(
    struct stockade_job *job, const char *name, struct picture *p, struct picture_bytes *in)
{
	int fd = stockade_open(job, "inputs", name);
	struct stat st;
	uint8_t *bytes;
	size_t len = 0;
	ssize_t n = 1;

	if (fd == -1 || fstat(fd, &st) == -1)
		return picture_fail(
		    p, PICTURE_CANNOT_OPEN, "cannot be opened: %s", strerror(errno));
	if (st.st_size > (off_t)FILE_BYTES)
		return picture_fail(p, PICTURE_TOO_LARGE, "is a file of more than 32 MiB");
	bytes = malloc((size_t)st.st_size + 1);
	if (bytes == NULL)
		return picture_fail(p, PICTURE_NO_MEMORY, "no memory for the file");
	while (len < (size_t)st.st_size && n != 0) {
		n = read(fd, bytes + len, (size_t)st.st_size - len);
		if (n == -1 && errno != EINTR)
			return picture_fail(
			    p, PICTURE_CANNOT_OPEN, "cannot be read: %s", strerror(errno));
		len += n > 0 ? (size_t)n : 0;
	}
	(void)close(fd);
	*in = (struct picture_bytes){ bytes, len };
	return PICTURE_OK;
}

static enum picture_code decode(struct picture *p, struct picture_bytes in)
{
	static const uint8_t png[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	static const uint8_t jpeg[3] = { 0xff, 0xd8, 0xff };

	if (in.len >= sizeof(png) && memcmp(in.at, png, sizeof(png)) == 0)
		return picture_read_png(p, in);
	if (in.len >= sizeof(jpeg) && memcmp(in.at, jpeg, sizeof(jpeg)) == 0)
		return picture_read_jpeg(p, in);
	return picture_fail(p, PICTURE_FORMAT, "is neither PNG nor JPEG");
}

static enum picture_code save(struct stockade_job *job, const char *name, struct picture *p)
{
	bool png = strcmp(name + strlen(name) - 4, ".png") == 0;
	struct output_file o;
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum picture_code code =
	    png ? picture_write_png(p, &bytes, &len) : picture_write_jpeg(p, &bytes, &len);

	if (code != PICTURE_OK)
		return code;
	if (output_file_open(&o, job, "outputs", name) == 0) {
		if (output_file_write(&o, bytes, len) == 0 && output_file_commit(&o) == 0)
			return PICTURE_OK;
		output_file_discard(&o);
	}
	return picture_fail(p, PICTURE_CANNOT_WRITE, "cannot be written: %s", strerror(errno));
}

struct stockade_result thumbnail(struct stockade_job *job, const struct thumbnail_args *args)
{
	struct picture p = { .max_width = (uint32_t)args->width,
		.max_height = (uint32_t)args->width };
	struct picture_bytes in = { NULL, 0 };
	char json[2048];
	struct text t = text_in(json, sizeof(json));
	enum picture_code code;

	if (args->has_height)
		p.max_height = (uint32_t)args->height;
	code = load(job, args->file, &p, &in);
	if (code == PICTURE_OK)
		code = decode(&p, in);
	free((void *)(uintptr_t)in.at);
	if (code != PICTURE_OK)
		return stockade_fail(job, code, "%s: %s", args->file, p.why);
	code = save(job, args->output, &p);
	if (code != PICTURE_OK)
		return stockade_fail(job, code, "%s: %s", args->output, p.why);
	text_put(&t, "{\"output\":");
	text_put_json(&t, args->output, strlen(args->output));
	text_put(&t, ",\"width\":%u,\"height\":%u}", p.width, p.height);
	if (t.full || stockade_result_json(job, json) == -1)
		return stockade_fail(job, PICTURE_NO_MEMORY, "no room for the result");
	return STOCKADE_DONE;
}

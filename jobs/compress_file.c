/*
 * compress_file.c - CompressFile: one granted file as gzip (RFC 1952), by zlib. The same input and
 * level give the same bytes: the header holds neither name nor time. The output appears whole, by
 * rename, and never in place of the file that is read.
 */
#include "jobs/compress_file.args.h"
#include "jobs/output_file.h"
#include "jobs/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define CHUNK ((size_t)256 << 10)

/* A job's process runs one job. */
static unsigned char in[CHUNK], out[CHUNK];

struct sums {
	uint64_t read, written;
	unsigned long crc;
};

/* Both labels may be one directory, and both names one file, by whatever spelling. */
static bool same_file(const struct stockade_job *job, int fd, const char *output)
{
	struct stat a, b;
	int dir = stockade_dir(job, "outputs");

	return dir != -1 && fstat(fd, &a) == 0 &&
	       fstatat(dir, output, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Writes what zlib has for the input it was given. 0, or -1 with errno. */
static int drain(z_stream *z, int flush, struct output_file *o, struct sums *s)
{
	int rc;

	do {
		z->next_out = out;
		z->avail_out = CHUNK;
		rc = deflate(z, flush);
		if (rc == Z_STREAM_ERROR) {
			errno = EIO;
			return -1;
		}
		s->written += CHUNK - z->avail_out;
		if (output_file_write(o, out, CHUNK - z->avail_out) == -1)
			return -1;
	} while (z->avail_out == 0);
	return 0;
}

/* 0, or -1 with errno; *reading says which side it was. */
static int squeeze(z_stream *z, int fd, struct output_file *o, struct sums *s, bool *reading)
{
	ssize_t n;

	do {
		n = read(fd, in, CHUNK);
		*reading = n == -1;
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		s->read += (uint64_t)n;
		s->crc = crc32(s->crc, in, (uInt)n);
		z->next_in = in;
		z->avail_in = (uInt)n;
		if (drain(z, n == 0 ? Z_FINISH : Z_NO_FLUSH, o, s) == -1)
			return -1;
	} while (n != 0);
	return 0;
}

static struct stockade_result tell(
    struct stockade_job *job, const struct compress_file_args *args, const struct sums *s)
{
	char json[4096];
	struct text t = text_in(json, sizeof(json));

	text_put(&t, "{\"output\":");
	text_put_json(&t, args->output, strlen(args->output));
	text_put(&t, ",\"bytes\":%" PRIu64 ",\"compressed\":%" PRIu64 ",\"crc32\":\"%08lx\"}",
	    s->read, s->written, s->crc);
	if (t.full || stockade_result_json(job, json) == -1)
		return stockade_fail(job, 6, "no room for the result");
	return STOCKADE_DONE;
}

struct stockade_result compress_file(
    struct stockade_job *job, const struct compress_file_args *args)
{
	/* 15 + 16: the largest window, in a gzip frame */
	const int window = 15 + 16;
	z_stream z = { .zalloc = Z_NULL };
	struct output_file o;
	struct sums s = { .crc = crc32(0, Z_NULL, 0) };
	bool reading = false;
	int fd = stockade_open(job, "inputs", args->file), rc;

	if (fd == -1)
		return stockade_fail(job, 1, "cannot open %s: %s", args->file, strerror(errno));
	if (same_file(job, fd, args->output))
		return stockade_fail(job, 2, "%s is the file that is read", args->output);
	if (deflateInit2(&z, args->has_level ? (int)args->level : 6, Z_DEFLATED, window, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return stockade_fail(job, 3, "zlib cannot start: %s", z.msg == NULL ? "" : z.msg);
	if (output_file_open(&o, job, "outputs", args->output) == -1)
		return stockade_fail(job, 4, "cannot make %s: %s", args->output, strerror(errno));
	rc = squeeze(&z, fd, &o, &s, &reading);
	if (rc == -1)
		output_file_discard(&o);
	else
		rc = output_file_commit(&o);
	(void)deflateEnd(&z);
	(void)close(fd);
	if (rc == -1)
		return stockade_fail(
		    job, 5, "cannot %s: %s", reading ? "read" : "write", strerror(errno));
	return tell(job, args, &s);
}

/*
 * checksum_file.c - ChecksumFile: the SHA-256 and the size of one granted file, read as a stream.
 * The name came through the schema; that it is a safe path is stockade_open's business.
 */
#include "jobs/checksum_file.args.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int stockade_setup_checksum_file(void);

/* libsodium asks for CPU features and randomness once; after the cage is shut it could not. */
int stockade_setup_checksum_file(void)
{
	return sodium_init() == -1 ? -1 : 0;
}

/* The number of bytes read, or -1 with errno. */
static int64_t hash_stream(int fd, unsigned char digest[crypto_hash_sha256_BYTES])
{
	static unsigned char buf[256u << 10];
	crypto_hash_sha256_state state;
	int64_t total = 0;
	ssize_t n;

	(void)crypto_hash_sha256_init(&state);
	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		(void)crypto_hash_sha256_update(&state, buf, (unsigned long long)n);
		total += n;
	}
	(void)crypto_hash_sha256_final(&state, digest);
	return total;
}

/* JSON's two special characters and controls; other bytes pass: the schema admitted UTF-8 only. */
static size_t quote(const char *s, char *out)
{
	size_t n = 0;

	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20) {
			n += (size_t)snprintf(out + n, 7, "\\u%04x", (unsigned)(unsigned char)*s);
			continue;
		}
		if (*s == '"' || *s == '\\')
			out[n++] = '\\';
		out[n++] = *s;
	}
	out[n] = '\0';
	return n;
}

struct stockade_result checksum_file(
    struct stockade_job *job, const struct checksum_file_args *args)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(digest) + 1], name[6 * 1024 + 1], json[sizeof(name) + 256];
	int64_t bytes;
	int fd = stockade_open(job, "inputs", args->file);

	if (fd == -1)
		return stockade_fail(job, 1, "cannot open %s: %s", args->file, strerror(errno));
	bytes = hash_stream(fd, digest);
	if (bytes == -1)
		return stockade_fail(job, 2, "cannot read %s: %s", args->file, strerror(errno));
	(void)close(fd);
	(void)sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	(void)quote(args->file, name);
	(void)snprintf(json, sizeof(json),
	    "{\"file\":\"%s\",\"bytes\":%" PRId64 ",\"sha256\":\"%s\"}", name, bytes, hex);
	if (stockade_result_json(job, json) == -1)
		return stockade_fail(job, 3, "no room for the result: %s", strerror(errno));
	return STOCKADE_DONE;
}

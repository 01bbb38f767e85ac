/*
 * files.c - files by stdio, by zlib, by job.h's own words, and threads.
 */
#include "tests/handlers/handlers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define CREW 4

static void *add_up(void *arg)
{
	uint64_t *sum = arg;
	char *heap = malloc(200000);

	for (uint64_t i = 1; i <= 100000; i++)
		*sum += i;
	if (heap != NULL)
		memset(heap, 1, 200000);
	free(heap);
	return NULL;
}

static const char *crew(void)
{
	pthread_t t[CREW];
	uint64_t sums[CREW] = { 0 };

	for (size_t i = 0; i < CREW; i++)
		if ((errno = pthread_create(&t[i], NULL, add_up, &sums[i])) != 0)
			return "pthread_create";
	for (size_t i = 0; i < CREW; i++)
		if ((errno = pthread_join(t[i], NULL)) != 0 || sums[i] != 5000050000)
			return "pthread_join";
	return NULL;
}

const char *handler_threads(struct stockade_job *job)
{
	(void)job;
	return crew();
}

const char *handler_threads_in_pure(struct stockade_job *job)
{
	(void)job;
	return crew();
}

const char *handler_thread_files(struct stockade_job *job)
{
	int fd = stockade_open(job, "inputs", "in");

	return fd == -1 || close(fd) == -1 ? "open a granted file" : crew();
}

/* Takes the path that the operator mapped, as a library that knows no descriptors would. */
static const char *path_in(int dir, const char *name, char out[600])
{
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, out, 500);
	if (n <= 0)
		return NULL;
	(void)snprintf(out + n, (size_t)(600 - n), "/%s", name);
	return out;
}

const char *handler_gz_files(struct stockade_job *job)
{
	char path[600], line[64];
	int fd = stockade_create(job, "outputs", "words.gz");
	gzFile out = fd == -1 ? NULL : gzdopen(fd, "wb"), in;

	if (out == NULL || gzputs(out, "words\n") != 6 || gzclose(out) != Z_OK)
		return "write a gzip file";
	if (path_in(stockade_dir(job, "outputs"), "words.gz", path) == NULL)
		return "the directory's path";
	in = gzopen(path, "rb");
	if (in == NULL || gzgets(in, line, sizeof(line)) == NULL || strcmp(line, "words\n") != 0 ||
	    gzclose(in) != Z_OK)
		return "read it again by its path";
	return stockade_unlink(job, "outputs", "words.gz") == 0 ? NULL : "remove it";
}

const char *handler_stdio_files(struct stockade_job *job)
{
	char in_path[600], out_path[600], *line = NULL;
	size_t size = 0;
	FILE *in, *out;
	DIR *dir;
	int n = 0;

	if (path_in(stockade_dir(job, "inputs"), "in", in_path) == NULL ||
	    path_in(stockade_dir(job, "outputs"), "copy", out_path) == NULL)
		return "the directories' paths";
	in = fopen(in_path, "re");
	out = fopen(out_path, "we");
	if (in == NULL || out == NULL)
		return "fopen";
	while (getline(&line, &size, in) > 0)
		n += fputs(line, out) >= 0;
	if (n != 2 || fseek(in, 0, SEEK_SET) != 0 || fflush(out) != 0 || fsync(fileno(out)) != 0)
		return "copy line by line";
	if (fclose(in) != 0 || fclose(out) != 0)
		return "fclose";
	free(line);
	*strrchr(out_path, '/') = '\0';
	dir = opendir(out_path);
	for (n = 0; dir != NULL && readdir(dir) != NULL; n++)
		continue;
	if (dir == NULL || closedir(dir) != 0 || n < 3)
		return "read a directory";
	(void)strcat(out_path, "/copy");
	return access(out_path, W_OK) == 0 && remove(out_path) == 0 ? NULL : "remove the copy";
}

/* --- job.h's own words ------------------------------------------------------------------------ */

static bool refused(int rc, int err)
{
	bool good = rc == -1 && errno == err;

	if (rc >= 0)
		(void)close(rc);
	return good;
}

/* As the tester prepared it: sub/ is a directory, way a link to it, end a link to nowhere. */
static const char *unsafe_names(struct stockade_job *job)
{
	static const char *const bad[] = { "", ".", "..", "/x", "x/", "a//b", "a/../b", "./x" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!refused(stockade_create(job, "outputs", bad[i]), EINVAL) ||
		    !refused(stockade_unlink(job, "outputs", bad[i]), EINVAL) ||
		    !refused(stockade_rename(job, "outputs", bad[i], "ok"), EINVAL) ||
		    !refused(stockade_rename(job, "outputs", "ok", bad[i]), EINVAL))
			return "an unsafe name is EINVAL";
	if (!refused(stockade_create(job, "outputs", "way/x"), ENOTDIR) ||
	    !refused(stockade_unlink(job, "outputs", "way/there"), ENOTDIR) ||
	    !refused(stockade_rename(job, "outputs", "way/there", "x"), ENOTDIR))
		return "no part of the way may be a link";
	if (!refused(stockade_create(job, "outputs", "end"), EEXIST))
		return "a link at the end is not followed";
	if (!refused(stockade_create(job, "inputs", "x"), ENOENT))
		return "a label that is not granted is ENOENT";
	return NULL;
}

const char *handler_job_files(struct stockade_job *job)
{
	struct stat st;
	int fd = stockade_create(job, "outputs", "sub/new");

	if (fd == -1 || write(fd, "words\n", 6) != 6 || fsync(fd) != 0)
		return "create and write";
	if (fstat(fd, &st) != 0 || (st.st_mode & 07777) != 0600 || close(fd) != 0)
		return "mode 0600";
	if (!refused(stockade_create(job, "outputs", "sub/new"), EEXIST))
		return "never what was there";
	if (stockade_rename(job, "outputs", "sub/new", "sub/there") != 0)
		return "rename over what was there";
	if (!refused(stockade_rename(job, "outputs", "sub/there", "there"), EXDEV))
		return "rename stays in its directory";
	fd = stockade_open(job, "outputs", "sub/there");
	if (fd == -1 || close(fd) != 0)
		return "what may be written may be read";
	if (!refused(stockade_unlink(job, "outputs", "sub"), EISDIR))
		return "a directory is not removed";
	if (stockade_unlink(job, "outputs", "sub/there") != 0 ||
	    !refused(stockade_unlink(job, "outputs", "sub/there"), ENOENT))
		return "remove";
	return unsafe_names(job);
}

const char *handler_only_read(struct stockade_job *job)
{
	if (!refused(stockade_create(job, "inputs", "new"), EACCES))
		return "no new file where the class may only read";
	if (!refused(stockade_unlink(job, "inputs", "in"), EACCES))
		return "none removed";
	return refused(stockade_rename(job, "inputs", "in", "out"), EACCES) ? NULL : "none renamed";
}

const char *handler_files_in_pure(struct stockade_job *job)
{
	(void)job;
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) == -1 ? "open" : NULL;
}

const char *handler_write_in_read(struct stockade_job *job)
{
	return stockade_create(job, "inputs", "new") == -1 ? "create" : NULL;
}

/* --- lines that do not fit -------------------------------------------------------------------- */

const char *handler_greedy(struct stockade_job *job)
{
	int fd = stockade_open(job, "inputs", "in");

	return fd == -1 || close(fd) == -1 ? "open a granted file" : NULL;
}

const char *handler_label(struct stockade_job *job)
{
	return handler_greedy(job);
}

const char *handler_ptrace(struct stockade_job *job)
{
	(void)job;
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1 ? "ptrace" : NULL;
}

const char *handler_socket(struct stockade_job *job)
{
	(void)job;
	return socket(AF_INET, SOCK_STREAM, 0) == -1 ? "socket" : NULL;
}

/*
 * What a files class reaches through /proc/self/fd, where no rule of Landlock's applies to what has
 * no path: its own pipes' other ends, and nothing else.
 */
const char *handler_own_pipes(struct stockade_job *job)
{
	char byte[8];
	int fd = open("/proc/self/fd/1", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	(void)job;
	/* its own word, before the worker has read it, or nothing */
	if (fd == -1 ||
	    (write(1, "mine", 4) == 4 && read(fd, byte, sizeof(byte)) == -1 && errno != EAGAIN))
		return "its own output, read back";
	(void)close(fd);
	/* its input is such a pipe as well; what has a path needs a rule */
	fd = open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || close(fd) == -1)
		return "its own input, once more";
	if (!refused(open("/dev/null", O_RDONLY | O_CLOEXEC), EACCES))
		return "/dev/null has a path, and no rule";
	if (!refused(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), EACCES) ||
	    !refused(open("/proc/self/mem", O_RDONLY | O_CLOEXEC), EACCES) ||
	    !refused(open("/proc/self/root/etc/passwd", O_RDONLY | O_CLOEXEC), EACCES) ||
	    !refused(open("/proc/self/cwd/etc/passwd", O_RDONLY | O_CLOEXEC), EACCES))
		return "nothing else of /proc/self";
	return NULL;
}

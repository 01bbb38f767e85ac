/*
 * work.c - acts of classes with a directory of their own: what they leave there, how much, and how
 * they try to get out of it.
 */
#include "jobs/job.h"
#include "tests/hostile/acts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* 0 when the directory is empty, as it must be when a job begins. */
int hostile_work_look(const struct hostile_args *a)
{
	int fd = openat(stockade_work_dir(hostile_job), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *e;
	int n = 0;

	(void)a;
	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(d);
	errno = EEXIST;
	return n == 0 ? 0 : -1;
}

static int put(const char *name, size_t kib)
{
	static const char block[1024] = "x";
	int fd = stockade_work_create(hostile_job, name);

	for (size_t i = 0; fd != -1 && i < kib; i++)
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			return -1;
	return fd == -1 ? -1 : close(fd);
}

/* Names that break what quotes, splits, globs or prints them. */
int hostile_work_names(const struct hostile_args *a)
{
	static const char *const names[] = { "-rf", "*", "a\nb", " ", ".hidden", "\xff\xfe",
		"$(id)", "'", "\"", "%s%n", "work-1-1-1", "moved-0", "~" };
	char longest[256];

	memset(longest, 'n', 255);
	longest[255] = '\0';
	(void)a;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (put(names[i], 1) == -1)
			return -1;
	return put(longest, 1);
}

/* arg 0: files; arg 1: KiB in each; arg 2: seconds to sit on them. */
int hostile_work_fill(const struct hostile_args *a)
{
	struct timespec ts = { .tv_sec = atoi(a->arg[2]) };
	char name[32];

	for (int i = 0; i < atoi(a->arg[0]); i++) {
		(void)snprintf(name, sizeof(name), "f%d", i);
		if (put(name, (size_t)atoi(a->arg[1])) == -1)
			return -1;
	}
	return nanosleep(&ts, NULL);
}

int hostile_work_then_crash(const struct hostile_args *a)
{
	(void)put("left", 4);
	(void)a;
	abort();
}

/* arg 0: which way out. 0 is success, and that is bad. */
int hostile_work_escape(const struct hostile_args *a)
{
	int dir = stockade_work_dir(hostile_job);
	const char *way = a->arg[0];

	if (put("own", 1) == -1)
		return 0;
	if (strcmp(way, "up") == 0)
		return openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) == -1 ? -1 : 0;
	if (strcmp(way, "beside") == 0)
		return openat(dir, "../beside", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) == -1 ? -1
											    : 0;
	if (strcmp(way, "rename") == 0)
		return renameat(dir, "own", dir, "../own");
	if (strcmp(way, "mkdir") == 0)
		return mkdirat(dir, "d", 0700);
	if (strcmp(way, "symlink") == 0)
		return symlinkat("/etc/passwd", dir, "s");
	if (strcmp(way, "link") == 0)
		return linkat(dir, "own", dir, "l", 0);
	if (strcmp(way, "fifo") == 0)
		return mkfifoat(dir, "p", 0600);
	if (strcmp(way, "chmod") == 0)
		return fchmodat(dir, "own", 04755, 0);
	if (strcmp(way, "setid") == 0)
		return openat(dir, "x", O_WRONLY | O_CREAT | O_CLOEXEC, 04755) == -1 ? -1 : 0;
	errno = EINVAL;
	return stockade_work_create(hostile_job, way) == -1 ? -1 : 0;
}

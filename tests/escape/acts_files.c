/*
 * acts_files.c - what a job with a files grant tries beyond it.
 */
#include "tests/escape/acts.h"

#include <string.h>

int escape_open(int dir, const char *path, int flags)
{
	int fd = openat(dir, path, flags | O_CLOEXEC);

	return fd == -1 ? -1 : close(fd);
}

int escape_open_read(int dir, const char *path)
{
	char c;
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);

	if (fd == -1 || read(fd, &c, 1) == -1)
		return -1;
	return close(fd);
}

int escape_create(int dir, const char *name, int flags, unsigned mode)
{
	int fd = openat(dir, name, flags | O_CLOEXEC, mode);

	return fd == -1 ? -1 : close(fd);
}

int escape_beneath(const char *dir, const char *name, int flags)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return escape_create(AT_FDCWD, path, flags, 0600);
}

static int scratch_file(const char *name)
{
	return openat(DIR_SCRATCH, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

int escape_big_file(const char *name)
{
	static const char block[64u << 10];
	int fd = scratch_file(name);

	for (int i = 0; fd != -1 && i < 64; i++)
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			return -1;
	return fd == -1 ? -1 : close(fd);
}

int escape_sparse_file(const char *name)
{
	int fd = scratch_file(name);

	return fd == -1 || pwrite(fd, "x", 1, 64l << 20) == -1 ? -1 : close(fd);
}

/* An O_PATH descriptor may be had of anything; opened again through /proc it must say no. */
int escape_reopen(int dir, const char *name, int flags)
{
	char path[64];
	int fd = openat(dir, name, O_PATH | O_CLOEXEC);

	if (fd == -1)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return escape_open(AT_FDCWD, path, flags);
}

int escape_through(const char *dir)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s/passwd", DIR_INPUTS, dir);
	return escape_open_read(AT_FDCWD, path);
}

int escape_rename_out(const char *to)
{
	int fd = scratch_file("moved");

	return fd == -1 || close(fd) == -1 ? -1 : renameat(DIR_SCRATCH, "moved", AT_FDCWD, to);
}

int escape_link_in(const char *from)
{
	return (int)K(SYS_linkat, AT_FDCWD, P(from), DIR_SCRATCH, P("linked"), 0);
}

int escape_chdir_read(const char *dir, const char *name)
{
	return chdir(dir) == -1 ? -1 : escape_open_read(AT_FDCWD, name);
}

int escape_getdents(const char *path)
{
	char names[4096];
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd == -1 || K(SYS_getdents64, fd, P(names), sizeof(names)) == -1 ? -1 : close(fd);
}

/* F_SETLK takes a range, F_SETLEASE a type: both take a zeroed struct or F_RDLCK, which is 0. */
int escape_lock(int cmd)
{
	struct flock range = { .l_type = F_RDLCK };
	int fd = openat(DIR_SCRATCH, "one", cmd == F_SETLK ? O_RDWR : O_RDONLY);

	return fd == -1 ? -1 : (int)K(SYS_fcntl, fd, cmd, cmd == F_SETLK ? P(&range) : F_RDLCK);
}

int escape_legit_compute(void)
{
	volatile unsigned char *p = malloc(20u << 20);
	unsigned sum = 0;

	for (size_t i = 0; p != NULL && i < 20u << 20; i += 4096) {
		p[i] = (unsigned char)i;
		sum += p[i];
	}
	(void)printf("%u\n", sum);
	return p == NULL ? -1 : 0;
}

int escape_legit_copy(void)
{
	char c[5];
	int from = openat(DIR_INPUTS, "plain", O_RDONLY | O_CLOEXEC), to = scratch_file("copy");

	return from == -1 || to == -1 || read(from, c, 5) != 5 || write(to, c, 5) != 5 ||
		       unlinkat(DIR_SCRATCH, "copy", 0) == -1
		   ? -1
		   : 0;
}

/* That there is such a process, whose it is, and how many descriptors it has. */
int escape_stat_of(const char *pid)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%.40s/fd", pid);
	return (int)K(SYS_newfstatat, AT_FDCWD, P(path), P(&st), 0);
}

/* /dev/null as all jobs of a worker might have it: one open file, on which one sets O_NONBLOCK and
 * the next one reads it. Pipes and O_PATH descriptors are a job's own, or have nothing to set. */
int escape_find_device(void)
{
	struct stat st;

	for (int fd = 0; fd <= DIR_SCRATCH; fd++)
		if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode))
			return 0;
	errno = ENXIO;
	return -1;
}

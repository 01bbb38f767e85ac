/*
 * acts_work.c - a directory of the job's own, a secret of its own, threads of its own: too many of
 * them, out of them, and whose they are not.
 */
#include "tests/escape/acts.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Of bindings.c, so only behind the wall; a control has every secret in its memory. */
int escape_own_secret(const char *label) __attribute__((weak));

int escape_work_make(const char *name, unsigned mode)
{
	int fd = openat(DIR_WORK, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd == -1)
		return -1;
	return write(fd, "x", 1) == 1 ? close(fd) : -1;
}

/* Names that break what quotes, splits, globs, prints or walks them. */
int escape_work_names(void)
{
	static const char *const names[] = { "-rf", "*", "a\nb", " ", ".hidden", "\xff\xfe",
		"$(id)", "'", "\"", "%s%n", "\x1b]0;x\x07", "~", "..." };
	char longest[256];

	memset(longest, 'n', 255);
	longest[255] = '\0';
	for (size_t i = 0; i < STK_ARRAY_LEN(names); i++)
		if (escape_work_make(names[i], 0600) == -1 && errno != EEXIST)
			return -1;
	return escape_work_make(longest, 0) == -1 && errno != EEXIST ? -1 : 0;
}

/* 0 if somebody's file is in it: a control has one. */
int escape_work_empty(void)
{
	char entries[4096];
	int fd = openat(DIR_WORK, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long n = fd == -1 ? -1 : K(SYS_getdents64, fd, P(entries), sizeof(entries));

	if (n == -1)
		return -1;
	errno = ENOENT;
	return n > 2 * 24 ? 0 : -1; /* "." and ".." take 24 bytes each */
}

int escape_work_fill(int n, int kib)
{
	static const char block[1024] = "x";
	char name[32];

	for (int i = 0; i < n; i++) {
		int fd;

		(void)snprintf(name, sizeof(name), "fill%d", i);
		fd = openat(DIR_WORK, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		for (int k = 0; fd != -1 && k < kib; k++)
			if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
				return -1;
		if (fd == -1 || close(fd) == -1)
			return -1;
	}
	return 0;
}

int escape_secret(const char *label)
{
	return &escape_own_secret != NULL ? escape_own_secret(label) : 0;
}

/* The whole address space, as far as any pointer in it leads. */
int escape_search(const char *masked)
{
	const struct hostile_args a = { .n = 2, .arg = { masked, "memory" } };

	return hostile_find_secret(&a);
}

/* A thousand threads that stay; -1 if fewer stand at the end. */
int escape_thread_bomb(void)
{
	const struct hostile_args a = { .n = 1, .arg = { "1000" } };
	const struct timespec ts = { .tv_sec = 2 };

	/* where a limit cuts it short, what has been made is still there to be counted */
	if (hostile_thread_bomb(&a) == -1)
		return nanosleep(&ts, NULL) == -1 ? -1 : 0;
	return 0;
}

static void *when_alone(void *arg)
{
	const struct timespec ts = { .tv_nsec = 20000000 };
	int (**then)(void) = arg;

	(void)nanosleep(&ts, NULL);
	_exit((*then)() == -1 ? errno : 0);
}

/* The first thread ends, and another does it: the process lives on. */
int escape_leaderless(int (*then)(void))
{
	static int (*kept)(void);
	pthread_t id;

	kept = then;
	if (pthread_create(&id, NULL, when_alone, &kept) != 0)
		return -1;
	return (int)K(SYS_exit, 0);
}

/* By the one signal besides abort()'s that a class with threads may send, and to itself alone. */
int escape_cancel_itself(void)
{
	long r = -1;

	/* signals of this number are counted for the whole user: others' may be on their way */
	for (int n = 0; n < 10000; n++) {
		r = K(SYS_tgkill, getpid(), K(SYS_gettid), 32);
		if (r != -1 || errno != EAGAIN)
			break;
		(void)usleep(1000);
	}
	return (int)r;
}

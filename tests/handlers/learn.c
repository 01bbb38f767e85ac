/*
 * learn.c - handlers that ask for too little, each in a way that `run-job --learn` has to see: by a
 * label that job.h says no to, or by threads that run for a while.
 */
#include "tests/handlers/handlers.h"

#include "jobs/job.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *handler_open_ungranted(struct stockade_job *job)
{
	int fd = stockade_open(job, "inputs", "in");

	return fd == -1 || close(fd) == -1 ? "open a file of a label that it lacks" : NULL;
}

const char *handler_create_ungranted(struct stockade_job *job)
{
	int fd = stockade_create(job, "outputs", "made");

	if (fd == -1 || close(fd) == -1)
		return "make a file of a label that it lacks";
	return stockade_unlink(job, "outputs", "made") == -1 ? "remove it" : NULL;
}

/* Needs no file; whether it needs its net grant only its author can say. */
const char *handler_stays(struct stockade_job *job)
{
	(void)job;
	return NULL;
}

/* As libc looks for a time zone: it does without what it cannot open, but not without the call. */
const char *handler_looks(struct stockade_job *job)
{
	int fd = open("/etc/localtime", O_RDONLY | O_CLOEXEC);

	(void)job;
	if (fd != -1)
		(void)close(fd);
	return NULL;
}

static int leave_frames(int depth);
static int (*volatile deeper)(int) = leave_frames; /* which no compiler turns into a loop */

/* Frames that lie on the stack after they have ended. */
static int leave_frames(int depth)
{
	volatile char pad[64];

	pad[0] = (char)depth;
	return depth == 0 ? pad[0] : deeper(depth - 1) + pad[0];
}

/* Its room is not written to, so what was there before is still there. */
static __attribute__((noinline)) FILE *popen_with_room(void)
{
#if defined(__clang__) || __GNUC__ >= 12
	__attribute__((uninitialized))
#endif
	volatile char room[8192];
	FILE *f;

	room[0] = 0;
	f = popen("true", "r");
	return room[0] == 0 ? f : NULL;
}

const char *handler_popen_roomy(struct stockade_job *job)
{
	(void)job;
	return deeper(8) > 0 && popen_with_room() == NULL ? "popen" : "more than popen";
}

/* Whatever an operator hands out by a line of the registry, twice each, and a result beyond its
 * room. */
const char *handler_asks(struct stockade_job *job)
{
	static char text[2048];
	struct stockade_exec e = { 0 };

	(void)memset(text, '1', sizeof(text) - 1);
	for (int i = 0; i < 2; i++)
		if (stockade_secret(job, "api", NULL) != NULL ||
		    stockade_setting(job, "site") != NULL || stockade_work_dir(job) != -1 ||
		    stockade_exec(job, &e) != -1 || stockade_result_json(job, text) != -1)
			return "it got something";
	return "nothing of it";
}

const char *handler_long_result(struct stockade_job *job)
{
	static char text[300000 + 3];

	(void)memset(text, 'x', sizeof(text) - 1);
	text[0] = text[sizeof(text) - 2] = '"';
	return stockade_result_json(job, text) == 0 ? NULL : "a long result";
}

/* Again and again: it is told once. */
const char *handler_open_unmapped(struct stockade_job *job)
{
	for (int i = 0; i < 1000; i++)
		if (stockade_open(job, "elsewhere", "in") != -1 || errno != ENOENT)
			return "a label that is nowhere";
	return "nothing is there";
}

/* Long enough that even a busy worker looks meanwhile. */
static void *be_seen(void *arg)
{
	const struct timespec a_while = { .tv_sec = 1 };

	(void)nanosleep(&a_while, NULL);
	return arg;
}

const char *handler_two_threads(struct stockade_job *job)
{
	pthread_t t[2];

	(void)job;
	for (int i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, be_seen, NULL) != 0)
			return "two threads";
	for (int i = 0; i < 2; i++)
		if (pthread_join(t[i], NULL) != 0)
			return "their end";
	return NULL;
}

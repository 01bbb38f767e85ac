/*
 * learn.c - handlers that ask for too little, each in a way that `run-job --learn` has to see: by a
 * label that job.h says no to, or by threads that run for a while.
 */
#include "tests/handlers/handlers.h"

#include "jobs/job.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
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

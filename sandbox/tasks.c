/*
 * tasks.c - see tasks.h. Trusts the kernel's text; a job can change its name but no line of it.
 */
#include "sandbox/tasks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Jobs of the same uid that start while this one runs, with their threads. */
#define ROOM 256

enum stk_err stk_tasks_watch(struct stk_tasks *t, pid_t pid, const struct stk_class_desc *d,
    const struct stk_limits *l, char why[static STK_WHY_MAX])
{
	char path[64];

	*t = (struct stk_tasks){ .fd = -1, .most = l->tasks };
	if ((d->profiles & STK_PROFILE_THREADS) == 0)
		return STK_OK;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	t->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (t->fd != -1)
		return STK_OK;
	(void)snprintf(why, STK_WHY_MAX,
	    "the child's threads cannot be counted: %s: %s; it was killed unstarted", path,
	    strerror(errno));
	return STK_E_SYSTEM;
}

void stk_tasks_clear(struct stk_tasks *t)
{
	stk_close(&t->fd);
}

int64_t stk_tasks_due(const struct stk_tasks *t, int64_t otherwise)
{
	return t->fd != -1 && t->due_ms < otherwise ? t->due_ms : otherwise;
}

/* The whole text in one read; 0 where nothing is left to read, as of a process that has ended. */
static uint32_t number_after(int fd, const char *key)
{
	char text[4096];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	const char *at;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, key);
	return at == NULL ? 0 : (uint32_t)strtoul(at + strlen(key), NULL, 10);
}

bool stk_tasks_over(struct stk_tasks *t, int64_t now_ms)
{
	uint32_t n;

	if (t->fd == -1 || now_ms < t->due_ms)
		return false;
	t->due_ms = now_ms + STK_TASKS_LOOK_MS;
	n = number_after(t->fd, "\nThreads:");
	if (n > t->seen)
		t->seen = n;
	return n > t->most;
}

uint32_t stk_tasks_of_machine(const char *loadavg)
{
	const char *slash = strchr(loadavg, '/');
	char *end;
	unsigned long n;

	if (slash == NULL || slash[1] < '0' || slash[1] > '9')
		return 0;
	n = strtoul(slash + 1, &end, 10);
	return *end != ' ' || n > 1u << 30 ? 0 : (uint32_t)n;
}

/* 0 if it cannot be read. */
static uint32_t count_all(void)
{
	STK_AUTO_CLOSE int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	char text[128];
	ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return stk_tasks_of_machine(text);
}

static uint32_t count_in(const char *pid)
{
	char path[300];
	STK_AUTO_CLOSE int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%.200s/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd != -1 && number_after(fd, "\nUid:") == getuid() ? number_after(fd, "\nThreads:")
								  : 0;
}

/* What RLIMIT_NPROC counts of this uid, as far as /proc shows it. */
static uint32_t count_own(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	uint32_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			n += count_in(e->d_name);
	if (d != NULL)
		(void)closedir(d);
	return n;
}

enum stk_err stk_tasks_bound(
    uint32_t profiles, bool exactly, struct stk_spawn *s, char why[static STK_WHY_MAX])
{
	uint32_t all;

	if ((profiles & STK_PROFILE_THREADS) == 0)
		return STK_OK;
	all = exactly ? count_own() : count_all();
	if (all > 0) {
		s->nproc = all + s->limits.tasks + (exactly ? 0 : ROOM);
		return STK_OK;
	}
	(void)snprintf(why, STK_WHY_MAX,
	    "/proc/loadavg does not say how many tasks there are: a threaded job cannot be "
	    "bounded");
	return STK_E_REFUSED;
}

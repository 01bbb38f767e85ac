/*
 * clock.c - build/test/clock.so: the wall clock of a program that is started with it in LD_PRELOAD
 * is its maker's. STOCKADE_TEST_CLOCK names a file of one int64 (tests/lib/clock.h), which is
 * mapped once: no look at the clock makes a call that a filter could refuse. libfaketime cannot
 * stand in for it: with Debian 13's redis-server and its jemalloc it crashes or never returns.
 */
#include "tests/lib/clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t *mapped;

__attribute__((constructor)) static void open_clock(void)
{
	const char *path = getenv(TEST_CLOCK_VARIABLE);
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd != -1 ? mmap(NULL, sizeof(*mapped), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (p != MAP_FAILED)
		mapped = p;
	if (fd != -1)
		(void)close(fd);
}

static int look(clockid_t clock, struct timespec *ts)
{
	long r = syscall(SYS_clock_gettime, clock, ts);
	int64_t v = mapped != NULL ? __atomic_load_n(mapped, __ATOMIC_RELAXED) : 0, ms;

	if (r != 0 || v == 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
		return (int)r;
	ms = v >= TEST_CLOCK_STANDS ? v : (int64_t)ts->tv_sec * 1000 + ts->tv_nsec / 1000000 + v;
	ts->tv_sec = ms / 1000;
	ts->tv_nsec = ms % 1000 * 1000000;
	return 0;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	return look(clock, ts);
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;
	int r = look(CLOCK_REALTIME, &ts);

	(void)zone;
	*tv = (struct timeval){ .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
	return r;
}

time_t time(time_t *out)
{
	struct timespec ts;

	(void)look(CLOCK_REALTIME, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

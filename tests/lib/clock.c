/*
 * clock.c - see clock.h.
 */
#include "tests/lib/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* It lies beside the tests. */
static bool preload(char out[512])
{
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	(void)snprintf(out, 512, "%s/clock.so", self);
	return access(out, R_OK) == 0;
}

bool test_clock_enter(struct test_clock *c)
{
	char library[512];
	void *p = MAP_FAILED;
	int fd;

	*c = (struct test_clock){ .path = "/tmp/stk-clock-XXXXXX" };
	if (!preload(library)) {
		perror("clock.so");
		return false;
	}
	fd = mkstemp(c->path);
	if (fd != -1 && ftruncate(fd, sizeof(*c->value)) == 0)
		p = mmap(NULL, sizeof(*c->value), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd != -1)
		(void)close(fd);
	if (p == MAP_FAILED) {
		perror(c->path);
		return false;
	}
	c->value = p;
	return setenv("LD_PRELOAD", library, 1) == 0 &&
	       setenv(TEST_CLOCK_VARIABLE, c->path, 1) == 0;
}

void test_clock_leave(void)
{
	(void)unsetenv("LD_PRELOAD");
	(void)unsetenv(TEST_CLOCK_VARIABLE);
}

void test_clock_set(struct test_clock *c, int64_t value)
{
	__atomic_store_n(c->value, value, __ATOMIC_RELAXED);
}

void test_clock_close(struct test_clock *c)
{
	if (c->value != NULL)
		(void)munmap(c->value, sizeof(*c->value));
	c->value = NULL;
	(void)unlink(c->path);
}

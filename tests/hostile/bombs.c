/*
 * bombs.c - acts that want more than their share: of memory in every form, of files, of time. Also
 * compiled into tests/unit/test_bombs.c as its own control.
 */
#include "tests/hostile/acts.h"

#include "sandbox/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

/* --- where it is ------------------------------------------------------------------------------ */

int hostile_where_am_i(const struct hostile_args *a)
{
	int local = (int)a->n;

	return printf("code %p libc %p stack %p\n", (void *)(uintptr_t)&hostile_where_am_i,
		   (void *)(uintptr_t)&printf, (void *)&local) > 0
		   ? 0
		   : -1;
}

/* Asks for 16 TiB in its registry line and takes nothing. */
int hostile_vast(const struct hostile_args *a)
{
	return a->n == 0 ? 0 : -1;
}

/* --- address space ---------------------------------------------------------------------------- */

static int map(size_t bytes, int prot, int flags)
{
	void *p = mmap(NULL, bytes, prot, flags | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	return munmap(p, bytes);
}

int hostile_map_terabyte(const struct hostile_args *a)
{
	(void)a;
	return map((size_t)1 << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE);
}

int hostile_map_nothing(const struct hostile_args *a)
{
	(void)a;
	return map((size_t)16 << 30, PROT_NONE, MAP_PRIVATE);
}

int hostile_map_shared(const struct hostile_args *a)
{
	(void)a;
	return map((size_t)128 << 20, PROT_READ | PROT_WRITE, MAP_SHARED);
}

/* Touches one mapping after the other until the kernel says no. */
int hostile_map_all(const struct hostile_args *a)
{
	(void)a;
	for (int i = 0; i < 256; i++) {
		unsigned char *p = mmap(
		    NULL, 1u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return -1;
		for (size_t at = 0; at < 1u << 20; at += PAGE)
			((volatile unsigned char *)p)[at] = 1;
	}
	return 0;
}

/* As a cage program with many libraries has it: a share of the limit that is mapped, not resident.
 */
int hostile_alloc_behind_libraries(const struct hostile_args *a)
{
	void *libraries = mmap(NULL, 24u << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return libraries == MAP_FAILED ? 0 : hostile_alloc_unchecked(a);
}

/* One piece that can never be had, and nobody looks; most of the limit is still free. */
int hostile_alloc_huge(const struct hostile_args *a)
{
	volatile char *p = malloc((size_t)1 << 32);

	p[a->n] = 1;
	return 0;
}

/* The habit of many programs: what cannot be had ends them. */
int hostile_alloc_or_abort(const struct hostile_args *a)
{
	(void)a;
	for (int i = 0; i < 512; i++)
		if (calloc(1, 1u << 20) == NULL)
			abort();
	return 0;
}

/* It was refused memory once and lived; its own mistake comes later, after another errno. */
int hostile_null_later(const struct hostile_args *a)
{
	volatile char *p = NULL;

	free(malloc((size_t)1 << 45));
	(void)close(-1);
	p[a->n] = 1;
	return 0;
}

/* Every second page of a range gets other rights: one mapping each, until vm.max_map_count. */
int hostile_vma_flood(const struct hostile_args *a)
{
	size_t n = 200000;
	char *p =
	    mmap(NULL, n * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)a;
	if (p == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < n; i += 2)
		if (mprotect(p + i * PAGE, PAGE, PROT_READ) == -1)
			return errno == ENOMEM ? -1 : 0;
	return 0;
}

/* A few bytes that unpack to far more, as a zip bomb does: runs of runs, three levels deep. */
int hostile_unpack(const struct hostile_args *a)
{
	size_t len = 1, room = 1;
	unsigned char *p = malloc(room);

	(void)a;
	for (int level = 0; p != NULL && level < 28; level++) {
		unsigned char *twice = realloc(p, room * 2);

		if (twice == NULL) {
			free(p);
			return -1;
		}
		p = twice;
		room *= 2;
		memset(p + len, level, len);
		len *= 2;
	}
	free(p);
	return 0;
}

/* --- the stack -------------------------------------------------------------------------------- */

static int use(volatile char *p, size_t n)
{
	for (size_t at = n; at > 0; at -= PAGE)
		p[at - 1] = 1;
	return p[0];
}

int hostile_alloca_all(const struct hostile_args *a)
{
	size_t n = (size_t)256 << 20;
	char *p = __builtin_alloca(n + a->n);

	return use(p, n) == 2;
}

/* --- files and descriptors -------------------------------------------------------------------- */

int hostile_fd_flood(const struct hostile_args *a)
{
	int dir = a->n > 0 ? atoi(a->arg[0]) : STK_SLOT_DIRS;

	for (int i = 0; i < 512; i++)
		if (openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) == -1)
			return -1;
	return 0;
}

int hostile_pipe_flood(const struct hostile_args *a)
{
	int p[2];

	(void)a;
	return pipe2(p, O_CLOEXEC);
}

int hostile_socket_flood(const struct hostile_args *a)
{
	int p[2];

	(void)a;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, p);
}

static int writable(const struct hostile_args *a)
{
	int dir = a->n > 0 ? atoi(a->arg[0]) : STK_SLOT_DIRS + 1;

	return openat(dir, "sparse", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

int hostile_sparse_file(const struct hostile_args *a)
{
	int fd = writable(a);

	if (fd == -1 || lseek(fd, (off_t)64 << 20, SEEK_SET) == -1 || write(fd, "x", 1) != 1)
		return -1;
	return close(fd);
}

int hostile_long_file(const struct hostile_args *a)
{
	int fd = writable(a);

	if (fd == -1 || ftruncate(fd, (off_t)64 << 20) == -1)
		return -1;
	return close(fd);
}

/* With SIGXFSZ held back the call answers; the limit holds all the same. */
int hostile_sparse_masked(const struct hostile_args *a)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	return hostile_sparse_file(a);
}

/* --- time ------------------------------------------------------------------------------------- */

int hostile_alarm_off(const struct hostile_args *a)
{
	(void)a;
	(void)alarm(0);
	return 0;
}

int hostile_sleep_masked(const struct hostile_args *a)
{
	struct timespec ts = { .tv_sec = 1, .tv_nsec = 500000000 };
	sigset_t all;

	(void)a;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	return nanosleep(&ts, NULL);
}

int hostile_stop_itself(const struct hostile_args *a)
{
	(void)a;
	return raise(
	    SIGCONT); /* a control that stops would never come back; the call is the same */
}

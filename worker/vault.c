/*
 * vault.c - see vault.h. The size and kind of a mapping stand in front of what the caller gets.
 */
#include "worker/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447 /* one number on every architecture */
#endif

struct door {
	size_t size; /* of the whole mapping */
	uint64_t hidden;
};
_Static_assert(sizeof(struct door) == 16, "what follows is aligned for anything");

static size_t whole(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + sizeof(struct door) + page - 1) / page * page;
}

/* What both kinds need; without it there is no vault. */
static void *shut(void *p, size_t size, bool hidden)
{
	struct door door = { .size = size, .hidden = hidden };
	int saved;

	if (p == MAP_FAILED)
		return NULL;
	/* hidden pages are locked and left out of dumps by their nature */
	if ((hidden || (mlock(p, size) == 0 && madvise(p, size, MADV_DONTDUMP) == 0)) &&
	    madvise(p, size, MADV_DONTFORK) == 0) {
		memcpy(p, &door, sizeof(door));
		return (char *)p + sizeof(door);
	}
	saved = errno;
	(void)munmap(p, size);
	errno = saved;
	return NULL;
}

static void *new_hidden(size_t size)
{
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	void *p = MAP_FAILED;

	if (fd == -1)
		return NULL;
	if (ftruncate(fd, (off_t)size) == 0)
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	return shut(p, size, true);
}

void *stk_vault_new_plain(size_t bytes)
{
	size_t size = whole(bytes);

	return shut(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	    size, false);
}

void *stk_vault_new(size_t bytes)
{
	void *p = new_hidden(whole(bytes));

	return p != NULL ? p : stk_vault_new_plain(bytes);
}

static struct door door_of(const void *secret)
{
	struct door door;

	memcpy(&door, (const char *)secret - sizeof(door), sizeof(door));
	return door;
}

bool stk_vault_hidden(const void *secret)
{
	return door_of(secret).hidden != 0;
}

void stk_vault_free(void *secret)
{
	size_t size;
	char *start;

	if (secret == NULL)
		return;
	size = door_of(secret).size;
	start = (char *)secret - sizeof(struct door);
	explicit_bzero(start, size);
	(void)munmap(start, size);
}

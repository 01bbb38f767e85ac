/*
 * find_secret.c - the act that searches everything a job can reach for a planted secret: its whole
 * address space as far as any pointer leads, /proc, and its descriptors.
 */
#include "tests/hostile/acts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE     4096u
#define SEEN_MAX (1u << 17) /* pages: 512 MiB, far above the memory limit of the class */
#define KEY_LEN  16u

/* The secret is given as hex of its bytes XOR 0x5a, so that the search does not find itself. */
struct search {
	unsigned char masked[KEY_LEN];
	uintptr_t seen[SEEN_MAX]; /* open-addressed set of page addresses */
	uintptr_t todo[SEEN_MAX];
	size_t n_seen, n_todo;
	size_t n_read; /* pages, files or descriptors that could be read */
	bool found;
};

/* The kernel reads the mask for us and says EFAULT where we could not; nothing is unblocked that
 * was blocked. */
static bool readable(uintptr_t page)
{
	return syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, page, NULL, 8) == 0;
}

static bool first_visit(struct search *s, uintptr_t page)
{
	size_t i = (page / PAGE * 0x9e3779b97f4a7c15u) >> 47;

	if (s->n_seen > SEEN_MAX / 4 * 3)
		return false;
	for (i %= SEEN_MAX; s->seen[i] != 0; i = (i + 1) % SEEN_MAX)
		if (s->seen[i] == page)
			return false;
	s->seen[i] = page;
	s->n_seen++;
	return true;
}

static void visit(struct search *s, uintptr_t address)
{
	uintptr_t page = address & ~(uintptr_t)(PAGE - 1);

	if (page < 65536 || page >> 48 != 0 || !first_visit(s, page) || !readable(page))
		return;
	s->todo[s->n_todo++] = page;
}

static bool secret_at(const struct search *s, const unsigned char *p, size_t left)
{
	for (size_t i = 0; i < KEY_LEN; i++)
		if (i >= left || (p[i] ^ 0x5a) != s->masked[i])
			return false;
	return true;
}

static void scan_page(struct search *s, uintptr_t page)
{
	const unsigned char *p = (const unsigned char *)page;

	s->n_read++;
	for (size_t i = 0; i < PAGE; i++)
		s->found = s->found || secret_at(s, p + i, PAGE - i);
	for (size_t i = 0; i < PAGE; i += sizeof(uintptr_t)) {
		uintptr_t word;

		memcpy(&word, p + i, sizeof(word));
		visit(s, word);
	}
	visit(s, page - PAGE);
	visit(s, page + PAGE);
}

static bool search_memory(struct search *s)
{
	int local;

	visit(s, (uintptr_t)&local);
	visit(s, (uintptr_t)&hostile_find_secret);
	visit(s, (uintptr_t)&printf);
	visit(s, (uintptr_t)s);
	visit(s, (uintptr_t)environ);
	visit(s, (uintptr_t)getauxval(AT_SYSINFO_EHDR));
	visit(s, (uintptr_t)getauxval(AT_BASE));
	while (s->n_todo > 0 && !s->found)
		scan_page(s, s->todo[--s->n_todo]);
	return s->found;
}

static bool search_fd(struct search *s, int fd)
{
	unsigned char buf[4096];
	ssize_t n;

	if (fd == -1 || (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY)
		return false;
	n = pread(fd, buf, sizeof(buf), 0);
	s->n_read += n >= 0;
	for (ssize_t i = 0; i < n; i++)
		if (secret_at(s, buf + i, (size_t)(n - i)))
			return true;
	return false;
}

/* environ, command line and memory of every process, as far as /proc lets us. */
static bool search_proc(struct search *s)
{
	static const char *const files[] = { "environ", "cmdline", "stat" };
	char path[64];

	for (int pid = 0; pid < 200; pid++)
		for (size_t i = 0; i < 3; i++) {
			int fd;
			bool found;

			if (pid == 0)
				(void)snprintf(path, sizeof(path), "/proc/self/%s", files[i]);
			else
				(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			found = search_fd(s, fd);
			if (fd != -1)
				(void)close(fd);
			if (found)
				return true;
		}
	return false;
}

static int hex(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* arg 0: the masked secret; arg 1: "memory", "fds" or "proc". */
int hostile_find_secret(const struct hostile_args *a)
{
	static struct search s;
	bool found = false;

	for (size_t i = 0; i < KEY_LEN; i++)
		s.masked[i] =
		    (unsigned char)(hex(a->arg[0][2 * i]) << 4 | hex(a->arg[0][2 * i + 1]));
	if (strcmp(a->arg[1], "memory") == 0)
		found = search_memory(&s);
	else if (strcmp(a->arg[1], "proc") == 0)
		found = search_proc(&s);
	else
		for (int fd = 0; fd < 256 && !found; fd++)
			found = search_fd(&s, fd);
	(void)snprintf(hostile_tried, sizeof(hostile_tried), "the secret is in none of %zu %s",
	    s.n_read,
	    a->arg[1][0] == 'm'   ? "pages"
	    : a->arg[1][0] == 'p' ? "files of /proc"
				  : "descriptors");
	errno = ENOENT;
	return found ? 0 : -1;
}

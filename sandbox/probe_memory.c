/*
 * probe_memory.c - the trials around memory behind probe_try.h: what may be executed, sealed,
 * locked, kept from children and from other eyes.
 */
#include "sandbox/probe_try.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12's headers are older than these. */
#define STK_PR_SET_MDWE     65 /* linux/prctl.h, 6.3 */
#define STK_PR_GET_MDWE     66
#define STK_NR_MEMFD_SECRET 447 /* asm-generic/unistd.h, 5.14; the same on every 64-bit arch */
#define STK_NR_MSEAL        462 /* asm-generic/unistd.h, 6.10 */
#define STK_PAGE            4096

static void *page(int prot, int flags, int fd)
{
	void *p = mmap(NULL, STK_PAGE, prot, flags, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void *own_page(void)
{
	return page(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

int stk_try_memfd_seals(void)
{
	int fd = memfd_create("probe", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	if (fd == -1 || write(fd, "a", 1) != 1 || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) != 0)
		return stk_try_said(-1);
	return write(fd, "b", 1) == -1 && errno == EPERM ? 0 : STK_TRY_NO_EFFECT;
}

int stk_try_mdwe(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	void *control = own_page(), *p;
	/* else it is forbidden around us already, as by a unit's MemoryDenyWriteExecute */
	bool was_free = control != NULL && mprotect(control, STK_PAGE, PROT_READ | PROT_EXEC) == 0;

	if (prctl(STK_PR_SET_MDWE, 1, 0, 0, 0) != 0)
		return stk_try_said(-1);
	if (!was_free && prctl(STK_PR_GET_MDWE, 0, 0, 0, 0) != 1)
		return STK_TRY_ODD;
	p = own_page();
	if (p == NULL)
		return STK_TRY_ODD;
	if (mprotect(p, STK_PAGE, PROT_READ | PROT_EXEC) == 0)
		return STK_TRY_NO_EFFECT;
	if (page(rw | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1) != NULL)
		return STK_TRY_NO_EFFECT;
	return 0;
}

int stk_try_thp(void)
{
	int e = stk_try_said(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));

	if (e != 0)
		return e;
	return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1 ? 0 : STK_TRY_NO_EFFECT;
}

/* What the kernel counts as locked for this process, in KiB; -1 where it does not say. */
static long locked_kib(void)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *at;

	stk_close(&fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "VmLck:");
	return at == NULL ? -1 : strtol(at + 6, NULL, 10);
}

int stk_try_mlock(void)
{
	void *p = own_page();

	if (p == NULL)
		return STK_TRY_ODD;
	if (mlock(p, STK_PAGE) != 0)
		return stk_try_said(-1);
	return locked_kib() == 0 ? STK_TRY_NO_EFFECT : 0;
}

int stk_try_dont_fork(void)
{
	char *p = own_page();
	int fds[2], e;
	pid_t pid;

	if (p == NULL || pipe2(fds, O_CLOEXEC) != 0)
		return STK_TRY_ODD;
	p[0] = 's';
	if (madvise(p, STK_PAGE, MADV_DONTFORK) != 0)
		return stk_try_said(-1);
	pid = fork();
	if (pid == -1)
		return stk_try_said(-1);
	/* asked through the kernel: there is no page to fault on */
	if (pid == 0)
		_exit(write(fds[1], p, 1) == -1 && errno == EFAULT ? 0 : STK_TRY_NO_EFFECT);
	e = stk_try_reap(pid);
	return e == 0 && write(fds[1], p, 1) != 1 ? STK_TRY_ODD : e;
}

/* Its pages have no place in the kernel's own map: not even /proc/self/mem reads them. */
int stk_try_memfd_secret(void)
{
	int fd = (int)syscall(STK_NR_MEMFD_SECRET, 0), mem;
	char *p, c;

	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else the control, /proc/self/mem, is root's */
	if (fd == -1 || ftruncate(fd, STK_PAGE) != 0)
		return stk_try_said(-1);
	p = page(PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	if (p == NULL)
		return stk_try_said(-1);
	p[0] = 's';
	mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	if (mem == -1)
		return STK_TRY_ODD;
	return pread(mem, &c, 1, (off_t)(uintptr_t)p) == 1 ? STK_TRY_NO_EFFECT : 0;
}

int stk_try_mseal(void)
{
	void *p = own_page();

	if (p == NULL)
		return STK_TRY_ODD;
	if (syscall(STK_NR_MSEAL, p, STK_PAGE, 0) != 0)
		return stk_try_said(-1);
	return munmap(p, STK_PAGE) == -1 ? 0 : STK_TRY_NO_EFFECT;
}

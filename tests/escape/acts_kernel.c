/*
 * acts_kernel.c - new code, the kernel's side doors, tricks against the filter, and the bombs.
 */
#include "tests/escape/acts.h"

#include <linux/perf_event.h>
#include <string.h>
#include <time.h>

#define PAGE 4096u

/* A function of our own on a page of its own, so that taking it away hurts nobody. */
__attribute__((aligned(PAGE), noinline)) static int victim(void)
{
	return 42;
}
__attribute__((aligned(PAGE), noinline, used)) static int after_victim(void)
{
	return 43;
}

/* Writable alone is allowed by the table; to run what was written it has to become code again. */
int escape_patch_text(void)
{
	void *page;

	memcpy(&page, &(int (*[1])(void)){ victim }, sizeof(page));
	/* sealed, where the kernel can: then all at once is tried */
	if (mprotect(page, PAGE, PROT_READ | PROT_WRITE) == -1)
		return mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	memset(page, 0xc3, 16);
	return mprotect(page, PAGE, PROT_READ | PROT_EXEC);
}

int escape_stack_code(void)
{
	char here[1];
	uintptr_t page = (uintptr_t)here & ~(uintptr_t)(PAGE - 1);

	return (int)K(SYS_mprotect, (long)page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
}

int escape_map_file_code(void)
{
	int fd = openat(DIR_INPUTS, "plain", O_RDONLY | O_CLOEXEC);

	return fd == -1
		   ? -1
		   : (int)(K(SYS_mmap, 0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) >> 63);
}

int escape_shm(int flags)
{
	int id = (int)K(SYS_shmget, 0, PAGE, 0600 | flags);

	return id == -1 ? -1 : (int)K(SYS_shmctl, id, 0, 0);
}

int escape_userfault(void)
{
	return (int)K(SYS_userfaultfd, 1 /* user mode only: what an unprivileged process may */);
}

int escape_perf(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.exclude_kernel = 1 };

	return (int)K(SYS_perf_event_open, P(&attr), 0, -1, -1, 0);
}

int escape_io_uring(void)
{
	static char params[256];

	return (int)K(NR_IO_URING_SETUP, 1, P(params));
}

int escape_timer(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	int id;

	return (int)K(SYS_timer_create, CLOCK_MONOTONIC, P(&ev), P(&id));
}

int escape_signal_fd(void)
{
	uint64_t mask = 1;

	return (int)K(SYS_signalfd4, -1, P(&mask), sizeof(mask), 0);
}

int escape_mq(void)
{
	static const char name[] = "stockade-escape";
	int fd = (int)K(SYS_mq_open, P(name), O_RDWR | O_CREAT, 0600, 0);

	return fd == -1 ? -1 : (int)K(SYS_mq_unlink, P(name));
}

/* The door of the 32-bit world, where other numbers hold. 20 is getpid there. */
int escape_int80(void)
{
#if defined(__x86_64__)
	int r;

	__asm__ volatile("int $0x80" : "=a"(r) : "0"(20) : "memory", "r8", "r9", "r10", "r11");
	errno = ENOSYS;
	return r > 0 ? 0 : -1;
#else
	errno = ENOSYS;
	return -1;
#endif
}

/* The kernel looks at the low half of the register alone, and so must the filter. */
int escape_high_garbage(void)
{
#if defined(__x86_64__)
	long r;

	__asm__ volatile("xor %%r10d, %%r10d\n\tsyscall"
			 : "=a"(r)
			 : "0"(0xdead00000000ul | SYS_ptrace), "D"(PTRACE_TRACEME), "S"(0), "d"(0)
			 : "rcx", "r11", "r10", "memory");
	return r == 0 ? 0 : -1;
#else
	return escape_trace_me();
#endif
}

int escape_sigaction(int sig)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };

	return sigaction(sig, &sa, NULL);
}

int escape_altstack(void)
{
	static char other[65536];
	stack_t ss = { .ss_sp = other, .ss_size = sizeof(other) };

	return sigaltstack(&ss, NULL);
}

int escape_caps(void)
{
	unsigned head[2] = { 0x20080522, 0 }, data[6];

	return (int)K(SYS_capget, P(head), P(data));
}

int escape_add_key(void)
{
	/* the process's own keyring, which dies with it */
	return (int)K(SYS_add_key, P("user"), P("escape"), P("x"), 1, -2);
}

/* One that allows everything, with a listener: what it would take to answer for the kernel. */
int escape_listener_filter(void)
{
	struct {
		uint16_t code;
		uint8_t jt, jf;
		uint32_t k;
	} allow = { 0x06, 0, 0, SECCOMP_RET_ALLOW };
	struct {
		unsigned short len;
		void *filter;
	} prog = { 1, &allow };

	if (K(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, P(&(uint32_t){ SECCOMP_RET_ALLOW })) == -1)
		return -1;
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)K(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 8 /* NEW_LISTENER */, P(&prog));
}

int escape_sched_attr(void)
{
	/* SCHED_OTHER, and a nice of 19, which who is nicer than 0 may still ask for */
	uint32_t attr[12] = { 48, 0, 0, 0, 19 };

	return (int)K(SYS_sched_setattr, 0, P(attr), 0);
}

int escape_itimer(void)
{
	long value[4] = { 0 };

	return (int)K(SYS_setitimer, 0, P(value), 0);
}

/* --- bombs ------------------------------------------------------------------------------------ */

int escape_loop_ms(int ms)
{
	struct timespec ts;

	do
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	while (ts.tv_sec * 1000 + ts.tv_nsec / 1000000 < ms);
	return 0;
}

int escape_take(size_t mib)
{
	volatile unsigned char *p = malloc(mib << 20);

	for (size_t i = 0; p != NULL && i < mib << 20; i += PAGE)
		p[i] = 1;
	return p == NULL ? -1 : 0;
}

int escape_sleep_ms(int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	return nanosleep(&ts, NULL);
}

int escape_dup_many(int fd, int n)
{
	for (int i = 0; i < n; i++)
		if (dup(fd) == -1)
			return -1;
	return 0;
}

static int dig(volatile char *above, size_t left)
{
	volatile char here[1024];

	here[0] = above == NULL ? 0 : above[0];
	if (left > 0)
		(void)dig(here, left - 1);
	return here[0];
}

int escape_deep(size_t kib)
{
	(void)dig(NULL, kib);
	return 0;
}

/* What a guess at an address may well meet between two functions. */
int escape_breakpoint(void)
{
#if defined(__x86_64__)
	__asm__ volatile("int3");
#else
	__asm__ volatile("brk #0");
#endif
	return 0;
}

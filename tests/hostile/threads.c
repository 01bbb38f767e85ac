/*
 * threads.c - what handlers with the threads profile do, honest and hostile (acts.h). Also compiled
 * into tests/unit/test_threads.c, which runs each act without the cage.
 */
#include "tests/hostile/acts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CREW 4

static struct {
	pthread_mutex_t lock;
	pthread_cond_t turn;
	int at;
	pthread_key_t key;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER };

/* Each waits for its turn, so that every lock, wait and wake is really used. */
static void *take_turn(void *arg)
{
	int mine = (int)(intptr_t)arg;
	char *heap = malloc(1u << 20);

	if (heap == NULL || pthread_setspecific(shared.key, heap) != 0)
		return NULL;
	memset(heap, mine, 1u << 20);
	(void)pthread_mutex_lock(&shared.lock);
	while (shared.at != mine)
		(void)pthread_cond_wait(&shared.turn, &shared.lock);
	shared.at++;
	(void)pthread_cond_broadcast(&shared.turn);
	(void)pthread_mutex_unlock(&shared.lock);
	return arg;
}

static void *wait_for_ever(void *arg)
{
	for (;;)
		(void)sleep(1000);
	return arg;
}

static int err(int e)
{
	errno = e;
	return e == 0 ? 0 : -1;
}

static int crew(void)
{
	pthread_t t[CREW];
	void *said = NULL;
	int e;

	for (intptr_t i = 0; i < CREW; i++) {
		void *turn;

		memcpy(&turn, &i, sizeof(turn));

		if ((e = pthread_create(&t[i], NULL, take_turn, turn)) != 0)
			return err(e);
	}
	for (intptr_t i = 0; i < CREW; i++)
		if ((e = pthread_join(t[i], &said)) != 0 || (intptr_t)said != i)
			return err(e == 0 ? EPROTO : e);
	return 0;
}

static int cancel_one(void)
{
	pthread_t t;
	void *said = NULL;
	int e = pthread_create(&t, NULL, wait_for_ever, NULL);

	if (e == 0 && (e = pthread_cancel(t)) == 0)
		e = pthread_join(t, &said);
	return err(e != 0 ? e : said == PTHREAD_CANCELED ? 0 : EPROTO);
}

static int wait_in_time(void)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec = until.tv_nsec < 1000000 ? 0 : until.tv_nsec - 1000000;
	(void)pthread_mutex_lock(&shared.lock);

	int e = pthread_cond_timedwait(&shared.turn, &shared.lock, &until);

	(void)pthread_mutex_unlock(&shared.lock);
	return err(e == ETIMEDOUT ? 0 : EPROTO);
}

int hostile_threads_honest(const struct hostile_args *a)
{
	(void)a;
	shared.at = 0;
	if (err(pthread_key_create(&shared.key, free)) == -1)
		return -1;
	return crew() == -1 || cancel_one() == -1 ? -1 : wait_in_time();
}

/* --- hostile ---------------------------------------------------------------------------------- */

static uint8_t tiny_stack[64] __attribute__((aligned(64)));
static int never, gone;

/*
 * A thread that parks without ever touching its stack, so that all can stand on one of 64 bytes and
 * memory is no limit to their number. What clone returned to the maker.
 */
static long park_one(void)
{
	const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
				    CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
				    CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	static int tid;
#if defined(__x86_64__)
	register long r10 __asm__("r10") = (long)&gone;
	register void *r8 __asm__("r8") = __builtin_thread_pointer();
	long made;

	__asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n"
			 "2:\tmov %[futex], %%eax\n\tmov %[word], %%rdi\n\txor %%esi, %%esi\n\t"
			 "xor %%edx, %%edx\n\txor %%r10d, %%r10d\n\tsyscall\n\tjmp 2b\n1:"
			 : "=a"(made)
			 : "0"((long)SYS_clone), "D"(flags), "S"(tiny_stack + 64), "d"(&tid),
			 "r"(r10), "r"(r8), [word] "b"(&never), [futex] "i"(SYS_futex)
			 : "rcx", "r11", "memory");
	return made;
#else
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = (long)flags;
	register void *x1 __asm__("x1") = tiny_stack + 64;
	register void *x2 __asm__("x2") = &tid;
	register void *x3 __asm__("x3") = __builtin_thread_pointer();
	register void *x4 __asm__("x4") = &gone;
	register void *x9 __asm__("x9") = &never;

	__asm__ volatile(
	    "svc #0\n\tcbnz x0, 1f\n"
	    "2:\tmov x8, %[futex]\n\tmov x0, x9\n\tmov x1, #0\n\tmov x2, #0\n\t"
	    "mov x3, #0\n\tsvc #0\n\tb 2b\n1:"
	    : "+r"(x0)
	    : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9), [futex] "i"(SYS_futex)
	    : "memory");
	return x0;
#endif
}

int hostile_thread_bomb(const struct hostile_args *a)
{
	/* the control makes as many as its argument says and has shown enough */
	for (long i = 0, n = a->n > 0 ? atol(a->arg[0]) : 1L << 40; i < n; i++)
		if (park_one() < 0 && a->n > 0)
			return -1;
	return 0;
}

struct deed {
	int (*act)(void);
	int did, e;
};

static void *do_deed(void *arg)
{
	struct deed *d = arg;

	d->did = d->act();
	d->e = errno;
	return NULL;
}

/* The act in a second thread; its errno in the first. */
static int in_thread(int (*act)(void))
{
	struct deed d = { .act = act };
	pthread_t t;
	int e = pthread_create(&t, NULL, do_deed, &d);

	if (e == 0)
		e = pthread_join(t, NULL);
	if (e != 0)
		return err(e);
	errno = d.e;
	return d.did;
}

static int open_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) == -1 ? -1 : 0;
}

int hostile_thread_socket(const struct hostile_args *a)
{
	(void)a;
	return in_thread(open_socket);
}

static int read_passwd(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) == -1 ? -1 : 0;
}

int hostile_thread_reads(const struct hostile_args *a)
{
	(void)a;
	return in_thread(read_passwd);
}

static int fork_one(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid == -1 ? -1 : 0;
}

int hostile_thread_forks(const struct hostile_args *a)
{
	(void)a;
	return in_thread(fork_one);
}

static int raise_tasks(void)
{
	const struct rlimit r = { 1, 1 };

	return setrlimit(RLIMIT_NPROC, &r);
}

int hostile_thread_limits(const struct hostile_args *a)
{
	(void)a;
	return in_thread(raise_tasks);
}

static int catch_denials(void)
{
	return signal(SIGSYS, SIG_IGN) == SIG_ERR ? -1 : 0;
}

int hostile_thread_sigsys(const struct hostile_args *a)
{
	(void)a;
	return in_thread(catch_denials);
}

static int signal_first(void)
{
	return (int)syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1) == -1 ? -1 : 0;
}

int hostile_thread_signals(const struct hostile_args *a)
{
	(void)a;
	return in_thread(signal_first);
}

/* The thread that was cloned with the parent's death signal ends; its sibling stays. */
int hostile_thread_leader_gone(const struct hostile_args *a)
{
	pthread_t t;
	int e = pthread_create(&t, NULL, wait_for_ever, NULL);

	(void)a;
	if (e != 0)
		return err(e);
	pthread_exit(NULL);
}

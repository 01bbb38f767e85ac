/*
 * acts.c - see acts.h. Also compiled into tests/unit/test_escape.c, which runs each act without the
 * cage to show that it is the cage that stops it.
 */
#include "tests/hostile/acts.h"

#include "sandbox/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static pid_t target(const struct hostile_args *a)
{
	return (pid_t)(a->n > 0 ? atoi(a->arg[0]) : 0);
}

/* --- processes -------------------------------------------------------------------------------- */

int hostile_fork_bomb(const struct hostile_args *a)
{
	(void)a;
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (pid == -1)
			return -1;
		if (pid == 0)
			_exit(0);
		(void)waitpid(pid, NULL, 0);
	}
	return 0;
}

static void *idle(void *arg)
{
	return arg;
}

int hostile_thread(const struct hostile_args *a)
{
	pthread_t t;
	int err = pthread_create(&t, NULL, idle, NULL);

	(void)a;
	if (err != 0) {
		errno = err;
		return -1;
	}
	return pthread_join(t, NULL);
}

/* struct clone_args, first version: flags, pidfd, child_tid, parent_tid, exit_signal, ... */
int hostile_clone3(const struct hostile_args *a)
{
	uint64_t args[8] = { [4] = SIGCHLD };
	pid_t pid = (pid_t)syscall(SYS_clone3, args, sizeof(args));

	(void)a;
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return pid > 0 ? 0 : -1;
}

int hostile_run_shell(const struct hostile_args *a)
{
	char sh[] = "/bin/sh", c[] = "-c", cmd[] = "exit 0";
	char *argv[] = { sh, c, cmd, NULL }, *env[] = { NULL };

	(void)a;
	return execve(sh, argv, env);
}

int hostile_ptrace_parent(const struct hostile_args *a)
{
	return (int)ptrace(PTRACE_SEIZE, target(a), NULL, NULL);
}

int hostile_prlimit_parent(const struct hostile_args *a)
{
	struct rlimit r;

	return prlimit(target(a), RLIMIT_NOFILE, NULL, &r);
}

int hostile_kill_parent(const struct hostile_args *a)
{
	return kill(target(a), 0);
}

/* 0 is no signal: the question is who may be reached */
int hostile_kill_everyone(const struct hostile_args *a)
{
	(void)a;
	return kill(-1, 0);
}

int hostile_new_session(const struct hostile_args *a)
{
	(void)a;
	return setsid() == -1 ? -1 : 0;
}

int hostile_new_namespace(const struct hostile_args *a)
{
	(void)a;
	return unshare(CLONE_NEWUSER);
}

/* --- memory and time -------------------------------------------------------------------------- */

static void *take(size_t bytes)
{
	unsigned char *p = malloc(bytes);

	for (size_t i = 0; p != NULL && i < bytes; i += 4096)
		p[i] = 1;
	return p;
}

int hostile_alloc_1g(const struct hostile_args *a)
{
	void *blocks[16] = { NULL };
	int result = 0;

	(void)a;
	for (int i = 0; result == 0 && i < 16; i++)
		if ((blocks[i] = take(64u << 20)) == NULL)
			result = -1;
	for (int i = 0; i < 16; i++)
		free(blocks[i]);
	return result;
}

int hostile_alloc_unchecked(const struct hostile_args *a)
{
	(void)a;
	for (int i = 0; i < 256; i++) {
		volatile unsigned char *p = malloc(1u << 20);

		for (size_t at = 0; at < 1u << 20; at += 4096)
			p[at] = 1;
	}
	return 0;
}

int hostile_endless_loop(const struct hostile_args *a)
{
	struct timespec ts;
	int seconds = a->n > 0 ? atoi(a->arg[0]) : 0;

	do
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	while (ts.tv_sec < seconds);
	return 0;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts = { .tv_sec = 0 };

	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/*
 * Runs for some seconds of its own time and sleeps over each tick of the machine's clock: a kernel
 * that counts CPU time by ticks finds it asleep at every one. When it ticks the coarse clock shows.
 */
int hostile_between_ticks(const struct hostile_args *a)
{
	int64_t seen = clock_ns(CLOCK_MONOTONIC_COARSE), phase, tick, since,
		until = (int64_t)(a->n > 0 ? atoi(a->arg[0]) : 4) * 1000000000;
	struct timespec ts = { .tv_sec = 0 };

	(void)clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	tick = ts.tv_nsec;
	while (clock_ns(CLOCK_MONOTONIC_COARSE) == seen)
		continue;
	phase = clock_ns(CLOCK_MONOTONIC);
	while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < until) {
		since = (clock_ns(CLOCK_MONOTONIC) - phase) % tick;
		if (since < tick / 5 * 4)
			continue;
		ts.tv_nsec = tick - since + tick / 20;
		(void)nanosleep(&ts, NULL);
	}
	return 0;
}

static void mask_all(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

/* SIGXCPU can be held back; the hard limit a second later cannot. */
int hostile_loop_masked(const struct hostile_args *a)
{
	mask_all();
	return hostile_endless_loop(a);
}

int hostile_sleep_long(const struct hostile_args *a)
{
	struct timespec ts = { .tv_sec = 1, .tv_nsec = 200000000 };

	if (a->n > 0)
		ts.tv_sec = atoi(a->arg[0]);
	return nanosleep(&ts, NULL);
}

/* the same in a class of its own, whose wall limit lets it end */
int hostile_sleep_minutes(const struct hostile_args *a)
{
	return hostile_sleep_long(a);
}

int hostile_segv(const struct hostile_args *a)
{
	volatile int *p = (volatile int *)(uintptr_t)(0x1000 + a->n);

	return *p;
}

int hostile_abort(const struct hostile_args *a)
{
	(void)a;
	abort();
}

/* the fault itself is the act: no sanitizer may come first */
__attribute__((no_sanitize("undefined"))) int hostile_divide(const struct hostile_args *a)
{
	volatile int one = 1, zero = (int)a->n;

	return one / zero;
}

/* The array is used after the call, so no compiler turns the recursion into a loop. */
static int dig(volatile char *above, long depth)
{
	volatile char here[1024];

	here[0] = above == NULL ? 0 : above[0];
	if (depth > 0)
		(void)dig(here, depth - 1);
	return here[0];
}

int hostile_stack_overflow(const struct hostile_args *a)
{
	(void)a;
	return dig(NULL, 1L << 30);
}

int hostile_map_code(const struct hostile_args *a)
{
	void *p = mmap(
	    NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)a;
	return p == MAP_FAILED ? -1 : 0;
}

int hostile_make_code(const struct hostile_args *a)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)a;
	return p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

int hostile_memory_file(const struct hostile_args *a)
{
	(void)a;
	return memfd_create("x", 0) == -1 ? -1 : 0;
}

int hostile_raise_limits(const struct hostile_args *a)
{
	struct rlimit r = { 64, 64 };

	(void)a;
	return setrlimit(RLIMIT_NOFILE, &r);
}

/* --- the filter itself ------------------------------------------------------------------------ */

int hostile_become_dumpable(const struct hostile_args *a)
{
	(void)a;
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

int hostile_ignore_sigsys(const struct hostile_args *a)
{
	(void)a;
	return signal(SIGSYS, SIG_IGN) == SIG_ERR ? -1 : 0;
}

int hostile_more_filters(const struct hostile_args *a)
{
	uint32_t action = SECCOMP_RET_ALLOW;

	(void)a;
	return (int)syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
}

/* With the report pipe closed the name may be lost, never the verdict. */
int hostile_mute_then_trace(const struct hostile_args *a)
{
	(void)a;
	(void)close(3);
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

/* One raw call: its number and up to six arguments. Success is that it reached the kernel. */
int hostile_call(const struct hostile_args *a)
{
	unsigned long v[7] = { 0 };

	for (size_t i = 0; i < a->n && i < 7; i++)
		v[i] = strtoul(a->arg[i], NULL, 0);
	(void)syscall((long)v[0], v[1], v[2], v[3], v[4], v[5], v[6]);
	return 0;
}

int hostile_call_reading(const struct hostile_args *a)
{
	return hostile_call(a);
}

int hostile_call_writing(const struct hostile_args *a)
{
	return hostile_call(a);
}

/* A masked SIGSYS is forced: the record is lost, the verdict is not. */
int hostile_mask_then_trace(const struct hostile_args *a)
{
	(void)a;
	mask_all();
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

/* --- files and sockets ------------------------------------------------------------------------ */

char hostile_tried[160];

static int can_read(const char *path)
{
	char c;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)snprintf(hostile_tried, sizeof(hostile_tried), "to read %.100s", path);
	if (fd == -1)
		return -1;
	if (read(fd, &c, 1) != 1)
		return -1;
	return close(fd);
}

int hostile_read_passwd(const struct hostile_args *a)
{
	(void)a;
	return can_read("/etc/passwd");
}

int hostile_read_passwd_granted(const struct hostile_args *a)
{
	(void)a;
	return can_read("/etc/passwd");
}

int hostile_read_proc_maps(const struct hostile_args *a)
{
	(void)a;
	return can_read("/proc/self/maps");
}

int hostile_read_parent_memory(const struct hostile_args *a)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)target(a));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd == -1 ? -1 : close(fd);
}

int hostile_climb_out(const struct hostile_args *a)
{
	/* in the cage the granted directory has its slot; the control names its own descriptor */
	int dir = a->n > 0 ? atoi(a->arg[0]) : STK_SLOT_DIRS;
	int fd = openat(dir, "../../../../../../etc/passwd", O_RDONLY | O_CLOEXEC);

	return fd == -1 ? -1 : close(fd);
}

static int create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)snprintf(hostile_tried, sizeof(hostile_tried), "to create %.100s", path);
	return fd == -1 ? -1 : close(fd);
}

int hostile_write_outside(const struct hostile_args *a)
{
	return create(a->arg[0]);
}

int hostile_write_elsewhere(const struct hostile_args *a)
{
	return create(a->arg[0]);
}

/* Two classes with the same labels and the opposite rights. */
int hostile_write_scratch_only(const struct hostile_args *a)
{
	return hostile_write_elsewhere(a);
}

int hostile_write_inputs_only(const struct hostile_args *a)
{
	return hostile_write_elsewhere(a);
}

int hostile_fill_disk(const struct hostile_args *a)
{
	static const char block[64u << 10];
	int dir = a->n > 0 ? atoi(a->arg[0]) : STK_SLOT_DIRS + 1;
	int fd = openat(dir, "full", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	for (int i = 0; fd != -1 && i < 64; i++)
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			return -1;
	return fd == -1 ? -1 : close(fd);
}

int hostile_open_socket(const struct hostile_args *a)
{
	(void)a;
	return socket(AF_INET, SOCK_STREAM, 0) == -1 ? -1 : 0;
}

/* --- what it says ----------------------------------------------------------------------------- */

int hostile_output_flood(const struct hostile_args *a)
{
	static const char block[4096];

	(void)a;
	for (int i = 0; i < 256; i++)
		if (write(1, block, sizeof(block)) == -1)
			return -1;
	return 0;
}

int hostile_exit_zero(const struct hostile_args *a)
{
	(void)a;
	_exit(0);
}

int hostile_exit_seven(const struct hostile_args *a)
{
	(void)a;
	_exit(7);
}

static int say(const void *p, size_t len)
{
	return write(3, p, len) == (ssize_t)len ? 0 : -1;
}

int hostile_report_forger(const struct hostile_args *a)
{
	static const char junk[] = "HTTP/1.1 200 OK\r\nthis is no frame at all\r\n";

	(void)a;
	return say(junk, sizeof(junk));
}

int hostile_report_flood(const struct hostile_args *a)
{
	struct {
		struct stk_frame head;
		uint32_t level;
		char text[100];
	} f = { .head = { .magic = STK_FRAME_MAGIC, .type = STK_FRAME_LOG, .len = 104 } };

	(void)a;
	for (int i = 0; i < 10000; i++)
		if (say(&f, sizeof(f)) == -1)
			return -1;
	return 0;
}

struct result_frame {
	struct stk_frame head;
	struct stk_result result;
};

int hostile_second_result(const struct hostile_args *a)
{
	struct result_frame f = { .head = { .magic = STK_FRAME_MAGIC,
				      .type = STK_FRAME_RESULT,
				      .len = sizeof(struct stk_result) },
		.result = { .kind = STK_RESULT_SKIP } };

	(void)a;
	return say(&f, sizeof(f));
}

/* Whatever was said before, the kernel's word on the end is the verdict. */
int hostile_done_then_trace(const struct hostile_args *a)
{
	struct result_frame f = { .head = { .magic = STK_FRAME_MAGIC,
				      .type = STK_FRAME_RESULT,
				      .len = sizeof(struct stk_result) },
		.result = { .kind = STK_RESULT_DONE } };

	(void)a;
	if (say(&f, sizeof(f)) == -1)
		return -1;
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

int hostile_huge_result(const struct hostile_args *a)
{
	struct result_frame f = {
		.head = { .magic = STK_FRAME_MAGIC, .type = STK_FRAME_RESULT, .len = UINT32_MAX },
		.result = { .kind = STK_RESULT_DONE, .result_len = UINT32_MAX - 20 }
	};

	(void)a;
	return say(&f, sizeof(f));
}

int hostile_second_ready(const struct hostile_args *a)
{
	struct stk_frame f = { .magic = STK_FRAME_MAGIC, .type = STK_FRAME_READY };

	(void)a;
	return say(&f, sizeof(f));
}

/* --- what it finds ---------------------------------------------------------------------------- */

/* Success is a descriptor beyond those that a pure job is given: 0-3 (4 was closed after GO). */
int hostile_find_fds(const struct hostile_args *a)
{
	(void)a;
	for (int fd = 4; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			return 0;
	errno = ENOENT;
	return -1;
}

/* 0-3 and the one granted directory, which no descriptor of ours can be opened through. */
int hostile_find_files_fds(const struct hostile_args *a)
{
	int found = 0;

	(void)a;
	for (int fd = 4; fd < 4096; fd++)
		found += fcntl(fd, F_GETFD) != -1;
	errno = ENOENT;
	return found == 1 ? -1 : 0;
}

/*
 * Landlock has no say over pipes, so a job with a files grant can open the far end of its own ones
 * by /proc/self/fd and read its own words back; everybody else's are the question.
 */
int hostile_reopen_pipe(const struct hostile_args *a)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)target(a), HOSTILE_PIPE);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd == -1 ? -1 : close(fd);
}

int hostile_find_environment(const struct hostile_args *a)
{
	(void)a;
	for (char **e = environ; *e != NULL; e++)
		if (strncmp(*e, "TZ=", 3) != 0 && strncmp(*e, "LANG=", 5) != 0)
			return 0;
	errno = ENOENT;
	return -1;
}

/* --- nothing at all --------------------------------------------------------------------------- */

int hostile_skip(const struct hostile_args *a)
{
	(void)a;
	return HOSTILE_SKIPS;
}

/*
 * acts_process.c - attacks on other processes, and on the rule that a job is one process.
 */
#include "tests/escape/acts.h"

#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;
/* what the zygote's setup met; the driver has no setup, so its control looks for itself */
extern int escape_setup_errno __attribute__((weak));

/* the cage program's way to the class's program; a control starts it by itself */
int escape_program(const char *code, const char *arg) __attribute__((weak));

long escape_call(const long v[static 7])
{
	return syscall(v[0], v[1], v[2], v[3], v[4], v[5], v[6]);
}

static int gone(pid_t pid)
{
	if (pid == 0)
		_exit(0);
	return pid == -1 || waitpid(pid, NULL, 0) == -1 ? -1 : 0;
}

int escape_fork(void)
{
	return gone(fork());
}

int escape_spawn(void)
{
	char *argv[] = { (char[]){ "true" }, NULL };
	pid_t pid = -1;
	int e = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL);

	errno = e;
	return e == 0 ? gone(pid) : -1;
}

int escape_vfork(void)
{
	/* raw, because a compiler may not see that the stack is shared; the child does nothing */
	pid_t pid;

#if defined(__x86_64__)
	__asm__ volatile("syscall\n\ttest %%eax, %%eax\n\tjnz 1f\n\tmov $60, %%eax\n\txor %%edi, "
			 "%%edi\n\tsyscall\n1:"
			 : "=a"(pid)
			 : "0"(SYS_vfork)
			 : "rcx", "r11", "rdi", "memory");
#else
	pid = (pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
#endif
	return gone(pid);
}

/* CLONE_PARENT makes a sibling: nobody to wait for here, the driver reaps what it gets. */
int escape_clone_flags(unsigned long flags)
{
	pid_t pid = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	if ((flags & CLONE_PARENT) == 0 && pid > 0)
		(void)waitpid(pid, NULL, 0);
	return pid > 0 ? 0 : -1;
}

static char word_sh[] = "sh", word_c[] = "-c", word_exit[] = "exit 0";
static char *const exit_argv[] = { word_sh, word_c, word_exit, NULL };
static char *const no_env[] = { NULL };

int escape_exec_path(const char *path)
{
	return execve(path, exit_argv, no_env);
}

int escape_exec_at(int dir, const char *path, int flags)
{
	if ((flags & AT_EMPTY_PATH) != 0 && fcntl(dir, F_GETFD) == -1)
		dir = -1;
	return (int)syscall(SYS_execveat, dir, path, exit_argv, no_env, flags);
}

/* A script, because a job that may write may write that; the interpreter is the kernel's to run. */
int escape_exec_written(void)
{
	static const char script[] = "#!/bin/sh\nexit 0\n";
	char path[64];
	int fd = openat(DIR_SCRATCH, "script", O_WRONLY | O_CREAT | O_TRUNC, 0700);

	if (fd == -1 || write(fd, script, sizeof(script) - 1) == -1 || close(fd) == -1)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/script", DIR_SCRATCH);
	return escape_exec_path(path);
}

/* As every container runtime does it: the new root is where a mount is, and takes the old one. */
int escape_pivot(const char *scratch)
{
	return (int)syscall(SYS_pivot_root, scratch, scratch);
}

/* Behind the wall the file is refused first; the call is made all the same. */
int escape_setns(const char *what)
{
	int fd = open(what, O_RDONLY | O_CLOEXEC);

	return (int)syscall(SYS_setns, fd == -1 ? 0 : fd, 0);
}

static int move_memory(long nr, long pid)
{
	char *here[1];
	struct iovec local = { here, sizeof(here) }, remote = { &environ, sizeof(environ) };

	memcpy(here, &environ, sizeof(here));
	return (int)syscall(nr, pid, &local, 1ul, &remote, 1ul, 0ul);
}

int escape_read_memory(long pid)
{
	return move_memory(SYS_process_vm_readv, pid);
}

int escape_write_memory(long pid)
{
	return move_memory(SYS_process_vm_writev, pid);
}

int escape_queue_signal(long pid)
{
	siginfo_t info = { .si_code = SI_QUEUE };

	return (int)syscall(SYS_rt_sigqueueinfo, pid, SIGCONT, &info);
}

int escape_queue_thread_signal(long pid)
{
	siginfo_t info = { .si_code = SI_QUEUE };

	return (int)syscall(SYS_rt_tgsigqueueinfo, pid, pid, SIGCONT, &info);
}

int escape_set_affinity(long pid)
{
	unsigned long cpus[16];

	memset(cpus, 0xff, sizeof(cpus));
	return (int)syscall(SYS_sched_setaffinity, pid, sizeof(cpus), cpus);
}

int escape_set_scheduler(long pid, int policy)
{
	struct sched_param p = { .sched_priority = policy == SCHED_FIFO ? 1 : 0 };

	return (int)syscall(SYS_sched_setscheduler, pid, policy, &p);
}

/* As high as the hard limit goes, which without the cage is a change to be had. */
int escape_raise_limit(long pid, int resource)
{
	struct rlimit r = { 0 };

	if (syscall(SYS_prlimit64, pid, resource, NULL, &r) == -1)
		return -1;
	r.rlim_cur = r.rlim_max;
	return (int)syscall(SYS_prlimit64, pid, resource, &r, NULL);
}

/* 0 if a byte can be had from it, or a descriptor where there is nothing to read. */
int escape_proc(const char *pid, const char *file, int flags)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);
	fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
	return fd == -1 ? -1 : close(fd);
}

/* What it points to, opened: the link alone tells a name. */
int escape_proc_link(const char *pid, const char *file)
{
	return escape_proc(pid, file, O_RDONLY);
}

/* W must not wait for the end of a pipe that a grandchild keeps open. */
int escape_grandchild(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)nanosleep(&(struct timespec){ .tv_sec = 3 }, NULL);
		_exit(0);
	}
	return pid == -1 ? -1 : 0;
}

/* A descriptor that is open both ways is a socket, or something better. */
int escape_find_socket(void)
{
	for (int fd = 4; fd < 4096; fd++) {
		int flags = fcntl(fd, F_GETFL);

		if (flags != -1 && (flags & O_ACCMODE) == O_RDWR)
			return 0;
	}
	errno = ENOENT;
	return -1;
}

/* Where the zygote has its socket to the worker, a job has had its arguments. */
int escape_forge_spawn(void)
{
	struct stk_spawn s = { .magic = STK_SPAWN_MAGIC };

	return write(STK_SLOT_ARGS, &s, sizeof(s)) == -1 ? -1 : 0;
}

int escape_setup_saw(void)
{
	if (&escape_setup_errno == NULL)
		return escape_open_read(AT_FDCWD, "/etc/passwd");
	errno = escape_setup_errno;
	return errno == 0 ? 0 : -1;
}

/* Asking for one's own limits is allowed; finding one open is what counts. */
int escape_limit_is_open(int resource)
{
	/* 16: enough for the faults of one process (sandbox/limits.c) */
	rlim_t most = resource == RLIMIT_SIGPENDING ? 16 : 0;
	struct rlimit r;

	if (getrlimit((__rlimit_resource_t)resource, &r) == -1)
		return -1;
	errno = EDQUOT;
	return r.rlim_max > most ? 0 : -1;
}

/* The clock of another's CPU time (clock_getcpuclockid). */
int escape_cpu_of(long pid)
{
	struct timespec ts;

	return (int)K(SYS_clock_gettime, (int)(~(unsigned)pid << 3 | 2), P(&ts));
}

/* Writes where nobody reads any more: what feeds a program that has ended. */
int escape_broken_pipe(void)
{
	bool caged = &escape_program != NULL;
	int fd = caged ? STK_SLOT_EXTRAS + STK_EXTRA_PROGRAM_IN : FIX_PIPE_W;

	(void)close(caged ? STK_SLOT_EXTRAS + STK_EXTRA_PROGRAM_SAY : FIX_PIPE_R);
	for (int i = 0; i < 10000; i++) {
		if (write(fd, "x", 1) == -1)
			return -1;
		(void)escape_sleep_ms(1);
	}
	return 0;
}

/* @code ends with the errno it met, or 0. */
int escape_perl(const char *code, const char *arg)
{
	int status = 0;
	pid_t pid;

	if (&escape_program != NULL)
		return escape_program(code, arg);
	pid = fork();
	if (pid == 0) {
		(void)execl("/usr/bin/perl", "perl", "-e", code, arg, (char *)NULL);
		_exit(127);
	}
	if (pid == -1 || waitpid(pid, &status, 0) == -1)
		return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
	return status == 0 ? 0 : -1;
}

/* hostile_between_ticks() in a program's words. */
const char escape_perl_between_ticks[] =
    "use Time::HiRes qw(clock_gettime clock_getres usleep); my $tick = clock_getres(6);"
    "my $seen = clock_gettime(6); 1 while clock_gettime(6) == $seen; my $phase = clock_gettime(1);"
    "while (clock_gettime(2) < 3.5) { my $in = clock_gettime(1) - $phase;"
    "  $in -= int($in / $tick) * $tick; next if $in < 0.75 * $tick;"
    "  usleep(int(1e6 * (1.05 * $tick - $in))) }";

struct in_thread {
	int (*then)(void);
	int did, err;
};

static void *run_in_thread(void *arg)
{
	struct in_thread *t = arg;

	t->did = t->then();
	t->err = errno;
	return NULL;
}

int escape_in_thread(int (*then)(void))
{
	struct in_thread t = { .then = then, .did = -1 };
	pthread_t id;
	int err = pthread_create(&id, NULL, run_in_thread, &t);

	if (err == 0)
		err = pthread_join(id, NULL);
	errno = err != 0 ? err : t.err;
	return err != 0 ? -1 : t.did;
}

int escape_open_self(void)
{
	return (int)K(SYS_pidfd_open, getpid(), 0);
}

int escape_any_socket(void)
{
	return escape_socket(AF_INET, SOCK_STREAM, 0);
}

int escape_any_file(void)
{
	return escape_open_read(AT_FDCWD, "/etc/passwd");
}

int escape_trace_me(void)
{
	return (int)syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
}

void escape_mask(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

int escape_masked(int (*then)(void))
{
	escape_mask();
	return then();
}

int escape_close_and(int fd, int (*then)(void))
{
	(void)close(fd);
	return then();
}

int escape_abort(void)
{
	abort();
}

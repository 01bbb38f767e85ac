/*
 * probe_limits.c - the trials of resource limits behind probe_try.h. Each sets one limit in a
 * forked child and then tries to go beyond it; RLIMIT_CPU alone is only read back, because its
 * effect would cost a second of computing at every start.
 */
#include "sandbox/probe_try.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* glibc takes an enum there, other libraries an int. */
#ifdef __GLIBC__
typedef __rlimit_resource_t resource_t;
#else
typedef int resource_t;
#endif

static int limit(resource_t what, rlim_t value)
{
	const struct rlimit l = { value, value };

	return stk_try_said(setrlimit(what, &l));
}

/* A service may be limited below that already, and its jobs with it; the layer is none the worse.
 */
static rlim_t within(resource_t what, rlim_t value)
{
	struct rlimit l;

	return getrlimit(what, &l) == 0 && l.rlim_max < value ? l.rlim_max : value;
}

/* Whether the hard limit holds: back up must be refused. Root may raise what it likes. */
static int holds(resource_t what, rlim_t value)
{
	struct rlimit l = { value + 1, value + 1 };

	if (geteuid() != 0 && setrlimit(what, &l) == 0)
		return STK_TRY_NO_EFFECT;
	if (getrlimit(what, &l) != 0)
		return stk_try_said(-1);
	return geteuid() == 0 || (l.rlim_cur == value && l.rlim_max == value) ? 0
									      : STK_TRY_NO_EFFECT;
}

static int die(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	abort();
}

/* The cage sets both: a pipe in core_pattern heeds dumpable alone. */
int stk_try_no_core(void)
{
	int e = limit(RLIMIT_CORE, 0), status;
	pid_t pid = e == 0 ? fork() : -1;

	if (pid == -1)
		return e == 0 ? stk_try_said(-1) : e;
	if (pid == 0)
		_exit(die());
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		return STK_TRY_ODD;
	return WCOREDUMP(status) ? STK_TRY_NO_EFFECT : 0;
}

int stk_try_rlimit_as(void)
{
	const rlim_t most = within(RLIMIT_AS, 64u << 20);
	int e = limit(RLIMIT_AS, most);

	if (e != 0)
		return e;
	if (mmap(NULL, 256u << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		return STK_TRY_NO_EFFECT;
	return holds(RLIMIT_AS, most);
}

int stk_try_rlimit_cpu(void)
{
	const rlim_t most = within(RLIMIT_CPU, 5);
	int e = limit(RLIMIT_CPU, most);

	return e != 0 ? e : holds(RLIMIT_CPU, most);
}

int stk_try_rlimit_fsize(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	int fd = memfd_create("probe", MFD_CLOEXEC);
	int e = within(RLIMIT_FSIZE, 8) < 8 ? EFBIG
		: fd == -1                  ? stk_try_said(-1)
					    : limit(RLIMIT_FSIZE, 8);

	if (e != 0)
		return e;
	(void)sigaction(SIGXFSZ, &ignore, NULL);
	if (write(fd, "12345678", 8) != 8)
		return STK_TRY_ODD;
	if (write(fd, "9", 1) != -1 || errno != EFBIG)
		return STK_TRY_NO_EFFECT;
	return holds(RLIMIT_FSIZE, 8);
}

int stk_try_rlimit_nofile(void)
{
	int e = limit(RLIMIT_NOFILE, 3);

	if (e != 0)
		return e;
	for (int i = 0; i < 4; i++)
		if (fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) > 2)
			return STK_TRY_NO_EFFECT;
	return holds(RLIMIT_NOFILE, 3);
}

/* @depth frames of 4 KiB, each touched. */
static __attribute__((noinline)) int sink(unsigned depth)
{
	volatile char frame[4096];

	frame[0] = (char)depth;
	return depth == 0 ? frame[0] : sink(depth - 1) + frame[0];
}

#define SUNK 100 /* no errno that a fork answers with */

static void sunk(int sig)
{
	(void)sig;
	_exit(SUNK);
}

/* Caught, because the kernel's log names every fault that is not. */
static int sink_deep(void)
{
	static char elsewhere[64u << 10] __attribute__((aligned(16)));
	const stack_t ss = { .ss_sp = elsewhere, .ss_size = sizeof(elsewhere) };
	const struct sigaction catch = { .sa_handler = sunk, .sa_flags = SA_ONSTACK };

	if (sigaltstack(&ss, NULL) != 0 || sigaction(SIGSEGV, &catch, NULL) != 0)
		return 1;
	return limit(RLIMIT_STACK, within(RLIMIT_STACK, 256u << 10)) != 0 || sink(1024) > 0x7ffffff
		   ? 1
		   : 0;
}

int stk_try_rlimit_stack(void)
{
	int e = stk_probe_forked(sink_deep);

	return e == SUNK ? 0 : e == 0 ? STK_TRY_NO_EFFECT : e == EAGAIN ? e : STK_TRY_ODD;
}

int stk_try_rlimit_nproc(void)
{
	int e = limit(RLIMIT_NPROC, 0);
	pid_t pid = e == 0 ? fork() : -1;

	if (pid == 0)
		_exit(0);
	if (pid > 0) {
		(void)stk_try_reap(pid);
		return STK_TRY_NO_EFFECT;
	}
	return e != 0 ? e : errno == EAGAIN ? holds(RLIMIT_NPROC, 0) : stk_try_said(-1);
}

int stk_try_rlimit_others(void)
{
	static const resource_t zero[] = { RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_LOCKS,
		RLIMIT_NICE, RLIMIT_RTPRIO };
	const rlim_t most = within(RLIMIT_SIGPENDING, 16);
	int e = limit(RLIMIT_SIGPENDING, most);

	if (e == 0)
		e = holds(RLIMIT_SIGPENDING, most);
	for (size_t i = 0; e == 0 && i < STK_ARRAY_LEN(zero); i++) {
		e = limit(zero[i], 0);
		if (e == 0)
			e = holds(zero[i], 0);
	}
	return e;
}

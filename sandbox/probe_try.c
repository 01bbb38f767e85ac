/*
 * probe_try.c - the trials behind probe.h. Each layer is one function run in a forked child that
 * tries to do what the layer forbids; its exit code carries the verdict, because a half-caged child
 * has no other voice. Here: who the process is, and its ties to others; the rest is in probe_*.c.
 */
#include "sandbox/probe_try.h"
#include "sandbox/caps.h"
#include "sandbox/procstat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int stk_try_said(int rc)
{
	/* a call that did less than it was asked leaves no errno, and has not said yes */
	return rc == 0 ? 0 : errno > 0 && errno < STK_TRY_NO_EFFECT ? errno : STK_TRY_ODD;
}

int stk_try_no_new_privs(void)
{
	return stk_try_said(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* --- one function per layer; all run in a child ------------------------------------------------
 */

static int try_uid(void)
{
	return geteuid() == 0 || getuid() == 0 ? EPERM : 0;
}

static int try_no_new_privs(void)
{
	int e = stk_try_no_new_privs();

	if (e != 0)
		return e;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : STK_TRY_NO_EFFECT;
}

static int try_capabilities(void)
{
	const char *step;

	switch (stk_caps_drop(&step)) {
	case STK_OK: return 0;
	case STK_E_REFUSED: return STK_TRY_NO_EFFECT;
	case STK_E_SYSTEM: return stk_try_said(-1);
	case STK_E_NOMEM:
	case STK_E_TOOBIG:
	case STK_E_FORMAT:
	case STK_E_CLOSED:
	case STK_E_TIMEOUT:
	case STK_E_ABSENT: break;
	}
	return STK_TRY_ODD;
}

int stk_try_reap(pid_t pid)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got == -1 && errno == EINTR);
	if (got != pid)
		return STK_TRY_ODD;
	return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

int stk_probe_forked(int (*act)(void))
{
	const struct sigaction plain = { .sa_handler = SIG_DFL };
	const struct rlimit none = { 0, 0 };
	pid_t pid = fork();

	if (pid == -1)
		return stk_try_said(-1);
	if (pid == 0) {
		(void)sigaction(SIGSYS, &plain, NULL);
		(void)setrlimit(RLIMIT_CORE, &none);
		_exit(act());
	}
	return stk_try_reap(pid);
}

/* A child of the same uid must not open its undumpable parent's memory. */
static int try_dumpable(void)
{
	char path[32];
	pid_t me = getpid();

	(void)snprintf(path, sizeof(path), "/proc/%ld/mem", (long)me);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return stk_try_said(-1);

	pid_t pid = fork();

	if (pid == -1)
		return stk_try_said(-1);
	if (pid == 0) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		/* ENOENT: hidepid; STK_LAYER_PROC has a word on that */
		_exit(fd != -1                                               ? STK_TRY_NO_EFFECT
		      : errno == EACCES || errno == EPERM || errno == ENOENT ? 0
									     : STK_TRY_ODD);
	}
	return stk_try_reap(pid);
}

static int try_close_range(void)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return stk_try_said(-1);
	if (syscall(SYS_close_range, fds[0], ~0u, 0) != 0)
		return stk_try_said(-1);
	return fcntl(fds[0], F_GETFD) == -1 && fcntl(fds[1], F_GETFD) == -1 ? 0 : STK_TRY_NO_EFFECT;
}

/* Kills a sleeping child through its pidfd and waits for it by that. */
static int try_pidfd(void)
{
	siginfo_t si = { 0 };
	pid_t pid = fork();

	if (pid == -1)
		return stk_try_said(-1);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			(void)pause();
	}

	int fd = (int)syscall(SYS_pidfd_open, pid, 0), e = fd == -1 ? stk_try_said(-1) : 0;

	if (e == 0)
		e = stk_try_said((int)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
	if (e != 0) {
		(void)kill(pid, SIGKILL);
		(void)stk_try_reap(pid);
		return e;
	}
	e = stk_try_said(waitid(P_PIDFD, (id_t)fd, &si, WEXITED));
	return e != 0 ? e : si.si_status == SIGKILL ? 0 : STK_TRY_NO_EFFECT;
}

/* The grandchild holds a pipe; when its parent ends, the pipe must reach its end soon. */
static int try_pdeathsig(void)
{
	int fds[2], ready[2];
	char c;

	if (pipe2(fds, O_CLOEXEC) != 0 || pipe2(ready, O_CLOEXEC) != 0)
		return stk_try_said(-1);

	pid_t pid = fork();

	if (pid == -1)
		return stk_try_said(-1);
	if (pid == 0) {
		pid_t held = fork();

		if (held == -1)
			_exit(stk_try_said(-1));
		if (held == 0) {
			int e = stk_try_said(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));

			c = (char)e;
			if (write(ready[1], &c, 1) != 1 || e != 0)
				_exit(1);
			(void)alarm(5);
			for (;;)
				(void)pause();
		}
		(void)close(ready[1]);
		_exit(read(ready[0], &c, 1) == 1 ? c : STK_TRY_ODD);
	}
	(void)close(fds[1]);
	(void)close(ready[1]); /* else nobody's end of it is ever seen */

	int e = stk_try_reap(pid);
	struct pollfd p = { .fd = fds[0], .events = POLLIN };

	if (e != 0)
		return e;
	return poll(&p, 1, 2000) == 1 ? 0 : STK_TRY_NO_EFFECT;
}

/* /proc/<pid>/status of an undumpable child, which is what every Z and J is. */
static int try_proc(void)
{
	struct stk_cage_proof p;
	int fds[2], e = STK_TRY_ODD;
	char c;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return stk_try_said(-1);

	pid_t pid = fork();

	if (pid == -1)
		return stk_try_said(-1);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || write(fds[1], "", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(fds[1]);
	switch (read(fds[0], &c, 1) != 1 ? STK_E_CLOSED : stk_procstat(pid, &p)) {
	case STK_OK: e = 0; break;
	case STK_E_SYSTEM: e = stk_try_said(-1); break;
	case STK_E_FORMAT: e = STK_TRY_NO_EFFECT; break;
	case STK_E_NOMEM:
	case STK_E_TOOBIG:
	case STK_E_CLOSED:
	case STK_E_TIMEOUT:
	case STK_E_ABSENT:
	case STK_E_REFUSED: e = STK_TRY_ODD; break;
	}
	(void)kill(pid, SIGKILL);
	(void)stk_try_reap(pid);
	return e;
}

/* What every job is: a child of its maker's parent, which alone may wait for it. */
static int try_clone_parent(void)
{
	int fds[2];
	pid_t born = -1, maker;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return stk_try_said(-1);
	maker = fork();
	if (maker == -1)
		return stk_try_said(-1);
	if (maker == 0) {
		born = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (born == 0)
			_exit(7);
		_exit(born == -1 ? stk_try_said(-1)
		      : write(fds[1], &born, sizeof(born)) == (ssize_t)sizeof(born) ? 0
										    : STK_TRY_ODD);
	}

	int e = stk_try_reap(maker);

	if (e != 0)
		return e;
	if (read(fds[0], &born, sizeof(born)) != (ssize_t)sizeof(born))
		return STK_TRY_ODD;
	return stk_try_reap(born) == 7 ? 0 : STK_TRY_NO_EFFECT;
}

/* Raising one's own score is always permitted; it must stand there afterwards. */
static int try_oom_score(void)
{
	char text[8] = "";
	int fd = prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else the file is root's */

	if (fd == 0)
		fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (fd == -1 || pwrite(fd, "1000", 4, 0) != 4)
		return stk_try_said(-1);
	return pread(fd, text, sizeof(text) - 1, 0) >= 4 && strncmp(text, "1000", 4) == 0
		   ? 0
		   : STK_TRY_NO_EFFECT;
}

/* Where this process stands in the one hierarchy of version 2; the folder's path into @out. */
static bool cgroup_folder(char *out, size_t size)
{
	char text[1024];
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *at;

	stk_close(&fd);
	text[n > 0 ? n : 0] = '\0';
	at = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
	at = at == NULL ? NULL : strchr(at, '/');
	if (at == NULL)
		return false;
	n = snprintf(out, size, "/sys/fs/cgroup%.*s", (int)strcspn(at, "\n"), at);
	return n > 0 && (size_t)n < size;
}

/* A folder of our own beneath it that bounds memory: what a delegated subtree is for. */
static int try_cgroup(void)
{
	char dir[1100], own[1200], max[1300];
	int e;

	if (!cgroup_folder(dir, sizeof(dir)))
		return ENOSYS;
	(void)snprintf(own, sizeof(own), "%s/stockade-probe-%d", dir, (int)getpid());
	if (mkdir(own, 0700) != 0)
		return errno == EROFS ? EACCES : stk_try_said(-1);
	(void)snprintf(max, sizeof(max), "%s/memory.max", own);
	e = access(max, W_OK) == 0 ? 0 : EOPNOTSUPP; /* the controller is not handed down */
	(void)rmdir(own);
	return e;
}

int (*const stk_probe_try[STK_LAYER_COUNT])(void) = {
	[STK_LAYER_UID] = try_uid,
	[STK_LAYER_NO_NEW_PRIVS] = try_no_new_privs,
	[STK_LAYER_CAPABILITIES] = try_capabilities,
	[STK_LAYER_SECCOMP_TRAP] = stk_try_seccomp_trap,
	[STK_LAYER_SECCOMP_ERRNO] = stk_try_seccomp_errno,
	[STK_LAYER_SECCOMP_KILL] = stk_try_seccomp_kill,
	[STK_LAYER_SECCOMP_ARCH] = stk_try_seccomp_arch,
	[STK_LAYER_SECCOMP_STACK] = stk_try_seccomp_stack,
	[STK_LAYER_SECCOMP_NOTIFY] = stk_try_seccomp_notify,
	[STK_LAYER_LANDLOCK_FS] = stk_try_landlock_fs,
	[STK_LAYER_LANDLOCK_REFER] = stk_try_landlock_refer,
	[STK_LAYER_LANDLOCK_TRUNCATE] = stk_try_landlock_truncate,
	[STK_LAYER_LANDLOCK_NET] = stk_try_landlock_net,
	[STK_LAYER_LANDLOCK_IOCTL] = stk_try_landlock_ioctl,
	[STK_LAYER_LANDLOCK_SIGNAL] = stk_try_landlock_signal,
	[STK_LAYER_LANDLOCK_ABSTRACT] = stk_try_landlock_abstract,
	[STK_LAYER_DUMPABLE] = try_dumpable,
	[STK_LAYER_NO_CORE] = stk_try_no_core,
	[STK_LAYER_RLIMIT_AS] = stk_try_rlimit_as,
	[STK_LAYER_RLIMIT_CPU] = stk_try_rlimit_cpu,
	[STK_LAYER_RLIMIT_FSIZE] = stk_try_rlimit_fsize,
	[STK_LAYER_RLIMIT_NOFILE] = stk_try_rlimit_nofile,
	[STK_LAYER_RLIMIT_STACK] = stk_try_rlimit_stack,
	[STK_LAYER_RLIMIT_NPROC] = stk_try_rlimit_nproc,
	[STK_LAYER_RLIMIT_OTHERS] = stk_try_rlimit_others,
	[STK_LAYER_CLOSE_RANGE] = try_close_range,
	[STK_LAYER_PIDFD] = try_pidfd,
	[STK_LAYER_CLONE_PARENT] = try_clone_parent,
	[STK_LAYER_PDEATHSIG] = try_pdeathsig,
	[STK_LAYER_PROC] = try_proc,
	[STK_LAYER_MEMFD_SEALS] = stk_try_memfd_seals,
	[STK_LAYER_MDWE] = stk_try_mdwe,
	[STK_LAYER_THP] = stk_try_thp,
	[STK_LAYER_MLOCK] = stk_try_mlock,
	[STK_LAYER_DONT_FORK] = stk_try_dont_fork,
	[STK_LAYER_OOM_SCORE] = try_oom_score,
	[STK_LAYER_MEMFD_SECRET] = stk_try_memfd_secret,
	[STK_LAYER_MSEAL] = stk_try_mseal,
	[STK_LAYER_CGROUP] = try_cgroup,
};

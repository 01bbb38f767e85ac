/*
 * probe_try.c - the trials behind probe.h. Each layer is one function run in a forked child that
 * tries to do what the layer forbids; its exit code carries the verdict, because a half-caged child
 * has no other voice.
 */
#include "sandbox/probe_try.h"
#include "sandbox/caps.h"
#include "sandbox/landlock.h"
#include "sandbox/procstat.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Debian 12's headers are older than these. */
#define STK_PR_SET_MDWE 65 /* linux/prctl.h, 6.3 */

int stk_try_said(int rc)
{
	return rc == 0 ? 0 : errno < STK_TRY_NO_EFFECT ? errno : STK_TRY_ODD;
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

/* Waits for @pid: its code, or 256 + signal. */
static int reap(pid_t pid)
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
	return reap(pid);
}

/* Enters an empty ruleset: 0, errno, or MISSING's EOPNOTSUPP when the ABI is below @abi_min. */
static int landlocked(int abi_min, uint32_t deny)
{
	int fd, abi = stk_landlock_abi(), e = stk_try_no_new_privs();

	if (e != 0 || abi < 0)
		return e != 0 ? e : -abi;
	if (abi < abi_min)
		return EOPNOTSUPP;
	if (stk_landlock_create(abi, deny, &fd) != STK_OK || stk_landlock_restrict(fd) != STK_OK)
		return stk_try_said(-1);
	return 0;
}

static int try_landlock_fs(void)
{
	/* the control: a tree that can be read before */
	STK_AUTO_CLOSE int before = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int e = before == -1 ? STK_TRY_ODD : landlocked(1, 0);

	if (e != 0)
		return e;
	if (open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) != -1)
		return STK_TRY_NO_EFFECT;
	return errno == EACCES ? 0 : STK_TRY_ODD;
}

static int try_landlock_net(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int e = s == -1 ? stk_try_said(-1) : landlocked(4, STK_LANDLOCK_NET);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (e != 0)
		return e;
	if (connect(s, (const struct sockaddr *)&to, sizeof(to)) == 0 || errno != EACCES)
		return STK_TRY_NO_EFFECT;
	return 0;
}

static int try_landlock_scopes(void)
{
	pid_t parent = getppid();
	int e = kill(parent, 0) != 0 ? stk_try_said(-1) : landlocked(6, STK_LANDLOCK_SCOPES);

	if (e != 0)
		return e;
	return kill(parent, 0) == -1 && errno == EPERM ? 0 : STK_TRY_NO_EFFECT;
}

static int try_mdwe(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	void *control = mmap(NULL, 4096, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (control == MAP_FAILED || mprotect(control, 4096, PROT_READ | PROT_EXEC) != 0)
		return STK_TRY_ODD;
	if (prctl(STK_PR_SET_MDWE, 1, 0, 0, 0) != 0)
		return stk_try_said(-1);

	void *p = mmap(NULL, 4096, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return STK_TRY_ODD;
	if (mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0)
		return STK_TRY_NO_EFFECT;
	if (mmap(NULL, 4096, rw | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		return STK_TRY_NO_EFFECT;
	return 0;
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
	return reap(pid);
}

static int try_rlimits(void)
{
	struct rlimit as = { 64u << 20, 64u << 20 }, files = { 3, 3 },
		      up = { 128u << 20, 128u << 20 };
	int e = stk_try_said(setrlimit(RLIMIT_NOFILE, &files));

	if (e == 0)
		e = stk_try_said(setrlimit(RLIMIT_AS, &as));
	if (e != 0)
		return e;
	if (mmap(NULL, 256u << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		return STK_TRY_NO_EFFECT;
	for (int i = 0; i < 4; i++)
		if (fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) > 2)
			return STK_TRY_NO_EFFECT;
	return setrlimit(RLIMIT_AS, &up) != 0 ? 0 : STK_TRY_NO_EFFECT;
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
		(void)reap(pid);
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
		if (fork() == 0) {
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

	int e = reap(pid);
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
	(void)reap(pid);
	return e;
}

int (*const stk_probe_try[STK_LAYER_COUNT])(void) = {
	[STK_LAYER_UID] = try_uid,
	[STK_LAYER_NO_NEW_PRIVS] = try_no_new_privs,
	[STK_LAYER_CAPABILITIES] = try_capabilities,
	[STK_LAYER_SECCOMP_TRAP] = stk_try_seccomp_trap,
	[STK_LAYER_SECCOMP_ARCH] = stk_try_seccomp_arch,
	[STK_LAYER_SECCOMP_STACK] = stk_try_seccomp_stack,
	[STK_LAYER_LANDLOCK_FS] = try_landlock_fs,
	[STK_LAYER_LANDLOCK_NET] = try_landlock_net,
	[STK_LAYER_LANDLOCK_SCOPES] = try_landlock_scopes,
	[STK_LAYER_MDWE] = try_mdwe,
	[STK_LAYER_DUMPABLE] = try_dumpable,
	[STK_LAYER_RLIMITS] = try_rlimits,
	[STK_LAYER_CLOSE_RANGE] = try_close_range,
	[STK_LAYER_PIDFD] = try_pidfd,
	[STK_LAYER_PDEATHSIG] = try_pdeathsig,
	[STK_LAYER_PROC] = try_proc,
};

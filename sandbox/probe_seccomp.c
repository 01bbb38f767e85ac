/*
 * probe_seccomp.c - the trials of seccomp behind probe_try.h: a trap that tells the call's number,
 * an answer in errno's place, death, a foreign architecture that is ended, the stricter of two
 * filters that wins, and a listener that names a call. Each runs
 * in a forked child; filters are written by hand, because what is tried is the kernel, not a
 * library.
 */
#include "sandbox/fds.h"
#include "sandbox/probe_try.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Answers @action for one call number, allows the rest. What seccomp(2) said, or -1. */
static int install_with(uint32_t nr, uint32_t action, unsigned flags)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = STK_ARRAY_LEN(insns), .filter = insns };

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

static int install(uint32_t nr, uint32_t action)
{
	return stk_try_said(install_with(nr, action, 0));
}

static void trapped(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	_exit(si->si_syscall == SYS_getppid ? 0 : STK_TRY_NO_EFFECT);
}

static int handle_sigsys(void)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO };

	sa.sa_sigaction = trapped;
	return stk_try_said(sigaction(SIGSYS, &sa, NULL));
}

int stk_try_seccomp_trap(void)
{
	int e = stk_try_no_new_privs();

	if (e == 0)
		e = handle_sigsys();
	if (e == 0)
		e = install(SYS_getppid, SECCOMP_RET_TRAP);
	if (e != 0)
		return e;
	(void)syscall(SYS_getppid);
	return STK_TRY_NO_EFFECT;
}

int stk_try_seccomp_errno(void)
{
	int e = stk_try_no_new_privs();

	if (e == 0)
		e = install(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV);
	if (e != 0)
		return e;
	return syscall(SYS_getppid) == -1 && errno == EXDEV ? 0 : STK_TRY_NO_EFFECT;
}

static int call_and_die(void)
{
	int e = stk_try_no_new_privs();

	if (e == 0)
		e = install(SYS_getppid, SECCOMP_RET_KILL_PROCESS);
	if (e != 0)
		return e;
	(void)syscall(SYS_getppid);
	return STK_TRY_NO_EFFECT;
}

int stk_try_seccomp_kill(void)
{
	int e = stk_probe_forked(call_and_die);

	return e == 256 + SIGSYS ? 0 : e > 255 ? STK_TRY_NO_EFFECT : e;
}

/* A program that believes in no architecture at all must end us at the next call. */
static int kill_in_child(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog prog = { .len = STK_ARRAY_LEN(insns), .filter = insns };
	int e = stk_try_no_new_privs();

	if (e == 0)
		e = stk_try_said((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
	if (e != 0)
		return e;
	(void)syscall(SYS_getppid);
	return STK_TRY_NO_EFFECT;
}

int stk_try_seccomp_arch(void)
{
	int e = stk_probe_forked(kill_in_child);

	return e == 256 + SIGSYS ? 0 : e > 255 ? STK_TRY_NO_EFFECT : e;
}

/* The newer filter asks for less; the stricter of the two must win, whichever came first. */
int stk_try_seccomp_stack(void)
{
	int e = stk_try_no_new_privs();

	if (e == 0)
		e = install(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV);
	if (e == 0)
		e = install(SYS_getppid, SECCOMP_RET_ALLOW);
	if (e == 0 && (syscall(SYS_getppid) != -1 || errno != EXDEV))
		e = STK_TRY_NO_EFFECT;
	if (e == 0)
		e = handle_sigsys();
	if (e == 0)
		e = install(SYS_getppid, SECCOMP_RET_TRAP);
	if (e != 0)
		return e;
	(void)syscall(SYS_getppid);
	return STK_TRY_NO_EFFECT;
}

/* The watched side: its filter's listener goes to the other end, then it makes the call. */
static int be_watched(int sock)
{
	int e = stk_try_no_new_privs(), listener;

	if (e != 0)
		return e;
	listener =
	    install_with(SYS_getppid, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (listener == -1)
		return stk_try_said(-1);
	if (stk_fds_send(sock, "L", 1, &listener, 1) != STK_OK)
		return STK_TRY_ODD;
	stk_close(&listener);
	return syscall(SYS_getppid) == -1 && errno == EXDEV ? 0 : STK_TRY_NO_EFFECT;
}

/* The watching side: it sees which call it was, and its answer is what the call returns. */
static bool watch(int sock)
{
	struct seccomp_notif seen = { 0 };
	struct seccomp_notif_resp answer = { .error = -EXDEV };
	int listener;
	size_t n = 0;
	char c;

	if (stk_fds_recv(sock, &c, 1, &listener, 1, &n) != STK_OK || n != 1 ||
	    stk_fds_wait(listener, stk_monotonic_ms() + 2000) != STK_OK ||
	    ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &seen) != 0)
		return false;
	answer.id = seen.id;
	return seen.data.nr == SYS_getppid &&
	       ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0;
}

int stk_try_seccomp_notify(void)
{
	int pair[2], e;
	bool named;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return STK_TRY_ODD;
	pid = fork();
	if (pid == -1)
		return stk_try_said(-1);
	if (pid == 0) {
		(void)close(pair[0]);
		_exit(be_watched(pair[1]));
	}
	(void)close(pair[1]);
	named = watch(pair[0]);
	stk_close(&pair[0]);
	if (!named)
		(void)kill(pid, SIGKILL);
	e = stk_try_reap(pid);
	return e == 0 && !named   ? STK_TRY_NO_EFFECT
	       : e > 255 && named ? STK_TRY_ODD
	       : e > 255          ? STK_TRY_NO_EFFECT
				  : e;
}

/*
 * probe_seccomp.c - the trials of seccomp behind probe_try.h: a trap that tells the call's number,
 * a program that ends a foreign architecture, and the stricter of two filters that wins. Each runs
 * in a forked child; filters are written by hand, because what is tried is the kernel, not a
 * library.
 */
#include "sandbox/probe_try.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Answers @action for one call number, allows the rest. */
static int install(uint32_t nr, uint32_t action)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = STK_ARRAY_LEN(insns), .filter = insns };

	return stk_try_said((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
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

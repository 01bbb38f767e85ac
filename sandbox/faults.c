/*
 * faults.c - see faults.h. Runs in the job child at its worst moment: only write(2), fixed records,
 * no allocation, no lock (backtrace.h says what it reads). Whatever a job does to these handlers
 * costs it the detail, not us.
 */
#include "sandbox/faults.h"

#include "sandbox/backtrace.h"
#include "sandbox/entry.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

/* A stack overflow faults at or just beneath the stack pointer; gcc probes each page on the way. */
#define NEAR_STACK (64u << 10)

static uint8_t altstack[64u << 10] __attribute__((aligned(16)));

struct regs {
	struct stk_registers at;
	uint64_t args[6];
};

static struct regs regs_of(const void *context)
{
	const ucontext_t *uc = context;
	struct regs r;
#if defined(__x86_64__)
	const greg_t *g = uc->uc_mcontext.gregs;

	r = (struct regs){ { (uint64_t)g[REG_RIP], (uint64_t)g[REG_RSP], (uint64_t)g[REG_RBP], 0 },
		{ (uint64_t)g[REG_RDI], (uint64_t)g[REG_RSI], (uint64_t)g[REG_RDX],
		    (uint64_t)g[REG_R10], (uint64_t)g[REG_R8], (uint64_t)g[REG_R9] } };
#elif defined(__aarch64__)
	r = (struct regs){ .at = { uc->uc_mcontext.pc, uc->uc_mcontext.sp, uc->uc_mcontext.regs[29],
			       uc->uc_mcontext.regs[30] } };
	for (int i = 0; i < 6; i++)
		r.args[i] = uc->uc_mcontext.regs[i];
#endif
	return r;
}

/*
 * How much more the kernel would let it map, to a sixteenth of a percent of its limit: that it was
 * refused memory leaves no other trace. Nothing is touched, and nothing stays.
 */
static uint64_t room_left(void)
{
	uint64_t least = 0, most, step;
	struct rlimit as;

	if (getrlimit(RLIMIT_AS, &as) == -1 || as.rlim_cur == RLIM_INFINITY)
		return 0;
	most = as.rlim_cur;
	for (step = most / 1600 | 4095; most - least > step;) {
		uint64_t half = least + (most - least) / 2;
		void *p =
		    mmap(NULL, half, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED)
			most = half;
		else if (munmap(p, half) == 0)
			least = half;
		else
			return 0;
	}
	return least == 0 ? 1 : least;
}

static void tell(int sig, uint64_t addr, bool near_sp, const struct regs *r)
{
	struct stk_fault f = { .signal = sig, .addr = addr, .near_sp = near_sp, .err = errno };

	f.room = sig == SIGSYS ? 0 : room_left();

	stk_backtrace_take(&r->at, &f);
	(void)stk_frame_write(STK_SLOT_REPORT, STK_FRAME_FAULT, &f, sizeof(f));
}

/*
 * SIGSYS is blocked while its handler runs, so a second denied call is one that the kernel must end
 * by force: the wait status becomes signal 31, which no job can counterfeit. ptrace is in no
 * profile and never will be.
 */
static void on_denied(int sig, siginfo_t *info, void *context)
{
	struct regs r = regs_of(context);
	struct stk_denied d = { .ip = r.at.ip, .nr = info->si_syscall, .arch = info->si_arch };

	memcpy(d.args, r.args, sizeof(d.args));
	if (info->si_code == SYS_SECCOMP) {
		(void)stk_frame_write(STK_SLOT_REPORT, STK_FRAME_DENIED, &d, sizeof(d));
		tell(sig, r.at.ip, false, &r);
	}
	(void)syscall(SYS_ptrace, PTRACE_CONT, -1, 0, 0);
	_exit(128 + SIGSYS);
}

/* Returning runs the faulting instruction again, now with the default action (SA_RESETHAND). */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	struct regs r = regs_of(context);
	uint64_t addr;

	memcpy(&addr, &info->si_addr, sizeof(addr));
	tell(sig, addr,
	    sig == SIGSEGV && addr + NEAR_STACK >= r.at.sp && addr <= r.at.sp + NEAR_STACK, &r);
}

/*
 * abort() would go on to set the default action by a call that is denied; so the signal is sent
 * again here. It is blocked until this returns, and then finds the default (SA_RESETHAND).
 */
static void on_abort(int sig, siginfo_t *info, void *context)
{
	struct regs r = regs_of(context);

	(void)info;
	tell(sig, r.at.ip, false, &r);
	(void)syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), sig);
}

static int trap(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = handler,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | flags };

	(void)sigfillset(&sa.sa_mask);
	/* a fault within the handler must still be fatal by its own name */
	(void)sigdelset(&sa.sa_mask, SIGSYS);
	return sigaction(sig, &sa, NULL);
}

/*
 * libc blocks every signal around the call itself (glibc since 2.41), so that a denied fork() could
 * not be named. What is denied there is tried here first, where on_denied() hears of it.
 */
static void before_fork(void)
{
	if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0)
		_exit(0); /* no filter stands */
}

int stk_faults_name_forks(void)
{
	return pthread_atfork(before_fork, NULL, NULL) == 0 ? 0 : -1;
}

int stk_faults_catch(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) };

	stk_backtrace_prepare();
	if (sigaltstack(&ss, NULL) == -1 || trap(SIGSYS, on_denied, 0) == -1 ||
	    trap(SIGABRT, on_abort, (int)SA_RESETHAND) == -1)
		return -1;
	for (size_t i = 0; i < STK_ARRAY_LEN(faults); i++)
		if (trap(faults[i], on_fault, (int)SA_RESETHAND) == -1)
			return -1;
	return 0;
}

/*
 * outer.c - see outer.h. Written as plain BPF: nothing of the filters under test is used.
 */
#include "tests/lib/outer.h"

#include "sandbox/profile.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET */
#define NEW_NAMESPACES 0x7e020000u
/* Beyond the newest call that the profile knows the answer is ENOSYS, so that libc falls back. */
#define NEWEST 467u

static const int blocked[] = {
#define BLOCK(call, why) STK_NR_##call,
#include "tests/tools/outer.def"
#undef BLOCK
};

static const struct {
	const char *name;
	int nr;
} calls[] = {
#define STK_SYSCALL(name, x86_64, aarch64) { #name, STK_SYSCALL_NR(x86_64, aarch64) },
#include "sandbox/syscalls.def"
#undef STK_SYSCALL
};

static struct sock_filter program[1024];
static unsigned short n;

static void put(unsigned short code, unsigned k, unsigned char jt, unsigned char jf)
{
	program[n++] = (struct sock_filter){ code, jt, jf, k };
}

static void load(size_t offset)
{
	put(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

static void answer(unsigned err)
{
	put(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err, 0, 0);
}

static void allow(void)
{
	put(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static void begin(void)
{
	n = 0;
	load(offsetof(struct seccomp_data, arch));
	put(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	allow(); /* the profile lists the 32-bit kin of its architecture too */
	load(offsetof(struct seccomp_data, nr));
}

static void refuse(int nr, unsigned err)
{
	if (nr < 0)
		return;
	put(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1);
	answer(err);
}

static bool install(void)
{
	struct sock_fprog p = { .len = n, .filter = program };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p) == 0;
}

static void conditional(void)
{
	static const unsigned personalities[] = { 0, 8, 0x20000, 0x20008, 0xffffffff };
	const size_t low = offsetof(struct seccomp_data, args);

	put(BPF_JMP | BPF_JEQ | BPF_K, STK_NR_clone, 0, 4);
	load(low);
	put(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1);
	answer(EPERM);
	allow();
	put(BPF_JMP | BPF_JEQ | BPF_K, STK_NR_socket, 0, 5);
	load(low);
	put(BPF_JMP | BPF_JEQ | BPF_K, AF_ALG, 1, 0);
	put(BPF_JMP | BPF_JEQ | BPF_K, AF_VSOCK, 0, 1);
	answer(EPERM);
	allow();
	put(BPF_JMP | BPF_JEQ | BPF_K, STK_NR_personality, 0, 12);
	load(low);
	for (size_t i = 0; i < sizeof(personalities) / sizeof(personalities[0]); i++) {
		put(BPF_JMP | BPF_JEQ | BPF_K, personalities[i], 0, 1);
		allow();
	}
	answer(EPERM);
}

bool outer_default(void)
{
	begin();
	for (size_t i = 0; i < sizeof(blocked) / sizeof(blocked[0]); i++)
		refuse(blocked[i], EPERM);
	refuse(STK_NR_clone3, ENOSYS);
	put(BPF_JMP | BPF_JGE | BPF_K, 0x40000000u, 2, 0); /* x32 is one of the kin */
	put(BPF_JMP | BPF_JGT | BPF_K, NEWEST, 0, 1);
	answer(ENOSYS);
	conditional();
	allow();
	return install();
}

/* A name that this machine's table does not know is no call of ours. */
static int number_of(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].nr;
	return -1;
}

bool outer_only(char *const *names)
{
	begin();
	for (; *names != NULL && n + 3u < sizeof(program) / sizeof(program[0]); names++) {
		int nr = number_of(*names);

		if (nr < 0)
			continue;
		put(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1);
		allow();
	}
	answer(EPERM);
	return *names == NULL && install();
}

bool outer_call(const char *name, unsigned err)
{
	int nr = number_of(name);

	if (nr < 0)
		return false;
	begin();
	refuse(nr, err);
	allow();
	return install();
}

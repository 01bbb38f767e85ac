/*
 * without.c - build/test/stockade-without CALL[:ARGUMENT] ERRNO COMMAND...: runs a command under a
 * filter that answers one system call, or one kind of it by its first argument (prctl:65), with an
 * error: a machine without one layer of the wall.
 */
#include "sandbox/profile.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	int nr;
} calls[] = {
#define STK_SYSCALL(name, x86_64, aarch64) { #name, STK_SYSCALL_NR(x86_64, aarch64) },
#include "sandbox/syscalls.def"
#undef STK_SYSCALL
	{ "memfd_secret", 447 }, /* asm-generic/unistd.h */
	{ "mseal", 462 },
};

static const struct {
	const char *name;
	unsigned err;
} errors[] = { { "EPERM", EPERM }, { "ENOSYS", ENOSYS }, { "EINVAL", EINVAL }, { "EBUSY", EBUSY },
	{ "EOPNOTSUPP", EOPNOTSUPP } };

static int refuse(unsigned nr, const char *argument, unsigned err)
{
	unsigned first = argument == NULL ? 0 : (unsigned)strtoul(argument, NULL, 0);
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, argument == NULL ? 0 : 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = STK_ARRAY_LEN(insns), .filter = insns };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int main(int argc, char **argv)
{
	char *argument = argc > 3 ? strchr(argv[1], ':') : NULL;

	if (argument != NULL)
		*argument++ = '\0';
	for (size_t c = 0; argc > 3 && c < STK_ARRAY_LEN(calls); c++)
		for (size_t e = 0; e < STK_ARRAY_LEN(errors); e++)
			if (calls[c].nr >= 0 && strcmp(argv[1], calls[c].name) == 0 &&
			    strcmp(argv[2], errors[e].name) == 0 &&
			    refuse((unsigned)calls[c].nr, argument, errors[e].err) == 0) {
				(void)execvp(argv[3], argv + 3);
				perror(argv[3]);
				return 127;
			}
	(void)fprintf(stderr, "usage: stockade-without CALL[:ARGUMENT] ERRNO COMMAND...\n");
	return 64;
}

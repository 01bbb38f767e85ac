/*
 * outer.c - build/test/stockade-outer CALL ERRNO COMMAND...: runs a command under a seccomp filter
 * that answers one system call with an error, as a container's profile does. For tests that ask
 * what happens when a layer of the wall cannot be had.
 */
#include <errno.h>
#include <linux/audit.h>
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
	unsigned nr;
} calls[] = {
	{ "landlock_create_ruleset",
	    444 }, /* asm-generic/unistd.h, the same on every 64-bit arch */
	{ "landlock_restrict_self", 446 },
	{ "close_range", 436 },
	{ "pidfd_open", 434 },
	{ "seccomp", SYS_seccomp },
	{ "prctl", SYS_prctl },
};

static const struct {
	const char *name;
	unsigned err;
} errors[] = { { "EPERM", EPERM }, { "ENOSYS", ENOSYS }, { "EINVAL", EINVAL } };

static int refuse(unsigned nr, unsigned err)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = insns };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int main(int argc, char **argv)
{
	for (size_t c = 0; argc > 3 && c < sizeof(calls) / sizeof(calls[0]); c++)
		for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++)
			if (strcmp(argv[1], calls[c].name) == 0 &&
			    strcmp(argv[2], errors[e].name) == 0 &&
			    refuse(calls[c].nr, errors[e].err) == 0) {
				(void)execvp(argv[3], argv + 3);
				perror(argv[3]);
				return 127;
			}
	(void)fprintf(stderr, "usage: stockade-outer CALL EPERM|ENOSYS|EINVAL COMMAND...\n");
	return 64;
}

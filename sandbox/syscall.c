/*
 * syscall.c - names for a denial (filter.h): a call's name, and the grant that would allow it.
 * What a child reports is untrusted, so everything comes from tables compiled in.
 */
#include "sandbox/filter.h"
#include "sandbox/profile.h"

#include <linux/audit.h>

static const struct {
	const char *name;
	int nr;
} names[] = {
#define STK_SYSCALL(call, x86_64, aarch64) { #call, STK_SYSCALL_NR(x86_64, aarch64) },
#include "sandbox/syscalls.def"
#undef STK_SYSCALL
};

static const struct {
	uint32_t profile;
	const char *text;
} grants[] = {
	{ STK_PROFILE_FILES_READ, "files read" },
	{ STK_PROFILE_FILES_WRITE, "files write" },
	{ STK_PROFILE_THREADS, "threads" },
	{ STK_PROFILE_NET, "net" },
	{ STK_PROFILE_EXEC, "exec" },
};

uint32_t stk_syscall_arch(void)
{
#if defined(__x86_64__)
	return AUDIT_ARCH_X86_64;
#else
	return AUDIT_ARCH_AARCH64;
#endif
}

const char *stk_syscall_name(uint32_t arch, int nr)
{
	if (arch != stk_syscall_arch() || nr < 0)
		return NULL;
	for (size_t i = 0; i < STK_ARRAY_LEN(names); i++)
		if (names[i].nr == nr)
			return names[i].name;
	return NULL;
}

const char *stk_syscall_missing_grant(
    int nr, const uint64_t args[6], uint64_t self, uint32_t profiles)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);

	for (size_t g = 0; nr >= 0 && g < STK_ARRAY_LEN(grants); g++)
		for (size_t i = 0; (profiles & grants[g].profile) == 0 && i < n; i++)
			if (rows[i].nr == nr && (rows[i].groups & grants[g].profile) != 0 &&
			    stk_row_matches(&rows[i], args, self))
				return grants[g].text;
	return NULL;
}

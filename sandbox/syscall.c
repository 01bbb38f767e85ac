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
	bool programs; /* of a class's program; else of its handler */
	const char *text, *line;
} grants[] = {
	{ STK_PROFILE_FILES_READ, false, "files read", "PROFILE(files), READ(\"label\")" },
	{ STK_PROFILE_FILES_WRITE, false, "files write", "PROFILE(files), WRITE(\"label\")" },
	{ STK_PROFILE_THREADS, false, "threads", "PROFILE(threads), TASKS(n)" },
	{ STK_PROFILE_NET, false, "net", "PROFILE(net), CONNECT(\"host:port\")" },
	{ STK_PROFILE_EXEC, false, "exec", "PROFILE(exec), EXEC(\"/program\")" },
	{ STK_PROFILE_FILES_WRITE, true, "files write", "PROFILE(files), WRITE(\"label\")" },
	{ STK_PROFILE_PROGRAM_DYNAMIC, true, "exec(dynamic)",
	    "EXEC_DYNAMIC(\"/program\", \"/its/libraries\")" },
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

/* The first grant of @row that the class lacks; none if it has one of them, or needs none. */
static struct stk_way missing(const struct stk_row *row, uint32_t profiles)
{
	bool programs = (profiles & STK_PROFILE_PROGRAM) != 0;

	for (size_t g = 0; (row->groups & profiles) == 0 && g < STK_ARRAY_LEN(grants); g++)
		if (grants[g].programs == programs && (row->groups & grants[g].profile) != 0)
			return (struct stk_way){ grants[g].text, grants[g].line, NULL };
	return (struct stk_way){ NULL, NULL, NULL };
}

struct stk_way stk_syscall_way(int nr, const uint64_t args[6], uint64_t self, uint32_t profiles)
{
	const struct stk_row *rows, *instead = NULL;
	struct stk_way way;
	size_t n;

	rows = stk_profile_rows(&n);
	for (size_t i = 0; nr >= 0 && i < n; i++) {
		if (rows[i].nr != nr || !stk_row_matches(&rows[i], args, self))
			continue;
		/* an answer that only spares the job is no grant */
		if (rows[i].action == STK_ROW_ALLOW) {
			way = missing(&rows[i], profiles);
			if (way.grant != NULL)
				return way;
		}
		if (rows[i].action == STK_ROW_INSTEAD && instead == NULL)
			instead = &rows[i];
	}
	way = (struct stk_way){ NULL, NULL, NULL };
	if (instead != NULL && (profiles & STK_PROFILE_PROGRAM) == 0) {
		way = missing(instead, profiles);
		way.instead = instead->text;
	}
	return way;
}

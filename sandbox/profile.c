/*
 * profile.c - see profile.h. Expands profile.def into one constant table and says what it means;
 * knows nothing of BPF.
 */
#include "sandbox/profile.h"

#include "sandbox/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Newer than Debian 12's headers. */
#define STK_MAP_DROPPABLE      0x08 /* linux/mman.h, 6.11 */
#define STK_PR_SET_MDWE        65   /* linux/prctl.h, 6.3 */
#define STK_PR_GET_MDWE        66
#define STK_MADV_GUARD_INSTALL 102 /* asm-generic/mman-common.h, 6.13 */
#define STK_MADV_GUARD_REMOVE  103
/* asm-generic/fcntl.h; glibc's __O_TMPFILE is two bits, the other being O_DIRECTORY. */
#define STK_O_TMPFILE 020000000

#define STK_HIGH        (~(uint64_t)UINT32_MAX)
#define STK_MAP_FREE    ((uint64_t)(MAP_NORESERVE | MAP_STACK | MAP_FIXED | MAP_FIXED_NOREPLACE))
#define STK_FUTEX_FLAGS ((uint64_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME))
#define STK_CLOCKS      15 /* include/uapi/linux/time.h has 0 to 11 */
/* A negative number with this bit is a thread's CPU time; the kernel looks at 32 bits. */
#define STK_CLOCK_THREAD (UINT64_C(1) << 31 | 4)
#define STK_SOCK_FLAGS   ((uint64_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))
#define STK_O_CHANGES    (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | STK_O_TMPFILE)
/* What pthread_create() asks of clone, glibc 2.36 and 2.41 alike; musl adds CLONE_DETACHED, which
 * means nothing to the kernel. */
#define STK_CLONE_THREAD                                                               \
	((uint64_t)(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | \
		    CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID))
#define STK_NET_FLAGS    ((uint64_t)(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE))
#define STK_MODE_SPECIAL (S_ISUID | S_ISGID | S_ISVTX)

#define FILES_READ      (uint32_t) STK_PROFILE_FILES_READ
#define FILES_WRITE     (uint32_t) STK_PROFILE_FILES_WRITE
#define THREADS         (uint32_t) STK_PROFILE_THREADS
#define NET             (uint32_t) STK_PROFILE_NET
#define EXEC            (uint32_t) STK_PROFILE_EXEC
#define PROGRAM         (uint32_t) STK_PROFILE_PROGRAM
#define PROGRAM_DYNAMIC (uint32_t) STK_PROFILE_PROGRAM_DYNAMIC
#define BASE            (uint32_t) STK_GROUP_BASE
#define ENTRY           (uint32_t) STK_GROUP_ENTRY
#define WORKER          (uint32_t) STK_GROUP_WORKER
#define BROKER          (uint32_t) STK_GROUP_BROKER
#define SUPERVISOR      (uint32_t) STK_GROUP_SUPERVISOR
#define EXPORTER        (uint32_t) STK_GROUP_EXPORTER

/* clang-format off */
#define MASKED(a, m, v) { .op = STK_ARG_MASKED, .arg = (a), .mask = (uint64_t)(m), .value = (uint64_t)(v) }
#define IS(a, v)        MASKED(a, UINT64_MAX, v)
#define WITHIN(a, f)    MASKED(a, ~(uint64_t)(f), 0)
#define WITHOUT(a, f)   MASKED(a, STK_HIGH | (uint64_t)(f), 0)
#define SELF(a)         { .op = STK_ARG_SELF, .arg = (a) }

#define ROW(g, call, what, e) .nr = STK_NR_##call, .groups = (g), .action = (what), .err = (e)
#define ALLOW(g, call)         { ROW(g, call, STK_ROW_ALLOW, 0) },
#define ALLOW_IF(g, call, ...) { ROW(g, call, STK_ROW_ALLOW, 0), .args = { __VA_ARGS__ }, .text = #__VA_ARGS__ },
#define SOFT(g, call, e)       { ROW(g, call, STK_ROW_SOFT, e) },
#define KILL(g, call)          { ROW(g, call, STK_ROW_KILL, 0) },
#define INSTEAD(g, call, t)    { ROW(g, call, STK_ROW_INSTEAD, 0), .text = (t) },
#define INSTEAD_IF(g, call, t, ...) { ROW(g, call, STK_ROW_INSTEAD, 0), .args = { __VA_ARGS__ }, .text = (t) },
/* clang-format on */

static const struct stk_row table[] = {
#include "sandbox/profile.def"
};

const struct stk_row *stk_profile_rows(size_t *n)
{
	*n = STK_ARRAY_LEN(table);
	return table;
}

size_t stk_row_n_args(const struct stk_row *r)
{
	size_t n = 0;

	while (n < STK_ROW_ARGS_MAX && r->args[n].op != STK_ARG_NONE)
		n++;
	return n;
}

bool stk_row_matches(const struct stk_row *r, const uint64_t args[6], uint64_t self)
{
	for (size_t i = 0; i < stk_row_n_args(r); i++) {
		const struct stk_arg_rule *a = &r->args[i];
		uint64_t have = args[a->arg];

		if (a->op == STK_ARG_SELF ? have != self : (have & a->mask) != a->value)
			return false;
	}
	return true;
}

static bool same_rule(const struct stk_arg_rule *a, const struct stk_arg_rule *b)
{
	return a->op == b->op && a->arg == b->arg && a->mask == b->mask && a->value == b->value;
}

bool stk_row_implied(const struct stk_row *narrow, const struct stk_row *wide)
{
	for (size_t i = 0; i < stk_row_n_args(wide); i++) {
		bool found = false;

		for (size_t j = 0; j < stk_row_n_args(narrow); j++)
			found = found || same_rule(&wide->args[i], &narrow->args[j]);
		if (!found)
			return false;
	}
	return narrow->nr == wide->nr;
}

struct stk_verdict stk_profile_verdict(
    uint32_t groups, int nr, const uint64_t args[6], uint64_t self)
{
	struct stk_verdict v = { .kind = STK_VERDICT_DENY };
	bool named = false; /* some row allows part of it: a soft answer no longer applies */

	for (size_t i = 0; i < STK_ARRAY_LEN(table); i++) {
		const struct stk_row *r = &table[i];

		if (nr < 0 || r->nr != nr || (r->groups & groups) == 0 ||
		    r->action == STK_ROW_INSTEAD)
			continue;
		if (r->action == STK_ROW_KILL)
			return (struct stk_verdict){ .kind = STK_VERDICT_KILL };
		if (r->action == STK_ROW_ALLOW) {
			named = true;
			if (stk_row_matches(r, args, self))
				return (struct stk_verdict){ .kind = STK_VERDICT_ALLOW };
		} else if (!named) {
			v = (struct stk_verdict){ .kind = STK_VERDICT_ERRNO, .err = r->err };
		}
	}
	if (named)
		v = (struct stk_verdict){ .kind = STK_VERDICT_DENY };
	return v;
}

/* All that the row allows is allowed by another of the sum; of twins the first stays. */
static bool covered(uint32_t groups, size_t at)
{
	for (size_t i = 0; i < STK_ARRAY_LEN(table); i++)
		if (i != at && (table[i].groups & groups) != 0 &&
		    table[i].action == STK_ROW_ALLOW && stk_row_implied(&table[at], &table[i]) &&
		    (i < at || !stk_row_implied(&table[i], &table[at])))
			return true;
	return false;
}

bool stk_profile_call(uint32_t groups, int nr, struct stk_call *out)
{
	bool answered = false;

	*out = (struct stk_call){ .nr = nr, .kind = STK_VERDICT_DENY };
	for (size_t i = 0; i < STK_ARRAY_LEN(table); i++) {
		const struct stk_row *r = &table[i];

		if (nr < 0 || r->nr != nr || (r->groups & groups) == 0)
			continue;
		if (r->action == STK_ROW_SOFT) {
			out->err = r->err;
			answered = true;
		}
		if (r->action != STK_ROW_ALLOW || covered(groups, i))
			continue;
		out->kind = STK_VERDICT_ALLOW;
		if (stk_row_n_args(r) > 0 && out->n_rows < STK_CALL_ROWS_MAX)
			out->rows[out->n_rows++] = r;
	}
	if (out->kind == STK_VERDICT_DENY && answered)
		out->kind = STK_VERDICT_ERRNO;
	return out->kind != STK_VERDICT_DENY;
}

int stk_profile_nr_end(void)
{
	int end = 0;

	for (size_t i = 0; i < STK_ARRAY_LEN(table); i++)
		if (table[i].nr >= end)
			end = table[i].nr + 1;
	return end;
}

static const char *check_row(const struct stk_row *r)
{
	size_t n = stk_row_n_args(r);

	if (r->action != STK_ROW_ALLOW && n > 0)
		return "a soft or kill row with conditions";
	for (size_t i = 0; i < n; i++) {
		const struct stk_arg_rule *a = &r->args[i];

		if (a->arg > 5)
			return "an argument beyond the sixth";
		if (a->op == STK_ARG_MASKED && (a->mask == 0 || (a->value & ~a->mask) != 0))
			return "a condition that always or never holds";
		for (size_t j = 0; j < i; j++)
			if (r->args[j].arg == a->arg)
				return "two conditions on one argument";
	}
	return NULL;
}

static const char *check_pair(const struct stk_row *a, const struct stk_row *b)
{
	if (a->action != b->action) {
		bool soft = a->action == STK_ROW_SOFT || b->action == STK_ROW_SOFT;

		return soft ? NULL : "a call that is both allowed and deadly";
	}
	if (stk_row_implied(a, b) && stk_row_implied(b, a))
		return "the same row twice";
	if (stk_row_n_args(a) == 0 || stk_row_n_args(b) == 0)
		return "a free row beside a conditional one";
	return NULL;
}

enum stk_err stk_rows_check(const struct stk_row *rows, size_t n, uint32_t groups, const char **why)
{
	*why = NULL;
	for (size_t i = 0; i < n && *why == NULL; i++) {
		if (rows[i].nr < 0 || (rows[i].groups & groups) == 0 ||
		    rows[i].action == STK_ROW_INSTEAD)
			continue;
		*why = check_row(&rows[i]);
		for (size_t j = 0; j < i && *why == NULL; j++)
			if (rows[j].nr == rows[i].nr && (rows[j].groups & groups) != 0 &&
			    rows[j].action != STK_ROW_INSTEAD)
				*why = check_pair(&rows[i], &rows[j]);
	}
	return *why == NULL ? STK_OK : STK_E_REFUSED;
}

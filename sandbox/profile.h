/*
 * profile.h - the system-call tables of profile.def as data, and the one definition of what they
 * mean.
 *
 * filter.c turns rows into BPF; the tests compare that BPF with stk_profile_verdict(), which reads
 * the same rows directly. Rows can only say what is allowed, and conditions can only be positive:
 * libseccomp cannot be led into ORing two "unless" rules, because none can be written.
 */
#ifndef SANDBOX_PROFILE_H
#define SANDBOX_PROFILE_H

#include "sandbox/wire.h"

/* Numbers of the architecture this is built for, -1 where it lacks the call: STK_NR_read ... */
#if defined(__x86_64__)
#define STK_SYSCALL_NR(x86_64, aarch64) x86_64
#elif defined(__aarch64__)
#define STK_SYSCALL_NR(x86_64, aarch64) aarch64
#else
#error "stockade has system-call tables for x86_64 and aarch64 only"
#endif
enum stk_syscall_nr {
#define STK_SYSCALL(name, x86_64, aarch64) STK_NR_##name = STK_SYSCALL_NR(x86_64, aarch64),
#include "sandbox/syscalls.def"
#undef STK_SYSCALL
};

/* Who grants a row: bits of enum stk_profile, or one of these. */
enum stk_group {
	STK_GROUP_BASE = 1u << 8,        /* every class */
	STK_GROUP_ENTRY = 1u << 9,       /* Z, and J until its last act */
	STK_GROUP_WORKER = 1u << 10,     /* W after its start */
	STK_GROUP_BROKER = 1u << 11,     /* B, beside BASE */
	STK_GROUP_SUPERVISOR = 1u << 12, /* S once its launcher is forked */
	STK_GROUP_EXPORTER = 1u << 13,   /* E */
};
#define STK_PROFILE_ALL                                                                     \
	((uint32_t)STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE | STK_PROFILE_THREADS | \
	    STK_PROFILE_NET | STK_PROFILE_EXEC | STK_PROFILE_EXEC_DYNAMIC)
/* Profiles whose table is complete; a filter for any other is refused. */
#define STK_PROFILE_READY                                                                         \
	((uint32_t)STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE | STK_PROFILE_THREADS |       \
	    STK_PROFILE_NET | STK_PROFILE_EXEC | STK_PROFILE_EXEC_DYNAMIC | STK_PROFILE_PROGRAM | \
	    STK_PROFILE_PROGRAM_DYNAMIC)

enum stk_row_action {
	STK_ROW_ALLOW = 1,
	STK_ROW_SOFT, /* the whole call answers .err, unless a row of the same sum allows some of it
		       */
	STK_ROW_KILL, /* the whole call ends the process (WORKER) */
	STK_ROW_INSTEAD, /* grants nothing: .text says what to use, in stk_syscall_way(); .groups
			    0: with any profile */
};

enum stk_arg_op {
	STK_ARG_NONE = 0, /* ends the list */
	STK_ARG_MASKED,   /* (argument & mask) == value, over 64 bits */
	STK_ARG_SELF,     /* argument == own pid, over 64 bits */
};
struct stk_arg_rule {
	uint8_t op;  /* enum stk_arg_op */
	uint8_t arg; /* 0..5 */
	uint64_t mask, value;
};

#define STK_ROW_ARGS_MAX 3
struct stk_row {
	int nr; /* -1: this architecture has no such call */
	uint32_t groups;
	enum stk_row_action action;
	uint16_t err;
	struct stk_arg_rule
	    args[STK_ROW_ARGS_MAX + 1]; /* all must hold; rows of one call are ORed */
	/* the conditions as profile.def writes them, NULL without any; of INSTEAD: the words */
	const char *text;
};

/* The table of profile.def; static, read-only. */
const struct stk_row *stk_profile_rows(size_t *n);

/* The number of conditions of a row. */
size_t stk_row_n_args(const struct stk_row *r);
/* Whether every condition of @r holds. */
bool stk_row_matches(const struct stk_row *r, const uint64_t args[6], uint64_t self);
/* Whether all that @narrow allows is allowed by @wide already, as far as the conditions show it. */
bool stk_row_implied(const struct stk_row *narrow, const struct stk_row *wide);

struct stk_verdict {
	enum stk_verdict_kind {
		STK_VERDICT_ALLOW,
		STK_VERDICT_ERRNO,
		STK_VERDICT_DENY,
		STK_VERDICT_KILL
	} kind;
	uint16_t err; /* STK_VERDICT_ERRNO */
};
/* What the table says of one call for the sum @groups. */
struct stk_verdict stk_profile_verdict(
    uint32_t groups, int nr, const uint64_t args[6], uint64_t self);

#define STK_CALL_ROWS_MAX 16
/* One call as a sum of groups has it, for people: every row in effect, none that another covers. */
struct stk_call {
	int nr;
	enum stk_verdict_kind kind; /* ALLOW: free, or under the conditions of one of the rows */
	uint16_t err;               /* STK_VERDICT_ERRNO */
	const struct stk_row *rows[STK_CALL_ROWS_MAX]; /* ALLOW; none: whatever its arguments */
	size_t n_rows;
};
/* False if nothing of the call is allowed or answered to @groups: it ends the job. */
bool stk_profile_call(uint32_t groups, int nr, struct stk_call *out);
/* One more than the highest number that a row can have. */
int stk_profile_nr_end(void);

/*
 * Refuses (STK_E_REFUSED, *why static) a table that libseccomp would silently weaken for the sum
 * @groups: a call with both a free and a conditional row, two conditions on one argument, a
 * condition that always or never holds, twins, a conditional soft or kill row.
 */
STK_CHECK enum stk_err stk_rows_check(
    const struct stk_row *rows, size_t n, uint32_t groups, const char **why);

#endif

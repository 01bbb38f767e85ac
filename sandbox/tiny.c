/*
 * tiny.c - J's own filter (filter.h): for every call that the entry group reaches or that names a
 * process, the class's rows and nothing else; all other calls pass on to the big filter beneath.
 *
 * A small emitter of its own because the pid must be patched into the finished program per child,
 * after Z built it once. Straight lines: arch, then one block per call, each ending in a return.
 */
#include "sandbox/filter.h"
#include "sandbox/profile.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>

/* 20 calls of at most 60 instructions; a table that outgrows it is refused, not cut. */
#define TINY_MAX 1024
#define OFF_NR   offsetof(struct seccomp_data, nr)
#define OFF_ARCH offsetof(struct seccomp_data, arch)
/* Both supported architectures are little-endian: the low half of an argument comes first. */
#define OFF_ARG(i, half) (offsetof(struct seccomp_data, args) + 8u * (i) + 4u * (half))

struct emit {
	struct sock_filter *at;
	size_t len;
	struct stk_bpf *out;
	bool full;
};

static void put(struct emit *e, struct sock_filter insn)
{
	if (e->len < TINY_MAX)
		e->at[e->len++] = insn;
	else
		e->full = true;
}

static void put_load(struct emit *e, size_t offset)
{
	put(e, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void put_return(struct emit *e, uint32_t action)
{
	put(e, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* A jump past something not yet written: taken unless A == @k. Returns its place for land(). */
static size_t put_unless(struct emit *e, uint32_t k)
{
	put(e, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, 0));
	return e->len - 1;
}

static void land(struct emit *e, size_t jump)
{
	size_t past = e->len - jump - 1;

	if (past > UINT8_MAX)
		e->full = true;
	e->at[jump].jf = (uint8_t)past;
}

static void note_pid(struct emit *e, size_t at)
{
	if (e->out->n_pids < STK_BPF_PIDS_MAX)
		e->out->pid_at[e->out->n_pids++] = (uint16_t)at;
	else
		e->full = true;
}

/* One row: every condition over both halves of its argument, then @action. Without @pinned as the
 * big filter sees it, which does not know the pid. */
static void put_row(struct emit *e, const struct stk_row *r, bool pinned, uint32_t action)
{
	size_t jumps[2 * STK_ROW_ARGS_MAX], n = 0;

	for (size_t i = 0; i < stk_row_n_args(r); i++) {
		const struct stk_arg_rule *a = &r->args[i];
		bool self = a->op == STK_ARG_SELF;

		for (unsigned half = 0; half < 2; half++) {
			uint32_t mask = self ? UINT32_MAX : (uint32_t)(a->mask >> (32 * half));
			uint32_t want = self ? 0 : (uint32_t)(a->value >> (32 * half));

			if (mask == 0 || (self && !pinned))
				continue;
			put_load(e, OFF_ARG(a->arg, half));
			if (mask != UINT32_MAX)
				put(e,
				    (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
			jumps[n++] = put_unless(e, want);
			if (self && half == 0)
				note_pid(e, jumps[n - 1]);
		}
	}
	put_return(e, action);
	while (n > 0)
		land(e, jumps[--n]);
}

static bool has_self(const struct stk_row *r)
{
	for (size_t i = 0; i < stk_row_n_args(r); i++)
		if (r->args[i].op == STK_ARG_SELF)
			return true;
	return false;
}

/* What the big filter allows more of than the class: entry calls, and rows it could not pin. */
static bool wider_in_big(const struct stk_row *r, uint32_t groups)
{
	if (r->nr < 0 || r->action != STK_ROW_ALLOW)
		return false;
	return (r->groups & STK_GROUP_ENTRY) != 0 || ((r->groups & groups) != 0 && has_self(r));
}

/*
 * What the big filter allows of this call and the class may not: exactly that is trapped. The rest
 * the big filter denies itself, in the way that names it.
 */
static void put_taken_back(struct emit *e, int nr, uint32_t groups)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);

	for (size_t i = 0; i < n; i++)
		if (rows[i].nr == nr && wider_in_big(&rows[i], groups))
			put_row(e, &rows[i], false, SECCOMP_RET_TRAP);
}

static void put_call(struct emit *e, int nr, uint32_t groups)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);
	uint32_t otherwise = SECCOMP_RET_TRAP;
	bool allowed = false;

	put_load(e, OFF_NR);

	size_t skip = put_unless(e, (uint32_t)nr);

	for (size_t i = 0; i < n; i++) {
		const struct stk_row *r = &rows[i];

		if (r->nr != nr || (r->groups & groups) == 0)
			continue;
		if (r->action == STK_ROW_ALLOW) {
			put_row(e, r, true, SECCOMP_RET_ALLOW);
			allowed = true;
		}
		if (r->action == STK_ROW_SOFT)
			otherwise = SECCOMP_RET_ERRNO | r->err;
	}
	if (allowed || otherwise == SECCOMP_RET_TRAP)
		put_taken_back(e, nr, groups);
	put_return(e, allowed || otherwise == SECCOMP_RET_TRAP ? SECCOMP_RET_ALLOW : otherwise);
	land(e, skip);
}

static void put_calls(struct emit *e, uint32_t groups)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);

	for (size_t i = 0; i < n; i++) {
		bool done = false;

		if (!wider_in_big(&rows[i], groups))
			continue;
		for (size_t j = 0; j < i && !done; j++)
			done = rows[j].nr == rows[i].nr && wider_in_big(&rows[j], groups);
		if (!done)
			put_call(e, rows[i].nr, groups);
	}
}

static void put_arch(struct emit *e)
{
	put_load(e, OFF_ARCH);
	put(e, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, stk_syscall_arch(), 1, 0));
	put_return(e, SECCOMP_RET_KILL_PROCESS);
#if defined(__x86_64__)
	/* x32: the same arch value, numbers with bit 30 */
	put_load(e, OFF_NR);
	put(e, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000u, 0, 1));
	put_return(e, SECCOMP_RET_KILL_PROCESS);
#endif
}

enum stk_err stk_filter_tiny_build(uint32_t profiles, struct stk_bpf *out)
{
	uint32_t groups = profiles | STK_GROUP_BASE;
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);
	const char *why;

	*out = (struct stk_bpf){ 0 };
	if ((profiles & ~STK_PROFILE_READY) != 0 || stk_rows_check(rows, n, groups, &why) != STK_OK)
		return STK_E_REFUSED;

	struct emit e = { .at = calloc(TINY_MAX, sizeof(struct sock_filter)), .out = out };

	if (e.at == NULL)
		return STK_E_NOMEM;
	put_arch(&e);
	put_calls(&e, groups);
	put_return(&e, SECCOMP_RET_ALLOW);
	out->insns = e.at;
	out->len = (uint16_t)e.len;
	if (!e.full)
		return STK_OK;
	stk_bpf_clear(out);
	return STK_E_REFUSED;
}

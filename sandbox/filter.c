/*
 * filter.c - see filter.h. Rows of profile.def go into libseccomp one by one after a check that it
 * will not silently merge them into something weaker; the program comes back out as BPF, so that
 * tests can evaluate exactly what the kernel gets and installing is one call.
 */
#include "sandbox/filter.h"
#include "sandbox/profile.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux refuses longer programs: BPF_MAXINSNS, linux/bpf_common.h. */
#define BPF_INSNS_MAX 4096

void stk_bpf_clear(struct stk_bpf *p)
{
	free(p->insns);
	*p = (struct stk_bpf){ 0 };
}

/* What a set of rows becomes: one filter's default, and what SELF means while it is built. */
struct build {
	uint32_t groups;
	uint32_t fallback;
	pid_t self; /* 0: unknown yet, the condition is left to the tiny filter */
};

/* The row as this filter can state it. */
static struct stk_row stated(const struct stk_row *r, const struct build *b)
{
	struct stk_row out = *r;
	size_t n = 0;

	memset(out.args, 0, sizeof(out.args));
	for (size_t i = 0; i < stk_row_n_args(r); i++) {
		struct stk_arg_rule a = r->args[i];

		if (a.op == STK_ARG_SELF && b->self == 0)
			continue;
		if (a.op == STK_ARG_SELF)
			a = (struct stk_arg_rule){ .op = STK_ARG_MASKED,
				.arg = a.arg,
				.mask = UINT64_MAX,
				.value = (uint64_t)b->self };
		out.args[n++] = a;
	}
	return out;
}

static bool in_effect(const struct stk_row *r, uint32_t groups)
{
	return r->nr >= 0 && (r->groups & groups) != 0 && r->action != STK_ROW_INSTEAD;
}

/*
 * Whether the row adds nothing beside the others: all it allows is allowed by a wider one (of twins
 * the first stays), or it is a soft answer for a call that is allowed in part.
 */
static bool redundant(const struct stk_row *rows, size_t n, size_t at, const struct build *b)
{
	struct stk_row mine = stated(&rows[at], b);

	for (size_t i = 0; i < n; i++) {
		if (i == at || rows[i].nr != mine.nr || !in_effect(&rows[i], b->groups))
			continue;

		struct stk_row other = stated(&rows[i], b);

		if (mine.action == STK_ROW_SOFT && other.action == STK_ROW_ALLOW)
			return true;
		if (mine.action == other.action && stk_row_implied(&mine, &other) &&
		    (i < at || !stk_row_implied(&other, &mine)))
			return true;
	}
	return false;
}

static uint32_t action_of(const struct stk_row *r)
{
	switch (r->action) {
	case STK_ROW_ALLOW: return SCMP_ACT_ALLOW;
	case STK_ROW_SOFT: return SCMP_ACT_ERRNO(r->err);
	case STK_ROW_KILL: return SCMP_ACT_KILL_PROCESS;
	case STK_ROW_INSTEAD: break;
	}
	return SCMP_ACT_TRAP;
}

static int add_row(scmp_filter_ctx ctx, const struct stk_row *r)
{
	struct scmp_arg_cmp cmp[STK_ROW_ARGS_MAX];
	unsigned n = (unsigned)stk_row_n_args(r);

	for (unsigned i = 0; i < n; i++)
		cmp[i] = (struct scmp_arg_cmp){ .arg = r->args[i].arg,
			.op = SCMP_CMP_MASKED_EQ,
			.datum_a = r->args[i].mask,
			.datum_b = r->args[i].value };
	return seccomp_rule_add_exact_array(ctx, action_of(r), r->nr, n, n == 0 ? NULL : cmp);
}

static enum stk_err from_scmp(int rc)
{
	if (rc == 0)
		return STK_OK;
	if (rc == -ENOMEM)
		return STK_E_NOMEM;
	errno = -rc;
	return STK_E_SYSTEM;
}

static enum stk_err add_rows(scmp_filter_ctx ctx, const struct build *b)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);

	for (size_t i = 0; i < n; i++) {
		if (!in_effect(&rows[i], b->groups) || redundant(rows, n, i, b))
			continue;

		struct stk_row r = stated(&rows[i], b);

		if (action_of(&r) == b->fallback)
			continue; /* libseccomp refuses to say what is said already */

		enum stk_err e = from_scmp(add_row(ctx, &r));

		if (e != STK_OK)
			return e;
	}
	return STK_OK;
}

static enum stk_err export_bpf(scmp_filter_ctx ctx, struct stk_bpf *out)
{
	STK_AUTO_CLOSE int fd = memfd_create("filter", MFD_CLOEXEC);
	uint8_t *bytes;
	size_t len;

	if (fd == -1)
		return STK_E_SYSTEM;

	enum stk_err e = from_scmp(seccomp_export_bpf(ctx, fd));

	if (e != STK_OK)
		return e;
	if (lseek(fd, 0, SEEK_SET) != 0)
		return STK_E_SYSTEM;
	e = stk_read_all(fd, BPF_INSNS_MAX * sizeof(struct sock_filter), &bytes, &len);
	if (e != STK_OK)
		return e;
	out->len = (uint16_t)(len / sizeof(struct sock_filter));
	out->insns = calloc(out->len, sizeof(struct sock_filter));
	if (out->insns == NULL)
		out->len = 0;
	else
		memcpy(out->insns, bytes, out->len * sizeof(struct sock_filter));
	free(bytes);
	return out->insns == NULL ? STK_E_NOMEM : STK_OK;
}

static enum stk_err build(const struct build *b, struct stk_bpf *out)
{
	scmp_filter_ctx ctx = seccomp_init(b->fallback);

	*out = (struct stk_bpf){ 0 };
	if (ctx == NULL)
		return STK_E_NOMEM;

	enum stk_err e =
	    from_scmp(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));

	if (e == STK_OK)
		e = add_rows(ctx, b);
	if (e == STK_OK)
		e = export_bpf(ctx, out);
	seccomp_release(ctx);
	return e;
}

static enum stk_err check(uint32_t groups)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);
	const char *why;

	return stk_rows_check(rows, n, groups, &why);
}

bool stk_filter_ready(uint32_t profiles)
{
	return (profiles & ~STK_PROFILE_READY) == 0;
}

enum stk_err stk_filter_big_build(uint32_t profiles, struct stk_bpf *out)
{
	struct build b = { .groups = profiles | STK_GROUP_BASE | STK_GROUP_ENTRY,
		.fallback = SCMP_ACT_TRAP };

	*out = (struct stk_bpf){ 0 };
	if (!stk_filter_ready(profiles) || check(profiles | STK_GROUP_BASE) != STK_OK ||
	    check(STK_GROUP_ENTRY) != STK_OK)
		return STK_E_REFUSED;
	return build(&b, out);
}

/* Of a process of ours that runs no guest code. */
static enum stk_err build_own(uint32_t groups, struct stk_bpf *out)
{
	struct build b = { .groups = groups, .fallback = SCMP_ACT_ERRNO(EPERM), .self = getpid() };

	*out = (struct stk_bpf){ 0 };
	if (check(b.groups) != STK_OK)
		return STK_E_REFUSED;
	return build(&b, out);
}

enum stk_err stk_filter_worker_build(struct stk_bpf *out)
{
	return build_own(STK_GROUP_WORKER, out);
}

enum stk_err stk_filter_supervisor_build(struct stk_bpf *out)
{
	return build_own(STK_GROUP_SUPERVISOR, out);
}

enum stk_err stk_filter_exporter_build(struct stk_bpf *out)
{
	return build_own(STK_GROUP_EXPORTER, out);
}

enum stk_err stk_filter_broker_build(struct stk_bpf *out)
{
	return build_own((uint32_t)STK_GROUP_BASE | STK_GROUP_BROKER, out);
}

/* Above 0 the call answers with the number of a thread that it could not put behind it. */
static enum stk_err install(const struct stk_bpf *p, unsigned flags)
{
	struct sock_fprog prog = { .len = p->len, .filter = p->insns };

	if (p->len == 0)
		return STK_E_REFUSED;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog) != 0)
		return STK_E_SYSTEM;
	return STK_OK;
}

enum stk_err stk_filter_install(const struct stk_bpf *p)
{
	return p->n_pids != 0 ? STK_E_REFUSED : install(p, 0);
}

enum stk_err stk_filter_install_around(const struct stk_bpf *p)
{
	return p->n_pids != 0 ? STK_E_REFUSED : install(p, SECCOMP_FILTER_FLAG_TSYNC);
}

enum stk_err stk_filter_install_listening(const struct stk_bpf *p, int *listener)
{
	struct sock_fprog prog = { .len = p->len };
	long fd;

	*listener = -1;
	if (p->n_pids != 0 || p->len == 0)
		return STK_E_REFUSED;
	prog.filter = calloc(p->len, sizeof(struct sock_filter));
	if (prog.filter == NULL)
		return STK_E_NOMEM;
	for (size_t i = 0; i < p->len; i++) {
		prog.filter[i] = p->insns[i];
		if (prog.filter[i].code == (BPF_RET | BPF_K) &&
		    prog.filter[i].k == SECCOMP_RET_TRAP)
			prog.filter[i].k = SECCOMP_RET_USER_NOTIF;
	}
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	free(prog.filter);
	if (fd < 0)
		return install(p, 0);
	*listener = (int)fd;
	return STK_OK;
}

enum stk_err stk_filter_tiny_install(struct stk_bpf *p, pid_t self)
{
	if (p->n_pids == 0 || p->n_pids > STK_BPF_PIDS_MAX || self <= 0)
		return STK_E_REFUSED;
	for (size_t i = 0; i < p->n_pids; i++)
		p->insns[p->pid_at[i]].k = (uint32_t)self;
	return install(p, 0);
}

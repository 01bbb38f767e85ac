/*
 * test_filter.c - do the filters say what the table says? Evaluated for every call number and every
 * corner of its arguments, then asked of the real kernel in forked children.
 */
#include "sandbox/filter.h"
#include "sandbox/profile.h"
#include "tests/harness.h"
#include "tests/lib/bpf_eval.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF    4242u
#define NR_END  (STK_NR_file_setattr + 64)
#define CORNERS 64

static const uint32_t sums[] = {
	STK_PROFILE_PURE,
	STK_PROFILE_FILES_READ,
	STK_PROFILE_FILES_WRITE,
	STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE,
};

/* --- the programs against the table ------------------------------------------------------------
 */

struct subject {
	uint32_t groups;
	uint32_t denied; /* what the filter answers for STK_VERDICT_DENY */
	struct stk_bpf big, tiny;
	uint64_t self;
	unsigned long asked;
};

static uint32_t answer(const struct subject *s, uint32_t arch, int nr, const uint64_t args[6])
{
	struct seccomp_data d = { .nr = nr, .arch = arch };
	uint32_t big, tiny;

	memcpy(d.args, args, sizeof(d.args));
	assert_true(bpf_eval(s->big.insns, s->big.len, &d, &big));
	if (s->tiny.len == 0)
		return big;
	assert_true(bpf_eval(s->tiny.insns, s->tiny.len, &d, &tiny));
	return bpf_strictest(big, tiny);
}

static uint32_t expected(const struct subject *s, int nr, const uint64_t args[6])
{
	struct stk_verdict v = stk_profile_verdict(s->groups, nr, args, s->self);

	switch (v.kind) {
	case STK_VERDICT_ALLOW: return SECCOMP_RET_ALLOW;
	case STK_VERDICT_ERRNO: return SECCOMP_RET_ERRNO | v.err;
	case STK_VERDICT_KILL: return SECCOMP_RET_KILL_PROCESS;
	case STK_VERDICT_DENY: break;
	}
	return s->denied;
}

static void ask(struct subject *s, int nr, const uint64_t args[6])
{
	uint32_t want = expected(s, nr, args), got = answer(s, stk_syscall_arch(), nr, args);

	s->asked++;
	if (want != got)
		fail_msg(
		    "groups %x call %d (%s) args %llx %llx %llx %llx %llx: table %x, filters %x",
		    s->groups, nr, stk_syscall_name(stk_syscall_arch(), nr),
		    (unsigned long long)args[0], (unsigned long long)args[1],
		    (unsigned long long)args[2], (unsigned long long)args[3],
		    (unsigned long long)args[4], want, got);
}

/* Every value that some row of this call treats specially, and its neighbours. */
static size_t corners(int nr, unsigned arg, uint64_t self, uint64_t out[CORNERS])
{
	size_t n, len = 0;
	const struct stk_row *rows = stk_profile_rows(&n);
	const uint64_t fixed[] = { 0, 1, UINT64_MAX, 1ull << 32, self, self + 1 };

	for (size_t i = 0; i < STK_ARRAY_LEN(fixed); i++)
		out[len++] = fixed[i];
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; rows[i].nr == nr && j < stk_row_n_args(&rows[i]); j++) {
			const struct stk_arg_rule *a = &rows[i].args[j];

			if (a->arg != arg || a->op != STK_ARG_MASKED || len + 3 > CORNERS)
				continue;
			out[len++] = a->value;
			out[len++] = a->value | 1ull << 32;
			out[len++] = a->value | ~a->mask;
		}
	return len;
}

static bool arg_matters(int nr, unsigned arg)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; rows[i].nr == nr && j < stk_row_n_args(&rows[i]); j++)
			if (rows[i].args[j].arg == arg)
				return true;
	return false;
}

static void ask_product(struct subject *s, int nr, unsigned arg, uint64_t args[6])
{
	uint64_t values[CORNERS];

	while (arg < 6 && !arg_matters(nr, arg))
		arg++;
	if (arg == 6) {
		ask(s, nr, args);
		return;
	}

	size_t n = corners(nr, arg, s->self, values);

	for (size_t i = 0; i < n; i++) {
		args[arg] = values[i];
		ask_product(s, nr, arg + 1, args);
	}
}

static void satisfy(const struct stk_row *r, uint64_t self, uint64_t args[6])
{
	memset(args, 0, 6 * sizeof(args[0]));
	for (size_t j = 0; j < stk_row_n_args(r); j++)
		args[r->args[j].arg] = r->args[j].op == STK_ARG_SELF ? self : r->args[j].value;
}

/* From a call that the row allows, flips every single bit of every argument. */
static void ask_flips(struct subject *s, const struct stk_row *r)
{
	uint64_t args[6];

	satisfy(r, s->self, args);
	ask(s, r->nr, args);
	for (unsigned i = 0; i < 6; i++)
		for (unsigned bit = 0; bit < 64; bit++) {
			args[i] ^= 1ull << bit;
			ask(s, r->nr, args);
			args[i] ^= 1ull << bit;
		}
}

static void ask_everything(struct subject *s)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);

	for (int nr = 0; nr < NR_END; nr++) {
		uint64_t zero[6] = { 0 }, ones[6];

		memset(ones, 0xff, sizeof(ones));
		ask_product(s, nr, 0, zero);
		ask_product(s, nr, 0, ones);
	}
	for (size_t i = 0; i < n; i++)
		if (rows[i].nr >= 0)
			ask_flips(s, &rows[i]);
}

static void patch_pids(struct stk_bpf *p, uint32_t self)
{
	assert_true(p->n_pids > 0);
	for (size_t i = 0; i < p->n_pids; i++)
		p->insns[p->pid_at[i]].k = self;
}

static void make_class(struct subject *s, uint32_t profiles)
{
	*s = (struct subject){
		.groups = profiles | STK_GROUP_BASE, .denied = SECCOMP_RET_TRAP, .self = SELF
	};
	assert_int_equal(stk_filter_big_build(profiles, &s->big), STK_OK);
	assert_int_equal(stk_filter_tiny_build(profiles, &s->tiny), STK_OK);
	patch_pids(&s->tiny, SELF);
}

static void drop(struct subject *s)
{
	stk_bpf_clear(&s->big);
	stk_bpf_clear(&s->tiny);
}

static void both_filters_together_are_exactly_the_class_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(sums); i++) {
		struct subject s;

		make_class(&s, sums[i]);
		ask_everything(&s);
		assert_true(s.asked > 50000);
		drop(&s);
	}
}

static void the_workers_filter_is_exactly_its_table(void **state)
{
	struct subject s = { .groups = STK_GROUP_WORKER,
		.denied = SECCOMP_RET_ERRNO | EPERM,
		.self = (uint64_t)getpid() };

	(void)state;
	assert_int_equal(stk_filter_worker_build(&s.big), STK_OK);
	ask_everything(&s);
	assert_true(s.asked > 50000);
	drop(&s);
}

static void what_only_the_entry_may_do_the_tiny_filter_alone_denies(void **state)
{
	size_t n, denied = 0;
	const struct stk_row *rows = stk_profile_rows(&n);

	(void)state;
	for (size_t k = 0; k < STK_ARRAY_LEN(sums); k++) {
		struct subject s;

		make_class(&s, sums[k]);
		for (size_t i = 0; i < n; i++) {
			struct seccomp_data d = { .nr = rows[i].nr, .arch = stk_syscall_arch() };
			uint64_t args[6];
			uint32_t big, tiny;

			if (rows[i].nr < 0 || (rows[i].groups & STK_GROUP_ENTRY) == 0)
				continue;
			satisfy(&rows[i], SELF, args);
			memcpy(d.args, args, sizeof(args));
			assert_true(bpf_eval(s.big.insns, s.big.len, &d, &big));
			assert_true(bpf_eval(s.tiny.insns, s.tiny.len, &d, &tiny));
			assert_int_equal(big, SECCOMP_RET_ALLOW);
			if (stk_profile_verdict(s.groups, rows[i].nr, args, SELF).kind ==
			    STK_VERDICT_ALLOW)
				continue;
			assert_int_not_equal(tiny, SECCOMP_RET_ALLOW);
			denied++;
		}
		drop(&s);
	}
	assert_true(denied >= 4 * 20);
}

static void foreign_architectures_and_x32_are_killed(void **state)
{
	static const uint32_t foreign[] = { AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_RISCV64,
		AUDIT_ARCH_X86_64 ^ AUDIT_ARCH_AARCH64, 0 };
	struct subject s;
	uint64_t args[6] = { 0 };

	(void)state;
	make_class(&s, STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE);
	for (int nr = 0; nr < NR_END; nr++) {
		for (size_t i = 0; i < STK_ARRAY_LEN(foreign); i++)
			assert_int_equal(
			    answer(&s, foreign[i], nr, args), SECCOMP_RET_KILL_PROCESS);
#if defined(__x86_64__)
		assert_int_equal(
		    answer(&s, AUDIT_ARCH_AARCH64, nr, args), SECCOMP_RET_KILL_PROCESS);
		assert_int_equal(
		    answer(&s, AUDIT_ARCH_X86_64, nr | 0x40000000, args), SECCOMP_RET_KILL_PROCESS);
#endif
	}
	drop(&s);
}

static void refused(const struct stk_row *rows, size_t n, const char *reason)
{
	const char *why;

	assert_int_equal(stk_rows_check(rows, n, STK_GROUP_BASE, &why), STK_E_REFUSED);
	assert_string_equal(why, reason);
}

static void a_table_that_would_be_weakened_is_refused(void **state)
{
	const struct stk_row free_row = {
		.nr = 1, .groups = STK_GROUP_BASE, .action = STK_ROW_ALLOW
	};
	const struct stk_arg_rule one = { .op = STK_ARG_MASKED, .mask = 3, .value = 1 };
	const struct stk_arg_rule two = { .op = STK_ARG_MASKED, .mask = 4, .value = 0 };
	const struct stk_arg_rule always = { .op = STK_ARG_MASKED, .mask = 0, .value = 0 };
	const struct stk_arg_rule never = { .op = STK_ARG_MASKED, .mask = 3, .value = 4 };
	struct stk_row narrow = free_row, soft = free_row, kill_row = free_row, other = free_row;
	const char *why;

	(void)state;
	narrow.args[0] = one;
	refused((struct stk_row[]){ free_row, narrow }, 2, "a free row beside a conditional one");
	refused((struct stk_row[]){ narrow, free_row }, 2, "a free row beside a conditional one");
	refused((struct stk_row[]){ narrow, narrow }, 2, "the same row twice");
	other.args[0] = one;
	other.args[1] = two;
	refused(&other, 1, "two conditions on one argument");
	other.args[0] = always;
	refused(&other, 1, "a condition that always or never holds");
	other.args[0] = never;
	refused(&other, 1, "a condition that always or never holds");
	soft.action = STK_ROW_SOFT;
	soft.args[0] = one;
	refused(&soft, 1, "a soft or kill row with conditions");
	kill_row.action = STK_ROW_KILL;
	refused(
	    (struct stk_row[]){ free_row, kill_row }, 2, "a call that is both allowed and deadly");
	other = free_row;
	other.nr = 2;
	assert_int_equal(
	    stk_rows_check((struct stk_row[]){ narrow, other }, 2, STK_GROUP_BASE, &why), STK_OK);
}

static void profiles_without_a_table_are_refused(void **state)
{
	static const uint32_t none[] = { STK_PROFILE_THREADS, STK_PROFILE_NET, STK_PROFILE_EXEC,
		1u << 9, STK_GROUP_WORKER, STK_PROFILE_FILES_READ | STK_PROFILE_NET };
	struct stk_bpf p;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(none); i++) {
		assert_int_equal(stk_filter_big_build(none[i], &p), STK_E_REFUSED);
		assert_int_equal(stk_filter_tiny_build(none[i], &p), STK_E_REFUSED);
		assert_null(p.insns);
	}
	p = (struct stk_bpf){ 0 };
	assert_int_equal(stk_filter_install(&p), STK_E_REFUSED);
	assert_int_equal(stk_filter_tiny_install(&p, getpid()), STK_E_REFUSED);
}

static void denials_are_named(void **state)
{
	uint64_t read_only[6] = { 0 }, create[6] = { 0, 0, O_WRONLY | O_CREAT, 0600 },
		 none[6] = { 0 };
	uint64_t thread[6] = { 0x3d0f00 };
	uint32_t arch = stk_syscall_arch();

	(void)state;
	assert_string_equal(stk_syscall_name(arch, STK_NR_openat), "openat");
	assert_string_equal(stk_syscall_name(arch, SYS_execve), "execve");
	assert_null(stk_syscall_name(arch, -1));
	assert_null(stk_syscall_name(arch, 100000));
	assert_null(stk_syscall_name(AUDIT_ARCH_I386, 1));
	assert_string_equal(stk_syscall_missing_grant(SYS_openat, read_only, 0), "files read");
	assert_string_equal(stk_syscall_missing_grant(SYS_openat, create, 0), "files write");
	assert_string_equal(
	    stk_syscall_missing_grant(SYS_openat, create, STK_PROFILE_FILES_READ), "files write");
	assert_string_equal(stk_syscall_missing_grant(SYS_socket, none, 0), "net");
	assert_string_equal(stk_syscall_missing_grant(SYS_execve, none, 0), "exec");
	assert_string_equal(stk_syscall_missing_grant(SYS_clone, thread, 0), "threads");
	assert_null(stk_syscall_missing_grant(SYS_clone, none, 0));
	assert_null(stk_syscall_missing_grant(SYS_ptrace, none, 0));
	assert_null(stk_syscall_missing_grant(-1, none, 0));
}

/* --- the real kernel ---------------------------------------------------------------------------
 */

enum wall {
	WALL_NONE,
	WALL_BIG,
	WALL_BOTH,
	WALL_WORKER
};

static void build_wall(struct subject *s, enum wall w, uint32_t profiles)
{
	*s = (struct subject){ .groups = profiles | STK_GROUP_BASE };
	if (w == WALL_BIG || w == WALL_BOTH)
		assert_int_equal(stk_filter_big_build(profiles, &s->big), STK_OK);
	if (w == WALL_BOTH)
		assert_int_equal(stk_filter_tiny_build(profiles, &s->tiny), STK_OK);
}

static void enter_wall(struct subject *s, enum wall w)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(90);
	if (w == WALL_WORKER && stk_filter_worker_build(&s->big) != STK_OK)
		_exit(91);
	if (s->big.len > 0 && stk_filter_install(&s->big) != STK_OK)
		_exit(92);
	if (s->tiny.len > 0 && stk_filter_tiny_install(&s->tiny, getpid()) != STK_OK)
		_exit(93);
}

/* Runs @act in a child behind the wall; its exit code, or 256 + the signal that ended it. */
static int behind(enum wall w, uint32_t profiles, int (*act)(const void *), const void *arg)
{
	struct subject s;
	int status;

	build_wall(&s, w, profiles);

	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		enter_wall(&s, w);
		_exit(act(arg));
	}
	drop(&s);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define DIED_OF(sig) (256 + (sig))

/* One raw call: 0 if it succeeded, else its errno. */
struct call {
	long nr;
	uint64_t args[6];
};

static int make_call(const void *arg)
{
	const struct call *c = arg;

	errno = 0;
	return syscall(c->nr, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4],
		   c->args[5]) == -1
		   ? errno
		   : 0;
}

static int calling(enum wall w, uint32_t profiles, struct call c)
{
	return behind(w, profiles, make_call, &c);
}

/* With arguments that the first matching row allows, the kernel must agree with the table. */
static void ask_kernel(uint32_t profiles, int nr)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);
	uint32_t groups = profiles | STK_GROUP_BASE;
	struct call c = { .nr = nr };

	for (size_t i = 0; i < n; i++)
		if (rows[i].nr == nr && (rows[i].groups & groups) != 0 &&
		    rows[i].action == STK_ROW_ALLOW && rows[i].args[0].op != STK_ARG_SELF) {
			satisfy(&rows[i], 0, c.args);
			break;
		}

	struct stk_verdict v = stk_profile_verdict(groups, nr, c.args, 0);
	int got = calling(WALL_BOTH, profiles, c);

	if (v.kind == STK_VERDICT_DENY)
		assert_int_equal(got, DIED_OF(SIGSYS));
	else if (v.kind == STK_VERDICT_ERRNO)
		assert_int_equal(got, v.err);
	else if (got == DIED_OF(SIGSYS) || got == ENOSYS)
		fail_msg("%s is allowed but ended with %d",
		    stk_syscall_name(stk_syscall_arch(), nr), got);
}

static void the_kernel_agrees_for_every_call_number(void **state)
{
	(void)state;
	for (int nr = 0; nr < NR_END; nr++) {
		ask_kernel(STK_PROFILE_PURE, nr);
		ask_kernel(STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE, nr);
	}
}

static int compute(const void *arg)
{
	char text[64];
	int fds[2];

	memcpy(fds, arg, sizeof(fds));

	FILE *f = fdopen(fds[1], "w");
	char *big = malloc(64u << 20);

	if (f == NULL || big == NULL)
		return 1;
	memset(big, 1, 64u << 20);
	if (fprintf(f, "%d bytes at %ld\n", 64 << 20, (long)getpid()) < 10 || fclose(f) != 0)
		return 2;
	free(big);
	return read(fds[0], text, sizeof(text)) > 10 ? 0 : 3;
}

static void a_pure_job_computes_allocates_and_prints(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(behind(WALL_BOTH, 0, compute, fds), 0);
	close(fds[0]);
	close(fds[1]);
}

static int do_abort(const void *arg)
{
	(void)arg;
	abort();
}

static void abort_is_abort_and_others_cannot_be_signalled(void **state)
{
	uint64_t me = (uint64_t)getpid();

	(void)state;
	assert_int_equal(behind(WALL_BOTH, 0, do_abort, NULL), DIED_OF(SIGABRT));
	assert_int_equal(calling(WALL_BOTH, 0, (struct call){ SYS_tgkill, { me, me, SIGABRT } }),
	    DIED_OF(SIGSYS));
	assert_int_equal(
	    calling(WALL_BOTH, 0, (struct call){ SYS_tkill, { me, SIGABRT } }), DIED_OF(SIGSYS));
	assert_int_equal(
	    calling(WALL_BOTH, 0, (struct call){ SYS_kill, { me, SIGTERM } }), DIED_OF(SIGSYS));
}

static struct rlimit held;

static void limits_can_be_read_never_set_never_of_others(void **state)
{
	uint64_t me = (uint64_t)getpid(), p = (uint64_t)(uintptr_t)&held;
	struct call get = { SYS_prlimit64, { 0, RLIMIT_NOFILE, 0, p } };
	struct call set = { SYS_prlimit64, { 0, RLIMIT_NOFILE, p, 0 } };
	struct call others = { SYS_prlimit64, { me, RLIMIT_NOFILE, 0, p } };

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &held), 0);
	assert_int_equal(calling(WALL_BOTH, 0, get), 0);
	assert_int_equal(calling(WALL_BIG, 0, set), 0);                /* the entry needs it ... */
	assert_int_equal(calling(WALL_BOTH, 0, set), DIED_OF(SIGSYS)); /* ... the handler not */
	assert_int_equal(calling(WALL_BOTH, 0, others), DIED_OF(SIGSYS));
	others.args[2] = p;
	assert_int_equal(calling(WALL_BOTH, 0, others), DIED_OF(SIGSYS));
	assert_int_equal(calling(WALL_NONE, 0, others), 0); /* control: the kernel would do it */
}

static void tricks_with_high_bits_and_other_doors_fail(void **state)
{
	uint64_t high = 1ull << 32;
	struct call mmap_rwx = { SYS_mmap, { 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
					       MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX } };

	(void)state;
	assert_int_equal(calling(WALL_BOTH, 0, (struct call){ SYS_ioctl, { 0, TIOCSTI } }), ENOTTY);
	assert_int_equal(
	    calling(WALL_BOTH, 0, (struct call){ SYS_ioctl, { 0, TIOCSTI | high } }), ENOTTY);
	assert_int_equal(calling(WALL_NONE, 0, mmap_rwx), 0);
	assert_int_equal(calling(WALL_BOTH, 0, mmap_rwx), DIED_OF(SIGSYS));
	mmap_rwx.args[2] = PROT_READ | high;
	assert_int_equal(calling(WALL_BOTH, 0, mmap_rwx), DIED_OF(SIGSYS));
	assert_int_equal(calling(WALL_BOTH, 0, (struct call){ STK_NR_clone3, { 0 } }), ENOSYS);
	assert_int_equal(
	    calling(WALL_BOTH, 0, (struct call){ SYS_seccomp, { 1, 0, 0 } }), DIED_OF(SIGSYS));
	assert_int_equal(calling(WALL_BOTH, 0, (struct call){ SYS_prctl, { PR_SET_DUMPABLE, 1 } }),
	    DIED_OF(SIGSYS));
	/* droppable pages, or a kernel too old for them: never a denial */
	int got = calling(WALL_BOTH, 0,
	    (struct call){ SYS_mmap, { 0, 4096, 3, 0x08 | MAP_ANONYMOUS, UINT64_MAX } });
	assert_true(got == 0 || got == EINVAL || got == EOPNOTSUPP);
#if defined(__x86_64__)
	assert_int_equal(calling(WALL_BOTH, 0, (struct call){ 0x40000000 | SYS_getpid, { 0 } }),
	    DIED_OF(SIGSYS));
#endif
}

#if defined(__x86_64__)
static int int_0x80(const void *arg)
{
	long rc;

	(void)arg;
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return rc > 0 ? 0 : 1;
}

static void the_32_bit_gate_is_deadly(void **state)
{
	(void)state;
	if (behind(WALL_NONE, 0, int_0x80, NULL) != 0)
		print_message(
		    "# this kernel has no 32-bit gate: it kills with or without a filter\n");
	int got = behind(WALL_BOTH, 0, int_0x80, NULL);
	assert_true(got == DIED_OF(SIGSYS) || got == DIED_OF(SIGSEGV));
}
#endif

static void say_denied(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	_exit(si->si_syscall == SYS_socket && si->si_arch == stk_syscall_arch() ? 7 : 8);
}

static int trap_and_report(const void *arg)
{
	(void)arg;
	(void)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	return 1;
}

static void a_denied_call_reaches_the_handler_with_its_number(void **state)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO }, old;

	(void)state;
	sa.sa_sigaction = say_denied;
	assert_int_equal(sigaction(SIGSYS, &sa, &old), 0);
	assert_int_equal(behind(WALL_BOTH, 0, trap_and_report, NULL), 7);
	assert_int_equal(sigaction(SIGSYS, &old, NULL), 0);
}

/* --- files -------------------------------------------------------------------------------------
 */

struct place {
	int dir;
};

static int read_a_file(const void *arg)
{
	char buf[64];
	struct stat st;
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	FILE *f = fopen("/etc/passwd", "re");

	(void)arg;
	if (fd == -1 || f == NULL || read(fd, buf, sizeof(buf)) < 1 || fstat(fd, &st) != 0)
		return 1;
	if (fgets(buf, sizeof(buf), f) == NULL || fseek(f, 0, SEEK_SET) != 0)
		return 2;
	if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		return 3;
	return stat("/etc", &st) == 0 ? 0 : 4;
}

static int open_with(const void *arg)
{
	int flags;

	memcpy(&flags, arg, sizeof(flags));
	return open("/dev/null", flags, 0600) == -1 ? errno : 0;
}

static void files_read_reads_and_nothing_more(void **state)
{
	static const int changes[] = { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, 020000000 };
	int plain = O_RDONLY;

	(void)state;
	assert_int_equal(behind(WALL_BOTH, STK_PROFILE_FILES_READ, read_a_file, NULL), 0);
	assert_int_equal(behind(WALL_BOTH, 0, read_a_file, NULL), DIED_OF(SIGSYS));
	assert_int_equal(behind(WALL_BOTH, STK_PROFILE_FILES_READ, open_with, &plain), 0);
	for (size_t i = 0; i < STK_ARRAY_LEN(changes); i++)
		assert_int_equal(behind(WALL_BOTH, STK_PROFILE_FILES_READ, open_with, &changes[i]),
		    DIED_OF(SIGSYS));
}

static int write_files(const void *arg)
{
	const struct place *p = arg;
	int fd = openat(p->dir, "a", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, "hello", 5) != 5 || pwrite(fd, "J", 1, 0) != 1)
		return 1;
	if (fsync(fd) != 0 || fdatasync(fd) != 0 || ftruncate(fd, 2) != 0 || close(fd) != 0)
		return 2;
	if (renameat(p->dir, "a", p->dir, "b") != 0 || unlinkat(p->dir, "b", 0) != 0)
		return 3;
	return 0;
}

static int openat_in(const void *arg)
{
	const struct call *c = arg;
	struct place p = { (int)c->nr };

	return openat(p.dir, "x", (int)c->args[0], (mode_t)c->args[1]) == -1 ? errno : 0;
}

static void files_write_writes_without_set_id_or_sly_truncation(void **state)
{
	char name[] = "/tmp/stk-filter-XXXXXX";
	uint32_t both = STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE;

	(void)state;
	assert_non_null(mkdtemp(name));

	struct place p = { open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	struct call plain = { p.dir, { O_RDWR | O_CREAT, 0600 } };
	struct call set_id = { p.dir, { O_RDWR | O_CREAT, 04700 } };
	struct call sly = { p.dir, { O_RDONLY | O_TRUNC } };
	struct call tmp = { p.dir, { O_TMPFILE | O_RDWR, 0600 } };

	assert_int_equal(behind(WALL_BOTH, both, write_files, &p), 0);
	assert_int_equal(
	    behind(WALL_BOTH, STK_PROFILE_FILES_READ, write_files, &p), DIED_OF(SIGSYS));
	assert_int_equal(behind(WALL_BOTH, both, openat_in, &plain), 0);
	assert_int_equal(behind(WALL_NONE, 0, openat_in, &set_id), 0);
	assert_int_equal(behind(WALL_BOTH, both, openat_in, &set_id), DIED_OF(SIGSYS));
	assert_int_equal(behind(WALL_NONE, 0, openat_in, &sly), 0);
	assert_int_equal(behind(WALL_BOTH, both, openat_in, &sly), DIED_OF(SIGSYS));
	assert_int_equal(behind(WALL_BOTH, both, openat_in, &tmp), DIED_OF(SIGSYS));
	assert_int_equal(unlinkat(p.dir, "x", 0), 0);
	close(p.dir);
	assert_int_equal(rmdir(name), 0);
}

/* --- the entry and the worker ------------------------------------------------------------------
 */

static int clone_as_zygote(const void *arg)
{
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	(void)arg;
	if (pid == 0)
		_exit(33);
	return pid > 0 ? 0 : errno;
}

static void the_entry_can_clone_siblings_and_nothing_else(void **state)
{
	int status, seen = 0;

	(void)state;
	assert_int_equal(behind(WALL_BIG, 0, clone_as_zygote, NULL), 0);
	while (waitpid(-1, &status, 0) > 0)
		seen += WIFEXITED(status) && WEXITSTATUS(status) == 33;
	assert_int_equal(seen, 1); /* the sibling is a child of this process */
	assert_int_equal(behind(WALL_BOTH, 0, clone_as_zygote, NULL), DIED_OF(SIGSYS));
	assert_int_equal(
	    calling(WALL_BIG, 0, (struct call){ SYS_clone, { SIGCHLD } }), DIED_OF(SIGSYS));
	assert_int_equal(
	    calling(WALL_BIG, 0, (struct call){ SYS_clone, { CLONE_PARENT | CLONE_VM | SIGCHLD } }),
	    DIED_OF(SIGSYS));
}

static void every_entry_row_works_before_the_tiny_filter_and_not_after(void **state)
{
	size_t n, tried = 0;
	const struct stk_row *rows = stk_profile_rows(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct call c = { .nr = rows[i].nr };

		if ((rows[i].groups & STK_GROUP_ENTRY) == 0 || c.nr < 0 || c.nr == SYS_clone)
			continue;
		satisfy(&rows[i], 0, c.args);
		assert_int_not_equal(calling(WALL_BIG, 0, c), DIED_OF(SIGSYS));
		if (stk_profile_verdict(STK_GROUP_BASE, rows[i].nr, c.args, 0).kind ==
		    STK_VERDICT_DENY)
			assert_int_equal(calling(WALL_BOTH, 0, c), DIED_OF(SIGSYS));
		tried++;
	}
	assert_true(tried >= 20);
}

static int act_as_worker(const void *arg)
{
	int fds[2], sockets = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char *mem = malloc(1u << 20);
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	(void)arg;
	if (sockets == -1 || mem == NULL || fd == -1 || pipe2(fds, O_CLOEXEC) != 0)
		return 1;
	if (write(fds[1], "x", 1) != 1 || read(fds[0], mem, 1) != 1 ||
	    fcntl(fds[0], F_SETFL, 0) != 0)
		return 2;
	if (socket(AF_NETLINK, SOCK_RAW, 0) != -1 || errno != EPERM)
		return 3;
	if (kill(getppid(), 0) != -1 || errno != EPERM)
		return 4;
	if (open("/tmp/stk-never", O_WRONLY | O_CREAT, 0600) != -1 || errno != EPERM)
		return 5;
	return 0;
}

static void the_worker_works_degrades_and_dies_of_intruders_calls(void **state)
{
	size_t n, deadly = 0;
	const struct stk_row *rows = stk_profile_rows(&n);

	(void)state;
	assert_int_equal(behind(WALL_WORKER, 0, act_as_worker, NULL), 0);
	assert_int_equal(behind(WALL_WORKER, 0, do_abort, NULL), DIED_OF(SIGABRT));
	for (size_t i = 0; i < n; i++) {
		struct call c = { .nr = rows[i].nr };

		if ((rows[i].groups & STK_GROUP_WORKER) == 0 || c.nr < 0)
			continue;
		if (rows[i].action == STK_ROW_KILL) {
			assert_int_equal(calling(WALL_WORKER, 0, c), DIED_OF(SIGSYS));
			deadly++;
		}
	}
	assert_true(deadly > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_filters_together_are_exactly_the_class_table),
		cmocka_unit_test(the_workers_filter_is_exactly_its_table),
		cmocka_unit_test(what_only_the_entry_may_do_the_tiny_filter_alone_denies),
		cmocka_unit_test(foreign_architectures_and_x32_are_killed),
		cmocka_unit_test(a_table_that_would_be_weakened_is_refused),
		cmocka_unit_test(profiles_without_a_table_are_refused),
		cmocka_unit_test(denials_are_named),
		cmocka_unit_test(the_kernel_agrees_for_every_call_number),
		cmocka_unit_test(a_pure_job_computes_allocates_and_prints),
		cmocka_unit_test(abort_is_abort_and_others_cannot_be_signalled),
		cmocka_unit_test(limits_can_be_read_never_set_never_of_others),
		cmocka_unit_test(tricks_with_high_bits_and_other_doors_fail),
#if defined(__x86_64__)
		cmocka_unit_test(the_32_bit_gate_is_deadly),
#endif
		cmocka_unit_test(a_denied_call_reaches_the_handler_with_its_number),
		cmocka_unit_test(files_read_reads_and_nothing_more),
		cmocka_unit_test(files_write_writes_without_set_id_or_sly_truncation),
		cmocka_unit_test(the_entry_can_clone_siblings_and_nothing_else),
		cmocka_unit_test(every_entry_row_works_before_the_tiny_filter_and_not_after),
		cmocka_unit_test(the_worker_works_degrades_and_dies_of_intruders_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

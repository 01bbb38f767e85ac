/*
 * test_filter.c - do the filters say what the table says? Evaluated for every call number and every
 * corner of its arguments; test_filter_kernel.c asks the real kernel.
 */
#include "sandbox/filter.h"
#include "sandbox/profile.h"
#include "tests/harness.h"
#include "tests/lib/bpf_eval.h"
#include "tests/lib/wall.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <string.h>
#include <unistd.h>

#define SELF    4242u
#define NR_END  (STK_NR_file_setattr + 64)
#define CORNERS 64

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

/* Each value once: the product over a call's arguments is what takes the time. */
static void add_corner(uint64_t out[CORNERS], size_t *len, uint64_t value)
{
	for (size_t i = 0; i < *len; i++)
		if (out[i] == value)
			return;
	assert_true(*len < CORNERS);
	out[(*len)++] = value;
}

/* What only a sentence says is no corner. */
static bool speaks_of(const struct stk_row *r, int nr)
{
	return r->nr == nr && r->action != STK_ROW_INSTEAD;
}

/* Every value that some row of this call treats specially, and its neighbours. */
static size_t corners(int nr, unsigned arg, uint64_t self, uint64_t out[CORNERS])
{
	size_t n, len = 0;
	const struct stk_row *rows = stk_profile_rows(&n);
	const uint64_t fixed[] = { 0, 1, UINT64_MAX, 1ull << 32, self, self + 1 };

	for (size_t i = 0; i < STK_ARRAY_LEN(fixed); i++)
		add_corner(out, &len, fixed[i]);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; speaks_of(&rows[i], nr) && j < stk_row_n_args(&rows[i]); j++) {
			const struct stk_arg_rule *a = &rows[i].args[j];

			if (a->arg != arg || a->op != STK_ARG_MASKED)
				continue;
			add_corner(out, &len, a->value);
			add_corner(out, &len, a->value | 1ull << 32);
			add_corner(out, &len, a->value | ~a->mask);
		}
	return len;
}

static bool arg_matters(int nr, unsigned arg)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; speaks_of(&rows[i], nr) && j < stk_row_n_args(&rows[i]); j++)
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
		if (rows[i].nr >= 0 && rows[i].action != STK_ROW_INSTEAD)
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
	uint32_t sum = STK_PROFILE_PURE;

	(void)state;
	do {
		struct subject s;

		make_class(&s, sum);
		ask_everything(&s);
		assert_true(s.asked > 50000);
		drop(&s);
	} while ((sum = next_sum(sum)) != STK_PROFILE_PURE);
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

static void the_brokers_filter_is_exactly_its_table(void **state)
{
	struct subject s = { .groups = (uint32_t)STK_GROUP_BASE | STK_GROUP_BROKER,
		.denied = SECCOMP_RET_ERRNO | EPERM,
		.self = (uint64_t)getpid() };

	(void)state;
	assert_int_equal(stk_filter_broker_build(&s.big), STK_OK);
	ask_everything(&s);
	assert_true(s.asked > 50000);
	drop(&s);
}

static void the_supervisors_filter_is_exactly_its_table(void **state)
{
	struct subject s = { .groups = STK_GROUP_SUPERVISOR,
		.denied = SECCOMP_RET_ERRNO | EPERM,
		.self = (uint64_t)getpid() };

	(void)state;
	assert_int_equal(stk_filter_supervisor_build(&s.big), STK_OK);
	ask_everything(&s);
	assert_true(s.asked > 50000);
	drop(&s);
}

static void the_exporters_filter_is_exactly_its_table(void **state)
{
	struct subject s = { .groups = STK_GROUP_EXPORTER,
		.denied = SECCOMP_RET_ERRNO | EPERM,
		.self = (uint64_t)getpid() };

	(void)state;
	assert_int_equal(stk_filter_exporter_build(&s.big), STK_OK);
	ask_everything(&s);
	assert_true(s.asked > 50000);
	drop(&s);
}

static void what_only_the_entry_may_do_the_tiny_filter_alone_denies(void **state)
{
	size_t n, denied = 0;
	const struct stk_row *rows = stk_profile_rows(&n);
	uint32_t sum = STK_PROFILE_PURE;

	(void)state;
	do {
		struct subject s;

		make_class(&s, sum);
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
	} while ((sum = next_sum(sum)) != STK_PROFILE_PURE);
	assert_true(denied >= 8 * 15);
}

/* Each filter by itself: neither may lean on the other for this. */
static void killed(const struct stk_bpf *p, uint32_t arch, int nr)
{
	struct seccomp_data d = { .nr = nr, .arch = arch };
	uint32_t action;

	assert_true(bpf_eval(p->insns, p->len, &d, &action));
	assert_int_equal(action, SECCOMP_RET_KILL_PROCESS);
}

static void killed_if_foreign(const struct stk_bpf *p)
{
	static const uint32_t archs[] = { AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_RISCV64,
		AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, 0 };

	for (int nr = 0; nr < NR_END; nr++) {
		for (size_t i = 0; i < STK_ARRAY_LEN(archs); i++)
			if (archs[i] != stk_syscall_arch())
				killed(p, archs[i], nr);
#if defined(__x86_64__)
		killed(p, AUDIT_ARCH_X86_64, nr | 0x40000000);
#endif
	}
}

static void foreign_architectures_and_x32_are_killed(void **state)
{
	struct stk_bpf worker;
	uint32_t sum = STK_PROFILE_PURE;

	(void)state;
	do {
		struct subject s;

		make_class(&s, sum);
		killed_if_foreign(&s.big);
		killed_if_foreign(&s.tiny);
		drop(&s);
	} while ((sum = next_sum(sum)) != STK_PROFILE_PURE);
	assert_int_equal(stk_filter_worker_build(&worker), STK_OK);
	killed_if_foreign(&worker);
	stk_bpf_clear(&worker);
}

static void profiles_without_a_table_are_refused(void **state)
{
	struct stk_bpf p;

	(void)state;
	for (uint32_t bit = 1; bit != 0; bit <<= 1) {
		if ((bit & STK_PROFILE_READY) != 0)
			continue;
		assert_int_equal(stk_filter_big_build(bit, &p), STK_E_REFUSED);
		assert_int_equal(stk_filter_tiny_build(bit, &p), STK_E_REFUSED);
		assert_int_equal(
		    stk_filter_big_build(bit | STK_PROFILE_FILES_READ, &p), STK_E_REFUSED);
		assert_null(p.insns);
	}
	p = (struct stk_bpf){ 0 };
	assert_int_equal(stk_filter_install(&p), STK_E_REFUSED);
	assert_int_equal(stk_filter_tiny_install(&p, getpid()), STK_E_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_filters_together_are_exactly_the_class_table),
		cmocka_unit_test(the_workers_filter_is_exactly_its_table),
		cmocka_unit_test(the_brokers_filter_is_exactly_its_table),
		cmocka_unit_test(the_supervisors_filter_is_exactly_its_table),
		cmocka_unit_test(the_exporters_filter_is_exactly_its_table),
		cmocka_unit_test(what_only_the_entry_may_do_the_tiny_filter_alone_denies),
		cmocka_unit_test(foreign_architectures_and_x32_are_killed),
		cmocka_unit_test(profiles_without_a_table_are_refused),
	};

	/* the programs are evaluated here, not installed, so build them where there is no seccomp
	 * too: under qemu-user for the other architecture (3: the kernel knows KILL_PROCESS) */
	assert_int_equal(seccomp_api_set(3), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

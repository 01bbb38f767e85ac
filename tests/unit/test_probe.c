/*
 * test_probe.c - the probe sees the wall where it is, and names what an outer filter takes away.
 */
#include "sandbox/probe.h"
#include "tests/harness.h"
#include "tests/lib/child.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* In libc's place, for the probes too: how deep processes may fork; 0: as deep as they like. */
static int depth, most_deep;

pid_t fork(void)
{
	pid_t pid;

	if (most_deep > 0 && depth >= most_deep) {
		errno = EAGAIN;
		return -1;
	}
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		depth++;
	return pid;
}

#define FAKE (-1) /* the call answers that it was done, and is not done */

/* A runtime's filter that answers @err (or, for 0, kills) for one call, and what must come of it.
 */
struct outer {
	long nr;
	int err;
	enum stk_layer layer;
	enum stk_probe_state state;
	const char *word; /* in the sentence */
};

static int wrap(const struct outer *o)
{
	uint32_t what = o->err == FAKE ? SECCOMP_RET_ERRNO
			: o->err != 0  ? SECCOMP_RET_ERRNO | (uint32_t)o->err
				       : SECCOMP_RET_KILL_PROCESS;
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)o->nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, what),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = STK_ARRAY_LEN(insns), .filter = insns };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

static int probe_behind(const void *arg)
{
	const struct outer *o = arg;
	struct stk_probe all[STK_LAYER_COUNT];

	if (wrap(o) != 0)
		return 1;
	stk_probe_all(all);

	const struct stk_probe *p = &all[o->layer];
	int err = o->err == EROFS ? 0 : o->err; /* no answer of the layer's */

	if (p->state != o->state || p->err != err || strstr(p->why, o->word) == NULL) {
		fprintf(stderr, "# %s: state %d errno %d: %s\n", stk_layer_text(o->layer),
		    (int)p->state, p->err, p->why);
		return 2;
	}
	return 0;
}

static void an_outer_filters_answer_is_named(void **state)
{
	const struct outer outers[] = {
		{ SYS_landlock_create_ruleset, EPERM, STK_LAYER_LANDLOCK_FS, STK_PROBE_REFUSED,
		    "EPERM" },
		{ SYS_landlock_create_ruleset, ENOSYS, STK_LAYER_LANDLOCK_FS, STK_PROBE_MISSING,
		    "ENOSYS" },
		{ SYS_landlock_restrict_self, EPERM, STK_LAYER_LANDLOCK_FS, STK_PROBE_REFUSED,
		    "EPERM" },
		{ SYS_landlock_create_ruleset, 0, STK_LAYER_LANDLOCK_FS, STK_PROBE_REFUSED,
		    "outer filter ended" },
		{ SYS_seccomp, EINVAL, STK_LAYER_SECCOMP_TRAP, STK_PROBE_MISSING, "EINVAL" },
		{ SYS_seccomp, EPERM, STK_LAYER_SECCOMP_STACK, STK_PROBE_REFUSED, "EPERM" },
		{ SYS_close_range, EPERM, STK_LAYER_CLOSE_RANGE, STK_PROBE_REFUSED, "EPERM" },
		{ SYS_pidfd_open, ENOSYS, STK_LAYER_PIDFD, STK_PROBE_MISSING, "ENOSYS" },
		{ SYS_pidfd_send_signal, EPERM, STK_LAYER_PIDFD, STK_PROBE_REFUSED, "EPERM" },
		{ SYS_capset, EPERM, STK_LAYER_CAPABILITIES, STK_PROBE_REFUSED, "EPERM" },
#ifdef SYS_mkdir
		/* a read-only root: what needs no folder is tried all the same */
		{ SYS_mkdir, EROFS, STK_LAYER_LANDLOCK_TRUNCATE, STK_PROBE_OK, "seen to work" },
		{ SYS_mkdir, EROFS, STK_LAYER_LANDLOCK_REFER, STK_PROBE_REFUSED,
		    "none of TMPDIR, /dev/shm and /tmp can be written" },
#endif
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(outers); i++) {
		int got = in_child(probe_behind, &outers[i]);
		if (got != 0)
			fail_msg("case %zu: %d", i, got);
	}
}

static int probe_one_behind(const void *arg)
{
	const struct outer *o = arg;
	struct stk_probe p;

	stk_probe_one(o->layer, &p);
	if (p.state != STK_PROBE_OK)
		return 77; /* not to be had here: nothing to fake */
	if (wrap(o) != 0)
		return 1;
	stk_probe_one(o->layer, &p);
	if (p.state == o->state)
		return 0;
	fprintf(stderr, "# %s with call %ld faked: state %d: %s\n", stk_layer_text(o->layer), o->nr,
	    (int)p.state, p.why);
	return 2;
}

/* A kernel that says yes and does nothing, as emulated ones do: every trial sees through it. */
static void what_is_only_said_to_be_done_is_not_believed(void **state)
{
	static const struct {
		long nr;
		enum stk_layer layer;
	} fakes[] = {
		{ SYS_prctl, STK_LAYER_NO_NEW_PRIVS },
		{ SYS_seccomp, STK_LAYER_SECCOMP_TRAP },
		{ SYS_seccomp, STK_LAYER_SECCOMP_ERRNO },
		{ SYS_seccomp, STK_LAYER_SECCOMP_KILL },
		{ SYS_seccomp, STK_LAYER_SECCOMP_ARCH },
		{ SYS_seccomp, STK_LAYER_SECCOMP_STACK },
		{ SYS_seccomp, STK_LAYER_SECCOMP_NOTIFY },
		{ SYS_landlock_restrict_self, STK_LAYER_LANDLOCK_FS },
		{ SYS_landlock_restrict_self, STK_LAYER_LANDLOCK_TRUNCATE },
		{ SYS_landlock_restrict_self, STK_LAYER_LANDLOCK_NET },
		{ SYS_landlock_restrict_self, STK_LAYER_LANDLOCK_IOCTL },
		{ SYS_landlock_restrict_self, STK_LAYER_LANDLOCK_SIGNAL },
		{ SYS_landlock_restrict_self, STK_LAYER_LANDLOCK_ABSTRACT },
		{ SYS_prctl, STK_LAYER_DUMPABLE },
		{ SYS_prlimit64, STK_LAYER_RLIMIT_AS },
		{ SYS_prlimit64, STK_LAYER_RLIMIT_CPU },
		{ SYS_prlimit64, STK_LAYER_RLIMIT_FSIZE },
		{ SYS_prlimit64, STK_LAYER_RLIMIT_NOFILE },
		{ SYS_prlimit64, STK_LAYER_RLIMIT_STACK },
		{ SYS_prlimit64, STK_LAYER_RLIMIT_NPROC },
		{ SYS_prlimit64, STK_LAYER_RLIMIT_OTHERS },
		{ SYS_close_range, STK_LAYER_CLOSE_RANGE },
		{ SYS_prctl, STK_LAYER_PDEATHSIG },
		{ SYS_prctl, STK_LAYER_MDWE },
		{ SYS_prctl, STK_LAYER_THP },
		{ SYS_mlock, STK_LAYER_MLOCK },
		{ SYS_madvise, STK_LAYER_DONT_FORK },
		{ SYS_pwrite64, STK_LAYER_OOM_SCORE },
#ifdef SYS_mseal
		{ SYS_mseal, STK_LAYER_MSEAL },
#else
		{ 462, STK_LAYER_MSEAL },
#endif
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(fakes); i++) {
		const struct outer o = { fakes[i].nr, FAKE, fakes[i].layer, STK_PROBE_REFUSED, "" };
		int got = in_child(probe_one_behind, &o);

		if (got == 77)
			print_message("# %s is not to be had here\n", stk_layer_text(o.layer));
		else if (got != 0)
			fail_msg("%s: %d", stk_layer_text(o.layer), got);
	}
}

static void end_all(int sig)
{
	(void)sig;
	(void)kill(0, SIGKILL);
}

static int probe_where_forks_end(const void *arg)
{
	const enum stk_layer *l = arg;
	const struct sigaction late = { .sa_handler = end_all };
	struct stk_probe p;

	if (setpgid(0, 0) == -1 || sigaction(SIGALRM, &late, NULL) == -1)
		return 1;
	(void)alarm(120);
	depth = 0;
	for (most_deep = 1; most_deep < 4; most_deep++)
		stk_probe_one(*l, &p);
	return 0;
}

/* Near a limit of tasks any fork of a trial may be the one that fails: then it ends all the same,
 * and so does the start that waits for it. */
static void a_trial_that_cannot_fork_ends(void **state)
{
	static const enum stk_layer forking[] = { STK_LAYER_SECCOMP_KILL, STK_LAYER_SECCOMP_ARCH,
		STK_LAYER_SECCOMP_NOTIFY, STK_LAYER_LANDLOCK_ABSTRACT, STK_LAYER_DUMPABLE,
		STK_LAYER_NO_CORE, STK_LAYER_RLIMIT_STACK, STK_LAYER_RLIMIT_NPROC, STK_LAYER_PIDFD,
		STK_LAYER_CLONE_PARENT, STK_LAYER_PDEATHSIG, STK_LAYER_PROC, STK_LAYER_DONT_FORK };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(forking); i++)
		if (in_child(probe_where_forks_end, &forking[i]) != 0)
			fail_msg("%s did not end", stk_layer_text(forking[i]));
}

static void without_an_outer_filter_the_fixed_layers_hold(void **state)
{
	struct stk_probe all[STK_LAYER_COUNT];

	(void)state;
	stk_probe_all(all);
	for (unsigned i = 0; i < STK_LAYER_COUNT; i++) {
		enum stk_layer l = (enum stk_layer)i;

		print_message("# %-24s %d errno %d abi %d %s\n", stk_layer_text(l),
		    (int)all[i].state, all[i].err, all[i].abi, all[i].why);
		assert_int_equal(all[i].layer, i);
		assert_true(all[i].why[0] != '\0');
		if (!stk_layer_fixed(l) || (geteuid() == 0 && l != STK_LAYER_UID))
			continue;
		assert_int_equal(all[i].state, geteuid() == 0 ? STK_PROBE_REFUSED : STK_PROBE_OK);
	}
	assert_int_equal(all[STK_LAYER_UID].err, geteuid() == 0 ? EPERM : 0);
}

static void the_table_asks_by_profile(void **state)
{
	const uint32_t files = STK_PROFILE_FILES_READ;

	(void)state;
	assert_int_equal(stk_layer_demand(STK_LAYER_LANDLOCK_FS, 0), STK_DEMAND_REQUIRE);
	assert_int_equal(stk_layer_demand(STK_LAYER_LANDLOCK_FS, files), STK_DEMAND_REQUIRE);
	assert_int_equal(stk_layer_demand(STK_LAYER_MDWE, ~0u), STK_DEMAND_PREFER);
	assert_int_equal(stk_layer_demand(STK_LAYER_SECCOMP_NOTIFY, files), STK_DEMAND_OFF);
	assert_int_equal(
	    stk_layer_demand(STK_LAYER_SECCOMP_NOTIFY, STK_PROFILE_EXEC), STK_DEMAND_PREFER);
	assert_int_equal(stk_layer_demand(STK_LAYER_CGROUP, ~0u), STK_DEMAND_OFF);
	assert_true(stk_layer_fixed(STK_LAYER_UID));
	assert_false(stk_layer_fixed(STK_LAYER_LANDLOCK_FS));
	assert_string_equal(stk_layer_text(STK_LAYER_SECCOMP_ARCH), "seccomp_bad_arch");
}

/* As systemd's MemoryDenyWriteExecute: by prctl(), or, before its version 256, by a filter. */
static int deny_by_prctl(void)
{
	return prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0);
}

static int deny_by_filter(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = STK_ARRAY_LEN(insns), .filter = insns };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
		   ? -1
		   : (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

static void memory_that_is_shut_already_is_no_missing_layer(void **state)
{
	int (*const ways[])(void) = { deny_by_prctl, deny_by_filter };
	struct stk_probe p;

	(void)state;
	stk_probe_one(STK_LAYER_MDWE, &p);
	if (p.state != STK_PROBE_OK)
		skip_because("a kernel that knows PR_SET_MDWE (Linux 6.3)");
	for (size_t i = 0; i < STK_ARRAY_LEN(ways); i++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0) {
			if (ways[i]() != 0)
				_exit(100);
			stk_probe_one(STK_LAYER_MDWE, &p);
			_exit((int)p.state);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, STK_PROBE_OK << 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_outer_filters_answer_is_named),
		cmocka_unit_test(what_is_only_said_to_be_done_is_not_believed),
		cmocka_unit_test(a_trial_that_cannot_fork_ends),
		cmocka_unit_test(memory_that_is_shut_already_is_no_missing_layer),
		cmocka_unit_test(without_an_outer_filter_the_fixed_layers_hold),
		cmocka_unit_test(the_table_asks_by_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

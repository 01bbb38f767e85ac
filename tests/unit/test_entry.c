/*
 * test_entry.c - the entry sequence under surroundings that refuse one layer each: the child ends
 * before READY and says which step it was. Nothing is ever left half shut.
 */
#include "tests/harness.h"

#include "sandbox/entry.h"
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct stk_class_desc pure = {
	.name = "Pure",
	.ask = { .mem_bytes = 64u << 20,
	    .file_bytes = 1u << 20,
	    .stack_bytes = 8u << 20,
	    .wall_ms = 1000,
	    .cpu_s = 1,
	    .fds = 16,
	    .output_bytes = 1024,
	    .report_bytes = 1024,
	    .result_bytes = 1024 },
};

static void forbid(unsigned nr, uint32_t arg0, bool any_arg)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arg0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = STK_ARRAY_LEN(insns), .filter = insns };

	if (any_arg)
		insns[3].jf = 0;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == -1)
		_exit(70);
}

struct refusal {
	unsigned nr;
	uint32_t arg0;
	bool any_arg;
	enum stk_step step; /* NONE: nothing is forbidden and READY is expected */
};

/* As Z and then J, with one call forbidden between the two. */
STK_NORETURN static void enter(const struct refusal *r, pid_t worker, int report)
{
	static struct stk_cell cell;
	struct stk_spawn spawn = { .magic = STK_SPAWN_MAGIC, .limits = pure.ask };
	struct stk_entry e = { .cell = &cell,
		.class_desc = &pure,
		.spawn = &spawn,
		.report = report,
		.output = report,
		.args = report };

	for (int sig = 1; sig < 32; sig++)
		(void)signal(sig, SIG_DFL);
	/* as M leaves them: every slot is filled */
	for (int slot = STK_SLOT_EXTRAS; slot < STK_SLOT_DIRS; slot++)
		if (dup2(report, slot) == -1)
			_exit(72);
	cell.worker = worker;
	cell.landlock_abi = stk_landlock_abi();
	if (stk_cell_open(&cell) != STK_STEP_NONE ||
	    stk_cell_shut(&cell, &pure, 1) != STK_STEP_NONE)
		_exit(71);
	if (r->step != STK_STEP_NONE)
		forbid(r->nr, r->arg0, r->any_arg);
	stk_entry_shut(&e);
	_exit(0);
}

static void check(const struct refusal *r)
{
	struct {
		struct stk_frame head;
		struct stk_setup_failed failed;
	} said;
	int pipes[2], status;
	pid_t worker = getpid(), pid;
	ssize_t n;

	memset(&said, 0, sizeof(said));
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		enter(r, worker, fcntl(pipes[1], F_DUPFD_CLOEXEC, 20));
	(void)close(pipes[1]);
	n = read(pipes[0], &said, sizeof(said));
	(void)close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (r->step == STK_STEP_NONE) {
		assert_int_equal(n, sizeof(said.head));
		assert_int_equal(said.head.type, STK_FRAME_READY);
		assert_int_equal(status, 0);
		return;
	}
	if (n != (ssize_t)sizeof(said) || said.head.type != STK_FRAME_SETUP ||
	    said.failed.step != r->step || said.failed.err != EPERM)
		fail_msg("%s: read %zd, type %u, step %s, errno %d, status %#x",
		    stk_step_name(r->step), n, said.head.type, stk_step_name(said.failed.step),
		    said.failed.err, (unsigned)status);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == STK_EXIT_SETUP);
}

static void each_refused_layer_ends_the_child_by_name(void **state)
{
	static const struct refusal refusals[] = {
		{ 0, 0, true, STK_STEP_NONE },
		{ SYS_prctl, PR_SET_PDEATHSIG, false, STK_STEP_PARENT },
		{ SYS_dup3, 0, true, STK_STEP_FDS },
		{ SYS_close_range, 0, true, STK_STEP_FDS },
		{ SYS_capget, 0, true, STK_STEP_CAPS },
		{ SYS_prctl, PR_SET_DUMPABLE, false, STK_STEP_DUMPABLE },
		{ SYS_prlimit64, 0, true, STK_STEP_LIMITS },
		{ SYS_landlock_restrict_self, 0, true, STK_STEP_LANDLOCK },
		{ SYS_prctl, PR_GET_SECCOMP, false, STK_STEP_SHUT },
		{ SYS_seccomp, SECCOMP_SET_MODE_FILTER, false, STK_STEP_FILTER },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(refusals); i++)
		check(&refusals[i]);
}

static void every_step_has_a_name(void **state)
{
	(void)state;
	for (uint32_t i = 1; i < STK_STEP_COUNT; i++)
		assert_true(strlen(stk_step_name(i)) > 5);
	assert_string_equal(stk_step_name(STK_STEP_COUNT), "an unknown step");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_refused_layer_ends_the_child_by_name),
		cmocka_unit_test(every_step_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

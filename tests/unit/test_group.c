/*
 * test_group.c - a job's control group over a made-up tree of plain files: what is written where,
 * and what a counted OOM kill is called. tests/root/020-cgroup.sh has a real tree, as far as this
 * machine has one.
 */
#include "tests/harness.h"
#include "tests/lib/child.h"
#include "tests/lib/stand.h"

#include "sandbox/filter.h"
#include "sandbox/group.h"
#include "sandbox/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct stk_stand stand;
static char base[300], job[400];

static void file(const char *dir, const char *name, const char *text)
{
	char path[700];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd != -1);
	assert_int_equal(stk_write_all(fd, text, strlen(text)), STK_OK);
	(void)close(fd);
}

static void holds(const char *dir, const char *name, const char *want)
{
	char path[700], text[256] = "";
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd != -1);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	(void)close(fd);
	assert_string_equal(text, want);
}

/* What the kernel would make of mkdir(2) beneath a delegated group. */
static void plant(bool controllers)
{
	(void)snprintf(base, sizeof(base), "%s-cg", stand.dir);
	(void)snprintf(job, sizeof(job), "%s/stockade-job-%d", base, (int)getpid());
	assert_int_equal(mkdir(base, 0700), 0);
	assert_int_equal(mkdir(job, 0700), 0);
	file(base, "cgroup.procs", "");
	file(base, "cgroup.subtree_control", "");
	file(job, "cgroup.procs", "");
	file(job, "cgroup.kill", "");
	if (!controllers)
		return;
	file(job, "memory.max", "");
	file(job, "memory.oom.group", "");
	file(job, "memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 7\n");
	file(job, "pids.max", "");
	file(job, "pids.events", "max 5\n");
	file(job, "cpu.max", "");
}

static void fell(void)
{
	char command[500];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", base);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): our own folder */
}

static int up(void **state)
{
	char program[512];

	(void)state;
	stand_open(&stand, stand_program("test/hostile-cage", program), NULL);
	return 0;
}

static int down(void **state)
{
	(void)state;
	stand_close(&stand);
	return 0;
}

static struct stk_cgroup *open_group(void)
{
	struct stk_cgroup *g;
	const char *why;

	if (stk_group_open(base, NULL, 0, &g, &why) != STK_OK)
		fail_msg("%s: %s", why, strerror(errno));
	return g;
}

static void a_jobs_limits_are_written_to_its_group(void **state)
{
	const struct stk_limits l = { .mem_bytes = 64u << 20, .tasks = 3 };
	struct stk_cgroup *g;

	(void)state;
	plant(true);
	g = open_group();
	assert_int_equal(
	    stk_group_controllers(g), STK_GROUP_MEMORY | STK_GROUP_PIDS | STK_GROUP_CPU);
	assert_int_equal(stk_group_limit(g, &l, false), STK_OK);
	holds(job, "memory.max", "83886080"); /* 64 MiB + an eighth + 8 MiB */
	holds(job, "pids.max", "4");
	holds(job, "cpu.max", "300000 100000");
	holds(job, "memory.oom.group", "1");
	/* a handler and its program may each have what RLIMIT_AS gives them */
	assert_int_equal(stk_group_limit(g, &l, true), STK_OK);
	holds(job, "memory.max", "150994944");
	holds(job, "pids.max", "4");
	assert_int_equal(stk_group_place(g, 4711), STK_OK);
	holds(job, "cgroup.procs", "4711");
	assert_int_equal(stk_group_oom_kills(g), 7);
	assert_int_equal(stk_group_tasks_refused(g), 5);
	file(job, "cgroup.procs", "");
	stk_group_close(g);
	fell();
}

static void controllers_that_are_not_delegated_are_left_out(void **state)
{
	const struct stk_limits l = { .mem_bytes = 64u << 20, .tasks = 1 };
	struct stk_cgroup *g;

	(void)state;
	plant(false);
	g = open_group();
	assert_int_equal(stk_group_controllers(g), 0);
	assert_int_equal(stk_group_limit(g, &l, false), STK_OK);
	assert_int_equal(stk_group_oom_kills(g), 0);
	stk_group_close(g);
	fell();
}

/* Names that others use in the same tree, and one of a worker that is dead. */
static void only_groups_of_dead_workers_are_swept(void **state)
{
	static const char *const others[] = { "job-77", "stockade-job-", "stockade-job-77x",
		"stockade-jobs" };
	char path[600], living[600];
	int lock;

	(void)state;
	plant(true);
	(void)snprintf(living, sizeof(living), "%s/stockade-job-2", base);
	assert_int_equal(mkdir(living, 0700), 0);
	file(living, "cgroup.kill", "");
	lock = open(living, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	for (size_t i = 0; i < STK_ARRAY_LEN(others); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", base, others[i]);
		assert_int_equal(mkdir(path, 0700), 0);
		file(path, "cgroup.kill", "");
	}
	(void)snprintf(path, sizeof(path), "%s/stockade-job-1", base);
	assert_int_equal(mkdir(path, 0700), 0);
	file(path, "cgroup.kill", "");
	stk_group_close(open_group());
	holds(path, "cgroup.kill", "1");
	holds(living, "cgroup.kill", ""); /* another worker's, with its job in it */
	(void)close(lock);
	for (size_t i = 0; i < STK_ARRAY_LEN(others); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", base, others[i]);
		holds(path, "cgroup.kill", "");
	}
	fell();
}

/* What a neighbour does who starts at the same time and sweeps: it has the lock for a moment. */
static void a_neighbours_sweep_is_waited_for(void **state)
{
	int ends[2], dir;
	char byte;
	pid_t pid;

	(void)state;
	plant(true);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dir = open(job, O_RDONLY | O_DIRECTORY);
		_exit(flock(dir, LOCK_EX) == -1 || write(ends[1], "x", 1) != 1 || usleep(50000));
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	stk_group_close(open_group());
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(ends[0]);
	(void)close(ends[1]);
	fell();
}

static void a_tree_that_is_not_ours_is_refused_by_name(void **state)
{
	struct stk_cgroup *g;
	const char *why;

	(void)state;
	plant(true);
	(void)snprintf(job, sizeof(job), "%s/cgroup.procs", base);
	assert_int_equal(unlink(job), 0);
	assert_int_equal(stk_group_open(base, NULL, 0, &g, &why), STK_E_SYSTEM);
	assert_non_null(strstr(why, "not delegated"));
	fell();
	assert_int_equal(stk_group_open("/nowhere/at/all", NULL, 0, &g, &why), STK_E_SYSTEM);
	assert_null(g);
}

/* --- a job in it ------------------------------------------------------------------------------ */

static bool kill_as_the_kernel_would(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	char number[24];

	(void)ctx;
	(void)proof;
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	holds(job, "cgroup.procs", number); /* placed before it gets its arguments */
	file(job, "cgroup.procs", "");
	file(job, "memory.events", "oom 1\noom_kill 8\n");
	return kill(pid, SIGKILL) == 0;
}

/* No memory controller is to be had on every machine that runs this; the file is made up. */
static void an_oom_kill_counted_in_a_made_up_memory_events_is_named(void **state)
{
	struct stk_cgroup *g;
	struct stk_outcome o;

	(void)state;
	plant(true);
	g = open_group();
	stk_cage_lend_group(stand.cage, g);
	stand.hooks.go = kill_as_the_kernel_would;
	assert_int_equal(stand_run(&stand, "Hostile::SleepLong", "[]", &o), STK_OK);
	stand.hooks.go = NULL;
	if (o.name != STK_OUT_OOM_KILLED)
		fail_msg("%s: %s", stk_outcome_text(o.name), o.why);
	stk_outcome_clear(&o);
	stk_cage_lend_group(stand.cage, NULL);
	stk_group_close(g);
	fell();
}

static bool refuse_two_threads(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	(void)ctx;
	(void)pid;
	(void)proof;
	file(job, "cgroup.procs", "");
	file(job, "pids.events", "max 7\n");
	return true;
}

/* A handler that a thread was refused gets EAGAIN; its failure is the limit's. The file is made up.
 */
static void a_failure_after_a_refused_thread_is_the_limits(void **state)
{
	static const struct {
		const char *class_name;
		enum stk_outcome_name name;
	} ends[] = { { "Hostile::Fail", STK_OUT_TASK_LIMIT },
		{ "Hostile::Skip", STK_OUT_SKIPPED } };
	struct stk_cgroup *g;
	struct stk_outcome o;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(ends); i++) {
		plant(true);
		g = open_group();
		stk_cage_lend_group(stand.cage, g);
		stand.hooks.go = refuse_two_threads;
		assert_int_equal(stand_run(&stand, ends[i].class_name, "[]", &o), STK_OK);
		stand.hooks.go = NULL;
		if (o.name != ends[i].name)
			fail_msg("%s: %s", stk_outcome_text(o.name), o.why);
		if (o.name == STK_OUT_TASK_LIMIT)
			assert_non_null(strstr(o.why, "refused it 2 threads: it may have 1"));
		stk_outcome_clear(&o);
		stk_cage_lend_group(stand.cage, NULL);
		stk_group_close(g);
		fell();
	}
}

static bool kill_from_outside(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	(void)ctx;
	(void)proof;
	file(job, "cgroup.procs", "");
	return kill(pid, SIGKILL) == 0;
}

/* The count of before is not this job's. */
static void a_kill_without_a_count_is_not_called_so(void **state)
{
	struct stk_cgroup *g;
	struct stk_outcome o;

	(void)state;
	plant(true);
	g = open_group();
	stk_cage_lend_group(stand.cage, g);
	stand.hooks.go = kill_from_outside;
	assert_int_equal(stand_run(&stand, "Hostile::SleepLong", "[]", &o), STK_OK);
	stand.hooks.go = NULL;
	assert_int_equal(o.name, STK_OUT_KILLED_EXTERNALLY);
	stk_outcome_clear(&o);
	stk_cage_lend_group(stand.cage, NULL);
	stk_group_close(g);
	fell();
}

static pid_t lodger;

static bool leave_a_lodger(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	char text[32];

	(void)ctx;
	(void)pid;
	(void)proof;
	(void)snprintf(text, sizeof(text), "%d\n", (int)lodger);
	file(job, "cgroup.procs", text);
	return true;
}

/* In a made-up tree nothing leaves the file by itself, so the group stays full for its second. */
static void whoever_is_left_in_it_is_killed_and_named(void **state)
{
	struct stk_cgroup *g;
	struct stk_outcome o;
	int status;

	(void)state;
	plant(true);
	g = open_group();
	stk_cage_lend_group(stand.cage, g);
	lodger = fork();
	if (lodger == 0) {
		(void)pause();
		_exit(0);
	}
	stand.hooks.go = leave_a_lodger;
	assert_int_equal(stand_run(&stand, "Hostile::Skip", "[]", &o), STK_OK);
	stand.hooks.go = NULL;
	if (o.name != STK_OUT_LEFT_PROCESSES || strstr(o.why, "1 process") == NULL)
		fail_msg("%s: %s", stk_outcome_text(o.name), o.why);
	stk_outcome_clear(&o);
	holds(job, "cgroup.kill", "1");
	assert_int_equal(kill(lodger, SIGKILL), 0);
	assert_int_equal(waitpid(lodger, &status, 0), lodger);
	file(job, "cgroup.procs", "");
	stk_cage_lend_group(stand.cage, NULL);
	stk_group_close(g);
	fell();
}

static struct stk_stand programs;

/* As if it were the OOM killer's choice: the program is dead before the job's READY is read. */
static enum stk_run_order kill_the_program(void *ctx, int64_t back_by_ms)
{
	pid_t program = programs.cage->program;
	siginfo_t info;

	(void)ctx;
	(void)back_by_ms;
	if (program > 1 && kill(program, SIGKILL) == 0)
		assert_int_equal(waitid(P_PID, (id_t)program, &info, WEXITED | WNOWAIT), 0);
	return STK_RUN_ON;
}

static bool the_job_alone_is_in_it(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	char number[32];

	(void)ctx;
	(void)proof;
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	holds(job, "cgroup.procs", number);
	file(job, "cgroup.procs", "");
	return true;
}

/* Its number may be a stranger's by then, who would be placed, and later ended, with the job. */
static void a_program_that_has_ended_is_not_placed(void **state)
{
	char program[512];
	struct stk_cgroup *g;
	struct stk_outcome o;

	(void)state;
	stand_open(&programs, stand_program("test/programs-cage", program), NULL);
	plant(true);
	g = open_group();
	stk_cage_lend_group(programs.cage, g);
	programs.hooks.go = the_job_alone_is_in_it;
	programs.hooks.tick = kill_the_program;
	assert_int_equal(stand_run(&programs, "Programs::Nothing", "[]", &o), STK_OK);
	if (o.name != STK_OUT_DONE)
		fail_msg("%s: %s", stk_outcome_text(o.name), o.why);
	stk_outcome_clear(&o);
	stk_cage_lend_group(programs.cage, NULL);
	stk_group_close(g);
	stand_close(&programs);
	fell();
}

/* As a worker of an older kernel's: its own filter is on, and there is no cgroup.kill. 0 if whoever
 * is in the group is killed all the same. */
static int empty_behind_the_filter(const void *arg)
{
	pid_t there = fork();
	struct stk_bpf filter;
	struct stk_cgroup *g;
	char text[32];
	siginfo_t info;

	(void)arg;
	if (there == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	(void)snprintf(job, sizeof(job), "%s/stockade-job-%d", base, (int)getpid());
	(void)snprintf(text, sizeof(text), "%d\n", (int)there);
	if (mkdir(job, 0700) == -1)
		return 1;
	file(job, "cgroup.procs", "");
	g = open_group();
	file(job, "cgroup.procs", text);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    stk_filter_worker_build(&filter) != STK_OK || stk_filter_install(&filter) != STK_OK)
		return 2;
	(void)!stk_group_empty(g); /* the file stays as it is, so never empty */
	return waitid(P_PID, (id_t)there, &info, WEXITED | WNOHANG) == 0 && info.si_pid == there &&
		       info.si_status == SIGKILL
		   ? 0
		   : 3;
}

static void whoever_is_in_it_is_killed_without_cgroup_kill_too(void **state)
{
	(void)state;
	plant(false);
	assert_int_equal(in_child(empty_behind_the_filter, NULL), 0);
	fell();
}

static void a_job_that_cannot_be_placed_is_not_run(void **state)
{
	struct stk_cgroup *g;
	struct stk_outcome o;
	char path[500];

	(void)state;
	plant(true);
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", job);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); /* takes no write at an offset */
	g = open_group();
	stk_cage_lend_group(stand.cage, g);
	assert_int_equal(stand_run(&stand, "Hostile::Skip", "[]", &o), STK_OK);
	if (o.name != STK_OUT_SANDBOX_UNAVAILABLE || o.started || strstr(o.why, "cgroup") == NULL)
		fail_msg("%s: %s", stk_outcome_text(o.name), o.why);
	stk_outcome_clear(&o);
	stk_cage_lend_group(stand.cage, NULL);
	stk_group_close(g);
	fell();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_jobs_limits_are_written_to_its_group),
		cmocka_unit_test(controllers_that_are_not_delegated_are_left_out),
		cmocka_unit_test(only_groups_of_dead_workers_are_swept),
		cmocka_unit_test(a_failure_after_a_refused_thread_is_the_limits),
		cmocka_unit_test(a_neighbours_sweep_is_waited_for),
		cmocka_unit_test(a_tree_that_is_not_ours_is_refused_by_name),
		cmocka_unit_test(an_oom_kill_counted_in_a_made_up_memory_events_is_named),
		cmocka_unit_test(a_kill_without_a_count_is_not_called_so),
		cmocka_unit_test(whoever_is_left_in_it_is_killed_and_named),
		cmocka_unit_test(a_job_that_cannot_be_placed_is_not_run),
		cmocka_unit_test(whoever_is_in_it_is_killed_without_cgroup_kill_too),
		cmocka_unit_test(a_program_that_has_ended_is_not_placed),
	};

	return cmocka_run_group_tests(tests, up, down);
}

/*
 * test_cage.c - the worker's side of the wall: what happens to a job when the worker, the nursery,
 * the zygote or the kernel does not do as agreed. Real processes, real refusals.
 */
#include "tests/harness.h"
#include "tests/lib/child.h"
#include "tests/lib/stand.h"

#include "sandbox/fds.h"
#include "sandbox/filter.h"
#include "sandbox/parent.h"
#include "sandbox/report.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct stk_stand stand;

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

static void expect(const char *class_name, const char *args, enum stk_outcome_name name,
    const char *why, struct stk_outcome *keep)
{
	struct stk_outcome o;

	assert_int_equal(stand_run(&stand, class_name, args, &o), STK_OK);
	if (o.name != name || strstr(o.why, why) == NULL)
		fail_msg("%s: %s: %s (expected %s: %s)", class_name, stk_outcome_text(o.name),
		    o.why, stk_outcome_text(name), why);
	if (keep != NULL)
		*keep = o;
	stk_outcome_clear(&o);
}

/* --- orders ----------------------------------------------------------------------------------- */

struct orders {
	enum stk_run_order order;
	int after, seen;
	pid_t job;
	int victim; /* who is killed behind the run loop's back: 1 the zygote, 2 the nursery, 3 the
		       job */
};
static struct orders orders;

static enum stk_run_order on_tick(void *ctx, int64_t back_by_ms)
{
	(void)ctx, (void)back_by_ms;
	orders.seen++;
	if (orders.seen == 2 && orders.victim == 1)
		(void)kill(stand.cage->zygotes[0].child.pid, SIGKILL);
	if (orders.seen == 2 && orders.victim == 2)
		(void)kill(stand.cage->nursery.pid, SIGKILL);
	if (orders.job != 0 && orders.victim == 3)
		(void)kill(orders.job, SIGKILL);
	return orders.seen > orders.after ? orders.order : STK_RUN_ON;
}

static bool on_go(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	(void)ctx;
	orders.job = pid;
	return proof->seccomp == 2 && orders.after >= 0;
}

static void give_orders(struct orders o)
{
	orders = o;
	stand.hooks.tick = on_tick;
	stand.hooks.go = on_go;
	stand.hooks.tick_ms = 20;
}

static void no_orders(void)
{
	stand.hooks.tick = NULL;
	stand.hooks.go = NULL;
	stand.hooks.tick_ms = 0;
}

static void term_and_kill_end_a_job_as_shutdown(void **state)
{
	struct stk_outcome o;

	(void)state;
	give_orders((struct orders){ .order = STK_RUN_TERM, .after = 3 });
	expect("Hostile::SleepLong", "[]", STK_OUT_SHUTDOWN, "worker's own shutdown", &o);
	assert_int_equal(o.status, -SIGTERM);
	assert_true(o.wall_ms < 1000);
	give_orders((struct orders){ .order = STK_RUN_KILL, .after = 3 });
	expect("Hostile::SleepLong", "[]", STK_OUT_SHUTDOWN, "worker's own shutdown", &o);
	assert_int_equal(o.status, -SIGKILL);
	no_orders();
}

static void a_job_that_is_called_off_never_starts(void **state)
{
	struct stk_outcome o;

	(void)state;
	give_orders((struct orders){ .order = STK_RUN_ON, .after = -1 });
	expect("Hostile::ExitSeven", "[]", STK_OUT_SHUTDOWN, "called off", &o);
	assert_false(o.started);
	no_orders();
}

/* The job is W's child: it outlives the zygote that cloned it, and the next one gets a new zygote.
 */
static void a_dead_zygote_costs_nothing(void **state)
{
	pid_t before;

	(void)state;
	expect("Hostile::FindFds", "[]", STK_OUT_FAILED, "No such file", NULL);
	before = stand.cage->zygotes[0].child.pid;
	give_orders((struct orders){ .order = STK_RUN_ON, .after = 1000, .victim = 1 });
	expect("Hostile::SleepLong", "[]", STK_OUT_DONE, "done", NULL);
	no_orders();
	expect("Hostile::FindFds", "[]", STK_OUT_FAILED, "No such file", NULL);
	assert_int_not_equal(stand.cage->zygotes[0].child.pid, before);
}

static enum stk_run_order slow_no(void *ctx, int64_t back_by_ms)
{
	(void)ctx, (void)back_by_ms;
	(void)usleep(20000); /* the zygote answers meanwhile */
	return STK_RUN_KILL;
}

/* Called off between the request for a child and the look at the answer, it was never waited for.
 */
static void a_child_that_nobody_was_told_of_is_buried(void **state)
{
	pid_t before;

	(void)state;
	expect("Hostile::Skip", "[]", STK_OUT_SKIPPED, "", NULL);
	before = stand.cage->zygotes[0].child.pid;
	stand.hooks.wake_fd = eventfd(1, EFD_CLOEXEC);
	stand.hooks.tick = slow_no;
	for (int i = 0; i < 5; i++) {
		expect("Hostile::Skip", "[]", STK_OUT_SHUTDOWN, "", NULL);
		stand.hooks.tick = NULL;
		expect("Hostile::Skip", "[]", STK_OUT_SKIPPED, "", NULL);
		stand.hooks.tick = slow_no;
	}
	assert_int_not_equal(stand.cage->zygotes[0].child.pid, before);
	(void)close(stand.hooks.wake_fd);
	stand.hooks.wake_fd = -1;
	no_orders();
	/* who sees the end of its pipes may need a moment for its own */
	for (int i = 0; i < 100 && stand_strangers(&stand) > 0; i++)
		expect("Hostile::Skip", "[]", STK_OUT_SKIPPED, "", NULL);
	assert_int_equal(stand_strangers(&stand), 0);
}

/* What a hostile job leaves lying in a socket counts against the whole user. */
static void descriptors_under_way_cost_a_try_and_not_the_nursery(void **state)
{
	struct rlimit old, few;
	int flood[2], fds[32] = { 0 };

	(void)state;
	if (geteuid() == 0)
		skip_because("run it as another user than root, who may have any number under way");
	for (size_t i = 0; i < stand.cage->n_zygotes; i++)
		stk_zygote_end(&stand.cage->zygotes[i]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, flood), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){ .rlim_cur = 64, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	/* until no more go; others of this user may have some under way too */
	while (stk_fds_send(flood[0], "x", 1, fds, STK_ARRAY_LEN(fds)) == STK_OK)
		continue;
	expect("Hostile::Skip", "[]", STK_OUT_SANDBOX_UNAVAILABLE,
	    "the nursery could not be asked: Too many references", NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	(void)close(flood[0]);
	(void)close(flood[1]);
	expect("Hostile::Skip", "[]", STK_OUT_SKIPPED, "", NULL);
}

static void log_lines_arrive_and_output_is_kept(void **state)
{
	struct stk_outcome o;

	(void)state;
	assert_int_equal(stand_run(&stand, "Hostile::OutputFlood", "[]", &o), STK_OK);
	assert_int_equal(o.name, STK_OUT_OUTPUT_LIMIT);
	assert_int_equal(o.output_bytes, 65537);
	assert_int_equal(o.output_tail_len, sizeof(o.output_tail));
	stk_outcome_clear(&o);
	assert_int_equal(stand_run(&stand, "Hostile::ReportFlood", "[]", &o), STK_OK);
	assert_int_equal(o.name, STK_OUT_REPORT_FLOOD);
	/* 4096 bytes are 35 frames of 116 bytes, and others have room beside them; the text is
	 * NULs, so a line shows its level */
	assert_in_range(stand.log_len, 35 * 3, (4096 + STK_REPORT_BESIDE) / 116 * 3);
	stk_outcome_clear(&o);
	/* honest ones are not sent, and not forgotten */
	assert_int_equal(stand_run(&stand, "Hostile::LogMuch", "[]", &o), STK_OK);
	assert_int_equal(o.name, STK_OUT_FAILED);
	assert_int_equal(o.unlogged, 100 - 4096 / 116);
	stk_outcome_clear(&o);
	assert_int_equal(stand_run(&stand, "Hostile::LogMuch", "[\"crash\"]", &o), STK_OK);
	assert_int_equal(o.name, STK_OUT_CRASH);
	assert_int_equal(o.unlogged, 1);
	stk_outcome_clear(&o);
}

static void names_a_kill_from_outside(void **state)
{
	(void)state;
	give_orders((struct orders){ .order = STK_RUN_ON, .after = 1000, .victim = 3 });
	expect("Hostile::SleepLong", "[]", STK_OUT_KILLED_EXTERNALLY,
	    "SIGKILL that the worker did not", NULL);
	no_orders();
}

static void an_unmapped_directory_is_refused_by_name(void **state)
{
	int saved = stand.dir_fds[0], saved1 = stand.dir_fds[1];

	(void)state;
	stand.dir_fds[0] = stand.dir_fds[1] = -1;
	expect("ChecksumFile", "[\"x\"]", STK_OUT_SANDBOX_UNAVAILABLE, "is not mapped", NULL);
	stand.dir_fds[0] = saved;
	stand.dir_fds[1] = saved1;
	stand.cage->landlock = false;
	expect("ChecksumFile", "[\"x\"]", STK_OUT_SANDBOX_UNAVAILABLE, "Landlock is switched off",
	    NULL);
	stand.cage->landlock = true;
}

/* ^C and a TERM to the worker's whole group are the worker's to answer. */
static void no_child_stands_in_the_workers_group(void **state)
{
	(void)state;
	expect("Hostile::FindFds", "[]", STK_OUT_FAILED, "No such file", NULL);
	assert_int_not_equal(getpgid(stand.cage->nursery.pid), getpgrp());
	assert_int_equal(getpgid(stand.cage->zygotes[0].child.pid), stand.cage->nursery.pid);
	assert_int_not_equal(getsid(stand.cage->nursery.pid), getsid(0));
}

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* Nothing is left of a job in the worker: no descriptor, no dead child. */
static void jobs_leave_nothing_behind(void **state)
{
	static const char *const classes[] = { "Hostile::ExitZero", "Hostile::OutputFlood",
		"Hostile::ReportForger", "Hostile::Segv", "Hostile::OpenSocket", "ChecksumFile" };
	int before = 0;

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < STK_ARRAY_LEN(classes); i++) {
			struct stk_outcome o;

			assert_int_equal(stand_run(&stand, classes[i], "[\"none\"]", &o), STK_OK);
			stk_outcome_clear(&o);
		}
		if (round == 0)
			before = open_fds();
	}
	assert_int_equal(open_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
}

/* Everything from the first zygote on happens behind the worker's own filter. */
STK_NORETURN static void work_filtered(const char *program)
{
	static struct stk_stand s;
	static const struct {
		const char *name, *args;
		enum stk_outcome_name expected;
	} jobs[] = {
		{ "ChecksumFile", "[\"none\"]", STK_OUT_FAILED },
		{ "Hostile::RunShell", "[]", STK_OUT_SYSCALL_DENIED },
		{ "Hostile::SleepLong", "[]", STK_OUT_DONE },
		{ "Hostile::OutputFlood", "[]", STK_OUT_OUTPUT_LIMIT },
	};
	struct stk_bpf bpf = { 0 };

	stand_open(&s, program, stand.dir);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    stk_filter_worker_build(&bpf) != STK_OK || stk_filter_install(&bpf) != STK_OK)
		_exit(1);
	for (size_t i = 0; i < STK_ARRAY_LEN(jobs); i++) {
		struct stk_outcome o;

		if (stand_run(&s, jobs[i].name, jobs[i].args, &o) != STK_OK ||
		    o.name != jobs[i].expected) {
			(void)fprintf(
			    stderr, "%s: %s: %s\n", jobs[i].name, stk_outcome_text(o.name), o.why);
			_exit(2);
		}
		stk_outcome_clear(&o);
	}
	stand_close(&s);
	_exit(0);
}

static void the_workers_own_filter_lets_it_run_jobs(void **state)
{
	char program[512];
	int status;
	pid_t worker = fork();

	(void)state;
	if (worker == 0)
		work_filtered(stand_program("test/hostile-cage", program));
	assert_int_equal(waitpid(worker, &status, 0), worker);
	assert_int_equal(status, 0);
}

/* --- deaths ----------------------------------------------------------------------------------- */

static bool gone(pid_t pid)
{
	char path[64], text[256] = "";
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY);
	if (fd == -1)
		return true;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '\0';
	(void)close(fd);
	return text[0] == '\0' || strstr(text, ") Z") != NULL || strstr(text, ") X") != NULL;
}

static int tell_fd;

static bool tell_pids(void *ctx, pid_t job, const struct stk_cage_proof *proof)
{
	struct stk_stand *s = ctx;
	pid_t pids[3] = { s->cage->nursery.pid, s->cage->zygotes[0].child.pid, job };

	(void)proof;
	return write(tell_fd, pids, sizeof(pids)) == (ssize_t)sizeof(pids);
}

/* A worker in a process of its own, which dies with a job in hand. */
STK_NORETURN static void be_worker(const char *program)
{
	static struct stk_stand s;
	struct stk_outcome o;

	stand_open(&s, program, stand.dir);
	s.hooks.go = tell_pids;
	(void)stand_run(&s, "Hostile::SleepLong", "[]", &o);
	_exit(0);
}

static void the_worker_takes_all_with_it(void **state)
{
	char program[512];
	pid_t pids[3], worker;
	int pipes[2], status;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	tell_fd = pipes[1];
	worker = fork();
	if (worker == 0)
		be_worker(stand_program("test/hostile-cage", program));
	assert_int_equal(read(pipes[0], pids, sizeof(pids)), sizeof(pids));
	for (int i = 0; i < 3; i++)
		assert_false(gone(pids[i]));
	(void)kill(worker, SIGKILL);
	assert_int_equal(waitpid(worker, &status, 0), worker);
	for (int i = 0; i < 3; i++) {
		for (int wait = 0; wait < 50 && !gone(pids[i]); wait++)
			(void)usleep(10000);
		assert_true(gone(pids[i]));
	}
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

static void a_dead_nursery_lets_the_job_finish_and_is_then_named(void **state)
{
	struct stk_outcome o;

	(void)state;
	expect("Hostile::Skip", "[]", STK_OUT_SKIPPED, "", NULL); /* its zygote stands */
	give_orders((struct orders){ .order = STK_RUN_ON, .after = 1000, .victim = 2 });
	expect("Hostile::SleepLong", "[]", STK_OUT_DONE, "done", NULL);
	no_orders();
	/* its zygotes still serve; what needs a new one says NURSERY_LOST */
	assert_int_equal(
	    stand_run(&stand, "Hostile::WriteElsewhere", "[\"/nowhere\"]", &o), STK_E_CLOSED);
	assert_int_equal(o.name, STK_OUT_SANDBOX_UNAVAILABLE);
	assert_non_null(strstr(o.why, "NURSERY_LOST"));
	stk_outcome_clear(&o);
}

/* M takes no half-understood order: it ends, and the worker notices. */
static void a_malformed_request_ends_the_nursery(void **state)
{
	const struct stk_ask junk[] = {
		{ .magic = STK_ASK_MAGIC + 1, .role = STK_ROLE_DESCRIBE },
		{ .magic = STK_ASK_MAGIC, .role = 9 },
		{ .magic = STK_ASK_MAGIC, .role = STK_ROLE_ZYGOTE, .n_labels = 33 },
		{ .magic = STK_ASK_MAGIC, .role = STK_ROLE_ZYGOTE, .n_labels = 1, .labels = 2 },
		{ .magic = STK_ASK_MAGIC, .role = STK_ROLE_ZYGOTE, .n_labels = 2, .labels = 1 },
		{ .magic = STK_ASK_MAGIC, .role = STK_ROLE_ZYGOTE },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(junk); i++) {
		static struct stk_stand s;
		char program[512];
		int status;

		stand_open(&s, stand_program("test/hostile-cage", program), stand.dir);
		/* the last one is well-formed but for the missing descriptor */
		assert_true(
		    send(s.cage->nursery.sock, &junk[i], sizeof(junk[i]) - (i == 1), 0) > 0);
		assert_int_equal(waitpid(s.cage->nursery.pid, &status, 0), s.cage->nursery.pid);
		assert_int_equal(status, 0);
		s.cage->nursery.pid = 0;
		stand_close(&s);
	}
}

/* --- lies ------------------------------------------------------------------------------------- */

static void a_lying_description_is_refused(void **state)
{
	static const struct {
		const char *lie, *why;
		enum stk_err e;
	} lies[] = {
		{ "desc-exit", "shorter than its header", STK_E_FORMAT },
		{ "desc-junk", "not a description", STK_E_FORMAT },
		{ "desc-digest", "digest does not match", STK_E_FORMAT },
		{ "desc-abi", "another job.h", STK_E_FORMAT },
		{ "desc-endless", "larger than its ceiling", STK_E_TOOBIG },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(lies); i++) {
		struct stk_stand s;
		const char *why;

		assert_int_equal(stand_open_liar(&s, lies[i].lie, &why), lies[i].e);
		if (strstr(why, lies[i].why) == NULL)
			fail_msg("%s: %s", lies[i].lie, why);
		stand_close(&s);
	}
}

static void a_lying_zygote_runs_nothing(void **state)
{
	static const struct {
		const char *lie, *why;
	} lies[] = {
		{ "hello-exit", "exited with 3" },
		{ "hello-crash", "SIGABRT" },
		{ "hello-junk", "hello is malformed" },
		{ "hello-short", "hello is malformed" },
		{ "hello-digest", "CAGE_CHANGED" },
		{ "hello-naked", "Seccomp 0" },
		{ "spawn-init", "not our child" },
		{ "spawn-worker", "not our child" },
		{ "spawn-self", "not our child" },
		{ "spawn-errno", "temporarily unavailable" },
		{ "spawn-junk", "malformed" },
		{ "spawn-short", "malformed" },
		{ "spawn-exit", "the other side is gone" },
		{ "half-shut", "with 1 filters (its zygote has 1)" },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(lies); i++) {
		struct stk_stand s;
		struct stk_outcome o;
		const char *why;

		assert_int_equal(stand_open_liar(&s, lies[i].lie, &why), STK_OK);
		assert_int_equal(stand_run(&s, "Liar", "[]", &o), STK_OK);
		if (o.name != STK_OUT_SANDBOX_UNAVAILABLE || o.started ||
		    strstr(o.why, lies[i].why) == NULL)
			fail_msg("%s: %s: %s", lies[i].lie, stk_outcome_text(o.name), o.why);
		stk_outcome_clear(&o);
		stand_close(&s);
	}
}

/* --- layers that the surroundings refuse ------------------------------------------------------ */

/* A pure zygote that is asked for a child of another sum: its filters would be the wrong ones. */
static void a_zygote_makes_no_job_of_another_sum(void **state)
{
	int index = stk_class_find(&stand.table, stk_span_str("Hostile::ThreadLeaderGone"));
	const struct stk_extras none = { 0 };
	struct stk_child child = { .pidfd = -1, .sock = -1 };
	struct stk_zygote *z = NULL;
	char why[STK_WHY_MAX] = "";
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int pipes[3] = { null, null, null };
	struct stk_spawn s = { .magic = STK_SPAWN_MAGIC };

	(void)state;
	assert_true(index >= 0);
	s.class_index = (uint32_t)index;
	s.limits = stand.table.classes[index].ask;
	assert_int_not_equal(stand.table.classes[index].profiles, STK_PROFILE_PURE);
	assert_int_equal(stk_zygote_find(stand.cage, STK_PROFILE_PURE, &z, why), STK_OK);
	assert_int_not_equal(
	    stk_zygote_clone(stand.cage, z, &s, pipes, &none, &child, why), STK_OK);
	assert_int_equal(child.pid, 0);
	assert_int_equal(z->child.pid, 0); /* it ended itself; the next job has another */
	assert_int_equal(stand_strangers(&stand), 0);
	(void)close(null);
	expect("Hostile::Skip", "[]", STK_OUT_SKIPPED, "", NULL);
}

/* Seccomp 2 says nothing of a zygote where a runtime's filter stands around all of us. */
static int naked_under(const void *arg)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { .len = 1, .filter = &allow };
	struct stk_stand s;
	struct stk_outcome o;
	const char *why;

	(void)arg;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == -1)
		return 1;
	if (stand_open_liar(&s, "hello-naked", &why) != STK_OK ||
	    stand_run(&s, "Liar", "[]", &o) != STK_OK)
		return 2;
	if (o.name != STK_OUT_SANDBOX_UNAVAILABLE || o.started ||
	    strstr(o.why, "Seccomp 2 with 1 filters (1 stand around the worker)") == NULL) {
		(void)fprintf(stderr, "# %s: %s\n", stk_outcome_text(o.name), o.why);
		return 3;
	}
	stk_outcome_clear(&o);
	stand_close(&s);
	return 0;
}

static void a_runtimes_filter_is_not_taken_for_the_zygotes(void **state)
{
	(void)state;
	assert_int_equal(in_child(naked_under, NULL), 0);
}

/* Whatever the worker had open when it forked the nursery, also what an exec would not close. */
static void nobody_beyond_the_wall_holds_what_was_open_before(void **state)
{
	struct stk_stand s;
	char program[512], c;
	int p[2], high;
	struct pollfd end = { .events = POLLIN };
	struct stk_outcome o;

	(void)state;
	assert_int_equal(pipe(p), 0);
	/* above every slot, where nothing that is placed takes its place by chance */
	high = fcntl(p[1], F_DUPFD, 200);
	assert_int_equal(close(p[1]), 0);
	stand_open(&s, stand_program("test/hostile-cage", program), NULL);
	assert_int_equal(stand_run(&s, "Hostile::Skip", "[]", &o), STK_OK);
	assert_int_equal(o.name, STK_OUT_SKIPPED);
	stk_outcome_clear(&o);
	assert_true(kill(s.cage->nursery.pid, 0) == 0 && s.cage->n_zygotes == 1);
	end.fd = p[0];
	assert_int_equal(poll(&end, 1, 0), 0); /* the control: we hold it */
	assert_int_equal(close(high), 0);
	assert_int_equal(poll(&end, 1, 0), 1);
	assert_int_equal(read(p[0], &c, 1), 0);
	(void)close(p[0]);
	stand_close(&s);
}

/* Under this filter, as under an old container runtime's, call @nr answers EPERM. */
static void forbid(unsigned nr)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = STK_ARRAY_LEN(insns), .filter = insns };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == -1)
		_exit(100);
}

/* In a process of its own: everything that it starts lives under the outer filter. */
static int run_under(unsigned nr, const char *part)
{
	static struct stk_stand s;
	char program[512];
	struct stk_nursery_options opts = { .landlock = true, .broker_fd = -1 };
	const char *text, *why;
	struct stk_outcome o;

	forbid(nr);
	opts.cage_fd = open(stand_program("test/hostile-cage", program), O_PATH | O_CLOEXEC);
	/* a hang is the one answer that no operator can read */
	(void)alarm(120);
	if (stk_nursery_fork(&opts, &s.cage, &text) != STK_OK)
		return strstr(text, part) != NULL && errno == EPERM ? 0 : 101;
	/* what no child can do without fails for `describe` already */
	if (stk_cage_describe(s.cage, &s.table, &why) != STK_OK)
		return strstr(why, part) != NULL ? 0 : 102;
	stk_cage_equip(s.cage, &s.table, NULL, NULL);
	s.hooks.wake_fd = -1;
	if (stand_run(&s, "Hostile::ExitZero", "[]", &o) != STK_OK)
		return 103;
	if (o.name != STK_OUT_SANDBOX_UNAVAILABLE || o.started || strstr(o.why, part) == NULL) {
		(void)fprintf(stderr, "call %u: %s: %s\n", nr, stk_outcome_text(o.name), o.why);
		return 104;
	}
	return 0;
}

static void a_layer_that_is_refused_ends_the_child_by_name(void **state)
{
	static const struct {
		unsigned nr;
		const char *part;
	} layers[] = {
		{ SYS_landlock_restrict_self, "could not enter Landlock: Operation not permitted" },
		{ SYS_landlock_create_ruleset,
		    "could not enter Landlock: Operation not permitted" },
		{ SYS_execveat, "could not execute its program: Operation not permitted" },
		{ SYS_sigaltstack,
		    "could not install the signal handlers: Operation not permitted" },
		{ SYS_dup3, "could not place the descriptors: Operation not permitted" },
		{ SYS_prlimit64, "limit" },
		{ SYS_capset, "could not drop capabilities: Operation not permitted" },
		{ SYS_close_range, "the nursery could not place descriptors" },
		{ SYS_setsid, "the nursery could not set itself apart" },
		{ SYS_pidfd_open, "watch the nursery" },
		{ SYS_pidfd_send_signal, "watch the nursery" },
		{ SYS_waitid, "watch the nursery" },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(layers); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(run_under(layers[i].nr, layers[i].part));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("%s: status %#x", layers[i].part, (unsigned)status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(term_and_kill_end_a_job_as_shutdown),
		cmocka_unit_test(a_job_that_is_called_off_never_starts),
		cmocka_unit_test(a_dead_zygote_costs_nothing),
		cmocka_unit_test(a_child_that_nobody_was_told_of_is_buried),
		cmocka_unit_test(descriptors_under_way_cost_a_try_and_not_the_nursery),
		cmocka_unit_test(log_lines_arrive_and_output_is_kept),
		cmocka_unit_test(names_a_kill_from_outside),
		cmocka_unit_test(an_unmapped_directory_is_refused_by_name),
		cmocka_unit_test(no_child_stands_in_the_workers_group),
		cmocka_unit_test(jobs_leave_nothing_behind),
		cmocka_unit_test(the_workers_own_filter_lets_it_run_jobs),
		cmocka_unit_test(the_worker_takes_all_with_it),
		cmocka_unit_test(a_malformed_request_ends_the_nursery),
		cmocka_unit_test(a_lying_description_is_refused),
		cmocka_unit_test(a_lying_zygote_runs_nothing),
		cmocka_unit_test(a_zygote_makes_no_job_of_another_sum),
		cmocka_unit_test(a_runtimes_filter_is_not_taken_for_the_zygotes),
		cmocka_unit_test(nobody_beyond_the_wall_holds_what_was_open_before),
		cmocka_unit_test(a_layer_that_is_refused_ends_the_child_by_name),
		cmocka_unit_test(a_dead_nursery_lets_the_job_finish_and_is_then_named),
	};

	return cmocka_run_group_tests(tests, up, down);
}

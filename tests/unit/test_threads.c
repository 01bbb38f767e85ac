/*
 * test_threads.c - the threads profile: what pthreads need works, each thread stands behind the
 * same wall as the first, and their number is bounded by name.
 */
#include "sandbox/tasks.h"
#include "tests/harness.h"
#include "tests/lib/stand.h"
#include "tests/lib/wall.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// The acts themselves, so that the control runs the very same code.
#include "tests/hostile/threads.c"

static struct stk_stand stand;

static void ends_as(const char *class_name, enum stk_outcome_name name, const char *why)
{
	struct stk_outcome o;

	assert_int_equal(stand_run(&stand, class_name, "[]", &o), STK_OK);
	if (o.name != name || strstr(o.why, why) == NULL)
		fail_msg("%s: %s: %s", class_name, stk_outcome_text(o.name), o.why);
	assert_int_equal(o.proof.seccomp, 2);
	stk_outcome_clear(&o);
}

struct control {
	int (*act)(const struct hostile_args *);
	struct hostile_args args;
};

static int run_control(const void *arg)
{
	const struct control *c = arg;

	return c->act(&c->args) == 0 ? 0 : errno;
}

static void succeeds(int (*act)(const struct hostile_args *), const char *arg)
{
	struct control c = { act, { arg == NULL ? 0 : 1, { arg } } };

	assert_int_equal(in_child(run_control, &c), 0);
}

static void what_pthreads_need_works(void **state)
{
	(void)state;
	succeeds(hostile_threads_honest, NULL);
	for (int i = 0; i < 5; i++)
		ends_as("Hostile::ThreadsHonest", STK_OUT_DONE, "done");
}

static void each_thread_stands_behind_the_same_wall(void **state)
{
	(void)state;
	succeeds(hostile_thread_socket, NULL);
	ends_as("Hostile::ThreadSocket", STK_OUT_SYSCALL_DENIED,
	    "socket (class Hostile::ThreadSocket has no net grant)");
	succeeds(hostile_thread_reads, NULL);
	ends_as("Hostile::ThreadReads", STK_OUT_FAILED, "Permission denied");
	succeeds(hostile_thread_forks, NULL);
	ends_as("Hostile::ThreadForks", STK_OUT_SYSCALL_DENIED, "clone (class");
	succeeds(hostile_thread_limits, NULL);
	ends_as("Hostile::ThreadLimits", STK_OUT_SYSCALL_DENIED, "prlimit64 (class");
	succeeds(hostile_thread_sigsys, NULL);
	ends_as("Hostile::ThreadSigsys", STK_OUT_SYSCALL_DENIED, "rt_sigaction (class");
	ends_as("Hostile::ThreadSignals", STK_OUT_SYSCALL_DENIED, "tgkill (class");
}

static void a_thread_bomb_on_one_tiny_stack_ends_by_name(void **state)
{
	(void)state;
	succeeds(hostile_thread_bomb, "200"); /* 40 times what the class may have */
	for (int i = 0; i < 5; i++)
		ends_as("Hostile::ThreadBomb", STK_OUT_TASK_LIMIT, "more than 5 threads");
}

/* --- seen from outside -------------------------------------------------------------------------
 */

static struct seen {
	pid_t pid;
	uint32_t tasks;  /* most at a time */
	int seccomp;     /* least of any task */
	int filters_min; /* Seccomp_filters, -1 where the kernel does not say */
	int filters_max;
	bool no_new_privs;
} seen;

static int line_of(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at == NULL ? -1 : atoi(at + strlen(key));
}

static void look_at(const char *task)
{
	char path[300], text[4096];
	int fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)seen.pid, task);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);
	stk_close(&fd);
	if (n <= 0)
		return;
	text[n] = '\0';

	int filters = line_of(text, "\nSeccomp_filters:");

	seen.seccomp =
	    line_of(text, "\nSeccomp:") < seen.seccomp ? line_of(text, "\nSeccomp:") : seen.seccomp;
	seen.no_new_privs = seen.no_new_privs && line_of(text, "\nNoNewPrivs:") == 1;
	if (seen.filters_min == 0 || filters < seen.filters_min)
		seen.filters_min = filters;
	if (filters > seen.filters_max)
		seen.filters_max = filters;
}

static enum stk_run_order look(void *ctx, int64_t until_ms)
{
	char path[64];
	struct dirent *d;
	uint32_t n = 0;
	DIR *dir;

	(void)ctx;
	(void)until_ms;
	if (seen.pid == 0)
		return STK_RUN_ON;
	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)seen.pid);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.') {
			look_at(d->d_name);
			n++;
		}
	if (dir != NULL)
		(void)closedir(dir);
	if (n > seen.tasks)
		seen.tasks = n;
	return seen.tasks < 2 ? STK_RUN_ON : STK_RUN_KILL; /* all is seen */
}

static bool note_pid(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	(void)ctx;
	seen = (struct seen){
		.pid = pid, .seccomp = 2, .no_new_privs = true, .filters_max = proof->filters
	};
	return true;
}

/*
 * The filters are shut while the job is one thread, and a thread is born with its maker's: no
 * synchronising call is needed, and the kernel shows the same two filters on every one of them.
 */
static void the_kernel_shows_the_filters_on_every_thread(void **state)
{
	struct stk_run_hooks before = stand.hooks;
	struct stk_limits l;
	struct stk_outcome o;
	int index = stk_class_find(&stand.table, stk_span_str("Hostile::ThreadLeaderGone"));

	(void)state;
	assert_true(index >= 0);
	l = stand.table.classes[index].ask;
	l.wall_ms = 60000;
	stand.limits = &l;
	stand.hooks.tick = look;
	stand.hooks.tick_ms = 20;
	stand.hooks.go = note_pid;
	assert_int_equal(stand_run(&stand, "Hostile::ThreadLeaderGone", "[]", &o), STK_OK);
	stand.hooks = before;
	stand.limits = NULL;
	assert_int_equal(o.name, STK_OUT_SHUTDOWN);
	assert_int_equal(seen.tasks, 2);
	assert_int_equal(seen.seccomp, 2);
	assert_true(seen.no_new_privs);
	assert_int_equal(seen.filters_min, o.proof.filters);
	assert_int_equal(seen.filters_max, o.proof.filters);
	stk_outcome_clear(&o);
}

/* --- the worker's death ------------------------------------------------------------------------
 */

static int told;

static bool tell_pid(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	(void)ctx;
	(void)proof;
	return write(told, &pid, sizeof(pid)) == (ssize_t)sizeof(pid);
}

/* A whole worker in a process of its own, killed while its job has only the second thread left. */
static int work_until_killed(const void *arg)
{
	struct stk_stand s = { 0 };
	struct stk_outcome o;
	char program[512];

	(void)arg;
	stand_open(&s, stand_program("test/hostile-cage", program), NULL);
	s.hooks.go = tell_pid;
	return stand_run(&s, "Hostile::ThreadLeaderGone", "[]", &o) == STK_OK ? 1 : 2;
}

static bool alive(pid_t pid)
{
	char path[64], text[4096];
	int fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);
	stk_close(&fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* a leader that has ended while a sibling lives is a zombie with two tasks */
	return line_of(text, "\nThreads:") > 1 || strstr(text, "\nState:\tZ") == NULL;
}

static void a_job_whose_first_thread_is_gone_dies_with_its_worker(void **state)
{
	int pipes[2], status;
	pid_t worker, job = 0;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	worker = fork();
	assert_true(worker >= 0);
	if (worker == 0) {
		close(pipes[0]);
		told = pipes[1];
		_exit(work_until_killed(NULL));
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &job, sizeof(job)), sizeof(job));
	close(pipes[0]);
	/* until the first thread has ended */
	for (int i = 0; i < 1000; i++) {
		char path[64], text[64] = "";
		(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)job);
		FILE *f = fopen(path, "re");
		bool ended = f != NULL && fread(text, 1, sizeof(text) - 1, f) > 0 &&
			     strstr(text, ") Z") != NULL;

		if (f != NULL)
			(void)fclose(f);
		if (ended)
			break;
		usleep(5000);
	}
	assert_true(alive(job));
	assert_int_equal(kill(worker, SIGKILL), 0);
	assert_int_equal(waitpid(worker, &status, 0), worker);
	for (int i = 0; i < 2000 && alive(job); i++)
		usleep(5000);
	assert_false(alive(job));
}

/* --- the bound ---------------------------------------------------------------------------------
 */

static void the_machines_tasks_are_read_as_the_kernel_writes_them(void **state)
{
	(void)state;
	assert_int_equal(stk_tasks_of_machine("0.48 0.33 0.31 2/119 7906\n"), 119);
	assert_int_equal(stk_tasks_of_machine("0.48 0.33 0.31 2/ 7906\n"), 0);
	assert_int_equal(stk_tasks_of_machine("0.48 0.33 0.31 2/-5 7906\n"), 0);
	assert_int_equal(stk_tasks_of_machine("0.48 0.33 0.31 2/119"), 0);
	assert_int_equal(stk_tasks_of_machine("nothing of the kind"), 0);
	assert_int_equal(stk_tasks_of_machine("1/99999999999999999999 "), 0);
}

static void *wait_for_end(void *fd)
{
	char c;

	(void)!read(*(const int *)fd, &c, 1);
	return NULL;
}

/* As many as it may have are no bomb; one more is. */
static void the_last_task_that_a_job_may_have_is_its_own(void **state)
{
	struct stk_tasks t = { .fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC), .most = 1 };
	pthread_t thread;
	int p[2];

	(void)state;
	assert_true(t.fd != -1);
	assert_int_equal(pipe(p), 0);
	assert_false(stk_tasks_over(&t, 1));
	assert_int_equal(t.seen, 1);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_end, &p[0]), 0);
	assert_false(stk_tasks_over(&t, 2)); /* not due: each look costs a read */
	assert_true(stk_tasks_over(&t, 1 + STK_TASKS_LOOK_MS));
	assert_int_equal(t.seen, 2);
	t.most = 2;
	assert_false(stk_tasks_over(&t, 1000));
	(void)close(p[1]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(p[0]);
	stk_tasks_clear(&t);
	assert_false(stk_tasks_over(&t, 2000)); /* watches nothing */
}

static void a_bound_is_set_for_threads_only_and_holds_the_machine(void **state)
{
	struct stk_spawn s = { .limits = { .tasks = 5 } };
	char why[STK_WHY_MAX];

	(void)state;
	assert_int_equal(stk_tasks_bound(STK_PROFILE_PURE, false, &s, why), STK_OK);
	assert_int_equal(s.nproc, 0);
	assert_int_equal(stk_tasks_bound(STK_PROFILE_THREADS, false, &s, why), STK_OK);
	assert_true(s.nproc > 5 + 256);
	assert_int_equal(stk_tasks_bound(STK_PROFILE_THREADS, true, &s, why), STK_OK);
	assert_true(s.nproc > 5);
}

static int open_stand(void **state)
{
	char program[512];

	(void)state;
	stand_open(&stand, stand_program("test/hostile-cage", program), NULL);
	return 0;
}

static int close_stand(void **state)
{
	(void)state;
	stand_close(&stand);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_pthreads_need_works),
		cmocka_unit_test(each_thread_stands_behind_the_same_wall),
		cmocka_unit_test(a_thread_bomb_on_one_tiny_stack_ends_by_name),
		cmocka_unit_test(the_kernel_shows_the_filters_on_every_thread),
		cmocka_unit_test(a_job_whose_first_thread_is_gone_dies_with_its_worker),
		cmocka_unit_test(the_machines_tasks_are_read_as_the_kernel_writes_them),
		cmocka_unit_test(the_last_task_that_a_job_may_have_is_its_own),
		cmocka_unit_test(a_bound_is_set_for_threads_only_and_holds_the_machine),
	};

	return cmocka_run_group_tests(tests, open_stand, close_stand);
}

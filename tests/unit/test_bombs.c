/*
 * test_bombs.c - whoever takes without end is stopped by name, and what it took stands in the
 * outcome: CPU, peak, wall clock. Each bomb goes off without the cage as well, else it proves
 * nothing.
 */
#include "tests/harness.h"
#include "tests/lib/stand.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/hostile/acts.c"
#include "tests/hostile/bombs.c"

static struct stk_stand stand;

/* What the outcome must say of the resource that was spent. The kernel ends a CPU loop by its ticks
 * and counts rusage in run time, which on a busy virtual machine is up to a third less. */
struct spent {
	int64_t least, most;
};
#define ANY                  \
	{                    \
		0, INT64_MAX \
	}

static const struct bomb {
	const char *class_name;
	enum stk_outcome_name name;
	const char *why;
	const char *args;
	struct spent wall_ms, cpu_ms, maxrss_kib;
	int (*control)(const struct hostile_args *a);
	enum {
		DOES, /* 0 */
		ENDS, /* by a signal */
		NEEDS_DIR
	} expect;
} bombs[] = {
	{ "Hostile::ForkBomb", STK_OUT_SYSCALL_DENIED, "Hostile::ForkBomb", "[]", { 0, 900 }, ANY,
	    ANY, hostile_fork_bomb, DOES },
	{ "Hostile::Thread", STK_OUT_SYSCALL_DENIED, "Hostile::Thread", "[]", { 0, 900 }, ANY, ANY,
	    hostile_thread, DOES },
	{ "Hostile::AllocUnchecked", STK_OUT_MEMORY_LIMIT, "limit of 64 MiB", "[]", ANY, ANY,
	    { 58000, 65536 }, hostile_alloc_unchecked, DOES },
	{ "Hostile::AllocBehindLibraries", STK_OUT_MEMORY_LIMIT, "after it was refused memory",
	    "[]", ANY, ANY, { 1, 50000 }, hostile_alloc_behind_libraries, DOES },
	{ "Hostile::AllocHuge", STK_OUT_MEMORY_LIMIT, "still to be had of its limit of 64 MiB",
	    "[]", ANY, ANY, { 1, 32000 }, hostile_alloc_huge, DOES },
	{ "Hostile::AllocOrAbort", STK_OUT_MEMORY_LIMIT, "SIGABRT after it was refused memory",
	    "[]", ANY, ANY, { 1, 57000 }, hostile_alloc_or_abort, DOES },
	{ "Hostile::NullLater", STK_OUT_CRASH, "SIGSEGV at 0x0", "[]", ANY, ANY, ANY,
	    hostile_null_later, ENDS },
	{ "Hostile::MapAll", STK_OUT_FAILED, "Cannot allocate", "[]", ANY, ANY, { 40000, 65536 },
	    hostile_map_all, DOES },
	{ "Hostile::MapTerabyte", STK_OUT_FAILED, "Cannot allocate", "[]", ANY, ANY, { 1, 32000 },
	    hostile_map_terabyte, DOES },
	{ "Hostile::MapNothing", STK_OUT_FAILED, "Cannot allocate", "[]", ANY, ANY, { 1, 32000 },
	    hostile_map_nothing, DOES },
	{ "Hostile::MapShared", STK_OUT_SYSCALL_DENIED, "mmap", "[]", ANY, ANY, { 1, 32000 },
	    hostile_map_shared, DOES },
	{ "Hostile::MemoryFile", STK_OUT_SYSCALL_DENIED, "memfd_create", "[]", ANY, ANY,
	    { 1, 32000 }, hostile_memory_file, DOES },
	{ "Hostile::PipeFlood", STK_OUT_SYSCALL_DENIED, "pipe2", "[]", ANY, ANY, ANY,
	    hostile_pipe_flood, DOES },
	{ "Hostile::SocketFlood", STK_OUT_SYSCALL_DENIED, "socketpair", "[]", ANY, ANY, ANY,
	    hostile_socket_flood, DOES },
	{ "Hostile::EndlessLoop", STK_OUT_CPU_LIMIT,
	    "limit is 1 s; that is what its class asks for", "[\"2\"]", { 500, 60000 },
	    { 500, 2500 }, ANY, NULL, DOES },
	{ "Hostile::LoopMasked", STK_OUT_CPU_LIMIT, "limit is 1 s", "[\"3\"]", { 1050, 60000 },
	    { 1050, 3500 }, ANY, NULL, DOES },
	{ "Hostile::SleepLong", STK_OUT_WALL_TIMEOUT,
	    "limit is 1000 ms; that is the operator's ceiling.wall", "[]", { 1000, 60000 },
	    { 0, 900 }, ANY, NULL, DOES },
	{ "Hostile::SleepMasked", STK_OUT_WALL_TIMEOUT, "limit is 1000 ms", "[]", { 1000, 60000 },
	    { 0, 900 }, ANY, hostile_sleep_masked, DOES },
	{ "Hostile::StopItself", STK_OUT_SYSCALL_DENIED, "tgkill", "[]", ANY, ANY, ANY,
	    hostile_stop_itself, DOES },
	{ "Hostile::OutputFlood", STK_OUT_OUTPUT_LIMIT, "65536 bytes", "[]", { 0, 900 }, ANY, ANY,
	    hostile_output_flood, DOES },
	{ "Hostile::FdFlood", STK_OUT_FAILED, "Too many open files", "[]", ANY, ANY, ANY,
	    hostile_fd_flood, NEEDS_DIR },
	{ "Hostile::StackOverflow", STK_OUT_STACK_OVERFLOW, "8 MiB", "[]", ANY, ANY,
	    { 8000, 32000 }, hostile_stack_overflow, ENDS },
	{ "Hostile::AllocaAll", STK_OUT_STACK_OVERFLOW, "8 MiB", "[]", ANY, ANY, { 1, 65536 },
	    hostile_alloca_all, ENDS },
	{ "Hostile::FillDisk", STK_OUT_FILE_SIZE_LIMIT, "1048576 bytes", "[]", ANY, ANY, ANY,
	    hostile_fill_disk, NEEDS_DIR },
	{ "Hostile::SparseFile", STK_OUT_FILE_SIZE_LIMIT, "1048576 bytes", "[]", ANY, ANY, ANY,
	    hostile_sparse_file, NEEDS_DIR },
	{ "Hostile::LongFile", STK_OUT_FILE_SIZE_LIMIT, "1048576 bytes", "[]", ANY, ANY, ANY,
	    hostile_long_file, NEEDS_DIR },
	{ "Hostile::SparseMasked", STK_OUT_FAILED, "File too large", "[]", ANY, ANY, ANY,
	    hostile_sparse_masked, NEEDS_DIR },
	{ "Hostile::Abort", STK_OUT_ABORT, "abort()", "[]", ANY, ANY, ANY, hostile_abort, ENDS },
	{ "Hostile::NewSession", STK_OUT_SYSCALL_DENIED, "setsid", "[]", ANY, ANY, ANY,
	    hostile_new_session, DOES },
	{ "Hostile::RaiseLimits", STK_OUT_SYSCALL_DENIED, "prlimit64", "[]", ANY, ANY, ANY,
	    hostile_raise_limits, DOES },
	{ "Hostile::AlarmOff", STK_OUT_SYSCALL_DENIED, "alarm", "[]", ANY, ANY, ANY,
	    hostile_alarm_off, DOES },
	{ "Hostile::VmaFlood", STK_OUT_FAILED, "Cannot allocate", "[]", ANY, ANY, ANY, NULL, DOES },
	{ "Hostile::Unpack", STK_OUT_FAILED, "Cannot allocate", "[]", ANY, ANY, { 16000, 65536 },
	    hostile_unpack, DOES },
	{ "Hostile::ReportFlood", STK_OUT_REPORT_FLOOD, "4096 bytes", "[]", { 0, 900 }, ANY, ANY,
	    hostile_report_flood, DOES },
	{ "Hostile::HugeResult", STK_OUT_REPORT_MALFORMED, "no record", "[]", { 0, 900 }, ANY, ANY,
	    hostile_huge_result, DOES },
};

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

static void within(const struct bomb *b, const char *what, int64_t got, struct spent s)
{
	if (got < s.least || got > s.most)
		fail_msg("%s: %lld of %s, not %lld to %lld", b->class_name, (long long)got, what,
		    (long long)s.least, (long long)s.most);
}

static void is_stopped(const struct bomb *b)
{
	int index = stk_class_find(&stand.table, stk_span_str(b->class_name));
	struct stk_limits limits;
	struct stk_outcome o;

	assert_true(index >= 0);
	limits = stand.table.classes[index].ask;
	if (b->name == STK_OUT_WALL_TIMEOUT)
		limits.wall_ms = 1000;
	stand.limits = &limits;
	assert_int_equal(stand_run(&stand, b->class_name, b->args, &o), STK_OK);
	stand.limits = NULL;
	if (o.name != b->name || strstr(o.why, b->why) == NULL)
		fail_msg("%s: %s: %s (expected %s: ...%s...)", b->class_name,
		    stk_outcome_text(o.name), o.why, stk_outcome_text(b->name), b->why);
	assert_true(o.started && o.proof.seccomp == 2 && o.proof.filters >= 2);
	within(b, "ms wall clock", o.wall_ms, b->wall_ms);
	within(b, "ms CPU", o.cpu_ms, b->cpu_ms);
	within(b, "KiB peak", o.maxrss_kib, b->maxrss_kib);
	stk_outcome_clear(&o);
}

static void be_plain(const struct bomb *b)
{
	char dir[16];
	struct hostile_args args = { .n = b->expect == NEEDS_DIR || b->args[1] == '"',
		.arg = { b->args[1] == '"' ? "2" : dir } };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct rlimit none = { 0, 0 };

	(void)snprintf(dir, sizeof(dir), "%d", stand.dir_fds[0]);
	if (b->expect != NEEDS_DIR &&
	    (dup2(null, 1) == -1 || dup2(null, 2) == -1 || dup2(null, 3) == -1))
		_exit(90);
	(void)setrlimit(RLIMIT_CORE, &none);
	for (int sig = 1; sig < 32; sig++)
		(void)signal(sig, SIG_DFL);
	_exit(b->control(&args) == 0 ? 0 : 91);
}

static void goes_off_without_the_cage(const struct bomb *b)
{
	int status = 0;
	pid_t pid;

	/* NULL: test_escape.c has that control, or the machine's limit is met without a cage too */
	if (b->control == NULL)
		return;
	pid = fork();
	if (pid == 0)
		be_plain(b);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (b->expect == ENDS ? !WIFSIGNALED(status) : status != 0)
		fail_msg("control of %s: status %#x", b->class_name, (unsigned)status);
}

static void every_bomb_is_stopped_by_name_and_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bombs); i++) {
		is_stopped(&bombs[i]);
		goes_off_without_the_cage(&bombs[i]);
	}
}

/* --- a stop from outside ---------------------------------------------------------------------- */

static bool stop_it(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	(void)ctx;
	(void)proof;
	return kill(pid, SIGSTOP) == 0;
}

/* It cannot count its own time, so somebody else does. */
static void a_stopped_job_meets_its_wall_clock(void **state)
{
	int index = stk_class_find(&stand.table, stk_span_str("Hostile::Skip"));
	struct stk_limits limits = stand.table.classes[index].ask;
	struct stk_outcome o;

	(void)state;
	limits.wall_ms = 700;
	stand.limits = &limits;
	stand.hooks.go = stop_it;
	assert_int_equal(stand_run(&stand, "Hostile::Skip", "[]", &o), STK_OK);
	stand.hooks.go = NULL;
	stand.limits = NULL;
	assert_int_equal(o.name, STK_OUT_WALL_TIMEOUT);
	assert_true(o.wall_ms >= 700);
	stk_outcome_clear(&o);
}

/* --- a pipe that somebody holds ----------------------------------------------------------------
 */

static int held[256];
static size_t n_held;

/* The far ends of all our pipes, the job's report and output among them, as a grandchild of the job
 * would hold them: no end of file comes while they are open. */
static bool hold_every_pipe(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	(void)ctx;
	(void)pid;
	(void)proof;
	for (int fd = 3; fd < 128; fd++) {
		struct stat st;
		char path[64];

		if (fstat(fd, &st) == -1 || !S_ISFIFO(st.st_mode) ||
		    (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		held[n_held] = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		n_held += held[n_held] != -1;
	}
	return true;
}

static void a_held_pipe_does_not_hold_the_worker(void **state)
{
	int index = stk_class_find(&stand.table, stk_span_str("Hostile::Skip"));
	struct stk_limits limits = stand.table.classes[index].ask;
	int64_t began = stk_monotonic_ms();
	struct stk_outcome o;

	(void)state;
	limits.wall_ms = 60000;
	stand.limits = &limits;
	stand.hooks.go = hold_every_pipe;
	assert_int_equal(stand_run(&stand, "Hostile::Skip", "[]", &o), STK_OK);
	stand.hooks.go = NULL;
	stand.limits = NULL;
	assert_true(n_held >= 2);
	assert_int_equal(o.name, STK_OUT_SKIPPED);
	assert_true(stk_monotonic_ms() - began < 30000);
	while (n_held > 0)
		(void)close(held[--n_held]);
	stk_outcome_clear(&o);
}

/* --- arguments -------------------------------------------------------------------------------- */

/* Repeats @unit inside one array until the largest argument text is full. */
static char *stuffed(const char *unit)
{
	size_t n = strlen(unit), len = 0;
	char *text = malloc(STK_ARGS_MAX + 1);

	assert_non_null(text);
	text[len++] = '[';
	while (len + n + 3 < STK_ARGS_MAX) {
		memcpy(text + len, unit, n);
		len += n;
		text[len++] = ',';
	}
	text[len - 1] = ']';
	text[len] = '\0';
	return text;
}

static void refused_args(char *text, enum stk_outcome_name name)
{
	struct stk_outcome o;

	assert_int_equal(stand_run(&stand, "Hostile::Skip", text, &o), STK_OK);
	if (o.name != name)
		fail_msg("%.20s...: %s: %s", text, stk_outcome_text(o.name), o.why);
	/* a tree of the largest text stays far from the limit of 64 MiB */
	assert_true(o.maxrss_kib < 48 << 10);
	stk_outcome_clear(&o);
	free(text);
}

static void json_bombs_end_in_the_cage_by_name(void **state)
{
	char *deep = malloc(STK_ARGS_MAX + 1);

	(void)state;
	assert_non_null(deep);
	memset(deep, '[', STK_ARGS_MAX);
	deep[STK_ARGS_MAX] = '\0';
	refused_args(deep, STK_OUT_ARGS_JSON);
	refused_args(stuffed("{}"), STK_OUT_ARGS_SCHEMA);
	refused_args(stuffed("0"), STK_OUT_ARGS_SCHEMA);
	refused_args(stuffed("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"), STK_OUT_ARGS_SCHEMA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bomb_is_stopped_by_name_and_counted),
		cmocka_unit_test(a_stopped_job_meets_its_wall_clock),
		cmocka_unit_test(a_held_pipe_does_not_hold_the_worker),
		cmocka_unit_test(json_bombs_end_in_the_cage_by_name),
	};

	return cmocka_run_group_tests(tests, up, down);
}

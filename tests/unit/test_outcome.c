/*
 * test_outcome.c - the name of every end, in the precedence that the worker promises: its own acts,
 * the filter, the limits, faults, outside hands, exits.
 */
#include "tests/harness.h"

#include "sandbox/entry.h"
#include "sandbox/procstat.h"
#include "sandbox/verdict.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

static const struct stk_limits limits = { .mem_bytes = 64u << 20,
	.file_bytes = 1000,
	.stack_bytes = 8u << 20,
	.wall_ms = 1500,
	.silence_ms = 700,
	.cpu_s = 2,
	.output_bytes = 100,
	.tasks = 3,
	.report_bytes = 200 };
static const struct stk_class_desc pure = { .name = "Thumbnail" };

struct facts {
	enum stk_kill kill;
	int status;
	int64_t cpu_ms, maxrss_kib;
	uint64_t oom_kills;
	struct stk_report report;
	enum stk_outcome_name name;
	const char *why;
};

#define READY .ready = true
#define HERE(sig, first, second)                                     \
	.has_fault = true, .fault = { .signal = (sig),               \
		.addr = 16,                                          \
		.n_frames = 2,                                       \
		.n_modules = 2,                                      \
		.frames = { { .offset = 0x1234, .module = (first) }, \
		    { .offset = 0x5678, .module = (second) } } }
#define AT(sig, a, e, r) \
	.has_fault = true, .fault = { .signal = (sig), .addr = (a), .err = (e), .room = (r) }
#define RESULT(k) .ready = true, .has_result = true, .result = { .kind = (k) }

static void every_end_has_its_name(void **state)
{
	const uint32_t arch = stk_syscall_arch();
	const struct facts all[] = {
		/* our own acts come first */
		{ STK_KILL_WALL, -SIGKILL, 0, 0, 0, { READY }, STK_OUT_WALL_TIMEOUT,
		    "limit is 1500 ms" },
		{ STK_KILL_WALL, -SIGKILL, 0, 0, 0, { .ready = false }, STK_OUT_WALL_TIMEOUT, "" },
		{ STK_KILL_SILENT, -SIGKILL, 0, 0, 0, { READY }, STK_OUT_STALLED, "for 700 ms" },
		{ STK_KILL_SILENT, 0, 0, 0, 0, { RESULT(STK_RESULT_DONE) }, STK_OUT_DONE, "" },
		{ STK_KILL_OUTPUT, 0, 0, 0, 0, { RESULT(1) }, STK_OUT_OUTPUT_LIMIT, "100 bytes" },
		{ STK_KILL_FLOOD, -SIGKILL, 0, 0, 0, { READY }, STK_OUT_REPORT_FLOOD, "200 bytes" },
		{ STK_KILL_MALFORMED, -SIGKILL, 0, 0, 0, { READY }, STK_OUT_REPORT_MALFORMED, "" },
		{ STK_KILL_TASKS, -SIGKILL, 0, 0, 0, { READY }, STK_OUT_TASK_LIMIT, "more than 3" },
		{ STK_KILL_SHUTDOWN, -SIGTERM, 0, 0, 0, { READY }, STK_OUT_SHUTDOWN, "" },
		{ STK_KILL_CALLED_OFF, -SIGKILL, 0, 0, 0, { READY }, STK_OUT_SHUTDOWN,
		    "called off" },
		{ STK_KILL_UNPROVEN, -SIGKILL, 0, 0, 0, { READY }, STK_OUT_SANDBOX_UNAVAILABLE,
		    "" },
		/* but a kill that came after the end changes nothing */
		{ STK_KILL_WALL, 0, 0, 0, 0, { RESULT(STK_RESULT_DONE) }, STK_OUT_DONE, "" },
		{ STK_KILL_SHUTDOWN, -SIGSYS, 0, 0, 0, { READY }, STK_OUT_SYSCALL_DENIED, "" },
		/* a full work directory outweighs a result, and no other death */
		{ STK_KILL_WORK, -SIGKILL, 0, 0, 0, { READY }, STK_OUT_WORK_QUOTA, "0 MiB" },
		{ STK_KILL_WORK, 0, 0, 0, 0, { RESULT(STK_RESULT_DONE) }, STK_OUT_WORK_QUOTA, "" },
		{ STK_KILL_WORK, -SIGABRT, 0, 0, 0, { READY }, STK_OUT_ABORT, "" },
		{ STK_KILL_LEFT, 0, 0, 0, 0, { RESULT(STK_RESULT_DONE) }, STK_OUT_LEFT_PROCESSES,
		    "left 0 processes" },
		{ STK_KILL_LEFT, -SIGKILL, 0, 0, 0, { READY }, STK_OUT_KILLED_EXTERNALLY, "" },
		/* before READY nothing was run */
		{ 0, 99, 0, 0, 0, { .has_setup = true, .setup = { STK_STEP_LANDLOCK, EPERM } },
		    STK_OUT_SANDBOX_UNAVAILABLE,
		    "could not enter the Landlock rules: Operation not permitted" },
		{ 0, -SIGSEGV, 0, 0, 0, { .ready = false }, STK_OUT_SANDBOX_UNAVAILABLE,
		    "SIGSEGV" },
		{ 0, 0, 0, 0, 0, { .ready = false }, STK_OUT_SANDBOX_UNAVAILABLE, "exited with 0" },
		/* the filter */
		{ 0, -SIGSYS, 0, 0, 0,
		    { READY, .has_denied = true, .denied = { .nr = SYS_openat, .arch = arch } },
		    STK_OUT_SYSCALL_DENIED, "openat (class Thumbnail has no files read grant)" },
		{ 0, -SIGSYS, 0, 0, 0,
		    { READY, .has_denied = true, .denied = { .nr = SYS_ptrace, .arch = arch } },
		    STK_OUT_SYSCALL_DENIED, "ptrace (class Thumbnail)" },
		{ 0, -SIGSYS, 0, 0, 0,
		    { READY, .has_denied = true, .denied = { .nr = -1, .arch = 7 } },
		    STK_OUT_SYSCALL_DENIED, "an unknown call" },
		{ 0, -SIGSYS, 9000, 1 << 20, 5, { READY }, STK_OUT_SYSCALL_DENIED,
		    "not known: it was made where nothing could report it" },
		/* the limits */
		{ 0, -SIGXCPU, 2001, 0, 0, { READY }, STK_OUT_CPU_LIMIT, "limit is 2 s" },
		{ 0, -SIGKILL, 2990, 0, 3, { READY }, STK_OUT_CPU_LIMIT, "" },
		{ 0, -SIGKILL, 2700, 0, 0, { READY }, STK_OUT_CPU_LIMIT, "limit is 2 s" },
		{ 0, -SIGKILL, 2700, 0, 3, { READY }, STK_OUT_OOM_KILLED, "" },
		{ 0, -SIGKILL, 1900, 0, 0, { READY }, STK_OUT_KILLED_EXTERNALLY, "" },
		{ 0, -SIGXFSZ, 0, 0, 0, { READY }, STK_OUT_FILE_SIZE_LIMIT, "1000 bytes" },
		{ 0, -SIGSEGV, 0, 60000, 0, { READY }, STK_OUT_MEMORY_LIMIT, "64 MiB" },
		{ 0, -SIGABRT, 0, 60000, 0, { READY }, STK_OUT_MEMORY_LIMIT, "" },
		/* a use of what a refused call returns, while memory was refused */
		{ 0, -SIGSEGV, 0, 20480, 0, { READY, AT(SIGSEGV, 0, ENOMEM, 3u << 20) },
		    STK_OUT_MEMORY_LIMIT,
		    "after it was refused memory, with 20 MiB resident and 3 MiB still to be had "
		    "of its limit of 64 MiB" },
		{ 0, -SIGABRT, 0, 0, 0, { READY, AT(SIGABRT, 0x401000, ENOMEM, 60u << 20) },
		    STK_OUT_MEMORY_LIMIT, "SIGABRT after it was refused memory" },
		{ 0, -SIGSEGV, 0, 0, 0, { READY, AT(SIGSEGV, UINT64_MAX, ENOMEM, 1) },
		    STK_OUT_MEMORY_LIMIT, "" },
		{ 0, -SIGSEGV, 0, 0, 0, { READY, AT(SIGSEGV, 8, ENOMEM, 0) }, STK_OUT_MEMORY_LIMIT,
		    "0 MiB resident of its limit" },
		{ 0, -SIGSEGV, 0, 0, 0, { READY, AT(SIGSEGV, 8, EACCES, (2u << 20) - 1) },
		    STK_OUT_MEMORY_LIMIT, "SIGSEGV with 0 MiB resident and 1 MiB still to be had" },
		{ 0, -SIGSEGV, 0, 0, 0, { READY, AT(SIGSEGV, 8, EACCES, 2u << 20) }, STK_OUT_CRASH,
		    "0x8" },
		{ 0, -SIGSEGV, 0, 0, 0, { READY, AT(SIGSEGV, 0x10000, ENOMEM, 1) }, STK_OUT_CRASH,
		    "0x10000" },
		{ 0, -SIGFPE, 0, 0, 0, { READY, AT(SIGFPE, 0, ENOMEM, 1) }, STK_OUT_CRASH, "" },
		{ 0, -SIGABRT, 0, 0, 0, { READY, AT(SIGSEGV, 0, ENOMEM, 1) }, STK_OUT_ABORT, "" },
		/* faults */
		{ 0, -SIGSEGV, 0, 0, 0, { READY, .has_fault = true, .fault = { .near_sp = 1 } },
		    STK_OUT_STACK_OVERFLOW, "8 MiB" },
		{ 0, -SIGSEGV, 0, 0, 0, { READY, .has_fault = true, .fault = { .addr = 16 } },
		    STK_OUT_CRASH, "0x10" },
		{ 0, -SIGSEGV, 0, 0, 0, { READY, HERE(SIGSEGV, 0, 1) }, STK_OUT_CRASH,
		    "SIGSEGV at 0x10 in stockade-cage+0x1234" },
		{ 0, -SIGSEGV, 0, 0, 0, { READY, HERE(SIGSEGV, 1, 0) }, STK_OUT_CRASH,
		    "SIGSEGV at 0x10 in a library that was called from stockade-cage+0x5678" },
		/* a record of another signal is not of this death */
		{ 0, -SIGSEGV, 0, 0, 0, { READY, HERE(SIGBUS, 0, 1) }, STK_OUT_CRASH,
		    "SIGSEGV at 0x10" },
		{ 0, -SIGABRT, 0, 0, 0, { READY, HERE(SIGABRT, 1, 0) }, STK_OUT_ABORT,
		    "libc did, in a library that was called from stockade-cage+0x5678" },
		{ 0, -SIGBUS, 0, 0, 0, { READY }, STK_OUT_CRASH, "SIGBUS" },
		{ 0, -SIGFPE, 0, 0, 0, { READY, .has_fault = true, .fault = { .near_sp = 1 } },
		    STK_OUT_CRASH, "SIGFPE" },
		{ 0, -SIGABRT, 0, 0, 0, { READY }, STK_OUT_ABORT, "" },
		/* an int3 between two functions, a pipe that nobody reads: its own doing too */
		{ 0, -SIGTRAP, 0, 0, 0, { READY }, STK_OUT_CRASH, "SIGTRAP" },
		{ 0, -SIGPIPE, 0, 0, 0, { READY }, STK_OUT_CRASH, "SIGPIPE" },
		/* outside hands; without threads no job can send that one */
		{ 0, -32, 0, 0, 0, { READY }, STK_OUT_KILLED_EXTERNALLY, "SIGCANCEL" },
		{ 0, -SIGKILL, 0, 0, 1, { READY }, STK_OUT_OOM_KILLED, "64 MiB" },
		{ 0, -SIGKILL, 0, 0, 0, { READY }, STK_OUT_KILLED_EXTERNALLY, "SIGKILL" },
		{ 0, -SIGTERM, 0, 0, 1, { READY }, STK_OUT_KILLED_EXTERNALLY, "SIGTERM" },
		/* exits */
		{ 0, 7, 0, 0, 0, { RESULT(STK_RESULT_DONE) }, STK_OUT_NON_ZERO_EXIT,
		    "exited with 7" },
		{ 0, 0, 0, 0, 0, { READY }, STK_OUT_NO_RESULT, "" },
		{ 0, 0, 0, 0, 0, { READY, .have = 3 }, STK_OUT_REPORT_MALFORMED, "middle" },
		{ 0, 0, 0, 0, 0, { RESULT(STK_RESULT_DONE) }, STK_OUT_DONE, "" },
		{ 0, 0, 0, 0, 0, { RESULT(STK_RESULT_SKIP) }, STK_OUT_SKIPPED, "" },
		{ 0, 0, 0, 0, 0, { RESULT(STK_RESULT_RETRY) }, STK_OUT_RETRY_ASKED, "in 0 ms" },
		{ 0, 0, 0, 0, 0, { RESULT(STK_RESULT_FAIL) }, STK_OUT_FAILED, "(no message)" },
		{ 0, 0, 0, 0, 0, { RESULT(STK_RESULT_FAIL_FOR_GOOD) }, STK_OUT_FAILED_FOR_GOOD,
		    "(no message)" },
		{ 0, 0, 0, 0, 0, { RESULT(STK_RESULT_ARGS_JSON) }, STK_OUT_ARGS_JSON, "" },
		{ 0, 0, 0, 0, 0, { RESULT(STK_RESULT_ARGS_SCHEMA) }, STK_OUT_ARGS_SCHEMA, "" },
	};
	bool seen[STK_OUT_COUNT] = { false };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(all); i++) {
		struct stk_outcome o = { .pid = 1,
			.status = all[i].status,
			.cpu_ms = all[i].cpu_ms,
			.maxrss_kib = all[i].maxrss_kib };
		struct stk_end e = { .kill = all[i].kill,
			.class_desc = &pure,
			.limits = &limits,
			.report = &all[i].report,
			.oom_kills = all[i].oom_kills };

		stk_verdict(&e, &o);
		if (o.name != all[i].name || strstr(o.why, all[i].why) == NULL)
			fail_msg("%zu: %s: %s, not %s: %s", i, stk_outcome_text(o.name), o.why,
			    stk_outcome_text(all[i].name), all[i].why);
		seen[o.name] = true;
		stk_outcome_clear(&o);
	}
	for (int n = 0; n < STK_OUT_COUNT; n++)
		if (!seen[n] && n != STK_OUT_RELEASE_REFUSED) /* worker/release.c names it */
			fail_msg("no end is called %s", stk_outcome_text((enum stk_outcome_name)n));
}

/* Told to raise what does not bind, an operator changes it in vain. */
static void says_whose_limit_it_was(void **state)
{
	static const struct stk_class_desc asks = { .name = "A",
		.ask = { .mem_bytes = 64u << 20,
		    .file_bytes = 2u << 20,
		    .stack_bytes = 8u << 20,
		    .work_bytes = 3u << 20,
		    .wall_ms = 9000,
		    .cpu_s = 7,
		    .output_bytes = 4096,
		    .report_bytes = 8192,
		    .tasks = 5 } };
	static const struct stk_limits less = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	static const struct {
		enum stk_bound which;
		const char *own, *ceiling, *service;
	} all[STK_BOUND_COUNT] = {
		{ STK_BOUND_MEMORY, "raise MEM_MIB, and ceiling.memory where",
		    "ceiling.memory, the class asks for 64 MiB", "LimitAS=" },
		{ STK_BOUND_CPU, "raise CPU_S, and ceiling.cpu where",
		    "ceiling.cpu, the class asks for 7 s", "LimitCPU=" },
		{ STK_BOUND_FILE, "raise FILE_MIB, and ceiling.file where",
		    "ceiling.file, the class asks for 2 MiB", "LimitFSIZE=" },
		{ STK_BOUND_STACK, "raise STACK_MIB, and ceiling.stack where",
		    "ceiling.stack, the class asks for 8 MiB", "LimitSTACK=" },
		{ STK_BOUND_WALL, "raise WALL_MS, and ceiling.wall where",
		    "ceiling.wall, the class asks for 9000 ms", NULL },
		{ STK_BOUND_TASKS, "raise TASKS, and ceiling.tasks where",
		    "ceiling.tasks, the class asks for 5 threads", NULL },
		{ STK_BOUND_WORK, "raise WORK_MIB, and ceiling.work where",
		    "ceiling.work, the class asks for 3 MiB", NULL },
		{ STK_BOUND_OUTPUT, "raise OUTPUT_KIB, and ceiling.output where",
		    "ceiling.output, the class asks for 4 KiB", NULL },
		{ STK_BOUND_REPORT, "raise REPORT_KIB, and ceiling.report where",
		    "ceiling.report, the class asks for 8 KiB", NULL },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(all); i++) {
		const struct stk_end ends[] = { { .class_desc = &asks, .limits = &asks.ask },
			{ .class_desc = &asks, .limits = &less, .granted = &less },
			{ .class_desc = &asks, .limits = &less, .granted = &asks.ask } };
		const char *const want[] = { all[i].own, all[i].ceiling, all[i].service };

		for (size_t j = 0; j < 3 && want[j] != NULL; j++) {
			struct stk_outcome o = { .why = "met" };

			stk_outcome_add_bound(&ends[j], &o, all[i].which);
			if (strncmp(o.why, "met; that is ", 13) != 0 ||
			    strstr(o.why, want[j]) == NULL)
				fail_msg("%s, not %s", o.why, want[j]);
		}
	}
}

static void hands_over_words_and_result(void **state)
{
	uint8_t body[] = "slow{\"a\":1}";
	struct stk_report r = { .ready = true,
		.has_result = true,
		.body = body,
		.result = {
		    .kind = STK_RESULT_FAIL, .code = 9, .message_len = 4, .result_len = 7 } };
	struct stk_outcome o = { .pid = 1 };
	struct stk_end e = { .class_desc = &pure, .limits = &limits, .report = &r };

	(void)state;
	stk_verdict(&e, &o);
	assert_int_equal(o.code, 9);
	assert_string_equal(o.message, "slow");
	assert_string_equal(o.why, "slow");
	assert_int_equal(o.result_len, 7);
	assert_memory_equal(o.result, "{\"a\":1}", 7);
	stk_outcome_clear(&o);
	stk_outcome_clear(&o);
}

static void reads_proc_as_the_kernel_writes_it(void **state)
{
	static const char text[] =
	    "Name:\tx\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000002\n"
	    "CapEff:\t0000000000000001\nCapBnd:\tff\nNoNewPrivs:\t1\nSeccomp:\t2\n"
	    "Seccomp_filters:\t3\n";
	static const char liar[] = "Name:\tNoNewPrivs:\t1\nSeccomp:\t2\n";
	struct stk_cage_proof p;

	(void)state;
	assert_int_equal(stk_procstat_parse(text, &p), STK_OK);
	assert_int_equal(p.caps, 3);
	assert_int_equal(p.no_new_privs, 1);
	assert_int_equal(p.seccomp, 2);
	assert_int_equal(p.filters, 3);
	assert_int_equal(stk_procstat_parse(liar, &p), STK_E_FORMAT);
	assert_int_equal(stk_procstat_parse("", &p), STK_E_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_end_has_its_name),
		cmocka_unit_test(says_whose_limit_it_was),
		cmocka_unit_test(hands_over_words_and_result),
		cmocka_unit_test(reads_proc_as_the_kernel_writes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

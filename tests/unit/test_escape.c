/*
 * test_escape.c - every hostile act, three times looked at: behind the wall it fails the expected
 * way, without the wall the same code succeeds, and the kernel showed the filters on before it
 * began.
 */
#include "tests/harness.h"
#include "tests/lib/stand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The acts themselves, so that the control runs the very same code.
#include "tests/hostile/acts.c"
#include "tests/hostile/find_secret.c"

static struct stk_stand stand;
static char elsewhere[300];
static pid_t tester; /* the control asks from a child, so "parent" has to be fixed before */

/* What the plain process must show: the act came back with success, or it ended it by a signal. */
struct control {
	int (*act)(const struct hostile_args *a);
	int signal; /* 0: exit status 0 */
	int status; /* exit status */
};

struct attack {
	const char *class_name;
	enum stk_outcome_name name;
	const char *why; /* part of the sentence */
	struct control control;
	enum {
		NO_ARG,
		PARENT,
		ELSEWHERE,
		SECONDS,
		LONG_SECONDS,
		DIR_FD
	} arg;
	bool long_limits; /* the class's own wall clock instead of one second */
};

static const struct attack attacks[] = {
	{ "Hostile::ForkBomb", STK_OUT_SYSCALL_DENIED, "Hostile::ForkBomb",
	    { hostile_fork_bomb, 0, 0 }, 0, 0 },
	{ "Hostile::Thread", STK_OUT_SYSCALL_DENIED, "Hostile::Thread", { hostile_thread, 0, 0 }, 0,
	    0 },
	{ "Hostile::Clone3", STK_OUT_FAILED, "Function not implemented", { hostile_clone3, 0, 0 },
	    0, 0 },
	{ "Hostile::Alloc1G", STK_OUT_FAILED, "Cannot allocate memory", { hostile_alloc_1g, 0, 0 },
	    0, 0 },
	{ "Hostile::AllocUnchecked", STK_OUT_MEMORY_LIMIT, "limit of 64 MiB",
	    { hostile_alloc_unchecked, 0, 0 }, 0, 0 },
	{ "Hostile::EndlessLoop", STK_OUT_CPU_LIMIT, "its limit is 1 s",
	    { hostile_endless_loop, 0, 0 }, SECONDS, true },
	{ "Hostile::SleepLong", STK_OUT_WALL_TIMEOUT, "limit is 1000 ms",
	    { hostile_sleep_long, 0, 0 }, 0, 0 },
	{ "Hostile::ReadPasswd", STK_OUT_SYSCALL_DENIED,
	    "openat (class Hostile::ReadPasswd has no files", { hostile_read_passwd, 0, 0 }, 0, 0 },
	{ "Hostile::ReadPasswdGranted", STK_OUT_FAILED, "Permission denied",
	    { hostile_read_passwd_granted, 0, 0 }, 0, 0 },
	{ "Hostile::ReadProcMaps", STK_OUT_FAILED, "Permission denied",
	    { hostile_read_proc_maps, 0, 0 }, 0, 0 },
	{ "Hostile::ReadParentMemory", STK_OUT_FAILED, "Permission denied",
	    { hostile_read_parent_memory, 0, 0 }, PARENT, 0 },
	{ "Hostile::ClimbOut", STK_OUT_FAILED, "Permission denied", { hostile_climb_out, 0, 0 },
	    DIR_FD, 0 },
	{ "Hostile::WriteOutside", STK_OUT_SYSCALL_DENIED,
	    "openat (class Hostile::WriteOutside has no files write grant)",
	    { hostile_write_outside, 0, 0 }, ELSEWHERE, 0 },
	{ "Hostile::WriteElsewhere", STK_OUT_FAILED, "Permission denied",
	    { hostile_write_elsewhere, 0, 0 }, ELSEWHERE, 0 },
	{ "Hostile::FillDisk", STK_OUT_FILE_SIZE_LIMIT, "1048576 bytes",
	    { hostile_fill_disk, 0, 0 }, DIR_FD, 0 },
	{ "Hostile::OpenSocket", STK_OUT_SYSCALL_DENIED,
	    "socket (class Hostile::OpenSocket has no net grant)", { hostile_open_socket, 0, 0 }, 0,
	    0 },
	{ "Hostile::RunShell", STK_OUT_SYSCALL_DENIED,
	    "execve (class Hostile::RunShell has no exec grant)", { hostile_run_shell, 0, 0 }, 0,
	    0 },
	{ "Hostile::OutputFlood", STK_OUT_OUTPUT_LIMIT, "65536 bytes",
	    { hostile_output_flood, 0, 0 }, 0, 0 },
	{ "Hostile::ExitZero", STK_OUT_NO_RESULT, "gave no result", { hostile_exit_zero, 0, 0 }, 0,
	    0 },
	{ "Hostile::ExitSeven", STK_OUT_NON_ZERO_EXIT, "exited with 7",
	    { hostile_exit_seven, 0, 7 }, 0, 0 },
	{ "Hostile::ReportForger", STK_OUT_REPORT_MALFORMED, "no record",
	    { hostile_report_forger, 0, 0 }, 0, 0 },
	{ "Hostile::ReportFlood", STK_OUT_REPORT_FLOOD, "4096 bytes",
	    { hostile_report_flood, 0, 0 }, 0, 0 },
	{ "Hostile::SecondResult", STK_OUT_REPORT_MALFORMED, "no record",
	    { hostile_second_result, 0, 0 }, 0, 0 },
	{ "Hostile::HugeResult", STK_OUT_REPORT_MALFORMED, "no record",
	    { hostile_huge_result, 0, 0 }, 0, 0 },
	{ "Hostile::SecondReady", STK_OUT_REPORT_MALFORMED, "no record",
	    { hostile_second_ready, 0, 0 }, 0, 0 },
	{ "Hostile::Segv", STK_OUT_CRASH, "SIGSEGV at address 0x1000", { hostile_segv, SIGSEGV, 0 },
	    0, 0 },
	{ "Hostile::Abort", STK_OUT_ABORT, "abort()", { hostile_abort, SIGABRT, 0 }, 0, 0 },
	{ "Hostile::Divide", STK_OUT_CRASH, "SIGFPE", { hostile_divide, SIGFPE, 0 }, 0, 0 },
	{ "Hostile::StackOverflow", STK_OUT_STACK_OVERFLOW, "8 MiB",
	    { hostile_stack_overflow, SIGSEGV, 0 }, 0, 0 },
	{ "Hostile::PtraceParent", STK_OUT_SYSCALL_DENIED, "ptrace",
	    { hostile_ptrace_parent, 0, 0 }, PARENT, 0 },
	{ "Hostile::PrlimitParent", STK_OUT_SYSCALL_DENIED, "prlimit64",
	    { hostile_prlimit_parent, 0, 0 }, PARENT, 0 },
	{ "Hostile::KillParent", STK_OUT_SYSCALL_DENIED, "kill", { hostile_kill_parent, 0, 0 },
	    PARENT, 0 },
	{ "Hostile::KillEveryone", STK_OUT_SYSCALL_DENIED, "kill", { hostile_kill_everyone, 0, 0 },
	    0, 0 },
	{ "Hostile::MapCode", STK_OUT_SYSCALL_DENIED, "mmap", { hostile_map_code, 0, 0 }, 0, 0 },
	{ "Hostile::MakeCode", STK_OUT_SYSCALL_DENIED, "mprotect", { hostile_make_code, 0, 0 }, 0,
	    0 },
	{ "Hostile::RaiseLimits", STK_OUT_SYSCALL_DENIED, "prlimit64",
	    { hostile_raise_limits, 0, 0 }, 0, 0 },
	{ "Hostile::BecomeDumpable", STK_OUT_SYSCALL_DENIED, "prctl",
	    { hostile_become_dumpable, 0, 0 }, 0, 0 },
	{ "Hostile::IgnoreSigsys", STK_OUT_SYSCALL_DENIED, "rt_sigaction",
	    { hostile_ignore_sigsys, 0, 0 }, 0, 0 },
	{ "Hostile::NewNamespace", STK_OUT_SYSCALL_DENIED, "unshare",
	    { hostile_new_namespace, 0, 0 }, 0, 0 },
	{ "Hostile::NewSession", STK_OUT_SYSCALL_DENIED, "setsid", { hostile_new_session, 0, 0 }, 0,
	    0 },
	{ "Hostile::MemoryFile", STK_OUT_SYSCALL_DENIED, "memfd_create",
	    { hostile_memory_file, 0, 0 }, 0, 0 },
	{ "Hostile::MoreFilters", STK_OUT_SYSCALL_DENIED, "seccomp", { hostile_more_filters, 0, 0 },
	    0, 0 },
	{ "Hostile::MuteThenTrace", STK_OUT_SYSCALL_DENIED, "which one is not known",
	    { hostile_mute_then_trace, 0, 0 }, 0, 0 },
	{ "Hostile::DoneThenTrace", STK_OUT_SYSCALL_DENIED, "ptrace",
	    { hostile_done_then_trace, 0, 0 }, 0, 0 },
	{ "Hostile::LoopMasked", STK_OUT_CPU_LIMIT, "its limit is 1 s",
	    { hostile_loop_masked, 0, 0 }, LONG_SECONDS, true },
	{ "Hostile::MaskThenTrace", STK_OUT_SYSCALL_DENIED, "which one is not known",
	    { hostile_mask_then_trace, 0, 0 }, 0, 0 },
	{ "Hostile::FindFilesFds", STK_OUT_FAILED, "No such file", { hostile_find_files_fds, 0, 0 },
	    0, 0 },
	{ "Hostile::ReopenPipe", STK_OUT_FAILED, "Permission denied", { hostile_reopen_pipe, 0, 0 },
	    PARENT, 0 },
	{ "Hostile::FindFds", STK_OUT_FAILED, "No such file", { hostile_find_fds, 0, 0 }, 0, 0 },
	{ "Hostile::FindEnvironment", STK_OUT_FAILED, "No such file",
	    { hostile_find_environment, 0, 0 }, 0, 0 },
};

static int up(void **state)
{
	char program[512];
	int pipes[2];

	(void)state;
	tester = getpid();
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(dup2(pipes[1], HOSTILE_PIPE), HOSTILE_PIPE);
	(void)setenv("STOCKADE_CANARY", "planted", 1);
	stand_open(&stand, stand_program("test/hostile-cage", program), NULL);
	(void)snprintf(elsewhere, sizeof(elsewhere), "%s-elsewhere", stand.dir);
	return 0;
}

static int down(void **state)
{
	(void)state;
	stand_close(&stand);
	return 0;
}

static void argument(const struct attack *a, bool control, char *out, size_t size)
{
	static const char *const none = "";

	switch (a->arg) {
	case NO_ARG: (void)snprintf(out, size, "%s", none); break;
	case PARENT: (void)snprintf(out, size, "%d", (int)tester); break;
	case ELSEWHERE: (void)snprintf(out, size, "%s", elsewhere); break;
	case SECONDS: (void)snprintf(out, size, "2"); break;
	case LONG_SECONDS: (void)snprintf(out, size, "3"); break;
	case DIR_FD: (void)snprintf(out, size, "%d", control ? stand.dir_fds[0] : -1); break;
	}
}

/* In the plain child: 1 and 3, where the cage has its pipes, lead nowhere. */
static void be_plain(const struct attack *a)
{
	char text[320];
	struct hostile_args args = { .n = a->arg != NO_ARG, .arg = { text } };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct rlimit no_core = { 0, 0 };

	argument(a, true, text, sizeof(text));
	if (a->arg != DIR_FD && (dup2(null, 1) == -1 || dup2(null, 2) == -1 || dup2(null, 3) == -1))
		_exit(90);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	/* the test library catches what ends the control */
	for (int sig = 1; sig < 32; sig++)
		(void)signal(sig, SIG_DFL);
	_exit(a->control.act(&args) == 0 ? 0 : 91);
}

static void succeeds_without_the_cage(const struct attack *a)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		be_plain(a);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* containers, chroots and hardened kernels forbid that to all: then the cage alone is asked
	 */
	if (a->control.act == hostile_new_namespace && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 91) {
		(void)printf(
		    "ok - the control of %s # SKIP user namespaces are not to be had here\n",
		    a->class_name);
		return;
	}
	if (a->control.signal != 0) {
		if (!WIFSIGNALED(status) || WTERMSIG(status) != a->control.signal)
			fail_msg("control of %s: status %#x", a->class_name, (unsigned)status);
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != a->control.status) {
		fail_msg("control of %s: status %#x", a->class_name, (unsigned)status);
	}
}

static void fails_in_the_cage(const struct attack *a)
{
	int index = stk_class_find(&stand.table, stk_span_str(a->class_name));
	char text[320], args[400] = "[]";
	struct stk_limits limits;
	struct stk_outcome o;

	assert_true(index >= 0);
	limits = stand.table.classes[index].ask;
	if (!a->long_limits)
		limits.wall_ms = 1000;
	stand.limits = &limits;
	argument(a, false, text, sizeof(text));
	if (a->arg == DIR_FD)
		text[0] = '\0';
	if (text[0] != '\0')
		(void)snprintf(args, sizeof(args), "[\"%s\"]", text);
	assert_int_equal(stand_run(&stand, a->class_name, args, &o), STK_OK);
	stand.limits = NULL;
	if (o.name != a->name || strstr(o.why, a->why) == NULL)
		fail_msg("%s: %s: %s (expected %s: ...%s...)", a->class_name,
		    stk_outcome_text(o.name), o.why, stk_outcome_text(a->name), a->why);
	if (!o.started || o.proof.seccomp != 2 || o.proof.filters < 2 ||
	    o.proof.no_new_privs != 1 || o.proof.caps != 0)
		fail_msg("%s: the filters were not seen on", a->class_name);
	stk_outcome_clear(&o);
}

static void every_attack_fails_by_name_and_works_without_the_cage(void **state)
{
	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(attacks); i++) {
		(void)unlink(elsewhere);
		fails_in_the_cage(&attacks[i]);
		(void)unlink(elsewhere);
		succeeds_without_the_cage(&attacks[i]);
	}
	(void)unlink(elsewhere);
}

/* --- raw calls ------------------------------------------------------------------------------- */

/* What no class may do whatever its profile; each as a raw number. */
static const struct raw {
	const char *name;
	long nr;
	unsigned long args[6];
} raws[] = {
	{ "execveat", SYS_execveat, { 0 } },
	{ "setns", SYS_setns, { 0, 0 } },
	{ "mount", SYS_mount, { 0 } },
	{ "chroot", SYS_chroot, { 0 } },
	{ "chdir", SYS_chdir, { 0 } },
	{ "personality", SYS_personality, { 0xffffffff } },
	{ "process_vm_readv", SYS_process_vm_readv, { 1 } },
	{ "process_vm_writev", SYS_process_vm_writev, { 1 } },
	{ "process_madvise", SYS_process_madvise, { 0 } },
	{ "pidfd_open", SYS_pidfd_open, { 1, 0 } },
	{ "pidfd_getfd", SYS_pidfd_getfd, { 3, 0, 0 } },
	{ "pidfd_send_signal", SYS_pidfd_send_signal, { 3, 0, 0, 0 } },
	{ "tgkill", SYS_tgkill, { 1, 1, SIGABRT } },
	{ "tkill", SYS_tkill, { 1, SIGABRT } },
	{ "rt_sigqueueinfo", SYS_rt_sigqueueinfo, { 1, 0, 0 } },
	{ "kcmp", SYS_kcmp, { 1, 1, 0, 0, 0 } },
	{ "setpgid", SYS_setpgid, { 0, 0 } },
	{ "setpriority", SYS_setpriority, { 0, 0, 5 } },
	{ "sched_setscheduler", SYS_sched_setscheduler, { 0, 1, 0 } },
	{ "setuid", SYS_setuid, { 0 } },
	{ "setgroups", SYS_setgroups, { 0, 0 } },
	{ "capset", SYS_capset, { 0, 0 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 1, 0 } },
	{ "io_setup", SYS_io_setup, { 1, 0 } },
	{ "userfaultfd", SYS_userfaultfd, { 0 } },
	{ "bpf", SYS_bpf, { 0 } },
	{ "perf_event_open", SYS_perf_event_open, { 0 } },
	{ "keyctl", SYS_keyctl, { 0, 0 } },
	{ "add_key", SYS_add_key, { 0 } },
	{ "request_key", SYS_request_key, { 0 } },
	{ "splice", SYS_splice, { 0 } },
	{ "vmsplice", SYS_vmsplice, { 1, 0, 0, 0 } },
	{ "tee", SYS_tee, { 0, 1, 0, 0 } },
	{ "pipe2", SYS_pipe2, { 0, 0 } },
	{ "eventfd2", SYS_eventfd2, { 0, 0 } },
	{ "epoll_create1", SYS_epoll_create1, { 0 } },
	{ "inotify_init1", SYS_inotify_init1, { 0 } },
	{ "fanotify_init", SYS_fanotify_init, { 0 } },
	{ "timer_create", SYS_timer_create, { 0 } },
	{ "timerfd_create", SYS_timerfd_create, { 0 } },
	{ "setitimer", SYS_setitimer, { 0 } },
	{ "shmget", SYS_shmget, { 0, 4096, 01600 } },
	{ "msgget", SYS_msgget, { 0 } },
	{ "semget", SYS_semget, { 0, 1, 01600 } },
	{ "mq_open", SYS_mq_open, { 0 } },
	{ "socketpair", SYS_socketpair, { 1, 1, 0, 0 } },
	{ "mlockall", SYS_mlockall, { 1 } },
	{ "remap_file_pages", SYS_remap_file_pages, { 0 } },
	{ "pkey_mprotect", SYS_pkey_mprotect, { 0, 0, 4, -1ul } },
	{ "mmap", SYS_mmap, { 0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1ul, 0 } },
	{ "mmap", SYS_mmap, { 0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1ul, 0 } },
	{ "mmap", SYS_mmap, { 0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1ul, 0 } },
	{ "mprotect", SYS_mprotect, { 0, 0, 1ul << 32 | 1 } },
	{ "madvise", SYS_madvise, { 0, 0, 12 /* MADV_MERGEABLE */ } },
	{ "futex", SYS_futex, { 0, 6 /* FUTEX_LOCK_PI */ } },
	{ "fcntl", SYS_fcntl, { 0, F_SETFL, O_NONBLOCK } },
	{ "fcntl", SYS_fcntl, { 3, 1031 /* F_SETPIPE_SZ */, 1u << 20 } },
	{ "fcntl", SYS_fcntl, { 0, F_SETOWN, 1 } },
	{ "fcntl", SYS_fcntl, { 0, F_SETLK, 0 } },
	{ "flock", SYS_flock, { 0, 2 } },
	{ "prlimit64", SYS_prlimit64, { 1ul << 32, 7, 0, 0 } },
	{ "prctl", SYS_prctl, { PR_SET_NAME, 0 } },
	{ "prctl", SYS_prctl, { PR_SET_PDEATHSIG, 0 } },
	{ "prctl", SYS_prctl, { PR_SET_MM, 0 } },
	{ "rt_sigaction", SYS_rt_sigaction, { SIGSEGV, 0, 0, 8 } },
	{ "sigaltstack", SYS_sigaltstack, { 0, 0 } },
	{ "landlock_restrict_self", SYS_landlock_restrict_self, { -1ul, 0 } },
	{ "close_range", SYS_close_range, { 60, 60, 0 } },
	{ "dup3", SYS_dup3, { 0, 9, 0 } },
	{ "recvmsg", SYS_recvmsg, { 3, 0, 0 } },
	{ "fchmod", SYS_fchmod, { 0, 0777 } },
	{ "fchmodat", SYS_fchmodat, { 0, 0, 0777 } },
	{ "symlinkat", SYS_symlinkat, { 0, 0, 0 } },
	{ "linkat", SYS_linkat, { 0 } },
	{ "mkdirat", SYS_mkdirat, { 0, 0, 0 } },
	{ "mknodat", SYS_mknodat, { 0, 0, 0, 0 } },
	{ "truncate", SYS_truncate, { 0, 0 } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { 0 } },
	{ "openat2", SYS_openat2, { 0 } },
	{ "setxattr", SYS_setxattr, { 0 } },
	{ "syslog", SYS_syslog, { 3, 0, 0 } },
};

static int reaches_the_kernel(const struct raw *r)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		for (int sig = 1; sig < 32; sig++)
			(void)signal(sig, SIG_DFL);
		(void)syscall(
		    r->nr, r->args[0], r->args[1], r->args[2], r->args[3], r->args[4], r->args[5]);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void raw_calls_are_denied_by_name_in_every_profile(void **state)
{
	static const char *const classes[] = { "Hostile::Call", "Hostile::CallReading",
		"Hostile::CallWriting" };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(raws); i++) {
		const struct raw *r = &raws[i];
		char args[256];

		(void)snprintf(args, sizeof(args),
		    "[\"%ld\",\"%lu\",\"%lu\",\"%lu\",\"%lu\",\"%lu\",\"%lu\"]", r->nr, r->args[0],
		    r->args[1], r->args[2], r->args[3], r->args[4], r->args[5]);
		if (!reaches_the_kernel(r))
			fail_msg("control of %s %lx", r->name, r->args[1]);
		for (size_t c = 0; c < STK_ARRAY_LEN(classes); c++) {
			struct stk_outcome o;

			assert_int_equal(stand_run(&stand, classes[c], args, &o), STK_OK);
			if (o.name != STK_OUT_SYSCALL_DENIED || o.status != -SIGSYS ||
			    strncmp(o.why, r->name, strlen(r->name)) != 0 || o.proof.filters < 2)
				fail_msg("%s (%lx, %lx) in %s: %s: %s", r->name, r->args[0],
				    r->args[1], classes[c], stk_outcome_text(o.name), o.why);
			stk_outcome_clear(&o);
		}
	}
}

/* --- secrets ---------------------------------------------------------------------------------- */

static int look_for(const char *masked, const char *where)
{
	struct hostile_args args = { .n = 2, .arg = { masked, where } };
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(hostile_find_secret(&args) == 0 ? 0 : 1);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Planted after the nursery was forked, where a worker has its password: heap, memfd, environment.
 */
static void a_planted_secret_is_found_only_without_the_cage(void **state)
{
	static const char *const places[] = { "memory", "fds", "proc" };
	unsigned char *secret = malloc(KEY_LEN), masked[KEY_LEN];
	char hex_text[2 * KEY_LEN + 1], args[128];
	int fd = memfd_create("secret", 0);

	(void)state;
	assert_non_null(secret);
	for (size_t i = 0; i < KEY_LEN; i++) {
		assert_int_equal(getrandom(&secret[i], 1, 0), 1);
		secret[i] =
		    (unsigned char)('a' + secret[i] % 26); /* so that it can be a command name */
		masked[i] = secret[i] ^ 0x5a;
	}
	stk_hex(masked, KEY_LEN, hex_text);
	assert_int_equal(pwrite(fd, secret, KEY_LEN, 0), KEY_LEN);
	assert_int_equal(look_for(hex_text, "memory"), 0);
	assert_int_equal(look_for(hex_text, "fds"), 0);
	for (size_t i = 0; i < STK_ARRAY_LEN(places); i++) {
		struct stk_outcome o;

		(void)snprintf(args, sizeof(args), "[\"%s\",\"%s\"]", hex_text, places[i]);
		assert_int_equal(stand_run(&stand, "Hostile::FindSecret", args, &o), STK_OK);
		if (o.name != STK_OUT_FAILED || strstr(o.why, "No such file") == NULL)
			fail_msg("%s: %s: %s", places[i], stk_outcome_text(o.name), o.why);
		stk_outcome_clear(&o);
	}
	/* and the search behind the wall is no blind one: what the job was given it does find */
	{
		struct stk_outcome o;

		(void)snprintf(args, sizeof(args), "[\"%s\",\"memory\",\"%.*s\"]", hex_text,
		    (int)KEY_LEN, (const char *)secret);
		assert_int_equal(stand_run(&stand, "Hostile::FindSecret", args, &o), STK_OK);
		assert_int_equal(o.name, STK_OUT_DONE);
		stk_outcome_clear(&o);
	}
	(void)close(fd);
	free(secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attack_fails_by_name_and_works_without_the_cage),
		cmocka_unit_test(raw_calls_are_denied_by_name_in_every_profile),
		cmocka_unit_test(a_planted_secret_is_found_only_without_the_cage),
	};

	return cmocka_run_group_tests(tests, up, down);
}

/*
 * test_profile.c - the table itself: what it may never say, what is refused because libseccomp
 *would weaken it.
 */
#include "sandbox/filter.h"
#include "sandbox/profile.h"
#include "tests/harness.h"
#include "tests/lib/wall.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <linux/audit.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

/* A second opinion, not read from the table: what no row of a class or of the entry may ever allow.
 */
static const int never[] = {
	STK_NR_ptrace,
	STK_NR_process_vm_readv,
	STK_NR_process_vm_writev,
	STK_NR_process_madvise,
	STK_NR_pidfd_getfd,
	STK_NR_kcmp,
	STK_NR_kill,
	STK_NR_rt_sigqueueinfo,
	STK_NR_rt_tgsigqueueinfo,
	STK_NR_pidfd_open,
	STK_NR_pidfd_send_signal,
	STK_NR_bpf,
	STK_NR_perf_event_open,
	STK_NR_userfaultfd,
	STK_NR_keyctl,
	STK_NR_add_key,
	STK_NR_request_key,
	STK_NR_unshare,
	STK_NR_setns,
	STK_NR_mount,
	STK_NR_umount2,
	STK_NR_pivot_root,
	STK_NR_chroot,
	STK_NR_fsopen,
	STK_NR_clone3,
	STK_NR_fork,
	STK_NR_vfork,
	STK_NR_personality,
	STK_NR_ioctl,
	STK_NR_pkey_mprotect,
	STK_NR_remap_file_pages,
	STK_NR_shmat,
	STK_NR_shmget,
	STK_NR_memfd_create,
	STK_NR_memfd_secret,
	STK_NR_setrlimit,
	STK_NR_setsid,
	STK_NR_setpgid,
	STK_NR_setuid,
	STK_NR_setgid,
	STK_NR_setresuid,
	STK_NR_setresgid,
	STK_NR_setgroups,
	STK_NR_sched_setattr,
	STK_NR_sched_setscheduler,
	STK_NR_sched_setaffinity,
	STK_NR_setpriority,
	STK_NR_ioprio_set,
	STK_NR_mlock,
	STK_NR_mlockall,
	STK_NR_mbind,
	STK_NR_timer_create,
	STK_NR_alarm,
	STK_NR_setitimer,
	STK_NR_vmsplice,
	STK_NR_splice,
	STK_NR_tee,
	STK_NR_sendfile,
	STK_NR_name_to_handle_at,
	STK_NR_open_by_handle_at,
	STK_NR_mknod,
	STK_NR_mknodat,
	STK_NR_symlink,
	STK_NR_symlinkat,
	STK_NR_link,
	STK_NR_linkat,
	STK_NR_chmod,
	STK_NR_fchmod,
	STK_NR_fchmodat,
	STK_NR_fchmodat2,
	STK_NR_chown,
	STK_NR_fchown,
	STK_NR_fchownat,
	STK_NR_utimensat,
	STK_NR_setxattr,
	STK_NR_fsetxattr,
	STK_NR_truncate,
	STK_NR_inotify_init1,
	STK_NR_fanotify_init,
	STK_NR_syslog,
	STK_NR_reboot,
	STK_NR_kexec_load,
	STK_NR_init_module,
	STK_NR_finit_module,
	STK_NR_acct,
	STK_NR_swapon,
	STK_NR_quotactl,
	STK_NR_modify_ldt,
	STK_NR_arch_prctl,
	STK_NR_io_setup,
	STK_NR_io_submit,
	STK_NR_io_uring_setup,
	STK_NR_io_uring_enter,
	STK_NR_io_uring_register,
	STK_NR_socket,
	STK_NR_socketpair,
	STK_NR_bind,
	STK_NR_listen,
	STK_NR_accept,
	STK_NR_accept4,
	STK_NR_connect,
	STK_NR_execve,
	STK_NR_execveat,
	STK_NR_openat2,
	STK_NR_mq_open,
	STK_NR_msgget,
	STK_NR_semget,
};
/* The list of SECURITY.md, word for word (tests/integration/080-docs.sh); patterns as of a shell.
 */
static const char *const never_named[] = { "ptrace", "process_vm_*", "process_madvise", "pidfd_*",
	"kcmp", "kill", "rt_*sigqueueinfo", "bpf", "perf_event_open", "userfaultfd", "keyctl",
	"add_key", "request_key", "unshare", "setns", "mount", "umount*", "pivot_root", "chroot",
	"fsopen", "fork", "vfork", "clone3", "personality", "modify_ldt", "arch_prctl", "ioctl",
	"pkey_mprotect", "remap_file_pages", "shmget", "shmat", "memfd_*", "mlock*", "mbind",
	"setrlimit", "set*id", "setgroups", "sched_set*", "setpriority", "ioprio_set", "timer_*",
	"timerfd_*", "setitimer", "alarm", "vmsplice", "splice", "tee", "sendfile*", "*_handle_at",
	"mknod*", "symlink*", "link*", "*chmod*", "*chown*", "utime*", "futimesat", "*setxattr*",
	"truncate", "inotify_*", "fanotify_*", "syslog", "reboot", "kexec_*", "*_module", "acct",
	"swapon", "quotactl*", "io_setup", "io_submit", "io_uring_*", "socket", "socketpair",
	"connect", "bind", "listen", "accept*" };
/* And what only the entry may: a handler with one of these could undo its cage or reach its worker.
 */
static const int entry_only[] = { STK_NR_clone, STK_NR_prctl, STK_NR_capset, STK_NR_capget,
	STK_NR_seccomp, STK_NR_rt_sigaction, STK_NR_sigaltstack, STK_NR_landlock_restrict_self,
	STK_NR_close_range, STK_NR_dup3, STK_NR_getppid };
/* The same, but for what a class with a broker's socket is for. */
static const int entry_or_net[] = { STK_NR_recvmsg, STK_NR_sendmsg };

/* What a program needs of them, once its handler's process is another one: it can name no process
 * with these, and what execveat may start is Landlock's to say. */
static const int program_may[] = { STK_NR_arch_prctl, STK_NR_execveat, STK_NR_rt_sigaction,
	STK_NR_sigaltstack, STK_NR_dup3, STK_NR_getppid, STK_NR_prctl };

static bool excepted(int nr, uint32_t row_groups)
{
	bool found = false;

	for (size_t i = 0; i < STK_ARRAY_LEN(program_may); i++)
		found = found || program_may[i] == nr;
	return found && row_groups == STK_PROFILE_PROGRAM;
}

static void no_row_allows(const int *calls, size_t n_calls, uint32_t groups)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);

	for (size_t c = 0; c < n_calls; c++)
		for (size_t i = 0; i < n; i++)
			if (calls[c] >= 0 && rows[i].nr == calls[c] &&
			    !excepted(calls[c], rows[i].groups) && (rows[i].groups & groups) != 0 &&
			    rows[i].action == STK_ROW_ALLOW)
				fail_msg("%s is allowed",
				    stk_syscall_name(stk_syscall_arch(), calls[c]));
}

/* Every call of this machine whose name the page's list covers, also one that nobody thought of. */
static void no_call_of_the_list_is_in_any_row(void **state)
{
	size_t covered[STK_ARRAY_LEN(never_named)] = { 0 };

	(void)state;
	for (int nr = 0; nr < 1024; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);

		for (size_t i = 0; name != NULL && i < STK_ARRAY_LEN(never_named); i++) {
			if (fnmatch(never_named[i], name, 0) != 0)
				continue;
			covered[i]++;
			no_row_allows(
			    &nr, 1, (uint32_t)STK_PROFILE_READY | STK_GROUP_BASE | STK_GROUP_ENTRY);
		}
		free(name);
	}
#ifdef __x86_64__ /* others lack some of them */
	for (size_t i = 0; i < STK_ARRAY_LEN(never_named); i++)
		if (covered[i] == 0)
			fail_msg("%s covers no call", never_named[i]);
#endif
}

static void what_must_never_be_allowed_is_in_no_row(void **state)
{
	uint32_t class = STK_PROFILE_READY | STK_GROUP_BASE;

	(void)state;
	no_row_allows(never, STK_ARRAY_LEN(never), class | STK_GROUP_ENTRY);
	no_row_allows(
	    entry_or_net, STK_ARRAY_LEN(entry_or_net), class & ~(uint32_t)STK_PROFILE_NET);
	no_row_allows(
	    entry_only, STK_ARRAY_LEN(entry_only), class & ~(uint32_t)STK_PROFILE_THREADS);
	/* threads need two calls of the entry's, in their own narrow forms */
	for (size_t i = 0; i < STK_ARRAY_LEN(entry_only); i++)
		if (entry_only[i] != STK_NR_clone && entry_only[i] != STK_NR_rt_sigaction)
			no_row_allows(&entry_only[i], 1, class);
}

static enum stk_verdict_kind of(uint32_t profiles, int nr, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t args[6] = { a, b, c };

	return stk_profile_verdict(profiles | STK_GROUP_BASE, nr, args, 4242).kind;
}

static void threads_may_clone_threads_and_nothing_else(void **state)
{
	static const uint64_t libc[] = { 0x3d0f00, 0x7d0f00 };
	const uint32_t t = STK_PROFILE_THREADS;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(libc); i++) {
		assert_int_equal(of(t, STK_NR_clone, libc[i], 0, 0), STK_VERDICT_ALLOW);
		assert_int_equal(of(0, STK_NR_clone, libc[i], 0, 0), STK_VERDICT_DENY);
		/* every flag more, every flag less, and a signal at its end */
		for (unsigned bit = 0; bit < 64; bit++)
			if (bit != 22)
				assert_int_equal(of(t, STK_NR_clone, libc[i] ^ 1ull << bit, 0, 0),
				    STK_VERDICT_DENY);
	}
	assert_int_equal(of(t, STK_NR_clone, SIGCHLD, 0, 0), STK_VERDICT_DENY);
	assert_int_equal(of(t, STK_NR_clone, CLONE_PARENT | SIGCHLD, 0, 0), STK_VERDICT_DENY);
	assert_int_equal(of(t, STK_NR_clone3, 0, 0, 0), STK_VERDICT_ERRNO);
	for (uint64_t sig = 0; sig < 70; sig++)
		assert_int_equal(of(t, STK_NR_rt_sigaction, sig, 0, 0),
		    sig == 32 || sig == 33 ? STK_VERDICT_ALLOW : STK_VERDICT_DENY);
	assert_int_equal(of(t, STK_NR_tgkill, 4242, 4243, 32), STK_VERDICT_ALLOW);
	assert_int_equal(of(t, STK_NR_tgkill, 4243, 4243, 32), STK_VERDICT_DENY);
	assert_int_equal(of(t, STK_NR_tgkill, 4242, 4243, SIGSYS), STK_VERDICT_DENY);
	assert_int_equal(of(t, STK_NR_tgkill, 4242, 4243, SIGKILL), STK_VERDICT_DENY);
	/* glibc 2.42 guards a stack by MADV_GUARD_INSTALL */
	assert_int_equal(of(t, STK_NR_madvise, 4096, 4096, 102), STK_VERDICT_ALLOW);
	assert_int_equal(of(t, STK_NR_madvise, 4096, 4096, 103), STK_VERDICT_ALLOW);
	assert_int_equal(of(t, STK_NR_madvise, 4096, 4096, 104), STK_VERDICT_DENY);
}

/* What one libc function does by one call on one architecture and by another on the other. */
static void a_libc_function_is_allowed_on_both_architectures_or_on_none(void **state)
{
	static const struct {
		uint32_t profile;
		const char *function;
		int calls[3]; /* -1: not here */
	} functions[] = {
		{ STK_PROFILE_PROGRAM, "pipe", { STK_NR_pipe, STK_NR_pipe2, -1 } },
		{ STK_PROFILE_PROGRAM, "dup2", { STK_NR_dup2, STK_NR_dup3, -1 } },
		{ STK_PROFILE_PROGRAM, "getpgrp", { STK_NR_getpgrp, STK_NR_getpgid, -1 } },
		{ STK_PROFILE_PROGRAM, "select", { STK_NR_select, STK_NR_pselect6, -1 } },
		{ STK_PROFILE_PROGRAM, "poll", { STK_NR_poll, STK_NR_ppoll, -1 } },
		{ STK_PROFILE_NET, "poll", { STK_NR_poll, STK_NR_ppoll, -1 } },
		{ STK_PROFILE_EXEC, "poll", { STK_NR_poll, STK_NR_ppoll, -1 } },
		{ STK_PROFILE_NET, "epoll_wait", { STK_NR_epoll_wait, STK_NR_epoll_pwait, -1 } },
		{ STK_PROFILE_FILES_READ, "open", { STK_NR_open, STK_NR_openat, -1 } },
		{ STK_PROFILE_FILES_READ, "access", { STK_NR_access, STK_NR_faccessat, -1 } },
		{ STK_PROFILE_FILES_READ, "readlink", { STK_NR_readlink, STK_NR_readlinkat, -1 } },
		{ STK_PROFILE_FILES_READ, "stat", { STK_NR_stat, STK_NR_newfstatat, -1 } },
		{ STK_PROFILE_FILES_READ, "lstat", { STK_NR_lstat, STK_NR_newfstatat, -1 } },
		{ STK_PROFILE_FILES_WRITE, "unlink", { STK_NR_unlink, STK_NR_unlinkat, -1 } },
		{ STK_PROFILE_FILES_WRITE, "rename",
		    { STK_NR_rename, STK_NR_renameat, STK_NR_renameat2 } },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(functions); i++)
		for (size_t k = 0; k < STK_ARRAY_LEN(functions[i].calls); k++)
			if (functions[i].calls[k] != -1 &&
			    of(functions[i].profile, functions[i].calls[k], 0, 0, 0) !=
				STK_VERDICT_ALLOW)
				fail_msg("%s() by call %d", functions[i].function,
				    functions[i].calls[k]);
}

/* A third opinion on the numbers: libseccomp's own tables, for both architectures. */
static void the_numbers_are_what_libseccomp_knows(void **state)
{
	static const struct {
		const char *name;
		int x86_64, aarch64;
	} calls[] = {
#define STK_SYSCALL(name, x86_64, aarch64) { #name, x86_64, aarch64 },
#include "sandbox/syscalls.def"
#undef STK_SYSCALL
	};
	size_t known = 0;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(calls); i++) {
		int x = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, calls[i].name);
		int a = seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, calls[i].name);

		/* newer than this libseccomp */
		if (x == __NR_SCMP_ERROR)
			continue;
		known++;
		/* its negative numbers are its own: no such call there */
		if ((x < 0 ? -1 : x) != calls[i].x86_64 || (a < 0 ? -1 : a) != calls[i].aarch64)
			fail_msg("%s: table %d and %d, libseccomp %d and %d", calls[i].name,
			    calls[i].x86_64, calls[i].aarch64, x, a);
	}
	assert_true(known > 350);
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
	const struct stk_arg_rule impossible = { .op = STK_ARG_MASKED, .mask = 3, .value = 4 };
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
	other.args[0] = impossible;
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

static size_t rows_of(uint32_t groups, int nr)
{
	size_t n, found = 0;
	const struct stk_row *rows = stk_profile_rows(&n);

	for (size_t i = 0; i < n; i++)
		found += rows[i].nr == nr && (rows[i].groups & groups) != 0 &&
			 rows[i].action == STK_ROW_ALLOW;
	return found;
}

/* What `stockade policy syscalls` prints is what the filters do. */
static void what_is_listed_is_what_is_allowed(void **state)
{
	uint32_t sum = 0;

	(void)state;
	do {
		for (int nr = 0; nr < stk_profile_nr_end() + 64; nr++) {
			const uint32_t groups = sum | STK_GROUP_BASE;
			uint64_t zero[6] = { 0 }, ones[6], args[6];
			struct stk_call c;
			bool listed = stk_profile_call(groups, nr, &c);
			struct stk_verdict v, w;

			memset(ones, 0xff, sizeof(ones));
			v = stk_profile_verdict(groups, nr, zero, 4242);
			w = stk_profile_verdict(groups, nr, ones, 4242);
			assert_int_equal(listed, c.kind != STK_VERDICT_DENY);
			if (c.kind == STK_VERDICT_ALLOW && c.n_rows == 0)
				assert_true(
				    v.kind == STK_VERDICT_ALLOW && w.kind == STK_VERDICT_ALLOW);
			if (c.kind == STK_VERDICT_ERRNO)
				assert_true(v.kind == c.kind && v.err == c.err && w.err == c.err);
			if (c.kind == STK_VERDICT_DENY)
				assert_true(v.kind == c.kind && w.kind == c.kind);
			for (size_t i = 0; i < c.n_rows; i++) {
				satisfy(c.rows[i], 4242, args);
				assert_int_equal(stk_profile_verdict(groups, nr, args, 4242).kind,
				    STK_VERDICT_ALLOW);
				assert_non_null(c.rows[i]->text);
			}
			/* nothing but twins and narrower rows is left out */
			assert_true(
			    c.n_rows <= rows_of(groups, nr) && c.n_rows < STK_CALL_ROWS_MAX);
			if (rows_of(groups, nr) > 0)
				assert_int_equal(c.kind, STK_VERDICT_ALLOW);
		}
	} while ((sum = next_sum(sum)) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_must_never_be_allowed_is_in_no_row),
		cmocka_unit_test(no_call_of_the_list_is_in_any_row),
		cmocka_unit_test(threads_may_clone_threads_and_nothing_else),
		cmocka_unit_test(a_libc_function_is_allowed_on_both_architectures_or_on_none),
		cmocka_unit_test(the_numbers_are_what_libseccomp_knows),
		cmocka_unit_test(a_table_that_would_be_weakened_is_refused),
		cmocka_unit_test(what_is_listed_is_what_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

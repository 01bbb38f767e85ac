/*
 * test_profile.c - the table itself: what it may never say, what is refused because libseccomp
 * would weaken it, and the names a denial gets from it.
 */
#include "sandbox/filter.h"
#include "sandbox/profile.h"
#include "tests/harness.h"

#include <fcntl.h>
#include <linux/audit.h>
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
/* And what only the entry may: a handler with one of these could undo its cage or reach its worker.
 */
static const int entry_only[] = { STK_NR_clone, STK_NR_prctl, STK_NR_capset, STK_NR_capget,
	STK_NR_seccomp, STK_NR_rt_sigaction, STK_NR_sigaltstack, STK_NR_recvmsg, STK_NR_sendmsg,
	STK_NR_landlock_restrict_self, STK_NR_close_range, STK_NR_dup3, STK_NR_getppid };

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

static void what_must_never_be_allowed_is_in_no_row(void **state)
{
	uint32_t class = STK_PROFILE_READY | STK_GROUP_BASE;

	(void)state;
	no_row_allows(never, STK_ARRAY_LEN(never), class | STK_GROUP_ENTRY);
	no_row_allows(entry_only, STK_ARRAY_LEN(entry_only), class);
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

static void denials_are_named(void **state)
{
	uint64_t read_only[6] = { 0 }, create[6] = { 0, 0, O_WRONLY | O_CREAT, 0600 },
		 none[6] = { 0 };
	uint64_t thread[6] = { 0x3d0f00 };
	uint32_t arch = stk_syscall_arch();

	(void)state;
	assert_string_equal(stk_syscall_name(arch, STK_NR_openat), "openat");
	assert_string_equal(stk_syscall_name(arch, SYS_execve), "execve");
	assert_null(stk_syscall_name(arch, -1));
	assert_null(stk_syscall_name(arch, 100000));
	assert_null(stk_syscall_name(AUDIT_ARCH_I386, 1));
	assert_string_equal(stk_syscall_missing_grant(SYS_openat, read_only, 0), "files read");
	assert_string_equal(stk_syscall_missing_grant(SYS_openat, create, 0), "files write");
	assert_string_equal(
	    stk_syscall_missing_grant(SYS_openat, create, STK_PROFILE_FILES_READ), "files write");
	assert_string_equal(stk_syscall_missing_grant(SYS_socket, none, 0), "net");
	assert_string_equal(stk_syscall_missing_grant(SYS_execve, none, 0), "exec");
	assert_string_equal(stk_syscall_missing_grant(SYS_clone, thread, 0), "threads");
	assert_null(stk_syscall_missing_grant(SYS_clone, none, 0));
	assert_null(stk_syscall_missing_grant(SYS_ptrace, none, 0));
	assert_null(stk_syscall_missing_grant(-1, none, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_must_never_be_allowed_is_in_no_row),
		cmocka_unit_test(a_table_that_would_be_weakened_is_refused),
		cmocka_unit_test(denials_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

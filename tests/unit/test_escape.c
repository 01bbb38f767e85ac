/*
 * test_escape.c - what holds whatever a class is granted: calls that no profile has, each denied by
 * name in each of them, and a secret that a search of everything a job can reach does not find.
 * Every other attack is a row of tests/escape/attacks.def.
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

// The act itself, so that the control runs the very same code.
#include "tests/hostile/find_secret.c"

char hostile_tried[160];

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
	{ "flock", SYS_flock, { 0, 2 | 4 /* LOCK_NB: others may hold it */ } },
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
		cmocka_unit_test(raw_calls_are_denied_by_name_in_every_profile),
		cmocka_unit_test(a_planted_secret_is_found_only_without_the_cage),
	};

	return cmocka_run_group_tests(tests, up, down);
}

/*
 * test_filter_kernel.c - the filters in the real kernel, in forked children: every call number,
 * then the things that matter one by one, each with a control that shows what happens without the
 * wall.
 */
#include "sandbox/filter.h"
#include "sandbox/profile.h"
#include "tests/harness.h"
#include "tests/lib/child.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_END (STK_NR_file_setattr + 64)

static void satisfy(const struct stk_row *r, uint64_t args[6])
{
	memset(args, 0, 6 * sizeof(args[0]));
	for (size_t j = 0; j < stk_row_n_args(r); j++)
		args[r->args[j].arg] = r->args[j].op == STK_ARG_SELF ? 0 : r->args[j].value;
}

enum wall {
	WALL_NONE,
	WALL_BIG,
	WALL_BOTH,
	WALL_WORKER
};

struct scene {
	enum wall wall;
	uint32_t profiles;
	int (*act)(const void *);
	const void *arg;
};

/* Exit codes of its own for a wall that could not be built, so that no test takes it for a denial.
 */
static int enter_and_act(const void *arg)
{
	const struct scene *s = arg;
	struct stk_bpf big = { 0 }, tiny = { 0 };
	bool caged = s->wall == WALL_BIG || s->wall == WALL_BOTH;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 200;
	if (caged && stk_filter_big_build(s->profiles, &big) != STK_OK)
		return 201;
	if (s->wall == WALL_BOTH && stk_filter_tiny_build(s->profiles, &tiny) != STK_OK)
		return 202;
	if (s->wall == WALL_WORKER && stk_filter_worker_build(&big) != STK_OK)
		return 203;
	if (big.len > 0 && stk_filter_install(&big) != STK_OK)
		return 204;
	if (tiny.len > 0 && stk_filter_tiny_install(&tiny, getpid()) != STK_OK)
		return 205;
	return s->act(s->arg);
}

static int behind(enum wall w, uint32_t profiles, int (*act)(const void *), const void *arg)
{
	return in_child(enter_and_act, &(struct scene){ w, profiles, act, arg });
}

/* One raw call: 0 if it succeeded, else its errno. */
struct call {
	long nr;
	uint64_t args[6];
};

static int make_call(const void *arg)
{
	const struct call *c = arg;

	errno = 0;
	return syscall(c->nr, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4],
		   c->args[5]) == -1
		   ? errno
		   : 0;
}

static int calling(enum wall w, uint32_t profiles, struct call c)
{
	return behind(w, profiles, make_call, &c);
}

/* With arguments that the first matching row allows, the kernel must agree with the table. */
static void ask_kernel(uint32_t profiles, int nr)
{
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);
	uint32_t groups = profiles | STK_GROUP_BASE;
	struct call c = { .nr = nr };

	for (size_t i = 0; i < n; i++)
		if (rows[i].nr == nr && (rows[i].groups & groups) != 0 &&
		    rows[i].action == STK_ROW_ALLOW && rows[i].args[0].op != STK_ARG_SELF) {
			satisfy(&rows[i], c.args);
			break;
		}

	struct stk_verdict v = stk_profile_verdict(groups, nr, c.args, 0);
	int got = calling(WALL_BOTH, profiles, c);

	/* the kernel passes these two by every filter (since 6.13) and refuses or ends whoever
	 * calls them from anywhere but its own trampoline */
	bool probe = nr >= 0 && (nr == STK_NR_uretprobe || nr == STK_NR_uprobe);

	if (probe && (got == DIED_OF(SIGILL) || got == ENXIO))
		return;
	if (v.kind == STK_VERDICT_DENY)
		assert_int_equal(got, DIED_OF(SIGSYS));
	else if (v.kind == STK_VERDICT_ERRNO)
		assert_int_equal(got, v.err);
	else if (got == DIED_OF(SIGSYS) || got == ENOSYS)
		fail_msg("%s is allowed but ended with %d",
		    stk_syscall_name(stk_syscall_arch(), nr), got);
}

static void the_kernel_agrees_for_every_call_number(void **state)
{
	(void)state;
	for (int nr = 0; nr < NR_END; nr++) {
		ask_kernel(STK_PROFILE_PURE, nr);
		ask_kernel(STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE, nr);
	}
}

static int compute(const void *arg)
{
	char text[64];
	int fds[2];

	memcpy(fds, arg, sizeof(fds));

	FILE *f = fdopen(fds[1], "w");
	char *big = malloc(64u << 20);

	if (f == NULL || big == NULL)
		return 1;
	memset(big, 1, 64u << 20);
	if (fprintf(f, "%d bytes at %ld\n", 64 << 20, (long)getpid()) < 10 || fclose(f) != 0)
		return 2;
	free(big);
	return read(fds[0], text, sizeof(text)) > 10 ? 0 : 3;
}

static void a_pure_job_computes_allocates_and_prints(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(behind(WALL_BOTH, 0, compute, fds), 0);
	close(fds[0]);
	close(fds[1]);
}

static int do_abort(const void *arg)
{
	(void)arg;
	abort();
}

static void abort_is_abort_and_others_cannot_be_signalled(void **state)
{
	uint64_t me = (uint64_t)getpid();

	(void)state;
	assert_int_equal(behind(WALL_BOTH, 0, do_abort, NULL), DIED_OF(SIGABRT));
	assert_int_equal(calling(WALL_BOTH, 0, (struct call){ SYS_tgkill, { me, me, SIGABRT } }),
	    DIED_OF(SIGSYS));
	assert_int_equal(
	    calling(WALL_BOTH, 0, (struct call){ SYS_tkill, { me, SIGABRT } }), DIED_OF(SIGSYS));
	assert_int_equal(
	    calling(WALL_BOTH, 0, (struct call){ SYS_kill, { me, SIGTERM } }), DIED_OF(SIGSYS));
}

static struct rlimit held;

static void limits_can_be_read_never_set_never_of_others(void **state)
{
	uint64_t me = (uint64_t)getpid(), p = (uint64_t)(uintptr_t)&held;
	struct call get = { SYS_prlimit64, { 0, RLIMIT_NOFILE, 0, p } };
	struct call set = { SYS_prlimit64, { 0, RLIMIT_NOFILE, p, 0 } };
	struct call others = { SYS_prlimit64, { me, RLIMIT_NOFILE, 0, p } };

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &held), 0);
	assert_int_equal(calling(WALL_BOTH, 0, get), 0);
	assert_int_equal(calling(WALL_BIG, 0, set), 0);                /* the entry needs it ... */
	assert_int_equal(calling(WALL_BOTH, 0, set), DIED_OF(SIGSYS)); /* ... the handler not */
	assert_int_equal(calling(WALL_BOTH, 0, others), DIED_OF(SIGSYS));
	others.args[2] = p;
	assert_int_equal(calling(WALL_BOTH, 0, others), DIED_OF(SIGSYS));
	assert_int_equal(calling(WALL_NONE, 0, others), 0); /* control: the kernel would do it */
}

static void tricks_with_high_bits_and_other_doors_fail(void **state)
{
	uint64_t high = 1ull << 32;
	struct call mmap_rwx = { SYS_mmap, { 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
					       MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX } };

	(void)state;
	assert_int_equal(calling(WALL_BOTH, 0, (struct call){ SYS_ioctl, { 0, TIOCSTI } }), ENOTTY);
	assert_int_equal(
	    calling(WALL_BOTH, 0, (struct call){ SYS_ioctl, { 0, TIOCSTI | high } }), ENOTTY);
	assert_int_equal(calling(WALL_NONE, 0, mmap_rwx), 0);
	assert_int_equal(calling(WALL_BOTH, 0, mmap_rwx), DIED_OF(SIGSYS));
	mmap_rwx.args[2] = PROT_READ | high;
	assert_int_equal(calling(WALL_BOTH, 0, mmap_rwx), DIED_OF(SIGSYS));
	assert_int_equal(calling(WALL_BOTH, 0, (struct call){ STK_NR_clone3, { 0 } }), ENOSYS);
	assert_int_equal(
	    calling(WALL_BOTH, 0, (struct call){ SYS_seccomp, { 1, 0, 0 } }), DIED_OF(SIGSYS));
	assert_int_equal(calling(WALL_BOTH, 0, (struct call){ SYS_prctl, { PR_SET_DUMPABLE, 1 } }),
	    DIED_OF(SIGSYS));
	/* droppable pages, or a kernel too old for them: never a denial */
	int got = calling(WALL_BOTH, 0,
	    (struct call){ SYS_mmap, { 0, 4096, 3, 0x08 | MAP_ANONYMOUS, UINT64_MAX } });
	assert_true(got == 0 || got == EINVAL || got == EOPNOTSUPP);
#if defined(__x86_64__)
	assert_int_equal(calling(WALL_BOTH, 0, (struct call){ 0x40000000 | SYS_getpid, { 0 } }),
	    DIED_OF(SIGSYS));
#endif
}

#if defined(__x86_64__)
static int int_0x80(const void *arg)
{
	long rc;

	(void)arg;
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return rc > 0 ? 0 : 1;
}

static void the_32_bit_gate_is_deadly(void **state)
{
	(void)state;
	if (behind(WALL_NONE, 0, int_0x80, NULL) != 0)
		print_message(
		    "# this kernel has no 32-bit gate: it kills with or without a filter\n");
	int got = behind(WALL_BOTH, 0, int_0x80, NULL);
	assert_true(got == DIED_OF(SIGSYS) || got == DIED_OF(SIGSEGV));
}
#endif

static void say_denied(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	_exit(si->si_syscall == SYS_socket && si->si_arch == stk_syscall_arch() ? 7 : 8);
}

static int trap_and_report(const void *arg)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO };
	struct stk_bpf tiny;

	(void)arg;
	sa.sa_sigaction = say_denied;
	if (sigaction(SIGSYS, &sa, NULL) != 0 || stk_filter_tiny_build(0, &tiny) != STK_OK ||
	    stk_filter_tiny_install(&tiny, getpid()) != STK_OK)
		return 1;
	(void)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	return 2;
}

static void a_denied_call_reaches_the_handler_with_its_number(void **state)
{
	(void)state;
	assert_int_equal(behind(WALL_BIG, 0, trap_and_report, NULL), 7);
}

/* --- files -------------------------------------------------------------------------------------
 */

struct place {
	int dir;
};

static int read_a_file(const void *arg)
{
	char buf[64];
	struct stat st;
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	FILE *f = fopen("/etc/passwd", "re");

	(void)arg;
	if (fd == -1 || f == NULL || read(fd, buf, sizeof(buf)) < 1 || fstat(fd, &st) != 0)
		return 1;
	if (fgets(buf, sizeof(buf), f) == NULL || fseek(f, 0, SEEK_SET) != 0)
		return 2;
	if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		return 3;
	return stat("/etc", &st) == 0 ? 0 : 4;
}

static int open_with(const void *arg)
{
	int flags;

	memcpy(&flags, arg, sizeof(flags));
	return open("/dev/null", flags, 0600) == -1 ? errno : 0;
}

static void files_read_reads_and_nothing_more(void **state)
{
	static const int changes[] = { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, 020000000 };
	int plain = O_RDONLY;

	(void)state;
	assert_int_equal(behind(WALL_BOTH, STK_PROFILE_FILES_READ, read_a_file, NULL), 0);
	assert_int_equal(behind(WALL_BOTH, 0, read_a_file, NULL), DIED_OF(SIGSYS));
	assert_int_equal(behind(WALL_BOTH, STK_PROFILE_FILES_READ, open_with, &plain), 0);
	for (size_t i = 0; i < STK_ARRAY_LEN(changes); i++)
		assert_int_equal(behind(WALL_BOTH, STK_PROFILE_FILES_READ, open_with, &changes[i]),
		    DIED_OF(SIGSYS));
}

static int write_files(const void *arg)
{
	const struct place *p = arg;
	int fd = openat(p->dir, "a", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, "hello", 5) != 5 || pwrite(fd, "J", 1, 0) != 1)
		return 1;
	if (fsync(fd) != 0 || fdatasync(fd) != 0 || ftruncate(fd, 2) != 0 || close(fd) != 0)
		return 2;
	if (renameat(p->dir, "a", p->dir, "b") != 0 || unlinkat(p->dir, "b", 0) != 0)
		return 3;
	return 0;
}

static int openat_in(const void *arg)
{
	const struct call *c = arg;
	struct place p = { (int)c->nr };

	return openat(p.dir, "x", (int)c->args[0], (mode_t)c->args[1]) == -1 ? errno : 0;
}

static void files_write_writes_without_set_id_or_sly_truncation(void **state)
{
	char name[] = "/tmp/stk-filter-XXXXXX";
	uint32_t both = STK_PROFILE_FILES_READ | STK_PROFILE_FILES_WRITE;

	(void)state;
	assert_non_null(mkdtemp(name));

	struct place p = { open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	struct call plain = { p.dir, { O_RDWR | O_CREAT, 0600 } };
	struct call set_id = { p.dir, { O_RDWR | O_CREAT, 04700 } };
	struct call sly = { p.dir, { O_RDONLY | O_TRUNC } };
	struct call tmp = { p.dir, { O_TMPFILE | O_RDWR, 0600 } };

	assert_int_equal(behind(WALL_BOTH, both, write_files, &p), 0);
	assert_int_equal(
	    behind(WALL_BOTH, STK_PROFILE_FILES_READ, write_files, &p), DIED_OF(SIGSYS));
	assert_int_equal(behind(WALL_BOTH, both, openat_in, &plain), 0);
	assert_int_equal(behind(WALL_NONE, 0, openat_in, &set_id), 0);
	assert_int_equal(behind(WALL_BOTH, both, openat_in, &set_id), DIED_OF(SIGSYS));
	assert_int_equal(behind(WALL_NONE, 0, openat_in, &sly), 0);
	assert_int_equal(behind(WALL_BOTH, both, openat_in, &sly), DIED_OF(SIGSYS));
	assert_int_equal(behind(WALL_BOTH, both, openat_in, &tmp), DIED_OF(SIGSYS));
	assert_int_equal(unlinkat(p.dir, "x", 0), 0);
	close(p.dir);
	assert_int_equal(rmdir(name), 0);
}

/* --- the entry and the worker ------------------------------------------------------------------
 */

static int clone_as_zygote(const void *arg)
{
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	(void)arg;
	if (pid == 0)
		_exit(33);
	return pid > 0 ? 0 : errno;
}

static void the_entry_can_clone_siblings_and_nothing_else(void **state)
{
	int status, seen = 0;

	(void)state;
	assert_int_equal(behind(WALL_BIG, 0, clone_as_zygote, NULL), 0);
	while (waitpid(-1, &status, 0) > 0)
		seen += WIFEXITED(status) && WEXITSTATUS(status) == 33;
	assert_int_equal(seen, 1); /* the sibling is a child of this process */
	assert_int_equal(behind(WALL_BOTH, 0, clone_as_zygote, NULL), DIED_OF(SIGSYS));
	assert_int_equal(
	    calling(WALL_BIG, 0, (struct call){ SYS_clone, { SIGCHLD } }), DIED_OF(SIGSYS));
	assert_int_equal(
	    calling(WALL_BIG, 0, (struct call){ SYS_clone, { CLONE_PARENT | CLONE_VM | SIGCHLD } }),
	    DIED_OF(SIGSYS));
}

static void every_entry_row_works_before_the_tiny_filter_and_not_after(void **state)
{
	size_t n, tried = 0;
	const struct stk_row *rows = stk_profile_rows(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct call c = { .nr = rows[i].nr };

		if ((rows[i].groups & STK_GROUP_ENTRY) == 0 || c.nr < 0 || c.nr == SYS_clone)
			continue;
		satisfy(&rows[i], c.args);
		assert_int_not_equal(calling(WALL_BIG, 0, c), DIED_OF(SIGSYS));
		if (stk_profile_verdict(STK_GROUP_BASE, rows[i].nr, c.args, 0).kind ==
		    STK_VERDICT_DENY)
			assert_int_equal(calling(WALL_BOTH, 0, c), DIED_OF(SIGSYS));
		tried++;
	}
	assert_true(tried >= 20);
}

/* What the row of a worker's call needs so that it returns at once. */
static void ask_kernel_as_worker(int nr)
{
	struct call c = { .nr = nr };
	size_t n;
	const struct stk_row *rows = stk_profile_rows(&n);

	for (size_t i = 0; i < n; i++)
		if (rows[i].nr == nr && (rows[i].groups & STK_GROUP_WORKER) != 0 &&
		    rows[i].args[0].op != STK_ARG_SELF) {
			satisfy(&rows[i], c.args);
			break;
		}
	if (nr == SYS_ppoll)
		c.args[2] = 1; /* a timeout that cannot be read instead of for ever */

	struct stk_verdict v = stk_profile_verdict(STK_GROUP_WORKER, nr, c.args, 0);
	int got = calling(WALL_WORKER, 0, c);

	if (v.kind == STK_VERDICT_KILL)
		assert_int_equal(got, DIED_OF(SIGSYS));
	else if (got == DIED_OF(SIGSYS) || (v.kind == STK_VERDICT_ALLOW && got == ENOSYS))
		fail_msg(
		    "%s ended the worker with %d", stk_syscall_name(stk_syscall_arch(), nr), got);
	else if (v.kind == STK_VERDICT_DENY && nr != STK_NR_uretprobe && nr != STK_NR_uprobe)
		assert_int_equal(got, EPERM);
}

static void the_kernel_agrees_with_the_workers_table_for_every_call_number(void **state)
{
	(void)state;
	for (int nr = 0; nr < NR_END; nr++)
		ask_kernel_as_worker(nr);
}

static int act_as_worker(const void *arg)
{
	int fds[2], sockets = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char *mem = malloc(1u << 20);
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	(void)arg;
	if (sockets == -1 || mem == NULL || fd == -1 || pipe2(fds, O_CLOEXEC) != 0)
		return 1;
	if (write(fds[1], "x", 1) != 1 || read(fds[0], mem, 1) != 1 ||
	    fcntl(fds[0], F_SETFL, 0) != 0)
		return 2;
	if (socket(AF_NETLINK, SOCK_RAW, 0) != -1 || errno != EPERM)
		return 3;
	if (kill(getppid(), 0) != -1 || errno != EPERM)
		return 4;

	struct addrinfo hint = { .ai_socktype = SOCK_STREAM }, *found = NULL;

	if (getaddrinfo("localhost", "6379", &hint, &found) != 0)
		return 6;
	freeaddrinfo(found);
	if (open("/tmp/stk-never", O_WRONLY | O_CREAT, 0600) != -1 || errno != EPERM)
		return 5;
	return 0;
}

static void the_worker_works_degrades_and_dies_of_intruders_calls(void **state)
{
	size_t n, deadly = 0;
	const struct stk_row *rows = stk_profile_rows(&n);

	(void)state;
	assert_int_equal(behind(WALL_WORKER, 0, act_as_worker, NULL), 0);
	assert_int_equal(behind(WALL_WORKER, 0, do_abort, NULL), DIED_OF(SIGABRT));
	for (size_t i = 0; i < n; i++) {
		struct call c = { .nr = rows[i].nr };

		if ((rows[i].groups & STK_GROUP_WORKER) == 0 || c.nr < 0)
			continue;
		if (rows[i].action == STK_ROW_KILL) {
			assert_int_equal(calling(WALL_WORKER, 0, c), DIED_OF(SIGSYS));
			deadly++;
		}
	}
	assert_true(deadly > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_agrees_for_every_call_number),
		cmocka_unit_test(a_pure_job_computes_allocates_and_prints),
		cmocka_unit_test(abort_is_abort_and_others_cannot_be_signalled),
		cmocka_unit_test(limits_can_be_read_never_set_never_of_others),
		cmocka_unit_test(tricks_with_high_bits_and_other_doors_fail),
#if defined(__x86_64__)
		cmocka_unit_test(the_32_bit_gate_is_deadly),
#endif
		cmocka_unit_test(a_denied_call_reaches_the_handler_with_its_number),
		cmocka_unit_test(files_read_reads_and_nothing_more),
		cmocka_unit_test(files_write_writes_without_set_id_or_sly_truncation),
		cmocka_unit_test(the_entry_can_clone_siblings_and_nothing_else),
		cmocka_unit_test(every_entry_row_works_before_the_tiny_filter_and_not_after),
		cmocka_unit_test(the_kernel_agrees_with_the_workers_table_for_every_call_number),
		cmocka_unit_test(the_worker_works_degrades_and_dies_of_intruders_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

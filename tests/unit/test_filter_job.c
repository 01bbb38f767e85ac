/*
 * test_filter_job.c - what a job can and cannot do behind both filters, one act at a time, beside
 * controls that show what happens without the wall.
 */
#include "sandbox/filter.h"
#include "tests/harness.h"
#include "tests/lib/wall.h"

#include <errno.h>
#include <fcntl.h>
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
#include <unistd.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

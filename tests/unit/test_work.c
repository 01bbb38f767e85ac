/*
 * test_work.c - a job's own directory: made, locked, counted, emptied whatever lies in it, swept
 * after a dead worker; and no way out of it from behind the wall.
 */
#include "tests/harness.h"
#include "tests/lib/stand.h"

#include "sandbox/parent.h"
#include "sandbox/work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct stk_stand stand;
static struct stk_work *work;
static char base[300], outside[300];

/* What lies in @path beside the dots; the first name in @name. */
static int entries(const char *path, char name[256])
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && n++ == 0)
			(void)snprintf(name, 256, "%s", e->d_name);
	(void)closedir(d);
	return n;
}

static void own_path(char out[600])
{
	char name[256] = "";

	assert_int_equal(entries(base, name), 1);
	(void)snprintf(out, 600, "%s/%s", base, name);
}

static struct stk_work *open_work(struct stk_work_left *left)
{
	struct stk_work *w;
	const char *why;

	if (stk_work_open(base, &w, left, &why) != STK_OK)
		fail_msg("%s: %s", why, strerror(errno));
	return w;
}

static int up(void **state)
{
	struct stk_work_left left;
	char program[512];
	int fd;

	(void)state;
	stand_open(&stand, stand_program("test/hostile-cage", program), NULL);
	(void)snprintf(base, sizeof(base), "%s-work", stand.dir);
	(void)snprintf(outside, sizeof(outside), "%s-outside", stand.dir);
	assert_int_equal(mkdir(base, 0700), 0);
	fd = open(outside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(stk_write_all(fd, "precious", 8), STK_OK);
	(void)close(fd);
	work = open_work(&left);
	stk_cage_lend_work(stand.cage, work);
	return 0;
}

static int down(void **state)
{
	char name[256];

	(void)state;
	stand_close(&stand);
	stk_work_close(work);
	assert_int_equal(entries(base, name), 0);
	(void)rmdir(base);
	(void)unlink(outside);
	return 0;
}

static void run(const char *class_name, const char *args, enum stk_outcome_name name,
    const char *why, struct stk_outcome *keep)
{
	char own[600], left[256];
	struct stk_outcome o;

	assert_int_equal(stand_run(&stand, class_name, args, &o), STK_OK);
	if (o.name != name || strstr(o.why, why) == NULL)
		fail_msg("%s %s: %s: %s (expected %s: %s)", class_name, args,
		    stk_outcome_text(o.name), o.why, stk_outcome_text(name), why);
	own_path(own);
	assert_int_equal(entries(own, left), 0); /* whatever happened */
	if (keep != NULL)
		*keep = o;
	stk_outcome_clear(&o);
}

/* --- a job in it ------------------------------------------------------------------------------ */

static void it_is_empty_before_and_after_whatever_happens(void **state)
{
	(void)state;
	run("Hostile::WorkLook", "[]", STK_OUT_DONE, "done", NULL);
	run("Hostile::WorkNames", "[]", STK_OUT_DONE, "done", NULL);
	run("Hostile::WorkLook", "[]", STK_OUT_DONE, "done", NULL);
	run("Hostile::WorkThenCrash", "[]", STK_OUT_ABORT, "abort", NULL);
	run("Hostile::WorkLook", "[]", STK_OUT_DONE, "done", NULL);
	run("Hostile::WorkFill", "[\"200\",\"1\",\"0\"]", STK_OUT_DONE, "done", NULL);
	run("Hostile::WorkLook", "[]", STK_OUT_DONE, "done", NULL);
}

static void more_than_its_quota_is_named(void **state)
{
	struct stk_outcome o;

	(void)state;
	/* found after the end: it was faster than any tick */
	run("Hostile::WorkFill", "[\"3\",\"1000\",\"0\"]", STK_OUT_WORK_QUOTA, "more than 1 MiB",
	    NULL);
	/* many small files are much as well */
	run("Hostile::WorkFill", "[\"3000\",\"0\",\"0\"]", STK_OUT_WORK_QUOTA, "4 KiB at least",
	    NULL);
	/* and while it runs */
	stand.hooks.tick_ms = 20;
	run("Hostile::WorkFill", "[\"3\",\"1000\",\"50\"]", STK_OUT_WORK_QUOTA, "more than 1 MiB",
	    &o);
	stand.hooks.tick_ms = 0;
	assert_int_equal(o.status, -SIGKILL);
	assert_true(o.wall_ms < 40000);
	/* a death of another kind keeps its name */
	run("Hostile::WorkThenCrash", "[]", STK_OUT_ABORT, "abort", NULL);
}

static void there_is_no_way_out(void **state)
{
	static const struct {
		const char *way;
		enum stk_outcome_name name;
		const char *why;
	} ways[] = {
		{ "up", STK_OUT_FAILED, "Permission denied" },
		{ "beside", STK_OUT_FAILED, "Permission denied" },
		{ "rename", STK_OUT_FAILED, "refused" },
		{ "mkdir", STK_OUT_SYSCALL_DENIED, "mkdirat" },
		{ "symlink", STK_OUT_SYSCALL_DENIED, "symlinkat" },
		{ "link", STK_OUT_SYSCALL_DENIED, "linkat" },
		{ "fifo", STK_OUT_SYSCALL_DENIED, "mknod" },
		{ "chmod", STK_OUT_SYSCALL_DENIED, "fchmodat" },
		{ "setid", STK_OUT_SYSCALL_DENIED, "openat" },
		{ "../x", STK_OUT_FAILED, "Invalid argument" },
		{ "..", STK_OUT_FAILED, "Invalid argument" },
	};
	char name[256];

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(ways); i++) {
		char args[64];

		(void)snprintf(args, sizeof(args), "[\"%s\"]", ways[i].way);
		run("Hostile::WorkEscape", args, ways[i].name, ways[i].why, NULL);
		assert_int_equal(entries(base, name), 1);
	}
}

static void a_class_without_one_has_none(void **state)
{
	struct stk_outcome o;

	(void)state;
	stk_cage_lend_work(stand.cage, NULL);
	assert_int_equal(stand_run(&stand, "Hostile::WorkLook", "[]", &o), STK_OK);
	stk_cage_lend_work(stand.cage, work);
	assert_int_equal(o.name, STK_OUT_SANDBOX_UNAVAILABLE);
	assert_non_null(strstr(o.why, "work directory"));
	stk_outcome_clear(&o);
	run("Hostile::FindFds", "[]", STK_OUT_FAILED, "No such file", NULL);
}

/* --- emptying what no job of ours could have left --------------------------------------------- */

static void deep(const char *top, int depth)
{
	int dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < depth; i++) {
		int fd;

		assert_int_equal(mkdirat(dir, "moved-0", 0700), 0);
		fd = openat(dir, "moved-0", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(fd != -1);
		(void)close(openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0000));
		(void)close(dir);
		dir = fd;
	}
	(void)close(dir);
}

static void make_mess(const char *own)
{
	char path[700];

	deep(own, 2000);
	(void)snprintf(path, sizeof(path), "%s/to-a-file", own);
	assert_int_equal(symlink(outside, path), 0);
	(void)snprintf(path, sizeof(path), "%s/to-a-folder", own);
	assert_int_equal(symlink(stand.dir, path), 0);
	(void)snprintf(path, sizeof(path), "%s/hard", own);
	assert_int_equal(link(outside, path), 0);
	(void)snprintf(path, sizeof(path), "%s/pipe", own);
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)snprintf(path, sizeof(path), "%s/closed", own);
	assert_int_equal(mkdir(path, 0700), 0);
	deep(path, 3);
	assert_int_equal(chmod(path, 0000), 0);
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(path, sizeof(path), "%s/n%d", own, i);
		(void)close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
}

static void precious_is_there(void)
{
	char text[16] = "";
	int fd = open(outside, O_RDONLY | O_CLOEXEC);

	assert_int_equal(read(fd, text, sizeof(text)), 8);
	(void)close(fd);
	assert_string_equal(text, "precious");
	assert_int_equal(access(stand.dir, R_OK), 0);
}

static void any_mess_is_removed_in_pieces_and_nothing_else(void **state)
{
	char own[600], name[256];
	int pieces = 1;

	(void)state;
	own_path(own);
	make_mess(own);
	stand_file(&stand, "bystander", "x", 1);
	while (!stk_work_empty(work))
		pieces++;
	assert_int_equal(stk_work_stuck(work), 0);
	assert_true(pieces > 3); /* 9 000 entries, 2 000 at a time: W's beat goes on between */
	assert_int_equal(entries(own, name), 0);
	precious_is_there();
	assert_int_equal(entries(stand.dir, name), 1);
}

static void usage_stops_counting_at_enough(void **state)
{
	char own[600], path[700];
	uint64_t sum, pieces;

	(void)state;
	own_path(own);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(path, sizeof(path), "%s/n%d", own, i);
		(void)close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	assert_int_equal(stk_work_usage(work, UINT64_MAX - 1), 100 * 4096);
	assert_int_equal(stk_work_usage(work, 10000), 3 * 4096);
	/* in pieces: the same sum, and a count that was left begins anew */
	for (int i = 0; i < 9; i++)
		assert_false(stk_work_count(work, 10, UINT64_MAX - 1, &sum));
	stk_work_count_anew(work);
	for (pieces = 1; !stk_work_count(work, 10, UINT64_MAX - 1, &sum); pieces++)
		assert_int_equal(sum, pieces * 10 * 4096);
	assert_int_equal(sum, 100 * 4096);
	assert_in_range(pieces, 10, 11);
	assert_true(stk_work_count(work, 10, 10000, &sum));
	assert_int_equal(sum, 3 * 4096);
	while (!stk_work_empty(work))
		continue;
	assert_int_equal(stk_work_usage(work, 1), 0);
}

/* --- dead and living neighbours --------------------------------------------------------------- */

/* A worker that dies with its directory full. */
/* Every directory answers @err from here on. */
static int unreadable(uint32_t err)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getdents64, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = STK_ARRAY_LEN(insns), .filter = insns };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0
		   ? 0
		   : -1;
}

/* 0 if it says so; the directory has a file of a job's in it. */
static int look_at_the_unreadable(void)
{
	if (stk_work_usage(work, 1u << 20) == UINT64_MAX || unreadable(EIO) == -1)
		return 2;
	if (stk_work_usage(work, 1u << 20) != UINT64_MAX)
		return 3;
	return stk_work_empty(work) && stk_work_stuck(work) == EIO ? 0 : 4;
}

/* Else the next job would find what the last one left. */
static void a_directory_that_cannot_be_read_is_not_an_empty_one(void **state)
{
	char own[600], left[700], name[256];
	int status = 0;
	pid_t pid;

	(void)state;
	own_path(own);
	(void)snprintf(left, sizeof(left), "%s/left", own);
	(void)close(open(left, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	pid = fork();
	if (pid == 0)
		_exit(look_at_the_unreadable());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(entries(own, name) > 0);
	while (!stk_work_empty(work))
		continue;
	assert_int_equal(stk_work_stuck(work), 0);
	assert_int_equal(entries(own, name), 0);
}

static void a_dead_workers_directory_is_swept_a_living_ones_is_not(void **state)
{
	struct stk_work_left left;
	struct stk_work *again;
	char mine[600], path[700], name[256];
	int ready[2], status;
	pid_t pid;
	char c;

	(void)state;
	own_path(mine);
	(void)snprintf(path, sizeof(path), "%s/kept", mine);
	(void)close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct stk_work *theirs;
		const char *why;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (stk_work_open(base, &theirs, &left, &why) != STK_OK)
			_exit(1);
		(void)close(
		    openat(stk_work_fd(theirs), "rubbish", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		if (write(ready[1], "r", 1) == 1)
			(void)pause();
		_exit(2);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(entries(base, name), 2);
	again = open_work(&left); /* both live */
	assert_int_equal(left.swept + left.left, 0);
	assert_int_equal(entries(base, name), 3);
	stk_work_close(again);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	again = open_work(&left);
	assert_int_equal(left.swept, 1);
	assert_int_equal(left.left, 0);
	stk_work_close(again);
	assert_int_equal(entries(base, name), 1);
	assert_int_equal(access(path, F_OK), 0); /* ours was never touched */
	while (!stk_work_empty(work))
		continue;
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void what_is_not_a_workers_is_left_alone(void **state)
{
	struct stk_work_left left;
	struct stk_work *again;
	char path[700];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/somebodys", base);
	assert_int_equal(mkdir(path, 0700), 0);
	again = open_work(&left);
	stk_work_close(again);
	assert_int_equal(rmdir(path), 0);
}

static void a_base_that_others_may_write_is_refused(void **state)
{
	struct stk_work_left left;
	struct stk_work *w;
	const char *why;

	(void)state;
	assert_int_equal(chmod(base, 0777), 0);
	assert_int_equal(stk_work_open(base, &w, &left, &why), STK_E_REFUSED);
	assert_non_null(strstr(why, "chmod 0700"));
	assert_int_equal(chmod(base, 0700), 0);
	assert_int_equal(stk_work_open("/", &w, &left, &why), STK_E_REFUSED);
	assert_non_null(strstr(why, "another user"));
	assert_int_equal(stk_work_open(outside, &w, &left, &why), STK_E_SYSTEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_empty_before_and_after_whatever_happens),
		cmocka_unit_test(more_than_its_quota_is_named),
		cmocka_unit_test(there_is_no_way_out),
		cmocka_unit_test(a_class_without_one_has_none),
		cmocka_unit_test(any_mess_is_removed_in_pieces_and_nothing_else),
		cmocka_unit_test(usage_stops_counting_at_enough),
		cmocka_unit_test(a_directory_that_cannot_be_read_is_not_an_empty_one),
		cmocka_unit_test(a_dead_workers_directory_is_swept_a_living_ones_is_not),
		cmocka_unit_test(what_is_not_a_workers_is_left_alone),
		cmocka_unit_test(a_base_that_others_may_write_is_refused),
	};

	return cmocka_run_group_tests(tests, up, down);
}

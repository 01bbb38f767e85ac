/*
 * test_program.c - the exec profile against a real kernel and real programs: what a program may do,
 * what it may not and how that is named, and that the handler itself can execute nothing.
 */
#include "tests/harness.h"

#include "sandbox/parent.h"
#include "sandbox/program.h"
#include "tests/lib/stand.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct stk_stand stand;

static int open_stand(void **state)
{
	char program[512];

	(void)state;
	stand_open(&stand, stand_program("test/programs-cage", program), NULL);
	stand_file(&stand, "a.txt", "granted\n", 8);
	return 0;
}

static int close_stand(void **state)
{
	(void)state;
	stand_close(&stand);
	return 0;
}

struct run {
	const char *class_name, *args;
	enum stk_outcome_name name;
	const char *why;
};

static const struct run runs[] = {
	/* it runs, is fed, prints, and its status is the handler's to read */
	{ "Programs::Perl", "[\"-e\",\"print uc <STDIN>\"]", STK_OUT_FAILED,
	    "status 0: FROM THE HANDLER" },
	{ "Programs::Perl", "[\"-e\",\"exit 7\"]", STK_OUT_FAILED, "status 7: " },
	{ "Programs::Perl", "[\"-e\",\"kill 'SEGV', $$\"]", STK_OUT_SYSCALL_DENIED, "kill" },
	{ "Programs::Perl", "[\"-e\",\"print @ARGV\",\"a b\",\"$(id)\",\"\"]", STK_OUT_FAILED,
	    "status 0: a b$(id)" },
	{ "Programs::Static", "[\"--version\"]", STK_OUT_FAILED, "status 0: ldconfig (" },
	{ "Programs::Echo", "[]", STK_OUT_DONE, "" },
	{ "Programs::Nothing", "[]", STK_OUT_DONE, "" },
	/* its environment and descriptors are what it needs and nothing else */
	{ "Programs::Perl", "[\"-e\",\"print map { qq($_=$ENV{$_};) } sort keys %ENV\"]",
	    STK_OUT_FAILED, "status 0: LANG=C.UTF-8;PATH=;" },
	{ "Programs::Perl",
	    "[\"-e\",\"for (3..64) { open(my $f, '<&=', $_) and print qq($_;) } print 'end'\"]",
	    STK_OUT_FAILED, "status 0: end" },
	/* files: its libraries, and what the class was granted */
	{ "Programs::PerlFiles", "[\"a.txt\",\"open F, '<', $ARGV[0] or die $!; print <F>\"]",
	    STK_OUT_FAILED, "status 0: granted" },
	{ "Programs::PerlFiles", "[\"../x\",\"1\"]", STK_OUT_FAILED, "no path: Invalid argument" },
	{ "Programs::PerlFiles",
	    "[\"a.txt\",\"open F, '<', '/etc/passwd' or print $!; print <F>\"]", STK_OUT_FAILED,
	    "status 0: Permission denied" },
	{ "Programs::Perl", "[\"-e\",\"open F, '<', '/proc/self/maps' or print $!\"]",
	    STK_OUT_FAILED, "Permission denied" },
	/* nothing else can be executed, and no process made; each denial is named */
	{ "Programs::Perl", "[\"-e\",\"exec {'/bin/true'} 'true'; print $!\"]",
	    STK_OUT_SYSCALL_DENIED, "execve (program /usr/bin/perl of class Programs::Perl)" },
	{ "Programs::Perl", "[\"-e\",\"fork\"]", STK_OUT_SYSCALL_DENIED, "clone (program" },
	{ "Programs::Perl", "[\"-MSocket\",\"-e\",\"socket(S, 2, 1, 0) or print $!\"]",
	    STK_OUT_SYSCALL_DENIED, "socket (program" },
	{ "Programs::Perl", "[\"-e\",\"syscall(101, 16, getppid(), 0, 0)\"]",
	    STK_OUT_SYSCALL_DENIED, "ptrace (program" },
	{ "Programs::ByHand", "[\"/bin/true\"]", STK_OUT_SYSCALL_DENIED,
	    "execve (class Programs::ByHand" },
	/* its loader is not granted unless the class says dynamic */
	{ "Programs::PerlWithoutLibraries", "[\"-e\",\"1\"]", STK_OUT_FAILED, "status 127: " },
	/* limits */
	{ "Programs::Perl", "[\"-e\",\"1 while 1\"]", STK_OUT_CPU_LIMIT, "ended by SIGXCPU" },
	/* who ignores the soft limit meets the hard one */
	{ "Programs::Perl", "[\"-e\",\"$SIG{XCPU}='IGNORE'; 1 while 1\"]", STK_OUT_CPU_LIMIT,
	    "its program /usr/bin/perl was ended by SIGKILL" },
	{ "Programs::Perl", "[\"-e\",\"print STDERR 'x' x 1000 for 1..100\"]", STK_OUT_OUTPUT_LIMIT,
	    "65536 bytes" },
	{ "Programs::SmallRoom", "[\"-e\",\"print 'x' x 100000\"]", STK_OUT_FAILED,
	    "not run: Argument list too long, 8 bytes" },
	{ "Programs::Twice", "[\"--version\"]", STK_OUT_FAILED,
	    "not run: Operation already in progress" },
	{ "Programs::Garbage", "[]", STK_OUT_FAILED, "status 0" },
};

static void programs_run_in_a_cage_of_their_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(runs); i++) {
		const struct run *r = &runs[i];
		struct stk_outcome o;

		assert_int_equal(stand_run(&stand, r->class_name, r->args, &o), STK_OK);
		if (o.name != r->name || strstr(o.why, r->why) == NULL)
			fail_msg("%s %s: %s: %s (expected %s: ...%s...); printed %.*s",
			    r->class_name, r->args, stk_outcome_text(o.name), o.why,
			    stk_outcome_text(r->name), r->why, (int)o.output_tail_len,
			    (const char *)o.output_tail);
		if (!o.started || o.proof.seccomp != 2)
			fail_msg("%s: the filters were not seen on", r->class_name);
		assert_true(o.output_bytes <= (64u << 10) + 1);
		stk_outcome_clear(&o);
	}
}

static void what_cannot_be_executed_is_told_to_the_log(void **state)
{
	struct stk_outcome o;

	(void)state;
	assert_int_equal(stand_run(&stand, "Programs::PerlWithoutLibraries", "[]", &o), STK_OK);
	if (strstr(stand.log, "/usr/bin/perl could not be executed: ") == NULL)
		fail_msg("the log says \"%s\"", stand.log);
	stk_outcome_clear(&o);
}

static int fault_of(const char *path)
{
	struct stk_paths paths = { .at = { { .path = path, .program = true } }, .n = 1 };
	struct stk_path_fds fds;

	assert_int_equal(stk_paths_open(&paths, &fds), STK_OK);
	assert_int_not_equal(fds.fd[0], -1); /* slots are counted: a faulty one is filled too */
	(void)close(fds.fd[0]);
	assert_int_equal(fds.fd[1], -1);
	return fds.fault[0];
}

static void a_program_that_others_may_write_is_refused(void **state)
{
	char path[300];

	(void)state;
	stand_file(&stand, "mine", "#!/bin/sh\n", 10);
	(void)snprintf(path, sizeof(path), "%s/mine", stand.dir);
	assert_int_equal(fault_of(path), STK_PATH_UNSAFE);
	assert_int_equal(fault_of("/bin"), STK_PATH_UNSAFE);
	assert_int_equal(fault_of("/etc/passwd"), EACCES); /* nobody may execute it */
	assert_int_equal(fault_of("/nowhere"), ENOENT);
	assert_int_equal(fault_of("/usr/bin/perl"), 0);
}

/* Its program's slot is filled all the same, or no other program could run beside it. */
static void a_class_whose_program_is_missing_is_refused_and_no_other(void **state)
{
	struct stk_outcome o;

	(void)state;
	assert_int_equal(stand_run(&stand, "Programs::Missing", "[]", &o), STK_OK);
	assert_int_equal(o.name, STK_OUT_SANDBOX_UNAVAILABLE);
	assert_false(o.started);
	if (strstr(o.why, "a program that could not be used") == NULL)
		fail_msg("it says \"%s\"", o.why);
	stk_outcome_clear(&o);
	assert_int_equal(stand_run(&stand, "Programs::Static", "[\"--version\"]", &o), STK_OK);
	assert_int_equal(o.name, STK_OUT_FAILED);
	assert_int_equal(o.code, 1); /* it ran */
	stk_outcome_clear(&o);
}

/* As the OOM killer would, which takes zygotes first. */
static void kill_the_handlers_zygote(void)
{
	for (size_t i = 0; i < stand.cage->n_zygotes; i++) {
		struct stk_zygote *z = &stand.cage->zygotes[i];
		siginfo_t info;

		if (z->child.pid == 0 || (z->profiles & STK_PROFILE_PROGRAM) != 0)
			continue;
		assert_int_equal(kill(z->child.pid, SIGKILL), 0);
		assert_int_equal(waitid(P_PID, (id_t)z->child.pid, &info, WEXITED | WNOWAIT), 0);
	}
}

/* The first program has no job then and is ended; the second was taken for it. */
static void a_second_try_has_a_program_of_its_own(void **state)
{
	struct stk_outcome o;

	(void)state;
	for (int lost = 0; lost < 2; lost++) {
		if (lost == 1)
			kill_the_handlers_zygote();
		assert_int_equal(stand_run(&stand, "Programs::Left", "[]", &o), STK_OK);
		if (o.name != STK_OUT_DONE)
			fail_msg("%s: %s", stk_outcome_text(o.name), o.why);
		stk_outcome_clear(&o);
		assert_int_equal(stand_strangers(&stand), 0);
	}
	kill_the_handlers_zygote();
	assert_int_equal(stand_run(&stand, "Programs::Perl", "[\"-e\",\"fork\"]", &o), STK_OK);
	if (o.name != STK_OUT_SYSCALL_DENIED || strstr(o.why, "clone (program") == NULL)
		fail_msg("%s: %s", stk_outcome_text(o.name), o.why);
	stk_outcome_clear(&o);
	assert_int_equal(stand_strangers(&stand), 0);
}

/* The process for the program: our child, and neither nursery, zygote nor @job. */
static pid_t program_beside(pid_t job)
{
	char path[64], text[1024] = "", *rest = text, *word;
	pid_t found = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd != -1 && read(fd, text, sizeof(text) - 1) > 0);
	(void)close(fd);
	while ((word = strsep(&rest, " ")) != NULL) {
		pid_t pid = (pid_t)atoi(word);
		bool other = pid == 0 || pid == job || pid == stand.cage->nursery.pid;

		for (size_t i = 0; i < stand.cage->n_zygotes; i++)
			other = other || pid == stand.cage->zygotes[i].child.pid;
		if (!other)
			found = pid;
	}
	return found;
}

/* A zygote that names its job's program as the job it cloned is not believed. */
static bool pass_off(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	pid_t program = program_beside(pid);
	struct stk_child child;

	(void)ctx;
	(void)proof;
	assert_true(program > 1);
	assert_int_equal(stk_child_adopt(stand.cage, program, &child), STK_E_REFUSED);
	return true;
}

static void the_program_cannot_be_passed_off_as_a_job(void **state)
{
	struct stk_outcome o;

	(void)state;
	stand.hooks.go = pass_off;
	assert_int_equal(stand_run(&stand, "Programs::Static", "[\"--version\"]", &o), STK_OK);
	stand.hooks.go = NULL;
	assert_int_equal(o.name, STK_OUT_FAILED);
	assert_int_equal(o.code, 1); /* it ran */
	stk_outcome_clear(&o);
}

/* As a runtime that watches its containers by notification: the kernel gives one listener per chain
 * of filters. 0 if the denial was still a denial, without its name. */
static int denied_beside_a_listener(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &allow };
	struct stk_outcome o;
	int failed;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		&program) == -1)
		return 2;
	(void)open_stand(NULL);
	if (stand_run(&stand, "Programs::Perl", "[\"-e\",\"fork\"]", &o) != STK_OK)
		return 3;
	failed = o.name != STK_OUT_SYSCALL_DENIED || strstr(o.why, "is not known") == NULL;
	if (failed)
		(void)fprintf(stderr, "%s: %s\n", stk_outcome_text(o.name), o.why);
	stk_outcome_clear(&o);
	(void)close_stand(NULL);
	return failed;
}

static void without_a_notification_the_denial_stays_and_the_name_is_lost(void **state)
{
	pid_t pid = fork();
	int status = 0;

	(void)state;
	if (pid == 0)
		_exit(denied_beside_a_listener());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* What a zygote sends as its listener may be anything that can be polled: W would look at it
 * without a pause for as long as the job runs, or wait in it for ever. */
static void a_listener_that_tells_nothing_is_let_go(void **state)
{
	struct pollfd at[STK_PROGRAM_SLOTS] = { 0 };
	const short said[] = { POLLIN, POLLHUP, POLLERR };
	struct stk_program p;
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	stk_program_init(&p);
	for (size_t i = 0; i < STK_ARRAY_LEN(said); i++) {
		p.listener = pipes[0];
		at[STK_PROGRAM_DENIED].revents = said[i];
		assert_int_equal(stk_program_step(&p, at), STK_OK);
		assert_int_equal(p.listener, -1);
		assert_false(p.has_denied);
	}
	/* one that is asked and says nothing now stays */
	p.listener = pipes[0];
	at[STK_PROGRAM_DENIED].revents = 0;
	assert_int_equal(stk_program_step(&p, at), STK_OK);
	assert_int_equal(p.listener, pipes[0]);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_run_in_a_cage_of_their_own),
		cmocka_unit_test(what_cannot_be_executed_is_told_to_the_log),
		cmocka_unit_test(a_second_try_has_a_program_of_its_own),
		cmocka_unit_test(the_program_cannot_be_passed_off_as_a_job),
		cmocka_unit_test(a_program_that_others_may_write_is_refused),
		cmocka_unit_test(a_class_whose_program_is_missing_is_refused_and_no_other),
		cmocka_unit_test(without_a_notification_the_denial_stays_and_the_name_is_lost),
		cmocka_unit_test(a_listener_that_tells_nothing_is_let_go),
	};

	return cmocka_run_group_tests(tests, open_stand, close_stand);
}

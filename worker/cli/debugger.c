/*
 * debugger.c - see debugger.h. Whoever may start gdb on a program of their own loses nothing by it;
 * but a handler that was only ever run behind the wall now is not, and that is said first.
 */
#include "worker/cli/debugger.h"

#include "sandbox/bare.h"
#include "worker/cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

#define NO_PROGRAM 127

static void warn(const char *class_name)
{
	(void)fprintf(stderr,
	    "stockade: WARNING: there is no wall now. The handler of %.128s runs as uid %u with\n"
	    "    everything this user may do: files, network, programs. No filter, no limit and "
	    "no\n"
	    "    deadline but a day; stockade_exec and stockade_connect answer as without a "
	    "grant.\n"
	    "    Its arguments were checked. In gdb: break FUNCTION, then run.\n",
	    class_name, (unsigned)geteuid());
}

STK_NORETURN static void become_gdb(const struct stk_bare *b, const char *program)
{
	const struct sigaction plain = { .sa_handler = SIG_DFL };
	const char *own[4];
	char *argv[8] = { (char[]){ "gdb" }, (char[]){ "-q" }, (char[]){ "--args" } };

	stk_bare_argv(b, program, own);
	for (size_t i = 0; i < STK_ARRAY_LEN(own); i++)
		argv[3 + i] = (char *)(uintptr_t)own[i];
	/* the parent ignores both for its own sake; a handler must meet them as they are */
	(void)sigaction(SIGPIPE, &plain, NULL);
	(void)sigaction(SIGXFSZ, &plain, NULL);
	if (stk_bare_place(b) == 0)
		(void)execvp(argv[0], argv);
	_exit(NO_PROGRAM);
}

static int under_gdb(const struct stk_bare *b, const char *program)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		become_gdb(b, program);
	if (pid == -1)
		return stk_complain(STK_EX_OS, "cannot fork: %s", strerror(errno));
	/* an interrupt from the terminal is gdb's */
	(void)sigaction(SIGINT, &ignore, &before);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	(void)sigaction(SIGINT, &before, NULL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM)
		return stk_complain(STK_EX_NOINPUT, "cannot execute gdb; install gdb");
	return 0;
}

static int debug(struct stk_bare *b, const char *program, const struct stk_run_hooks *hooks,
    struct stk_outcome *out)
{
	int code = 0;
	enum stk_err e;

	if (stk_bare_prepare(b, stk_monotonic_ms() + DAY_MS, false) != STK_OK)
		return stk_complain(STK_EX_OS, "cannot prepare the run: %s", strerror(errno));
	if ((code = under_gdb(b, program)) != 0)
		return code;
	e = stk_bare_judge(b, STK_BARE_UNKNOWN, hooks->log, hooks->ctx, out);
	if (e == STK_E_ABSENT)
		return stk_complain(
		    5, "the handler was not let come to its end: there is no result");
	return e == STK_OK ? 0 : stk_complain(STK_EX_OS, "cannot read what the handler reported");
}

int stk_debugger_run(struct stk_cage_setup *setup, const char *program,
    const struct stk_run_request *r, const struct stk_run_hooks *hooks, struct stk_outcome *out)
{
	struct stk_run_request check = *r;
	struct stk_bare b = { .table = &setup->table,
		.r = r,
		.dir_fds = setup->dir_fds,
		.work_fd = r->limits.work_bytes > 0 ? stk_work_fd(setup->work) : -1 };
	int code;

	check.check_only = true;
	check.handed = stk_span_of(NULL, 0);
	if (stk_cage_run(setup->cage, &check, hooks, out) != STK_OK || out->name != STK_OUT_DONE)
		return 0;
	stk_outcome_clear(out);
	warn(setup->table.classes[r->class_index].name);
	code = debug(&b, program, hooks, out);
	stk_bare_clear(&b);
	if (b.work_fd != -1)
		while (!stk_work_empty(setup->work))
			continue;
	return code;
}

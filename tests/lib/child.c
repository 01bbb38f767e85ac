/*
 * child.c - see child.h.
 */
#include "tests/lib/child.h"

#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int in_child(int (*act)(const void *), const void *arg)
{
	static const int deadly[] = { SIGSYS, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct rlimit none = { 0, 0 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
			(void)signal(deadly[i], SIG_DFL);
		(void)setrlimit(RLIMIT_CORE, &none);
		_exit(act(arg));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? DIED_OF(WTERMSIG(status)) : WEXITSTATUS(status);
}

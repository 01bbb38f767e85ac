/*
 * follow.c - see follow.h. Trusts the kernel's word about the parent alone.
 */
#include "sandbox/follow.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The parent may have died before the death signal was set; then nobody would ever send it. */
int stk_follow(pid_t worker)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		return -1;
	if (getppid() != worker) {
		errno = ESRCH;
		return -1;
	}
	return 0;
}

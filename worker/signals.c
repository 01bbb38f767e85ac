/*
 * signals.c - see signals.h.
 */
#include "worker/signals.h"

#include <signal.h>
#include <sys/signalfd.h>

static const int stopping_signals[] = { SIGTERM, SIGINT, SIGQUIT };
static const int passing_signals[] = { SIGUSR1, SIGUSR2, SIGCONT, SIGHUP };

int stk_signals_open(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < STK_ARRAY_LEN(stopping_signals); i++)
		(void)sigaddset(&set, stopping_signals[i]);
	for (size_t i = 0; i < STK_ARRAY_LEN(passing_signals); i++)
		(void)sigaddset(&set, passing_signals[i]);
	(void)sigaddset(&set, SIGCHLD);
	/* whoever reads the log may go away: that ends a line, never a worker */
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool stk_signal_passes(uint32_t sig)
{
	for (size_t i = 0; i < STK_ARRAY_LEN(passing_signals); i++)
		if (sig == (uint32_t)passing_signals[i])
			return true;
	return false;
}

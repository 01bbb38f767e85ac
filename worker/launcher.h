/*
 * launcher.h - L: a copy of S from its first moment that makes workers when S asks.
 *
 * A filter and a Landlock domain are inherited for ever. So whoever forks workers cannot have
 * narrow ones, and S, who decides which worker lives, is not the one who forks: L clones with
 * CLONE_PARENT, S is the true parent of each worker and waits for it. L reads one fixed record at a
 * time from S alone, holds no secret it ever read, and dies with S. The exporter is made the same
 * way.
 */
#ifndef WORKER_LAUNCHER_H
#define WORKER_LAUNCHER_H

#include "worker/supervisor.h"

/* the exporter's: its socket, the supervisor's page, one of each worker */
#define STK_LAUNCHER_FDS_MAX (2 + 256)

struct stk_launcher {
	pid_t pid; /* 0: none */
	int sock;  /* S's end */
};

/*
 * Forks L, which keeps @cage_fd and @password_fd for the workers (borrowed; the caller may close
 * its own afterwards). Before S enters its own walls. STK_E_SYSTEM with errno.
 */
STK_CHECK enum stk_err stk_launcher_fork(const struct stk_config *config, int cage_fd,
    int password_fd, int (*run)(const struct stk_worker_start *), struct stk_launcher *out);

/*
 * Has L make one worker from @start, of which slot, instance, over, again and the two descriptors
 * travel. *@pid is a child of the caller. STK_E_SYSTEM with errno (L could not clone),
 * STK_E_CLOSED or STK_E_TIMEOUT: L is gone or still, and nothing more will come of it.
 */
STK_CHECK enum stk_err stk_launcher_start(
    const struct stk_launcher *l, const struct stk_worker_start *start, pid_t *pid);

/*
 * Has L make an exporter that is given @fds (borrowed): the listening socket and the pages, which L
 * keeps no longer than that. As above; of STK_E_SYSTEM in the middle (ETOOMANYREFS: too many
 * descriptors of this user are on their way) nothing stays with L.
 */
STK_CHECK enum stk_err stk_launcher_export(
    const struct stk_launcher *l, const int *fds, size_t n, pid_t *pid);

/* The log line for it. */
void stk_launcher_log_lost(void);
/* The end of a sentence about a start that failed with @e; static storage. */
const char *stk_launcher_what_now(enum stk_err e);
/* Ends L and reaps it, unless pid is 0. */
void stk_launcher_close(struct stk_launcher *l);

#endif

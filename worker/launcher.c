/*
 * launcher.c - see launcher.h. L's signals are blocked as S's are, and it handles none: S tells it
 * to go by closing the socket, and the kernel kills it with S.
 */
#include "worker/launcher.h"

#include "sandbox/fds.h"
#include "sandbox/follow.h"
#include "sandbox/group.h"
#include "worker/cli/cli.h"
#include "worker/exporter.h"
#include "worker/log.h"
#include "worker/title.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MS 30000 /* a clone; a machine that stands still longer is in other trouble */

enum what {
	A_WORKER,    /* with its ends of the ready pipe and the pulse page */
	AN_EXPORTER, /* with some of its descriptors, of which @left more follow in further messages
		      */
	NEVER_MIND   /* what came so far of an order is to be let go; nothing is answered */
};
/* S -> L */
struct order {
	uint32_t what, left;
	uint32_t slot;
	uint32_t again, has_over;
	uint8_t instance[STK_INSTANCE_BYTES];
	uint8_t over[STK_INSTANCE_BYTES];
};
/* L -> S */
struct born {
	int32_t pid; /* below 0: -errno */
};

struct self {
	const struct stk_config *config;
	int cage_fd, password_fd, sock;
	pid_t supervisor;
	int (*run)(const struct stk_worker_start *);
	int fds[STK_LAUNCHER_FDS_MAX]; /* that came with the order in hand */
	size_t n_fds;
};

STK_NORETURN static void become_worker(struct self *l, const struct order *o, const int fds[2])
{
	struct stk_worker_start start = {
		.config = l->config,
		.cage_fd = l->cage_fd,
		.password_fd = l->password_fd,
		.ready_fd = fds[0],
		.pulse_fd = fds[1],
		.again = o->again != 0,
		.slot = o->slot,
		.has_over = o->has_over != 0,
		.supervisor = l->supervisor,
	};

	(void)prctl(PR_SET_NAME, "stockade", 0, 0, 0);
	stk_close(&l->sock);
	memcpy(start.instance, o->instance, sizeof(start.instance));
	memcpy(start.over, o->over, sizeof(start.over));
	_exit(l->run(&start));
}

/* It has nothing to do with jobs, so what is theirs goes first. */
STK_NORETURN static void become_exporter(struct self *l)
{
	const struct stk_exporter_start start = {
		.config = l->config,
		.supervisor = l->supervisor,
		.fds = l->fds,
		.n_fds = l->n_fds,
	};

	stk_close(&l->sock);
	stk_close(&l->cage_fd);
	stk_close(&l->password_fd);
	_exit(stk_exporter_main(&start));
}

static void let_go(struct self *l)
{
	for (size_t i = 0; i < l->n_fds; i++)
		stk_close(&l->fds[i]);
	l->n_fds = 0;
}

/* One message of an order; false: that was the last of S. */
static bool take(struct self *l, struct order *o)
{
	size_t room = STK_LAUNCHER_FDS_MAX - l->n_fds, n = 0;

	if (stk_fds_recv(l->sock, o, sizeof(*o), l->fds + l->n_fds,
		room < STK_FDS_MAX ? room : STK_FDS_MAX, &n) != STK_OK)
		return false;
	l->n_fds += n;
	return true;
}

static bool serve_one(struct self *l)
{
	struct order o;
	struct born b;
	bool good;

	l->n_fds = 0;
	do
		good = take(l, &o);
	while (good && o.what == AN_EXPORTER && o.left > 0);
	good = good && (o.what != A_WORKER || l->n_fds == 2);
	if (good && o.what != NEVER_MIND) {
		b.pid = (int32_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (b.pid == 0 && o.what == AN_EXPORTER)
			become_exporter(l);
		if (b.pid == 0)
			become_worker(l, &o, l->fds);
		if (b.pid == -1)
			b.pid = -errno;
		good = stk_fds_send(l->sock, &b, sizeof(b), NULL, 0) == STK_OK;
	}
	let_go(l);
	return good;
}

/* First of all, so that every worker is born where it belongs. */
static void leave_group(const struct self *l)
{
	const char *setting = l->config->cgroup;
	const pid_t pids[] = { getpid(), l->supervisor };

	if (strcmp(setting, "off") != 0)
		stk_group_move_in(setting[0] == '/' ? setting : NULL, pids, STK_ARRAY_LEN(pids));
}

enum stk_err stk_launcher_fork(const struct stk_config *config, int cage_fd, int password_fd,
    int (*run)(const struct stk_worker_start *), struct stk_launcher *out)
{
	struct self l = { .config = config,
		.cage_fd = cage_fd,
		.password_fd = password_fd,
		.supervisor = getpid(),
		.run = run };
	int pair[2];

	*out = (struct stk_launcher){ .sock = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return STK_E_SYSTEM;
	out->pid = fork();
	if (out->pid == 0) {
		(void)close(pair[0]);
		l.sock = pair[1];
		if (stk_follow(l.supervisor) == -1)
			_exit(stk_complain(STK_EX_OS,
			    "layer pdeathsig is missing: %s: workers could outlive their "
			    "supervisor",
			    strerror(errno)));
		(void)prctl(PR_SET_NAME, "stockade-launch", 0, 0, 0);
		stk_title_set("Launching");
		leave_group(&l);
		while (serve_one(&l))
			continue;
		_exit(0);
	}
	(void)close(pair[1]);
	out->sock = pair[0];
	if (out->pid != -1)
		return STK_OK;
	out->pid = 0;
	stk_close(&out->sock);
	return STK_E_SYSTEM;
}

/* What came of an order that was sent with @e. */
static enum stk_err hear(const struct stk_launcher *l, enum stk_err e, pid_t *pid)
{
	struct born b;

	/* nothing was sent, as when too many descriptors of this user are on their way: L is well
	 */
	if (e == STK_E_SYSTEM)
		return e;
	if (e == STK_OK)
		e = stk_fds_wait(l->sock, stk_monotonic_ms() + ANSWER_MS);
	if (e == STK_OK)
		e = stk_fds_recv(l->sock, &b, sizeof(b), NULL, 0, NULL);
	if (e != STK_OK)
		return e == STK_E_TIMEOUT ? e : STK_E_CLOSED;
	if (b.pid < 0) {
		errno = -b.pid;
		return STK_E_SYSTEM;
	}
	*pid = b.pid;
	return STK_OK;
}

enum stk_err stk_launcher_start(
    const struct stk_launcher *l, const struct stk_worker_start *start, pid_t *pid)
{
	struct order o = { .what = A_WORKER,
		.slot = start->slot,
		.again = start->again,
		.has_over = start->has_over };
	const int fds[2] = { start->ready_fd, start->pulse_fd };

	memcpy(o.instance, start->instance, sizeof(o.instance));
	memcpy(o.over, start->over, sizeof(o.over));
	return hear(l, stk_fds_send(l->sock, &o, sizeof(o), fds, STK_ARRAY_LEN(fds)), pid);
}

/* Half an order would be taken for part of the next one. Without descriptors, it is not refused for
 * those that are on their way. Keeps errno; false: L is gone. */
static bool call_off(const struct stk_launcher *l)
{
	const struct order o = { .what = NEVER_MIND };
	int why = errno;
	bool heard = stk_fds_send(l->sock, &o, sizeof(o), NULL, 0) == STK_OK;

	errno = why;
	return heard;
}

enum stk_err stk_launcher_export(const struct stk_launcher *l, const int *fds, size_t n, pid_t *pid)
{
	struct order o = { .what = AN_EXPORTER };
	enum stk_err e = n >= 1 && n <= STK_LAUNCHER_FDS_MAX ? STK_OK : STK_E_TOOBIG;

	for (size_t at = 0; e == STK_OK && at < n;) {
		size_t some = n - at < STK_FDS_MAX ? n - at : STK_FDS_MAX;

		o.left = (uint32_t)(n - at - some);
		e = stk_fds_send(l->sock, &o, sizeof(o), fds + at, some);
		if (e == STK_E_SYSTEM && at > 0 && !call_off(l))
			e = STK_E_CLOSED;
		at += some;
	}
	return e == STK_E_TOOBIG ? e : hear(l, e, pid);
}

void stk_launcher_log_lost(void)
{
	(void)stk_log_start(STK_LOG_ERROR, "worker.launcher_lost", "failure",
	    "the process that starts workers is gone: no successor can be made, draining");
	stk_log_end();
}

const char *stk_launcher_what_now(enum stk_err e)
{
	return e == STK_E_SYSTEM ? "; next try in 30 s"
				 : " (the process that starts others is ended for it)";
}

void stk_launcher_close(struct stk_launcher *l)
{
	stk_close(&l->sock);
	if (l->pid == 0)
		return;
	(void)kill(l->pid, SIGKILL);
	while (waitpid(l->pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	l->pid = 0;
}

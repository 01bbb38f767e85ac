/*
 * cage.c - the worker's processes beyond the wall, from the first fork to the last reap. Called by
 * worker/; trusts nothing that comes back: a pid is believed when the kernel knows it as a child.
 */
#include "sandbox/parent.h"
#include "sandbox/program.h"

#include "sandbox/fds.h"
#include "sandbox/limits.h"
#include "sandbox/procstat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Reading a table of at most 256 classes; a cage program that needs longer is not working. */
#define DESCRIBE_MS 10000

static const struct stk_child no_child = { .pid = 0, .pidfd = -1, .sock = -1 };

static int pidfd_open_raw(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool known(const struct stk_cage *c, pid_t pid)
{
	if (pid == c->nursery.pid || pid == c->broker.pid || pid == c->program)
		return true;
	for (size_t i = 0; i < c->n_zygotes; i++)
		if (c->zygotes[i].child.pid == pid)
			return true;
	return false;
}

/* Whether the kernel knows the process of @pidfd as our child; nothing is reaped. */
static enum stk_err ours(int pidfd)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == -1)
		return errno == ECHILD ? STK_E_REFUSED : STK_E_SYSTEM;
	return STK_OK;
}

enum stk_err stk_child_adopt(const struct stk_cage *c, pid_t pid, struct stk_child *out)
{
	enum stk_err e;
	int pidfd;

	*out = no_child;
	if (pid <= 1 || known(c, pid))
		return STK_E_REFUSED;
	pidfd = pidfd_open_raw(pid);
	if (pidfd == -1)
		return STK_E_SYSTEM;
	e = ours(pidfd);
	if (e == STK_OK)
		*out = (struct stk_child){ .pid = pid, .pidfd = pidfd, .sock = -1 };
	else
		stk_close(&pidfd);
	return e;
}

/* Not reaped by us, so still the same process: where a pidfd is refused, its number names it too.
 */
void stk_child_signal(const struct stk_child *child, int sig)
{
	if (syscall(SYS_pidfd_send_signal, child->pidfd, sig, NULL, 0) == -1)
		(void)kill(child->pid, sig);
}

static int64_t tv_ms(struct timeval tv)
{
	return (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

/* The clock that clock_getcpuclockid(3) names, which would first ask whether there is one. */
int64_t stk_child_cpu_ms(const struct stk_child *child)
{
	clockid_t clock = (clockid_t)(~(unsigned)child->pid << 3 | 2);
	struct timespec ts = { .tv_sec = 0 };

	if (child->pid <= 0 || clock_gettime(clock, &ts) == -1)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct stk_last_words stk_child_reap(struct stk_child *child)
{
	struct rusage ru;
	int status = 0;

	memset(&ru, 0, sizeof(ru));
	while (wait4(child->pid, &status, 0, &ru) == -1)
		if (errno != EINTR) {
			status = SIGKILL;
			break;
		}
	stk_close(&child->pidfd);
	return (struct stk_last_words){
		.status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status),
		.cpu_ms = tv_ms(ru.ru_utime) + tv_ms(ru.ru_stime),
		.maxrss_kib = ru.ru_maxrss,
	};
}

int stk_child_end(struct stk_child *child)
{
	int status = 0;

	/* end of file ends M and Z as well, should no signal get through */
	stk_close(&child->sock);
	if (child->pid > 0) {
		stk_child_signal(child, SIGKILL);
		while (waitpid(child->pid, &status, 0) == -1 && errno == EINTR)
			continue;
	}
	stk_close(&child->pidfd);
	*child = no_child;
	return status;
}

/* --- the nursery ------------------------------------------------------------------------------ */

static enum stk_err fork_nursery(
    const struct stk_nursery_options *o, struct stk_cage *c, const char **step)
{
	int pair[2];
	pid_t worker = getpid(), pid;
	enum stk_err e;

	*step = "make the nursery's socket";
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return STK_E_SYSTEM;
	*step = "fork the nursery";
	pid = fork();
	if (pid == 0)
		stk_nursery_main(o, pair[1], worker);
	stk_close(&pair[1]);
	if (pid == -1) {
		stk_close(&pair[0]);
		return STK_E_SYSTEM;
	}
	*step = "watch the nursery";
	e = stk_child_adopt(c, pid, &c->nursery);
	c->nursery.pid = pid;
	c->nursery.sock = pair[0];
	if (e == STK_OK && syscall(SYS_pidfd_send_signal, c->nursery.pidfd, 0, NULL, 0) == -1)
		e = STK_E_SYSTEM;
	return e;
}

enum stk_err stk_nursery_fork(
    const struct stk_nursery_options *o, struct stk_cage **out, const char **step)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN },
			       plain = { .sa_handler = SIG_DFL };
	struct stk_cage *c = calloc(1, sizeof(*c));
	struct stk_cage_proof own;
	enum stk_err e;

	*out = NULL;
	*step = "allocate";
	if (c == NULL)
		return STK_E_NOMEM;
	c->nursery = no_child;
	c->broker = no_child;
	c->has_broker = o->broker_fd != -1;
	c->oom_fd = -1;
	c->landlock = o->landlock;
	c->zygote_jobs = o->zygote_jobs;
	stk_limits_of_service(&c->service);
	c->filters = stk_procstat(getpid(), &own) == STK_OK ? own.filters : -1;
	/* a starter that ignores it hands that on, and then no child leaves a status behind */
	(void)sigaction(SIGCHLD, &plain, NULL);
	if ((e = fork_nursery(o, c, step)) != STK_OK) {
		int saved = errno;

		stk_cage_close(c);
		errno = saved;
		return e;
	}
	/* a child that ends early closes the argument pipe under our hands */
	(void)sigaction(SIGPIPE, &ignore, NULL);
	c->oom_fd = stk_oom_open();
	*out = c;
	return STK_OK;
}

/* --- describe --------------------------------------------------------------------------------- */

/* Reads until end of file, at most @max bytes and until the deadline. */
static enum stk_err read_until(int fd, int64_t deadline_ms, uint8_t *buf, size_t max, size_t *len)
{
	for (*len = 0;;) {
		enum stk_err e = stk_fds_wait(fd, deadline_ms);
		ssize_t n;

		if (e != STK_OK)
			return e;
		n = read(fd, buf + *len, max - *len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? STK_OK : STK_E_SYSTEM;
		*len += (size_t)n;
		if (*len == max)
			return STK_E_TOOBIG;
	}
}

static enum stk_err read_description(int fd, struct stk_class_table *t, const char **why)
{
	size_t max =
	    sizeof(struct stk_desc_header) + STK_CLASSES_MAX * sizeof(struct stk_class_desc) + 1;
	size_t len;
	uint8_t *buf = malloc(max);
	enum stk_err e;

	if (buf == NULL) {
		*why = stk_strerror(STK_E_NOMEM);
		return STK_E_NOMEM;
	}
	e = read_until(fd, stk_monotonic_ms() + DESCRIBE_MS, buf, max, &len);
	if (e == STK_OK)
		e = stk_class_table_parse(buf, len, t, why);
	else
		*why = stk_strerror(e);
	free(buf);
	return e;
}

enum stk_err stk_cage_describe(struct stk_cage *c, struct stk_class_table *t, const char **why)
{
	struct stk_child child = no_child;
	int pipes[2];
	enum stk_err e;

	memset(t, 0, sizeof(*t));
	*why = c->why;
	(void)snprintf(c->why, sizeof(c->why), "no pipe for the description");
	if (pipe2(pipes, O_CLOEXEC) == -1)
		return STK_E_SYSTEM;
	e = stk_birth(c, STK_ROLE_DESCRIBE, 0, pipes[1], &child, c->why);
	stk_close(&pipes[1]);
	if (e == STK_OK)
		e = read_description(pipes[0], t, why);
	(void)stk_child_end(&child);
	stk_close(&pipes[0]);
	return e;
}

void stk_cage_equip(struct stk_cage *c, const struct stk_class_table *t, const int *dir_fds,
    const struct stk_path_fds *path_fds)
{
	c->table = t;
	c->dir_fds = dir_fds;
	c->path_fds = path_fds;
}

void stk_cage_net(struct stk_cage *c, const struct stk_net_terms *t)
{
	c->net = t;
}

void stk_cage_lend_work(struct stk_cage *c, struct stk_work *work)
{
	c->work = work;
}

bool stk_cage_work_full(const struct stk_cage *c, const struct stk_run_request *r)
{
	uint64_t sum, most = r->limits.work_bytes;

	return stk_cage_wants_work(r) && stk_work_count(c->work, STK_WORK_ENTRIES, most, &sum) &&
	       sum > most;
}

void stk_cage_sweep_work(struct stk_cage *c, const struct stk_run_hooks *hooks)
{
	while (c->work != NULL && !stk_work_empty(c->work))
		if (hooks->tick != NULL)
			(void)hooks->tick(hooks->ctx, INT64_MAX);
}

/*
 * A child whose pid a broken zygote never told us: it stands in M's process group, so it can be
 * found there without touching any other child of this process.
 */
static void sweep(pid_t group)
{
	while (group > 0 && waitpid(-group, NULL, WNOHANG) > 0)
		continue;
}

static struct stk_zygote *zygote_of(struct stk_cage *c, pid_t pid)
{
	for (size_t i = 0; i < c->n_zygotes; i++)
		if (c->zygotes[i].child.pid == pid)
			return &c->zygotes[i];
	return NULL;
}

/* M and all that it and its zygotes made stand in M's group; nobody else's child does. */
void stk_cage_bury_strays(struct stk_cage *c)
{
	siginfo_t dead = { 0 };

	while (c->nursery.pid > 0 &&
	       waitid(P_PGID, (id_t)c->nursery.pid, &dead, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       dead.si_pid > 0 && dead.si_pid != c->nursery.pid) {
		struct stk_zygote *z = zygote_of(c, dead.si_pid);

		if (z != NULL)
			stk_zygote_end(z);
		else
			(void)waitpid(dead.si_pid, NULL, WNOHANG);
		dead.si_pid = 0;
	}
}

void stk_cage_close(struct stk_cage *c)
{
	pid_t group;

	if (c == NULL)
		return;
	group = c->nursery.pid;
	for (size_t i = 0; i < c->n_zygotes; i++)
		stk_zygote_end(&c->zygotes[i]);
	(void)stk_child_end(&c->broker);
	(void)stk_child_end(&c->nursery);
	sweep(group);
	stk_close(&c->oom_fd);
	free(c);
}

static bool programs_ready(const struct stk_cage *c, const struct stk_class_desc *d)
{
	struct stk_paths paths;

	return c->path_fds != NULL &&
	       stk_paths_of(c->table->classes, c->table->head.n_classes, &paths) &&
	       stk_paths_faulty(&paths, c->path_fds, d) == STK_PATHS_MAX;
}

const char *stk_cage_request_fault(const struct stk_cage *c, const struct stk_run_request *r)
{
	const struct stk_class_desc *d;

	if (c->table == NULL || r->class_index >= c->table->head.n_classes)
		return "no such class in the table";
	if (r->args.len > STK_ARGS_MAX)
		return "the arguments are larger than their ceiling";
	if (r->handed.len > STK_HANDED_MAX)
		return "the class's secrets and settings are larger than their ceiling";
	d = &c->table->classes[r->class_index];
	if ((d->profiles & STK_PROFILE_NET) != 0 && (!c->has_broker || c->net == NULL))
		return "the class has a net grant and there is no broker program";
	if (d->n_grants > 0 && !c->landlock)
		return "the class has a files grant and Landlock is switched off; layers = { "
		       "landlock_fs = \"require\"; } uses it again";
	if (stk_cage_wants_work(r)) {
		if (c->work == NULL || !c->landlock)
			return "the class has a work directory and there is none, or Landlock is "
			       "switched off";
		/* another try, should it have been a passing trouble */
		if (stk_work_stuck(c->work) != 0 &&
		    (!stk_work_empty(c->work) || stk_work_stuck(c->work) != 0))
			return "WORK_STUCK: what the last job left in the work directory cannot be "
			       "removed; look at it and empty it by hand";
	}
	if ((d->profiles & STK_PROFILE_EXEC) != 0 && !c->landlock)
		return "the class executes a program and Landlock is switched off; layers = { "
		       "landlock_fs = \"require\"; } uses it again";
	if ((d->profiles & STK_PROFILE_EXEC) != 0 && !programs_ready(c, d))
		return "the class executes a program that could not be used at the start; "
		       "`stockade doctor` says why";
	for (uint32_t i = 0; i < d->n_grants; i++)
		if (c->dir_fds == NULL || c->dir_fds[d->grants[i].label_index] == -1)
			return "a directory label of the class is not mapped";
	return NULL;
}

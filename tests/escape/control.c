/*
 * control.c - the same act without the cage, in a plain process of the same user: what the cage
 * stops has to work here, or the row says nothing.
 */
#include "tests/escape/acts.h"
#include "tests/escape/driver.h"

#include "sandbox/procstat.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_REFUSED 91

/* --- a process to aim at --------------------------------------------------------------------- */

STK_NORETURN static void be_decoy(int ready)
{
	int pipes[2];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* where Yama guards processes: this one may be traced by all, as most may elsewhere */
	(void)prctl(0x59616d61, -1, 0, 0, 0);
	/* a pipe where a job has its report pipe */
	if (pipe(pipes) == -1 || write(ready, "x", 1) != 1 || dup2(pipes[0], STK_SLOT_REPORT) == -1)
		_exit(1);
	/* the pipe of readiness may have stood there itself: its end is what the starter waits for
	 */
	if (ready != STK_SLOT_REPORT)
		(void)close(ready);
	for (;;)
		(void)pause();
}

pid_t decoy_start(void)
{
	char c[2];
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		return -1;
	if (pid == 0) {
		(void)close(pipes[0]);
		be_decoy(pipes[1]);
	}
	(void)close(pipes[1]);
	while (read(pipes[0], c, sizeof(c)) > 0)
		continue;
	(void)close(pipes[0]);
	return pid;
}

void decoy_stop(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* --- a namespace of one's own ----------------------------------------------------------------- */

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd != -1 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd != -1)
		(void)close(fd);
	return ok;
}

bool userns_enter(bool as_root)
{
	unsigned uid = getuid(), gid = getgid();
	char map[64];

	if (unshare(CLONE_NEWUSER) == -1)
		return false;
	(void)put("/proc/self/setgroups", "deny");
	(void)snprintf(map, sizeof(map), "%u %u 1", as_root ? 0 : uid, uid);
	if (!put("/proc/self/uid_map", map))
		return false;
	(void)snprintf(map, sizeof(map), "%u %u 1", as_root ? 0 : gid, gid);
	return put("/proc/self/gid_map", map);
}

/* A root of its own, with a mount where a row may want one. */
static bool be_root_of_nothing(const struct attack *a, const struct scene *s)
{
	char path[300];

	if (!userns_enter(true) || unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		return false;
	if (a->arg == ESCAPE_SCRATCH &&
	    mount("x", scene_argument(s, ESCAPE_SCRATCH, path), "tmpfs", 0, NULL) == -1)
		return false;
	return true;
}

/* --- what the acts find in their process ------------------------------------------------------ */

static void put_at(int fd, int slot)
{
	if (fd == -1 || dup2(fd, slot) == -1)
		_exit(90);
	if (fd != slot)
		(void)close(fd);
}

static void place_sockets(void)
{
	int pair[2], pipes[2], port, listener = scene_listener(&port), client;
	char text[16];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 || pipe(pipes) == -1)
		_exit(90);
	if (write(pair[1], "xy", 2) != 2 || write(pipes[1], "x", 1) != 1)
		_exit(90);
	put_at(pair[0], FIX_SOCK);
	put_at(pair[1], FIX_PEER);
	put_at(pipes[0], FIX_PIPE_R);
	put_at(pipes[1], FIX_PIPE_W);
	put_at(listener, FIX_LISTENER);
	put_at(socket(AF_INET, SOCK_STREAM, 0), FIX_TCP);
	put_at(socket(AF_INET, SOCK_STREAM, 0), FIX_TCP2);
	/* somebody who takes what a job may send to its broker, and does not mind */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1 || dup2(pair[0], BROKER) == -1)
		_exit(90);
	put_at(pair[1], FIX_TOP + 1);
	client = socket(AF_INET, SOCK_STREAM, 0);
	(void)snprintf(text, sizeof(text), "%d", port);
	(void)escape_connect_fd(client, text);
}

static void place(const struct scene *s, pid_t decoy)
{
	static const char *const dirs[] = { "inputs", "others", "scratch" };
	char path[300];
	int memfd = (int)syscall(SYS_memfd_create, "x", 2u /* sealing */), null;

	if (ftruncate(memfd, 8192) == -1)
		_exit(90);
	put_at(memfd, FIX_MEMFD);
	put_at(epoll_create1(0), FIX_EPOLL);
	put_at((int)syscall(SYS_pidfd_open, decoy, 0), FIX_PIDFD);
	put_at(open("/bin/sh", O_PATH), FIX_TOP);
	place_sockets();
	for (int i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", s->dir, dirs[i]);
		put_at(open(path, O_PATH | O_DIRECTORY), STK_SLOT_DIRS + i);
	}
	(void)snprintf(path, sizeof(path), "%s/work", s->dir);
	put_at(open(path, O_PATH | O_DIRECTORY), DIR_WORK);
	null = open("/dev/null", O_RDWR);
	for (int slot = 0; slot <= STK_SLOT_ARGS; slot++)
		if (slot != null && dup2(null, slot) == -1)
			_exit(90);
}

STK_NORETURN static void act(const struct attack *a, const struct scene *s, int say)
{
	struct rlimit core;
	struct hostile_args args = { .n = 0 };
	char text[300];
	int err;

	/* no core files of those that are to die; the hard limit is what a row asks for */
	if (getrlimit(RLIMIT_CORE, &core) == 0) {
		core.rlim_cur = 0;
		(void)setrlimit(RLIMIT_CORE, &core);
	}
	args.arg[0] = scene_argument(s, a->arg, text);
	args.n = args.arg[0] != NULL;
	if (a->control == ESCAPE_CTL_USERNS && !be_root_of_nothing(a, s)) {
		(void)!write(say, "n", 1);
		_exit(92);
	}
	place(s, s->worker);
	if (a->act(&args) == 0)
		_exit(0);
	err = errno;
	(void)!write(say, &err, sizeof(err));
	_exit(EXIT_REFUSED);
}

static bool as_told(const struct attack *a, int status)
{
	switch (a->control) {
	case ESCAPE_CTL_OK:
	case ESCAPE_CTL_USERNS: return status == 0;
	case ESCAPE_CTL_DIES: return WIFSIGNALED(status) && WTERMSIG(status) == a->control_value;
	case ESCAPE_CTL_EXITS: return WIFEXITED(status) && WEXITSTATUS(status) == a->control_value;
	case ESCAPE_CTL_REACHES:
		return WIFEXITED(status) &&
		       (WEXITSTATUS(status) == EXIT_REFUSED ||
			   (WEXITSTATUS(status) == 0 && a->reason == ESCAPE_CPU));
	}
	return false;
}

/* In a chroot the kernel gives nobody a user namespace (user_namespaces(7)). */
static bool no_user_namespace(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) == -1 && errno == EPERM ? 1 : 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 1;
}

/* A runtime around us that forbids it to all is no fault of the row; bare machines have no excuse.
 */
static bool excused(const struct attack *a, int err, int status)
{
	struct stk_cage_proof p;
	bool around = stk_procstat(getpid(), &p) != STK_OK || p.seccomp != 0;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 92)
		return true;
	if (strstr(a->name, "Namespace") != NULL && err == EPERM && no_user_namespace())
		return true;
	return around && (err == EPERM || err == ENOSYS || err == EAFNOSUPPORT || err == EACCES);
}

int control_run(const struct attack *a, const struct scene *base, char text[200])
{
	struct scene s = *base;
	int status = 0, err = 0, pipes[2];
	pid_t decoy = decoy_start(), pid;

	text[0] = '\0';
	s.worker = s.nursery = s.zygote = s.sibling = s.broker = decoy;
	scene_restore(&s);
	if (pipe2(pipes, O_CLOEXEC) == -1)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)fcntl(pipes[1], F_DUPFD, 80); /* away from the fixed numbers */
		act(a, &s, 80);
	}
	(void)close(pipes[1]);
	(void)waitpid(pid, &status, 0);
	if (read(pipes[0], &err, sizeof(err)) != (ssize_t)sizeof(err))
		err = 0;
	(void)close(pipes[0]);
	decoy_stop(decoy);
	if (as_told(a, status))
		return 0;
	if (WIFSIGNALED(status))
		(void)snprintf(text, 200, "ended by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		(void)snprintf(text, 200, "status %d, %s", WEXITSTATUS(status), strerror(err));
	return excused(a, err, status) ? 1 : -1;
}

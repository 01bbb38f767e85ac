/*
 * nursery.c - see nursery.h. M is a copy of W from before any secret; it drops what it inherited,
 * then only forwards. It trusts W's requests in content but not in form.
 */
#include "sandbox/nursery.h"

#include "sandbox/fds.h"
#include "sandbox/follow.h"
#include "sandbox/landlock.h"
#include "sandbox/learn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLOT_NULL 0 /* 1 and 2 too */
#define SLOT_SOCK 3
#define SLOT_CAGE 4
#define SLOT_OOM  5
#define SLOT_NET  6 /* the broker's program */
#define ASK_FDS   (2 + STK_LABELS_MAX + STK_PATHS_MAX + 1)
/* where the new process has its channel: standard output, or what entry.h calls STK_SLOT_ARGS;
 * entry.h's slots for extras follow, then the directories */
#define BORN_IN   0
#define BORN_OUT  1
#define BORN_SOCK 4
#define BORN_DIRS (BORN_SOCK + 1 + STK_EXTRA_COUNT)

/* What a program needs to start at all, and what libc reads for time and text. Absent ones are
 * skipped: distributions differ. No /proc, no /home, no /run, no /var, no rest of /etc. */
static const struct {
	const char *path;
	uint32_t rights;
} system_paths[] = {
	{ "/lib", STK_LANDLOCK_READ | STK_LANDLOCK_EXEC },
	{ "/lib64", STK_LANDLOCK_READ | STK_LANDLOCK_EXEC },
	{ "/usr/lib", STK_LANDLOCK_READ | STK_LANDLOCK_EXEC },
	{ "/usr/lib64", STK_LANDLOCK_READ | STK_LANDLOCK_EXEC },
	{ "/usr/local/lib", STK_LANDLOCK_READ | STK_LANDLOCK_EXEC },
	{ "/usr/share/locale", STK_LANDLOCK_READ },
	{ "/usr/share/zoneinfo", STK_LANDLOCK_READ },
	{ "/etc/ld.so.cache", STK_LANDLOCK_READ },
	{ "/etc/localtime", STK_LANDLOCK_READ },
	{ "/dev/null", STK_LANDLOCK_READ },
	{ "/dev/urandom", STK_LANDLOCK_READ },
};

/* The only variables of ours that a cage program gets to see. */
static const char *const kept_env[] = { "TZ", "LANG" };

static struct nursery {
	const struct stk_nursery_options *o;
	pid_t worker;
	int abi;      /* Landlock's, 0: switched off, below 0: -errno */
	char oom[16]; /* our own score, to come back to */
	char env_text[STK_ARRAY_LEN(kept_env)][128];
	char *env[STK_ARRAY_LEN(kept_env) + 1];
} self;

const char *stk_birth_step_name(uint32_t step)
{
	static const char *const names[STK_BIRTH_COUNT] = {
		[STK_BIRTH_OK] = "nothing",
		[STK_BIRTH_CLONE] = "clone a process",
		[STK_BIRTH_FDS] = "place descriptors",
		[STK_BIRTH_LANDLOCK] = "enter Landlock",
		[STK_BIRTH_READABLE] = "open a path that setup may read",
		[STK_BIRTH_PARENT] = "follow the worker's death",
		[STK_BIRTH_EXEC] = "execute its program",
		[STK_BIRTH_ALONE] = "set itself apart (session, dumps, privileges)",
	};

	return step < STK_BIRTH_COUNT ? names[step] : "do an unknown step";
}

/*
 * Rejects nothing that exists; dispositions and mask become those of a fresh program. By the call
 * itself: libc keeps its own signals from sigaction(), and whoever was started by its posix_spawn
 * (as by make) inherits that they are ignored.
 */
static void reset_signals(void)
{
	static const unsigned long dfl[4]; /* the kernel's struct: SIG_DFL, no flags, no mask */
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, dfl, NULL, 8);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int add_path(int rules, const char *path, uint32_t rights)
{
	STK_AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);

	return fd == -1 || stk_landlock_add(rules, self.abi, fd, rights) != STK_OK ? -1 : 0;
}

static enum stk_birth_step add_paths(int rules)
{
	for (size_t i = 0; i < STK_ARRAY_LEN(system_paths); i++)
		if (add_path(rules, system_paths[i].path, system_paths[i].rights) == -1 &&
		    errno != ENOENT && errno != ENOTDIR)
			return STK_BIRTH_LANDLOCK;
	for (const char *const *p = self.o->readable; p != NULL && *p != NULL; p++)
		if (add_path(rules, *p, STK_LANDLOCK_READ) == -1)
			return STK_BIRTH_READABLE;
	return STK_BIRTH_OK;
}

/*
 * The outer of two walls around files: what no child of ours sees whatever its class, keys and
 * configuration first of all. Without signal scope: that one is each child's own. Entered after the
 * clone, because it must hold the mapped directories, which W opens after it forked M.
 */
static enum stk_birth_step hide_files(const struct stk_ask *ask, const int *dirs)
{
	STK_AUTO_CLOSE int rules = -1;
	enum stk_birth_step step;

	if (self.abi == 0)
		return STK_BIRTH_OK;
	if (self.abi < 0) {
		errno = -self.abi;
		return STK_BIRTH_LANDLOCK;
	}
	if (stk_landlock_create(self.abi, 0, &rules) != STK_OK ||
	    stk_landlock_add(rules, self.abi, SLOT_CAGE, STK_LANDLOCK_READ | STK_LANDLOCK_EXEC) !=
		STK_OK)
		return STK_BIRTH_LANDLOCK;
	if ((step = add_paths(rules)) != STK_BIRTH_OK)
		return step;
	for (uint32_t i = 0; i < ask->n_labels; i++) {
		uint32_t rights = (ask->writable & UINT32_C(1) << i) == 0
				      ? STK_LANDLOCK_READ
				      : STK_LANDLOCK_READ | STK_LANDLOCK_WRITE;

		if ((ask->labels & UINT32_C(1) << i) != 0 &&
		    stk_landlock_add(rules, self.abi, *dirs++, rights) != STK_OK)
			return STK_BIRTH_LANDLOCK;
	}
	for (uint32_t i = 0; i < ask->n_paths; i++)
		if (stk_landlock_add(rules, self.abi, *dirs++,
			(ask->programs & UINT32_C(1) << i) != 0
			    ? STK_LANDLOCK_READ | STK_LANDLOCK_EXEC
			    : STK_LANDLOCK_READ) != STK_OK)
			return STK_BIRTH_LANDLOCK;
	if (ask->work != 0 && stk_landlock_add(rules, self.abi, *dirs,
				  STK_LANDLOCK_READ | STK_LANDLOCK_WRITE) != STK_OK)
		return STK_BIRTH_LANDLOCK;
	return stk_landlock_restrict(rules) == STK_OK ? STK_BIRTH_OK : STK_BIRTH_LANDLOCK;
}

/* 0-3 /dev/null, 4 channel, then a slot per extra and per label (all filled, so that what a zygote
 * receives stands above them), then cage and tell-tale (both close-on-exec). */
static int place_fds(const struct stk_ask *ask, const int *fds, int *cage, int *telltale)
{
	int slots[STK_FDS_MAX] = { SLOT_NULL };
	size_t n = BORN_DIRS;

	slots[BORN_SOCK] = fds[0];
	for (int i = BORN_SOCK + 1; i < BORN_DIRS; i++)
		slots[i] = SLOT_NULL;
	if (ask->role != STK_ROLE_ZYGOTE)
		slots[BORN_OUT] = fds[0];
	if (ask->role == STK_ROLE_SCHEMA)
		slots[BORN_IN] = fds[0];
	fds++;
	for (uint32_t i = 0; i < ask->n_labels; i++)
		slots[n++] = (ask->labels & UINT32_C(1) << i) != 0 ? *fds++ : SLOT_NULL;
	if (ask->n_paths > 0)
		slots[n++] = SLOT_NULL; /* where a child's rules go (entry.c) */
	for (uint32_t i = 0; i < ask->n_paths; i++)
		slots[n++] = *fds++;
	if (ask->work != 0)
		slots[BORN_SOCK + 1 + STK_EXTRA_WORK_DIR] = *fds;
	slots[n++] = *cage;
	slots[n++] = *telltale;
	if (stk_fds_arrange(slots, n) != STK_OK)
		return -1;
	*cage = (int)n - 2;
	*telltale = (int)n - 1;
	return fcntl(*cage, F_SETFD, FD_CLOEXEC) == -1 ||
		       fcntl(*telltale, F_SETFD, FD_CLOEXEC) == -1
		   ? -1
		   : 0;
}

static void exec_cage(const struct stk_ask *ask, int cage)
{
	char name[] = "stockade-cage", describe[] = "describe", zygote[] = "zygote";
	char schema[] = "schema";
	char learn[] = "learn", line[STK_LEARN_MAX] = "";
	char profiles[16], worker[16], landlock[2];
	char room[STK_TITLE_ROOM]; /* the zygote's children write their titles over it */
	char *zygote_argv[] = { name, zygote, profiles, worker, landlock, room, NULL };
	char *learn_argv[] = { name, learn, line, profiles, worker, landlock, room, NULL };
	char *describe_argv[] = { name, ask->role == STK_ROLE_SCHEMA ? schema : describe, NULL };

	(void)snprintf(profiles, sizeof(profiles), "%u", ask->profiles);
	(void)snprintf(worker, sizeof(worker), "%d", (int)self.worker);
	(void)snprintf(landlock, sizeof(landlock), "%d", self.o->landlock);
	memset(room, ' ', sizeof(room) - 1);
	room[sizeof(room) - 1] = '\0';
	if (self.o->learn != NULL)
		(void)snprintf(line, sizeof(line), "%s", self.o->learn);
	(void)execveat(cage, "",
	    ask->role != STK_ROLE_ZYGOTE ? describe_argv
	    : self.o->learn != NULL      ? learn_argv
					 : zygote_argv,
	    self.env, AT_EMPTY_PATH);
}

/* In the new process: everything up to the exec; comes back only with what failed. */
static enum stk_birth_step be_born(const struct stk_ask *ask, const int *fds, int *telltale)
{
	int cage = SLOT_CAGE;
	enum stk_birth_step step;

	if (stk_follow(self.worker) == -1)
		return STK_BIRTH_PARENT;
	if (ask->role == STK_ROLE_BROKER)
		return stk_birth_broker(SLOT_NET, self.abi, self.worker, fds, telltale, self.env);
	if ((step = hide_files(ask, fds + 1)) != STK_BIRTH_OK)
		return step;
	if (place_fds(ask, fds, &cage, telltale) == -1)
		return STK_BIRTH_FDS;
	exec_cage(ask, cage);
	return STK_BIRTH_EXEC;
}

STK_NORETURN static void run_newborn(const struct stk_ask *ask, const int *fds, int telltale)
{
	struct stk_born b = { .magic = STK_BORN_MAGIC };

	b.step = be_born(ask, fds, &telltale);
	b.err = errno;
	_exit(stk_write_all(telltale, &b, sizeof(b)) == STK_OK ? 127 : 126);
}

/* Jobs are what the kernel should end first when memory runs out; raising is always permitted. */
static void oom_score(const char *score)
{
	if (pwrite(SLOT_OOM, score, strlen(score), 0) == -1)
		return;
}

/* The tell-tale closes by itself at the exec: end of file is success. */
static void await_exec(int telltale, struct stk_born *b)
{
	struct stk_born said;
	ssize_t n;

	do
		n = read(telltale, &said, sizeof(said));
	while (n == -1 && errno == EINTR);
	if (n == (ssize_t)sizeof(said)) {
		b->step = said.step;
		b->err = said.err;
	}
}

static void bear(const struct stk_ask *ask, const int *fds, struct stk_born *b)
{
	int pipes[2];

	*b = (struct stk_born){ .magic = STK_BORN_MAGIC, .pid = -1, .step = STK_BIRTH_CLONE };
	if (pipe2(pipes, O_CLOEXEC) == -1) {
		b->err = errno;
		return;
	}
	oom_score("1000");
	b->pid = (int32_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	b->err = errno;
	if (b->pid == 0)
		run_newborn(ask, fds, pipes[1]);
	oom_score(self.oom);
	stk_close(&pipes[1]);
	if (b->pid > 0) {
		b->step = STK_BIRTH_OK;
		b->err = 0;
		await_exec(pipes[0], b);
	}
	stk_close(&pipes[0]);
}

static bool ask_good(const struct stk_ask *a, size_t n_fds)
{
	uint32_t beyond = a->n_labels >= 32 ? 0 : ~UINT32_C(0) << a->n_labels;
	size_t channels = a->role == STK_ROLE_BROKER ? 2 : 1;

	return a->magic == STK_ASK_MAGIC && a->role >= STK_ROLE_DESCRIBE &&
	       a->role <= STK_ROLE_SCHEMA &&
	       (a->role != STK_ROLE_BROKER || (a->n_labels == 0 && self.o->broker_fd != -1)) &&
	       a->n_labels <= STK_LABELS_MAX && (a->labels & beyond) == 0 &&
	       (a->writable & ~a->labels) == 0 && a->n_paths <= STK_PATHS_MAX && a->work <= 1 &&
	       n_fds == channels + (size_t)__builtin_popcount(a->labels) + a->n_paths + a->work;
}

static bool serve_one(void)
{
	struct stk_ask ask;
	struct stk_born born;
	int fds[ASK_FDS];
	size_t n_fds = 0;
	bool good;

	if (stk_fds_recv(SLOT_SOCK, &ask, sizeof(ask), fds, ASK_FDS, &n_fds) != STK_OK)
		return false;
	good = ask_good(&ask, n_fds);
	if (good) {
		bear(&ask, fds, &born);
		good = stk_fds_send(SLOT_SOCK, &born, sizeof(born), NULL, 0) == STK_OK;
	}
	for (size_t i = 0; i < n_fds; i++)
		stk_close(&fds[i]);
	return good;
}

static void keep_env(void)
{
	size_t n = 0;

	for (size_t i = 0; i < STK_ARRAY_LEN(kept_env); i++) {
		const char *value = getenv(kept_env[i]);
		int len = value == NULL ? -1
					: snprintf(self.env_text[n], sizeof(self.env_text[n]),
					      "%s=%s", kept_env[i], value);

		if (len > 0 && (size_t)len < sizeof(self.env_text[n])) {
			self.env[n] = self.env_text[n];
			n++;
		}
	}
	self.env[n] = NULL;
}

/*
 * What is not dumpable cannot open its own score: the kernel shows such a process's files as
 * root's. M was forked from one that is not, before any secret, and ceases to be again before it
 * serves.
 */
static int open_oom(void)
{
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);

	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : pread(fd, self.oom, sizeof(self.oom) - 1, 0);

	self.oom[n > 0 ? n : 0] = '\0';
	return fd;
}

/* Everything W had open ends here; this is why M is forked first. */
static int shed_fds(const struct stk_nursery_options *o, int sock)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int oom = open_oom();
	int slots[] = { null, null, null, sock, o->cage_fd, oom == -1 ? null : oom,
		o->broker_fd == -1 ? null : o->broker_fd };

	if (null == -1 || stk_fds_arrange(slots, STK_ARRAY_LEN(slots)) != STK_OK)
		return -1;
	for (int fd = SLOT_SOCK; fd <= SLOT_NET; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
			return -1;
	return 0;
}

void stk_nursery_main(const struct stk_nursery_options *o, int sock, pid_t worker)
{
	reset_signals();
	self.o = o;
	self.worker = worker;
	if (stk_follow(worker) == -1)
		_exit(STK_BIRTH_PARENT);
	if (shed_fds(o, sock) == -1)
		_exit(STK_BIRTH_FDS);
	/* a terminal's ^C and a signal to W's whole group are W's to answer, not ours */
	if (setsid() == -1 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		_exit(STK_BIRTH_ALONE);
	(void)prctl(PR_SET_NAME, "stockade-nurs", 0, 0, 0);
	self.abi = o->landlock ? stk_landlock_abi() : 0;
	keep_env();
	while (serve_one())
		continue;
	_exit(0);
}

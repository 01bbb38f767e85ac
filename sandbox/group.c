/*
 * group.c - see group.h. The kernel checks every write; what it refuses is said and not believed.
 */
#include "sandbox/group.h"

#include "sandbox/procstat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PREFIX   "stockade-job-" /* a tree may hold groups of others, whose "job-7" is theirs */
#define MAIN     "main"
#define EMPTY_MS 1000

struct stk_cgroup {
	int base, dir;           /* the delegated group; the job's, locked while we live */
	int procs, kill, events; /* of the job's group; kill and events may be -1 */
	int memory, pids, cpu;   /* memory.max, pids.max, cpu.max, -1 without the controller */
	int refused;             /* pids.events */
	char name[40];
};

/* --- files ------------------------------------------------------------------------------------ */

/* The worker's filter knows no pwrite. */
static bool put(int fd, const char *text)
{
	return fd != -1 && lseek(fd, 0, SEEK_SET) == 0 &&
	       write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool put_at(int dir, const char *name, const char *text)
{
	STK_AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	return put(fd, text);
}

/* --- where we are ----------------------------------------------------------------------------- */

static bool same_file(const char *a, int fd)
{
	struct stat x, y;

	return stat(a, &x) == 0 && fstat(fd, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* --- making ----------------------------------------------------------------------------------- */

/* A successor wakes up in its supervisor's "main": the delegated group is the one above. */
static void step_up(char own[static STK_GROUP_PATH])
{
	char *last = strrchr(own, '/'), procs[3200];

	if (last == NULL || strcmp(last, "/" MAIN) != 0)
		return;
	*last = '\0';
	(void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", own);
	if (access(procs, W_OK) == -1)
		*last = '/';
}

static enum stk_err move_in(int base, const pid_t *pids, size_t n)
{
	char number[24];

	if (mkdirat(base, MAIN, 0755) == -1 && errno != EEXIST)
		return STK_E_SYSTEM;
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(number, sizeof(number), "%d", (int)pids[i]);
		if (!put_at(base, MAIN "/cgroup.procs", number))
			return STK_E_SYSTEM;
	}
	return STK_OK;
}

/* One at a time: a controller that was not delegated must not cost the others. */
static void hand_on(int base)
{
	static const char *const controllers[] = { "+memory", "+pids", "+cpu" };

	for (size_t i = 0; i < STK_ARRAY_LEN(controllers); i++)
		(void)put_at(base, "cgroup.subtree_control", controllers[i]);
}

/* What make_own() makes: its prefix and a number, and ours. */
static bool is_a_workers(int base, const char *name)
{
	const char *pid = name + strlen(PREFIX);
	struct stat st;

	return strncmp(name, PREFIX, strlen(PREFIX)) == 0 && pid[0] != '\0' &&
	       pid[strspn(pid, "0123456789")] == '\0' &&
	       fstatat(base, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

/* Only an empty group can be removed, and only a dead worker's can be locked. */
static void sweep(int base)
{
	int again = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again == -1 ? NULL : fdopendir(again);
	struct dirent *e;

	if (d == NULL)
		stk_close(&again);
	while (d != NULL && (e = readdir(d)) != NULL) {
		STK_AUTO_CLOSE int fd = -1;

		if (!is_a_workers(base, e->d_name))
			continue;
		fd = openat(base, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
			(void)put_at(fd, "cgroup.kill", "1");
			(void)unlinkat(base, e->d_name, AT_REMOVEDIR);
		}
	}
	if (d != NULL)
		(void)closedir(d);
}

static int open_file(const struct stk_cgroup *g, const char *name, int flags)
{
	return openat(g->dir, name, flags | O_CLOEXEC);
}

/* A neighbour that starts at the same time may sweep the new one away before it is locked. */
static enum stk_err make_own(struct stk_cgroup *g)
{
	char path[64];

	(void)snprintf(g->name, sizeof(g->name), PREFIX "%d", (int)getpid());
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", g->name);
	for (int64_t until = stk_monotonic_ms() + EMPTY_MS; stk_monotonic_ms() < until;) {
		if (mkdirat(g->base, g->name, 0755) == -1 && errno != EEXIST)
			return STK_E_SYSTEM;
		g->dir = openat(g->base, g->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (g->dir != -1 && flock(g->dir, LOCK_EX | LOCK_NB) == 0 &&
		    faccessat(g->base, path, F_OK, 0) == 0)
			return STK_OK;
		stk_close(&g->dir);
		(void)poll(NULL, 0, 1);
	}
	return STK_E_SYSTEM;
}

static enum stk_err make(struct stk_cgroup *g)
{
	if (make_own(g) != STK_OK)
		return STK_E_SYSTEM;
	g->procs = open_file(g, "cgroup.procs", O_RDWR);
	if (g->procs == -1)
		return STK_E_SYSTEM;
	g->kill = open_file(g, "cgroup.kill", O_WRONLY);
	g->memory = open_file(g, "memory.max", O_WRONLY);
	g->events = open_file(g, "memory.events", O_RDONLY);
	g->pids = open_file(g, "pids.max", O_WRONLY);
	g->refused = open_file(g, "pids.events", O_RDONLY);
	g->cpu = open_file(g, "cpu.max", O_WRONLY);
	if (g->memory != -1)
		(void)put_at(g->dir, "memory.oom.group", "1");
	return STK_OK;
}

/* @own: our own group, or "" where it is not known. */
static enum stk_err find_base(
    struct stk_cgroup *g, const char *base, char own[static STK_GROUP_PATH], const char **why)
{
	bool known = stk_group_own(own);

	if (!known)
		own[0] = '\0';
	*why = "there is no cgroup v2 tree here";
	if (base == NULL && !known)
		return STK_E_ABSENT;
	if (base == NULL)
		step_up(own);
	*why = "cannot be opened";
	g->base = open(base == NULL ? own : base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->base == -1)
		return base == NULL ? STK_E_ABSENT : STK_E_SYSTEM;
	*why = "is not ours to use: it was not delegated to this user";
	return faccessat(g->base, "cgroup.procs", W_OK, 0) == -1 ? STK_E_SYSTEM : STK_OK;
}

static enum stk_err open_base(
    struct stk_cgroup *g, const char *base, const pid_t *pids, size_t n, const char **why)
{
	char own[STK_GROUP_PATH];
	enum stk_err e = find_base(g, base, own, why);

	if (e != STK_OK)
		return e;
	*why = "does not take the service into its child main";
	/* whoever stands in it moves; in "main" already is as good */
	return own[0] != '\0' && same_file(own, g->base) ? move_in(g->base, pids, n) : STK_OK;
}

enum stk_err stk_group_look(const char *base, const char **why)
{
	struct stk_cgroup g = { -1, -1, -1, -1, -1, -1, -1, -1, -1, "" };
	char own[STK_GROUP_PATH];
	enum stk_err e = find_base(&g, base, own, why);
	int saved = errno;

	stk_close(&g.base);
	errno = saved;
	return e;
}

void stk_group_move_in(const char *base, const pid_t *pids, size_t n)
{
	struct stk_cgroup g = { -1, -1, -1, -1, -1, -1, -1, -1, -1, "" };
	const char *why;

	if (open_base(&g, base, pids, n, &why) == STK_OK)
		hand_on(g.base);
	stk_close(&g.base);
}

enum stk_err stk_group_open(
    const char *base, const pid_t *pids, size_t n, struct stk_cgroup **out, const char **why)
{
	struct stk_cgroup *g = malloc(sizeof(*g));
	enum stk_err e;

	*out = NULL;
	*why = "no memory";
	if (g == NULL)
		return STK_E_NOMEM;
	*g = (struct stk_cgroup){ -1, -1, -1, -1, -1, -1, -1, -1, -1, "" };
	e = open_base(g, base, pids, n, why);
	if (e == STK_OK) {
		sweep(g->base);
		hand_on(g->base);
		*why = "takes no group for jobs";
		e = make(g);
	}
	if (e == STK_OK) {
		*why = NULL;
		*out = g;
		return STK_OK;
	}
	stk_group_close(g);
	return e;
}

void stk_group_close(struct stk_cgroup *g)
{
	int saved = errno;

	if (g == NULL)
		return;
	if (g->procs != -1)
		(void)stk_group_empty(g);
	if (g->dir != -1)
		(void)unlinkat(g->base, g->name, AT_REMOVEDIR);
	stk_close(&g->procs);
	stk_close(&g->kill);
	stk_close(&g->events);
	stk_close(&g->memory);
	stk_close(&g->pids);
	stk_close(&g->refused);
	stk_close(&g->cpu);
	stk_close(&g->dir);
	stk_close(&g->base);
	free(g);
	errno = saved;
}

int stk_group_base(const struct stk_cgroup *g)
{
	return g == NULL ? -1 : g->base;
}

uint32_t stk_group_controllers(const struct stk_cgroup *g)
{
	return (g->memory != -1 ? (uint32_t)STK_GROUP_MEMORY : 0u) |
	       (g->pids != -1 ? (uint32_t)STK_GROUP_PIDS : 0u) |
	       (g->cpu != -1 ? (uint32_t)STK_GROUP_CPU : 0u);
}

/* --- a job in it ------------------------------------------------------------------------------ */

enum stk_err stk_group_limit(struct stk_cgroup *g, const struct stk_limits *l, bool program)
{
	char memory[32], pids[32], cpu[48];

	(void)snprintf(memory, sizeof(memory), "%" PRIu64,
	    (program ? 2 : 1) * l->mem_bytes + l->mem_bytes / 8 + (UINT64_C(8) << 20));
	/* room for the program */
	(void)snprintf(pids, sizeof(pids), "%" PRIu32, l->tasks + 1);
	(void)snprintf(cpu, sizeof(cpu), "%" PRIu64 " 100000", (uint64_t)l->tasks * 100000);
	if ((g->memory != -1 && !put(g->memory, memory)) ||
	    (g->pids != -1 && !put(g->pids, pids)) || (g->cpu != -1 && !put(g->cpu, cpu)))
		return STK_E_SYSTEM;
	return STK_OK;
}

enum stk_err stk_group_place(struct stk_cgroup *g, pid_t pid)
{
	char number[24];

	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	return put(g->procs, number) ? STK_OK : STK_E_SYSTEM;
}

uint32_t stk_group_count(const struct stk_cgroup *g)
{
	char text[4096];
	ssize_t n = pread(g->procs, text, sizeof(text), 0);
	uint32_t count = 0;

	for (ssize_t i = 0; i < n; i++)
		count += text[i] == '\n';
	return count;
}

/* Before Linux 5.14 one by one, by pidfd: the worker's filter knows no kill. What forks faster than
 * that is caught by pids.max. */
static void kill_each(const struct stk_cgroup *g)
{
	char text[4096], *rest = text, *line;
	ssize_t n = pread(g->procs, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		STK_AUTO_CLOSE int pidfd =
		    atoi(line) > 1 ? (int)syscall(SYS_pidfd_open, atoi(line), 0) : -1;

		if (pidfd != -1)
			(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	}
}

bool stk_group_empty(struct stk_cgroup *g)
{
	int64_t until = stk_monotonic_ms() + EMPTY_MS;

	while (stk_group_count(g) > 0) {
		if (!put(g->kill, "1"))
			kill_each(g);
		if (stk_monotonic_ms() >= until)
			return false;
		(void)poll(NULL, 0, 2);
	}
	return true;
}

uint64_t stk_group_oom_kills(const struct stk_cgroup *g)
{
	return stk_oom_count(g->events);
}

uint64_t stk_group_tasks_refused(const struct stk_cgroup *g)
{
	return stk_event_count(g->refused, "max ");
}

/*
 * specials.c - attacks that are no act of a job: a process of the same user beside the cage, deaths
 * at the wrong moment, and a cage program that lies (tests/tools/liar.c).
 */
#include "tests/escape/driver.h"

#include "sandbox/parent.h"
#include "tests/escape/acts.h"

#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define JOB "[\"Linger\"]"

/* --- a peer: the same user, beside the cage --------------------------------------------------- */

/* 0: got it. */
static int grab(const char *how, pid_t pid)
{
	char path[64];
	int fd;

	if (strcmp(how, "trace") == 0)
		return (int)K(SYS_ptrace, PTRACE_SEIZE, pid);
	if (strcmp(how, "vm") == 0)
		return escape_read_memory(pid) == -1 && errno != EFAULT ? -1 : 0;
	if (strcmp(how, "take") == 0) {
		fd = (int)K(SYS_pidfd_open, pid, 0);
		return fd == -1 || K(NR_PIDFD_GETFD, fd, 1, 0) == -1 ? -1 : 0;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, how);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd == -1 ? -1 : close(fd);
}

struct peer {
	const char *how;
	const struct bench *bench;
	char who;
	int got;
	int err;
};

/* While the job stands READY: asked from a child, as any process of the user might. */
static bool on_go(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	struct peer *p = ctx;
	pid_t target = p->who == 'J'   ? pid
		       : p->who == 'B' ? p->bench->cage->broker.pid
		       : p->who == 'Z' ? bench_zygote(p->bench)
				       : p->bench->cage->nursery.pid;

	(void)proof;
	p->got = grab(p->how, target);
	p->err = errno;
	return false;
}

/* @arg is the target's letter and what is tried: "J mem". */
static int peer_run(const struct variant *v, const char *arg, const struct scene *s, char text[200])
{
	struct bench b;
	struct peer p = { .how = arg + 2, .bench = &b, .who = arg[0], .got = -2 };
	struct stk_outcome o;
	char program[512];

	if (!bench_open(&b, v, s, program_path("test/escape-cage", program))) {
		(void)snprintf(text, 200, "%.190s", b.refused);
		return -1;
	}
	b.hooks.ctx = &p;
	b.hooks.go = on_go;
	bench_run(&b, arg[0] == 'B' ? "Escape::Net" : "Escape::Read", JOB, 20000, &o);
	(void)snprintf(text, 200, "%s", p.got == 0 ? "got it" : strerror(p.err));
	stk_outcome_clear(&o);
	bench_close(&b);
	return p.got == 0 ? 1 : p.got == -1 ? 0 : -1;
}

static int peer_control(const char *arg, char text[200])
{
	pid_t decoy = decoy_start();
	int got = grab(arg + 2, decoy);

	(void)snprintf(text, 200, "%s", strerror(errno));
	decoy_stop(decoy);
	return got;
}

/* --- deaths ----------------------------------------------------------------------------------- */

struct pids {
	pid_t job, zygote, nursery;
};

struct deaths {
	const struct bench *bench;
	int tell; /* where the pids go, or -1 */
	char who; /* who dies at READY: Z or M; else 0 */
};

static bool kill_on_go(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	const struct deaths *d = ctx;
	struct pids all = { pid, bench_zygote(d->bench), d->bench->cage->nursery.pid };

	(void)proof;
	if (d->tell != -1 && write(d->tell, &all, sizeof(all)) != (ssize_t)sizeof(all))
		return false;
	if (d->who == 'Z')
		(void)kill(all.zygote, SIGKILL);
	if (d->who == 'M')
		(void)kill(all.nursery, SIGKILL);
	return true;
}

/* The job in hand must end well; after a zygote's death the next one too. */
static int death_run(
    const struct variant *v, const char *arg, const struct scene *s, char text[200])
{
	struct bench b;
	struct deaths d = { .bench = &b, .tell = -1, .who = arg[0] };
	struct stk_outcome o = { .name = STK_OUT_COUNT }, next = { .name = STK_OUT_DONE };
	char program[512];
	bool well;

	if (!bench_open(&b, v, s, program_path("test/escape-cage", program)))
		return -1;
	b.hooks.ctx = &d;
	b.hooks.go = kill_on_go;
	bench_run(&b, "Escape::Pure", "[\"Compute\"]", 20000, &o);
	b.hooks.go = NULL;
	if (arg[0] == 'Z')
		bench_run(&b, "Escape::Pure", "[\"Compute\"]", 20000, &next);
	well = o.name == STK_OUT_DONE && next.name == STK_OUT_DONE;
	(void)snprintf(text, 200, "%s, then %s: %.120s", stk_outcome_text(o.name),
	    stk_outcome_text(next.name), o.why);
	stk_outcome_clear(&o);
	stk_outcome_clear(&next);
	bench_close(&b);
	return well ? 0 : -1;
}

static int death_control(const char *arg, char text[200])
{
	pid_t decoy = decoy_start();
	int r = kill(decoy, SIGKILL);

	(void)arg;
	(void)snprintf(text, 200, "%s", strerror(errno));
	(void)waitpid(decoy, NULL, 0);
	return r;
}

STK_NORETURN static void be_doomed(const struct variant *v, const struct scene *s, int tell)
{
	struct bench b;
	struct deaths d = { .bench = &b, .tell = tell };
	struct stk_outcome o;
	char program[512];

	if (!bench_open(&b, v, s, program_path("test/escape-cage", program)))
		_exit(1);
	b.hooks.ctx = &d;
	b.hooks.go = kill_on_go;
	bench_run(&b, "Escape::Read", JOB, 60000, &o);
	_exit(1);
}

static bool dies(pid_t pid, int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	bool dead = pidfd != -1 && poll(&p, 1, 3000) == 1;

	if (!dead)
		(void)kill(pid, SIGKILL);
	if (pidfd != -1)
		(void)close(pidfd);
	return dead;
}

/* kill -9 of the worker in the middle of a job: nothing of it may live on. */
static int orphan_run(
    const struct variant *v, const char *arg, const struct scene *s, char text[200])
{
	struct pids all = { 0 };
	int pipes[2], j, z, m, status;
	bool dead_j, dead_z, dead_m;
	pid_t worker;

	(void)arg;
	if (pipe2(pipes, O_CLOEXEC) == -1 || (worker = fork()) == -1)
		return -1;
	if (worker == 0)
		be_doomed(v, s, pipes[1]);
	(void)close(pipes[1]);
	if (read(pipes[0], &all, sizeof(all)) != (ssize_t)sizeof(all))
		return -1;
	(void)close(pipes[0]);
	j = (int)syscall(SYS_pidfd_open, all.job, 0);
	z = (int)syscall(SYS_pidfd_open, all.zygote, 0);
	m = (int)syscall(SYS_pidfd_open, all.nursery, 0);
	(void)kill(worker, SIGKILL);
	(void)waitpid(worker, &status, 0);
	dead_j = dies(all.job, j);
	dead_z = dies(all.zygote, z);
	dead_m = dies(all.nursery, m);
	(void)snprintf(text, 200, "job %s, zygote %s, nursery %s", dead_j ? "dead" : "ALIVE",
	    dead_z ? "dead" : "ALIVE", dead_m ? "dead" : "ALIVE");
	return dead_j && dead_z && dead_m ? 0 : 1;
}

/* A plain child outlives its parent. */
static int orphan_control(const char *arg, char text[200])
{
	int pipes[2], fd;
	pid_t parent, child = 0;

	(void)arg;
	if (pipe2(pipes, O_CLOEXEC) == -1)
		return -1;
	parent = fork();
	if (parent == 0) {
		child = fork();
		if (child == 0)
			for (;;)
				(void)pause();
		(void)!write(pipes[1], &child, sizeof(child));
		for (;;)
			(void)pause();
	}
	if (read(pipes[0], &child, sizeof(child)) != (ssize_t)sizeof(child))
		return -1;
	fd = (int)syscall(SYS_pidfd_open, child, 0);
	(void)kill(parent, SIGKILL);
	(void)waitpid(parent, NULL, 0);
	(void)snprintf(text, 200, "it died with its parent");
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 50) == 0 &&
		       kill(child, SIGKILL) == 0 && close(fd) == 0 && close(pipes[0]) == 0 &&
		       close(pipes[1]) == 0
		   ? 0
		   : -1;
}

/* --- races at the entry ---------------------------------------------------------------------- */

/* The newest child of @worker that is neither @m nor @z nor we; 0 if there is none (yet). */
static pid_t newest(pid_t worker, pid_t m, pid_t z)
{
	char path[64], text[512];
	pid_t found = 0;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)worker, (int)worker);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd != -1)
		(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	for (char *at = text; *at != '\0'; at += strcspn(at, " "), at += *at == ' ') {
		pid_t pid = (pid_t)atoi(at);

		if (pid != m && pid != z && pid != getpid() && pid > 0)
			found = pid;
	}
	return found;
}

/* Waits for a job's process to appear, lets it go on for @spins looks, and signals it. */
STK_NORETURN static void hunt(pid_t worker, pid_t m, pid_t z, int sig, int spins)
{
	pid_t prey = 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (prey == 0)
		prey = newest(worker, m, z);
	for (int i = 0; i < spins; i++)
		(void)newest(worker, m, z);
	(void)kill(prey, sig);
	_exit(0);
}

static const struct race {
	const char *arg;
	int sig, rounds;
	uint32_t wall_ms;
	enum stk_outcome_name may; /* besides Done and SandboxUnavailable */
} races[] = {
	{ "KILL", SIGKILL, 30, 20000, STK_OUT_KILLED_EXTERNALLY },
	{ "TERM", SIGTERM, 30, 20000, STK_OUT_KILLED_EXTERNALLY },
	{ "STOP", SIGSTOP, 4, 250, STK_OUT_WALL_TIMEOUT },
	{ "SYS", SIGSYS, 30, 20000, STK_OUT_SYSCALL_DENIED },
};

static bool race_fair(const struct race *r, const struct stk_outcome *o)
{
	if (o->started && o->proof.seccomp != 2)
		return false;
	return o->name == r->may || (o->name == STK_OUT_SANDBOX_UNAVAILABLE && !o->started) ||
	       (o->name == STK_OUT_DONE && o->started);
}

static bool race_once(
    struct bench *b, const struct race *r, int round, unsigned *hits, char text[200])
{
	pid_t worker = getpid(), hunter = fork();
	struct stk_outcome o;
	bool fair;

	if (hunter == 0)
		hunt(worker, b->cage->nursery.pid, bench_zygote(b), r->sig, round * 7 % 60);
	bench_run(b, "Escape::Pure", "[\"Compute\"]", r->wall_ms, &o);
	(void)kill(hunter, SIGKILL);
	(void)waitpid(hunter, NULL, 0);
	fair = race_fair(r, &o);
	*hits += o.name != STK_OUT_DONE;
	(void)snprintf(text, 200, "%s: %.150s", stk_outcome_text(o.name), o.why);
	stk_outcome_clear(&o);
	return fair;
}

/* A signal at any moment of the entry: never half shut, never lost, and the next job runs. */
static int race_run(const struct variant *v, const char *arg, const struct scene *s, char text[200])
{
	const struct race *r = races;
	struct stk_outcome o = { .name = STK_OUT_COUNT };
	struct bench b;
	char program[512];
	unsigned hits = 0;
	bool fair = true;

	while (strcmp(r->arg, arg) != 0)
		r++;
	if (v->mutation != NULL)
		return 0;
	if (!bench_open(&b, v, s, program_path("test/escape-cage", program)))
		return -1;
	bench_run(&b, "Escape::Pure", "[\"Compute\"]", 20000, &o); /* the zygote stands */
	stk_outcome_clear(&o);
	/* on a busy machine the hunter may come too late many times; the first rounds come at once
	 */
	for (int i = 0; fair && (i < r->rounds || (hits == 0 && i < 40 * r->rounds)); i++)
		fair = race_once(&b, r, i, &hits, text);
	bench_run(&b, "Escape::Pure", "[\"Compute\"]", 20000, &o);
	if (fair && o.name != STK_OUT_DONE)
		(void)snprintf(text, 200, "afterwards: %s", stk_outcome_text(o.name));
	if (fair && hits == 0)
		(void)snprintf(text, 200, "no signal met a job");
	fair = fair && o.name == STK_OUT_DONE && hits > 0;
	stk_outcome_clear(&o);
	bench_close(&b);
	return fair ? 0 : -1;
}

/* --- lies ------------------------------------------------------------------------------------- */

/* @arg is "lie|what the worker must say about it". */
static int lie_run(const struct variant *v, const char *arg, const struct scene *s, char text[200])
{
	const char *want = strchr(arg, '|') + 1;
	char tz[64], program[512];
	struct stk_outcome o = { .name = STK_OUT_COUNT };
	struct bench b;
	bool open;

	if (v->mutation != NULL)
		return 0;
	(void)snprintf(tz, sizeof(tz), "lie=%.*s", (int)(want - arg - 1), arg);
	(void)setenv("TZ", tz, 1);
	open = bench_open(&b, v, s, program_path("test/stockade-liar", program));
	if (open)
		bench_run(&b, "Liar", "[]", 20000, &o);
	(void)unsetenv("TZ");
	(void)snprintf(text, 200, "%.190s", open ? o.why : b.refused);
	if (!open)
		return strstr(text, want) == NULL ? -1 : 0;
	bench_close(&b);
	if (o.started || o.name == STK_OUT_DONE)
		return 1;
	return o.name == STK_OUT_SANDBOX_UNAVAILABLE && strstr(o.why, want) != NULL ? 0 : -1;
}

/* A bench with the liar in that mood. */
static bool honest(const char *tz, struct bench *b)
{
	const struct variant plain = { .name = "plain" };
	const struct scene s = { .dir = "/" };
	char program[512];
	bool open;

	(void)setenv("TZ", tz, 1);
	open = bench_open(b, &plain, &s, program_path("test/stockade-liar", program));
	(void)unsetenv("TZ");
	return open;
}

/* The same program telling the truth, slowly, is believed; asked once, because it is one program.
 */
static int lie_control(const char *arg, char text[200])
{
	static int asked = -2;
	struct stk_outcome o = { .name = STK_OUT_COUNT };
	struct bench b;

	(void)arg;
	if (asked != -2)
		return asked;
	asked = -1;
	if (!honest("lie=slow", &b))
		return asked;
	bench_run(&b, "Liar", "[]", 20000, &o);
	asked = o.name == STK_OUT_DONE ? 0 : -1;
	(void)snprintf(text, 200, "%s: %.150s", stk_outcome_text(o.name), o.why);
	bench_close(&b);
	return asked;
}

#define PEER(id, what, arg)                                     \
	{                                                       \
		"beside", id, what, peer_run, arg, peer_control \
	}
#define LIE(id, arg)                                       \
	{                                                  \
		"lies", id, arg, lie_run, arg, lie_control \
	}

const struct special specials[] = {
	PEER("PeerOpensJob", "a process of the same user opens a job's memory", "J mem"),
	PEER("PeerReadsJob", "process_vm_readv of a job", "J vm"),
	PEER("PeerTracesJob", "ptrace of a job", "J trace"),
	PEER("PeerTakesOfJob", "pidfd_getfd of a job", "J take"),
	PEER("PeerListsJob", "a job's memory map", "J maps"),
	PEER("PeerSeesJobEnviron", "a job's environment", "J environ"),
	PEER("PeerOpensJobPipe", "a job's report pipe", "J fd/3"),
	PEER("PeerOpensZygote", "a zygote's memory", "Z mem"),
	PEER("PeerTracesZygote", "ptrace of a zygote", "Z trace"),
	PEER("PeerTakesOfZygote", "pidfd_getfd of a zygote's socket", "Z take"),
	PEER("PeerSocketOfZygote", "a zygote's socket by /proc", "Z fd/0"),
	PEER("PeerOpensBroker", "a broker's memory", "B mem"),
	PEER("PeerTracesBroker", "ptrace of a broker", "B trace"),
	PEER("PeerTakesOfBroker", "pidfd_getfd of a broker's pipe", "B take"),
	PEER("PeerSocketOfBroker", "a broker's socket by /proc", "B fd/4"),
	PEER("PeerOpensNursery", "a nursery's memory", "M mem"),
	PEER("PeerTracesNursery", "ptrace of a nursery", "M trace"),
	{ "beside", "WorkerKilled", "kill -9 of the worker in mid-job", orphan_run, "",
	    orphan_control },
	{ "beside", "ZygoteKilled", "kill -9 of the zygote in mid-job", death_run, "Z",
	    death_control },
	{ "beside", "NurseryKilled", "kill -9 of the nursery in mid-job", death_run, "M",
	    death_control },
	{ "beside", "KilledAtEntry", "SIGKILL at any moment of the entry", race_run, "KILL",
	    death_control },
	{ "beside", "TermedAtEntry", "SIGTERM at any moment of the entry", race_run, "TERM",
	    death_control },
	{ "beside", "StoppedAtEntry", "SIGSTOP at any moment of the entry", race_run, "STOP",
	    death_control },
	{ "beside", "TrappedAtEntry", "SIGSYS at any moment of the entry", race_run, "SYS",
	    death_control },
	LIE("DescribesAndFails", "desc-exit|shorter than its header"),
	LIE("DescribesJunk", "desc-junk|not a description"),
	LIE("DescribesWrongly", "desc-digest|digest does not match"),
	LIE("DescribesOtherAbi", "desc-abi|another job.h"),
	LIE("DescribesForEver", "desc-endless|larger than its ceiling"),
	LIE("HelloNever", "hello-exit|exited with 3"),
	LIE("HelloCrash", "hello-crash|SIGABRT"),
	LIE("HelloJunk", "hello-junk|hello is malformed"),
	LIE("HelloShort", "hello-short|hello is malformed"),
	LIE("HelloOtherCage", "hello-digest|CAGE_CHANGED"),
	LIE("HelloNaked", "hello-naked|says it is shut in"),
	LIE("SpawnsInit", "spawn-init|not our child"),
	LIE("SpawnsWorker", "spawn-worker|not our child"),
	LIE("SpawnsItself", "spawn-self|not our child"),
	LIE("SpawnsError", "spawn-errno|temporarily unavailable"),
	LIE("SpawnsJunk", "spawn-junk|malformed"),
	LIE("SpawnsShort", "spawn-short|malformed"),
	LIE("SpawnsNothing", "spawn-exit|the other side is gone"),
	LIE("HalfShut", "half-shut|says its cage is shut"),
};
const size_t n_specials = STK_ARRAY_LEN(specials);

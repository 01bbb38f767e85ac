/*
 * driver.c - build/test/escape-driver: runs every attack of attacks.def and says how each was held.
 *
 *	escape-driver             each without the cage, in it bare, and in it under a runtime's
 *filter escape-driver --parallel  four lanes beside each other, each with every attack, five rounds
 *	escape-driver --missing   every attack where the machine refuses a layer: all refused by
 *name escape-driver --mutations every layer switched off in turn: something must get through
 *	escape-driver --all       all of it
 *	... --only NAME           one row
 *
 * Prints TAP, one aligned line a row; ends 1 if anything was not as the table says.
 */
#include "tests/escape/driver.h"

#include "sandbox/parent.h"
#include "tests/escape/mutate.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LANES 4

const int escape_driver = 1; /* mutate.c asks which side it is linked into */
const char *only;

static const struct variant bare = { .name = "bare" };
static const struct variant outer = { .name = "outer", .outer = "default" };
static const struct variant without = { .name = "without Landlock",
	.outer = "landlock_create_ruleset",
	.outer_errno = ENOSYS,
	.no_landlock = true,
	.pure_only = true };

const char *program_path(const char *name, char out[512])
{
	const char *b = getenv("B");

	(void)snprintf(out, 512, "%s/%s", b == NULL ? "build" : b, name);
	return out;
}

/* --- a job of somebody else's ----------------------------------------------------------------- */

struct bystander {
	const struct bench *bench;
	int tell;
};

static bool tell_pid(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	const struct bystander *y = ctx;
	const pid_t pids[2] = { pid, y->bench->cage->broker.pid };

	(void)proof;
	return write(y->tell, pids, sizeof(pids)) == (ssize_t)sizeof(pids);
}

STK_NORETURN static void be_bystander(const struct scene *base, int fd)
{
	struct scene s = *base;
	struct stk_outcome o;
	struct bench b;
	struct bystander y = { .bench = &b, .tell = fd };
	char program[512];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	scene_make(&s, base->dir, "bystander");
	if (!bench_open(&b, &bare, &s, program_path("test/escape-cage", program)))
		_exit(1);
	b.hooks.ctx = &y;
	b.hooks.go = tell_pid;
	for (;;)
		bench_run(&b, "Escape::Net", "[\"Linger\"]", 3600000, &o);
}

static pid_t bystander_start(struct scene *base)
{
	pid_t pid, pids[2];
	int pipes[2];

	if (pipe2(pipes, 02000000 /* O_CLOEXEC */) == -1 || (pid = fork()) == -1)
		return -1;
	if (pid == 0)
		be_bystander(base, pipes[1]);
	(void)close(pipes[1]);
	if (read(pipes[0], pids, sizeof(pids)) == (ssize_t)sizeof(pids)) {
		base->sibling = pids[0];
		base->broker = pids[1];
	}
	return pid;
}

/* --- controls --------------------------------------------------------------------------------- */

struct controlled {
	uint32_t row;
	int32_t result;
	char text[200];
};

static struct controlled controls[ROWS_MAX];

STK_NORETURN static void be_control(const struct scene *base, size_t lane, int fd)
{
	struct scene s = *base;
	char name[32];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)snprintf(name, sizeof(name), "control%zu", lane);
	scene_make(&s, base->dir, name);
	for (size_t row = lane; row < N_ROWS; row += LANES) {
		struct controlled c = { .row = (uint32_t)row };
		const struct attack *a = row < n_attacks ? &attacks[row] : NULL;

		if (a != NULL && a->kind == ESCAPE_HELPER)
			continue;
		if (only != NULL &&
		    strcmp(only, a != NULL ? a->name : specials[row - n_attacks].name) != 0)
			continue;
		c.result = a != NULL ? control_run(a, &s, c.text)
				     : specials[row - n_attacks].control(
					   specials[row - n_attacks].arg, c.text);
		(void)!write(fd, &c, sizeof(c));
	}
	_exit(0);
}

static void controls_run(const struct scene *base)
{
	struct controlled c;
	int pipes[2];

	for (size_t i = 0; i < ROWS_MAX; i++)
		controls[i].result = -2;
	if (pipe2(pipes, 02000000) == -1)
		return;
	(void)fflush(stdout);
	for (size_t lane = 0; lane < LANES; lane++)
		if (fork() == 0)
			be_control(base, lane, pipes[1]);
	(void)close(pipes[1]);
	while (read(pipes[0], &c, sizeof(c)) == (ssize_t)sizeof(c))
		if (c.row < N_ROWS)
			controls[c.row] = c;
	(void)close(pipes[0]);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

/* --- the table -------------------------------------------------------------------------------- */

static const char *verdict_text(enum verdict v)
{
	static const char *const names[] = { [V_NOT_RUN] = "not run",
		[V_HELD] = "held",
		[V_OTHER] = "OTHERWISE",
		[V_REFUSED] = "REFUSED",
		[V_THROUGH] = "GOT THROUGH" };

	return names[v];
}

static struct {
	unsigned held, leaks, legit, waiting, unhad, uncontrolled[ESCAPE_CPU + 1], failed;
} count;

/* "succeeds", or why not. */
static const char *control_text(const struct attack *a, const struct controlled *c)
{
	static const char *const reasons[] = { [ESCAPE_NO_REASON] = "",
		[ESCAPE_HOST_ROOT] = "host's root only",
		[ESCAPE_NO_SUCH_CALL] = "answers",
		[ESCAPE_CPU] = "as the CPU is made" };

	if (c->result == 1)
		return "not to be had";
	if (c->result != 0)
		return "FAILS";
	if (a == NULL || a->control == ESCAPE_CTL_OK)
		return "succeeds";
	switch (a->control) {
	case ESCAPE_CTL_OK: break;
	case ESCAPE_CTL_USERNS: return "succeeds as root";
	case ESCAPE_CTL_DIES:
	case ESCAPE_CTL_EXITS: return "ends so";
	case ESCAPE_CTL_REACHES: return reasons[a->reason];
	}
	return "succeeds";
}

static void tally(const struct attack *a, const struct controlled *c, bool good)
{
	if (!good) {
		count.failed++;
		return;
	}
	if (a != NULL && a->kind != ESCAPE_ATTACK) {
		count.leaks += a->kind == ESCAPE_LEAK;
		count.legit += a->kind == ESCAPE_LEGIT;
		return;
	}
	count.held++;
	count.unhad += c->result == 1;
	if (a != NULL && a->control == ESCAPE_CTL_REACHES)
		count.uncontrolled[a->reason]++;
}

/* What a root entered by chroot alone lacks is nothing to read. */
static bool without_its_file(const struct attack *a)
{
	return a != NULL && (strcmp(a->name, "OpenSys") == 0 || strcmp(a->name, "ReadSys") == 0) &&
	       access("/sys/kernel/notes", F_OK) == -1;
}

static void print_row(size_t row, const struct seen *b, const struct seen *o)
{
	const struct attack *a = row < n_attacks ? &attacks[row] : NULL;
	const struct special *s = a == NULL ? &specials[row - n_attacks] : NULL;
	const struct controlled *c = &controls[row];
	bool good =
	    b->verdict == V_HELD && o->verdict == V_HELD && (c->result == 0 || c->result == 1);
	char short_text[48];
	const char *name = a != NULL ? a->name : s->name;

	if ((a != NULL && a->kind == ESCAPE_HELPER) || (only != NULL && strcmp(only, name) != 0))
		return;
	if (a != NULL && !escape_class_ready(a->class_index)) {
		count.waiting++;
		return;
	}
	if (without_its_file(a)) {
		(void)printf("ok - %-7s %-22s # SKIP /sys is not mounted here\n", a->group, name);
		return;
	}
	tally(a, c, good);
	(void)snprintf(short_text, sizeof(short_text), "%.46s", b->text);
	(void)printf("%s - %-7s %-22s %-6s %-46s control %-16s bare %s, outer %s\n",
	    good ? "ok" : "not ok", a != NULL ? a->group : s->group, name,
	    a != NULL ? escape_class_names[a->class_index] + 8 : "-", short_text,
	    control_text(a, c), verdict_text(b->verdict), verdict_text(o->verdict));
	if (good)
		return;
	(void)printf(
	    "#   control: %s\n#   bare:    %s\n#   outer:   %s\n", c->text, b->text, o->text);
}

static int short_run(const struct scene *base)
{
	static struct seen b[ROWS_MAX], o[ROWS_MAX];

	controls_run(base);
	phase_run(&bare, base, LANES, true, 1, b);
	phase_run(&outer, base, LANES, true, 1, o);
	for (size_t row = 0; row < N_ROWS; row++)
		print_row(row, &b[row], &o[row]);
	(void)printf(
	    "# %u attacks held bare and under a runtime's filter, %u not; %u documented leaks, "
	    "%u honest acts let through\n",
	    count.held, count.failed, count.leaks, count.legit);
	(void)printf(
	    "# controls: %u acts that the kernel grants to the host's root alone, %u calls that "
	    "do not exist, %u that the processor decides, %u not to be had on this machine; all "
	    "others succeed\n",
	    count.uncontrolled[ESCAPE_HOST_ROOT], count.uncontrolled[ESCAPE_NO_SUCH_CALL],
	    count.uncontrolled[ESCAPE_CPU], count.unhad);
	if (count.waiting > 0)
		(void)printf(
		    "# %u rows wait for a profile that has no call table yet\n", count.waiting);
	(void)fflush(stdout);
	return count.failed > 0;
}

static int all_held(
    const char *what, const struct variant *v, const struct scene *base, bool split, int rounds)
{
	static struct seen seen[ROWS_MAX];
	unsigned held = 0, runs = 0, odd = 0;

	memset(seen, 0, sizeof(seen));
	phase_run(v, base, LANES, split, rounds, seen);
	for (size_t row = 0; row < N_ROWS; row++) {
		runs += seen[row].runs;
		held += seen[row].verdict == V_HELD;
		if (seen[row].verdict == V_NOT_RUN || seen[row].verdict == V_HELD)
			continue;
		odd++;
		(void)printf("#   %s: %s: %s\n",
		    row < n_attacks ? attacks[row].name : specials[row - n_attacks].name,
		    verdict_text(seen[row].verdict), seen[row].text);
	}
	(void)printf("%s - %s: %u rows held in %u runs, %u not\n",
	    odd == 0 && held > 0 ? "ok" : "not ok", what, held, runs, odd);
	(void)fflush(stdout);
	return odd > 0 || held == 0;
}

static int run(const char *what, const struct scene *base)
{
	bool all = strcmp(what, "--all") == 0;
	int failed = 0;

	if (all || strcmp(what, "--short") == 0)
		failed += short_run(base);
	if (all || strcmp(what, "--parallel") == 0) {
		failed += all_held("four in parallel, five rounds, bare", &bare, base, false, 5);
		failed += all_held("four in parallel, five rounds, under a runtime's filter",
		    &outer, base, false, 5);
	}
	if (all || strcmp(what, "--missing") == 0) {
		failed +=
		    all_held("Landlock off where there is none, pure", &without, base, true, 1);
		failed += missing_layers_run(base);
	}
	if (all || strcmp(what, "--mutations") == 0)
		failed += mutations_run(base);
	return failed;
}

/* What make starts inherits that libc's own signals are ignored; controls are to die of them. */
static void fresh_signals(void)
{
	static const unsigned long dfl[4];

	for (int sig = 32; sig <= 33; sig++)
		(void)syscall(SYS_rt_sigaction, sig, dfl, NULL, 8);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 && strcmp(argv[1], "--only") != 0 ? argv[1] : "--short";
	const char *tmp = getenv("TMPDIR");
	struct scene base = { .port = 0 };
	pid_t bystander, server;
	int failed, pipes[2];

	fresh_signals();
	if (argc > 2 && strcmp(argv[argc - 2], "--only") == 0)
		only = argv[argc - 1];
	if (N_ROWS > ROWS_MAX || getuid() == 0) {
		(void)printf("not ok - the escape suite runs unprivileged\n");
		return 1;
	}
	(void)snprintf(base.dir, sizeof(base.dir), "%s/escape-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (getentropy(canary, CANARY_LEN) == -1)
		return 1;
	for (int i = 0; i < CANARY_LEN; i++)
		canary[i] = (char)('A' + (unsigned char)canary[i] % 26);
	server = scene_serve(&base);
	/* what only a worker has: a pipe of its own, a word in its environment */
	if (pipe(pipes) == -1 || dup2(pipes[0], HOSTILE_PIPE) == -1 ||
	    setenv("STOCKADE_CANARY", "planted", 1) == -1)
		return 1;
	if (mkdtemp(base.dir) == NULL || server == -1)
		return 1;
	(void)snprintf(base.beside, sizeof(base.beside), "%.200s/bystander/work", base.dir);
	bystander = bystander_start(&base);
	failed = base.sibling == 0 || base.broker == 0 ? 1 : run(what, &base);
	if (base.sibling == 0)
		(void)printf("not ok - no job of somebody else's could be started\n");
	(void)kill(bystander, SIGKILL);
	(void)waitpid(bystander, NULL, 0);
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	scene_remove(base.dir);
	return failed > 0;
}

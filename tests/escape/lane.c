/*
 * lane.c - a lane is a process that stands where a worker stands: its own nursery, zygotes and
 * jobs. Lanes run beside each other, each over its share of the rows or over all of them.
 */
#include "tests/escape/driver.h"

#include "sandbox/parent.h"
#include "sandbox/procstat.h"
#include "sandbox/program.h"
#include "tests/escape/mutate.h"
#include "tests/lib/outer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_WALL  30000
#define SHORT_WALL 500
#define LANES_MAX  16

/* What a lane says of one run; small enough to be whole in a pipe. */
struct said {
	uint32_t row;
	uint32_t verdict;
	char text[200];
};

/* --- where a lane stands ---------------------------------------------------------------------- */

/* Every capability of the namespace, handed on over the execution of the cage program. */
static bool hold_capabilities(void)
{
	cap_t all = cap_get_proc();
	bool ok = all != NULL;

	for (cap_value_t c = 0; ok && c <= CAP_LAST_CAP; c++)
		if (prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1)
			ok = cap_set_flag(all, CAP_INHERITABLE, 1, &c, CAP_SET) == 0;
	ok = ok && cap_set_proc(all) == 0;
	for (cap_value_t c = 0; ok && c <= CAP_LAST_CAP; c++)
		if (prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1)
			ok = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) == 0;
	if (all != NULL)
		(void)cap_free(all);
	return ok;
}

bool variant_enter(const struct variant *v)
{
	char tz[128];

	if (v->caps && (!userns_enter(false) || !hold_capabilities()))
		return false;
	if (v->outer != NULL && strcmp(v->outer, "default") == 0 && !outer_default())
		return false;
	if (v->outer != NULL && v->outer_errno != 0 &&
	    !outer_call(v->outer, (unsigned)v->outer_errno))
		return false;
	if (v->mutation == NULL)
		return true;
	(void)snprintf(tz, sizeof(tz), "mutate=%s", v->mutation);
	return setenv("TZ", tz, 1) == 0;
}

/* --- a bench ---------------------------------------------------------------------------------- */

static bool open_programs(struct bench *b)
{
	struct stk_paths paths;

	if (stk_paths_of(b->table.classes, b->table.head.n_classes, &paths) &&
	    stk_paths_open(&paths, &b->paths) == STK_OK)
		return true;
	(void)snprintf(b->refused, sizeof(b->refused), "a program cannot be opened");
	return false;
}

static void map_directories(struct bench *b, const struct scene *s)
{
	char path[400];

	for (uint32_t i = 0; i < STK_LABELS_MAX; i++)
		b->dir_fds[i] = -1;
	for (uint32_t i = 0; i < b->table.head.n_labels; i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%.*s", s->dir, STK_LABEL_MAX, b->table.head.labels[i]);
		b->dir_fds[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
}

/* Terms for brokers, and a directory for jobs of their own. */
static void lend(struct bench *b, const struct scene *s)
{
	const struct stk_net_peer redis = {
		.family = 4, .port = (uint16_t)s->redis_port, .bytes = { 127, 0, 0, 1 }
	};
	struct stk_work_left left;
	const char *why;
	char path[400];

	b->terms = (struct stk_net_terms){ .connects_max = 16, .timeout_ms = 5000, .n_redis = 1 };
	b->terms.redis[0] = redis;
	stk_cage_net(b->cage, &b->terms);
	(void)snprintf(path, sizeof(path), "%s/work", s->dir);
	if (stk_work_open(path, &b->work, &left, &why) != STK_OK)
		b->work = NULL;
	stk_cage_lend_work(b->cage, b->work);
}

/* What a worker holds for that class: a length, the bytes, a NUL (sandbox/wire.h). */
static struct stk_span handed(const struct stk_class_desc *d)
{
	static uint8_t bytes[4 + CANARY_LEN + 1];
	const uint32_t len = CANARY_LEN;

	if (d->n_secrets == 0)
		return stk_span_of(NULL, 0);
	memcpy(bytes, &len, sizeof(len));
	memcpy(bytes + 4, strcmp(d->secrets[0], "beta") == 0 ? canary : "alpha, not a word",
	    CANARY_LEN);
	return stk_span_of(bytes, sizeof(bytes));
}

bool bench_open(
    struct bench *b, const struct variant *v, const struct scene *s, const char *program)
{
	char broker[512];
	struct stk_nursery_options o = { .cage_fd = open(program, O_PATH | O_CLOEXEC),
		.landlock = !v->no_landlock,
		.broker_fd = open(program_path("stockade", broker), O_PATH | O_CLOEXEC) };
	struct stk_cage_proof own;
	const char *step = NULL, *why = NULL;
	bool ok;

	memset(b, 0, sizeof(*b));
	b->base_filters = stk_procstat(getpid(), &own) == STK_OK ? own.filters : 0;
	ok = stk_nursery_fork(&o, &b->cage, &step) == STK_OK;
	if (!ok)
		(void)snprintf(b->refused, sizeof(b->refused), "the nursery could not %s", step);
	(void)close(o.cage_fd);
	stk_close(&o.broker_fd);
	if (ok && stk_cage_describe(b->cage, &b->table, &why) != STK_OK) {
		(void)snprintf(b->refused, sizeof(b->refused), "%s", why);
		ok = false;
	}
	if (!ok)
		return false;
	map_directories(b, s);
	if (!open_programs(b))
		return false;
	stk_cage_equip(b->cage, &b->table, b->dir_fds, &b->paths);
	lend(b, s);
	b->hooks.wake_fd = -1;
	return true;
}

void bench_close(struct bench *b)
{
	stk_cage_close(b->cage);
	stk_work_close(b->work);
	stk_class_table_clear(&b->table);
	for (uint32_t i = 0; i < STK_LABELS_MAX; i++)
		stk_close(&b->dir_fds[i]);
	for (uint32_t i = 0; i < STK_PATHS_MAX; i++)
		stk_close(&b->paths.fd[i]);
}

void bench_run(struct bench *b, const char *class_name, const char *args, uint32_t wall_ms,
    struct stk_outcome *o)
{
	int index = stk_class_find(&b->table, stk_span_str(class_name));
	struct stk_run_request r = { .attempt = 1, .args = stk_span_str(args) };

	memset(o, 0, sizeof(*o));
	if (index < 0) {
		(void)snprintf(o->why, sizeof(o->why), "no class %s", class_name);
		return;
	}
	r.class_index = (uint32_t)index;
	r.handed = handed(&b->table.classes[index]);
	r.limits = b->table.classes[index].ask;
	r.limits.wall_ms = wall_ms;
	memset(r.job_id, 0xab, sizeof(r.job_id));
	if (stk_cage_run(b->cage, &r, &b->hooks, o) != STK_OK)
		o->name = STK_OUT_SANDBOX_UNAVAILABLE;
}

/* Mode 2, and two filters beyond what already stood around this process. */
bool bench_proven(const struct bench *b, const struct stk_outcome *o)
{
	return o->started && o->proof.seccomp == 2 && o->proof.no_new_privs == 1 &&
	       o->proof.caps == 0 &&
	       (o->proof.filters == -1 || o->proof.filters == b->base_filters + 2);
}

/* One that will still be there when the next job looks for it: an end that shows an attack has the
 * worker replace the zygote it came from. */
pid_t bench_zygote(const struct bench *b)
{
	for (size_t i = 0; i < b->cage->n_zygotes; i++)
		if (b->cage->zygotes[i].child.pid > 0 && b->cage->zygotes[i].doubt == STK_OUT_DONE)
			return b->cage->zygotes[i].child.pid;
	return 0;
}

/* --- one row ---------------------------------------------------------------------------------- */

static bool why_fits(const struct attack *a, const struct stk_outcome *o)
{
	if (a->outcome == STK_OUT_FAILED)
		return o->code == (uint32_t)a->err;
	if (a->why == NULL)
		return true;
	/* a program's denial ends the program; its handler is then ended by the worker */
	if (a->outcome == STK_OUT_SYSCALL_DENIED && o->status != -SIGSYS &&
	    strstr(o->why, "(program ") == NULL)
		return false;
	return a->outcome == STK_OUT_SYSCALL_DENIED ? strncmp(o->why, a->why, strlen(a->why)) == 0
						    : strstr(o->why, a->why) != NULL;
}

static enum verdict judge(
    const struct attack *a, const struct bench *b, const struct stk_outcome *o, char text[200])
{
	bool proven = bench_proven(b, o);

	(void)snprintf(text, 200, "%s%s: %.150s", proven ? "" : "(filters not seen) ",
	    stk_outcome_text(o->name), o->why);
	if (o->name == STK_OUT_SANDBOX_UNAVAILABLE && !o->started)
		return V_REFUSED;
	if (o->name == a->outcome && why_fits(a, o))
		return proven || escape_mutated() ? V_HELD : V_OTHER;
	return o->name == STK_OUT_DONE && a->kind == ESCAPE_ATTACK ? V_THROUGH : V_OTHER;
}

static enum verdict run_attack(
    struct bench *b, struct scene *s, const struct attack *a, char text[200])
{
	char argument[300], args[500];
	struct stk_outcome o;
	enum verdict v;
	const char *arg;

	scene_restore(s);
	s->worker = getpid();
	s->nursery = b->cage->nursery.pid;
	s->zygote = bench_zygote(b) == 0 ? s->nursery : bench_zygote(b);
	arg = scene_argument(s, a->arg, argument);
	if (arg == NULL)
		(void)snprintf(args, sizeof(args), "[\"%s\"]", a->name);
	else
		(void)snprintf(args, sizeof(args), "[\"%s\",\"%s\"]", a->name, arg);
	bench_run(b, escape_class_names[a->class_index], args,
	    a->outcome == STK_OUT_WALL_TIMEOUT ? SHORT_WALL : LONG_WALL, &o);
	v = judge(a, b, &o, text);
	stk_outcome_clear(&o);
	if (a->class_index == ESCAPE_WORK && b->work != NULL &&
	    stk_work_usage(b->work, 1u << 20) != 0) {
		(void)snprintf(text, 200, "its directory was not emptied");
		return V_OTHER;
	}
	return v;
}

/* --- a lane ----------------------------------------------------------------------------------- */

static bool wanted(const struct variant *v, size_t row)
{
	const struct attack *a = row < n_attacks ? &attacks[row] : NULL;
	const char *name = a != NULL ? a->name : specials[row - n_attacks].name;

	if ((only != NULL && strcmp(only, name) != 0) ||
	    (a != NULL && (a->kind == ESCAPE_HELPER || !escape_class_ready(a->class_index))))
		return false;
	if (a == NULL)
		return !v->pure_only && v->outer_errno == 0;
	if (v->pure_only && (a->class_index != ESCAPE_PURE || strcmp(name, "SetupReads") == 0))
		return false;
	return !v->quick || (a->outcome != STK_OUT_CPU_LIMIT && a->outcome != STK_OUT_WALL_TIMEOUT);
}

static void say(int fd, size_t row, enum verdict v, const char *text)
{
	struct said w = { .row = (uint32_t)row, .verdict = v };

	(void)snprintf(w.text, sizeof(w.text), "%s", text);
	(void)!write(fd, &w, sizeof(w));
}

static void run_rows(
    const struct variant *v, struct scene *s, int lane, int lanes, int rounds, int fd)
{
	char program[512], text[200];
	struct bench b;
	bool ok = bench_open(&b, v, s, program_path("test/escape-cage", program));

	for (int round = 0; round < rounds; round++)
		for (size_t row = 0; row < n_attacks; row++) {
			if ((int)(row % (size_t)lanes) != lane || !wanted(v, row))
				continue;
			if (!ok) {
				say(fd, row, V_REFUSED, b.refused);
				continue;
			}
			enum verdict verdict = run_attack(&b, s, &attacks[row], text);

			say(fd, row, verdict, text);
		}
	if (ok)
		bench_close(&b);
}

/* The specials make their own benches, each its own worker. */
static void run_specials(
    const struct variant *v, struct scene *s, int lane, int lanes, int rounds, int fd)
{
	for (int round = 0; round < rounds; round++)
		for (size_t i = 0; i < n_specials; i++) {
			char text[200] = "";
			int r;

			if ((int)(i % (size_t)lanes) != lane || !wanted(v, n_attacks + i))
				continue;
			r = specials[i].run(v, specials[i].arg, s, text);
			say(fd, n_attacks + i,
			    r == 0   ? V_HELD
			    : r == 1 ? V_THROUGH
				     : V_OTHER,
			    text);
		}
}

STK_NORETURN static void be_lane(const struct variant *v, const struct scene *base, int lane,
    int lanes, bool split, int rounds, int fd)
{
	struct scene s = *base;
	char name[32];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)snprintf(name, sizeof(name), "lane%d-%d", lane, (int)getpid());
	scene_make(&s, base->dir, name);
	if (!variant_enter(v))
		_exit(3);
	run_rows(v, &s, split ? lane : 0, split ? lanes : 1, rounds, fd);
	run_specials(v, &s, split ? lane : 0, split ? lanes : 1, rounds, fd);
	_exit(0);
}

static void add(struct seen *seen, const struct said *w)
{
	seen->runs++;
	if (seen->verdict != V_NOT_RUN && (enum verdict)w->verdict <= seen->verdict)
		return;
	seen->verdict = (enum verdict)w->verdict;
	(void)snprintf(seen->text, sizeof(seen->text), "%s", w->text);
}

void phase_run(const struct variant *v, const struct scene *base, int lanes, bool split, int rounds,
    struct seen seen[static ROWS_MAX])
{
	pid_t pids[LANES_MAX];
	struct said w;
	int pipes[2];

	(void)fflush(stdout);
	if (pipe2(pipes, O_CLOEXEC) == -1)
		return;
	for (int i = 0; i < lanes && i < LANES_MAX; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			be_lane(v, base, i, lanes, split, rounds, pipes[1]);
	}
	(void)close(pipes[1]);
	while (read(pipes[0], &w, sizeof(w)) == (ssize_t)sizeof(w))
		if (w.row < N_ROWS)
			add(&seen[w.row], &w);
	(void)close(pipes[0]);
	for (int i = 0; i < lanes && i < LANES_MAX; i++)
		(void)waitpid(pids[i], NULL, 0);
}

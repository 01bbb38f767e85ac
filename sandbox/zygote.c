/*
 * zygote.c - see zygote.h. Trusts W (its parent, at the other end of the socket) for the spawn
 * record but checks it all the same: a record that does not fit ends Z, and W asks for another.
 */
#include "sandbox/zygote.h"

#include "sandbox/fds.h"
#include "sandbox/landlock.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPAWN_PIPES   3
#define SPAWN_FDS_MAX (SPAWN_PIPES + STK_EXTRA_COUNT)

static bool number(const char *s, uint64_t max, uint64_t *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*out = strtoull(s, &end, 10);
	return errno == 0 && *end == '\0' && *out <= max;
}

bool stk_zygote_args_parse(int argc, char **argv, struct stk_zygote_args *out)
{
	uint64_t v[3];

	if (argc != 5 || !number(argv[1], UINT32_MAX, &v[0]) ||
	    !number(argv[2], INT32_MAX, &v[1]) || !number(argv[3], 1, &v[2]))
		return false;
	/* the kernel lays the arguments side by side, the padding last: all of it is title room */
	*out = (struct stk_zygote_args){ .profiles = (uint32_t)v[0],
		.worker = (pid_t)v[1],
		.landlock = v[2] == 1,
		.title = argv[0],
		.title_size = (size_t)(argv[4] + strlen(argv[4]) + 1 - argv[0]) };
	return true;
}

/* Children are W's, not ours: a fork bomb's reaper and a job's parent must be who counts it. */
static pid_t clone_sibling(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
}

static bool spawn_good(const struct stk_zygote_program *p, const struct stk_cell *c,
    const struct stk_spawn *s, size_t n_fds)
{
	return s->magic == STK_SPAWN_MAGIC && s->extras < UINT32_C(1) << STK_EXTRA_COUNT &&
	       n_fds == SPAWN_PIPES + (size_t)__builtin_popcount(s->extras) &&
	       s->class_index < p->head->n_classes &&
	       stk_cell_serves(c, &p->classes[s->class_index]);
}

static bool answer(int sock, pid_t pid)
{
	struct stk_spawned r = { .magic = STK_SPAWNED_MAGIC, .pid = pid == -1 ? -errno : pid };

	return stk_fds_send(sock, &r, sizeof(r), NULL, 0) == STK_OK;
}

/* What ps shows of a job, in Ruby's words. The queue's name is the operator's, but cleaned anyway.
 */
static void show_title(
    const struct stk_zygote_args *a, const struct stk_spawn *s, const struct stk_class_desc *d)
{
	char text[STK_TITLE_ROOM];

	if (a->title_size < sizeof(text))
		return;
	(void)snprintf(text, sizeof(text), "resque-%s: Processing %.*s since %lld [%.*s]",
	    STOCKADE_VERSION, (int)strnlen(s->queue, sizeof(s->queue)), s->queue,
	    (long long)s->since_s, STK_NAME_MAX, d->name);
	for (char *c = text; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	memset(a->title, 0, a->title_size);
	memcpy(a->title, text, strlen(text));
}

STK_NORETURN static void become_job(const struct stk_zygote_program *p,
    const struct stk_zygote_args *a, struct stk_cell *c, const struct stk_spawn *s,
    const int fds[SPAWN_FDS_MAX])
{
	const struct stk_class_desc *d = &p->classes[s->class_index];
	struct stk_entry e = { .cell = c,
		.class_desc = d,
		.spawn = s,
		.report = fds[0],
		.output = fds[1],
		.args = fds[2] };
	const int *extra = fds + SPAWN_PIPES;

	for (int i = 0; i < STK_EXTRA_COUNT; i++)
		if ((s->extras & UINT32_C(1) << i) != 0)
			e.extras[i] = *extra++;
	show_title(a, s, d);
	stk_entry_shut(&e);
	if ((c->profiles & STK_PROFILE_PROGRAM) != 0)
		stk_program_become(d);
	p->job(d, s->class_index, s);
	_exit(STK_EXIT_SETUP);
}

static bool serve_one(
    const struct stk_zygote_program *p, const struct stk_zygote_args *a, struct stk_cell *c)
{
	struct stk_spawn s;
	int fds[SPAWN_FDS_MAX];
	size_t n_fds = 0;
	pid_t pid;
	bool good;

	if (stk_fds_recv(STK_SLOT_ARGS, &s, sizeof(s), fds, SPAWN_FDS_MAX, &n_fds) != STK_OK)
		return false;
	good = spawn_good(p, c, &s, n_fds);
	if (good) {
		pid = clone_sibling();
		if (pid == 0)
			become_job(p, a, c, &s, fds);
		good = answer(STK_SLOT_ARGS, pid);
	}
	for (size_t i = 0; i < n_fds; i++)
		stk_close(&fds[i]);
	return good;
}

/*
 * glibc opens the unwinder's library when a thread first exits by itself or is cancelled, which no
 * job may do; a library that is loaded already is not opened again. Where there is none (musl),
 * none is needed. By a thread of our own it would cost an arena, 64 MiB of every child's address
 * space.
 */
static void warm_threads(void)
{
	static void *kept; /* never closed */

	kept = dlopen("libgcc_s.so.1", RTLD_NOW);
	(void)kept;
}

/* setup() may read what M's Landlock leaves visible; it runs before the filters, once per zygote.
 */
static enum stk_step set_up(const struct stk_zygote_program *p, uint32_t profiles)
{
	for (uint32_t i = 0; i < p->head->n_classes; i++)
		if (p->classes[i].profiles == profiles && p->setup(i) == -1)
			return STK_STEP_Z_SETUP;
	if ((profiles & STK_PROFILE_THREADS) != 0)
		warm_threads();
	return STK_STEP_NONE;
}

static enum stk_step shut(const struct stk_zygote_program *p, struct stk_cell *c)
{
	enum stk_step failed = stk_cell_open(c);

	if (failed == STK_STEP_NONE)
		failed = set_up(p, c->profiles);
	if (failed == STK_STEP_NONE)
		failed = stk_cell_shut(c, p->classes, p->head->n_classes);
	return failed;
}

/* The listener is W's: a child that held it could answer for itself. */
static bool say_hello(struct stk_hello *hello, struct stk_cell *cell)
{
	bool listening = hello->failed_step == STK_STEP_NONE && cell->listener != -1;

	hello->listening = listening ? 1 : 0;
	if (stk_fds_send(
		STK_SLOT_ARGS, hello, sizeof(*hello), &cell->listener, listening ? 1 : 0) != STK_OK)
		return false;
	stk_close(&cell->listener);
	return true;
}

int stk_zygote_main(const struct stk_zygote_program *p, const struct stk_zygote_args *args)
{
	static struct stk_cell cell;
	static struct stk_paths paths;
	struct stk_hello hello = { .magic = STK_HELLO_MAGIC, .profiles = args->profiles };

	cell.profiles = args->profiles;
	cell.n_labels = p->head->n_labels;
	cell.listener = -1;
	cell.worker = args->worker;
	if ((args->profiles & STK_PROFILE_PROGRAM) != 0 &&
	    stk_paths_of(p->classes, p->head->n_classes, &paths)) {
		cell.paths = &paths;
		cell.n_paths = paths.n;
	}
	cell.landlock_abi = args->landlock ? stk_landlock_abi() : 0;
	memcpy(hello.registry_digest, p->head->registry_digest, sizeof(hello.registry_digest));
	if (cell.landlock_abi < 0) {
		hello.failed_step = STK_STEP_Z_RULESETS;
		hello.err = -cell.landlock_abi;
	} else if ((hello.failed_step = shut(p, &cell)) != STK_STEP_NONE) {
		hello.err = errno;
	}
	if (!say_hello(&hello, &cell) || hello.failed_step != STK_STEP_NONE)
		return STK_EXIT_SETUP;
	while (serve_one(p, args, &cell))
		continue;
	return 0;
}

/*
 * entry.c - see entry.h. Runs in Z and in J; trusts W's spawn record (W is the true parent) and
 * nothing else. The lists of steps are the order; each step is a few lines that say one thing.
 */
#include "sandbox/entry.h"

#include "sandbox/caps.h"
#include "sandbox/faults.h"
#include "sandbox/follow.h"
#include "sandbox/landlock.h"
#include "sandbox/limits.h"
#include "sandbox/readonly.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

const char *stk_step_name(uint32_t step)
{
	static const char *const names[STK_STEP_COUNT] = { [STK_STEP_NONE] = "no step",
#define X(id, text) [STK_STEP_##id] = text,
		STK_STEPS(X)
#undef X
	};

	return step < STK_STEP_COUNT ? names[step] : "an unknown step";
}

uint32_t stk_class_labels(const struct stk_class_desc *d)
{
	uint32_t labels = 0;

	for (uint32_t i = 0; i < d->n_grants; i++)
		labels |= UINT32_C(1) << d->grants[i].label_index;
	return labels;
}

bool stk_frame_write(int fd, enum stk_frame_type type, const void *body, size_t len)
{
	uint8_t bytes[512];
	struct stk_frame head = {
		.magic = STK_FRAME_MAGIC, .type = (uint16_t)type, .len = (uint32_t)len
	};

	if (len > sizeof(bytes) - sizeof(head))
		return stk_write_all(fd, &head, sizeof(head)) == STK_OK &&
		       stk_write_all(fd, body, len) == STK_OK;
	memcpy(bytes, &head, sizeof(head));
	if (len > 0)
		memcpy(bytes + sizeof(head), body, len);
	return stk_write_all(fd, bytes, sizeof(head) + len) == STK_OK;
}

/* Turns a step of the shared vocabulary into the -1/errno of this file. */
static int from_err(enum stk_err e)
{
	switch (e) {
	case STK_OK: return 0;
	case STK_E_SYSTEM: return -1;
	case STK_E_NOMEM: errno = ENOMEM; return -1;
	case STK_E_TOOBIG: errno = E2BIG; return -1;
	case STK_E_FORMAT: errno = EBADMSG; return -1;
	case STK_E_CLOSED: errno = EPIPE; return -1;
	case STK_E_TIMEOUT: errno = ETIMEDOUT; return -1;
	case STK_E_ABSENT: errno = ENOENT; return -1;
	case STK_E_REFUSED: errno = EACCES; return -1;
	}
	errno = EINVAL;
	return -1;
}

static int z_place(void)
{
	(void)umask(077);
	return chdir("/");
}

/* A connection that the other side closed is an errno to a handler, not its death. */
static int z_pipes(const struct stk_cell *c)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	return (c->profiles & STK_PROFILE_NET) == 0 ? 0 : sigaction(SIGPIPE, &ignore, NULL);
}

static int z_caps(void)
{
	const char *step;

	return from_err(stk_caps_drop(&step));
}

/* A layer that is used where it is there; whether it must be was judged at the worker's start. */
static int wished(int rc)
{
	return rc == -1 && errno != EINVAL && errno != EPERM && errno != ENOSYS ? -1 : 0;
}

/* Linux 6.3; before it the filters' ban of PROT_EXEC stands alone. */
static int z_mdwe(void)
{
	return wished(prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0));
}

/* Kernels without huge pages answer EINVAL: then there is nothing to switch off. */
static int z_huge_pages(void)
{
	return wished(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
}

/* Linux 6.10. */
static int z_seal(void)
{
	enum stk_err e = stk_readonly_seal();

	return e == STK_E_ABSENT ? 0 : from_err(e);
}

static int z_limits(void)
{
	const char *step;

	return from_err(stk_limits_fixed(&step));
}

static int z_build(struct stk_cell *c)
{
	enum stk_err e = stk_filter_big_build(c->profiles, &c->big);

	return from_err(e != STK_OK ? e : stk_filter_tiny_build(c->profiles, &c->tiny));
}

/* After its exec a program has no handler that could name a denied call; W is told instead. */
static int z_filter(struct stk_cell *c)
{
	c->listener = -1;
	if (stk_cell_is_program(c))
		return from_err(stk_filter_install_listening(&c->big, &c->listener));
	return from_err(stk_filter_install(&c->big));
}

enum stk_step stk_cell_open(struct stk_cell *c)
{
	if (stk_follow(c->worker) == -1)
		return STK_STEP_Z_PARENT;
	if (z_place() == -1)
		return STK_STEP_Z_PLACE;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return STK_STEP_Z_DUMPABLE;
	return STK_STEP_NONE;
}

enum stk_step stk_cell_shut(struct stk_cell *c, const struct stk_class_desc *classes, size_t n)
{
	if (stk_faults_catch() == -1 || stk_faults_name_forks() == -1 || z_pipes(c) == -1)
		return STK_STEP_Z_SIGNALS;
	if (z_caps() == -1)
		return STK_STEP_Z_CAPS;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return STK_STEP_Z_NO_NEW_PRIVS;
	if (z_mdwe() == -1)
		return STK_STEP_Z_MDWE;
	if (z_huge_pages() == -1)
		return STK_STEP_Z_HUGE_PAGES;
	if (z_seal() == -1)
		return STK_STEP_Z_SEAL;
	if (z_limits() == -1)
		return STK_STEP_Z_LIMITS;
	if (from_err(stk_cell_rules(c, classes, n)) == -1)
		return STK_STEP_Z_RULESETS;
	if (z_build(c) == -1)
		return STK_STEP_Z_BUILD;
	if (z_filter(c) == -1)
		return STK_STEP_Z_FILTER;
	return STK_STEP_NONE;
}

/* --- the child -------------------------------------------------------------------------------- */

static int j_parent(const struct stk_entry *e)
{
	return stk_follow(e->cell->worker);
}

static int place(int from, int slot)
{
	return from == slot ? 0 : dup3(from, slot, 0);
}

static bool has_extra(const struct stk_entry *e, int i)
{
	return (e->spawn->extras & UINT32_C(1) << i) != 0;
}

static int place_extras(const struct stk_entry *e)
{
	for (int i = 0; i < STK_EXTRA_COUNT; i++) {
		int slot = STK_SLOT_EXTRAS + i;

		if ((has_extra(e, i) ? place(e->extras[i], slot) : close(slot)) == -1)
			return -1;
	}
	return 0;
}

static bool above_slots(const struct stk_entry *e)
{
	int last = stk_cell_is_program(e->cell) ? stk_slot_path(e->cell, e->cell->n_paths) - 1
						: stk_slot_rules(e->cell) - 1;

	for (int i = 0; i < STK_EXTRA_COUNT; i++)
		if (has_extra(e, i) && e->extras[i] <= last)
			return false;
	return e->report > last && e->output > last && e->args > last;
}

/*
 * As its standard input the handler has the pipe of its arguments, which has ended when it is
 * called: Z's /dev/null is one open file for every job of the worker, and its O_NONBLOCK a word
 * from one to the next.
 */
static int place_for_handler(const struct stk_entry *e)
{
	if (place(e->args, STK_SLOT_NULL) == -1 || place(e->output, STK_SLOT_OUTPUT) == -1 ||
	    place(e->output, 2) == -1 || place(e->report, STK_SLOT_REPORT) == -1 ||
	    place(e->args, STK_SLOT_ARGS) == -1)
		return -1;
	return place_extras(e);
}

/* The program's own standard streams; our pipes and its file are gone once it is executed. */
static int place_for_program(const struct stk_entry *e)
{
	uint32_t index;

	(void)stk_paths_bits(e->cell->paths, e->class_desc, &index);
	if (place(e->extras[STK_EXTRA_PROGRAM_IN], 0) == -1 ||
	    place(e->extras[STK_EXTRA_PROGRAM_OUT], STK_SLOT_OUTPUT) == -1 ||
	    place(e->output, 2) == -1 || dup3(e->report, STK_SLOT_REPORT, O_CLOEXEC) == -1 ||
	    dup3(e->args, STK_SLOT_ARGS, O_CLOEXEC) == -1 ||
	    dup3(stk_slot_path(e->cell, index), STK_SLOT_PROGRAM, O_CLOEXEC) == -1)
		return -1;
	return (int)syscall(SYS_close_range, STK_SLOT_PROGRAM + 1u, STK_SLOT_DIRS - 1u, 0u);
}

/*
 * What was received stands above every slot, because Z keeps all of them filled; so plain moves
 * cannot overwrite a source that is still needed.
 */
static int j_fds(const struct stk_entry *e)
{
	uint32_t keep = stk_class_labels(e->class_desc);
	int rules =
	    e->cell->landlock_abi > 0 ? stk_cell_ruleset(e->cell, e->class_desc) : STK_SLOT_NULL;

	if (!above_slots(e) || rules == -1) {
		errno = EBADF;
		return -1;
	}
	if ((stk_cell_is_program(e->cell) ? place_for_program(e) : place_for_handler(e)) == -1 ||
	    place(rules, stk_slot_rules(e->cell)) == -1)
		return -1;
	for (uint32_t i = 0; i < e->cell->n_labels; i++)
		if ((keep & UINT32_C(1) << i) == 0 && close(STK_SLOT_DIRS + (int)i) == -1)
			return -1;
	return (int)syscall(SYS_close_range, (unsigned)stk_slot_rules(e->cell) + 1, ~0u, 0u);
}

static int j_caps(const struct stk_entry *e)
{
	const char *step;

	(void)e;
	return from_err(stk_caps_verify(&step));
}

/* Inherited from Z; said again because a dump would hold the payload. */
static int j_dumpable(const struct stk_entry *e)
{
	(void)e;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int j_limits(const struct stk_entry *e)
{
	const char *step;

	if (from_err(stk_limits_job(&e->spawn->limits, e->cell->profiles, &step)) == -1)
		return -1;
	if ((e->cell->profiles & STK_PROFILE_THREADS) == 0)
		return 0;
	return from_err(stk_limits_tasks(e->spawn->nproc, &step));
}

static int j_landlock(const struct stk_entry *e)
{
	if (e->cell->landlock_abi > 0 &&
	    from_err(stk_landlock_restrict(stk_slot_rules(e->cell))) == -1)
		return -1;
	return close(stk_slot_rules(e->cell));
}

/* Read back before the tiny filter takes prctl away; W looks from outside as well. */
static int j_shut(const struct stk_entry *e)
{
	(void)e;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2)
		return 0;
	errno = EPERM;
	return -1;
}

static int j_filter(const struct stk_entry *e)
{
	return from_err(stk_filter_tiny_install(&e->cell->tiny, getpid()));
}

static int (*const child_steps[STK_STEP_COUNT])(const struct stk_entry *e) = {
	[STK_STEP_PARENT] = j_parent,
	[STK_STEP_FDS] = j_fds,
	[STK_STEP_CAPS] = j_caps,
	[STK_STEP_DUMPABLE] = j_dumpable,
	[STK_STEP_LIMITS] = j_limits,
	[STK_STEP_LANDLOCK] = j_landlock,
	[STK_STEP_SHUT] = j_shut,
	[STK_STEP_FILTER] = j_filter,
};

int stk_entry_step(enum stk_step step, const struct stk_entry *e)
{
	return child_steps[step](e);
}

STK_NORETURN static void give_up(int report, enum stk_step step)
{
	struct stk_setup_failed f = { .step = step, .err = errno };

	(void)stk_frame_write(report, STK_FRAME_SETUP, &f, sizeof(f));
	_exit(STK_EXIT_SETUP);
}

void stk_entry_shut(const struct stk_entry *e)
{
	int report = e->report;

	for (enum stk_step s = STK_STEP_PARENT; s < STK_STEP_COUNT; s++) {
		if (stk_entry_step(s, e) == -1)
			give_up(report, s);
		if (s == STK_STEP_FDS)
			report = STK_SLOT_REPORT;
	}
	if (!stk_frame_write(STK_SLOT_REPORT, STK_FRAME_READY, NULL, 0))
		_exit(STK_EXIT_SETUP);
}

/*
 * birth.c - W asks M for a process, and how W waits for anybody: with a deadline, while its own
 * tick goes on. A nursery that answers late, wrongly or not at all is ended.
 */
#include "sandbox/parent.h"

#include "sandbox/fds.h"
#include "sandbox/program.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* A clone and an exec; only a stopped or dead peer takes longer. */
#define BIRTH_MS 10000

/* --- waiting ---------------------------------------------------------------------------------- */

#define TICK_MS 1000 /* without a tick_ms of the caller's */

/* The worker's signals and beats do not wait for a peer that does not answer. */
static void tick(struct stk_cage *c)
{
	if (c->hooks->tick != NULL && c->hooks->tick(c->hooks->ctx, INT64_MAX) != STK_RUN_ON)
		c->called_off = true;
}

enum stk_err stk_await(struct stk_cage *c, int fd, int64_t deadline_ms, bool patient)
{
	const struct stk_run_hooks *h = c->hooks;
	int64_t tick_ms = h == NULL || h->tick_ms == 0 ? TICK_MS : h->tick_ms;
	int64_t due = stk_monotonic_ms() + tick_ms;

	if (h == NULL)
		return stk_fds_wait(fd, deadline_ms);
	for (;;) {
		struct pollfd p[] = { { .fd = fd, .events = POLLIN },
			{ .fd = h->wake_fd, .events = POLLIN } };
		int64_t now = stk_monotonic_ms(), until = due < deadline_ms ? due : deadline_ms;

		if (poll(p, STK_ARRAY_LEN(p), until <= now ? 0 : (int)(until - now)) == -1 &&
		    errno != EINTR)
			return STK_E_SYSTEM;
		if (p[0].revents != 0)
			return STK_OK;
		now = stk_monotonic_ms();
		if (p[1].revents != 0 || now >= due) {
			tick(c);
			due = stk_monotonic_ms() + tick_ms;
		}
		if (now >= deadline_ms || (c->called_off && !patient))
			return STK_E_TIMEOUT;
	}
}

/* --- asking M --------------------------------------------------------------------------------- */

static uint32_t writable_labels(const struct stk_class_table *t)
{
	uint32_t labels = 0;

	for (uint32_t i = 0; i < t->head.n_classes; i++)
		for (uint32_t g = 0; g < t->classes[i].n_grants; g++)
			if (t->classes[i].grants[g].kind == STK_PROFILE_FILES_WRITE)
				labels |= UINT32_C(1) << t->classes[i].grants[g].label_index;
	return labels;
}

/* A program's zygote alone is shown programs and libraries. */
static size_t add_paths(const struct stk_cage *c, struct stk_ask *ask, int *fds)
{
	struct stk_paths paths;

	if (ask->role != STK_ROLE_ZYGOTE || (ask->profiles & STK_PROFILE_PROGRAM) == 0 ||
	    c->path_fds == NULL ||
	    !stk_paths_of(c->table->classes, c->table->head.n_classes, &paths))
		return 0;
	ask->n_paths = paths.n;
	for (uint32_t i = 0; i < paths.n; i++) {
		fds[i] = c->path_fds->fd[i];
		if (paths.at[i].program)
			ask->programs |= UINT32_C(1) << i;
	}
	return paths.n;
}

/* The directories that the operator mapped; describe needs none. */
static size_t add_dirs(const struct stk_cage *c, struct stk_ask *ask, int *fds)
{
	size_t n = 0;

	if (ask->role != STK_ROLE_ZYGOTE)
		return 0;
	/* unmapped labels keep their slots too: Z and J count on every one being filled */
	ask->n_labels = c->table->head.n_labels;
	for (uint32_t i = 0; i < ask->n_labels; i++) {
		if (c->dir_fds == NULL || c->dir_fds[i] == -1)
			continue;
		ask->labels |= UINT32_C(1) << i;
		fds[n++] = c->dir_fds[i];
	}
	ask->writable = writable_labels(c->table) & ask->labels;
	return n;
}

static enum stk_err ask_nursery(
    struct stk_cage *c, enum stk_role role, uint32_t profiles, const int *given, size_t n)
{
	struct stk_ask ask = { .magic = STK_ASK_MAGIC, .role = role, .profiles = profiles };
	int fds[2 + STK_LABELS_MAX + STK_PATHS_MAX + 1];

	memcpy(fds, given, n * sizeof(*fds));
	n += add_dirs(c, &ask, fds + n);
	n += add_paths(c, &ask, fds + n);
	if (role == STK_ROLE_ZYGOTE && c->work != NULL) {
		ask.work = 1;
		fds[n++] = stk_work_fd(c->work);
	}
	return stk_fds_send(c->nursery.sock, &ask, sizeof(ask), fds, n);
}

/* Patient: to lose M costs the worker, and M is only slow when the machine is. */
static enum stk_err hear_nursery(struct stk_cage *c, struct stk_born *born)
{
	enum stk_err e = stk_await(c, c->nursery.sock, stk_monotonic_ms() + BIRTH_MS, true);

	if (e == STK_OK)
		e = stk_fds_recv(c->nursery.sock, born, sizeof(*born), NULL, 0, NULL);
	if (e == STK_OK && born->magic != STK_BORN_MAGIC)
		e = STK_E_FORMAT;
	return e;
}

/* Whatever it was: a nursery that does not answer as agreed is no nursery. */
static void lose_nursery(struct stk_cage *c, char *why)
{
	int status = stk_child_end(&c->nursery);

	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		(void)snprintf(why, STK_WHY_MAX, "NURSERY_LOST: the nursery could not %s",
		    stk_birth_step_name((uint32_t)WEXITSTATUS(status)));
	else
		(void)snprintf(why, STK_WHY_MAX, "NURSERY_LOST: the nursery is gone or unwell");
}

enum stk_err stk_birth(struct stk_cage *c, enum stk_role role, uint32_t profiles, int fd,
    struct stk_child *out, char why[static STK_WHY_MAX])
{
	return stk_birth_with(c, role, profiles, &fd, 1, out, why);
}

enum stk_err stk_birth_with(struct stk_cage *c, enum stk_role role, uint32_t profiles,
    const int *fds, size_t n_fds, struct stk_child *out, char why[static STK_WHY_MAX])
{
	struct stk_born born;
	enum stk_err e = STK_E_CLOSED;

	*out = (struct stk_child){ .pidfd = -1, .sock = -1 };
	if (c->nursery.pid > 0)
		e = ask_nursery(c, role, profiles, fds, n_fds);
	/* nothing was sent, as when too many descriptors of this user are on their way: M is well
	 */
	if (e == STK_E_SYSTEM) {
		(void)snprintf(
		    why, STK_WHY_MAX, "the nursery could not be asked: %s", strerror(errno));
		return e;
	}
	if (e != STK_OK || hear_nursery(c, &born) != STK_OK) {
		lose_nursery(c, why);
		return STK_E_CLOSED;
	}
	if (born.pid > 0 && stk_child_adopt(c, born.pid, out) != STK_OK) {
		(void)snprintf(
		    why, STK_WHY_MAX, "the nursery named a process that is not our child");
		return STK_E_REFUSED;
	}
	if (born.pid <= 0 || born.step != STK_BIRTH_OK) {
		(void)stk_child_end(out);
		(void)snprintf(why, STK_WHY_MAX, "the %s was not started: could not %s: %s",
		    role == STK_ROLE_BROKER ? "broker" : "cage program",
		    stk_birth_step_name(born.step), strerror(born.err));
		errno = born.err;
		return STK_E_SYSTEM;
	}
	return STK_OK;
}

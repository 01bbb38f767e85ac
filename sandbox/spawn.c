/*
 * spawn.c - M, Z and J from the worker's chair: ask, wait with a deadline, believe nothing unseen.
 * A peer that answers late, wrongly or not at all is ended; the caller tries again or gives up.
 */
#include "sandbox/parent.h"

#include "sandbox/entry.h"
#include "sandbox/fds.h"
#include "sandbox/procstat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A clone and an exec; only a stopped or dead peer takes longer. */
#define BIRTH_MS 10000
/* setup() of every handler runs before the hello. */
#define HELLO_MS 20000
#define SPAWN_MS 5000

/* --- waiting ---------------------------------------------------------------------------------- */

#define TICK_MS 1000 /* without a tick_ms of the caller's */

/* The worker's signals and beats do not wait for a peer that does not answer. */
static void tick(struct stk_cage *c)
{
	if (c->hooks->tick != NULL && c->hooks->tick(c->hooks->ctx) != STK_RUN_ON)
		c->called_off = true;
}

/*
 * Until @fd is readable. STK_E_TIMEOUT at the deadline, or as soon as the worker wants to stop;
 * @patient sees that through to the deadline.
 */
static enum stk_err await(struct stk_cage *c, int fd, int64_t deadline_ms, bool patient)
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
	ask->work = c->work != NULL;
	if (c->work != NULL)
		fds[n++] = stk_work_fd(c->work);
	return n;
}

static enum stk_err converse(
    struct stk_cage *c, enum stk_role role, uint32_t profiles, int fd, struct stk_born *born)
{
	struct stk_ask ask = { .magic = STK_ASK_MAGIC, .role = role, .profiles = profiles };
	int fds[1 + STK_LABELS_MAX + 1] = { fd };
	size_t n = 1 + add_dirs(c, &ask, fds + 1);
	enum stk_err e = stk_fds_send(c->nursery.sock, &ask, sizeof(ask), fds, n);

	/* patient: to lose M costs the worker, and M is only slow when the machine is */
	if (e == STK_OK)
		e = await(c, c->nursery.sock, stk_monotonic_ms() + BIRTH_MS, true);
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
	struct stk_born born;

	*out = (struct stk_child){ .pidfd = -1, .sock = -1 };
	if (c->nursery.pid == 0 || converse(c, role, profiles, fd, &born) != STK_OK) {
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
		(void)snprintf(why, STK_WHY_MAX,
		    "the cage program was not started: could not %s: %s",
		    stk_birth_step_name(born.step), strerror(born.err));
		errno = born.err;
		return STK_E_SYSTEM;
	}
	return STK_OK;
}

/* --- a zygote --------------------------------------------------------------------------------- */

static enum stk_err check_hello(
    const struct stk_cage *c, const struct stk_hello *h, uint32_t profiles, char *why)
{
	if (h->magic != STK_HELLO_MAGIC) {
		(void)snprintf(why, STK_WHY_MAX, "the zygote's hello is malformed");
		return STK_E_REFUSED;
	}
	if (memcmp(h->registry_digest, c->table->head.registry_digest,
		sizeof(h->registry_digest)) != 0 ||
	    h->profiles != profiles) {
		(void)snprintf(why, STK_WHY_MAX,
		    "CAGE_CHANGED: the zygote's class table is not the one described at start; the "
		    "cage "
		    "program was replaced under a running worker: restart it");
		return STK_E_REFUSED;
	}
	if (h->failed_step != STK_STEP_NONE) {
		(void)snprintf(why, STK_WHY_MAX,
		    "the zygote could not shut itself in: could not %s: %s",
		    stk_step_name(h->failed_step), strerror(h->err));
		return STK_E_REFUSED;
	}
	return STK_OK;
}

/* The cage program is trusted to shut the cage; the kernel is asked all the same. */
static enum stk_err prove_zygote(struct stk_zygote *z, char *why)
{
	struct stk_cage_proof p;
	enum stk_err e = stk_procstat(z->child.pid, &p);

	if (e == STK_E_SYSTEM) {
		(void)snprintf(why, STK_WHY_MAX,
		    "the zygote cannot be looked at: /proc/%d/status: %s; is /proc mounted without "
		    "hidepid?",
		    (int)z->child.pid, strerror(errno));
		return STK_E_REFUSED;
	}
	if (e == STK_OK && p.seccomp == 2 && p.no_new_privs == 1 && p.caps == 0) {
		z->filters = p.filters;
		return STK_OK;
	}
	(void)snprintf(why, STK_WHY_MAX,
	    "the zygote says it is shut in, but /proc shows Seccomp %d, NoNewPrivs %d, "
	    "capabilities "
	    "%#llx",
	    p.seccomp, p.no_new_privs, (unsigned long long)p.caps);
	return STK_E_REFUSED;
}

static void say_end(int status, char *why)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		(void)snprintf(why, STK_WHY_MAX, "the zygote was ended by SIG%s before its hello",
		    sigabbrev_np(WTERMSIG(status)));
	else if (WIFEXITED(status))
		(void)snprintf(why, STK_WHY_MAX, "the zygote exited with %d before its hello",
		    WEXITSTATUS(status));
	else
		(void)snprintf(
		    why, STK_WHY_MAX, "the zygote did not say hello within %d ms", HELLO_MS);
}

static enum stk_err await_hello(struct stk_cage *c, struct stk_zygote *z, char *why)
{
	struct stk_hello hello;
	enum stk_err e = await(c, z->child.sock, stk_monotonic_ms() + HELLO_MS, false);

	if (e == STK_OK)
		e = stk_fds_recv(z->child.sock, &hello, sizeof(hello), NULL, 0, NULL);
	if (e == STK_E_FORMAT) {
		(void)snprintf(why, STK_WHY_MAX, "the zygote's hello is malformed");
		return STK_E_REFUSED;
	}
	/* its own end is on the way: wait for the true status rather than see our SIGKILL */
	if (e == STK_E_CLOSED)
		e = stk_fds_wait(z->child.pidfd, stk_monotonic_ms() + 1000) == STK_E_TIMEOUT
			? STK_E_TIMEOUT
			: STK_E_ABSENT;
	if (e != STK_OK) {
		say_end(stk_child_end(&z->child), why);
		return STK_E_ABSENT;
	}
	e = check_hello(c, &hello, z->profiles, why);
	return e == STK_OK ? prove_zygote(z, why) : e;
}

static enum stk_err start_zygote(struct stk_cage *c, struct stk_zygote *z, char *why)
{
	int pair[2];
	enum stk_err e;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		(void)snprintf(why, STK_WHY_MAX, "no socket for the zygote: %s", strerror(errno));
		return STK_E_SYSTEM;
	}
	e = stk_birth(c, STK_ROLE_ZYGOTE, z->profiles, pair[1], &z->child, why);
	stk_close(&pair[1]);
	if (e != STK_OK) {
		stk_close(&pair[0]);
		return e;
	}
	z->child.sock = pair[0];
	e = await_hello(c, z, why);
	if (e != STK_OK)
		(void)stk_child_end(&z->child);
	return e;
}

/* The zygote of this sum, started on first need. */
static enum stk_err find_zygote(
    struct stk_cage *c, uint32_t profiles, struct stk_zygote **out, char *why)
{
	struct stk_zygote *z = c->zygotes, *end = c->zygotes + c->n_zygotes;

	while (z < end && z->profiles != profiles)
		z++;
	if (z == end) {
		if (c->n_zygotes == STK_ZYGOTES_MAX) {
			(void)snprintf(why, STK_WHY_MAX, "more profile sums than there can be");
			return STK_E_REFUSED;
		}
		*z = (struct stk_zygote){ .profiles = profiles,
			.child = { .pidfd = -1, .sock = -1 } };
		c->n_zygotes++;
	}
	*out = z;
	stk_zygote_recycle(c, z);
	if (z->child.pid > 0)
		return STK_OK;
	return start_zygote(c, z, why);
}

/* --- a job child ------------------------------------------------------------------------------ */

static bool nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != -1;
}

/* ours[] and theirs[] in the order report, output, args. */
static enum stk_err make_pipes(int ours[3], int theirs[3])
{
	for (int i = 0; i < 3; i++) {
		int p[2];

		if (pipe2(p, O_CLOEXEC) == -1)
			return STK_E_SYSTEM;
		ours[i] = i == 2 ? p[1] : p[0];
		theirs[i] = i == 2 ? p[0] : p[1];
		if (!nonblocking(ours[i]))
			return STK_E_SYSTEM;
	}
	return STK_OK;
}

/* The pipes, then the extras, in the order that the record promises. */
static enum stk_err send_spawn(const struct stk_zygote *z, struct stk_spawn *s, const int theirs[3],
    const struct stk_extras *extras)
{
	int fds[3 + STK_EXTRA_COUNT] = { theirs[0], theirs[1], theirs[2] };
	size_t n = 3;

	s->extras = extras->have;
	for (int i = 0; i < STK_EXTRA_COUNT; i++)
		if ((extras->have & UINT32_C(1) << i) != 0)
			fds[n++] = extras->fds[i];
	return stk_fds_send(z->child.sock, s, sizeof(*s), fds, n);
}

static enum stk_err ask_zygote(struct stk_cage *c, struct stk_zygote *z, struct stk_spawn *s,
    const int theirs[3], const struct stk_extras *extras, struct stk_child *child, char *why)
{
	struct stk_spawned r = { 0 };
	enum stk_err e = send_spawn(z, s, theirs, extras);

	if (e == STK_OK)
		e = await(c, z->child.sock, stk_monotonic_ms() + SPAWN_MS, false);
	if (e == STK_OK)
		e = stk_fds_recv(z->child.sock, &r, sizeof(r), NULL, 0, NULL);
	if (e == STK_OK && r.magic != STK_SPAWNED_MAGIC)
		e = STK_E_FORMAT;
	if (e == STK_OK && r.pid < 0) {
		(void)snprintf(
		    why, STK_WHY_MAX, "the zygote could not clone: %s", strerror(-r.pid));
		errno = -r.pid;
		return STK_E_SYSTEM;
	}
	if (e == STK_OK)
		e = stk_child_adopt(c, r.pid, child);
	if (e != STK_OK) {
		(void)snprintf(why, STK_WHY_MAX, "the zygote did not answer a spawn as agreed: %s",
		    e == STK_E_REFUSED ? "it named a process that is not our child"
				       : stk_strerror(e));
		(void)stk_child_end(&z->child);
		return e == STK_E_CLOSED || e == STK_E_REFUSED ? STK_E_FORMAT : e;
	}
	return STK_OK;
}

enum stk_err stk_spawn(struct stk_cage *c, struct stk_spawn *s, const struct stk_extras *extras,
    struct stk_child *child, struct stk_job_pipes *pipes, int *zygote_filters,
    char why[static STK_WHY_MAX])
{
	int ours[3] = { -1, -1, -1 }, theirs[3] = { -1, -1, -1 };
	struct stk_zygote *z = NULL;
	enum stk_err e = find_zygote(c, c->table->classes[s->class_index].profiles, &z, why);

	/* the job's clock starts here: a handler's slow setup() in a fresh zygote is not its time
	 */
	s->deadline_ms = stk_monotonic_ms() + s->limits.wall_ms;
	if (e == STK_OK && (e = make_pipes(ours, theirs)) != STK_OK)
		(void)snprintf(why, STK_WHY_MAX, "no pipes for the child: %s", strerror(errno));
	if (e == STK_OK) {
		e = ask_zygote(c, z, s, theirs, extras, child, why);
		z->jobs++;
		*zygote_filters = z->filters;
	}
	for (int i = 0; i < 3; i++) {
		stk_close(&theirs[i]);
		if (e != STK_OK)
			stk_close(&ours[i]);
	}
	*pipes = (struct stk_job_pipes){ .report = ours[0], .output = ours[1], .args = ours[2] };
	return e;
}

/*
 * spawn.c - M, Z and J from the worker's chair: ask, wait with a deadline, believe nothing unseen.
 * A peer that answers late, wrongly or not at all is ended; the caller tries again or gives up.
 */
#include "sandbox/parent.h"

#include "sandbox/entry.h"
#include "sandbox/fds.h"
#include "sandbox/procstat.h"
#include "sandbox/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* setup() of every handler runs before the hello. */
#define HELLO_MS 20000
#define SPAWN_MS 5000

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

/*
 * The cage program is trusted to shut the cage; the kernel is asked all the same. Mode 2 alone
 * would say nothing where a container's filter stands around all of us: it must be one filter more.
 */
static enum stk_err prove_zygote(const struct stk_cage *c, struct stk_zygote *z, char *why)
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
	if (e == STK_OK && p.seccomp == 2 && p.no_new_privs == 1 && p.caps == 0 &&
	    (p.filters == -1 || p.filters > c->filters)) {
		z->filters = p.filters;
		return STK_OK;
	}
	(void)snprintf(why, STK_WHY_MAX,
	    "the zygote says it is shut in, but /proc shows Seccomp %d with %d filters (%d stand "
	    "around the worker), NoNewPrivs %d, capabilities %#llx",
	    p.seccomp, p.filters, c->filters, p.no_new_privs, (unsigned long long)p.caps);
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

/* A program's zygote may send its filter's listener along; from any other nothing is taken. */
static enum stk_err recv_hello(struct stk_zygote *z, struct stk_hello *h)
{
	size_t n = 0, max = (z->profiles & STK_PROFILE_PROGRAM) != 0 ? 1 : 0;
	enum stk_err e =
	    stk_fds_recv(z->child.sock, h, sizeof(*h), &z->listener, max, max > 0 ? &n : NULL);

	if (n == 0)
		z->listener = -1;
	if (e == STK_OK && h->listening != n)
		e = STK_E_FORMAT;
	return e;
}

static enum stk_err await_hello(struct stk_cage *c, struct stk_zygote *z, char *why)
{
	struct stk_hello hello;
	enum stk_err e = stk_await(c, z->child.sock, stk_monotonic_ms() + HELLO_MS, false);

	if (e == STK_OK)
		e = recv_hello(z, &hello);
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
	return e == STK_OK ? prove_zygote(c, z, why) : e;
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
		stk_zygote_end(z);
	return e;
}

void stk_zygote_end(struct stk_zygote *z)
{
	stk_close(&z->listener);
	(void)stk_child_end(&z->child);
}

enum stk_err stk_zygote_find(
    struct stk_cage *c, uint32_t profiles, struct stk_zygote **out, char why[static STK_WHY_MAX])
{
	struct stk_zygote *z = c->zygotes, *end = c->zygotes + c->n_zygotes;

	while (z < end && z->profiles != profiles)
		z++;
	if (z == end) {
		if (c->n_zygotes == STK_ZYGOTES_MAX) {
			(void)snprintf(why, STK_WHY_MAX, "more profile sums than there can be");
			return STK_E_REFUSED;
		}
		*z = (struct stk_zygote){
			.profiles = profiles, .listener = -1, .child = { .pidfd = -1, .sock = -1 }
		};
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

static enum stk_err make_pipe(int *read_end, int *write_end)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) == -1)
		return STK_E_SYSTEM;
	*read_end = p[0];
	*write_end = p[1];
	return STK_OK;
}

enum stk_err stk_pipe_from_child(int *ours, int *theirs)
{
	if (make_pipe(ours, theirs) != STK_OK || !nonblocking(*ours))
		return STK_E_SYSTEM;
	return STK_OK;
}

enum stk_err stk_pipe_to_child(int *ours, int *theirs)
{
	if (make_pipe(theirs, ours) != STK_OK || !nonblocking(*ours))
		return STK_E_SYSTEM;
	return STK_OK;
}

/* ours[] and theirs[] in the order report, output, args. */
static enum stk_err make_pipes(int ours[3], int theirs[3])
{
	if (stk_pipe_from_child(&ours[0], &theirs[0]) != STK_OK ||
	    stk_pipe_from_child(&ours[1], &theirs[1]) != STK_OK)
		return STK_E_SYSTEM;
	return stk_pipe_to_child(&ours[2], &theirs[2]);
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

enum stk_err stk_zygote_clone(struct stk_cage *c, struct stk_zygote *z, struct stk_spawn *s,
    const int theirs[3], const struct stk_extras *extras, struct stk_child *child,
    char why[static STK_WHY_MAX])
{
	struct stk_spawned r = { 0 };
	enum stk_err e = send_spawn(z, s, theirs, extras);

	z->jobs++;
	if (e == STK_OK)
		e = stk_await(c, z->child.sock, stk_monotonic_ms() + SPAWN_MS, false);
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
		stk_zygote_end(z);
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
	uint32_t profiles = c->table->classes[s->class_index].profiles;
	enum stk_err e = stk_zygote_find(c, profiles, &z, why);

	if (e == STK_OK)
		e = stk_tasks_bound(profiles, c->exact_tasks, s, why);

	/* the job's clock starts here: a handler's slow setup() in a fresh zygote is not its time
	 */
	s->deadline_ms = stk_monotonic_ms() + s->limits.wall_ms;
	if (e == STK_OK && (e = make_pipes(ours, theirs)) != STK_OK)
		(void)snprintf(why, STK_WHY_MAX, "no pipes for the child: %s", strerror(errno));
	if (e == STK_OK) {
		e = stk_zygote_clone(c, z, s, theirs, extras, child, why);
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

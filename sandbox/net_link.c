/*
 * net_link.c - see net_link.h. B is ours and still a peer: what it says is bounded in form and
 * number, and none of it decides how the job ended.
 */
#include "sandbox/net_link.h"

#include "sandbox/broker.h"
#include "sandbox/fds.h"
#include "sandbox/procstat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Linux 6.16, newer than the headers of Debian 13. */
#define STK_SO_PASSRIGHTS 83

/* An exec and a filter. */
#define HELLO_MS 10000
/* From its pipe's end to its own. */
#define END_MS 1000
/* From its job's end to its own. */
#define REST_MS 200

static void terms_of(
    const struct stk_net_terms *given, const struct stk_class_desc *d, struct stk_terms *t)
{
	memset(t, 0, sizeof(*t));
	t->magic = STK_TERMS_MAGIC;
	t->connects_max = given->connects_max;
	t->timeout_ms = given->timeout_ms;
	t->n_nets = d->n_nets;
	t->n_refused = given->n_refused;
	t->n_redis = given->n_redis;
	memcpy(t->nets, d->nets, sizeof(t->nets));
	memcpy(t->refused, given->refused, sizeof(t->refused));
	memcpy(t->redis, given->redis, sizeof(t->redis));
}

/* Trusted to judge, looked at all the same: it must show a filter of its own. */
static enum stk_err prove(const struct stk_cage *c, char *why)
{
	struct stk_cage_proof p;

	if (stk_procstat(c->broker.pid, &p) == STK_OK && p.seccomp == 2 && p.no_new_privs == 1 &&
	    p.caps == 0 && (p.filters == -1 || p.filters > c->filters))
		return STK_OK;
	(void)snprintf(why, STK_WHY_MAX,
	    "the broker says it is shut in, but /proc shows Seccomp %d with %d filters (%d stand "
	    "around the worker), NoNewPrivs %d, capabilities %#llx",
	    p.seccomp, p.filters, c->filters, p.no_new_privs, (unsigned long long)p.caps);
	return STK_E_REFUSED;
}

static enum stk_err await_hello(struct stk_cage *c, int events, char *why)
{
	struct stk_net_event e;
	ssize_t n = -1;

	(void)snprintf(why, STK_WHY_MAX, "the broker did not say hello within %d ms", HELLO_MS);
	if (stk_await(c, events, stk_monotonic_ms() + HELLO_MS, false) != STK_OK)
		return STK_E_TIMEOUT;
	n = read(events, &e, sizeof(e));
	if (n != (ssize_t)sizeof(e) || e.magic != STK_NET_EVENT_MAGIC ||
	    e.kind != STK_NET_EVENT_HELLO) {
		(void)snprintf(why, STK_WHY_MAX, "the broker's hello is malformed");
		return STK_E_FORMAT;
	}
	if (e.name != STK_BROKER_STEP_NONE) {
		(void)snprintf(why, STK_WHY_MAX,
		    "the broker could not shut itself in: could not %s: %s",
		    stk_broker_step_name(e.name), strerror(e.err));
		return STK_E_REFUSED;
	}
	return prove(c, why);
}

/*
 * The least that the kernel gives: a handful of records. Descriptors under way count against the
 * whole user, so what a job leaves lying in these queues must not starve other workers' brokers.
 */
static enum stk_err narrow(const struct stk_net_link *l, int theirs)
{
	const int least = 1, none = 0;

	/* and none at all from the job's side, where the kernel knows how to refuse them */
	(void)setsockopt(theirs, SOL_SOCKET, STK_SO_PASSRIGHTS, &none, sizeof(none));

	if (setsockopt(l->job_end, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)) == -1 ||
	    setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)) == -1)
		return STK_E_SYSTEM;
	return STK_OK;
}

/* @theirs[]: socket, pipe. On success ours are in @l. */
static enum stk_err make_ends(struct stk_net_link *l, int theirs[2])
{
	int pair[2] = { -1, -1 }, pipes[2] = { -1, -1 };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return STK_E_SYSTEM;
	l->job_end = pair[0];
	theirs[0] = pair[1];
	if (pipe2(pipes, O_CLOEXEC) == -1)
		return STK_E_SYSTEM;
	l->events = pipes[0];
	theirs[1] = pipes[1];
	return fcntl(l->events, F_SETFL, O_NONBLOCK) == -1 ? STK_E_SYSTEM : STK_OK;
}

enum stk_err stk_net_open(struct stk_cage *c, const struct stk_spawn *s, struct stk_net_link *l,
    struct stk_extras *extras, char why[static STK_WHY_MAX])
{
	const struct stk_class_desc *d = &c->table->classes[s->class_index];
	int theirs[2] = { -1, -1 };
	struct stk_terms t;
	enum stk_err e;

	*l = (struct stk_net_link){ .events = -1, .job_end = -1 };
	if ((d->profiles & STK_PROFILE_NET) == 0)
		return STK_OK;
	terms_of(c->net, d, &t);
	l->left = t.connects_max + 2; /* "too many", and "no request" */
	e = make_ends(l, theirs);
	/* on the socket before anybody but us holds an end of it */
	if (e == STK_OK)
		e = stk_fds_send(l->job_end, &t, sizeof(t), NULL, 0);
	if (e == STK_OK)
		e = narrow(l, theirs[0]);
	if (e != STK_OK)
		(void)snprintf(why, STK_WHY_MAX, "no channel for the broker: %s", strerror(errno));
	else
		e = stk_birth_with(c, STK_ROLE_BROKER, 0, theirs, 2, &c->broker, why);
	stk_close(&theirs[0]);
	stk_close(&theirs[1]);
	if (e == STK_OK)
		e = await_hello(c, l->events, why);
	if (e != STK_OK) {
		stk_net_close(c, l);
		return e;
	}
	extras->have |= UINT32_C(1) << STK_EXTRA_BROKER;
	extras->fds[STK_EXTRA_BROKER] = l->job_end;
	return STK_OK;
}

void stk_net_spawned(
    struct stk_cage *c, struct stk_net_link *l, struct stk_extras *extras, bool good)
{
	extras->have &= ~(UINT32_C(1) << STK_EXTRA_BROKER);
	/* from here on J alone holds it: when J ends, B sees the end */
	stk_close(&l->job_end);
	if (!good)
		stk_net_close(c, l);
}

static bool event_good(const struct stk_net_event *e)
{
	return e->magic == STK_NET_EVENT_MAGIC && e->kind == STK_NET_EVENT_REQUEST &&
	       e->name < STK_NET_COUNT && e->port <= UINT16_MAX &&
	       (e->peer.family == 0 || e->peer.family == 4 || e->peer.family == 6) &&
	       memchr(e->host, '\0', sizeof(e->host)) != NULL;
}

static void give_up(struct stk_cage *c, struct stk_net_link *l, const struct stk_run_hooks *hooks,
    enum stk_net_name name)
{
	const struct stk_net_event e = {
		.magic = STK_NET_EVENT_MAGIC, .kind = STK_NET_EVENT_REQUEST, .name = name
	};

	stk_close(&l->events);
	(void)stk_child_end(&c->broker);
	if (hooks->net != NULL)
		hooks->net(hooks->ctx, &e);
}

/* B ends by itself, with 0, when the job let go of it or misused it; everything else is a loss. */
static void closed(struct stk_cage *c, struct stk_net_link *l, const struct stk_run_hooks *hooks)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	if (stk_fds_wait(c->broker.pidfd, stk_monotonic_ms() + END_MS) == STK_OK &&
	    waitid(P_PID, (id_t)c->broker.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_code == CLD_EXITED && info.si_status == 0)
		stk_close(&l->events);
	else
		give_up(c, l, hooks, STK_NET_BROKER_LOST);
}

/* One record at most. */
static bool hear_one(struct stk_cage *c, struct stk_net_link *l, const struct stk_run_hooks *hooks)
{
	struct stk_net_event e;
	ssize_t n =
	    l->events == -1 ? -1 : read(l->events, l->buf + l->have, sizeof(l->buf) - l->have);

	if (l->events == -1 || (n == -1 && (errno == EAGAIN || errno == EINTR)))
		return false;
	if (n <= 0) {
		closed(c, l, hooks);
		return false;
	}
	l->have += (size_t)n;
	if (l->have < sizeof(l->buf))
		return true;
	l->have = 0;
	memcpy(&e, l->buf, sizeof(e));
	if (l->left == 0 || !event_good(&e)) {
		give_up(c, l, hooks, STK_NET_BROKER_MALFORMED);
		return false;
	}
	l->left--;
	if (hooks->net != NULL)
		hooks->net(hooks->ctx, &e);
	return true;
}

void stk_net_hear(struct stk_cage *c, struct stk_net_link *l, const struct stk_run_hooks *hooks)
{
	while (hear_one(c, l, hooks))
		continue;
}

/*
 * A process that dies closes its descriptors in any order: a job may have seen that its broker is
 * gone, and have ended for it, before we see it. One that still works on a request of the dead
 * job's does not end by itself.
 */
void stk_net_hear_rest(
    struct stk_cage *c, struct stk_net_link *l, const struct stk_run_hooks *hooks)
{
	stk_net_hear(c, l, hooks);
	if (l->events != -1 &&
	    stk_fds_wait(c->broker.pidfd, stk_monotonic_ms() + REST_MS) == STK_OK)
		stk_net_hear(c, l, hooks);
}

void stk_net_close(struct stk_cage *c, struct stk_net_link *l)
{
	stk_close(&l->job_end);
	stk_close(&l->events);
	if (c->broker.pid > 0)
		(void)stk_child_end(&c->broker);
}

enum stk_err stk_cage_net_try(struct stk_cage *c, uint32_t index, char why[static 300])
{
	const struct stk_spawn s = { .class_index = index };
	struct stk_extras extras = { 0 };
	char text[STK_WHY_MAX] = "";
	struct stk_net_link l;
	enum stk_err e = stk_net_open(c, &s, &l, &extras, text);

	if (e == STK_OK)
		stk_net_close(c, &l);
	(void)snprintf(why, 300, "%.299s", text);
	return e;
}

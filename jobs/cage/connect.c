/*
 * connect.c - stockade_connect() from the inside: one question and one answer at a time over the
 * socket to the job's broker (sandbox/broker.h). Runs in the shut cage.
 */
#include "jobs/cage/cage.h"

#include "sandbox/entry.h"
#include "sandbox/fds.h"
#include "sandbox/net_addr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

/* Beyond the request's own time: what a broker on a busy machine may need to say so. */
#define GRACE_MS 2000

#define BROKER (STK_SLOT_EXTRAS + STK_EXTRA_BROKER)

/* One process, one job: what the last request came to. */
static struct {
	uint32_t seq;
	char text[256];
} last;

static int fail(enum stk_net_name name, int err)
{
	int e = stk_net_errno(name) != 0 ? stk_net_errno(name) : err;

	if (name == STK_NET_CONNECT_FAILED)
		(void)snprintf(
		    last.text, sizeof(last.text), "%s: %s", stk_net_text(name), strerror(err));
	else
		(void)snprintf(last.text, sizeof(last.text), "%s: %s", stk_net_text(name),
		    stk_net_sentence(name));
	errno = e;
	return -1;
}

/* Answers to requests that were given up come late; theirs are closed unseen. */
static enum stk_err hear(struct stk_net_answer *a, int *fd, int64_t until_ms)
{
	for (;;) {
		size_t n_fds = 0;
		enum stk_err e = stk_fds_wait(BROKER, until_ms);

		*fd = -1;
		if (e == STK_OK)
			e = stk_fds_recv(BROKER, a, sizeof(*a), fd, 1, &n_fds);
		if (e != STK_OK)
			return e;
		if (a->magic != STK_NET_ANSWER_MAGIC || (n_fds == 1) != (a->name == STK_NET_OK) ||
		    a->name >= STK_NET_COUNT) {
			stk_close(fd);
			return STK_E_FORMAT;
		}
		if (a->seq == last.seq)
			return STK_OK;
		stk_close(fd);
	}
}

static int from_err(enum stk_err e, int err)
{
	switch (e) {
	case STK_E_TIMEOUT: return fail(STK_NET_BROKER_SILENT, 0);
	case STK_E_FORMAT: return fail(STK_NET_BROKER_MALFORMED, 0);
	case STK_E_SYSTEM:
		if (err == EBADF || err == ENOTSOCK)
			return fail(STK_NET_NO_GRANT, 0);
		return fail(STK_NET_BROKER_LOST, 0);
	case STK_OK:
	case STK_E_NOMEM:
	case STK_E_TOOBIG:
	case STK_E_CLOSED:
	case STK_E_ABSENT:
	case STK_E_REFUSED: break;
	}
	return fail(STK_NET_BROKER_LOST, 0);
}

/* An answer whose descriptor finds no room would look like a broken one. */
static bool room_for_one(void)
{
	STK_AUTO_CLOSE int probe = eventfd(0, EFD_CLOEXEC);

	return probe != -1;
}

int stockade_connect(struct stockade_job *job, const char *host, uint16_t port, uint32_t timeout_ms)
{
	struct stk_net_ask ask = { .magic = STK_NET_ASK_MAGIC, .port = port };
	int64_t left = stockade_deadline_left_ms(job);
	struct stk_net_answer a;
	int fd = -1;
	enum stk_err e;

	last.text[0] = '\0';
	if ((job->desc->profiles & STK_PROFILE_NET) == 0)
		return fail(STK_NET_NO_GRANT, 0);
	if (port == 0 || strnlen(host, sizeof(ask.host)) == sizeof(ask.host))
		return fail(STK_NET_NAME_BAD, 0);
	if (!room_for_one())
		return fail(STK_NET_FD_LIMIT, 0);
	memcpy(ask.host, host, strlen(host));
	ask.seq = ++last.seq;
	ask.timeout_ms = timeout_ms == 0 || timeout_ms > left ? (uint32_t)left : timeout_ms;
	if (ask.timeout_ms == 0)
		return fail(STK_NET_CONNECT_TIMEOUT, 0);
	e = stk_fds_send(BROKER, &ask, sizeof(ask), NULL, 0);
	if (e == STK_OK)
		e = hear(&a, &fd, stk_monotonic_ms() + ask.timeout_ms + GRACE_MS);
	if (e != STK_OK)
		return from_err(e, errno);
	if (a.name != STK_NET_OK)
		return fail(a.name, a.err);
	return fd;
}

const char *stockade_connect_why(const struct stockade_job *job)
{
	(void)job;
	return last.text;
}

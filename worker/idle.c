/*
 * idle.c - see idle.h.
 */
#include "worker/idle.h"

#include "worker/log.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define FIRST_PAUSE_MS   5
#define CONNECT_MS       1000
#define GRACE_MS         500 /* beyond a pop's own timeout, before its link is given up */
#define UNBLOCK_AGAIN_MS 10  /* an UNBLOCK may overtake the BLMOVE that it is meant for */
#define UNBLOCK_MAX_MS   1500
#define TROUBLE_MAX_MS   60000
#define TROUBLE_AGAIN_MS \
	10000 /* so soon after blocking again, the same trouble waits twice as long */

/* What keeps a worker from blocking, and how long it polls before it tries again. */
static const struct {
	enum stk_redis_problem problem;
	int64_t wait_ms;
	const char *why;
} troubles[] = {
	{ STK_RP_NONE, 1000, "a blocking link broke" },
	{ STK_RP_UNBLOCKED, 1000, "Redis changed its role" },
	{ STK_RP_LOADING, 1000, "Redis is loading its data" },
	{ STK_RP_BUSY, 1000, "a script keeps Redis busy" },
	{ STK_RP_NOSCRIPT, 1000, "Redis forgot its scripts" },
	{ STK_RP_MASTERDOWN, 2000, "a replica without its master" },
	{ STK_RP_READONLY, 2000, "a read-only replica" },
	{ STK_RP_NOREPLICAS, 5000, "too few replicas to write" },
	{ STK_RP_MISCONF, 5000, "Redis cannot write to its disk" },
	{ STK_RP_OOM, 5000, "Redis is full: a pop that moves is refused, reserve is not" },
	{ STK_RP_WRONGTYPE, 5000, "a key has the wrong type" },
	{ STK_RP_NOPERM, 30000, "the ACL user lacks blmove, client|id or client|unblock" },
	{ STK_RP_NOAUTH, 30000, "Redis wants a login" },
	{ STK_RP_WRONGPASS, 30000, "Redis refuses the login" },
	{ STK_RP_OTHER, 10000, "an error of no name we know" },
};

void stk_idle_open(struct stk_idle *i, struct stk_store *store, struct stk_life *life, bool dynamic)
{
	*i = (struct stk_idle){
		.store = store,
		.life = life,
		.dynamic = dynamic,
		.pause_ms = FIRST_PAUSE_MS,
	};
}

void stk_idle_worked(struct stk_idle *i)
{
	i->pause_ms = FIRST_PAUSE_MS;
}

/* An idle worker looks soon after work and ever more rarely up to `poll`. */
static void poll_pause(struct stk_idle *i)
{
	int64_t most = i->life->config->poll_ms;

	i->pause_ms = i->pause_ms * 2 < most ? i->pause_ms * 2 : most;
	stk_life_wait(i->life, i->pause_ms);
}

/* --- trouble ---------------------------------------------------------------------------------- */

static void say_polling(const char *name, const char *why, const char *more, int64_t wait_ms)
{
	struct stk_jw *line =
	    stk_log_start(STK_LOG_WARN, "idle.polling", "unknown", "%s: %s%s%s; polling%s", name,
		why, more[0] != '\0' ? ": " : "", more, wait_ms > 0 ? " for a while" : "");

	stk_jw_cstr(line, "event.reason", name);
	if (wait_ms > 0)
		stk_jw_int(line, "stockade.retry_ms", wait_ms);
	stk_log_end();
}

static size_t row_of(enum stk_redis_problem problem)
{
	size_t k = 0;

	while (k < STK_ARRAY_LEN(troubles) - 1 && troubles[k].problem != problem)
		k++;
	return k;
}

/* @r said no or broke: polling for a while, longer when it goes on. */
static void fall_back(struct stk_idle *i, const struct stk_redis *r)
{
	enum stk_redis_problem problem = stk_redis_problem(r);
	int64_t now = stk_monotonic_ms();
	size_t k = row_of(problem);

	if (problem == STK_RP_OTHER && strncmp(stk_redis_why(r), "ERR unknown command", 19) == 0) {
		if (!i->no_blmove)
			say_polling("NO_BLMOVE", "blocking pickup needs Redis 6.2 or later", "", 0);
		i->no_blmove = true;
		return;
	}
	if (i->block_again_ms > now)
		return; /* another link's trouble came first */
	if (i->trouble != problem || i->trouble_wait_ms == 0 ||
	    now > i->block_again_ms + TROUBLE_AGAIN_MS)
		i->trouble_wait_ms = troubles[k].wait_ms;
	else if (i->trouble_wait_ms * 2 <= TROUBLE_MAX_MS)
		i->trouble_wait_ms *= 2;
	i->trouble = problem;
	i->block_again_ms = now + i->trouble_wait_ms;
	say_polling(problem == STK_RP_NONE ? "LINK" : stk_redis_problem_text(problem),
	    troubles[k].why, stk_redis_why(r), i->trouble_wait_ms);
}

/* --- the links -------------------------------------------------------------------------------- */

/* CLIENT UNBLOCK of a client that does not block answers 0: a dry run of the permission for it. */
static enum stk_err learn_id(struct stk_idle_link *l)
{
	struct stk_reply *r = NULL;
	enum stk_err e = stk_redis_words(l->link, &r, "CLIENT", "ID", NULL);

	if (e == STK_OK && (r->type != STK_REPLY_INTEGER || r->integer <= 0))
		e = STK_E_FORMAT;
	if (e == STK_OK)
		(void)snprintf(l->client_id, sizeof(l->client_id), "%lld", (long long)r->integer);
	stk_reply_free(r);
	r = NULL;
	if (e == STK_OK)
		e = stk_redis_words(l->link, &r, "CLIENT", "UNBLOCK", l->client_id, NULL);
	stk_reply_free(r);
	return e;
}

/* An idle link has nothing to say: what can be read is its end (Redis's `timeout`, a restart). */
static bool stale(const struct stk_redis *r)
{
	struct pollfd p = { .fd = stk_redis_fd(r), .events = POLLIN };

	return stk_redis_connected(r) && poll(&p, 1, 0) != 0;
}

static enum stk_err open_link(struct stk_idle *i, struct stk_idle_link *l)
{
	struct stk_redis_caps caps = STK_REDIS_CAPS_DEFAULT;
	enum stk_err e = STK_OK;

	/* a longer element ends the link at its header; reserve removes it from our list */
	caps.string_bytes = (size_t)i->store->max_payload_bytes;
	caps.reply_bytes = caps.string_bytes + 1024;
	caps.n_elements = 1;
	if (l->link == NULL)
		e = stk_redis_sibling(i->store->link, &caps, CONNECT_MS, &l->link);
	if (e == STK_OK && stale(l->link))
		stk_redis_close(l->link);
	if (e == STK_OK && !stk_redis_connected(l->link)) {
		e = stk_redis_connect(l->link);
		if (e == STK_OK && (e = learn_id(l)) != STK_OK)
			stk_redis_close(l->link);
	}
	return e;
}

/* The reply, if it is there: that something was delivered, nothing, or an error. */
static void take_reply(struct stk_idle *i, struct stk_idle_link *l)
{
	struct stk_reply *r = NULL;
	enum stk_err e = stk_redis_receive(l->link, 0, &r);

	if (e == STK_E_TIMEOUT)
		return; /* half a reply */
	l->waiting = false;
	i->delivered = i->delivered || !(e == STK_OK && r->type == STK_REPLY_NIL);
	stk_reply_free(r);
	if (e == STK_OK || e == STK_E_TOOBIG)
		return;
	fall_back(i, l->link);
	stk_redis_close(l->link);
}

static size_t n_waiting(const struct stk_idle *i)
{
	size_t n = 0;

	for (size_t k = 0; k < STK_IDLE_LINKS_MAX; k++)
		n += i->links[k].waiting;
	return n;
}

/* Waits for replies, and for signals on @signal_fd unless -1, at most @ms; takes what came. */
static void wait_replies(struct stk_idle *i, int signal_fd, int64_t ms)
{
	struct pollfd fds[STK_IDLE_LINKS_MAX + 1] = { { .fd = signal_fd, .events = POLLIN } };

	for (size_t k = 0; k < STK_IDLE_LINKS_MAX; k++)
		fds[k + 1] = (struct pollfd){
			.fd = i->links[k].waiting ? stk_redis_fd(i->links[k].link) : -1,
			.events = POLLIN,
		};
	if (poll(fds, STK_ARRAY_LEN(fds), ms > 0 ? (int)ms : 0) <= 0)
		return;
	for (size_t k = 0; k < STK_IDLE_LINKS_MAX; k++)
		if (fds[k + 1].revents != 0 && i->links[k].waiting)
			take_reply(i, &i->links[k]);
}

/* --- ending what blocks ----------------------------------------------------------------------- */

/* CLIENT UNBLOCK for every link that still waits, in one write. */
static enum stk_err unblock(struct stk_idle *i)
{
	struct stk_span words[STK_IDLE_LINKS_MAX][3];
	struct stk_redis_command commands[STK_IDLE_LINKS_MAX];
	struct stk_reply *replies[STK_IDLE_LINKS_MAX];
	size_t n = 0;
	enum stk_err e;

	for (size_t k = 0; k < STK_IDLE_LINKS_MAX; k++) {
		if (!i->links[k].waiting)
			continue;
		words[n][0] = stk_span_str("CLIENT");
		words[n][1] = stk_span_str("UNBLOCK");
		words[n][2] = stk_span_str(i->links[k].client_id);
		commands[n] = (struct stk_redis_command){ .argv = words[n], .argc = 3 };
		n++;
	}
	if (n == 0)
		return STK_OK;
	if ((e = stk_redis_pipeline(i->store->link, commands, n, replies)) != STK_OK)
		return e;
	for (size_t k = 0; k < n; k++)
		stk_reply_free(replies[k]);
	if (stk_redis_problem(i->store->link) == STK_RP_NONE)
		return STK_OK;
	fall_back(i, i->store->link);
	return STK_E_REFUSED;
}

/*
 * After this no pop of ours is under way, and all that was delivered lies in our lists. A link that
 * cannot be unblocked is closed: Redis drops its pop, and what slipped in is adopted later.
 */
static void end_pops(struct stk_idle *i)
{
	int64_t until = stk_monotonic_ms() + UNBLOCK_MAX_MS;
	bool trying = true;

	while (trying && n_waiting(i) > 0) {
		trying = unblock(i) == STK_OK && stk_monotonic_ms() < until;
		for (int round = 0; round < 2 && n_waiting(i) > 0; round++)
			wait_replies(i, -1, UNBLOCK_AGAIN_MS);
	}
	for (size_t k = 0; k < STK_IDLE_LINKS_MAX; k++)
		if (i->links[k].waiting) {
			stk_redis_close(i->links[k].link);
			i->links[k].waiting = false;
			i->delivered = true;
		}
}

void stk_idle_close(struct stk_idle *i)
{
	if (i->store == NULL)
		return;
	end_pops(i);
	for (size_t k = 0; k < STK_IDLE_LINKS_MAX; k++)
		stk_redis_free(i->links[k].link);
	*i = (struct stk_idle){ 0 };
}

/* --- blocking --------------------------------------------------------------------------------- */

static bool may_block(struct stk_idle *i, size_t n)
{
	if (n > STK_IDLE_LINKS_MAX && !i->dynamic && !i->said_many) {
		say_polling("MANY_QUEUES", "a worker blocks on at most 16 queues", "", 0);
		i->said_many = true;
	}
	return !i->dynamic && !i->no_blmove && n <= STK_IDLE_LINKS_MAX &&
	       stk_monotonic_ms() >= i->block_again_ms;
}

/* One pop per queue that is not paused; false when one cannot be: then none is left. */
static bool start_pops(struct stk_idle *i, const char *const *queues, size_t n,
    const struct stk_reserved *seen, int timeout_ms)
{
	for (size_t k = 0; k < n; k++) {
		struct stk_idle_link *l = &i->links[k];
		enum stk_err e;

		if (k < seen->paused.len && seen->paused.p[k] == '1')
			continue;
		e = open_link(i, l);
		if (e == STK_OK)
			e = stk_store_await(i->store, l->link, queues[k], timeout_ms);
		if (e != STK_OK) {
			fall_back(i, l->link != NULL ? l->link : i->store->link);
			end_pops(i);
			return false;
		}
		l->waiting = true;
	}
	return true;
}

static bool life_goes_on(const struct stk_life *l)
{
	return l->stop == STK_STOP_NO && !l->paused && !l->reload && !l->fenced && !l->outage.away;
}

/* Until the first reply of any kind, @until_ms or an order to stop. */
static void await_first(struct stk_idle *i, int64_t until_ms)
{
	size_t n = n_waiting(i);

	while (n > 0 && n_waiting(i) == n && life_goes_on(i->life)) {
		int64_t now = stk_monotonic_ms(), wait = until_ms - now;

		if (wait <= 0)
			break;
		if (stk_life_tick_ms(i->life) < wait)
			wait = stk_life_tick_ms(i->life);
		wait_replies(i, i->life->signal_fd, wait);
		(void)stk_life_tick(i->life);
	}
}

bool stk_idle_wait(struct stk_idle *i, const char *const *queues, size_t n, enum stk_answer answer,
    const struct stk_reserved *seen)
{
	int64_t ms = STK_IDLE_BLOCK_MS;

	if (seen->next_due_ms >= 0 && seen->next_due_ms < ms)
		ms = seen->next_due_ms > 0 ? seen->next_due_ms : 1;
	i->delivered = false;
	if (answer == STK_ANSWER_PAUSED) {
		stk_life_wait(i->life, STK_IDLE_BLOCK_MS);
	} else if (!may_block(i, n) || !start_pops(i, queues, n, seen, (int)ms)) {
		poll_pause(i);
	} else {
		await_first(i, stk_monotonic_ms() + ms + GRACE_MS);
		end_pops(i);
	}
	return i->delivered;
}

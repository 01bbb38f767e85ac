/*
 * life.c - see life.h.
 */
#include "worker/life.h"

#include "worker/log.h"
#include "worker/queues.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* a running job's clocks wait no longer than this for a Redis that does not answer */
#define RUNNING_WAIT_MS 1000
#define LEAST_WAIT_MS   50 /* a beat with less time than this would only break its link */

#define BEAT_LINES_PER_MINUTE 2

static const int heard[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT };

enum stk_err stk_life_open(struct stk_life *l, const struct stk_config *c)
{
	sigset_t set;

	*l = (struct stk_life){ .config = c, .signal_fd = -1, .supervisor = getppid() };
	(void)sigemptyset(&set);
	for (size_t i = 0; i < STK_ARRAY_LEN(heard); i++)
		(void)sigaddset(&set, heard[i]);
	if (sigprocmask(SIG_SETMASK, &set, NULL) != 0)
		return STK_E_SYSTEM;
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signal_fd == -1)
		return STK_E_SYSTEM;
	stk_time_shown(l->started, (int64_t)time(NULL));
	return STK_OK;
}

void stk_life_close(struct stk_life *l)
{
	stk_close(&l->signal_fd);
	stk_pulse_close(l->pulse);
	l->pulse = NULL;
}

enum stk_err stk_life_worker_id(const struct stk_config *c, char *out, size_t size, size_t *len)
{
	char host[256] = "";
	size_t n;

	if (c->host != NULL)
		(void)snprintf(host, sizeof(host), "%s", c->host);
	else if (gethostname(host, sizeof(host) - 1) != 0)
		return STK_E_SYSTEM;
	/* resque-web splits at ':' and routes at '/' */
	for (char *p = host; *p != '\0'; p++)
		if (strchr(":/,", *p) != NULL || (unsigned char)*p <= 0x20 ||
		    (unsigned char)*p > 0x7e)
			*p = '-';
	n = (size_t)snprintf(out, size, "%s:%d:", host, (int)getpid());
	*len = n + stk_queues_id_len(&c->queues);
	return *len < size ? stk_queues_id(&c->queues, out + n, size - n) : STK_E_TOOBIG;
}

/*
 * The second request is urgent, if it comes the way the first one came: a signal to the whole group
 * (a terminal's ^C, some container runtimes) arrives by itself and once more through the
 * supervisor.
 */
static void hear_stop(struct stk_life *l, int sig, pid_t sender)
{
	int64_t now = stk_monotonic_ms();
	bool patient = sig == SIGQUIT || (sig == SIGTERM && l->config->graceful_term);
	bool again = ++l->n_stops[sender == l->supervisor] > 1;

	if (l->stop != STK_STOP_NO && !again)
		return;
	if (again) {
		l->stop = STK_STOP_NOW;
		l->drain_until_ms = now;
	} else {
		l->stop = STK_STOP_DRAIN;
		l->drain_until_ms = patient ? INT64_MAX : now + l->config->drain_timeout_ms;
	}
	(void)stk_log_start(STK_LOG_INFO, "worker.stopping", "unknown", "signal %d: %s", sig,
	    l->stop == STK_STOP_DRAIN ? "no new job; a running one may finish"
				      : "a running job is ended and handed back now");
	stk_log_end();
}

static void hear_one(struct stk_life *l, int sig, pid_t sender)
{
	if (sig == SIGUSR1) {
		l->kill_child = true;
	} else if (sig == SIGHUP) {
		l->reload = true;
	} else if (sig == SIGUSR2 || sig == SIGCONT) {
		bool pause = sig == SIGUSR2;

		if (l->paused == pause)
			return;
		l->paused = pause;
		(void)stk_log_start(STK_LOG_INFO, pause ? "worker.paused" : "worker.resumed",
		    "unknown",
		    pause ? "USR2: nothing new is reserved until CONT" : "CONT: reserving again");
		stk_log_end();
	} else {
		hear_stop(l, sig, sender);
	}
}

static void hear(struct stk_life *l)
{
	struct signalfd_siginfo si;

	while (read(l->signal_fd, &si, sizeof(si)) == sizeof(si))
		hear_one(l, (int)si.ssi_signo, (pid_t)si.ssi_pid);
}

/* A beat that failed, or came late because this process stood still, ends what was seen steadily.
 */
static void note_beat(struct stk_life *l, enum stk_err e, enum stk_answer answer)
{
	int64_t now = stk_monotonic_ms();
	bool good = e == STK_OK && answer == STK_ANSWER_OK;
	uint64_t missed;

	stk_outage_note_beat(&l->outage, e);
	if (!good || now - l->beat_ok_ms > 3 * l->config->beat_ms ||
	    l->steady_since_ms < now - stk_redis_age_ms(l->store->link))
		l->steady_since_ms = good ? now : 0;
	if (good)
		l->beat_ok_ms = now;
	if (e == STK_OK && answer == STK_ANSWER_FENCED)
		l->fenced = true;
	if (e == STK_OK && answer == STK_ANSWER_STORE &&
	    stk_log_allow(&l->beat_lines, BEAT_LINES_PER_MINUTE, now, &missed)) {
		(void)stk_log_start(STK_LOG_WARN, "worker.beat_failed", "failure",
		    "STORE: no beat, because a key has the wrong type: %s", l->store->bad_key);
		stk_log_end();
	}
}

/* Where the connection is gone, the beat is what looks for Redis again and heals the registration.
 */
static bool link_up(struct stk_life *l, bool *fresh)
{
	bool up;

	*fresh = false;
	if (stk_redis_connected(l->store->link))
		return true;
	if (!l->outage.away)
		stk_outage_note_beat(&l->outage, STK_E_CLOSED);
	if (stk_monotonic_ms() < l->outage.retry_at_ms)
		return false;
	stk_pulse_patience(l->pulse, 60000); /* a name's resolution has time limits of libc's own */
	up = stk_outage_connect(&l->outage);
	stk_pulse_tick(l->pulse);
	*fresh = up;
	return up;
}

static void try_beat(struct stk_life *l)
{
	enum stk_answer answer = STK_ANSWER_OK;
	bool fresh;
	enum stk_err e;

	if (!link_up(l, &fresh) || (!fresh && stk_monotonic_ms() < l->next_beat_ms))
		return;
	l->next_beat_ms = stk_monotonic_ms() + l->config->beat_ms;
	e = stk_store_beat(l->store, l->started, &answer);
	note_beat(l, e, answer);
}

/* The same loop watches the child: while one runs, a beat takes no more time than its limits leave.
 */
static void beat(struct stk_life *l)
{
	int64_t now = stk_monotonic_ms(), until = now + RUNNING_WAIT_MS;

	if (l->store == NULL || l->fenced)
		return;
	if (l->running) {
		if (l->back_by_ms < until)
			until = l->back_by_ms;
		if (until - now < LEAST_WAIT_MS)
			return; /* the child's time is up: that comes first */
		stk_redis_bound(l->store->link, until);
	}
	try_beat(l);
	stk_redis_bound(l->store->link, 0);
}

int64_t stk_life_steady_since(const struct stk_life *l)
{
	if (l->steady_since_ms == 0 || l->outage.away || !stk_redis_connected(l->store->link) ||
	    stk_monotonic_ms() - l->beat_ok_ms > 3 * l->config->beat_ms)
		return 0;
	return l->steady_since_ms;
}

/* Two thirds of the time after which others take its job: a second run must not meet the first. */
static bool must_abandon(struct stk_life *l)
{
	if (!l->running || l->may_repeat || l->beat_ok_ms == 0 ||
	    stk_monotonic_ms() - l->beat_ok_ms < l->config->dead_after_ms / 3 * 2)
		return false;
	if (!l->abandoned) {
		(void)stk_log_start(STK_LOG_ERROR, "job.abandoned", "failure",
		    "no beat reached Redis for %lld ms and the class is not idempotent: its child "
		    "is "
		    "killed before others run the job",
		    (long long)(stk_monotonic_ms() - l->beat_ok_ms));
		stk_log_end();
	}
	l->abandoned = true;
	return true;
}

static enum stk_run_order order(struct stk_life *l)
{
	int64_t now = stk_monotonic_ms();

	if (l->fenced || l->kill_child || must_abandon(l))
		return STK_RUN_KILL;
	if (l->stop == STK_STOP_NO || now < l->drain_until_ms)
		return STK_RUN_ON;
	if (l->kill_at_ms == 0)
		l->kill_at_ms = now + l->config->term_timeout_ms;
	return now < l->kill_at_ms ? STK_RUN_TERM : STK_RUN_KILL;
}

enum stk_run_order stk_life_tick(struct stk_life *l)
{
	stk_pulse_tick(l->pulse);
	hear(l);
	beat(l);
	if (l->ticked != NULL)
		l->ticked(l->ctx);
	return order(l);
}

int64_t stk_life_tick_ms(const struct stk_life *l)
{
	int64_t ms = l->config->stuck_after_ms / 4;

	if (l->config->beat_ms < ms)
		ms = l->config->beat_ms;
	return ms < 1000 ? ms : 1000;
}

/* One sleep of at most @ms, ended early by a signal, a due beat or a due tick. */
static void doze(struct stk_life *l, int64_t ms)
{
	struct pollfd fd = { .fd = l->signal_fd, .events = POLLIN };
	int64_t tick_ms = stk_life_tick_ms(l);

	(void)poll(&fd, 1, (int)(ms < tick_ms ? ms : tick_ms));
	(void)stk_life_tick(l);
}

void stk_life_wait(struct stk_life *l, int64_t ms)
{
	int64_t until = stk_monotonic_ms() + ms;
	bool paused = l->paused, reload = l->reload;

	while (l->stop == STK_STOP_NO && !l->fenced && l->paused == paused && l->reload == reload) {
		int64_t now = stk_monotonic_ms();

		if (now >= until)
			break;
		doze(l, until - now);
	}
}

static bool give_up(struct stk_life *l, const struct stk_outage *o, bool outcome_in_hand)
{
	int64_t now = stk_monotonic_ms();

	if (l->fenced || l->outage.hopeless || o->hopeless)
		return true;
	if (l->stop == STK_STOP_NO)
		return false;
	if (!outcome_in_hand || l->stop == STK_STOP_NOW)
		return true;
	if (l->leave_at_ms == 0)
		l->leave_at_ms = now + l->config->term_timeout_ms;
	return now >= l->leave_at_ms;
}

bool stk_life_linger(struct stk_life *l, int64_t ms, bool outcome_in_hand)
{
	int64_t until = stk_monotonic_ms() + ms;

	while (!give_up(l, &l->outage, outcome_in_hand)) {
		int64_t now = stk_monotonic_ms();

		if (now >= until)
			return true;
		doze(l, until - now);
	}
	return false;
}

bool stk_life_again(struct stk_life *l, enum stk_err e, bool outcome_in_hand)
{
	return stk_life_again_on(l, &l->outage, e, outcome_in_hand);
}

bool stk_life_again_on(
    struct stk_life *l, struct stk_outage *o, enum stk_err e, bool outcome_in_hand)
{
	stk_outage_note(o, e);
	if (e == STK_OK)
		return false;
	while (!give_up(l, o, outcome_in_hand)) {
		int64_t now = stk_monotonic_ms();

		if (!o->away)
			return true; /* a beat got through */
		if (now >= o->retry_at_ms && stk_outage_connect(o))
			return true;
		if (now < o->retry_at_ms)
			doze(l, o->retry_at_ms - now);
	}
	return false;
}

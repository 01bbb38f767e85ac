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

static const int heard[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT };

enum stk_err stk_life_open(struct stk_life *l, const struct stk_config *c)
{
	sigset_t set;

	*l = (struct stk_life){ .config = c, .signal_fd = -1 };
	(void)sigemptyset(&set);
	for (size_t i = 0; i < STK_ARRAY_LEN(heard); i++)
		(void)sigaddset(&set, heard[i]);
	if (sigprocmask(SIG_SETMASK, &set, NULL) != 0)
		return STK_E_SYSTEM;
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signal_fd == -1)
		return STK_E_SYSTEM;
	stk_record_started(l->started, (int64_t)time(NULL));
	return STK_OK;
}

void stk_life_close(struct stk_life *l)
{
	stk_close(&l->signal_fd);
}

enum stk_err stk_life_worker_id(const struct stk_config *c, char *out, size_t size)
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
	return n < size ? stk_queues_id(&c->queues, out + n, size - n) : STK_E_TOOBIG;
}

static void hear_stop(struct stk_life *l, int sig)
{
	int64_t now = stk_monotonic_ms();
	bool patient = sig == SIGQUIT || (sig == SIGTERM && l->config->graceful_term);

	if (l->stop != STK_STOP_NO) {
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

static void hear_one(struct stk_life *l, int sig)
{
	if (sig == SIGUSR1) {
		l->kill_child = true;
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
		hear_stop(l, sig);
	}
}

static void hear(struct stk_life *l)
{
	struct signalfd_siginfo si;

	while (read(l->signal_fd, &si, sizeof(si)) == sizeof(si))
		hear_one(l, (int)si.ssi_signo);
}

static void beat(struct stk_life *l)
{
	int64_t now = stk_monotonic_ms();
	enum stk_answer answer;

	if (l->store == NULL || now < l->next_beat_ms || l->fenced || l->redis_lost)
		return;
	l->next_beat_ms = now + l->config->beat_ms;
	if (stk_store_beat(l->store, l->started, &answer) != STK_OK) {
		/* an error line (OOM, READONLY, ...) leaves the link open: the next beat tries
		 * again */
		l->redis_lost = !stk_redis_connected(l->store->link);
		(void)stk_log_start(STK_LOG_WARN, "worker.beat_failed", "failure",
		    "the beat did not reach Redis: %s", stk_redis_why(l->store->link));
		stk_log_end();
	} else if (answer == STK_ANSWER_FENCED) {
		l->fenced = true;
	} else if (answer == STK_ANSWER_STORE) {
		(void)stk_log_start(STK_LOG_WARN, "worker.beat_failed", "failure",
		    "STORE: no beat, because a key has the wrong type: %s", l->store->bad_key);
		stk_log_end();
	}
}

static enum stk_run_order order(struct stk_life *l)
{
	int64_t now = stk_monotonic_ms();

	if (l->fenced || l->kill_child)
		return STK_RUN_KILL;
	if (l->stop == STK_STOP_NO || now < l->drain_until_ms)
		return STK_RUN_ON;
	if (l->kill_at_ms == 0)
		l->kill_at_ms = now + l->config->term_timeout_ms;
	return now < l->kill_at_ms ? STK_RUN_TERM : STK_RUN_KILL;
}

enum stk_run_order stk_life_tick(struct stk_life *l)
{
	hear(l);
	beat(l);
	return order(l);
}

void stk_life_wait(struct stk_life *l, int64_t ms)
{
	int64_t until = stk_monotonic_ms() + ms;
	bool paused = l->paused;

	while (l->stop == STK_STOP_NO && !l->fenced && !l->redis_lost && l->paused == paused) {
		int64_t now = stk_monotonic_ms(), wait = until - now;
		struct pollfd fd = { .fd = l->signal_fd, .events = POLLIN };

		if (wait <= 0)
			break;
		if (l->store != NULL && l->next_beat_ms - now < wait)
			wait = l->next_beat_ms > now ? l->next_beat_ms - now : 0;
		(void)poll(&fd, 1, (int)wait);
		(void)stk_life_tick(l);
	}
}

/*
 * tend.c - see tend.h.
 */
#include "worker/tend.h"

#include "worker/cli/cli.h"
#include "worker/listen.h"
#include "worker/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define TICK_MS 1000

static int bind_socket(struct stk_tend *t)
{
	struct stk_listen at;
	char why[STK_LISTEN_WHY_BYTES];

	if (stk_listen_parse(t->config->metrics_listen, &at, why, sizeof(why)) != STK_OK)
		return stk_complain(STK_EX_CONFIG, "metrics_listen: METRICS_LISTEN: %s", why);
	if (stk_listen_open(&at, &t->fds[0]) != STK_OK)
		return stk_complain(STK_EX_CONFIG,
		    "metrics_listen: METRICS_LISTEN: cannot listen on %s: %s; %s",
		    t->config->metrics_listen, strerror(errno), stk_listen_cure(errno));
	return 0;
}

static int no_pages(void)
{
	return stk_complain(STK_EX_OS, "cannot make the pages of counters: %s", strerror(errno));
}

/* Its own page: mapped here, and of its descriptors only one that cannot write stays. */
static int make_own_page(struct stk_tend *t)
{
	int fd = stk_pulse_create();
	int code = 0;

	if (fd == -1 || (t->pulse = stk_pulse_open(fd)) == NULL ||
	    (t->meter = stk_meter_open(fd)) == NULL || (t->fds[1] = stk_pulse_reopen(fd)) == -1)
		code = no_pages();
	stk_close(&fd);
	return code;
}

static void count_from_zero(struct stk_tend *t)
{
	static const enum stk_metric counted[] = { STK_METRIC_RESTARTS, STK_METRIC_STUCK,
		STK_METRIC_EXPORTER_RESTARTS };

	for (size_t i = 0; i < STK_ARRAY_LEN(counted); i++)
		stk_meter_row(t->meter, counted[i], "", "");
	stk_meter_set(
	    t->meter, STK_METRIC_CHILDREN_LIMIT, "", "", 0, (uint64_t)t->config->concurrency);
	stk_meter_set(t->meter, STK_METRIC_PROCESS_START, "", "", 0, (uint64_t)stk_realtime_ms());
}

/* A manager that cannot be told would end the service at its start-up timeout, without a reason. */
static int open_notify(struct stk_tend *t)
{
	enum stk_err e = stk_notify_open(&t->notify);

	if (e == STK_OK || e == STK_E_ABSENT)
		return 0;
	return stk_complain(STK_EX_OS,
	    "NOTIFY_SOCKET: cannot tell the service manager: %s; run it as Type=exec to do without",
	    e == STK_E_SYSTEM ? strerror(errno) : "neither a path nor an abstract name");
}

int stk_tend_open(struct stk_tend *t, const struct stk_config *c, const int *pulses, size_t n)
{
	int code;

	*t = (struct stk_tend){ .config = c, .self = { .statm = -1 }, .notify = { .fd = -1 } };
	if ((code = open_notify(t)) != 0)
		return code;
	if (c->metrics_listen == NULL)
		return 0;
	t->fds = calloc(n + 2, sizeof(*t->fds));
	if (t->fds == NULL)
		return stk_complain(STK_EX_OS, "out of memory");
	t->n_fds = n + 2;
	for (size_t i = 0; i < t->n_fds; i++)
		t->fds[i] = -1;
	if ((code = bind_socket(t)) != 0 || (code = make_own_page(t)) != 0)
		return code;
	for (size_t i = 0; i < n; i++)
		if ((t->fds[i + 2] = stk_pulse_reopen(pulses[i])) == -1)
			return no_pages();
	stk_self_open(&t->self);
	count_from_zero(t);
	return 0;
}

void stk_tend_close(struct stk_tend *t)
{
	if (t->pid != 0) {
		(void)kill(t->pid, SIGKILL);
		while (waitpid(t->pid, NULL, 0) == -1 && errno == EINTR)
			continue;
		t->pid = 0;
	}
	for (size_t i = 0; i < t->n_fds; i++)
		stk_close(&t->fds[i]);
	free(t->fds);
	t->fds = NULL;
	t->n_fds = 0;
	stk_self_close(&t->self);
	stk_notify_close(&t->notify);
	stk_meter_close(t->meter);
	stk_pulse_close(t->pulse);
	t->meter = NULL;
	t->pulse = NULL;
}

static enum stk_err start_due(struct stk_tend *t, const struct stk_launcher *l, int64_t now)
{
	enum stk_err e;

	if (t->pid != 0 || now < t->restart.start_at_ms)
		return STK_OK;
	if (l->pid == 0) { /* nobody can make it: else the loop would ask without a pause */
		t->restart.start_at_ms = now + STK_RESTART_MAX_MS;
		return STK_OK;
	}
	e = stk_launcher_export(l, t->fds, t->n_fds, &t->pid);
	t->restart.started_ms = now;
	if (e == STK_OK)
		return e;
	t->restart.start_at_ms = now + STK_RESTART_MAX_MS;
	(void)stk_log_start(STK_LOG_ERROR, "exporter.start_failed", "failure",
	    "cannot start the exporter: %s%s; jobs run without it", stk_strerror(e),
	    stk_launcher_what_now(e));
	stk_log_end();
	return e == STK_E_SYSTEM ? STK_OK : e;
}

void stk_tend_ready(struct stk_tend *t, uint32_t workers)
{
	stk_notify_ready(&t->notify, workers);
}

enum stk_err stk_tend_tick(struct stk_tend *t, const struct stk_launcher *l, bool stopping)
{
	int64_t now = stk_monotonic_ms();

	if (stopping)
		stk_notify_stopping(&t->notify);
	stk_notify_alive(&t->notify, now);
	if (t->meter == NULL)
		return STK_OK;
	stk_pulse_tick(t->pulse);
	stk_pulse_health(t->pulse, stopping ? STK_HEALTH_STOPPING : 0);
	stk_meter_set(t->meter, STK_METRIC_SUPERVISOR_TICK, "", "", 0, (uint64_t)stk_realtime_ms());
	stk_self_tell(&t->self, t->meter, "supervisor", now);
	return start_due(t, l, now);
}

void stk_tend_patience(struct stk_tend *t, int64_t ms)
{
	stk_pulse_patience(t->pulse, ms);
}

bool stk_tend_died(struct stk_tend *t, pid_t pid, int status)
{
	int64_t wait;

	if (t->pid == 0 || pid != t->pid)
		return false;
	t->pid = 0;
	wait = stk_restart_after(&t->restart, stk_monotonic_ms());
	stk_tend_count(t, STK_METRIC_EXPORTER_RESTARTS);
	(void)stk_log_start(STK_LOG_WARN, "exporter.restart", "unknown",
	    "the exporter (pid %d) ended with %s %d; its successor starts in %lld ms; no job "
	    "noticed",
	    (int)pid, WIFEXITED(status) ? "status" : "signal",
	    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), (long long)wait);
	stk_log_end();
	return true;
}

void stk_tend_count(struct stk_tend *t, enum stk_metric id)
{
	stk_meter_add(t->meter, id, "", "", 0, 1);
}

int64_t stk_tend_wait_ms(const struct stk_tend *t, int64_t most)
{
	int64_t now = stk_monotonic_ms(), wait = stk_notify_wait_ms(&t->notify, now, most), due;

	if (t->meter == NULL)
		return wait;
	if (wait > TICK_MS)
		wait = TICK_MS;
	if (t->pid != 0)
		return wait;
	due = stk_restart_left(&t->restart, now);
	return due < wait ? due : wait;
}

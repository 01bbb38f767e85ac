/*
 * supervisor.c - see supervisor.h. One poll loop over a signalfd and the workers' ready pipes.
 *
 * A worker that ends before it was ever ready with an exit code that only a person can mend (usage,
 * input, permission, configuration, Redis at start) ends the whole service with that code; any
 * other death is answered by a new worker, told the token of the one it replaces. A worker whose
 * tick stands still is killed: its successor takes the job back.
 */
#include "worker/supervisor.h"

#include "worker/cli/cli.h"
#include "worker/launcher.h"
#include "worker/log.h"
#include "worker/signals.h"
#include "worker/tend.h"
#include "worker/title.h"
#include "worker/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LAUNCH_MS 30000 /* how long the launcher may take */

struct slot {
	pid_t pid; /* 0: not running */
	int ready_fd;
	int pulse_fd;
	struct stk_pulse_watch watch;
	bool ready;
	bool done; /* drained or told to stop: no successor */
	uint8_t instance[STK_INSTANCE_BYTES];
	bool has_over;
	uint8_t over[STK_INSTANCE_BYTES];
	struct stk_restart restart;
};

struct supervisor {
	const struct stk_config *config;
	int signal_fd;
	struct stk_launcher launcher;
	struct stk_tend tend;
	struct slot *slots;
	uint32_t n;
	bool ever_ready, stopping;
	int exit_code;
};

static enum stk_err start_worker(struct supervisor *s, struct slot *slot)
{
	struct stk_worker_start start = {
		.again = s->ever_ready,
		.slot = (uint32_t)(slot - s->slots),
		.has_over = slot->has_over,
	};
	int fds[2];
	enum stk_err e;

	if (getrandom(slot->instance, sizeof(slot->instance), 0) != sizeof(slot->instance) ||
	    stk_pulse_reset(slot->pulse_fd) != STK_OK || pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
		return STK_E_SYSTEM;
	start.ready_fd = fds[1];
	start.pulse_fd = slot->pulse_fd;
	memcpy(start.instance, slot->instance, sizeof(start.instance));
	memcpy(start.over, slot->over, sizeof(start.over));
	stk_tend_patience(&s->tend, LAUNCH_MS);
	e = stk_launcher_start(&s->launcher, &start, &slot->pid);
	stk_close(&fds[1]);
	if (e != STK_OK) {
		stk_close(&fds[0]);
		return e;
	}
	slot->ready_fd = fds[0];
	slot->ready = false;
	slot->watch = (struct stk_pulse_watch){ 0 };
	slot->restart.started_ms = stk_monotonic_ms();
	return STK_OK;
}

static void tell_all(struct supervisor *s, int sig)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->slots[i].pid != 0)
			(void)kill(s->slots[i].pid, sig);
}

/* For good; @code is the service's unless there is one already. */
static void stop_all(struct supervisor *s, int sig, int code)
{
	if (s->exit_code == 0)
		s->exit_code = code;
	s->stopping = true;
	tell_all(s, sig);
}

/*
 * Not running, and to be. What keeps one worker from starting keeps all: before anything ever
 * worked the first goes ahead, and one sentence says why the service ends.
 */
static bool wants_start(const struct supervisor *s, const struct slot *slot)
{
	return slot->pid == 0 && !slot->done && !s->stopping && (s->ever_ready || slot == s->slots);
}

/* Without an answer in time nothing more will come of it; the reaper does the rest. */
static void end_launcher(struct supervisor *s)
{
	if (s->launcher.pid != 0)
		(void)kill(s->launcher.pid, SIGKILL);
}

static void start_due(struct supervisor *s)
{
	int64_t now = stk_monotonic_ms();

	if (stk_tend_tick(&s->tend, &s->launcher, s->stopping) != STK_OK)
		end_launcher(s);
	for (uint32_t i = 0; i < s->n; i++) {
		struct slot *slot = &s->slots[i];

		if (!wants_start(s, slot) || slot->restart.start_at_ms > now)
			continue;

		enum stk_err e = start_worker(s, slot);

		if (e != STK_OK && e != STK_E_SYSTEM)
			end_launcher(s);
		if (e != STK_OK) {
			slot->restart.start_at_ms = now + STK_RESTART_MAX_MS;
			(void)stk_log_start(STK_LOG_ERROR, "worker.start_failed", "failure",
			    "cannot start worker %u: %s%s", i, stk_strerror(e),
			    stk_launcher_what_now(e));
			stk_log_end();
		}
	}
}

/* The byte means: registered, predecessor recovered. From now on this instance can own jobs. */
static void note_ready(struct supervisor *s, struct slot *slot)
{
	char byte;
	bool came = read(slot->ready_fd, &byte, 1) == 1;

	stk_close(&slot->ready_fd);
	if (!came)
		return;
	slot->ready = true;
	if (!s->ever_ready)
		stk_tend_ready(&s->tend, s->n);
	s->ever_ready = true;
	slot->has_over = false;
}

/* Its job is found under the instance it had last: after FENCED a worker draws a fresh one. */
static void note_over(struct slot *slot)
{
	struct stk_pulse_view view;

	memcpy(slot->over, slot->instance, sizeof(slot->over));
	if (stk_pulse_read(slot->pulse_fd, &view) == STK_OK && view.has_instance)
		memcpy(slot->over, view.instance, sizeof(slot->over));
	slot->has_over = true;
}

static void worker_died(struct supervisor *s, struct slot *slot, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	int64_t now = stk_monotonic_ms(), wait;
	pid_t pid = slot->pid;

	if (slot->ready_fd != -1)
		note_ready(s, slot);
	slot->pid = 0;
	if (code == 0) {
		slot->done = s->stopping || s->config->drain_and_exit;
		slot->has_over = false;
	} else if (slot->ready) {
		note_over(slot);
	}
	(void)!stk_pulse_reset(slot->pulse_fd); /* what it said of itself is history */
	/* stopped without Redis: a job may be in flight, and whoever stopped us hears it; so does
	 * whoever runs a batch that a key of the wrong type ends */
	if ((s->stopping || s->config->drain_and_exit) && code == STK_EX_REDIS) {
		s->exit_code = s->exit_code == 0 ? code : s->exit_code;
		slot->done = true;
	}
	if (!s->ever_ready && stk_exit_is_final(code))
		stop_all(s, SIGTERM, code);
	if (s->stopping || slot->done) {
		slot->done = true;
		return;
	}
	slot->restart.start_at_ms = now;
	wait = code == 0 ? 0 : stk_restart_after(&slot->restart, now);
	if (code != 0)
		stk_tend_count(&s->tend, STK_METRIC_RESTARTS);
	(void)stk_log_start(code == 0 ? STK_LOG_INFO : STK_LOG_WARN, "worker.restart", "unknown",
	    "worker %u (pid %d) ended with %s %d; its successor starts in %lld ms%s",
	    (unsigned)(slot - s->slots), (int)pid, code >= 0 ? "status" : "signal",
	    code >= 0 ? code : WTERMSIG(status), (long long)wait,
	    slot->has_over ? " and takes its job back first" : "");
	stk_log_end();
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (stk_tend_died(&s->tend, pid, status))
			continue;
		if (pid == s->launcher.pid) {
			s->launcher.pid = 0;
			stk_launcher_log_lost(); /* no worker can be replaced */
			stop_all(s, SIGTERM, STK_EX_OS);
		}
		for (uint32_t i = 0; i < s->n; i++)
			if (s->slots[i].pid == pid)
				worker_died(s, &s->slots[i], status);
	}
}

static int64_t look_ms(const struct supervisor *s)
{
	return s->config->stuck_after_ms < 4000 ? s->config->stuck_after_ms / 4 : 1000;
}

/*
 * A stopped worker keeps neither its job's wall limit nor its beat: the others will take the job,
 * and on SIGCONT it would run twice. SIGKILL reaches it all the same; the reaper does the rest.
 */
static void end_stuck(struct supervisor *s)
{
	int64_t now = stk_monotonic_ms();

	for (uint32_t i = 0; i < s->n; i++) {
		struct slot *slot = &s->slots[i];
		struct stk_pulse_view view;

		if (slot->pid == 0 || stk_pulse_read(slot->pulse_fd, &view) != STK_OK ||
		    !stk_pulse_stuck(
			&slot->watch, &view, now, s->config->stuck_after_ms, look_ms(s)))
			continue;
		(void)kill(slot->pid, SIGKILL);
		stk_tend_count(&s->tend, STK_METRIC_STUCK);
		slot->watch = (struct stk_pulse_watch){ 0 };
		(void)stk_log_start(STK_LOG_ERROR, "worker.stuck", "failure",
		    "worker %u (pid %d) has not ticked for %lld ms (stopped, or stuck in a call): "
		    "killed",
		    i, (int)slot->pid, (long long)s->config->stuck_after_ms);
		stk_log_end();
	}
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo si;

	while (read(s->signal_fd, &si, sizeof(si)) == sizeof(si))
		if (stk_signal_passes(si.ssi_signo))
			tell_all(s, (int)si.ssi_signo);
		else if (si.ssi_signo != SIGCHLD)
			stop_all(s, (int)si.ssi_signo, 0);
	reap(s);
}

static bool all_done(const struct supervisor *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->slots[i].pid != 0 || !(s->slots[i].done || s->stopping))
			return false;
	return true;
}

static int poll_timeout_ms(const struct supervisor *s)
{
	int64_t now = stk_monotonic_ms(), wait = 60000;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct slot *slot = &s->slots[i];

		if (slot->pid != 0 && look_ms(s) < wait)
			wait = look_ms(s);
		if (wants_start(s, slot) && stk_restart_left(&slot->restart, now) < wait)
			wait = stk_restart_left(&slot->restart, now);
	}
	return (int)stk_tend_wait_ms(&s->tend, wait);
}

/* Only open descriptors are polled: poll refuses more entries than RLIMIT_NOFILE, used or not. */
static void wait_for_news(struct supervisor *s, struct pollfd *fds)
{
	nfds_t n = 1;

	fds[0] = (struct pollfd){ .fd = s->signal_fd, .events = POLLIN };
	for (uint32_t i = 0; i < s->n; i++)
		if (s->slots[i].ready_fd != -1)
			fds[n++] = (struct pollfd){ .fd = s->slots[i].ready_fd, .events = POLLIN };
	if (poll(fds, n, poll_timeout_ms(s)) <= 0) {
		end_stuck(s);
		return;
	}
	for (nfds_t k = 1; k < n; k++)
		for (uint32_t i = 0; fds[k].revents != 0 && i < s->n; i++)
			if (s->slots[i].ready_fd == fds[k].fd) {
				note_ready(s, &s->slots[i]);
				break;
			}
	take_signals(s);
	end_stuck(s);
}

static void close_all(struct supervisor *s)
{
	for (uint32_t i = 0; s->slots != NULL && i < s->n; i++) {
		stk_close(&s->slots[i].ready_fd);
		stk_close(&s->slots[i].pulse_fd);
	}
	stk_tend_close(&s->tend);
	stk_launcher_close(&s->launcher);
	stk_close(&s->signal_fd);
	free(s->slots);
}

static void watch_over(struct supervisor *s, struct pollfd *fds)
{
	stk_title_set("Supervising %u workers", s->n);
	while (!all_done(s)) {
		start_due(s);
		wait_for_news(s, fds);
	}
}

/* Every page, and where they are shown: after the launcher's fork, before the walls. */
static int make_pages(struct supervisor *s)
{
	int *pulses = calloc(s->n, sizeof(*pulses));
	int code = 0;

	s->slots = calloc(s->n, sizeof(*s->slots));
	if (pulses == NULL || s->slots == NULL) {
		free(pulses);
		return stk_complain(STK_EX_OS, "out of memory");
	}
	for (uint32_t i = 0; i < s->n; i++)
		s->slots[i] = (struct slot){ .ready_fd = -1, .pulse_fd = -1 };
	for (uint32_t i = 0; code == 0 && i < s->n; i++) {
		pulses[i] = s->slots[i].pulse_fd = stk_pulse_create();
		if (pulses[i] == -1)
			code = stk_complain(STK_EX_OS, "cannot make a page: %s%s", strerror(errno),
			    errno == EFBIG ? "; " STK_PULSE_CURE : "");
	}
	if (code == 0)
		code = stk_tend_open(&s->tend, s->config, pulses, s->n);
	free(pulses);
	return code;
}

int stk_supervise(const struct stk_config *config, int *cage_fd, int *password_fd,
    int (*run)(const struct stk_worker_start *))
{
	struct supervisor s = {
		.config = config,
		.launcher = { .sock = -1 },
		.tend = { .self = { .statm = -1 }, .notify = { .fd = -1 } },
		.signal_fd = stk_signals_open(),
		.n = (uint32_t)config->concurrency,
	};
	struct pollfd *fds = calloc((size_t)s.n + 1, sizeof(*fds));
	const char *step = "?";

	tzset(); /* a first log line would open the zone's file */
	if (fds == NULL || s.signal_fd == -1 ||
	    stk_launcher_fork(config, *cage_fd, *password_fd, run, &s.launcher) != STK_OK)
		s.exit_code =
		    stk_complain(STK_EX_OS, "cannot start the supervisor: %s", strerror(errno));
	/* from here on the workers' maker alone holds them */
	stk_close(cage_fd);
	stk_close(password_fd);
	if (s.exit_code == 0)
		s.exit_code = make_pages(&s);
	if (s.exit_code == 0 && stk_walls_supervisor(config, &step) != STK_OK)
		s.exit_code = stk_complain(STK_EX_OS,
		    "layer seccomp_trap is missing: the supervisor cannot %s: %s", step,
		    strerror(errno));
	if (s.exit_code == 0)
		watch_over(&s, fds);
	close_all(&s);
	free(fds);
	return s.exit_code;
}

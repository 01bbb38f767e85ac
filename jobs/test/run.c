/*
 * run.c - one run of a job under test, behind the wall or outside of it, and its end in words
 * (job_test.h).
 */
#include "jobs/test/bench.h"
#include "sandbox/bare.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- time and number -------------------------------------------------------------------------- */

void stockade_test_outside(struct stockade_test *t, bool outside)
{
	t->outside = outside;
}

void stockade_test_attempt(struct stockade_test *t, uint32_t attempt)
{
	t->attempt = attempt;
}

void stockade_test_deadline(struct stockade_test *t, uint32_t ms)
{
	t->wall_ms = ms;
}

void stockade_test_job_id(struct stockade_test *t, const char *hex)
{
	if (strlen(hex) != 32 || strspn(hex, "0123456789abcdefABCDEF") != 32)
		fail_msg("'%s' is no job id: 32 hex digits", hex);
	for (size_t i = 0; i < sizeof(t->job_id); i++) {
		const char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		t->job_id[i] = (uint8_t)strtoul(two, NULL, 16);
	}
}

/* --- behind the wall -------------------------------------------------------------------------- */

static void keep_log(void *ctx, uint32_t level, struct stk_span text)
{
	struct stockade_test *t = ctx;
	int n = snprintf(t->log + t->log_len, sizeof(t->log) - t->log_len, "%u %.*s\n", level,
	    (int)text.len, (const char *)text.p);

	if (n > 0 && (size_t)n < sizeof(t->log) - t->log_len)
		t->log_len += (size_t)n;
	else
		t->log[t->log_len] = '\0';
}

static void run_inside(struct stockade_test *t, const struct stk_run_request *r)
{
	const struct stk_run_hooks hooks = { .ctx = t, .wake_fd = -1, .log = keep_log };

	if (stk_cage_run(t->cage, r, &hooks, &t->out) != STK_OK && t->out.why[0] == '\0')
		t->out.name = STK_OUT_SANDBOX_UNAVAILABLE;
}

/* --- outside of it ---------------------------------------------------------------------------- */

static pid_t start_bare(const struct stockade_test *t, const struct stk_bare *b)
{
	const char *argv[4];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	stk_bare_argv(b, t->program, argv);
	if (stk_bare_place(b) == 0)
		(void)execv(t->program, (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Exit code or -signal; the wall-clock limit is kept by us. */
static int wait_bare(pid_t pid, int64_t deadline_ms, bool *late)
{
	STK_AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left = deadline_ms - stk_monotonic_ms();
	int status = 0;

	*late = fd != -1 && poll(&p, 1, left < 0 ? 0 : (int)left) == 0;
	if (*late)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void run_outside(struct stockade_test *t, const struct stk_run_request *r)
{
	int64_t deadline = stk_monotonic_ms() + r->limits.wall_ms;
	struct stk_bare b = { .table = &t->table,
		.r = r,
		.dir_fds = t->dir_fds,
		.work_fd = r->limits.work_bytes > 0 ? stk_work_fd(t->work) : -1 };
	bool late = false;
	int status;
	pid_t pid;

	if (stk_bare_prepare(&b, deadline, true) != STK_OK)
		fail_msg("cannot prepare a run outside the cage: %s", strerror(errno));
	pid = start_bare(t, &b);
	if (pid == -1)
		fail_msg("cannot fork: %s", strerror(errno));
	t->out.pid = pid;
	status = wait_bare(pid, deadline, &late);
	if (stk_bare_judge(&b, status, keep_log, t, &t->out) != STK_OK)
		fail_msg("cannot read what the handler reported: %s", strerror(errno));
	if (late) {
		t->out.name = STK_OUT_WALL_TIMEOUT;
		(void)snprintf(t->out.why, sizeof(t->out.why),
		    "killed: its wall-clock limit is %u ms", r->limits.wall_ms);
	}
	stk_bare_clear(&b);
	if (b.work_fd != -1)
		while (!stk_work_empty(t->work))
			continue;
}

/* --- its end in words ------------------------------------------------------------------------- */

/* "/0/name: must not be empty (minLength)" */
static void take_rule(struct stockade_test *t)
{
	const char *why = t->out.why, *colon = strstr(why, ": "), *open = strrchr(why, '(');

	if (t->out.name != STK_OUT_ARGS_SCHEMA || colon == NULL)
		return;
	(void)snprintf(t->pointer, sizeof(t->pointer), "%.*s", (int)(colon - why), why);
	if (open != NULL)
		(void)snprintf(
		    t->rule, sizeof(t->rule), "%.*s", (int)strcspn(open + 1, ")"), open + 1);
}

static void take_end(struct stockade_test *t)
{
	struct stk_outcome *o = &t->out;

	take_rule(t);
	if (o->name == STK_OUT_SYSCALL_DENIED)
		(void)snprintf(
		    t->denied, sizeof(t->denied), "%.*s", (int)strcspn(o->why, " "), o->why);
	memcpy(t->output, o->output_tail, o->output_tail_len);
	t->result = calloc(1, o->result_len + 1);
	if (t->result == NULL) {
		fail_msg("out of memory");
		return; /* for the analyzers: it does not come back */
	}
	if (o->result_len > 0)
		memcpy(t->result, o->result, o->result_len);
	t->end = (struct stockade_test_end){ .outcome = stk_outcome_text(o->name),
		.why = o->why,
		.message = o->message == NULL ? "" : o->message,
		.result = t->result,
		.pointer = t->pointer,
		.rule = t->rule,
		.denied = t->denied,
		.log = t->log,
		.output = t->output,
		.code = o->code,
		.retry_ms = o->retry_ms,
		.caged =
		    o->proof.seccomp == 2 && o->proof.no_new_privs == 1 && o->proof.caps == 0 };
}

static void forget(struct stockade_test *t)
{
	stk_outcome_clear(&t->out);
	free(t->result);
	t->result = NULL;
	t->log_len = 0;
	memset(t->log, 0, sizeof(t->log));
	memset(t->output, 0, sizeof(t->output));
	t->pointer[0] = t->rule[0] = t->denied[0] = '\0';
}

const struct stockade_test_end *stockade_test_run(
    struct stockade_test *t, const char *class_name, const char *args)
{
	static uint8_t block[STK_HANDED_MAX];
	int index = stk_class_find(&t->table, stk_span_str(class_name));
	struct stk_run_request r = { .attempt = t->attempt, .args = stk_span_str(args) };
	const struct stk_class_desc *d;

	if (index < 0)
		fail_msg("%s has no class %s", t->program, class_name);
	if (r.args.len > STK_ARGS_MAX)
		fail_msg("the arguments are larger than %u bytes", STK_ARGS_MAX);
	stockade_test_equip(t);
	forget(t);
	d = &t->table.classes[index];
	r.class_index = (uint32_t)index;
	r.limits = d->ask;
	if (t->wall_ms != 0)
		r.limits.wall_ms = t->wall_ms;
	memcpy(r.job_id, t->job_id, sizeof(r.job_id));
	r.handed = stk_span_of(block, stockade_test_hand(t, d, block));
	if (t->outside)
		run_outside(t, &r);
	else
		run_inside(t, &r);
	take_end(t);
	return &t->end;
}

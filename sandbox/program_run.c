/*
 * program_run.c - W's side of exec: the process that will become the class's program is made, seen
 * shut and fed to the job's pipes before J exists; then watched beside J. What it writes is an
 * enemy's word; that it ended, and which call it was denied, is the kernel's.
 */
#include "sandbox/parent.h"

#include "sandbox/entry.h"
#include "sandbox/fds.h"
#include "sandbox/filter.h"
#include "sandbox/procstat.h"
#include "sandbox/program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A clone and the way into the cage. */
#define READY_MS 5000

void stk_program_init(struct stk_program *p)
{
	memset(p, 0, sizeof(*p));
	p->child = (struct stk_child){ .pidfd = -1, .sock = -1 };
	p->listener = p->report = p->output = p->end = -1;
}

/* --- making it -------------------------------------------------------------------------------- */

/* Both ends of every pipe of the three processes; -1 where not made. */
struct plumbing {
	int report, output;               /* P's ends */
	int say[2], in[2], out[2], end_r; /* [0] to read, [1] to write */
};

static enum stk_err make_plain(int p[2])
{
	return pipe2(p, O_CLOEXEC) == -1 ? STK_E_SYSTEM : STK_OK;
}

static enum stk_err lay(struct plumbing *l, struct stk_program *p)
{
	*l = (struct plumbing){ -1, -1, { -1, -1 }, { -1, -1 }, { -1, -1 }, -1 };
	if (stk_pipe_from_child(&p->report, &l->report) != STK_OK ||
	    stk_pipe_from_child(&p->output, &l->output) != STK_OK ||
	    stk_pipe_to_child(&p->end, &l->end_r) != STK_OK || make_plain(l->say) != STK_OK ||
	    make_plain(l->in) != STK_OK || make_plain(l->out) != STK_OK)
		return STK_E_SYSTEM;
	return STK_OK;
}

static void close_theirs(struct plumbing *l)
{
	stk_close(&l->report);
	stk_close(&l->output);
	stk_close(&l->say[0]);
	stk_close(&l->in[0]);
	stk_close(&l->out[1]);
}

/* J's ends; W keeps none, so that each of the two sees the other's end of file. */
static void hand_over(struct plumbing *l, struct stk_extras *x)
{
	const struct {
		enum stk_extra extra;
		int fd;
	} mine[] = {
		{ STK_EXTRA_PROGRAM_SAY, l->say[1] },
		{ STK_EXTRA_PROGRAM_IN, l->in[1] },
		{ STK_EXTRA_PROGRAM_OUT, l->out[0] },
		{ STK_EXTRA_PROGRAM_END, l->end_r },
	};

	for (size_t i = 0; i < STK_ARRAY_LEN(mine); i++) {
		x->have |= UINT32_C(1) << mine[i].extra;
		x->fds[mine[i].extra] = mine[i].fd;
	}
}

void stk_program_spawned(struct stk_program *p, struct stk_extras *x, bool job_stands)
{
	/* another try makes another: nothing of this one may be said of that */
	if (!job_stands) {
		stk_program_finish(p);
		stk_program_init(p);
	}
	for (int i = STK_EXTRA_PROGRAM_SAY; i <= STK_EXTRA_PROGRAM_END; i++)
		if ((x->have & UINT32_C(1) << i) != 0) {
			stk_close(&x->fds[i]);
			x->have &= ~(UINT32_C(1) << i);
		}
}

/* What it says on its report pipe: READY or SETUP, a denied call, why it could not be executed. */
static enum stk_err hear(struct stk_program *p)
{
	uint8_t chunk[1024];
	ssize_t n = read(p->report, chunk, sizeof(chunk));
	enum stk_err e = STK_OK;

	if (n > 0)
		e = stk_report_feed(&p->frames, chunk, (size_t)n);
	if (n == 0 || e != STK_OK || (n == -1 && errno != EAGAIN && errno != EINTR))
		stk_close(&p->report);
	return e;
}

/* READY, or the sentence why not. */
static enum stk_err await_ready(struct stk_cage *c, struct stk_program *p, char *why)
{
	int64_t deadline = stk_monotonic_ms() + READY_MS;
	enum stk_err e = STK_OK;

	while (e == STK_OK && !p->frames.ready && !p->frames.has_setup && p->report != -1) {
		e = stk_await(c, p->report, deadline, false);
		if (e == STK_OK)
			e = hear(p);
	}
	if (p->frames.ready)
		return STK_OK;
	if (p->frames.has_setup)
		(void)snprintf(why, STK_WHY_MAX,
		    "the cage of the class's program could not be shut: could not %s: %s",
		    stk_step_name(p->frames.setup.step), strerror(p->frames.setup.err));
	else
		(void)snprintf(why, STK_WHY_MAX,
		    "the process for the class's program ended before its cage was shut (%s)",
		    e == STK_OK ? "end of file" : stk_strerror(e));
	return e == STK_E_TIMEOUT ? e : STK_E_REFUSED;
}

static enum stk_err prove(const struct stk_program *p, int zygote_filters, char *why)
{
	struct stk_cage_proof s = { 0 };

	if (stk_procstat(p->child.pid, &s) == STK_OK && s.seccomp == 2 && s.no_new_privs == 1 &&
	    s.caps == 0 && (s.filters == -1 || s.filters > zygote_filters))
		return STK_OK;
	(void)snprintf(why, STK_WHY_MAX,
	    "the process for the class's program says its cage is shut, but /proc shows Seccomp "
	    "%d with %d filters, NoNewPrivs %d, capabilities %#llx",
	    s.seccomp, s.filters, s.no_new_privs, (unsigned long long)s.caps);
	return STK_E_REFUSED;
}

static enum stk_err clone_it(struct stk_cage *c, const struct stk_spawn *job, struct plumbing *l,
    struct stk_program *p, int *filters, char *why)
{
	const struct stk_class_desc *d = &c->table->classes[job->class_index];
	struct stk_extras x = { .have = UINT32_C(1) << STK_EXTRA_PROGRAM_IN |
					UINT32_C(1) << STK_EXTRA_PROGRAM_OUT };
	const int theirs[3] = { l->report, l->output, l->say[0] };
	struct stk_spawn s = *job;
	struct stk_zygote *z = NULL;
	enum stk_err e = stk_zygote_find(c, stk_program_sum(d->profiles), &z, why);

	x.fds[STK_EXTRA_PROGRAM_IN] = l->in[0];
	x.fds[STK_EXTRA_PROGRAM_OUT] = l->out[1];
	if (e == STK_OK)
		e = stk_zygote_clone(c, z, &s, theirs, &x, &p->child, why);
	if (e != STK_OK)
		return e;
	c->program = p->child.pid;
	p->listener = z->listener;
	p->cpu_s = job->limits.cpu_s;
	*filters = z->filters;
	return STK_OK;
}

enum stk_err stk_program_spawn(struct stk_cage *c, const struct stk_spawn *job,
    const struct stk_run_hooks *hooks, struct stk_program *p, struct stk_extras *for_job,
    char why[static STK_WHY_MAX])
{
	struct plumbing l;
	int filters = 0;
	enum stk_err e;

	c->program = 0;
	if ((c->table->classes[job->class_index].profiles & STK_PROFILE_EXEC) == 0)
		return STK_OK;
	e = lay(&l, p);
	if (e == STK_OK)
		e = stk_report_init(&p->frames, &job->limits, hooks->log, hooks->ctx);
	if (e != STK_OK)
		(void)snprintf(why, STK_WHY_MAX, "no pipes for the program: %s", stk_strerror(e));
	else
		e = clone_it(c, job, &l, p, &filters, why);
	close_theirs(&l);
	if (e == STK_OK)
		e = await_ready(c, p, why);
	if (e == STK_OK)
		e = prove(p, filters, why);
	hand_over(&l, for_job);
	return e;
}

/* --- beside the job --------------------------------------------------------------------------- */

void stk_program_kill(struct stk_program *p)
{
	/* one that has ended by itself a moment ago keeps its own end */
	if (p->child.pid == 0 || p->ended || stk_fds_wait(p->child.pidfd, 0) == STK_OK)
		return;
	p->killed = true;
	stk_child_signal(&p->child, SIGKILL);
}

static void notified(struct stk_program *p)
{
	struct seccomp_notif n;

	memset(&n, 0, sizeof(n));
	if (ioctl(p->listener, SECCOMP_IOCTL_NOTIF_RECV, &n) == -1) {
		/* ENOENT: who asked has ended since. Else it is no listener, and always readable */
		if (errno != ENOENT && errno != EINTR)
			p->listener = -1;
		return;
	}
	/* never answered: whoever asked is killed, so what its registers name cannot change */
	if (!p->has_denied) {
		p->has_denied = true;
		p->denied = (struct stk_denied){
			.ip = n.data.instruction_pointer, .nr = n.data.nr, .arch = n.data.arch
		};
		for (int i = 0; i < 6; i++)
			p->denied.args[i] = n.data.args[i];
	}
	stk_program_kill(p);
}

static void tell(struct stk_program *p)
{
	const struct stk_program_end end = { .magic = STK_PROGRAM_END_MAGIC,
		.status = p->last.status };

	/* a job that is gone does not hear it, and need not */
	if (p->end != -1 && write(p->end, &end, sizeof(end)) == -1)
		stk_close(&p->end);
	stk_close(&p->end);
}

static void bury(struct stk_program *p)
{
	p->last = stk_child_reap(&p->child);
	p->ended = true;
	tell(p);
}

void stk_program_polls(const struct stk_program *p, struct pollfd at[static STK_PROGRAM_SLOTS])
{
	const int fds[STK_PROGRAM_SLOTS] = {
		[STK_PROGRAM_ENDED] = p->child.pidfd,
		[STK_PROGRAM_SPOKE] = p->report,
		[STK_PROGRAM_PRINTED] = p->output,
		/* its zygote's: others' turn once this one has ended */
		[STK_PROGRAM_DENIED] = p->ended ? -1 : p->listener,
	};

	for (int i = 0; i < STK_PROGRAM_SLOTS; i++)
		at[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
}

enum stk_err stk_program_step(struct stk_program *p, const struct pollfd *at)
{
	enum stk_err e = STK_OK;

	if (at[STK_PROGRAM_SPOKE].revents != 0)
		e = hear(p);
	if ((at[STK_PROGRAM_DENIED].revents & POLLIN) != 0)
		notified(p);
	/* nobody is left behind that filter, and to ask then waits for ever */
	else if (at[STK_PROGRAM_DENIED].revents != 0)
		p->listener = -1;
	if (at[STK_PROGRAM_ENDED].revents != 0)
		bury(p);
	return e;
}

/*
 * As of a job (outcome.c): past the soft limit lives only who holds SIGXCPU back, and a second
 * later the kernel ends it. The kernel goes by ticks, and what is told afterwards is run time,
 * which can be far less on a busy machine. Nobody else ends a program but we, when its job ended.
 */
bool stk_program_cpu_spent(const struct stk_program *p)
{
	int64_t limit_ms = (int64_t)p->cpu_s * 1000;

	return p->last.status == -SIGXCPU ||
	       (p->last.status == -SIGKILL &&
		   p->last.cpu_ms >= (p->killed ? limit_ms + 800 : limit_ms / 2));
}

bool stk_program_broke_a_limit(const struct stk_program *p)
{
	return p->has_denied || p->last.status == -SIGSYS || stk_program_cpu_spent(p) ||
	       p->last.status == -SIGXFSZ;
}

void stk_program_finish(struct stk_program *p)
{
	stk_program_kill(p);
	if (p->child.pid > 0 && !p->ended)
		bury(p);
	stk_close(&p->report);
	stk_close(&p->output);
	stk_close(&p->end);
	stk_report_clear(&p->frames);
}

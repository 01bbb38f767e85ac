/*
 * cage.h - the worker's side of the wall: start a nursery, learn what a cage program holds, run one
 * job behind the wall, and name how it ended.
 *
 * Pattern of use, in this order (ARCHITECTURE.md, Decisions 1, 4, 5; the order is the security):
 *   1 stk_nursery_fork   first act of a worker, before any secret is opened
 *   2 stk_cage_describe  the class table: the whitelist
 *   3 stk_cage_run       one job; zygotes start on first need
 *   4 stk_cage_close     ends zygotes and nursery
 * The worker is the true parent of M, Z and J. Nothing here knows Redis, JSON or keys.
 */
#ifndef SANDBOX_CAGE_H
#define SANDBOX_CAGE_H

#include "sandbox/outcome.h"
#include "sandbox/wire.h"

struct stk_cage; /* opaque; one per worker */

/* The described table; also the whitelist. Owned by the caller, stk_class_table_clear(). */
struct stk_class_table {
	struct stk_desc_header head;
	struct stk_class_desc *classes; /* head.n_classes of them, sorted by name */
};
void stk_class_table_clear(struct stk_class_table *t);
/* Index of the class with exactly this name, or -1. */
int stk_class_find(const struct stk_class_table *t, struct stk_span name);
/*
 * Checks a description as an untrusted peer's word: magic, ABI, counts, sizes, NUL-padded names of
 * the allowed alphabet, sorted and unique, profile bits and retry kinds known, label indexes in
 * range, digest over the records. STK_E_FORMAT with a fragment in @why.
 */
STK_CHECK enum stk_err stk_class_table_parse(
    const uint8_t *bytes, size_t len, struct stk_class_table *t, const char **why);

struct stk_nursery_options {
	int cage_fd; /* the cage program, opened O_PATH|O_CLOEXEC by the supervisor */
	const char *const
	    *readable;     /* NULL-ended: paths that setup() may read besides the system's
			      libraries (Landlock; everything else is hidden, keys included) */
	bool landlock;     /* false only where the operator does without it (layers.landlock_fs) */
	const char *learn; /* NULL, or the line of sandbox/learn.h: `run-job --learn` alone */
	int broker_fd; /* `stockade` itself, opened likewise: what a broker executes; -1: there is
			  none, and no class with net grants can be run */
	/* a zygote makes that many jobs and is then replaced by one with another address layout; 0:
	 * only suspicion replaces it */
	uint32_t zygote_jobs;
};

/*
 * Forks M. Must be called before any secret is opened and while the process is single-threaded; M
 * closes every descriptor but its socket and the cage fd. On success *out is owned by the caller.
 * STK_E_SYSTEM with errno; *step names the failed step. From here on the caller ignores SIGPIPE
 * (set here: a child may close its argument pipe at any time) and must not ignore SIGCHLD.
 */
STK_CHECK enum stk_err stk_nursery_fork(
    const struct stk_nursery_options *o, struct stk_cage **out, const char **step);

/*
 * Asks M to exec `stockade-cage describe` and reads at most 256 classes. On failure *why is a
 * sentence, borrowed until the next call with @c.
 */
STK_CHECK enum stk_err stk_cage_describe(
    struct stk_cage *c, struct stk_class_table *t, const char **why);

/*
 * Asks M to exec `stockade-cage schema` and has it do one request (jobs/schema/role.h says what
 * there is). *reply is its text, the caller's (free()), *good whether it said yes. Errors as above.
 */
STK_CHECK enum stk_err stk_cage_schema(
    struct stk_cage *c, struct stk_span request, char **reply, bool *good, const char **why);

/*
 * Gives the cage its table, the directory fds (O_PATH|O_DIRECTORY), one per label of
 * t->head.labels, -1 where unmapped (then classes that need it cannot be run), and the fds (O_PATH)
 * of the programs and library trees of exec classes in the order of stk_paths_of() (program.h;
 * those with a fault too: then classes that need one cannot be run), NULL if there are none.
 * Borrowed for the cage's life; the fds must stay open.
 */
struct stk_path_fds;
void stk_cage_equip(struct stk_cage *c, const struct stk_class_table *t, const int *dir_fds,
    const struct stk_path_fds *path_fds);

/* What brokers are told beside a class's own list: the operator's settings, and Redis. */
struct stk_net_terms {
	uint32_t connects_max; /* per job, refused ones included */
	uint32_t timeout_ms;   /* per request */
	uint32_t n_refused, n_redis;
	char refused[STK_NET_REFUSED_MAX]
		    [STK_NET_RANGE_MAX]; /* ranges, as stk_net_range_parse takes */
	struct stk_net_peer redis[STK_NET_PEERS_MAX];
};
/* Borrowed for the cage's life; may change between runs. Needed by classes with net grants only. */
void stk_cage_net(struct stk_cage *c, const struct stk_net_terms *t);

/*
 * Starts a broker for class @index, which must have net grants, waits until it is shut in, and ends
 * it: whether such a job could have one here. @why gets a sentence of at most 300 bytes if not.
 */
STK_CHECK enum stk_err stk_cage_net_try(struct stk_cage *c, uint32_t index, char why[static 300]);

struct stk_work; /* sandbox/work.h */
/*
 * The directory that jobs of classes with work_bytes have for their own, one at a time; before the
 * first run, borrowed for the cage's life. NULL: such classes cannot be run.
 */
void stk_cage_lend_work(struct stk_cage *c, struct stk_work *work);

struct stk_cgroup; /* sandbox/group.h */
/* The control group that each job is placed into, borrowed for the cage's life; NULL: none is. */
void stk_cage_lend_group(struct stk_cage *c, struct stk_cgroup *group);

/* What is to become of a running child: let it be, ask it to end, end it. */
enum stk_run_order {
	STK_RUN_ON,
	STK_RUN_TERM,
	STK_RUN_KILL
};

/* What the worker wants to do while a job runs. */
struct stk_run_hooks {
	void *ctx;
	/* a descriptor that ends the wait when readable (the worker's signalfd), or -1 */
	int wake_fd;
	/* called when wake_fd is readable and at least every tick_ms; returns what to do. TERM
	 * sends SIGTERM once, whose default action no job can change; KILL sends SIGKILL. Both end
	 * as Shutdown unless the job had ended by itself. NULL is allowed, here and below.
	 * @back_by_ms (CLOCK_MONOTONIC): when the job's wall limit ends; nobody watches it while
	 * this runs. INT64_MAX: nothing is due. */
	enum stk_run_order (*tick)(void *ctx, int64_t back_by_ms);
	uint32_t tick_ms;
	/* a log line of the handler: untrusted text, borrowed for the call */
	void (*log)(void *ctx, uint32_t level, struct stk_span text);
	/* how far it says it is; @note is untrusted text of at most STK_NOTE_MAX bytes, borrowed */
	void (*progress)(void *ctx, const struct stk_progress *p, struct stk_span note);
	/* a request to connect, answered by the job's broker (enum stk_net_name in net_addr.h says
	 * how), or the broker's own end; the host is the job's text */
	void (*net)(void *ctx, const struct stk_net_event *e);
	/* a zygote is replaced: after @jobs jobs, because of @reason, which is "age" or the name of
	 * an outcome; static storage */
	void (*recycled)(void *ctx, uint32_t jobs, const char *reason);
	/* the child is caged and READY, seen from outside; called before GO. False ends the job
	 * unrun. */
	bool (*go)(void *ctx, pid_t pid, const struct stk_cage_proof *proof);
};

struct stk_run_request {
	uint32_t class_index;
	struct stk_limits limits; /* clamped by the caller */
	uint32_t attempt;
	const char *queue; /* for the child's title; NULL: it shows none */
	uint8_t job_id[16];
	char trace[STK_TRACE_BYTES]; /* what stockade_trace() says */
	bool exact_tasks; /* threads: bounded by what the uid has now (tasks.h), to try a number */
	bool check_only;  /* arguments are checked and bound, the handler is not called */
	struct stk_span args;   /* JSON text, <= STK_ARGS_MAX; J reads it only after READY */
	struct stk_span handed; /* secrets and settings of the class (wire.h), sent behind them */
};

/*
 * Runs one job. Always fills @out (stk_outcome_clear() by the caller), whatever happens to M, Z or
 * J; once the class's zygote stands, never longer than wall_ms plus the time to kill. While M or Z
 * is waited for, hooks->tick goes on; an order to end then calls the job off. Anything malformed
 * from Z ends Z, from J ends J. Returns STK_OK, or STK_E_CLOSED when the nursery itself is gone
 * (out is then SandboxUnavailable, and the worker ends NURSERY_LOST after settling).
 */
STK_CHECK enum stk_err stk_cage_run(struct stk_cage *c, const struct stk_run_request *r,
    const struct stk_run_hooks *hooks, struct stk_outcome *out);

/* Ends every zygote and the nursery, reaps them, frees @c. NULL-safe. */
void stk_cage_close(struct stk_cage *c);

#endif

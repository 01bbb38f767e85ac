/*
 * parent.h - what cage.c, spawn.c and run_loop.c share: the worker's processes beyond the wall.
 * Internal to sandbox/.
 */
#ifndef SANDBOX_PARENT_H
#define SANDBOX_PARENT_H

#include "sandbox/cage.h"
#include "sandbox/group.h"
#include "sandbox/nursery.h"
#include "sandbox/report.h"
#include "sandbox/work.h"

#include <poll.h>

/* Every sum that a class can have (files read and write, threads and net, without exec, with it and
 * with exec(dynamic)), and the sums of their programs. */
#define STK_ZYGOTES_MAX (16 * 3 + 4 * 2)
#define STK_WHY_MAX     512

/* A child of ours; pid 0: none. */
struct stk_child {
	pid_t pid;
	int pidfd;
	int sock; /* our end, or -1 */
};

struct stk_zygote {
	uint32_t profiles;
	int filters;   /* Seccomp_filters of Z: its children must show one more */
	int listener;  /* of a program's zygote: its children's denied calls; else -1 */
	uint32_t jobs; /* children it has made */
	enum stk_outcome_name doubt; /* how a child of it ended that makes it suspect */
	struct stk_child child;
};

struct stk_cage {
	struct stk_child nursery;
	bool landlock;
	int filters; /* Seccomp_filters around W when it forked M: what Z must show more of */
	int oom_fd;
	uint32_t zygote_jobs;                /* 0: no zygote is too old */
	const struct stk_class_table *table; /* borrowed */
	const int *dir_fds;                  /* borrowed, one per label */
	const struct stk_path_fds *path_fds; /* borrowed, one per program and library tree */
	const struct stk_net_terms *net;     /* borrowed, or NULL */
	bool has_broker;                     /* M was given a program for it */
	struct stk_child broker;             /* of the job in hand */
	pid_t program;                       /* likewise; 0: none. No zygote's job either */
	struct stk_work *work;               /* borrowed, or NULL */
	struct stk_cgroup *group;            /* borrowed, or NULL */
	struct stk_zygote zygotes[STK_ZYGOTES_MAX];
	size_t n_zygotes;
	/* of the run in hand, or NULL: heard while M or Z is waited for */
	const struct stk_run_hooks *hooks;
	struct stk_limits service; /* the hard limits that W was started with */
	bool exact_tasks;          /* of the run that goes on */
	bool called_off;           /* by such a tick: no child is wanted any more */
	char why[STK_WHY_MAX];     /* what stk_cage_describe last had to say */
};

/*
 * Makes @pid a child of ours if the kernel agrees that it is one (WNOWAIT: nothing is reaped).
 * STK_E_REFUSED if not, or if it is already known as M or a zygote.
 */
STK_CHECK enum stk_err stk_child_adopt(const struct stk_cage *c, pid_t pid, struct stk_child *out);
/* Through its pidfd, or by number where those are refused. */
void stk_child_signal(const struct stk_child *child, int sig);
/* What the kernel says of an ended child. */
struct stk_last_words {
	int status; /* exit code, or -signal */
	int64_t cpu_ms, maxrss_kib;
};
/* What it has run so far, all its threads; 0 where the kernel does not say. */
int64_t stk_child_cpu_ms(const struct stk_child *child);
/* Waits for the end of @child, which is on its way, and closes its pidfd. An end that nobody can
 * tell of is a SIGKILL: never success. */
struct stk_last_words stk_child_reap(struct stk_child *child);
/* Close, SIGKILL, reap; returns the wait status. Safe on pid 0. */
int stk_child_end(struct stk_child *child);

/*
 * Has M start one process with @fd as its channel. The ask's magic, labels and n_labels are filled
 * here. STK_E_CLOSED: M is gone; any error leaves a sentence in @why.
 */
STK_CHECK enum stk_err stk_birth(struct stk_cage *c, enum stk_role role, uint32_t profiles, int fd,
    struct stk_child *out, char why[static STK_WHY_MAX]);

/* The same with several descriptors, for a role that has them (nursery.h). */
STK_CHECK enum stk_err stk_birth_with(struct stk_cage *c, enum stk_role role, uint32_t profiles,
    const int *fds, size_t n_fds, struct stk_child *out, char why[static STK_WHY_MAX]);

/*
 * A job of class @class_index ended as @name: one that shows an attack, or a memory that is not
 * what it should be, is the last that its zygote has made (stk_spawn starts another).
 */
void stk_zygote_doubt(struct stk_cage *c, uint32_t class_index, enum stk_outcome_name name);
/* Ends @z if it is suspect or has made its share of jobs; safe where it does not live. */
void stk_zygote_recycle(struct stk_cage *c, struct stk_zygote *z);

/* Arguments that are only checked need none. */
static inline bool stk_cage_wants_work(const struct stk_run_request *r)
{
	return r->limits.work_bytes > 0 && !r->check_only;
}

/*
 * lodge.c: the job's control group, where there is one. Place: the limits are set and both
 * processes
 * (@program 0: none) are in it; false with a sentence. Leave: everybody in it is ended; how many
 * there still were. Both do nothing without a group. Oom: kills counted in it, or else in ours.
 */
STK_CHECK bool stk_cage_lodge(struct stk_cage *c, const struct stk_limits *l, pid_t job,
    pid_t program, char *why, size_t why_size);
uint32_t stk_cage_unlodge(struct stk_cage *c);
uint64_t stk_cage_oom_kills(const struct stk_cage *c);
/* Threads and processes that the job's group refused since it was made; 0 without one. */
uint64_t stk_cage_tasks_refused(const struct stk_cage *c);

/* The job's own directory has no quota of the kernel's: it is counted, while it runs and after. */
bool stk_cage_work_full(const struct stk_cage *c, const struct stk_run_request *r);
/* Empties the work directory, however long it takes, with the worker's ticks in between. */
void stk_cage_sweep_work(struct stk_cage *c, const struct stk_run_hooks *hooks);

/*
 * Between two jobs: reaps children that nobody named in time, because the worker called them off or
 * had no descriptor left for them; a zygote that died meanwhile is ended before a job needs it.
 */
void stk_cage_bury_strays(struct stk_cage *c);

/* Why @r cannot be run in @c at all, or NULL; static storage. */
const char *stk_cage_request_fault(const struct stk_cage *c, const struct stk_run_request *r);

/*
 * Waits until @fd is readable while the worker's tick goes on: STK_E_TIMEOUT at the deadline, or as
 * soon as the worker wants to stop; @patient sees that through to the deadline.
 */
STK_CHECK enum stk_err stk_await(struct stk_cage *c, int fd, int64_t deadline_ms, bool patient);

/* Descriptors for a child beside its pipes; borrowed, fds[i] counts where bit i of have is set. */
struct stk_extras {
	uint32_t have; /* bit per enum stk_extra */
	int fds[STK_EXTRA_COUNT];
};

struct stk_job_pipes {
	int report, output, args; /* our ends, non-blocking */
};

/* The zygote of this sum, started on first need; errors as of stk_spawn. */
STK_CHECK enum stk_err stk_zygote_find(
    struct stk_cage *c, uint32_t profiles, struct stk_zygote **out, char why[static STK_WHY_MAX]);
/* Has it clone one child with @theirs (report, output, args) and @extras; borrowed for the call. */
STK_CHECK enum stk_err stk_zygote_clone(struct stk_cage *c, struct stk_zygote *z,
    struct stk_spawn *s, const int theirs[3], const struct stk_extras *extras,
    struct stk_child *child, char why[static STK_WHY_MAX]);
/* Ends it and whatever belongs to it; the next need starts another. */
void stk_zygote_end(struct stk_zygote *z);

/* A pipe of which one end is ours and does not block. STK_E_SYSTEM with errno. */
STK_CHECK enum stk_err stk_pipe_from_child(int *ours, int *theirs);
STK_CHECK enum stk_err stk_pipe_to_child(int *ours, int *theirs);

/*
 * Clones one child through the zygote of the class's profile sum, starting that first if need be.
 * On success @child and @pipes are the caller's. STK_E_CLOSED: M is gone. STK_E_REFUSED: hopeless
 * (another cage program, a zygote that cannot shut itself in). Others are worth another try, unless
 * c->called_off: the worker wants to stop.
 */
STK_CHECK enum stk_err stk_spawn(struct stk_cage *c, struct stk_spawn *s,
    const struct stk_extras *extras, struct stk_child *child, struct stk_job_pipes *pipes,
    int *zygote_filters, char why[static STK_WHY_MAX]);

/* --- exec: the process that becomes a class's program (program.h) --------------------------- */

struct stk_program {
	struct stk_child child; /* pid 0: the class has none */
	int listener;           /* its denied calls; borrowed from its zygote, or -1 */
	int report, output;     /* our ends, non-blocking, or -1 */
	int end;                /* where the job is told how it ended */
	struct stk_report frames;
	uint32_t cpu_s; /* its limit */
	bool ended, has_denied;
	bool killed; /* by us: that it ended tells nothing */
	struct stk_denied denied;
	struct stk_last_words last; /* once ended */
};
/* What a poll says of it, and in which order. */
enum stk_program_slot {
	STK_PROGRAM_ENDED,
	STK_PROGRAM_SPOKE,
	STK_PROGRAM_PRINTED,
	STK_PROGRAM_DENIED,
	STK_PROGRAM_SLOTS
};

/* Makes it one that is safe to finish. */
void stk_program_init(struct stk_program *p);
/*
 * Before J of a class with exec, and nothing for another: makes the process, sees it shut and adds
 * the job's ends of its pipes to @for_job. Errors as of stk_spawn, with a sentence. Always followed
 * by stk_program_spawned(), which closes those ends here and, unless J stands, finishes @p.
 */
STK_CHECK enum stk_err stk_program_spawn(struct stk_cage *c, const struct stk_spawn *job,
    const struct stk_run_hooks *hooks, struct stk_program *p, struct stk_extras *for_job,
    char why[static STK_WHY_MAX]);
void stk_program_spawned(struct stk_program *p, struct stk_extras *for_job, bool job_stands);
/* What to poll for; then takes what came, but for what it printed. A denied call is noted and the
 * program killed, never answered; of its end the job is told. STK_E_FORMAT or STK_E_TOOBIG: it said
 * something malformed or too much. */
void stk_program_polls(const struct stk_program *p, struct pollfd at[static STK_PROGRAM_SLOTS]);
STK_CHECK enum stk_err stk_program_step(struct stk_program *p, const struct pollfd *at);
/* Whether its end is a limit or a filter rather than the handler's business. */
bool stk_program_broke_a_limit(const struct stk_program *p);
/* That limit was CPU: SIGXCPU, or the SIGKILL a second later that one meets who ignores it. */
bool stk_program_cpu_spent(const struct stk_program *p);
/* On its way to its end; nothing where it has ended. */
void stk_program_kill(struct stk_program *p);
/* Kills it if need be, reaps, closes, frees. */
void stk_program_finish(struct stk_program *p);

#endif

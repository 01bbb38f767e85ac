/*
 * parent.h - what cage.c, spawn.c and run_loop.c share: the worker's processes beyond the wall.
 * Internal to sandbox/.
 */
#ifndef SANDBOX_PARENT_H
#define SANDBOX_PARENT_H

#include "sandbox/cage.h"
#include "sandbox/nursery.h"
#include "sandbox/work.h"

#define STK_ZYGOTES_MAX 32 /* sums of five profiles */
#define STK_WHY_MAX     512

/* A child of ours; pid 0: none. */
struct stk_child {
	pid_t pid;
	int pidfd;
	int sock; /* our end, or -1 */
};

struct stk_zygote {
	uint32_t profiles;
	int filters;                 /* Seccomp_filters of Z: its children must show one more */
	uint32_t jobs;               /* children it has made */
	enum stk_outcome_name doubt; /* how a child of it ended that makes it suspect */
	struct stk_child child;
};

struct stk_cage {
	struct stk_child nursery;
	bool landlock;
	int oom_fd;
	uint32_t zygote_jobs;                /* 0: no zygote is too old */
	const struct stk_class_table *table; /* borrowed */
	const int *dir_fds;                  /* borrowed, one per label */
	struct stk_work *work;               /* borrowed, or NULL */
	struct stk_zygote zygotes[STK_ZYGOTES_MAX];
	size_t n_zygotes;
	/* of the run in hand, or NULL: heard while M or Z is waited for */
	const struct stk_run_hooks *hooks;
	bool called_off;       /* by such a tick: no child is wanted any more */
	char why[STK_WHY_MAX]; /* what stk_cage_describe last had to say */
};

/*
 * Makes @pid a child of ours if the kernel agrees that it is one (WNOWAIT: nothing is reaped).
 * STK_E_REFUSED if not, or if it is already known as M or a zygote.
 */
STK_CHECK enum stk_err stk_child_adopt(const struct stk_cage *c, pid_t pid, struct stk_child *out);
/* Through its pidfd, or by number where those are refused. */
void stk_child_signal(const struct stk_child *child, int sig);
/* Close, SIGKILL, reap; returns the wait status. Safe on pid 0. */
int stk_child_end(struct stk_child *child);

/*
 * Has M start one process with @fd as its channel. The ask's magic, labels and n_labels are filled
 * here. STK_E_CLOSED: M is gone; any error leaves a sentence in @why.
 */
STK_CHECK enum stk_err stk_birth(struct stk_cage *c, enum stk_role role, uint32_t profiles, int fd,
    struct stk_child *out, char why[static STK_WHY_MAX]);

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

/* Empties the work directory, however long it takes, with the worker's ticks in between. */
void stk_cage_sweep_work(struct stk_cage *c, const struct stk_run_hooks *hooks);

/* Why @r cannot be run in @c at all, or NULL; static storage. */
const char *stk_cage_request_fault(const struct stk_cage *c, const struct stk_run_request *r);

/* Descriptors for a child beside its pipes; borrowed, fds[i] counts where bit i of have is set. */
struct stk_extras {
	uint32_t have; /* bit per enum stk_extra */
	int fds[STK_EXTRA_COUNT];
};

struct stk_job_pipes {
	int report, output, args; /* our ends, non-blocking */
};

/*
 * Clones one child through the zygote of the class's profile sum, starting that first if need be.
 * On success @child and @pipes are the caller's. STK_E_CLOSED: M is gone. STK_E_REFUSED: hopeless
 * (another cage program, a zygote that cannot shut itself in). Others are worth another try, unless
 * c->called_off: the worker wants to stop.
 */
STK_CHECK enum stk_err stk_spawn(struct stk_cage *c, struct stk_spawn *s,
    const struct stk_extras *extras, struct stk_child *child, struct stk_job_pipes *pipes,
    int *zygote_filters, char why[static STK_WHY_MAX]);

#endif

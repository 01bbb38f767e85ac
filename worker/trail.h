/*
 * trail.h - what of a worker's life goes into its audit trail: every authenticated decision, once a
 * minute how much junk there was, its start and its end.
 *
 * A job may start only once the decision to start it stands in the file. Junk can neither stop that
 * nor fill the disk: of what anybody can cause there is one record per reason, queue and minute.
 */
#ifndef WORKER_TRAIL_H
#define WORKER_TRAIL_H

#include "worker/admit.h"
#include "worker/audit.h"
#include "worker/log.h"

#define STK_TRAIL_SUMS 256 /* distinct (reason, queue) in one minute; further queues share one */

struct stk_trail {
	struct stk_audit audit;
	char policy[2 * STK_SHA256_LEN + 1]; /* digest of the policy that decides */
	struct {
		enum stk_verdict verdict;
		char queue[65];
		uint64_t count;
	} sums[STK_TRAIL_SUMS];
	size_t n_sums;
	int64_t minute; /* of CLOCK_REALTIME that the sums belong to */
	/* decisions that whoever holds a key, or a copy of one job, can cause without end */
	struct stk_log_budget lines[STK_VERDICT_COUNT];
	struct stk_log_budget net;
};

/* What is decided about the parcel in hand. */
struct stk_decision {
	enum stk_verdict verdict;
	const char *queue;
	int64_t seq;                              /* of the parcel */
	const char *job_id;                       /* hex */
	const char *kid, *principal, *class_name; /* "" where not known */
	struct stk_span ref;                      /* as signed; may be empty */
	uint32_t runs;                            /* signed; 0: not known */
	uint32_t run;                             /* which of them this would be; 0: not known */
	struct stk_span args;                     /* only their digest is kept; empty: not known */
	const char *sha256;                       /* of the parcel, hex */
};

/* The policy whose digest later decisions name. */
void stk_trail_policy(struct stk_trail *t, const struct stk_keyring *ring);

/* Writes one authenticated decision. False: it is not in the file, and the job must not start. */
STK_CHECK bool stk_trail_decide(struct stk_trail *t, const struct stk_decision *d);
/* Counts what is told in sums: unauthenticated refusals, and decisions beyond a bound. */
void stk_trail_count(struct stk_trail *t, enum stk_verdict verdict, const char *queue, uint64_t n);
/* A destination that a job was refused, as its broker told it. */
struct stk_trail_refusal {
	const char *job_id, *class_name, *name; /* the job's, and of net_names.def */
	const char *host, *ip; /* the job's text; "" where no address was come to */
	uint32_t port;
};
/* One record each, a hundred a minute; how many more there were stands in the next one. It decides
 * nothing, so nothing waits for it. */
void stk_trail_net(struct stk_trail *t, const struct stk_trail_refusal *r);
/* A pre-signed job that a job released or wanted to; verdict: RELEASED or a refusal's name. */
struct stk_trail_release {
	const char *job_id, *class_name, *verdict, *queue, *kid, *principal, *released_class;
	char released[33]; /* its id, or "" */
};
/* It is not the decision about that job, which comes when it is taken: nothing waits for it. */
void stk_trail_release(struct stk_trail *t, const struct stk_trail_release *r);
/* The sums of a minute that is over, and a head if one is due. */
void stk_trail_tick(struct stk_trail *t);
/* A record without a decision: "start", "stop", "reload". False as above. */
STK_CHECK bool stk_trail_note(struct stk_trail *t, const char *kind, const char *worker_id);
/* A step of a protection, such as "guard" or "breaker", on a queue or about a principal. */
STK_CHECK bool stk_trail_step(struct stk_trail *t, const char *kind, const char *queue,
    const char *principal, const char *step);
/* The last sums, a last head, the end. */
void stk_trail_close(struct stk_trail *t);

#endif

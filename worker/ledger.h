/*
 * ledger.h - the run ledger: at most `runs` starts and one recorded success of each signed job, and
 * the rate limits, counted where no producer and no queue's user can write.
 *
 * Its own link and its own ACL user, also on one Redis; in production better a server of its own.
 * PROTOCOL.md, "The ledger", is the specification, worker/scripts/claim.lua and finish.lua are the
 * rules. Called by claim.c and by `stockade ledger`. Every call is safe to repeat.
 */
#ifndef WORKER_LEDGER_H
#define WORKER_LEDGER_H

#include "worker/rates.h"
#include "worker/store.h"

#define STK_LEDGER_SHARDS     256 /* hashes for one ten minutes of end times */
#define STK_LEDGER_RECORD     40  /* bytes of one record, measured: tests/unit/test_ledger.c */
#define STK_READMIT_WINDOW_S  86400
#define STK_LEDGER_FORGETS_MS 10000 /* what a crash or failover may lose is no restored backup */

/* Which ledger this is, and how far it had come when last seen. */
struct stk_epoch {
	char id[STK_INSTANCE_CHARS + 1]; /* "" : none */
	int64_t at_ms;                   /* when an operator began it, by the ledger's clock */
	int64_t mark_ms; /* the ledger's clock at its latest claim, never going back */
};

struct stk_ledger {
	struct stk_store call;  /* how its scripts are called: link, namespace, instance, id */
	struct stk_epoch known; /* the one that is believed */
};

/* The worker's own word on whether @seen may be believed after @known (either may be none). */
STK_CHECK bool stk_epoch_follows(const struct stk_epoch *known, const struct stk_epoch *seen);
/* "<id> <at> <mark>", for the copy beside the queues; and back (false: not such a text). */
#define STK_EPOCH_TEXT 80
void stk_epoch_text(const struct stk_epoch *e, char out[static STK_EPOCH_TEXT]);
STK_CHECK bool stk_epoch_parse(struct stk_span text, struct stk_epoch *out);

/* What TIME, the epoch and INFO say. */
struct stk_ledger_sight {
	struct stk_epoch epoch;
	int64_t min_iat_s, shards;
	int64_t now_ms;                /* its clock */
	char policy[32];               /* maxmemory-policy */
	int64_t used_bytes, max_bytes; /* max 0: no limit */
};
STK_CHECK enum stk_err stk_ledger_look(struct stk_ledger *l, struct stk_ledger_sight *out);

struct stk_claim {
	int64_t seq;
	const char *over;   /* an instance whose leases have ended; NULL or "": none */
	const char *job_id; /* hex; NULL: an unsigned queue, only the limiters are asked */
	int64_t exp_s, runs, iat_s;
	int64_t lease_ms, keep_s;
	int64_t factor; /* thousandths of every configured rate, 1..1000 */
	const struct stk_rates *rates;
};
struct stk_claimed {
	int64_t run;                     /* RUN: the how-manieth start this is */
	int64_t wait_ms;                 /* BUSY, RATE */
	int64_t interval_ms;             /* RATE: between two jobs that wait for it */
	char limiter[STK_LIMITER_BYTES]; /* RATE: who refused */
};
/* RUN, BUSY, RATE, DONE, EXHAUSTED, OLD (before min_iat), BLOCKED, CORRUPT, LOST, STORE. */
STK_CHECK enum stk_err stk_ledger_claim(
    struct stk_ledger *l, const struct stk_claim *c, struct stk_claimed *out, enum stk_answer *v);

enum stk_finish {
	STK_FINISH_DONE,
	STK_FINISH_FAILED,
	STK_FINISH_UNUSED /* it never started: the run is given back */
};
/* OK, ALREADY, STALE (somebody else holds or finished it), STORE. */
STK_CHECK enum stk_err stk_ledger_finish(struct stk_ledger *l, const struct stk_claim *c,
    int64_t run, enum stk_finish what, enum stk_answer *v);

/* What is recorded of one job's runs; nothing is claimed by asking. */
enum stk_past {
	STK_PAST_NOT_ASKED, /* there is no ledger */
	STK_PAST_NEW,       /* it never succeeded, and may start */
	STK_PAST_DONE,      /* it succeeded once, or an operator blocked it */
	STK_PAST_BUSY,      /* it runs now */
	STK_PAST_SPENT,     /* its signed runs are used up */
	STK_PAST_AWAY,      /* the ledger does not answer, or its record is malformed */
};
STK_CHECK enum stk_past stk_ledger_past(
    struct stk_ledger *l, const char *job_id, int64_t exp_s, int64_t runs);

/* A new epoch: from here on this ledger is believed, for jobs issued at @min_iat_s or later. */
STK_CHECK enum stk_err stk_ledger_begin(
    struct stk_ledger *l, int64_t min_iat_s, int64_t shards, enum stk_answer *v);

/*
 * The words of ACL SETUSER after the user's name, without a password: exactly what the scripts and
 * looks above need for namespace @ns.
 */
void stk_ledger_acl(const char *ns, char *out, size_t cap);

#endif

/*
 * store.h - the worker's words to Redis: register, beat, reserve, show, settle, recover,
 * unregister.
 *
 * PROTOCOL.md, "Redis keys and scripts", is the specification. Called by the
 * worker's loop (and enqueue by a tool). Every call is safe to repeat: a lost reply is asked for
 * again with the same sequence number. Nothing here judges a payload.
 */
#ifndef WORKER_STORE_H
#define WORKER_STORE_H

#include "worker/parcel.h"
#include "worker/redis.h"
#include "worker/sheet.h"

#define STK_PROTOCOL       1   /* number in w:<i>; a worker recovers only numbers it knows */
#define STK_INSTANCE_CHARS 32  /* 16 random bytes as lower-case hex */
#define STK_WORKER_ID_MAX  512 /* <host>:<pid>:<queue list> */
#define STK_NS_MAX         128
#define STK_STORE_QUEUES   256 /* queues one call may name */

/* What a script answered. */
#define STK_ANSWERS(X)                                                                             \
	X(OK, "OK")                                                                                \
	X(JOB, "JOB")       /* reserve: a parcel */                                                \
	X(EMPTY, "EMPTY")   /* reserve: nothing there */                                           \
	X(PAUSED, "PAUSED") /* reserve: pause-all-workers, or every queue paused */                \
	X(AGAIN, "AGAIN")   /* a bounded pass ended early: call again now */                       \
	X(FENCED, "FENCED") /* this instance is dead to the others: kill the child, re-register */ \
	X(STORE,                                                                                   \
	    "STORE") /* a key has the wrong type (its name: stk_store.bad_key); nothing done */    \
	X(ALREADY, "ALREADY") /* settle: done before, fine */                                      \
	X(STALE, "STALE")     /* settle, show: not ours any more; drop the outcome, count it */    \
	X(PARK_FULL,                                                                               \
	    "PARKFULL") /* settle: park_max reached, nothing done: settle FAIL as ParkFull */      \
	X(LOST, "LOST") /* recover: one element is over its recoveries: file it */                 \
	X(ID_SHARED,                                                                               \
	    "ID_SHARED")  /* register: done, but the id's former instance is still live: alarm */  \
	X(NEWER, "NEWER") /* a newer protocol number is at work: refuse to start or recover */     \
	/* claim (ledger.h); LOST there: the epoch is missing, changed or older than known */      \
	X(RUN, "RUN")                                                                              \
	X(BUSY, "BUSY")                                                                            \
	X(RATE, "RATE")                                                                            \
	X(DONE, "DONE")                                                                            \
	X(EXHAUSTED, "EXHAUSTED")                                                                  \
	X(OLD, "OLD")                                                                              \
	X(BLOCKED, "BLOCKED")                                                                      \
	X(CORRUPT, "CORRUPT")

enum stk_answer {
#define X(id, text) STK_ANSWER_##id,
	STK_ANSWERS(X)
#undef X
	STK_ANSWER_COUNT
};
/* "FENCED", "STORE", … ; static storage. */
const char *stk_answer_text(enum stk_answer v);

struct stk_store {
	struct stk_redis *link;                /* borrowed */
	struct stk_meter *meter;               /* borrowed: where round trips are told; or NULL */
	char ns[STK_NS_MAX + 1];               /* Resque's namespace, without the colon */
	char id[STK_WORKER_ID_MAX + 1];        /* Resque worker id */
	char instance[STK_INSTANCE_CHARS + 1]; /* i; stk_store_fresh_instance */
	int64_t max_payload_bytes;             /* 0: 128 KiB; the link's caps must hold it */
	bool dynamic_queues; /* reserve pops only from members of Resque's set `queues` */
	char sha[24][41];    /* of the scripts as Redis named them; "" = not loaded */
	char bad_key[256];  /* of the last answer, if STORE: the key without the namespace; or "" */
	int64_t detail;     /* after settle's OK: 1 = a foreign tool had filed this job (count it);
			     * after NEWER: that protocol number; else of no meaning */
	bool opened;        /* after settle's OK: it opened its principal's breaker */
	bool area_full;     /* after settle's OK: its area takes no more, the job was dropped */
	int64_t n_released; /* after settle's OK: how many pre-signed jobs it pushed */
	bool filed_before;  /* after settle's OK of a ParkFull: its record stands there already */
	bool result_kept;   /* after settle's OK with a result: there was room for it */
	bool failed_per_queue;     /* Resque's redis_multi_queue backend; set before register */
	struct stk_reply *in_hand; /* owns the last parcel's bytes */
};

/*
 * @ns and @id are checked (printable ASCII, no space, quote, backslash, <, >, &, control bytes):
 * they end up in keys and records. A fresh instance is drawn. STK_E_FORMAT, STK_E_TOOBIG,
 * STK_E_SYSTEM.
 */
STK_CHECK enum stk_err stk_store_init(
    struct stk_store *s, struct stk_redis *link, const char *ns, const char *id);
void stk_store_clear(struct stk_store *s);
/* Draws a new i (getrandom), after FENCED. STK_E_SYSTEM. */
STK_CHECK enum stk_err stk_store_fresh_instance(struct stk_store *s);
/* 1..STK_QUEUE_MAX bytes of the characters above without a comma: what stk_store takes as a queue.
 */
bool stk_queue_ok(const char *queue);

/*
 * All calls below return STK_OK when the script answered, with the answer in @v; STK_E_REFUSED when
 * Redis said an error line (stk_redis_problem(s->link) has the name), or what stk_redis_call says.
 * Scripts are loaded on first use and again after NOSCRIPT. @queues are borrowed for the call.
 */

/*
 * Registers i under the worker id; queues are written to w:<i> before the first pop. @started_local
 * is for Resque's page ("2026-11-23 06:51:14 +0000", stk_time_shown). OK, ID_SHARED, STORE,
 * NEWER, FENCED (this i was declared dead before: draw a fresh one).
 */
STK_CHECK enum stk_err stk_store_register(struct stk_store *s, const char *const *queues, size_t n,
    const char *started_local, enum stk_answer *v);
/* Every beat interval, also while a job runs; heals what a foreign pruner removed. OK, FENCED,
 * STORE. */
STK_CHECK enum stk_err stk_store_beat(
    struct stk_store *s, const char *started_local, enum stk_answer *v);

struct stk_reserved {
	struct stk_parcel parcel; /* after JOB; bytes live until the next reserve or clear */
	int64_t tries;       /* automatic attempts of these bytes so far (today and yesterday) */
	int64_t recoveries;  /* how often these bytes came back from dead workers */
	bool again;          /* the same seq as before: the last reply was lost */
	int64_t next_due_ms; /* after EMPTY, PAUSED: until the next parked job is due; -1: none
				parked */
	struct stk_span
	    paused; /* after EMPTY, PAUSED: '1' or '0' per queue asked for; lives as bytes */
	int64_t n_ours, n_known; /* after EMPTY, PAUSED, dynamic list: members of `queues`, see
				    stk_queues_heard */
	int64_t n_oversize;      /* elements over max_payload removed in this call, each recorded */
	int64_t n_promoted;      /* parked jobs moved back to their queues in this call */
};
/*
 * Strict priority in the order given. JOB, EMPTY, PAUSED, AGAIN (many oversize elements in a row),
 * FENCED, STORE.
 */
STK_CHECK enum stk_err stk_store_reserve(struct stk_store *s, const char *const *queues, size_t n,
    struct stk_reserved *out, enum stk_answer *v);

/* What an instance is doing, for `stockade top` (doing:<i>); texts are borrowed for the call. */
struct stk_doing {
	const char *job_id, *class_name;
	int64_t attempt;
	int64_t ms; /* when nobody ends it, it is forgotten after so long */
};
/*
 * Writes worker:<id> = @value (stk_record_working) for the job in hand, and @doing. OK, STALE,
 * FENCED, STORE. OK too when another instance owns the id: then only @doing is written.
 */
STK_CHECK enum stk_err stk_store_show_doing(struct stk_store *s, int64_t seq, struct stk_span value,
    const struct stk_doing *doing, enum stk_answer *v);
/* The same without the second. */
STK_CHECK enum stk_err stk_store_show(
    struct stk_store *s, int64_t seq, struct stk_span value, enum stk_answer *v);
/* How far the job in hand says it is, beside that; @note: at most STK_NOTE_MAX bytes. OK, STALE
 * (nothing was written down), FENCED, STORE. */
STK_CHECK enum stk_err stk_store_progress(struct stk_store *s, int64_t seq, uint64_t done,
    uint64_t total, struct stk_span note, enum stk_answer *v);

struct stk_staged {
	const char *queue;
	struct stk_span payload;
};
/*
 * Writes down what the job in hand releases when it is done, for @ms; the settlement with
 * .releases_of = @job_id pushes it. OK, STALE, FENCED, STORE (also a queue that we may not touch).
 */
STK_CHECK enum stk_err stk_store_stage(struct stk_store *s, int64_t seq, const char *job_id,
    int64_t ms, const struct stk_staged *what, size_t n, enum stk_answer *v);

enum stk_settle_what {
	STK_SETTLE_OK,         /* ran, done or skipped */
	STK_SETTLE_FAIL,       /* .record to `failed` */
	STK_SETTLE_RETRY,      /* park for .delay_ms, one automatic attempt counted */
	STK_SETTLE_HANDBACK,   /* to the front of its queue, as if never taken */
	STK_SETTLE_PARK,       /* park for .delay_ms, no attempt counted */
	STK_SETTLE_QUARANTINE, /* .entry to the bounded area .area, .note to `failed` */
	STK_SETTLE_DROP,       /* gone; .note to `failed` where given */
};

/* When a principal's breaker opens (breaker.h). */
struct stk_breaker_rule {
	int64_t window_ms, violations, ratio, least, hold_ms, trial_ms;
};

struct stk_settle {
	int64_t seq;
	enum stk_settle_what what;
	struct stk_span record; /* FAIL: stk_record_failed's bytes, not empty */
	int64_t delay_ms;       /* RETRY, PARK: from Redis's now */
	const char
	    *job_id; /* RETRY, PARK, QUARANTINE: hex when signed (one copy per id), else NULL */
	int64_t park_max;      /* RETRY, PARK: most parked jobs of the queue; 0: 20 000 */
	const char *area;      /* QUARANTINE: stk_area_* below */
	struct stk_span entry; /* QUARANTINE: stk_record_quarantine's bytes */
	const char *entry_id;  /* QUARANTINE: the entry's ULID */
	int64_t max_entries;   /* QUARANTINE: beyond them the oldest entry goes and is counted */
	int64_t max_bytes;
	const char
	    *reason; /* with .note: the stable name; at most one note per reason, queue, minute */
	struct stk_span note;  /* QUARANTINE, DROP: stk_record_refused's bytes; empty: none */
	const char *principal; /* RETRY, PARK, QUARANTINE: whose job it is; NULL: nobody's */
	int64_t own_park_max;  /* RETRY, PARK: most parked jobs of that principal; 0: as park_max */
	int64_t slot_ms;       /* PARK: waits for a rate, this long after the one before; 0: not */
	bool judged;           /* a first decision about a job of .principal */
	bool violated; /* the same, and one that only its key's holder can bring about; .job_id is
			  set */
	struct stk_breaker_rule rule; /* with either */
	int64_t own_quarantine_max;   /* QUARANTINE: counts against that principal; 0: does not */
	struct stk_span
	    result;           /* OK: kept as result:<.result_id> for .keep_ms; empty: nothing is */
	bool forget_releases; /* with the next: of a run that counts for nothing */
	const char *releases_of; /* OK, DROP: the job id under which stk_store_stage() wrote */
	const char *result_id;
	int64_t keep_ms, results_max, results_max_bytes; /* of all results together */
};
/* OK, ALREADY, STALE, PARK_FULL, FENCED, STORE. */
STK_CHECK enum stk_err stk_store_settle(
    struct stk_store *s, const struct stk_settle *what, enum stk_answer *v);
/*
 * Both in one write. @reserved is written only when *settled is OK, ALREADY or STALE; with any
 * other answer *next is STK_ANSWER_AGAIN, nothing new was taken and @reserved, which may be the job
 * in hand itself, still stands: settle it again in another way.
 */
STK_CHECK enum stk_err stk_store_settle_and_reserve(struct stk_store *s,
    const struct stk_settle *what, enum stk_answer *settled, const char *const *queues, size_t n,
    struct stk_reserved *out, enum stk_answer *next);

/* Areas of refused jobs and their bounds (PROTOCOL.md, Keys of ours). @out holds STK_AREA_BYTES. */
#define STK_AREA_BYTES         160
#define STK_UNAUTH_MAX_ENTRIES 1000
#define STK_UNAUTH_MAX_BYTES   (8 << 20)
#define STK_SIGNED_MAX_ENTRIES 20000
#define STK_SIGNED_MAX_BYTES   (64 << 20)
/* quarantine:<q>: refused before anybody's key vouched for it. */
void stk_area_unauthenticated(char *out, const char *queue);
/* quarantine:<q>#<reason>: signed, but refused. */
void stk_area_signed(char *out, const char *queue, const char *reason);

/* --- store_area.c: entries of an area, after the key ring changed ------------------------------
 */

struct stk_kept {
	int64_t rank;    /* where this one stands, or where to go on; -1: after the last */
	char member[65]; /* its name in the area */
	struct stk_span
	    entry; /* JSON; borrowed until the next such call, reserve or clear; or empty */
};
/* The first entry from @rank on whose key is one of @kids (none given: the first). OK, FENCED,
 * STORE. */
STK_CHECK enum stk_err stk_store_examine(struct stk_store *s, const char *area, int64_t rank,
    const char *const *kids, size_t n, struct stk_kept *out, enum stk_answer *v);
/* Out of the area, @bytes to the back of @queue. OK, STALE (somebody took it), FENCED, STORE. */
STK_CHECK enum stk_err stk_store_release(struct stk_store *s, const char *area, const char *member,
    const char *queue, struct stk_span bytes, enum stk_answer *v);

struct stk_lost {
	char queue[STK_QUEUE_MAX + 1];
	struct stk_span bytes; /* borrowed until the next recover, reserve or clear */
	char digest[41];       /* names the element in the call that files it */
};
struct stk_recovered {
	int64_t n_returned;      /* elements put back to the front of their queues */
	int64_t n_foreign_filed; /* dropped, because a foreign tool had filed the job */
	int64_t orphans; /* elements in queues that are not the caller's, of a grave > 10 min */
	struct stk_lost lost; /* after LOST */
};
/*
 * Recovers the dead instance @victim for the caller's @queues. OK: done. AGAIN: call again. LOST:
 * the element out->lost stays in the victim's list until it is filed: build its record and call
 * again with it as @filed and @record. FENCED, STORE, NEWER. Repeating is harmless. The caller
 * holds the prune lock, except for a predecessor that the supervisor saw die.
 */
STK_CHECK enum stk_err stk_store_recover(struct stk_store *s, const char *victim,
    const char *const *queues, size_t n, const struct stk_lost *filed, struct stk_span record,
    struct stk_recovered *out, enum stk_answer *v);
/* Hands back what is in hand, leaves `workers`; i goes to the graves. OK, FENCED, STORE. */
STK_CHECK enum stk_err stk_store_unregister(struct stk_store *s, enum stk_answer *v);

struct stk_peer {
	char instance[STK_INSTANCE_CHARS + 1];
	int64_t score; /* live: beat counter; graves: Redis's milliseconds of death */
};
/* At most @max of them into @out, *n says how many; entries of another form are skipped,
 * 65 536 of them at most. */
STK_CHECK enum stk_err stk_store_live(
    struct stk_store *s, struct stk_peer *out, size_t max, size_t *n);
STK_CHECK enum stk_err stk_store_graves(
    struct stk_store *s, struct stk_peer *out, size_t max, size_t *n);
/* The same from rank *@at on, oldest first; then *@at is where to go on, 0 after the last. */
STK_CHECK enum stk_err stk_store_graves_from(
    struct stk_store *s, int64_t *at, struct stk_peer *out, size_t max, size_t *n);
/* Does a list of @instance for one of these queues hold anything? One EXISTS, no script. */
STK_CHECK enum stk_err stk_store_grave_holds(
    struct stk_store *s, const char *instance, const char *const *queues, size_t n, bool *holds);
/* Resque's pruning lock (SET NX EX 60, an integer): *won says whether this pass is ours. */
STK_CHECK enum stk_err stk_store_prune_lock(struct stk_store *s, bool *won);

/* Another 60 s for the lock if it is ours still (prune_lock = hold); *held says so. */
STK_CHECK enum stk_err stk_store_prune_renew(struct stk_store *s, bool *held);

#define STK_PRUNE_PAGE 512 /* a small hash answers HSCAN whole; beyond it Redis keeps to COUNT */
struct stk_beating {
	char id[STK_WORKER_ID_MAX + 1];
	char heartbeat[41];
};
/*
 * store_prune.c. A page of Resque's heartbeats that are not ours: *n of at most @max; *cursor 0
 * begins, and is 0 again after the last page. *now_ms: Redis's time. OK, FENCED, STORE.
 */
STK_CHECK enum stk_err stk_store_prune_look(struct stk_store *s, uint64_t *cursor,
    struct stk_beating *out, size_t max, size_t *n, int64_t *now_ms, enum stk_answer *v);
/*
 * worker:<id> of a foreign worker, at most max_payload and 4 KiB of it: empty where it has no job,
 * *too_long where it has more. Borrowed until the next such call, recover or reserve.
 */
STK_CHECK enum stk_err stk_store_prune_show(struct stk_store *s, const char *id,
    struct stk_span *value, bool *too_long, enum stk_answer *v);
/* Unregisters it, with @record to `failed` unless empty. OK, STALE (it changed), FENCED, STORE. */
STK_CHECK enum stk_err stk_store_prune_file(struct stk_store *s, const struct stk_beating *who,
    struct stk_span value, struct stk_span record, enum stk_answer *v);

/*
 * Sends BLMOVE of @queue into this instance's list on @side, a link of its own for this queue, and
 * does not wait: stk_redis_receive(side) answers when something came or @timeout_ms (1..1 000)
 * passed, and then stk_store_reserve adopts it. The queue must have been named in a register or
 * reserve call before, so that recovery knows the list. What the reply carries is ignored; close
 * @side whenever it says an error: an element over the caps is removed by reserve.
 */
STK_CHECK enum stk_err stk_store_await(
    const struct stk_store *s, struct stk_redis *side, const char *queue, int timeout_ms);

/* SADD queues and RPUSH queue:<q> in one MULTI; needs no registration. */
STK_CHECK enum stk_err stk_store_enqueue(
    struct stk_store *s, const char *queue, struct stk_span payload);

#endif

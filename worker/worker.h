/*
 * worker.h - everything one worker process holds; made by work.c, handed to refuse, run and settle.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "sandbox/group.h"
#include "worker/admit.h"
#include "worker/breaker.h"
#include "worker/cage_setup.h"
#include "worker/counters.h"
#include "worker/drain.h"
#include "worker/guard.h"
#include "worker/handed.h"
#include "worker/idle.h"
#include "worker/ledger_link.h"
#include "worker/life.h"
#include "worker/log.h"
#include "worker/meter.h"
#include "worker/mistyped.h"
#include "worker/policy.h"
#include "worker/pressure.h"
#include "worker/queues.h"
#include "worker/record.h"
#include "worker/recover.h"
#include "worker/reload.h"
#include "worker/store.h"
#include "worker/supervisor.h"
#include "worker/trail.h"

/* What the running job last said of how far it is (progress.c). */
struct stk_progress_told {
	struct stk_progress last;
	uint8_t note[STK_NOTE_MAX]; /* without control characters, UTF-8 */
	size_t note_len;
	bool fresh;      /* not in Redis yet */
	bool redacted;   /* a secret stood in one of its notes */
	bool mute;       /* Redis does not take it: this job's is not told any more */
	int64_t next_ms; /* CLOCK_MONOTONIC: not before */
};

struct stk_worker {
	const struct stk_config *config; /* borrowed */
	struct stk_cage_setup cage;
	struct stk_cgroup *group; /* owned; NULL: jobs have none */
	char group_why[192];      /* why they have none */
	struct stk_handed handed; /* secrets and settings, by class */
	struct stk_keyring *ring; /* owned */
	struct stk_gate gate;
	struct stk_redis *link; /* owned */
	struct stk_store store;
	struct stk_ledger_link ledger;
	struct stk_life life;
	struct stk_counters counters;
	struct stk_trail trail;
	struct stk_reload reload;
	struct stk_recovery recovery;
	struct stk_queues queue_list; /* owned */
	const char *const *queues;    /* its names, in order of priority */
	size_t n_queues;
	const char *const *reported; /* those that are only looked at (report.c) */
	size_t n_reported;
	int64_t next_report_ms;
	struct stk_idle idle;
	struct stk_log_budget refusal_logs[STK_VERDICT_COUNT];
	struct stk_log_budget area_lines;
	struct stk_flood flood;
	struct stk_guard guard;
	struct stk_breaker breaker;
	uint8_t unavailable[STK_CLASSES_MAX]; /* SandboxUnavailable in a row, by class */
	struct stk_mistyped mistyped;
	int64_t now_s; /* the wall clock at which the parcel in hand was judged */
	/* the claim of the job in hand (claim.c) */
	struct stk_rates rates;
	struct stk_claim claim;
	int64_t run;                       /* which of its runs this is; 0: none claimed */
	char over[STK_INSTANCE_CHARS + 1]; /* whose leases have ended; "" : nobody's */
	struct stk_progress_told told;
	struct stk_pressure pressure;
	struct stk_metering metering;
	bool trail_lost; /* AUDIT_LOST was told */
	bool nursery_lost;
	bool unsettled; /* told to stop while a key's type kept an outcome from being written */
	bool patient;   /* this service has worked before: Redis away is waited for */
	bool rehearsal; /* doctor: what would refuse is asked, nothing is made or written */
	/* scratch, reused for every job */
	struct stk_jw record, note, result;
	char sha256[65];
	char area[STK_AREA_BYTES];
	char entry_id[STK_ULID_BYTES];
	char job_id[33];
	char trace[STK_TRACE_BYTES]; /* of the job in hand, "" where it has no id */
	uint8_t class_name[STK_NAME_MAX];
};

/* Wall clock, seconds since the epoch. */
int64_t stk_worker_now_s(void);

/*
 * refuse.c: a verdict other than ACCEPT becomes a settlement: parked, quarantined or dropped,
 * counted, logged (sampled). The spans in @out live until the next parcel.
 */
void stk_worker_refuse(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_admission *a, struct stk_settle *out);

/* report.c: parts w->queue_list into what is worked on and what is only looked at. */
void stk_worker_part_queues(struct stk_worker *w);
/* report.c: says which queues do not ask for signatures. */
void stk_worker_log_signatures(const struct stk_worker *w);
/* report.c: looks at the queues of the second kind when it is time. No job is in hand. */
void stk_report_pass(struct stk_worker *w);
/* report.c: one turn of a worker all of whose queues are of that kind; true. */
bool stk_report_only(struct stk_worker *w);
/* refuse.c: refused, and not by anybody's signature: anybody can have pushed it. */
bool stk_worker_is_junk(const struct stk_admission *a);
/* refuse.c: one of our own notes in `failed`, retried by a dashboard. */
bool stk_worker_is_refusal_note(const struct stk_reserved *r, const struct stk_admission *a);
/*
 * refuse.c: what the guard says of a judgement: is this refusal to be kept whole? Once for each; it
 * is asked inside stk_worker_choose_area, which names w->area and its bounds in @out.
 */
bool stk_worker_guarded(struct stk_worker *w, const char *queue, const struct stk_admission *a);
void stk_worker_choose_area(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_admission *a, struct stk_settle *out);
/* refuse.c: an area's entry and a note in `failed`, appended to @out; names w->entry_id, w->sha256.
 */
void stk_worker_entry(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_admission *a, struct stk_jw *out);
void stk_worker_note(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_admission *a, bool kept, struct stk_jw *out);
/* refuse.c: the alarm of an area that takes no more. */
void stk_worker_tell_area_full(struct stk_worker *w);
/* work.c: neither told to stop, nor fenced, nor without hope. */
bool stk_worker_may_go_on(const struct stk_worker *w);
/* work.c: asks @queues for a parcel, waiting where Redis is away. */
enum stk_answer stk_worker_reserve(
    struct stk_worker *w, const char *const *queues, size_t n, struct stk_reserved *r);

/*
 * audited.c: opens the trail; writes its first record; 0, or an exit code after complaining. Puts
 * an authenticated decision into it, waiting for as long as it cannot be written (AUDIT_LOST):
 * false, and it is not there and the worker is to stop; the job goes back. The last record.
 */
STK_CHECK int stk_worker_trail_open(struct stk_worker *w, const struct stk_worker_start *start);
STK_CHECK int stk_worker_trail_begin(struct stk_worker *w);
STK_CHECK bool stk_worker_audited(
    struct stk_worker *w, const struct stk_reserved *r, const struct stk_admission *a);
void stk_worker_trail_end(struct stk_worker *w);

/* refuse.c: counts and tells what reserve removed because it was over max_payload. */
void stk_worker_note_oversize(struct stk_worker *w, struct stk_reserved *job);

/* refuse.c: what a principal may have parked, for a settlement that parks one of its jobs. */
void stk_worker_park_limits(const struct stk_principal *p, struct stk_settle *out);

/*
 * claim.c: asks the ledger for a start of a->ticket. ACCEPT: go on, finish it later; else the
 * verdict (also in @a), with what a deferral needs.
 */
STK_CHECK enum stk_verdict stk_worker_claim(
    struct stk_worker *w, const struct stk_reserved *r, struct stk_admission *a);
/* claim.c: what this machine's pressure makes of the rates it asks for; told when it changes. */
void stk_worker_look_at_pressure(struct stk_worker *w);
/* claim.c: tells the ledger how the claimed run ended. False: not ours any more, or not told. */
STK_CHECK bool stk_worker_finish(struct stk_worker *w, const struct stk_outcome *o);
/* claim.c: the claimed run will not start: it is given back. */
void stk_worker_unclaim(struct stk_worker *w);
/* settle.c: an ordinary failed record of raw bytes, retryable; @out keeps its seq. */
void stk_worker_fail(struct stk_worker *w, const struct stk_reserved *r, const char *exception,
    const char *sentence, struct stk_settle *out);
/* settle.c: park_max or quarantine_max reached: an ordinary failed record, retryable. */
void stk_worker_settle_full(
    struct stk_worker *w, const struct stk_reserved *r, struct stk_settle *settle);

/* run.c: the line of a job that may start; an unsigned one is counted for the trail's sums. */
void stk_worker_log_admitted(
    struct stk_worker *w, const struct stk_reserved *r, const struct stk_admission *a);
/* run.c: shows the job, runs it behind the wall. False: it was not started (see *out). */
void stk_worker_run(struct stk_worker *w, const struct stk_reserved *r, const struct stk_ticket *t,
    struct stk_outcome *out);

/* settle.c: an outcome becomes a settlement: counted, recorded, retried or handed back. */
void stk_worker_settle(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_ticket *t, struct stk_outcome *o, struct stk_settle *out);

/* trace.c: the trace context of a job that has an id; that id and its trace.id in a line. */
void stk_worker_trace(struct stk_worker *w, const struct stk_admission *a);
void stk_worker_say_job(const struct stk_worker *w, struct stk_jw *line);

/* progress.c: nothing was said yet; something was; to Redis, if it is time, before @back_by_ms. */
void stk_progress_begin(struct stk_progress_told *t);
void stk_progress_heard(
    struct stk_progress_told *t, const struct stk_progress *p, struct stk_span note);
void stk_progress_tell(struct stk_worker *w, int64_t seq, int64_t back_by_ms);

/* release.c: what came of the pre-signed jobs that @o, if it is Done, wants to follow it. */
enum stk_release_end {
	STK_RELEASE_NONE,    /* there are none */
	STK_RELEASE_STAGED,  /* written down: the settlement pushes them */
	STK_RELEASE_REFUSED, /* told; @o is ReleaseRefused now */
	STK_RELEASE_NOT_NOW  /* Redis did not take them, or we are fenced: the job waits */
};
STK_CHECK enum stk_release_end stk_worker_stage_releases(struct stk_worker *w,
    const struct stk_reserved *r, const struct stk_ticket *t, struct stk_outcome *o);
/* release.c: after a settlement's OK: how many it pushed. */
void stk_worker_released(struct stk_worker *w);

/* results.c: a class's kept result goes into the settlement of a job that is done; @out borrows
 * w->result. */
void stk_worker_keep_result(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_ticket *t, const struct stk_outcome *o, struct stk_settle *out);
/* results.c: after the settlement's OK: counted, or said why it is not kept. */
void stk_worker_result_settled(struct stk_worker *w, const struct stk_settle *what);

/* settle.c: what Redis answered, at level debug. */
void stk_worker_settled(
    const struct stk_worker *w, const struct stk_settle *what, enum stk_answer answer);

/* work.c: what the records say of raw bytes, or of an admitted job; recognises them first. */
void stk_worker_record_raw(
    struct stk_worker *w, const char *queue, struct stk_span bytes, struct stk_record_job *out);
void stk_worker_record_job(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_ticket *t, struct stk_record_job *out);

/*
 * mistyped.c: the answer STORE to a call that cannot be left out: the key is named, a second
 * passes, and true: ask again. False after any other answer, and when it is time to stop asking: in
 * a batch (INTERVAL=0), which waits for nobody, and when told to stop; w->unsettled if
 * @outcome_in_hand.
 */
STK_CHECK bool stk_worker_wait_for_type(
    struct stk_worker *w, enum stk_err e, enum stk_answer answer, bool outcome_in_hand);
/*
 * mistyped.c: after a look at the queues. One of the wrong type holds up no other queue: the worker
 * looks again as often as it polls. False when it should end (see above).
 */
STK_CHECK bool stk_worker_past_wrong_type(struct stk_worker *w, enum stk_answer looked);

/* fenced.c: begins again after FENCED, with *next AGAIN; false when the worker should end. */
bool stk_worker_still_itself(struct stk_worker *w, enum stk_answer *next);

/* farewell.c: no class could be caged three times in a row: this worker cannot run anything. */
bool stk_worker_wall_is_gone(const struct stk_worker *w);
/* farewell.c: names the end, unregisters where it may, and logs; the exit code. */
int stk_worker_farewell(struct stk_worker *w);

/* reload.c: warns of grants whose class the cage program lacks, or cannot run here. */
void stk_worker_log_absent(const struct stk_worker *w);
/* reexamine.c: one bounded step of the areas' re-examination. */
void stk_reexamine(struct stk_worker *w);

/* start.c: from a fresh fork to a registered worker. 0, or an exit code after complaining. */
STK_CHECK int stk_worker_come_alive(struct stk_worker *w, const struct stk_worker_start *start);

/*
 * start.c: goes through the steps of a start that change nothing, and through no other; @told hears
 * of each, with its exit code (0: it refuses nothing) and its sentence. A step whose ground another
 * one lacked is left out. @w: from stk_worker_new(), with its cage set up by the caller.
 */
typedef void stk_rehearsed(void *ctx, const char *step, int code, const char *sentence);
void stk_worker_rehearse(
    struct stk_worker *w, const struct stk_worker_start *start, stk_rehearsed *told, void *ctx);

/*
 * provide.c: steps of the start; 0, or an exit code after complaining. All jobs' memory is held
 * against the limit; the work directory is made; load_handed reads the classes' secrets, so no fork
 * comes after it.
 */
STK_CHECK int stk_worker_check_memory(struct stk_worker *w, const struct stk_worker_start *start);
STK_CHECK int stk_worker_make_work(struct stk_worker *w, const struct stk_worker_start *start);
/* The job's control group; first of all, because a group with processes hands no controllers on. */
STK_CHECK int stk_worker_open_group(struct stk_worker *w, const struct stk_worker_start *start);
/* Says what came of it, once the worker stands. */
void stk_worker_log_group(const struct stk_worker *w);
STK_CHECK int stk_worker_load_handed(struct stk_worker *w, const struct stk_worker_start *start);
/*
 * provide.c: does class @index lack what it asks for: a directory, a program, a work directory, a
 * secret, a setting? 0, or an exit code with one sentence in @why. It stops a start only if
 * somebody may be made to run the class: stk_class_wanted().
 */
STK_CHECK int stk_class_unready(const struct stk_config *c, const struct stk_cage_setup *s,
    size_t index, char *why, size_t why_size);
/* Granted to anybody, or run unsigned by a queue's rule. */
bool stk_class_wanted(
    const struct stk_config *c, const struct stk_keyring *ring, const char *class_name);

/*
 * start.c: registers w->store.instance, at start and again after FENCED; waits for Redis where the
 * service has worked before. 0, or an exit code after complaining.
 */
STK_CHECK int stk_worker_register(struct stk_worker *w);

/* work.c: a worker that holds nothing yet; NULL without memory. Ends and frees all that it holds.
 */
struct stk_worker *stk_worker_new(const struct stk_config *config);
void stk_worker_free(struct stk_worker *w);
/* work.c: one worker's whole life, called by the supervisor in the fresh process. */
int stk_worker_main(const struct stk_worker_start *start);

#endif

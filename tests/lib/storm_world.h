/*
 * storm_world.h - what the files of the storm share: the model, and the steps' names. For them
 * alone.
 */
#ifndef TESTS_LIB_STORM_WORLD_H
#define TESTS_LIB_STORM_WORLD_H

#include "tests/lib/storm.h"

#define WORKERS     3
#define INSTANCES   4096
#define NOBODY      (-1)
#define STARTED     "2026-11-23 06:51:14 +0000"
#define RECOVERIES  3
#define CALM_PASSES 24
#define PARK_MAX    2   /* of one queue */
#define PAYLOAD_MAX 100 /* bytes; what is larger is removed and recorded */

struct instance {
	char i[STK_INSTANCE_CHARS + 1];
	bool live;
	int id;
};
struct worker {
	struct stk_store store;
	int self;    /* its instance */
	bool knows;  /* a reserve reply arrived */
	bool lost;   /* a reserve reply was lost on the way */
	bool showed; /* a worker shows each job once */
	bool full;   /* PARKFULL: it fails the job next */
	int64_t seq;
	char body[16], queue[16];
};
struct job {
	unsigned copies, returned;
	bool finished, gone; /* gone: a foreign tool's record stands for it */
	bool far;            /* parked for an hour: it must not run before */
	int filed_at;        /* the instance in whose hand it was when a foreign tool filed it */
};

/* One storm at a time. */
struct storm_world {
	struct stk_redis *tools;
	struct storm_seen *seen;
	struct worker workers[WORKERS];
	struct instance instances[INSTANCES];
	int n_instances;
	struct job jobs[STORM_JOBS];
	int owner[2], shown_job[2];
	bool listed[2], paused;
	char shown[2][80], violation[200];
	struct stk_lost old_lost; /* a record of an earlier recovery: it may arrive again */
	char old_record[16];
	uint64_t dice;
	int64_t n_oversize; /* elements over PAYLOAD_MAX that reserve says it removed */
};
extern struct storm_world sw;
extern const char *const storm_queues[2];
extern const char *const storm_ids[2];
extern const int storm_id_of_worker[WORKERS];

/* storm.c */
unsigned storm_roll(unsigned sides);
__attribute__((format(printf, 1, 2))) void storm_wrong(const char *text, ...);
bool storm_answered(enum stk_err e, const char *call);
void storm_redis(const char *words);
bool storm_live(const struct worker *w);
bool storm_fence_holds(const struct worker *w, enum stk_answer v, const char *call);

/* storm_life.c */
void storm_disown(int instance);
void storm_enlist(struct worker *w);
void storm_reborn(struct worker *w);
void storm_fenced(struct worker *w);
void storm_beat(struct worker *w);
void storm_unregister(struct worker *w);
void storm_full_redis(struct worker *w);

/* storm_job.c */
bool storm_is_signed(int n);
void storm_enqueue(void);
void storm_deliver(void);
int storm_in_hand_of(const struct worker *w);
void storm_reserve(struct worker *w);
void storm_show(struct worker *w);
void storm_settle(struct worker *w);

/* storm_death.c */
void storm_drop_filed(int victim);
void storm_recover(struct worker *w, int victim);
void storm_foreign_pruner(void);
void storm_pause_or_resume(void);

/* storm_types.c: each script, with one key of another type, says STORE and does nothing. */
void storm_wrong_type(struct worker *w);

/* storm_ruby.c: a dead Ruby worker is filed once, and only while nothing about it changes. */
void storm_ruby(struct worker *w);

/* storm_drain.c */
void storm_drain(struct worker *w);

/* storm_truth.c */
void storm_ids_are_their_owners(void);
void storm_every_job_is_in_one_place(void);
void storm_calm(void);

#endif

/*
 * breaker.h - a principal whose producer has gone wrong is held for a while (PROTOCOL.md, Breaker).
 *
 * Only what the holder of its key alone can cause counts, once per job id, so that nobody else can
 * bring it about. Its jobs wait, none is lost; then one a second is tried. The counting is settle's
 * (worker/scripts/violations.lua); here is what each worker knows of it, looked at about once a
 * second for all principals together, so that no job pays a round trip for it.
 */
#ifndef WORKER_BREAKER_H
#define WORKER_BREAKER_H

#include "worker/keyring.h"
#include "worker/store.h"

enum stk_breaker_state {
	STK_BREAKER_CLOSED,
	STK_BREAKER_OPEN,     /* held: its jobs wait */
	STK_BREAKER_HALF_OPEN /* one a second is tried */
};
/* "CLOSED", "OPEN", "HALF_OPEN"; static storage. */
const char *stk_breaker_text(enum stk_breaker_state s);

struct stk_breaker {
	struct stk_breaker_of {
		enum stk_breaker_state state;
		int64_t until_ms; /* CLOCK_MONOTONIC: when it is looked at anew at the latest */
	} * of;                   /* by index of the ring's principals; owned */
	size_t n;
	int64_t looked_ms; /* CLOCK_MONOTONIC; 0: never */
};

struct stk_worker;
struct stk_admission;
struct stk_reserved;
struct stk_ticket;

void stk_breaker_clear(struct stk_breaker *b);
/* Looks if the last look is too old: between jobs (@in_hand false) a second, else two. */
void stk_breaker_look(struct stk_worker *w, bool in_hand);
/*
 * For a job that is admitted otherwise: ACCEPT, or D_HELD in @a with the time it waits. In a queue
 * with breaker = "observe" it is only told.
 */
STK_CHECK enum stk_verdict stk_breaker_ask(
    struct stk_worker *w, const struct stk_reserved *r, struct stk_admission *a);
/* What a settlement says of its job to the breaker: a first decision; a violation. */
void stk_breaker_note_refused(
    struct stk_worker *w, const struct stk_admission *a, struct stk_settle *out);
void stk_breaker_note_ran(struct stk_worker *w, const struct stk_ticket *t, bool started,
    bool violated, struct stk_settle *out);

/* --- store_breaker.c --- */
struct stk_breaker_look {
	int64_t held_ms, trial_ms; /* 0: not; -1: without an end */
};
/* OK, FENCED. @names: at most STK_BREAKER_NAMES. */
#define STK_BREAKER_NAMES 200
STK_CHECK enum stk_err stk_store_breaker_look(struct stk_store *s, const char *const *names,
    size_t n, struct stk_breaker_look *out, enum stk_answer *v);
STK_CHECK enum stk_err stk_store_breaker_pass(
    struct stk_store *s, const char *name, bool *passed, enum stk_answer *v);

#endif

/*
 * ledger_link.h - a worker's tie to the ledger: opened at start, checked now and then, and whatever
 * keeps it from being believed, by name. Nothing signed is reserved or started while there is one.
 */
#ifndef WORKER_LEDGER_LINK_H
#define WORKER_LEDGER_LINK_H

#include "worker/ledger.h"
#include "worker/outage.h"

#define STK_LEDGER_CHECK_MS 30000

/* X(name, sentence for a tired operator) */
#define STK_LEDGER_TROUBLES(X)                                                                    \
	X(NONE, "")                                                                               \
	X(DOWN, "the ledger does not answer; restore its Redis")                                  \
	X(LOST, "the ledger's epoch is missing, changed or older than known: it was emptied, "    \
		"replaced "                                                                       \
		"or restored; jobs that ran may look new to it. When it is in order again run "   \
		"`stockade ledger init --min-iat now` (for a new installation --min-iat 0)")      \
	X(EVICTS, "the ledger's Redis may evict records: set its maxmemory-policy to noeviction") \
	X(SKEW,                                                                                   \
	    "the clocks of this machine, of Redis and of the ledger differ by more than `skew`; " \
	    "mend the clocks")                                                                    \
	X(STORE, "a key of the ledger has the wrong type; see PROTOCOL.md")

enum stk_ledger_trouble {
#define X(id, text) STK_LEDGER_##id,
	STK_LEDGER_TROUBLES(X)
#undef X
	STK_LEDGER_TROUBLE_COUNT
};
/* "LEDGER_LOST"; static storage. */
const char *stk_ledger_trouble_text(enum stk_ledger_trouble t);
const char *stk_ledger_trouble_sentence(enum stk_ledger_trouble t);

struct stk_ledger_link {
	struct stk_ledger ledger;
	struct stk_redis *link; /* owned */
	struct stk_outage outage;
	enum stk_ledger_trouble trouble;
	char detail[256];      /* what was seen of it, or "" */
	int64_t next_check_ms; /* CLOCK_MONOTONIC */
	int64_t connected_ms;  /* of the connection that was checked */
	int64_t clock_ms;      /* this machine's clock less CLOCK_MONOTONIC, at the last check */
	bool looked;           /* at least once */
	int64_t noted_mark_ms; /* what the copy beside the queues says */
	char noted_id[STK_INSTANCE_CHARS + 1];
	int64_t
	    doubted_ms; /* when the last note that was not believed says that the ledger began */
};

struct stk_worker;
struct stk_worker_start;

/* Connects and checks at start, after the main link. 0, or an exit code after complaining. */
STK_CHECK int stk_ledger_open(struct stk_worker *w, const struct stk_worker_start *start);
void stk_ledger_close(struct stk_ledger_link *l);

/*
 * Whether this machine's clock jumped since the last check: a job is judged by its times, and by a
 * clock that is off good ones would be refused and their principals charged with it.
 */
STK_CHECK bool stk_ledger_clock_jumped(const struct stk_worker *w);
/* Whether it may go unasked once more: nothing is known against it, and no check is due. */
STK_CHECK bool stk_ledger_unasked(const struct stk_worker *w);
/* May a signed job start? Reconnects and checks again when it is time. */
bool stk_ledger_ready(struct stk_worker *w);
/*
 * Before a claim, without reconnecting: OK on a connection that was checked (whether it is fit:
 * stk_ledger_fit); STK_E_CLOSED, or what the check came to: for stk_ledger_again.
 */
STK_CHECK enum stk_err stk_ledger_sure(struct stk_worker *w);
/* What it said last, without asking. */
bool stk_ledger_fit(const struct stk_worker *w);
/* Leaves what is known of it beside the queues, at the end of a worker. */
void stk_ledger_note(struct stk_worker *w);
/* A script answered that the ledger is not to be believed. */
void stk_ledger_distrust(struct stk_worker *w, enum stk_ledger_trouble t);
/* After a call to the ledger: as stk_life_again. */
STK_CHECK bool stk_ledger_again(struct stk_worker *w, enum stk_err e, bool outcome_in_hand);

#endif

/*
 * store_call.h - how store*.c speak to a script: arguments in, a typed answer out.
 *
 * For store*.c and ledger.c only. The answer comes from Redis and is not believed:
 * a missing or mistyped part reads as 0 or empty, and whoever needs it checks.
 */
#ifndef WORKER_STORE_CALL_H
#define WORKER_STORE_CALL_H

#include "worker/scripts.h"
#include "worker/store.h"

/* EVALSHA sha 0, then the script's own words (drain has most), then queues. */
#define STK_CALL_ARGS_MAX (240 + STK_STORE_QUEUES)
#define STK_MAX_PAYLOAD   131072 /* max_payload's default */

struct stk_call {
	struct stk_span v[STK_CALL_ARGS_MAX];
	size_t n;
	char numbers[128][24]; /* texts of the integers among them */
	size_t n_numbers;
	enum stk_script script;
};

/* Begins a call; every script begins with namespace, instance and worker id. */
void stk_call_start(struct stk_call *a, const struct stk_store *s, enum stk_script script);
/* One more argument, borrowed until the call is made; NULL text is the empty one. */
void stk_call_add(struct stk_call *a, struct stk_span s);
void stk_call_text(struct stk_call *a, const char *s);
void stk_call_number(struct stk_call *a, int64_t v); /* at most 128 of them */
void stk_call_queues(struct stk_call *a, const char *const *queues, size_t n);
/* Loads the script where this store has not yet, and puts its SHA in place. */
STK_CHECK enum stk_err stk_call_load(struct stk_store *s, struct stk_call *a);
/* Makes the call; after NOSCRIPT (a restart, a failover, SCRIPT FLUSH) loads and asks once more. */
STK_CHECK enum stk_err stk_call_run(
    struct stk_store *s, struct stk_call *a, struct stk_reply **out);
/* The same for answers of a verdict alone. */
STK_CHECK enum stk_err stk_call_plain(struct stk_store *s, struct stk_call *a, enum stk_answer *v);

/* When a round trip began, in microseconds, and how long it took: for the store's meter. */
int64_t stk_call_clock(const struct stk_store *s);
void stk_call_took(const struct stk_store *s, enum stk_script script, int64_t since_us);

/* What stands behind "\nname:" in an answer of INFO; borrowed, empty if it does not. */
struct stk_span stk_info_line(struct stk_span info, const char *name);
/* The answer's first word; after STORE the key's name is in the store. STK_E_FORMAT. */
STK_CHECK enum stk_err stk_answer_verdict(
    struct stk_store *s, const struct stk_reply *r, enum stk_answer *v);
int64_t stk_answer_int(const struct stk_reply *r, size_t i);
struct stk_span stk_answer_span(const struct stk_reply *r, size_t i); /* borrowed from @r */
/* A NUL-terminated copy, cut to fit. */
void stk_answer_copy(char *out, size_t cap, struct stk_span s);

/* 1..@max bytes of printable ASCII that need no escape in a key, JSON or HTML; @also: exceptions.
 */
bool stk_key_text(const char *s, size_t max, const char *also);
/* 1..STK_STORE_QUEUES queues, each stk_queue_ok. STK_E_TOOBIG, STK_E_FORMAT. */
STK_CHECK enum stk_err stk_queues_ok(const char *const *queues, size_t n);

#endif

/*
 * store_measure.h - store.h's words for looking: how long queues are, what is kept of them, how
 * Redis is. Reads only; nothing depends on the answers.
 */
#ifndef WORKER_STORE_MEASURE_H
#define WORKER_STORE_MEASURE_H

#include "worker/store.h"

#define STK_MEASURE_QUEUES 32 /* in one look */

struct stk_measured {
	int64_t depth, parked, kept; /* -1: not to be had */
	struct stk_span head; /* the queue's first element, if it is not too large; or empty */
};
/*
 * @n queues (1..STK_MEASURE_QUEUES) into @out, whose heads live as long as *@owner, which is the
 * caller's in every case. What stk_call_run says, or STK_E_FORMAT.
 */
STK_CHECK enum stk_err stk_store_measure(struct stk_store *s, const char *const *queues, size_t n,
    struct stk_measured *out, struct stk_reply **owner);

/* Of INFO; -1: it does not say. */
struct stk_server_look {
	int64_t used_bytes, max_bytes, evicted, rejected;
};
STK_CHECK enum stk_err stk_store_server(struct stk_store *s, struct stk_server_look *out);

#endif

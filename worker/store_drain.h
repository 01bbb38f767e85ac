/*
 * store_drain.h - many elements at the head of a queue in one look, and out of it in one call:
 * store.h's words for a flood of junk (PROTOCOL.md, drain).
 *
 * Called by drain.c. Elements that were looked at stay in their queue until a later call names them
 * by SHA-1; until then any worker may take them, and a second one that does so first is no error.
 */
#ifndef WORKER_STORE_DRAIN_H
#define WORKER_STORE_DRAIN_H

#include "worker/store.h"

#define STK_DRAIN_MOST   64          /* elements in one look */
#define STK_DRAIN_KINDS  12          /* reasons that one look may find */
#define STK_DRAIN_BUDGET (256 << 10) /* bytes of one look; a single element may have more */
#define STK_SHA1_CHARS   40

/* Elements that leave for one reason. */
struct stk_drain_kind {
	char area[STK_AREA_BYTES]; /* "": nothing of it is kept or told */
	int64_t max_entries, max_bytes;
	const char *reason;    /* stable name; static storage */
	size_t note, note_len; /* stk_record_refused's bytes in .text; 0: no note */
};

/* What is to leave; zero for a look alone. Places count from 1. */
struct stk_drain {
	int64_t first;  /* place of the first element looked at; 0: the head */
	int64_t number; /* > 0, new for each call that names elements; the same to ask again */
	char queue[STK_QUEUE_MAX + 1];
	size_t n;
	char digests[STK_DRAIN_MOST * STK_SHA1_CHARS];
	char kinds[STK_DRAIN_MOST]; /* 'A' + index of its kind */
	struct stk_drain_kind kind[STK_DRAIN_KINDS];
	size_t n_kinds;
	struct {
		int64_t place;
		size_t at, len; /* stk_record_quarantine's bytes in .text */
	} entries[STK_DRAIN_MOST];
	size_t n_entries;
	const char *text; /* what the offsets above point into; borrowed for the call */
};

struct stk_drained {
	uint64_t counts[STK_DRAIN_KINDS]; /* how many left, by kind */
	bool redis_full;                  /* it is over its maxmemory: nothing was kept of junk */
	bool area_full;                   /* unknownkey:<q> takes no more */
	char queue[STK_QUEUE_MAX + 1];    /* where was looked; "": nothing anywhere */
	bool more; /* after them, or in their place, stands one that was left out */
	size_t n;
	/* both borrowed until the next call of store.h that answers with bytes */
	struct stk_span sha1[STK_DRAIN_MOST], bytes[STK_DRAIN_MOST];
};

/*
 * Removes what @d names, then looks at the first @most elements of @queues (0: no look). OK, AGAIN
 * (a job is in hand: reserve first), FENCED, STORE.
 */
STK_CHECK enum stk_err stk_store_drain(struct stk_store *s, const struct stk_drain *d,
    const char *const *queues, size_t n, size_t most, struct stk_drained *out, enum stk_answer *v);
/*
 * The same in two halves, so that there is time to judge while Redis works. Nothing else is asked
 * of this store between them. After any error of either half the whole is asked for again by
 * stk_store_drain, with the same number. Neither half loads the script.
 */
STK_CHECK enum stk_err stk_store_drain_send(struct stk_store *s, const struct stk_drain *d,
    const char *const *queues, size_t n, size_t most);
STK_CHECK enum stk_err stk_store_drain_hear(struct stk_store *s, const struct stk_drain *d,
    const char *const *queues, size_t n, struct stk_drained *out, enum stk_answer *v);

#endif

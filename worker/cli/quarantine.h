/*
 * quarantine.h - what the parts of `stockade quarantine` share: the request, the walk over entries,
 * telling.
 *
 * quarantine.c parses, quarantine_walk.c walks, quarantine_list.c looks, quarantine_readmit.c and
 * quarantine_drop.c act, resign.c signs again, readmit_past.c asks what became of a job already.
 */
#ifndef WORKER_CLI_QUARANTINE_H
#define WORKER_CLI_QUARANTINE_H

#include "worker/audit.h"
#include "worker/cli/options.h"
#include "worker/cli/signing.h"
#include "worker/kept.h"
#include "worker/ledger.h"
#include "worker/store_quarantine.h"

struct stk_quarantine {
	struct stk_options shared;
	const char *area, *queue, *reason, *old_kid, *id; /* filters; NULL: any */
	int64_t older_ms, newer_ms;                       /* by age in the area; -1: any */
	const char *key, *kid;                            /* readmit: the operator's */
	int64_t ttl_s; /* readmit: 0: as long as the old job's window */
	int64_t limit; /* most entries told or treated */
	bool yes, whole, raw;
	const struct stk_config *config;
	struct stk_redis *link;
	struct stk_store store;
	struct stk_audit audit;
	int64_t now_ms;  /* Redis's clock, for ages */
	int64_t matched; /* entries that the filters let through */
	bool cut;        /* there are more than were looked at */
};

/* One entry on the walk. */
struct stk_quarantined {
	const char *area;
	char member[STK_AREA_MEMBER + 1]; /* "": it has no name that could be ours */
	int64_t at_ms, length;
	struct stk_kept_entry kept; /* without raw_b64 */
};

enum stk_walk {
	STK_WALK_ON,   /* the entry stays */
	STK_WALK_GONE, /* the visitor took it out of its area */
	STK_WALK_STOP,
};
typedef enum stk_walk stk_quarantine_visit(
    struct stk_quarantine *q, const struct stk_quarantined *e, void *ctx);

/* The areas that hold something, those of the configured and granted queues and keys for certain. 0
 * or an exit code. */
STK_CHECK int stk_quarantine_areas(
    struct stk_quarantine *q, struct stk_area out[static STK_AREAS_MAX], size_t *n, bool *more);
/* Is there a filter at all (id included)? */
bool stk_quarantine_filtered(const struct stk_quarantine *q);
/* Might area @name hold what the filters ask for? */
bool stk_quarantine_area_wanted(const struct stk_quarantine *q, const char *name);
/* Calls @visit for each entry that the filters let through, oldest first in each area. 0 or an exit
 * code. */
STK_CHECK int stk_quarantine_walk(struct stk_quarantine *q, stk_quarantine_visit *visit, void *ctx);
/* Fetches a whole entry; *@kept borrows from the store until the next call. 0; 66: it is gone;
 * or 69. */
STK_CHECK int stk_quarantine_fetch(struct stk_quarantine *q, const struct stk_quarantined *e,
    struct stk_kept_entry *kept, char digest[static 41]);
/* After a call to the store that did not say OK: 0 if it did, or complains. */
STK_CHECK int stk_quarantine_told(
    struct stk_quarantine *q, enum stk_err e, const enum stk_answer *v);

/* quarantine_trail.c: commands that change something open the audit trail first; 0 or an exit code.
 * @ring may be NULL. */
STK_CHECK int stk_quarantine_trail_open(struct stk_quarantine *q, const struct stk_keyring *ring);
/* What is about to be done with an entry: to be completed and ended by stk_audit_end. */
struct stk_jw *stk_quarantine_record(
    struct stk_quarantine *q, const char *kind, const struct stk_quarantined *e);
/* Ends it; false, after complaining: it is not in the trail, so nothing may be done. */
STK_CHECK bool stk_quarantine_recorded(struct stk_quarantine *q);
/* One log line about the whole command, for a collector and not for a terminal. */
void stk_quarantine_log(const struct stk_quarantine *q, const char *event, const char *sentence,
    int64_t n, int64_t n_left);

int stk_quarantine_list(struct stk_quarantine *q);
int stk_quarantine_show(struct stk_quarantine *q);
int stk_quarantine_readmit(struct stk_quarantine *q);
int stk_quarantine_drop(struct stk_quarantine *q);

/* --- resign.c --------------------------------------------------------------------------------- */

struct stk_resigner {
	enum stk_alg alg;
	uint8_t *secret; /* owned */
	const struct stk_key *key;
	const struct stk_principal *who;
	int64_t ttl_s;
};
/* Reads the key and sees that it is the policy's, and an operator's. 0 or an exit code. */
STK_CHECK int stk_resigner_open(
    struct stk_resigner *r, const struct stk_keyring *ring, const char *file, const char *kid);
void stk_resigner_close(struct stk_resigner *r);

/* A refused job taken apart: its signature was found genuine. */
struct stk_old_job {
	struct stk_message msg; /* owned */
	struct stk_envelope env;
	char job_id[2 * STK_JOB_ID_LEN + 1];
};
/* The same body, class and queues under the operator's key, ref r.<old id>, from now on. 0 or an
 * exit code. */
STK_CHECK int stk_resign(const struct stk_resigner *r, const struct stk_old_job *old, int64_t now_s,
    struct stk_signed *out);

/* --- readmit_past.c --------------------------------------------------------------------------- */

/* One link for the whole command, made at the first question. */
enum stk_past stk_readmit_past(
    const struct stk_config *config, const char *job_id, int64_t exp_s, uint32_t runs);

/* --- telling ---------------------------------------------------------------------------------- */

/* "3d4h", "12m", "7s"; "?" for what is no time. */
#define STK_AGE_BYTES 16
void stk_age_text(char out[static STK_AGE_BYTES], int64_t now_ms, int64_t at_ms);
/* At most @most bytes, printable ASCII as it is, everything else as \xNN: a terminal obeys none of
 * it. */
void stk_print_bytes(struct stk_span bytes, size_t most);

#endif

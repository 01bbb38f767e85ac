/*
 * admit.h - from a parcel to a ticket: the order of the checks is the policy (PROTOCOL.md).
 *
 * Cheapest and most protective first; nothing is allocated before the size is known, nothing is
 * logged, and claims are believed only after the signature over their exact bytes. A ticket can be
 * made nowhere else: its struct is defined in admit.c, so a job that skipped a check does not
 * compile. The ledger's claim (replay, rate) comes after this, on the ticket (claim.c).
 */
#ifndef WORKER_ADMIT_H
#define WORKER_ADMIT_H

#include "sandbox/cage.h"
#include "worker/config.h"
#include "worker/keyring.h"
#include "worker/parcel.h"

struct stk_gate {
	const struct stk_keyring *ring;        /* borrowed */
	const struct stk_class_table *classes; /* borrowed: the whitelist */
	size_t max_payload_bytes;
	size_t max_body_bytes;
	int64_t skew_s;
	const struct stk_config
	    *config;              /* borrowed: queues that ask for no signature; NULL: all do */
	const char *instance;     /* borrowed: what ids of unsigned jobs are made of; NULL: "" */
	bool class_absent_defers; /* a class this build lacks may be in a newer one */
};

struct stk_ticket; /* opaque: an admitted job */

/* Everything decided about one parcel. stk_admission_clear() by the caller. */
struct stk_admission {
	enum stk_verdict verdict;
	bool authenticated; /* the key is active and its signature fits: claims below are genuine */
	bool signature_valid; /* also true for a genuine job of a revoked key (ARCHITECTURE.md,
				 Decisions 14) */
	bool plain;           /* a plain job of a queue with signatures = "off" */
	bool nomem;           /* E_BODY only because memory was refused: try again, file nothing */
	uint8_t job_id[STK_JOB_ID_LEN];        /* set if signature_valid or plain */
	char kid[STK_KID_MAX + 1];             /* by grammar; "" before the header was parsed */
	char principal[STK_PRINCIPAL_MAX + 1]; /* "" unless the kid is known */
	const struct stk_principal *who;       /* the same in the gate's ring, or NULL */
	char cls[STK_CLASS_MAX + 1];           /* the header's class, by grammar; "" as for kid */
	char header[STK_HEADER_MAX + 1];       /* H, by grammar; "" as for kid */
	int64_t not_before_s;                  /* D_NOT_BEFORE: when it is due */
	int64_t wait_ms;                       /* D_BUSY, D_RATE (claim.c): how long it is parked */
	int64_t slot_ms;                       /* D_RATE: after the one parked before it */
	char limiter[208];                     /* D_RATE: which limit */
	struct stk_ticket *ticket;             /* ACCEPT only; owned, may be taken (set to NULL) */
};

/*
 * Judges @p at wall clock @now_s (seconds since the epoch). Returns out->verdict: STK_V_ACCEPT, a
 * refusal of PROTOCOL.md's rows 1 to 10, STK_V_D_NOT_BEFORE or STK_V_D_CLASS_ABSENT. @out is
 * overwritten. The ticket copies what it needs: it outlives the parcel, but not gate->ring.
 */
enum stk_verdict stk_admit(const struct stk_gate *gate, const struct stk_parcel *p, int64_t now_s,
    struct stk_admission *out);
void stk_admission_clear(struct stk_admission *a);

/* Frees a ticket taken from an admission; NULL-safe. */
void stk_ticket_free(struct stk_ticket *t);
/* What a ticket says; every span and string lives as long as the ticket. */
uint32_t stk_ticket_class_index(const struct stk_ticket *t);
const char *stk_ticket_class(const struct stk_ticket *t);
struct stk_span stk_ticket_args(
    const struct stk_ticket *t); /* the signed JSON text, byte for byte */
const uint8_t *stk_ticket_job_id(const struct stk_ticket *t); /* STK_JOB_ID_LEN bytes */
const char *stk_ticket_kid(const struct stk_ticket *t);
const struct stk_principal *stk_ticket_principal(
    const struct stk_ticket *t); /* of the gate's ring */
uint32_t stk_ticket_runs(const struct stk_ticket *t);
int64_t stk_ticket_iat_s(const struct stk_ticket *t);
int64_t stk_ticket_nbf_s(const struct stk_ticket *t);
int64_t stk_ticket_exp_s(const struct stk_ticket *t);
struct stk_span stk_ticket_ref(const struct stk_ticket *t);
struct stk_span stk_ticket_header(const struct stk_ticket *t);
/* Not signed by anybody: it has no principal (NULL), key, header, times or runs. */
bool stk_ticket_plain(const struct stk_ticket *t);

#endif

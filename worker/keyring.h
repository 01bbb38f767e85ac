/*
 * keyring.h - who may sign what: principals, their keys and their grants, in memory.
 *
 * Deny by default, exact match, no wildcards, every limit mandatory. Built once by policy.c (or a
 * test), then only read; a reload builds a new ring and swaps it. Limits and grants belong to the
 * principal, so that rotating a key doubles no budget.
 */
#ifndef WORKER_KEYRING_H
#define WORKER_KEYRING_H

#include "worker/envelope.h"
#include "worker/seal.h"

#define STK_PRINCIPAL_MAX 64   /* bytes of a principal's name; the alphabet of a kid */
#define STK_REF_AGAIN     "r." /* and the old job id: signed again after a refusal */

/* Exact queues times exact classes; strings owned by the ring. */
struct stk_policy_grant {
	char **queues, **classes;
	size_t n_queues, n_classes;
	int64_t max_body_bytes;
	int64_t rate_per_h, burst; /* of this principal with each of these classes; 0: none */
};

/* A limit of a class, of a queue, or (neither) of all jobs together. */
struct stk_policy_limit {
	char *cls, *queue;         /* at most one; owned by the ring */
	int64_t rate_per_h, burst; /* 0: none */
	int64_t max_running;       /* on all workers together; 0: none */
};

struct stk_principal {
	char name[STK_PRINCIPAL_MAX + 1];
	struct stk_policy_grant *grants;
	size_t n_grants;
	int64_t max_runs;
	int64_t max_delay_s;  /* nbf - iat */
	int64_t max_window_s; /* exp - nbf */
	int64_t rate_per_h, burst;
	int64_t park_max, quarantine_max;
	bool is_operator; /* may sign refused jobs again: refs that begin with STK_REF_AGAIN */
};

struct stk_key {
	char kid[STK_KID_MAX + 1];
	enum stk_alg alg;
	bool revoked;
	int64_t iat_from_s, iat_to_s;    /* genuine if iat_from <= iat < iat_to */
	size_t principal;                /* index into the ring */
	uint8_t public_key[STK_KEY_LEN]; /* Ed25519 */
	uint8_t *secret;                 /* HMAC: stk_secret_new memory, else NULL */
	char *secret_path; /* where it was read, owned by the ring; NULL if made by hand */
};

struct stk_keyring {
	char **audiences;
	size_t n_audiences;
	struct stk_principal *principals;
	size_t n_principals;
	struct stk_key *keys;
	size_t n_keys;
	struct stk_policy_limit *limits;
	size_t n_limits;
	uint64_t
	    seen; /* sum of stk_watch_file of each file it was read from, before it was opened */
	uint8_t
	    digest[STK_SHA256_LEN]; /* of the policy file's bytes; zero for a ring made by hand */
};

/* Owned by the caller; NULL if out of memory. */
struct stk_keyring *stk_keyring_new(void);
void stk_keyring_free(struct stk_keyring *r);

/*
 * Builders. Each returns STK_OK, STK_E_NOMEM or STK_E_REFUSED with a static fragment in *@why
 * ("this kid is already used"). Strings are copied.
 */
STK_CHECK enum stk_err stk_keyring_add_audience(
    struct stk_keyring *r, const char *aud, const char **why);
/* Copies everything but @p->grants, which starts empty; its index is r->n_principals - 1. */
STK_CHECK enum stk_err stk_keyring_add_principal(
    struct stk_keyring *r, const struct stk_principal *p, const char **why);
STK_CHECK enum stk_err stk_keyring_add_grant(struct stk_keyring *r, size_t principal,
    char *const *queues, size_t n_queues, char *const *classes, size_t n_classes,
    int64_t max_body_bytes, const char **why);
/* Takes k->secret on success. Duplicate kid or key material and small-order keys are refused. */
STK_CHECK enum stk_err stk_keyring_add_key(
    struct stk_keyring *r, const struct stk_key *k, const char **why);

/* The rate of the grant added last; a class has one, in whichever grants of a principal it stands.
 */
STK_CHECK enum stk_err stk_keyring_limit_grant(
    struct stk_keyring *r, size_t principal, int64_t rate_per_h, int64_t burst, const char **why);
/* Copies @l; class and queue are exact names. */
STK_CHECK enum stk_err stk_keyring_add_limit(
    struct stk_keyring *r, const struct stk_policy_limit *l, const char **why);

/*
 * The most records that a ledger has to hold for this ring, by its rates, and the arithmetic of the
 * principal with the most of them; @keep_s: how long a record outlives its job's end.
 */
int64_t stk_keyring_ledger_records(const struct stk_keyring *r, int64_t keep_s, size_t *worst);

/* What a key may still do at @now_s: retiring when jobs are only judged, not issued any more. */
enum stk_key_state {
	STK_KEY_ACTIVE,
	STK_KEY_RETIRING,
	STK_KEY_REVOKED
};
enum stk_key_state stk_key_state(const struct stk_key *k, int64_t now_s);

/* The key with exactly this name, or NULL. */
const struct stk_key *stk_keyring_find(const struct stk_keyring *r, struct stk_span kid);
bool stk_keyring_has_audience(const struct stk_keyring *r, struct stk_span aud);

/*
 * May this principal's key ask for that? STK_V_ACCEPT or one of STK_V_E_POLICY_*; @queue is the one
 * the job was popped from.
 */
STK_CHECK enum stk_verdict stk_keyring_allows(const struct stk_principal *p, struct stk_span queue,
    const struct stk_envelope *e, size_t body_len);

/* Does any grant of any principal name this class? What it asks for is then asked for at start. */
bool stk_keyring_grants(const struct stk_keyring *r, const char *class_name);

#endif

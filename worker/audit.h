/*
 * audit.h - the audit trail of one worker slot: append-only JSON lines, each with the hash of the
 * line before, and now and then a head signed with a key that is good for nothing else.
 *
 * One record per authenticated decision; for what anybody can cause one summary per reason, queue
 * and minute. A file that is full is followed by another, named after its first line; the chain
 * goes on. What cannot be written is told to the caller, who must not start a job without it.
 * Format: PROTOCOL.md, "Audit trail". Reading it: `stockade audit`.
 */
#ifndef WORKER_AUDIT_H
#define WORKER_AUDIT_H

#include "worker/audit_line.h"
#include "worker/jsonw.h"
#include "worker/keyring.h"

struct stk_audit {
	int lock;    /* held while the slot's trail is ours */
	int dir, fd; /* -1: no trail is kept, and everything here does nothing and succeeds */
	unsigned slot;
	int64_t seq; /* of the last line */
	uint8_t prev[STK_SHA256_LEN];
	int64_t first;            /* the current file's first line: its name */
	int64_t bytes, max_bytes; /* of the current file */
	int64_t lost;      /* first line of a file that was removed or cut while in use; 0: none */
	int64_t tell_lost; /* the same once the trail goes on without it; the caller's to clear */
	uint8_t *seed;     /* owned: the heads' key; NULL: heads are not signed */
	char key[44];      /* its public half, base64url */
	int64_t unheaded;  /* lines since the last head */
	int64_t head_due_ms; /* CLOCK_MONOTONIC */
	int64_t torn;        /* bytes of a line that was cut short, at the file's end */
	struct stk_jw line;
	char why[160]; /* what the last failure was */
};

struct stk_audit_options {
	const char *dir;                /* NULL: no trail */
	const char *key_file;           /* NULL: heads are not signed */
	unsigned slot;                  /* the worker's number under its supervisor */
	int64_t max_bytes;              /* of one file */
	const struct stk_keyring *ring; /* its keys must not sign heads */
	bool look;                      /* says what stands in the way, makes and locks nothing */
};

/*
 * Opens the slot's newest file and takes its chain up, or begins one. STK_E_SYSTEM, STK_E_FORMAT
 * (the last line is not ours) or STK_E_REFUSED (the key is in the policy too, or not Ed25519), with
 * a sentence in a->why. stk_audit_close() in every case.
 */
STK_CHECK enum stk_err stk_audit_open(struct stk_audit *a, const struct stk_audit_options *o);
/* Writes a last head, closes, wipes. */
void stk_audit_close(struct stk_audit *a);

/* Begins a record; the caller adds members to what is returned and then ends it. */
struct stk_jw *stk_audit_start(struct stk_audit *a, const char *kind);
/*
 * Appends it. False: it is not in the file (a->why), and the same seq will be tried again. A file
 * that somebody removed or cut is followed by another, whose first line names it (a->tell_lost).
 */
STK_CHECK bool stk_audit_end(struct stk_audit *a);
/* Whether the heads' key is one of @ring's: a key that may enqueue must not vouch for the trail. */
STK_CHECK bool stk_audit_key_in(const struct stk_audit *a, const struct stk_keyring *ring);
/* A head if one is due (256 lines, or a minute after the last with lines since); now or never mind.
 */
void stk_audit_tick(struct stk_audit *a);

#endif

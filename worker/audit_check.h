/*
 * audit_check.h - reads an audit trail back: is the chain whole, are the heads genuine, where does
 * it break. Needs no configuration and no secret; the files may be anybody's.
 */
#ifndef WORKER_AUDIT_CHECK_H
#define WORKER_AUDIT_CHECK_H

#include "worker/audit_line.h"

#define STK_AUDIT_SLOTS_MAX 256

/* What came of one slot's files, in the order of their first lines. */
struct stk_audit_found {
	unsigned slot;
	int64_t n_files, n_lines, n_heads, n_signed, n_torn;
	int64_t first_seq, last_seq;
	uint8_t last_hash[STK_SHA256_LEN];
	char key[44]; /* which signed its heads; "" if none was signed */
	bool broken;
	char where[STK_AUDIT_NAME_MAX]; /* file and line of the break */
	int64_t line;
	const char *why; /* static */
};

struct stk_audit_wanted {
	const char *key; /* base64url public key that must have signed every signed head, or NULL */
	/* each line that is whole, in order; NULL: none. @text is borrowed for the call */
	void (*line)(
	    void *ctx, unsigned slot, const struct stk_audit_line *l, struct stk_span text);
	void *ctx;
};

/*
 * Reads every trail in @dir, by slot; *n says how many there are. A broken one is told in its
 * found, not by the result: STK_E_SYSTEM with errno for a directory or file that cannot be read,
 * STK_E_TOOBIG for more than STK_AUDIT_SLOTS_MAX slots, STK_E_NOMEM.
 */
STK_CHECK enum stk_err stk_audit_check(const char *dir, const struct stk_audit_wanted *wanted,
    struct stk_audit_found found[static STK_AUDIT_SLOTS_MAX], size_t *n);

#endif

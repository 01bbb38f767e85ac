/*
 * audit_line.h - one line of the audit trail, as the writer resumes from it and the verifier reads
 * it. A line's hash is the SHA-256 of its bytes without the newline; each line carries the hash of
 * the one before, so nothing can be changed, taken out or put in without breaking the chain from
 * there on. Format: PROTOCOL.md, "Audit trail".
 */
#ifndef WORKER_AUDIT_LINE_H
#define WORKER_AUDIT_LINE_H

#include "worker/seal.h"

#define STK_AUDIT_LINE_MAX  2048 /* bytes of one line, newline included */
#define STK_AUDIT_NAME_MAX  64   /* "audit-<slot>-<16 digits>.jsonl" */
#define STK_AUDIT_HEAD_TEXT 160

/* What every line says; spans are borrowed from it. */
struct stk_audit_line {
	int64_t seq;
	uint8_t prev[STK_SHA256_LEN];
	struct stk_span kind, at;
	struct stk_span key, sig; /* of a head: base64url; else empty */
	uint8_t hash[STK_SHA256_LEN];
};

/*
 * Takes one line without its newline apart. STK_E_FORMAT if it is no JSON object of ours, or lacks
 * or repeats one of v, seq, at, kind, prev.
 */
STK_CHECK enum stk_err stk_audit_line_parse(struct stk_span text, struct stk_audit_line *out);

/* The text that a head signs: the slot, its seq and what it stands on. */
size_t stk_audit_head_text(unsigned slot, int64_t seq, const uint8_t prev[static STK_SHA256_LEN],
    char out[static STK_AUDIT_HEAD_TEXT]);

/* The name of the file of @slot whose first line is @seq; and back: false if it is no such name. */
void stk_audit_name(unsigned slot, int64_t seq, char out[static STK_AUDIT_NAME_MAX]);
STK_CHECK bool stk_audit_name_parse(const char *name, unsigned *slot, int64_t *seq);

#endif

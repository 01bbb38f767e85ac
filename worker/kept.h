/*
 * kept.h - one quarantine entry read back (PROTOCOL.md, "Quarantine entry"). Entries are written by
 * workers, but stand where whoever may write to Redis can change them: each field is taken only in
 * the form that a worker gives it, so that what is in this struct may be printed, and what is not
 * of that form is empty. No tree is built.
 */
#ifndef WORKER_KEPT_H
#define WORKER_KEPT_H

#include "worker/store.h"

struct stk_kept_entry {
	char id[27];                   /* ULID */
	char reason[40];               /* A-Z and _ */
	char queue[STK_QUEUE_MAX + 1]; /* a name that a signature can bind */
	char at[21];                   /* 2026-11-23T06:55:05Z */
	char sha256[65];               /* hex; "": an element over max_payload */
	char kid[65], job[33];         /* "": none */
	int64_t bytes, n;              /* -1: not said */
	struct stk_span raw_b64;       /* borrowed; empty where @text was cut before its end */
	bool ours;                     /* id, reason, queue, at, bytes and n are all there */
};

/* @text: an entry, or its beginning. Always fills *@out. */
void stk_kept_parse(struct stk_span text, struct stk_kept_entry *out);

/*
 * The payload that was refused, decoded into memory that the caller frees. STK_E_ABSENT: it was too
 * large to be kept; STK_E_FORMAT: not base64, or length or SHA-256 are not what the entry says;
 * STK_E_NOMEM.
 */
STK_CHECK enum stk_err stk_kept_payload(const struct stk_kept_entry *k, uint8_t **out, size_t *len);

#endif

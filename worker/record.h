/*
 * record.h - the bytes we write where Resque's tools read: worker:<id>, failed, quarantine.
 *
 * Called by the worker's loop. Payload bytes are spliced only when the recogniser vouched for them,
 * else a substitute stands in; so no value of ours crashes Ruby, Node or a web page, and attacker
 * text reaches no unescaped column (ARCHITECTURE.md, Decisions 19). Time is an argument. After each
 * call the caller checks w->sour once.
 */
#ifndef WORKER_RECORD_H
#define WORKER_RECORD_H

#include "worker/jsonw.h"

#define STK_RECORD_ERROR_MAX  4096 /* bytes of error text kept */
#define STK_RECORD_SAMPLE_MAX 256  /* raw bytes kept of something unreadable */

struct stk_record_job {
	const char *queue; /* of our own configuration */
	const char *worker_id;
	struct stk_span payload; /* raw, as popped */
	bool recognised; /* the recogniser: one well-formed JSON object within depth and size */
	struct stk_span
	    class_name;     /* decoded; untrusted; empty where unknown: then no splice either */
	const char *sha256; /* lower-case hex of payload, for substitutes; NULL: left out */
};

/* ^(::)?[A-Z][A-Za-z0-9_]*(::[A-Z][A-Za-z0-9_]*)*$, at most 128 bytes (PROTOCOL.md). */
bool stk_class_safe(struct stk_span name);

/* {"queue":Q,"run_at":"2026-11-23T06:51:18Z","payload":P}: the value of worker:<id>. */
void stk_record_working(struct stk_jw *w, const struct stk_record_job *j, int64_t now_s);
/*
 * One `failed` record in Resque's field order. @exception: a name of ours ("Stockade::CpuLimit",
 * "Resque::DirtyExit"). @error: untrusted, cut at 4 KiB; empty: the exception's name. @backtrace:
 * NULL or @n lines of ours. @now_s: seconds since the epoch.
 */
void stk_record_failed(struct stk_jw *w, const struct stk_record_job *j, const char *exception,
    struct stk_span error, const char *const *backtrace, size_t n, int64_t now_s);
/* Resque's own sentence for a child that a signal ended; @out of @cap bytes. */
void stk_record_dirty_exit(char *out, size_t cap, pid_t pid, int signal);

struct stk_refusal {
	const char *reason;   /* stable name, "E_SIGNATURE" */
	const char *sentence; /* ours, no attacker text */
	const char *queue;
	const char *worker_id;
	const char *quarantine_id; /* ULID, or NULL when nothing was kept */
	const char *sha256;        /* lower-case hex of the raw bytes */
	int64_t bytes;             /* their length */
	int64_t now_s;
};
/* The short note in `failed` that existing screens count (PROTOCOL.md, Records in failed).
 */
void stk_record_refused(struct stk_jw *w, const struct stk_refusal *r);

struct stk_quarantine_entry {
	const char *id; /* ULID */
	const char *reason, *queue;
	const char *sha256;
	const char *kid;    /* NULL: unknown; escaped as untrusted */
	const char *job_id; /* hex; NULL: not authenticated */
	struct stk_span raw;
	int64_t now_s;
};
/* PROTOCOL.md, "Quarantine entry"; raw in standard base64, so give @w room for 4/3 of it + 1 KiB.
 */
void stk_record_quarantine(struct stk_jw *w, const struct stk_quarantine_entry *e);

#endif

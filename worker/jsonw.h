/*
 * jsonw.h - writes JSON into a bounded buffer; used for records, the log and --json output.
 *
 * Output only: nothing here reads JSON. Untrusted text goes through stk_jw_str (escaped, invalid
 * UTF-8 replaced, cut); bytes that the recogniser accepted go through stk_jw_raw (spliced).
 */
#ifndef WORKER_JSONW_H
#define WORKER_JSONW_H

#include "sandbox/base.h"

struct stk_jw {
	char *buf; /* owned; NUL-terminated after every call */
	size_t len;
	size_t cap;
	size_t max; /* ceiling in bytes; beyond it the writer turns sour */
	bool sour;  /* a write did not fit or memory ran out: the text is unusable */
	bool comma; /* the next value needs a comma in front */
};

/* @max: most bytes the text may reach. */
void stk_jw_init(struct stk_jw *w, size_t max);
/* Frees the buffer; safe on a zeroed struct. */
void stk_jw_clear(struct stk_jw *w);
/* Empties the text, keeps the buffer. */
void stk_jw_reset(struct stk_jw *w);

/* Each adds one value, with the comma it needs. @key NULL inside arrays and at the top. */
void stk_jw_open(struct stk_jw *w, const char *key, char bracket);
void stk_jw_close(struct stk_jw *w, char bracket);
void stk_jw_int(struct stk_jw *w, const char *key, int64_t v);
void stk_jw_bool(struct stk_jw *w, const char *key, bool v);
void stk_jw_null(struct stk_jw *w, const char *key);
/* @s: trusted or not; at most @max_bytes of its bytes are kept and an ellipsis says it was cut. */
void stk_jw_str(struct stk_jw *w, const char *key, struct stk_span s, size_t max_bytes);
/* A NUL-terminated string of our own, uncut. */
void stk_jw_cstr(struct stk_jw *w, const char *key, const char *s);
/* printf into a string value, cut at 1 KiB before escaping. */
void stk_jw_fmt(struct stk_jw *w, const char *key, const char *fmt, ...) STK_PRINTF(3, 4);
/* Splices bytes that are already one JSON value. */
void stk_jw_raw(struct stk_jw *w, const char *key, struct stk_span json);

#endif

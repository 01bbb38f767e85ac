/*
 * scan.h - the scanner core: strict RFC 8259 tokens over untrusted bytes. No allocation, no
 * recursion, no output; valid UTF-8 and paired surrogates only, no BOM.
 *
 * Two users: the recogniser below (may these bytes be spliced into a record that others parse?) and
 * the outer scanner (payload.h). Neither builds a tree.
 */
#ifndef WORKER_SCAN_H
#define WORKER_SCAN_H

#include "sandbox/base.h"

#define STK_JSON_DEPTH     64   /* default nesting limit */
#define STK_JSON_DEPTH_MAX 1024 /* most that a caller may ask for */

enum stk_token {
	STK_TOKEN_END, /* nothing but white space is left */
	STK_TOKEN_BAD, /* no JSON token stands here; the scanner stays on its first byte */
	STK_TOKEN_OBJECT_BEGIN,
	STK_TOKEN_OBJECT_END,
	STK_TOKEN_ARRAY_BEGIN,
	STK_TOKEN_ARRAY_END,
	STK_TOKEN_COLON,
	STK_TOKEN_COMMA,
	STK_TOKEN_STRING, /* its text is what stands between the quotes, still escaped */
	STK_TOKEN_NUMBER,
	STK_TOKEN_WORD, /* true, false, null */
};

/* A position in borrowed bytes; @at may be set by the caller to resume anywhere between tokens. */
struct stk_scan {
	struct stk_span bytes;
	size_t at;
};

/* Skips white space and takes one token; *@text (if not NULL) is its bytes, borrowed. */
enum stk_token stk_scan_next(struct stk_scan *s, struct stk_span *text);

/* What the outermost value must be. */
enum stk_json_root {
	STK_JSON_ANY,
	STK_JSON_OBJECT,
	STK_JSON_ARRAY
};

/*
 * Is @bytes exactly one well-formed JSON value, of kind @root, nested at most @max_depth deep
 * (1..STK_JSON_DEPTH_MAX; a scalar has depth 0)? STK_OK, STK_E_TOOBIG (too deep) or STK_E_FORMAT;
 * *@stopped_at (if not NULL) is the offset of the first byte that was not accepted.
 */
STK_CHECK enum stk_err stk_json_recognise(
    struct stk_span bytes, unsigned max_depth, enum stk_json_root root, size_t *stopped_at);

/*
 * Decodes the text of a STK_TOKEN_STRING: writes at most @cap bytes of UTF-8 and returns how many
 * the whole string has, so a result over @cap says that it was cut. NULs (\u0000) are kept.
 */
STK_CHECK size_t stk_json_unescape(struct stk_span text, uint8_t *out, size_t cap);

/* Do two such texts decode to the same string? */
bool stk_json_same_string(struct stk_span a, struct stk_span b);
/* Does such a text decode to exactly these bytes? */
bool stk_json_string_is(struct stk_span text, const char *plain);

#endif

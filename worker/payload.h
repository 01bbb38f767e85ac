/*
 * payload.h - the outer scanner: where in a Resque payload are the class and the three strings of
 * STK1? Called by admit on bytes believed by nobody; stops at the first thing that cannot be STK1,
 * so that a nesting bomb costs as much as its first bracket.
 */
#ifndef WORKER_PAYLOAD_H
#define WORKER_PAYLOAD_H

#include "worker/verdict.h"

#define STK_OUTER_KEYS_MAX    16  /* ARCHITECTURE.md, Decisions 10 */
#define STK_OUTER_UNKNOWN_MAX 6   /* of them: names that no tool we know writes */
#define STK_CLASS_MAX         128 /* bytes of a class name, decoded */

/* Texts of string tokens, still escaped; borrowed from the payload. */
struct stk_payload {
	struct stk_span class_text;
	struct stk_span header, body, signature;
	struct stk_span args; /* stk_payload_plain: the JSON text of args */
};

/*
 * STK_V_ACCEPT: one object, a class of at most STK_CLASS_MAX bytes and args of exactly three
 * strings; else STK_V_E_OUTER_JSON, STK_V_E_OUTER_SHAPE or STK_V_E_UNSIGNED, where *@out holds what
 * was found so far.
 */
STK_CHECK enum stk_verdict stk_payload_scan(struct stk_span bytes, struct stk_payload *out);

/*
 * The same for a job that is not signed: class, and args as any array, nested at most
 * STK_JSON_DEPTH deep. The whole must be well-formed JSON, which is looked at once more for it.
 * STK_V_ACCEPT, STK_V_E_OUTER_JSON, STK_V_E_OUTER_SHAPE.
 */
STK_CHECK enum stk_verdict stk_payload_plain(struct stk_span bytes, struct stk_payload *out);

#endif

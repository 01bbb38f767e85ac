/*
 * verdict.h - every name a payload's fate can have, spelled once (PROTOCOL.md, Order of checks).
 *
 * The spelling is stable: log field, metric label, JSON and record all use stk_verdict_text. "U":
 * decided before the signature was verified, so the bytes may be anybody's; "A": the holder of the
 * named key, or a copy of what it signed.
 */
#ifndef WORKER_VERDICT_H
#define WORKER_VERDICT_H

#include "sandbox/base.h"

enum stk_verdict_kind {
	STK_KIND_ACCEPT,
	STK_KIND_REFUSE,
	STK_KIND_DEFER
};

/* X(name, authenticated, kind, sentence for a tired operator: what happened; what to do) */
#define STK_VERDICTS(X)                                                                               \
	X(ACCEPT, 1, ACCEPT, "signed, allowed and due; it would run")                                 \
	X(E_TOO_LARGE, 0, REFUSE,                                                                     \
	    "the payload is larger than max_payload; pass a reference to the data instead")           \
	X(E_OUTER_JSON, 0, REFUSE,                                                                    \
	    "the payload is not valid JSON; find out who pushes to this queue by hand")               \
	X(E_OUTER_SHAPE, 0, REFUSE,                                                                   \
	    "the payload is JSON but not {\"class\": …, \"args\": […]} with few, scalar extras; " \
	    "check the producer's client")                                                            \
	X(E_UNSIGNED, 0, REFUSE, "the job is not signed; let its producer sign what it enqueues")     \
	X(E_VERSION, 0, REFUSE,                                                                       \
	    "the envelope's version is not stk1; upgrade the worker or downgrade the client")         \
	X(E_HEADER, 0, REFUSE,                                                                        \
	    "the header line breaks the STK1 grammar; it was damaged, or the client is faulty")       \
	X(E_BODY, 0, REFUSE,                                                                          \
	    "the signed arguments are not one compact JSON array within max_body; check the "         \
	    "client")                                                                                 \
	X(E_KEY_UNKNOWN, 0, REFUSE,                                                                   \
	    "no key of this name is in the policy; publish the public key before producers use "      \
	    "it")                                                                                     \
	X(E_KEY_REVOKED, 0, REFUSE,                                                                   \
	    "the key is revoked; genuine jobs wait under revoked:<kid> to be signed again")           \
	X(E_SIG_FORMAT, 0, REFUSE,                                                                    \
	    "the signature is not canonical base64url of the key's algorithm; check the client")      \
	X(E_SIGNATURE, 0, REFUSE,                                                                     \
	    "the signature does not fit the bytes; they were changed, or another key signed them")    \
	X(E_CLASS_MISMATCH, 1, REFUSE,                                                                \
	    "a signed job was put under another class name; somebody tampered with the queue")        \
	X(E_AUDIENCE, 1, REFUSE,                                                                      \
	    "the job is signed for another installation; it was copied, or --aud is wrong")           \
	X(E_QUEUE_MISMATCH, 1, REFUSE,                                                                \
	    "the job is not signed for the queue it was found in; it was moved, or signed too "       \
	    "narrowly")                                                                               \
	X(E_TIME_ORDER, 1, REFUSE,                                                                    \
	    "issue, start and end time are out of order; check the producer's code")                  \
	X(E_IAT_FUTURE, 1, REFUSE,                                                                    \
	    "the job was issued in the future; check the clocks of producer and worker")              \
	X(E_KEY_WINDOW, 1, REFUSE,                                                                    \
	    "the job was issued outside the key's iat_from..iat_to; let the producer use its new "    \
	    "key")                                                                                    \
	X(E_EXPIRED, 1, REFUSE,                                                                       \
	    "the job waited past its end time; add workers or sign with a longer --ttl")              \
	X(E_POLICY_DENIED, 1, REFUSE,                                                                 \
	    "the policy grants this principal no such class on this queue; add a grant if it "        \
	    "should (or it says ref r. and is no operator's)")                                        \
	X(E_POLICY_SIZE, 1, REFUSE,                                                                   \
	    "the arguments are larger than the grant's max_body; raise it or send less")              \
	X(E_POLICY_RUNS, 1, REFUSE,                                                                   \
	    "the job asks for more runs than the policy's max_runs; sign with fewer --runs")          \
	X(E_POLICY_DELAY, 1, REFUSE,                                                                  \
	    "the job starts later than the policy's max_delay allows; sign it nearer to its time")    \
	X(E_POLICY_WINDOW, 1, REFUSE,                                                                 \
	    "the job stays valid longer than the policy's max_window; sign with a shorter --ttl")     \
	X(E_CLASS_UNKNOWN, 1, REFUSE,                                                                 \
	    "the policy allows the class, but no handler of that name is compiled in; deploy one")    \
	X(D_CLASS_ABSENT, 1, DEFER,                                                                   \
	    "this build lacks the class; parked up to 15 minutes for a newer worker")                 \
	X(D_NOT_BEFORE, 1, DEFER, "the job is not due yet; parked until its start time")              \
	X(R_REPLAY_DONE, 1, REFUSE,                                                                   \
	    "the job already succeeded once; this copy is dropped and counted")                       \
	X(E_BEFORE_LEDGER, 1, REFUSE,                                                                 \
	    "the job is older than the ledger, which cannot tell whether it ran; find out, then "     \
	    "sign it again")                                                                          \
	X(E_BLOCKED, 1, REFUSE,                                                                       \
	    "an operator blocked this job id; lift the block if it should run")                       \
	X(D_BUSY, 1, DEFER, "another worker holds this job; parked until that lease ends")            \
	X(E_RUNS_EXHAUSTED, 1, REFUSE,                                                                \
	    "the job used up its signed runs; find out why it fails, then sign it again")             \
	X(D_RATE, 1, DEFER,                                                                           \
	    "over a rate or a number of running jobs that the policy sets; parked until a slot "      \
	    "is "                                                                                     \
	    "free")                                                                                   \
	X(D_HELD, 1, DEFER,                                                                           \
	    "the principal's breaker is open after many violations; its jobs wait")                   \
	X(D_LEDGER_DOWN, 1, DEFER,                                                                    \
	    "the ledger does not answer or is not to be believed, so nothing may run; "               \
	    "ledger.away "                                                                            \
	    "or ledger.unfit in the log says why")                                                    \
	X(E_LEDGER_CORRUPT, 1, REFUSE,                                                                \
	    "the ledger's record of this job is malformed; somebody wrote to it")                     \
	X(E_ARGS_JSON, 1, REFUSE,                                                                     \
	    "the signed arguments are not valid JSON within the depth limit; fix the producer")       \
	X(E_SCHEMA, 1, REFUSE,                                                                        \
	    "the arguments break the class's schema; fix the producer or the schema")

enum stk_verdict {
#define X(name, authenticated, kind, sentence) STK_V_##name,
	STK_VERDICTS(X)
#undef X
	STK_VERDICT_COUNT
};

/* "E_SIGNATURE": static storage. */
const char *stk_verdict_text(enum stk_verdict v);
/* What happened and what to do, one sentence without a full stop; static storage. */
const char *stk_verdict_sentence(enum stk_verdict v);
enum stk_verdict_kind stk_verdict_kind(enum stk_verdict v);
/* Is this verdict only reached after the signature was found genuine? */
bool stk_verdict_authenticated(enum stk_verdict v);
/*
 * Can only the holder of the key bring this about? Then it counts against its principal; what a
 * copy of somebody's valid job brings about (another place, expiry, replay) counts against nobody.
 */
bool stk_verdict_by_holder(enum stk_verdict v);
/* The verdict of this name, or STK_VERDICT_COUNT. */
enum stk_verdict stk_verdict_find(const char *text);

#endif

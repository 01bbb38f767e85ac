/*
 * broker.h - B: resolves names and makes connections for one job of a class with net grants.
 *
 * A freshly executed `stockade` with nothing in it: no environment, no Redis, no key, and three
 * descriptors. M starts it when such a job starts, and W ends it with the job, so nothing that a
 * hostile job or name server did to it lives on. It believes W's terms, which come first on its
 * socket, and nothing that comes after.
 */
#ifndef SANDBOX_BROKER_H
#define SANDBOX_BROKER_H

#include "sandbox/dial.h"

/* argv[0] of the role; its one operand is W's pid. Placed by M: */
#define STK_BROKER_ARGV0       "stockade-broker"
#define STK_BROKER_SLOT_EVENTS 3 /* pipe to W */
#define STK_BROKER_SLOT_SOCK   4 /* SOCK_SEQPACKET, the other end in J */

/* In the order they are done; none may fail. */
#define STK_BROKER_STEPS(X)                         \
	X(PARENT, "follow the worker's death")      \
	X(PLACE, "leave the folder")                \
	X(DUMPABLE, "forbid dumps and peers' eyes") \
	X(CAPS, "drop capabilities")                \
	X(NO_NEW_PRIVS, "set no_new_privs")         \
	X(RESOLVER, "ready the resolver")           \
	X(SEAL, "seal what is read-only")           \
	X(BUILD, "build its filter")                \
	X(LIMITS, "set its limits")                 \
	X(FILTER, "install its filter")             \
	X(TERMS, "read terms that the worker has sent")

enum stk_broker_step {
	STK_BROKER_STEP_NONE,
#define X(id, text) STK_BROKER_STEP_##id,
	STK_BROKER_STEPS(X)
#undef X
	STK_BROKER_STEP_COUNT
};
/* Static storage. */
const char *stk_broker_step_name(uint32_t step);

/* B's whole life; an exit code. */
int stk_broker_main(int argc, char **argv);

/* From W's record to a law. STK_E_FORMAT for counts, texts or numbers out of bounds. */
STK_CHECK enum stk_err stk_terms_take(const struct stk_terms *t, struct stk_net_law *out);

/*
 * Answers one request of J, told to W: STK_OK to go on, anything else ends B. @left counts what the
 * job may still ask.
 */
struct stk_broker {
	int sock, events;
	struct stk_net_law law;
	stk_resolver resolve;
	uint32_t timeout_ms, left;
};
STK_CHECK enum stk_err stk_broker_serve(struct stk_broker *b);

#endif

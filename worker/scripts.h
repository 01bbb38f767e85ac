/*
 * scripts.h - the Lua that runs inside Redis, as bytes of this program (worker/scripts/).
 *
 * Only store.c calls it. Nothing here talks to Redis.
 */
#ifndef WORKER_SCRIPTS_H
#define WORKER_SCRIPTS_H

#include "sandbox/base.h"

#define STK_SCRIPTS(X)              \
	X(REGISTER, "register")     \
	X(BEAT, "beat")             \
	X(RESERVE, "reserve")       \
	X(SHOW, "show")             \
	X(PROGRESS, "progress")     \
	X(RELEASE, "release")       \
	X(SETTLE, "settle")         \
	X(RECOVER, "recover")       \
	X(UNREGISTER, "unregister") \
	X(PRUNE, "prune")           \
	X(PEERS, "peers")           \
	X(REEXAMINE, "reexamine")   \
	X(DRAIN, "drain")           \
	X(BREAKER, "breaker")       \
	X(CLAIM, "claim")           \
	X(FINISH, "finish")         \
	X(EPOCH, "epoch")           \
	X(QUARANTINE, "quarantine") \
	X(MEASURE, "measure")

enum stk_script {
#define X(id, text) STK_SCRIPT_##id,
	STK_SCRIPTS(X)
#undef X
	STK_SCRIPT_COUNT
};

/* "reserve"; static storage. */
const char *stk_script_name(enum stk_script s);
/* The whole text, shared front part included; static storage. */
struct stk_span stk_script_text(enum stk_script s);

#endif

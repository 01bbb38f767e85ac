/*
 * explain_gates.h - prints what explain found, for people or for scripts.
 */
#ifndef WORKER_CLI_EXPLAIN_GATES_H
#define WORKER_CLI_EXPLAIN_GATES_H

#include "worker/admit.h"

struct stk_explanation {
	struct stk_span bytes;
	const char *queue; /* "" if none was given and the payload names none */
	bool queue_guessed;
	const char *policy;
	const struct stk_keyring *ring;
	int64_t now_s;
	const struct stk_admission *admission;
	enum stk_verdict verdict; /* the admission's, or E_ARGS_JSON / E_SCHEMA */
	bool args_asked, args_fit;
	char args_why[640]; /* if not fit: why; if not asked: why not */
};

/* Prints to stdout; returns explain's exit code: 0 would run, 1 refused, 2 deferred. */
STK_CHECK int stk_explain_print(const struct stk_explanation *x, bool json);

#endif

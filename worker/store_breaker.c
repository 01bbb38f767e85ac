/*
 * store_breaker.c - breaker.h's words to Redis.
 */
#include "worker/breaker.h"
#include "worker/store_call.h"

static enum stk_err ask(
    struct stk_store *s, struct stk_call *a, struct stk_reply **r, enum stk_answer *v)
{
	enum stk_err e;

	*v = STK_ANSWER_AGAIN;
	e = stk_call_run(s, a, r);
	return e == STK_OK ? stk_answer_verdict(s, *r, v) : e;
}

static int64_t bounded(int64_t ms)
{
	return ms < -1 ? 0 : ms < 7 * 86400000LL ? ms : 7 * 86400000LL;
}

enum stk_err stk_store_breaker_look(struct stk_store *s, const char *const *names, size_t n,
    struct stk_breaker_look *out, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	struct stk_call a;
	enum stk_err e;

	stk_call_start(&a, s, STK_SCRIPT_BREAKER);
	stk_call_text(&a, "look");
	stk_call_queues(&a, names, n);
	e = ask(s, &a, &r, v);
	if (e == STK_OK && *v == STK_ANSWER_OK && r->n != 1 + 2 * n)
		e = STK_E_FORMAT;
	for (size_t i = 0; e == STK_OK && *v == STK_ANSWER_OK && i < n; i++) {
		out[i].held_ms = bounded(stk_answer_int(r, 1 + 2 * i));
		out[i].trial_ms = bounded(stk_answer_int(r, 2 + 2 * i));
	}
	stk_reply_free(r);
	return e;
}

enum stk_err stk_store_breaker_pass(
    struct stk_store *s, const char *name, bool *passed, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	struct stk_call a;
	enum stk_err e;

	*passed = false;
	stk_call_start(&a, s, STK_SCRIPT_BREAKER);
	stk_call_text(&a, "pass");
	stk_call_text(&a, name);
	e = ask(s, &a, &r, v);
	if (e == STK_OK && *v == STK_ANSWER_OK)
		*passed = stk_answer_int(r, 1) == 1;
	stk_reply_free(r);
	return e;
}

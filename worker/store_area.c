/*
 * store_area.c - store.h's words about areas of refused jobs: look at one, release its entries.
 */
#include "worker/store.h"
#include "worker/store_call.h"

#include <string.h>

static void begin(struct stk_call *a, const struct stk_store *s, const char *area, const char *what)
{
	stk_call_start(a, s, STK_SCRIPT_REEXAMINE);
	stk_call_text(a, area);
	stk_call_text(a, what);
}

enum stk_err stk_store_examine(struct stk_store *s, const char *area, int64_t rank,
    const char *const *kids, size_t n, struct stk_kept *out, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	struct stk_call a;
	enum stk_err e;

	*v = STK_ANSWER_AGAIN;
	*out = (struct stk_kept){ .rank = -1 };
	begin(&a, s, area, "look");
	stk_call_number(&a, rank);
	for (size_t i = 0; i < n; i++)
		stk_call_text(&a, kids[i]);
	if ((e = stk_call_run(s, &a, &r)) == STK_OK)
		e = stk_answer_verdict(s, r, v);
	stk_reply_free(s->in_hand);
	s->in_hand = r;
	if (e != STK_OK || *v != STK_ANSWER_OK)
		return e;
	out->rank = stk_answer_int(r, 1);
	stk_answer_copy(out->member, sizeof(out->member), stk_answer_span(r, 2));
	out->entry = stk_answer_span(r, 3);
	return STK_OK;
}

enum stk_err stk_store_release(struct stk_store *s, const char *area, const char *member,
    const char *queue, struct stk_span bytes, enum stk_answer *v)
{
	struct stk_call a;

	begin(&a, s, area, "release");
	stk_call_text(&a, member);
	stk_call_text(&a, queue);
	stk_call_add(&a, bytes);
	return stk_call_plain(s, &a, v);
}

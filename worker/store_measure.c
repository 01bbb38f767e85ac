/*
 * store_measure.c - see store_measure.h.
 */
#include "worker/store_measure.h"

#include "worker/store_call.h"
#include "worker/verdict.h"

#include <stdlib.h>

#define HEADS_BYTES 131072 /* of all heads of one look */

/* Areas of signed but refused jobs are named after their reason. */
static void add_reasons(struct stk_call *a)
{
	size_t n = 0;

	for (size_t v = 0; v < STK_VERDICT_COUNT; v++)
		n += stk_verdict_authenticated((enum stk_verdict)v) &&
		     stk_verdict_kind((enum stk_verdict)v) == STK_KIND_REFUSE;
	stk_call_number(a, (int64_t)n);
	for (size_t v = 0; v < STK_VERDICT_COUNT; v++)
		if (stk_verdict_authenticated((enum stk_verdict)v) &&
		    stk_verdict_kind((enum stk_verdict)v) == STK_KIND_REFUSE)
			stk_call_text(a, stk_verdict_text((enum stk_verdict)v));
}

static enum stk_err read_all(const struct stk_reply *r, size_t n, struct stk_measured *out)
{
	if (r->type != STK_REPLY_ARRAY || r->n != n + 1)
		return STK_E_FORMAT;
	for (size_t i = 0; i < n; i++) {
		const struct stk_reply *q = &r->elements[i + 1];

		if (q->type != STK_REPLY_ARRAY || q->n != 4)
			return STK_E_FORMAT;
		out[i] = (struct stk_measured){ .depth = stk_answer_int(q, 0),
			.parked = stk_answer_int(q, 1),
			.kept = stk_answer_int(q, 2),
			.head = stk_answer_span(q, 3) };
	}
	return STK_OK;
}

enum stk_err stk_store_measure(struct stk_store *s, const char *const *queues, size_t n,
    struct stk_measured *out, struct stk_reply **owner)
{
	struct stk_call a;
	enum stk_err e = n <= STK_MEASURE_QUEUES ? stk_queues_ok(queues, n) : STK_E_TOOBIG;

	*owner = NULL;
	if (e != STK_OK)
		return e;
	stk_call_start(&a, s, STK_SCRIPT_MEASURE);
	stk_call_number(&a, HEADS_BYTES);
	add_reasons(&a);
	stk_call_queues(&a, queues, n);
	e = stk_call_run(s, &a, owner);
	return e == STK_OK ? read_all(*owner, n, out) : e;
}

static int64_t number(struct stk_span info, const char *name)
{
	struct stk_span v = stk_info_line(info, name);
	char text[24];

	if (v.len == 0)
		return -1;
	stk_answer_copy(text, sizeof(text), v);
	return strtoll(text, NULL, 10);
}

enum stk_err stk_store_server(struct stk_store *s, struct stk_server_look *out)
{
	struct stk_reply *memory = NULL, *stats = NULL;
	enum stk_err e = stk_redis_words(s->link, &memory, "INFO", "memory", (char *)NULL);

	*out = (struct stk_server_look){ -1, -1, -1, -1 };
	if (e == STK_OK)
		e = stk_redis_words(s->link, &stats, "INFO", "stats", (char *)NULL);
	if (e == STK_OK && (memory->type != STK_REPLY_STRING || stats->type != STK_REPLY_STRING))
		e = STK_E_FORMAT;
	if (e == STK_OK) {
		out->used_bytes = number(memory->bytes, "\nused_memory:");
		out->max_bytes = number(memory->bytes, "\nmaxmemory:");
		out->evicted = number(stats->bytes, "\nevicted_keys:");
		out->rejected = number(stats->bytes, "\nrejected_connections:");
	}
	stk_reply_free(memory);
	stk_reply_free(stats);
	return e;
}

/*
 * store_prune.c - store.h's words about foreign workers: look at their heartbeats, show one's job,
 * file it. Only prune.c calls it; what is dead is judged there.
 */
#include "worker/store.h"
#include "worker/store_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A record around a payload: queue, run_at and brackets. */
#define AROUND_BYTES 4096

/* Takes @r where the answer is OK and it is to be kept. */
static enum stk_err ask(
    struct stk_store *s, struct stk_call *a, struct stk_reply **out, enum stk_answer *v)
{
	enum stk_err e = stk_call_run(s, a, out);

	if (e == STK_OK)
		e = stk_answer_verdict(s, *out, v);
	return e;
}

static void begin(struct stk_call *a, const struct stk_store *s, const char *what)
{
	stk_call_start(a, s, STK_SCRIPT_PRUNE);
	stk_call_text(a, what);
}

/* One pair; names that are no worker's of any kind stay where they are. */
static bool take(const struct stk_reply *r, size_t at, struct stk_beating *out)
{
	struct stk_span id = stk_answer_span(r, at), beat = stk_answer_span(r, at + 1);

	if (id.len == 0 || id.len >= sizeof(out->id) || beat.len == 0 ||
	    beat.len >= sizeof(out->heartbeat))
		return false;
	stk_answer_copy(out->id, sizeof(out->id), id);
	stk_answer_copy(out->heartbeat, sizeof(out->heartbeat), beat);
	return strlen(out->id) == id.len && strlen(out->heartbeat) == beat.len;
}

enum stk_err stk_store_prune_look(struct stk_store *s, uint64_t *cursor, struct stk_beating *out,
    size_t max, size_t *n, int64_t *now_ms, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	struct stk_call a;
	char text[24];
	enum stk_err e;

	*n = 0;
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)*cursor);
	begin(&a, s, "look");
	stk_call_text(&a, text);
	e = ask(s, &a, &r, v);
	if (e == STK_OK && *v == STK_ANSWER_OK) {
		*cursor = strtoull((const char *)stk_answer_span(r, 1).p, NULL, 10);
		*now_ms = stk_answer_int(r, 2);
		for (size_t i = 3; i + 1 < r->n && *n < max; i += 2)
			if (take(r, i, &out[*n]))
				++*n;
	}
	stk_reply_free(r);
	return e;
}

enum stk_err stk_store_prune_show(
    struct stk_store *s, const char *id, struct stk_span *value, bool *too_long, enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	struct stk_call a;
	enum stk_err e;

	*value = stk_span_of("", 0);
	*too_long = false;
	begin(&a, s, "show");
	stk_call_text(&a, id);
	stk_call_number(&a, s->max_payload_bytes + AROUND_BYTES);
	e = ask(s, &a, &r, v);
	stk_reply_free(s->in_hand);
	s->in_hand = r;
	if (e != STK_OK || *v != STK_ANSWER_OK)
		return e;
	*too_long = stk_answer_int(r, 1) == 2;
	if (stk_answer_int(r, 1) == 1)
		*value = stk_answer_span(r, 2);
	return STK_OK;
}

enum stk_err stk_store_prune_file(struct stk_store *s, const struct stk_beating *who,
    struct stk_span value, struct stk_span record, enum stk_answer *v)
{
	struct stk_call a;

	begin(&a, s, "file");
	stk_call_text(&a, who->id);
	stk_call_text(&a, who->heartbeat);
	stk_call_add(&a, value);
	stk_call_add(&a, record);
	return stk_call_plain(s, &a, v);
}

enum stk_err stk_store_prune_renew(struct stk_store *s, bool *held)
{
	char key[STK_NS_MAX + 48];
	struct stk_reply *r = NULL;
	enum stk_err e;

	(void)snprintf(key, sizeof(key), "%s:pruning_dead_workers_in_progress", s->ns);
	e = stk_redis_words(s->link, &r, "GET", key, NULL);
	*held = e == STK_OK && stk_reply_is(r, s->id);
	stk_reply_free(r);
	if (!*held)
		return e;
	r = NULL;
	/* asked for with half a minute left: it does not expire between these two */
	e = stk_redis_words(s->link, &r, "SET", key, s->id, "EX", "60", "XX", NULL);
	*held = e == STK_OK && stk_reply_is(r, "OK");
	stk_reply_free(r);
	return e;
}

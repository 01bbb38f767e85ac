/*
 * store_peers.c - store.h's words about others: recover, the living and the dead, enqueue.
 */
#include "worker/store.h"
#include "worker/store_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_MAX          16 /* of 4 096 names, whatever they are */
#define STK_RECOVERIES_MAX 3  /* ARCHITECTURE.md, Decisions 23 */

static bool is_instance(struct stk_span s)
{
	if (s.len != STK_INSTANCE_CHARS)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (strchr("0123456789abcdef", s.p[i]) == NULL || s.p[i] == 0)
			return false;
	return true;
}

enum stk_err stk_store_recover(struct stk_store *s, const char *victim, const char *const *queues,
    size_t n, const struct stk_lost *filed, struct stk_span record, struct stk_recovered *out,
    enum stk_answer *v)
{
	struct stk_reply *r = NULL;
	enum stk_err e = stk_queues_ok(queues, n);
	struct stk_call a;

	if (e == STK_OK && !is_instance(stk_span_str(victim)))
		e = STK_E_FORMAT;
	if (e != STK_OK)
		return e;
	stk_call_start(&a, s, STK_SCRIPT_RECOVER);
	stk_call_text(&a, victim);
	stk_call_number(&a, STK_PROTOCOL);
	stk_call_number(&a, s->max_payload_bytes > 0 ? s->max_payload_bytes : STK_MAX_PAYLOAD);
	stk_call_number(&a, STK_RECOVERIES_MAX);
	stk_call_text(&a, filed == NULL ? "" : filed->digest);
	stk_call_add(&a, filed == NULL ? stk_span_of("", 0) : record);
	stk_call_queues(&a, queues, n);
	e = stk_call_run(s, &a, &r);
	*out = (struct stk_recovered){ 0 }; /* after the call: @filed may stand in it */
	if (e != STK_OK)
		return e;
	stk_reply_free(s->in_hand);
	s->in_hand = r;
	if ((e = stk_answer_verdict(s, r, v)) != STK_OK || *v == STK_ANSWER_STORE ||
	    *v == STK_ANSWER_FENCED || *v == STK_ANSWER_NEWER)
		return e;
	out->n_returned = stk_answer_int(r, 1);
	out->n_foreign_filed = stk_answer_int(r, 2);
	out->orphans = stk_answer_int(r, 3);
	if (*v != STK_ANSWER_LOST)
		return STK_OK;
	stk_answer_copy(out->lost.queue, sizeof(out->lost.queue), stk_answer_span(r, 4));
	out->lost.bytes = stk_answer_span(r, 5);
	stk_answer_copy(out->lost.digest, sizeof(out->lost.digest), stk_answer_span(r, 6));
	return stk_queue_ok(out->lost.queue) && out->lost.digest[0] != '\0' ? STK_OK : STK_E_FORMAT;
}

/* --- the living and the dead
 * --------------------------------------------------------------------------- */

/* One page: what it holds goes behind the @n that @out has; *@at is where the next one begins. */
static enum stk_err page_of_peers(
    struct stk_store *s, const char *set, int64_t *at, struct stk_peer *out, size_t max, size_t *n)
{
	enum stk_answer v = STK_ANSWER_OK;
	struct stk_reply *r = NULL;
	struct stk_call a;
	enum stk_err e;

	stk_call_start(&a, s, STK_SCRIPT_PEERS);
	stk_call_text(&a, set);
	stk_call_number(&a, *at);
	stk_call_number(&a, (int64_t)(max - *n));
	*at = 0;
	if ((e = stk_call_run(s, &a, &r)) == STK_OK)
		e = stk_answer_verdict(s, r, &v);
	/* FENCED and STORE are the beat's to tell */
	if (e == STK_OK && v == STK_ANSWER_OK && stk_answer_int(r, 1) > 0)
		*at = stk_answer_int(r, 1);
	for (size_t i = 2; e == STK_OK && v == STK_ANSWER_OK && i + 1 < r->n && *n < max; i += 2) {
		struct stk_span who = stk_answer_span(r, i), score = stk_answer_span(r, i + 1);

		if (!is_instance(who) || score.len == 0)
			continue;
		stk_answer_copy(out[*n].instance, sizeof(out[*n].instance), who);
		/* whole numbers below 2^53; p[len] is a NUL byte */
		out[(*n)++].score = strtoll((const char *)score.p, NULL, 10);
	}
	stk_reply_free(r);
	return e;
}

static enum stk_err peers(
    struct stk_store *s, const char *set, int64_t *at, struct stk_peer *out, size_t max, size_t *n)
{
	enum stk_err e = STK_OK;

	*n = 0;
	for (int pages = 0; e == STK_OK && pages < PAGES_MAX && *n < max; pages++)
		if ((e = page_of_peers(s, set, at, out, max, n)) == STK_OK && *at == 0)
			break;
	return e;
}

enum stk_err stk_store_live(struct stk_store *s, struct stk_peer *out, size_t max, size_t *n)
{
	int64_t at = 0;

	return peers(s, "live", &at, out, max, n);
}

enum stk_err stk_store_graves(struct stk_store *s, struct stk_peer *out, size_t max, size_t *n)
{
	int64_t at = 0;

	return peers(s, "graves", &at, out, max, n);
}

enum stk_err stk_store_graves_from(
    struct stk_store *s, int64_t *at, struct stk_peer *out, size_t max, size_t *n)
{
	return peers(s, "graves", at, out, max, n);
}

enum stk_err stk_store_grave_holds(
    struct stk_store *s, const char *instance, const char *const *queues, size_t n, bool *holds)
{
	enum {
		KEY_BYTES = STK_NS_MAX + STK_QUEUE_MAX + STK_INSTANCE_CHARS + 32
	};
	STK_AUTO_FREE char(*keys)[KEY_BYTES] = NULL;
	STK_AUTO_FREE struct stk_span *argv = NULL;
	struct stk_reply *r = NULL;
	enum stk_err e = stk_queues_ok(queues, n);

	*holds = false;
	if (e != STK_OK)
		return e;
	keys = calloc(n, sizeof(*keys));
	argv = calloc(n + 1, sizeof(*argv));
	if (keys == NULL || argv == NULL)
		return STK_E_NOMEM; /* NOLINT(clang-analyzer-unix.Malloc): the attribute frees */
	argv[0] = stk_span_str("EXISTS");
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(
		    keys[i], sizeof(keys[i]), "%s:stockade:in:%s:%s", s->ns, instance, queues[i]);
		argv[i + 1] = stk_span_str(keys[i]);
	}
	e = stk_redis_call(s->link, argv, n + 1, &r);
	*holds = e == STK_OK && r->integer > 0;
	stk_reply_free(r);
	return e;
}

enum stk_err stk_store_prune_lock(struct stk_store *s, bool *won)
{
	char key[STK_NS_MAX + 48];
	struct stk_reply *r = NULL;
	enum stk_err e;

	(void)snprintf(key, sizeof(key), "%s:pruning_dead_workers_in_progress", s->ns);
	e = stk_redis_words(s->link, &r, "SET", key, s->id, "EX", "60", "NX", NULL);
	*won = e == STK_OK && stk_reply_is(r, "OK");
	stk_reply_free(r);
	return e;
}

enum stk_err stk_store_await(
    const struct stk_store *s, struct stk_redis *side, const char *queue, int timeout_ms)
{
	char from[STK_NS_MAX + STK_QUEUE_MAX + 16], to[STK_NS_MAX + STK_QUEUE_MAX + 64], wait[24];
	struct stk_span argv[6];

	if (!stk_queue_ok(queue) || timeout_ms < 1 || timeout_ms > 1000)
		return STK_E_FORMAT;
	(void)snprintf(from, sizeof(from), "%s:queue:%s", s->ns, queue);
	(void)snprintf(to, sizeof(to), "%s:stockade:in:%s:%s", s->ns, s->instance, queue);
	/* 0 would wait for ever */
	(void)snprintf(wait, sizeof(wait), "%d.%03d", timeout_ms / 1000, timeout_ms % 1000);
	argv[0] = stk_span_str("BLMOVE");
	argv[1] = stk_span_str(from);
	argv[2] = stk_span_str(to);
	argv[3] = stk_span_str("LEFT");
	argv[4] = stk_span_str("RIGHT"); /* behind the job in hand, which is the list's head */
	argv[5] = stk_span_str(wait);
	return stk_redis_send(side, argv, STK_ARRAY_LEN(argv));
}

enum stk_err stk_store_enqueue(struct stk_store *s, const char *queue, struct stk_span payload)
{
	char set[STK_NS_MAX + 8], list[STK_NS_MAX + STK_QUEUE_MAX + 8];
	const struct stk_span multi = stk_span_str("MULTI"), exec = stk_span_str("EXEC");
	struct stk_span sadd[3] = { stk_span_str("SADD"), { NULL, 0 }, stk_span_str(queue) };
	struct stk_span rpush[3] = { stk_span_str("RPUSH"), { NULL, 0 }, payload };
	struct stk_reply *r[4];
	enum stk_err e;

	if (!stk_queue_ok(queue))
		return STK_E_FORMAT;
	(void)snprintf(set, sizeof(set), "%s:queues", s->ns);
	(void)snprintf(list, sizeof(list), "%s:queue:%s", s->ns, queue);
	sadd[1] = stk_span_str(set);
	rpush[1] = stk_span_str(list);
	const struct stk_redis_command all[4] = { { &multi, 1 }, { sadd, 3 }, { rpush, 3 },
		{ &exec, 1 } };

	if ((e = stk_redis_pipeline(s->link, all, 4, r)) != STK_OK)
		return e;
	/* EXEC answers an array of two integers, or an error line (EXECABORT, OOM, WRONGTYPE
	 * inside) */
	if (r[3]->type != STK_REPLY_ARRAY || r[3]->n != 2 ||
	    r[3]->elements[0].type != STK_REPLY_INTEGER ||
	    r[3]->elements[1].type != STK_REPLY_INTEGER)
		e = STK_E_REFUSED;
	for (size_t i = 0; i < 4; i++)
		stk_reply_free(r[i]);
	return e;
}

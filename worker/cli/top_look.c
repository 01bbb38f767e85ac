/*
 * top_look.c - see top.h. Plain reads, no script and no fence: a look is nobody's instance.
 */
#include "worker/cli/top.h"

#include "worker/store_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE (STK_REDIS_PIPE_MAX / 2) /* two reads for each instance */

void stk_top_clear(struct stk_top *t)
{
	free(t->rows);
	*t = (struct stk_top){ 0 };
}

static void copy(char *out, size_t size, const struct stk_reply *r, size_t i)
{
	stk_answer_copy(out, size, stk_answer_span(r, i));
}

/* A whole number as Redis keeps it; 0 for anything else. */
static int64_t number(const struct stk_reply *r, size_t i)
{
	char text[24], *end;
	long long n;

	copy(text, sizeof(text), r, i);
	n = strtoll(text, &end, 10);
	return end == text || *end != '\0' || n < 0 ? 0 : n;
}

static int64_t since(int64_t now_ms, int64_t then_ms)
{
	return then_ms <= 0 || then_ms > now_ms ? 0 : now_ms - then_ms;
}

static void read_doing(const struct stk_reply *r, int64_t now_ms, struct stk_top_row *row)
{
	if (r->type != STK_REPLY_ARRAY || stk_answer_span(r, 0).len == 0)
		return;
	row->busy = true;
	copy(row->job, sizeof(row->job), r, 0);
	copy(row->class_name, sizeof(row->class_name), r, 1);
	copy(row->queue, sizeof(row->queue), r, 2);
	row->attempt = number(r, 3);
	row->running_ms = since(now_ms, number(r, 4));
	row->has_progress = stk_answer_span(r, 8).len > 0;
	row->done = number(r, 5);
	row->total = number(r, 6);
	copy(row->note, sizeof(row->note), r, 7);
	row->said_ms = since(now_ms, number(r, 8));
}

struct asked {
	char keys[2][STK_NS_MAX + 80];
	struct stk_span argv[2][12];
	struct stk_redis_command commands[2];
};

static void ask(const char *ns, const char *instance, struct asked *a)
{
	static const char *const fields[] = { "job", "class", "queue", "attempt", "began", "done",
		"total", "note", "at" };

	(void)snprintf(a->keys[0], sizeof(a->keys[0]), "%s:stockade:w:%s", ns, instance);
	(void)snprintf(a->keys[1], sizeof(a->keys[1]), "%s:stockade:doing:%s", ns, instance);
	a->argv[0][0] = a->argv[1][0] = stk_span_str("HMGET");
	a->argv[0][1] = stk_span_str(a->keys[0]);
	a->argv[0][2] = stk_span_str("id");
	a->argv[1][1] = stk_span_str(a->keys[1]);
	for (size_t i = 0; i < STK_ARRAY_LEN(fields); i++)
		a->argv[1][2 + i] = stk_span_str(fields[i]);
	a->commands[0] = (struct stk_redis_command){ a->argv[0], 3 };
	a->commands[1] = (struct stk_redis_command){ a->argv[1], 2 + STK_ARRAY_LEN(fields) };
}

static enum stk_err look_at(
    struct stk_redis *link, const char *ns, struct stk_top *t, size_t from, size_t n)
{
	struct stk_redis_command commands[STK_REDIS_PIPE_MAX];
	struct stk_reply *replies[STK_REDIS_PIPE_MAX];
	static struct asked asked[AT_ONCE];
	enum stk_err e;

	for (size_t i = 0; i < n; i++) {
		ask(ns, t->rows[from + i].instance, &asked[i]);
		commands[2 * i] = asked[i].commands[0];
		commands[2 * i + 1] = asked[i].commands[1];
	}
	if ((e = stk_redis_pipeline(link, commands, 2 * n, replies)) != STK_OK)
		return e;
	for (size_t i = 0; i < n; i++) {
		struct stk_top_row *row = &t->rows[from + i];

		copy(row->worker, sizeof(row->worker), replies[2 * i], 0);
		read_doing(replies[2 * i + 1], t->at_ms, row);
		stk_reply_free(replies[2 * i]);
		stk_reply_free(replies[2 * i + 1]);
	}
	return STK_OK;
}

static bool is_instance(struct stk_span s)
{
	if (s.len != STK_INSTANCE_CHARS)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}

/* Who lives, and Redis's clock. */
static enum stk_err look_around(struct stk_redis *link, const char *ns, struct stk_top *t)
{
	char key[STK_NS_MAX + 32], last[16];
	struct stk_reply *r = NULL;
	enum stk_err e;

	(void)snprintf(key, sizeof(key), "%s:stockade:live", ns);
	(void)snprintf(last, sizeof(last), "%d", STK_TOP_MAX - 1);
	if ((e = stk_redis_words(link, &r, "TIME", NULL)) != STK_OK)
		return e;
	t->at_ms = number(r, 0) * 1000 + number(r, 1) / 1000;
	stk_reply_free(r);
	if ((e = stk_redis_words(link, &r, "ZCARD", key, NULL)) != STK_OK)
		return e;
	t->n_live = r->integer;
	stk_reply_free(r);
	if ((e = stk_redis_words(link, &r, "ZRANGE", key, "0", last, NULL)) != STK_OK)
		return e;
	t->rows = calloc(STK_TOP_MAX, sizeof(*t->rows));
	for (size_t i = 0; t->rows != NULL && i < r->n && t->n < STK_TOP_MAX; i++)
		if (is_instance(stk_answer_span(r, i)))
			copy(t->rows[t->n++].instance, sizeof(t->rows[0].instance), r, i);
	stk_reply_free(r);
	return t->rows == NULL ? STK_E_NOMEM : STK_OK;
}

static int by_worker(const void *a, const void *b)
{
	const struct stk_top_row *x = a, *y = b;
	int order = strcmp(x->worker, y->worker);

	return order != 0 ? order : strcmp(x->instance, y->instance);
}

enum stk_err stk_top_look(struct stk_redis *link, const char *ns, struct stk_top *out)
{
	enum stk_err e;

	*out = (struct stk_top){ 0 };
	e = look_around(link, ns, out);
	for (size_t i = 0; e == STK_OK && i < out->n; i += AT_ONCE)
		e = look_at(link, ns, out, i, out->n - i < AT_ONCE ? out->n - i : AT_ONCE);
	if (e == STK_OK)
		qsort(out->rows, out->n, sizeof(out->rows[0]), by_worker);
	return e;
}

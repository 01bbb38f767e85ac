/*
 * storm_drain.c - see storm.h: junk comes before a queue's jobs and a worker drains it, alive or
 * not, paused or not, with a lost reply or without, Whatever happens, only junk may leave, and what
 * leaves is counted once.
 */
#include "tests/lib/redis_server.h"
#include "tests/lib/storm_world.h"
#include "worker/store_drain.h"

#include <stdio.h>
#include <string.h>

static struct stk_drain plan;
static struct stk_drained seen;

static void push_junk(const char *queue, unsigned n)
{
	char words[160];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(words, sizeof(words), "LPUSH r:queue:%s junk%u", queue, i);
		storm_redis(words);
	}
}

static int64_t junk_left(const char *queue, unsigned n)
{
	char words[160];
	int64_t left = 0;

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(words, sizeof(words), "LREM r:queue:%s 0 junk%u", queue, i);
		left += test_redis_int(sw.tools, words);
	}
	return left;
}

/* Another worker looked too, and was faster with the first one. */
static int64_t overtaken(const char *queue, unsigned n)
{
	char words[160];

	if (storm_roll(2) == 0)
		return 0;
	(void)snprintf(words, sizeof(words), "LREM r:queue:%s 1 junk%u", queue, n - 1);
	return test_redis_int(sw.tools, words);
}

static enum stk_answer ask(struct worker *w, size_t most)
{
	enum stk_answer v = STK_ANSWER_STORE;

	(void)storm_answered(
	    stk_store_drain(&w->store, &plan, storm_queues, 2, most, &seen, &v), "drain");
	return v;
}

/* Names what begins with "junk", as the judge would; the first other element ends it. */
static void judge(void)
{
	int64_t number = plan.number;

	plan = (struct stk_drain){ .number = number + 1, .n_kinds = 1 };
	memcpy(plan.queue, seen.queue, sizeof(plan.queue));
	plan.kind[0] = (struct stk_drain_kind){
		.area = "quarantine:storm", .max_entries = 9, .max_bytes = 999, .reason = "E_BODY"
	};
	for (size_t i = 0; i < seen.n; i++) {
		if (seen.bytes[i].len < 4 || memcmp(seen.bytes[i].p, "junk", 4) != 0)
			return;
		memcpy(plan.digests + i * STK_SHA1_CHARS, seen.sha1[i].p, STK_SHA1_CHARS);
		plan.kinds[i] = 'A';
		plan.n++;
	}
}

static void twice(struct worker *w)
{
	uint64_t first = seen.counts[0];

	if (ask(w, 0) != STK_ANSWER_OK || seen.counts[0] != first)
		storm_wrong("drain: asked again it tells another count");
}

void storm_drain(struct worker *w)
{
	const char *queue = storm_queues[storm_roll(2)];
	unsigned n = 1 + storm_roll(5);
	bool live = storm_live(w), holds = storm_in_hand_of(w) > 0;
	int64_t left, gone, taken;
	enum stk_answer v;

	push_junk(queue, n);
	plan = (struct stk_drain){ .number = plan.number };
	v = ask(w, STK_DRAIN_MOST);
	if (!live && v != STK_ANSWER_FENCED)
		storm_wrong("drain: a dead worker is answered %s", stk_answer_text(v));
	if (live && v != STK_ANSWER_OK && v != STK_ANSWER_AGAIN)
		storm_wrong("drain says %s", stk_answer_text(v));
	if (v == STK_ANSWER_AGAIN && !holds)
		storm_wrong("drain: AGAIN without a job in hand");
	judge();
	taken = overtaken(queue, n);
	v = ask(w, 0);
	gone = v == STK_ANSWER_OK ? (int64_t)seen.counts[0] : 0;
	if (v == STK_ANSWER_OK && plan.n > 0 && storm_roll(2) == 0)
		twice(w);
	if (gone > (int64_t)n)
		storm_wrong("drain: more left than was junk");
	left = junk_left(queue, n);
	if (left + gone + taken != (int64_t)n)
		storm_wrong("drain: of %u junk %lld left and %lld stayed", n, (long long)gone,
		    (long long)left);
	if (v == STK_ANSWER_OK && plan.n > 0 && strcmp(plan.queue, queue) == 0 &&
	    gone + taken != (int64_t)plan.n)
		storm_wrong("drain: %zu named and %lld left", plan.n, (long long)gone);
}

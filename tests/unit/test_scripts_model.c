/*
 * test_scripts_model.c - three workers, killed, stopped, wrongly buried, with lost replies and late
 * blocking pops, at random; at every moment each job stands in exactly one durable place.
 * The seed is printed, STOCKADE_SEED repeats a run and STOCKADE_STEPS lengthens it.
 */
#include "tests/harness.h"

#include "tests/lib/redis_server.h"
#include "worker/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKERS 3
#define JOBS    400
#define STARTED "2026-11-23 06:51:14 +0000"

static const char *const queues[] = { "high", "low" };

struct worker {
	struct stk_store store;
	bool knows; /* a reserve reply arrived: seq and body are this job's */
	int64_t seq;
	char body[16];
};

static struct test_redis server;
static struct stk_redis *tools;
static struct worker workers[WORKERS];
static char buried[4096][STK_INSTANCE_CHARS + 1];
static size_t n_buried, n_jobs;
static bool finished[JOBS];
static unsigned counts[16];
static uint64_t dice;

/* xorshift64: the same seed is the same run on every machine */
static unsigned roll(unsigned sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (unsigned)(dice >> 33) % sides;
}

static void enlist(struct worker *w)
{
	enum stk_answer v;

	w->knows = false;
	assert_int_equal(stk_store_register(&w->store, queues, 2, STARTED, &v), STK_OK);
	assert_true(v == STK_ANSWER_OK || v == STK_ANSWER_ID_SHARED);
}

/* Dies (or finds itself fenced); a successor takes over the id. */
static void reborn(struct worker *w)
{
	assert_true(n_buried < STK_ARRAY_LEN(buried));
	memcpy(buried[n_buried++], w->store.instance, sizeof(buried[0]));
	assert_int_equal(stk_store_fresh_instance(&w->store), STK_OK);
	enlist(w);
}

static void enqueue(void)
{
	char body[16];

	if (n_jobs == JOBS)
		return;
	(void)snprintf(body, sizeof(body), "job%04zu", n_jobs++);
	assert_int_equal(
	    stk_store_enqueue(&workers[0].store, queues[roll(2)], stk_span_str(body)), STK_OK);
}

static void take(struct worker *w, const struct stk_reserved *got, enum stk_answer v)
{
	if (v == STK_ANSWER_FENCED) {
		counts[0]++;
		reborn(w);
		return;
	}
	w->knows = v == STK_ANSWER_JOB && roll(8) != 0; /* else the reply was lost on the way */
	if (!w->knows)
		return;
	w->seq = got->parcel.seq;
	assert_true(got->parcel.bytes.len < sizeof(w->body));
	memcpy(w->body, got->parcel.bytes.p, got->parcel.bytes.len);
	w->body[got->parcel.bytes.len] = '\0';
}

static void reserve(struct worker *w)
{
	struct stk_reserved got;
	enum stk_answer v;

	if (w->knows)
		return;
	assert_int_equal(stk_store_reserve(&w->store, queues, 2, &got, &v), STK_OK);
	take(w, &got, v);
}

static void settle(struct worker *w)
{
	static const enum stk_settle_what whats[] = { STK_SETTLE_OK, STK_SETTLE_OK, STK_SETTLE_FAIL,
		STK_SETTLE_RETRY, STK_SETTLE_HANDBACK, STK_SETTLE_PARK, STK_SETTLE_QUARANTINE,
		STK_SETTLE_DROP };
	struct stk_settle how = { .seq = w->seq,
		.what = whats[roll(8)],
		.record = stk_span_str(w->body),
		.area = "quarantine:all",
		.entry = stk_span_str(w->body),
		.entry_id = w->body };
	struct stk_reserved got;
	enum stk_answer v = STK_ANSWER_STALE, next = STK_ANSWER_AGAIN;
	bool gone = how.what == STK_SETTLE_OK || how.what == STK_SETTLE_DROP;
	size_t number = strtoul(w->body + 3, NULL, 10);

	if (!w->knows)
		return;
	for (int again = roll(4) == 0 ? 2 : 1; again > 0;
	     again--) { /* a lost reply is asked for again */
		assert_int_equal(
		    stk_store_settle_and_reserve(&w->store, &how, &v, queues, 2, &got, &next),
		    STK_OK);
		assert_true(v == STK_ANSWER_OK || v == STK_ANSWER_ALREADY ||
			    v == STK_ANSWER_FENCED || v == STK_ANSWER_STALE);
		if (v == STK_ANSWER_OK && gone) {
			assert_false(finished[number]); /* one recorded success */
			finished[number] = true;
		}
		if (v == STK_ANSWER_FENCED)
			break;
	}
	w->knows = false;
	take(w, &got, v == STK_ANSWER_FENCED ? v : next);
}

static void recover(struct worker *w, const char *victim)
{
	struct stk_recovered r = { 0 };
	struct stk_lost lost;
	char record[16];
	enum stk_answer v;

	assert_int_equal(
	    stk_store_recover(&w->store, victim, queues, 2, NULL, stk_span_of("", 0), &r, &v),
	    STK_OK);
	while (v == STK_ANSWER_LOST && roll(3) != 0) { /* else this caller dies in between */
		counts[1]++;
		lost = r.lost;
		(void)snprintf(record, sizeof(record), "%.*s", (int)lost.bytes.len,
		    (const char *)lost.bytes.p);
		assert_int_equal(stk_store_recover(&w->store, victim, queues, 2, &lost,
				     stk_span_str(record), &r, &v),
		    STK_OK);
	}
	if (v == STK_ANSWER_FENCED && strcmp(victim, w->store.instance) != 0)
		reborn(w);
}

/* A blocking pop delivers, to the living and, half open, to the dead. */
static void deliver(void)
{
	const char *q = queues[roll(2)];
	const char *to = n_buried > 0 && roll(3) == 0 ? buried[roll((unsigned)n_buried)]
						      : workers[roll(WORKERS)].store.instance;
	char words[160];

	(void)snprintf(
	    words, sizeof(words), "LMOVE r:queue:%s r:stockade:in:%s:%s LEFT RIGHT", q, to, q);
	stk_reply_free(test_redis_do(tools, words));
	counts[2]++;
}

static void count_one(unsigned *seen, struct stk_span s)
{
	if (s.len == 7 && memcmp(s.p, "job", 3) == 0)
		seen[strtoul((const char *)s.p + 3, NULL, 10)]++;
}

static void count_key(unsigned *seen, const char *key)
{
	char words[256];
	struct stk_reply *r;

	if (strstr(key, ":queue:") != NULL || strstr(key, ":in:") != NULL ||
	    strcmp(key, "r:failed") == 0)
		(void)snprintf(words, sizeof(words), "LRANGE %s 0 -1", key);
	else if (strstr(key, ":parcel:") != NULL || strstr(key, "#e") != NULL)
		(void)snprintf(words, sizeof(words), "HVALS %s", key);
	else
		return;
	r = test_redis_do(tools, words);
	assert_non_null(r);
	for (size_t i = 0; i < r->n; i++)
		count_one(seen, r->elements[i].bytes);
	stk_reply_free(r);
}

static void every_job_is_in_one_place(void)
{
	unsigned seen[JOBS] = { 0 };
	struct stk_reply *keys = test_redis_do(tools, "KEYS r:*");

	assert_non_null(keys);
	for (size_t i = 0; i < keys->n; i++)
		count_key(seen, (const char *)keys->elements[i].bytes.p);
	stk_reply_free(keys);
	for (size_t i = 0; i < n_jobs; i++)
		if (seen[i] + (finished[i] ? 1 : 0) != 1)
			fail_msg(
			    "job%04zu stands in %u places, finished %d", i, seen[i], finished[i]);
}

static void step(void)
{
	struct worker *w = &workers[roll(WORKERS)];
	enum stk_answer v;

	switch (roll(12)) {
	case 0:
	case 1: enqueue(); break;
	case 2:
	case 3: reserve(w); break;
	case 4:
	case 5:
	case 6: settle(w); break;
	case 7: deliver(); break;
	case 8: reborn(w); break;                                         /* kill -9 */
	case 9: recover(w, workers[roll(WORKERS)].store.instance); break; /* wrongly: it lives */
	case 10:
		if (n_buried > 0)
			recover(w, buried[roll((unsigned)n_buried)]);
		break;
	case 11:
		stk_reply_free(test_redis_do(tools,
		    roll(3) == 0 ? "SET r:pause-all-workers true" : "DEL r:pause-all-workers"));
		assert_int_equal(stk_store_beat(&w->store, STARTED, &v), STK_OK);
		break;
	}
}

/* After the storm: everything that was in hand or buried comes back and is worked off. */
static void calm(void)
{
	stk_reply_free(test_redis_do(tools, "DEL r:pause-all-workers"));
	for (int i = 0; i < WORKERS; i++)
		reborn(&workers[i]);
	for (size_t i = 0; i < n_buried; i++)
		for (int k = 0; k < 20; k++)
			recover(&workers[0], buried[i]);
}

static int no_job_waits_in_hand(void)
{
	struct stk_reply *keys = test_redis_do(tools, "KEYS r:stockade:in:*");
	int n = keys == NULL ? -1 : (int)keys->n;

	stk_reply_free(keys);
	return n;
}

static void no_job_is_lost_or_doubled(void **state)
{
	const char *seed = getenv("STOCKADE_SEED"), *steps = getenv("STOCKADE_STEPS");
	unsigned n = steps == NULL ? 3000 : (unsigned)strtoul(steps, NULL, 10);

	(void)state;
	dice = seed == NULL ? (uint64_t)getpid() * 2654435761u + 1 : strtoull(seed, NULL, 10);
	(void)printf("# STOCKADE_SEED=%llu\n", (unsigned long long)dice);
	for (int i = 0; i < WORKERS; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "h:%d:high,low", i);
		assert_int_equal(stk_store_init(&workers[i].store, tools, "r", id), STK_OK);
		enlist(&workers[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		step();
		if (i % 20 == 0)
			every_job_is_in_one_place();
	}
	calm();
	every_job_is_in_one_place();
	assert_int_equal(no_job_waits_in_hand(), 0);
	(void)printf("# %zu jobs, %zu deaths, %u fenced, %u filed as lost, %u blocking pops\n",
	    n_jobs, n_buried, counts[0], counts[1], counts[2]);
	assert_true(n_jobs > 100 && n_buried > 100 && counts[0] > 10 && counts[2] > 50);
	for (int i = 0; i < WORKERS; i++)
		stk_store_clear(&workers[i].store);
}

static int start_server(void **state)
{
	(void)state;
	if (!test_redis_start(&server, NULL))
		return -1;
	tools = test_redis_link(&server);
	return tools != NULL ? 0 : -1;
}

static int stop_server(void **state)
{
	(void)state;
	stk_redis_free(tools);
	test_redis_stop(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(no_job_is_lost_or_doubled) };

	return cmocka_run_group_tests(tests, start_server, stop_server);
}

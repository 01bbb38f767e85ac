/*
 * test_scripts.c - every script in every state PROTOCOL.md names, on a real Redis, through store.h.
 * Each test ends by looking at every key that exists: none may stand outside the documented table.
 */
#include "tests/harness.h"

#include "tests/lib/redis_server.h"
#include "worker/store.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STARTED "2026-11-23 06:51:14 +0000"
static const char *const queues[] = { "high", "low" };

struct world {
	struct test_redis server;
	struct stk_redis *link;  /* the workers' link */
	struct stk_redis *tools; /* foreign tools and the test's own looks */
	struct stk_store a, b;
	struct stk_reserved got;
	enum stk_answer v;
};

/* --- helpers ---------------------------------------------------------------------------------- */

static int start_world(void **state)
{
	static struct world w;

	*state = &w;
	if (!test_redis_start(&w.server, NULL))
		return -1;
	w.link = test_redis_link(&w.server);
	w.tools = test_redis_link(&w.server);
	return w.link != NULL && w.tools != NULL ? 0 : -1;
}

static int stop_world(void **state)
{
	struct world *w = *state;

	stk_redis_free(w->link);
	stk_redis_free(w->tools);
	test_redis_stop(&w->server);
	return 0;
}

static struct stk_reply *ask(struct world *w, const char *fmt, ...) STK_PRINTF(2, 3);
static struct stk_reply *ask(struct world *w, const char *fmt, ...)
{
	char words[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	return test_redis_do(w->tools, words);
}

static int64_t number(struct world *w, const char *fmt, ...) STK_PRINTF(2, 3);
static int64_t number(struct world *w, const char *fmt, ...)
{
	char words[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	return test_redis_int(w->tools, words);
}

static bool says(struct world *w, const char *want, const char *fmt, ...) STK_PRINTF(3, 4);
static bool says(struct world *w, const char *want, const char *fmt, ...)
{
	char words[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	return test_redis_says(w->tools, words, want);
}

static void push(struct world *w, const char *queue, const char *payload)
{
	assert_int_equal(stk_store_enqueue(&w->b, queue, stk_span_str(payload)), STK_OK);
}

static enum stk_answer reserve(struct world *w, struct stk_store *s)
{
	enum stk_answer v;

	assert_int_equal(stk_store_reserve(s, queues, 2, &w->got, &v), STK_OK);
	return v;
}

static bool got(const struct world *w, const char *body)
{
	return stk_span_eq(w->got.parcel.bytes, stk_span_str(body));
}

static enum stk_answer settle(struct stk_store *s, struct stk_settle how)
{
	enum stk_answer v;

	assert_int_equal(stk_store_settle(s, &how, &v), STK_OK);
	return v;
}

static enum stk_answer recover(struct world *w, struct stk_store *s, const char *victim,
    const struct stk_lost *filed, const char *record, struct stk_recovered *out)
{
	enum stk_answer v;

	(void)w;
	assert_int_equal(
	    stk_store_recover(s, victim, queues, 2, filed, stk_span_str(record), out, &v), STK_OK);
	return v;
}

static void register_store(struct stk_store *s, struct stk_redis *link, const char *id)
{
	enum stk_answer v;

	assert_int_equal(stk_store_init(s, link, "r", id), STK_OK);
	assert_int_equal(stk_store_register(s, queues, 2, STARTED, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_OK);
}

/* Two live workers on an empty Redis. */
static int each_begins(void **state)
{
	struct world *w = *state;

	stk_reply_free(ask(w, "CONFIG SET maxmemory 0"));
	stk_reply_free(ask(w, "FLUSHALL"));
	register_store(&w->a, w->link, "h:1:high,low");
	register_store(&w->b, w->link, "h:2:high,low");
	return 0;
}

/* PROTOCOL.md's table of keys. */
static const char *const documented[] = { "r:queues", "r:queue:*", "r:workers", "r:worker:*",
	"r:workers:heartbeat", "r:stat:processed", "r:stat:processed:*", "r:stat:failed",
	"r:stat:failed:*", "r:failed", "r:pause-all-workers", "r:pruning_dead_workers_in_progress",
	"r:stockade:live", "r:stockade:graves", "r:stockade:wid", "r:stockade:w:*",
	"r:stockade:in:*", "r:stockade:lost:*", "r:stockade:tries:*", "r:stockade:parked:*",
	"r:stockade:parcel:*", "r:stockade:paused:*", "r:stockade:quarantine:*",
	"r:stockade:doing:*", "r:stockade:outbox:*", "r:stockade:results",
	"r:stockade:results#bytes", "r:stockade:result:*" };

static int each_ends(void **state)
{
	struct world *w = *state;
	struct stk_reply *all = ask(w, "KEYS *");
	int strays = 0;

	for (size_t i = 0; i < all->n; i++) {
		bool known = false;

		for (size_t k = 0; k < STK_ARRAY_LEN(documented); k++)
			known = known || fnmatch(documented[k],
					     (const char *)all->elements[i].bytes.p, 0) == 0;
		if (!known) {
			(void)fprintf(
			    stderr, "# stray key %s\n", (const char *)all->elements[i].bytes.p);
			strays++;
		}
	}
	stk_reply_free(all);
	stk_store_clear(&w->a);
	stk_store_clear(&w->b);
	return strays;
}

/* --- register, beat, unregister --------------------------------------------------------------- */

static void registers_in_every_place_that_resque_reads(void **state)
{
	struct world *w = *state;
	struct stk_reply *beat = ask(w, "HGET r:workers:heartbeat h:1:high,low");

	assert_int_equal(number(w, "SISMEMBER r:workers h:1:high,low"), 1);
	assert_true(says(w, w->a.instance, "HGET r:stockade:wid h:1:high,low"));
	assert_true(says(w, "1", "HGET r:stockade:w:%s proto", w->a.instance));
	assert_true(says(w, "high\nlow", "HGET r:stockade:w:%s queues", w->a.instance));
	assert_non_null(beat);
	assert_int_equal(
	    fnmatch("20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]+00:00",
		(const char *)beat->bytes.p, 0),
	    0);
	stk_reply_free(beat);
	/* the same call again: the reply was lost */
	assert_int_equal(stk_store_register(&w->a, queues, 2, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
}

static void computes_civil_dates_like_the_c_library(void **state)
{
	struct world *w = *state;
	struct stk_reply *r = ask(w, "HGET r:workers:heartbeat h:1:high,low");
	struct stk_reply *t = ask(w, "TIME");
	time_t now = (time_t)strtol((const char *)t->elements[0].bytes.p, NULL, 10);
	struct tm tm = { 0 };
	char text[64];
	int close_enough = 0;

	for (time_t back = 0; back <= 3; back++) {
		time_t then = now - back;

		(void)gmtime_r(&then, &tm);
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S+00:00", &tm);
		close_enough |= stk_reply_is(r, text);
	}
	assert_true(close_enough);
	stk_reply_free(r);
	stk_reply_free(t);
}

static void alarms_when_a_live_instance_shares_the_id(void **state)
{
	struct world *w = *state;
	struct stk_store c;

	assert_int_equal(stk_store_init(&c, w->link, "r", "h:1:high,low"), STK_OK);
	assert_int_equal(stk_store_register(&c, queues, 2, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_ID_SHARED);
	assert_true(says(w, c.instance, "HGET r:stockade:wid h:1:high,low"));
	/* the former one lives on, but touches nothing under the id any more */
	stk_reply_free(ask(w, "HDEL r:workers:heartbeat h:1:high,low"));
	assert_int_equal(stk_store_beat(&w->a, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
	assert_true(says(w, NULL, "HGET r:workers:heartbeat h:1:high,low"));
	stk_store_clear(&c);
}

static void refuses_to_start_beside_a_newer_protocol(void **state)
{
	struct world *w = *state;
	struct stk_store c;

	stk_reply_free(ask(w, "HSET r:stockade:w:%s proto 99", w->a.instance));
	assert_int_equal(stk_store_init(&c, w->link, "r", "h:3:high"), STK_OK);
	assert_int_equal(stk_store_register(&c, queues, 1, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_NEWER);
	assert_int_equal(number(w, "SISMEMBER r:workers h:3:high"), 0);
	stk_store_clear(&c);
}

static void never_registers_an_instance_twice(void **state)
{
	struct world *w = *state;
	struct stk_recovered r;

	assert_int_equal(recover(w, &w->b, w->a.instance, NULL, "", &r), STK_ANSWER_OK);
	assert_int_equal(stk_store_register(&w->a, queues, 2, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_FENCED);
}

static void beat_counts_and_heals_what_a_pruner_took(void **state)
{
	struct world *w = *state;

	stk_reply_free(ask(w, "SREM r:workers h:1:high,low"));
	stk_reply_free(ask(w, "DEL r:worker:h:1:high,low:started"));
	stk_reply_free(ask(w, "HDEL r:workers:heartbeat h:1:high,low"));
	assert_int_equal(stk_store_beat(&w->a, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
	assert_int_equal(number(w, "SISMEMBER r:workers h:1:high,low"), 1);
	assert_true(says(w, STARTED, "GET r:worker:h:1:high,low:started"));
	assert_int_equal(number(w, "HEXISTS r:workers:heartbeat h:1:high,low"), 1);
	assert_true(says(w, "2", "ZSCORE r:stockade:live %s", w->a.instance));
}

static void unregister_hands_back_and_forgets(void **state)
{
	struct world *w = *state;

	push(w, "low", "one");
	push(w, "low", "two");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(stk_store_unregister(&w->a, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
	assert_true(says(w, "one", "LINDEX r:queue:low 0"));
	assert_int_equal(number(w, "SISMEMBER r:workers h:1:high,low"), 0);
	assert_int_equal(
	    number(w, "EXISTS r:worker:h:1:high,low:started r:stat:processed:h:1:high,low"), 0);
	assert_int_equal(number(w, "HEXISTS r:stockade:wid h:1:high,low"), 0);
	assert_false(says(w, NULL, "ZSCORE r:stockade:graves %s", w->a.instance));
	assert_int_equal(stk_store_unregister(&w->a, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_FENCED);
}

/* --- reserve ---------------------------------------------------------------------------------- */

static void reserves_in_strict_priority_and_fifo(void **state)
{
	struct world *w = *state;

	push(w, "low", "l1");
	push(w, "low", "l2");
	push(w, "high", "h1");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_true(got(w, "h1"));
	assert_string_equal(w->got.parcel.queue, "high");
	assert_int_equal(
	    settle(&w->a, (struct stk_settle){ .seq = w->got.parcel.seq }), STK_ANSWER_OK);
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_true(got(w, "l1"));
	assert_int_equal(w->got.parcel.seq, 2);
	assert_int_equal(number(w, "LLEN r:stockade:in:%s:low", w->a.instance), 1);
}

static void answers_the_same_job_after_a_lost_reply(void **state)
{
	struct world *w = *state;

	push(w, "low", "one");
	push(w, "high", "two");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_false(w->got.again);
	push(w, "high", "three");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_true(w->got.again);
	assert_true(got(w, "two"));
	assert_int_equal(w->got.parcel.seq, 1);
	assert_int_equal(number(w, "LLEN r:queue:high"), 1);
}

static void adopts_one_delivered_element_and_hands_the_rest_back(void **state)
{
	struct world *w = *state;

	push(w, "low", "l9");
	stk_reply_free(ask(w, "RPUSH r:stockade:in:%s:low l1 l2", w->a.instance));
	stk_reply_free(ask(w, "RPUSH r:stockade:in:%s:high h1 h2 h3", w->a.instance));
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_true(got(w, "h1"));
	assert_true(says(w, "h2", "LINDEX r:queue:high 0"));
	assert_true(says(w, "h3", "LINDEX r:queue:high 1"));
	assert_true(says(w, "l1", "LINDEX r:queue:low 0"));
	assert_true(says(w, "l9", "LINDEX r:queue:low 2"));
	assert_int_equal(number(w, "LLEN r:stockade:in:%s:high", w->a.instance), 1);
	assert_int_equal(number(w, "EXISTS r:stockade:in:%s:low", w->a.instance), 0);
}

static void believes_no_queue_that_was_not_asked_for(void **state)
{
	struct world *w = *state;

	push(w, "low", "one");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	/* somebody with write access to Redis renames the job's queue */
	stk_reply_free(ask(
	    w, "RENAME r:stockade:in:%s:low r:stockade:in:%s:<b>", w->a.instance, w->a.instance));
	stk_reply_free(ask(w, "HSET r:stockade:w:%s q <b>", w->a.instance));
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_EMPTY);
}

static void pauses_as_resque_spells_it(void **state)
{
	struct world *w = *state;
	struct stk_reply *r = NULL;

	push(w, "high", "one");
	stk_reply_free(ask(w, "RPUSH r:stockade:in:%s:low delivered", w->a.instance));
	assert_int_equal(
	    stk_redis_words(w->tools, &r, "SET", "r:pause-all-workers", " TrUe\n", NULL), STK_OK);
	stk_reply_free(r);
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_PAUSED);
	assert_true(says(w, "delivered", "LINDEX r:queue:low 0"));
	assert_int_equal(number(w, "LLEN r:queue:high"), 1);
	stk_reply_free(ask(w, "SET r:pause-all-workers 1"));
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
}

static void pauses_one_queue_and_serves_the_other(void **state)
{
	struct world *w = *state;

	push(w, "high", "h1");
	push(w, "low", "l1");
	stk_reply_free(ask(w, "SET r:stockade:paused:high 1"));
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_true(got(w, "l1"));
	stk_reply_free(ask(w, "SET r:stockade:paused:low 1"));
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1 }), STK_ANSWER_OK);
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_PAUSED);
}

static void removes_oversize_elements_and_goes_on(void **state)
{
	struct world *w = *state;
	char *big = malloc(3001);
	struct stk_reply *r;

	assert_non_null(big);
	memset(big, 'x', 3000);
	big[3000] = '\0';
	w->a.max_payload_bytes = 2048;
	push(w, "high", big);
	push(w, "high", big);
	push(w, "high", "small");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_true(got(w, "small"));
	assert_int_equal(w->got.n_oversize, 2);
	assert_int_equal(number(w, "ZCARD r:stockade:quarantine:high"), 2);
	assert_int_equal(number(w, "LLEN r:failed"), 1); /* one note a minute */
	r = ask(w, "HVALS r:stockade:quarantine:high#e");
	assert_non_null(strstr((const char *)r->elements[0].bytes.p,
	    "\"bytes\":3000,\"sha256\":null,\"sha1\":"
	    "\"f212f0ceb6b86884f0515c68d357b3a261c003cf\""));
	assert_non_null(strstr((const char *)r->elements[0].bytes.p, "\"raw_b64\":\"eHh4"));
	stk_reply_free(r);
	/* delivered by a blocking pop: the same road */
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1 }), STK_ANSWER_OK);
	r = NULL;
	assert_int_equal(stk_redis_words(w->tools, &r, "EVAL",
			     "return redis.call('RPUSH', KEYS[1], string.rep('y', 4000), 'tiny')",
			     "1", "r:stockade:in:x:low", NULL),
	    STK_OK);
	stk_reply_free(r);
	stk_reply_free(ask(w, "RENAME r:stockade:in:x:low r:stockade:in:%s:low", w->a.instance));
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_true(got(w, "tiny"));
	assert_int_equal(w->got.n_oversize, 1);
	free(big);
}

static void a_flood_of_oversize_elements_is_taken_in_bounded_passes(void **state)
{
	struct world *w = *state;

	w->a.max_payload_bytes = 4;
	for (int i = 0; i < 10; i++)
		push(w, "low", "too long");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_AGAIN);
	assert_int_equal(w->got.n_oversize, 8);
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_EMPTY);
	assert_int_equal(w->got.n_oversize, 2);
}

static void fenced_does_nothing(void **state)
{
	struct world *w = *state;

	push(w, "high", "one");
	stk_reply_free(ask(w, "ZREM r:stockade:live %s", w->a.instance));
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_FENCED);
	assert_int_equal(number(w, "LLEN r:queue:high"), 1);
	assert_int_equal(stk_store_beat(&w->a, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_FENCED);
	assert_true(says(w, NULL, "ZSCORE r:stockade:live %s", w->a.instance));
	assert_int_equal(stk_store_show(&w->a, 1, stk_span_str("{}"), &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_FENCED);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1 }), STK_ANSWER_FENCED);
	assert_int_equal(number(w, "EXISTS r:stat:processed r:worker:h:1:high,low"), 0);
}

static void names_a_wrong_typed_key_and_does_nothing(void **state)
{
	struct world *w = *state;

	stk_reply_free(ask(w, "SET r:queue:high oops"));
	push(w, "low", "l1");
	/* it does not hold up the others */
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_true(got(w, "l1"));
	stk_reply_free(ask(w, "SET r:failed oops"));
	assert_int_equal(settle(&w->a,
			     (struct stk_settle){
				 .seq = 1, .what = STK_SETTLE_FAIL, .record = stk_span_str("{}") }),
	    STK_ANSWER_STORE);
	assert_string_equal(w->a.bad_key, "failed");
	assert_int_equal(number(w, "EXISTS r:stat:failed"), 0);
	assert_int_equal(number(w, "LLEN r:stockade:in:%s:low", w->a.instance), 1);
	stk_reply_free(ask(w, "DEL r:failed"));
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1 }), STK_ANSWER_OK);
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_STORE);
	assert_string_equal(w->a.bad_key, "queue:high");
	stk_reply_free(ask(w, "DEL r:workers"));
	stk_reply_free(ask(w, "SET r:workers oops"));
	assert_int_equal(stk_store_beat(&w->a, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_STORE);
	assert_int_equal(stk_store_unregister(&w->a, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_STORE);
}

/* A list of queues of half a megabyte in w:<i>, which each script would walk: nobody believes it.
 */
static void walks_no_endless_list_of_queues(void **state)
{
	static char words[600000];
	struct world *w = *state;
	struct stk_recovered r;
	size_t n;

	push(w, "high", "h1");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	n = (size_t)snprintf(
	    words, sizeof(words), "HSET r:stockade:w:%s queues high", w->a.instance);
	while (n + 3 < sizeof(words))
		n += (size_t)snprintf(words + n, sizeof(words) - n, "\nx");
	stk_reply_free(test_redis_do(w->tools, words));
	assert_int_equal(recover(w, &w->b, w->a.instance, NULL, "", &r), STK_ANSWER_OK);
	assert_true(says(w, "h1", "LINDEX r:queue:high 0"));
	/* and one's own is written anew */
	(void)memcpy(strstr(words, w->a.instance), w->b.instance, STK_INSTANCE_CHARS);
	stk_reply_free(test_redis_do(w->tools, words));
	assert_int_equal(reserve(w, &w->b), STK_ANSWER_JOB);
	assert_true(says(w, "high\nlow", "HGET r:stockade:w:%s queues", w->b.instance));
}

/* Whoever writes to Redis rewrites w:<i>: no job is answered under a queue that was not asked for.
 */
static void answers_no_job_of_a_queue_not_asked_for(void **state)
{
	struct world *w = *state;

	push(w, "high", "h1");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	stk_reply_free(ask(w, "RPUSH r:stockade:in:%s:vault planted", w->a.instance));
	stk_reply_free(ask(w, "HSET r:stockade:w:%s open 7 q vault", w->a.instance));
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_true(got(w, "h1")); /* what truly was in hand, as a new take */
	assert_string_equal(w->got.parcel.queue, "high");
	assert_int_equal(number(w, "LLEN r:stockade:in:%s:vault", w->a.instance), 1);
	stk_reply_free(ask(w, "HSET r:stockade:w:%s open 7 q vault", w->a.instance));
	stk_reply_free(ask(w, "DEL r:stockade:in:%s:high", w->a.instance));
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_EMPTY);
}

static void writes_a_new_queue_down_before_its_first_use(void **state)
{
	struct world *w = *state;
	static const char *const other[] = { "extra", "high" };

	assert_int_equal(stk_store_reserve(&w->a, other, 2, &w->got, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_EMPTY);
	assert_true(says(w, "high\nlow\nextra", "HGET r:stockade:w:%s queues", w->a.instance));
	/* an element of a queue that is no longer asked for goes back */
	stk_reply_free(ask(w, "RPUSH r:stockade:in:%s:low late", w->a.instance));
	assert_int_equal(stk_store_reserve(&w->a, other, 2, &w->got, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_EMPTY);
	assert_true(says(w, "late", "LINDEX r:queue:low 0"));
}

/* --- show and settle -------------------------------------------------------------------------- */

static void shows_only_the_job_in_hand(void **state)
{
	struct world *w = *state;

	push(w, "high", "one");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(stk_store_show(&w->a, 7, stk_span_str("{}"), &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_STALE);
	assert_int_equal(stk_store_show(&w->a, 1, stk_span_str("{\"x\":1}"), &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
	assert_true(says(w, "{\"x\":1}", "GET r:worker:h:1:high,low"));
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1 }), STK_ANSWER_OK);
	assert_int_equal(number(w, "EXISTS r:worker:h:1:high,low"), 0);
	assert_true(says(w, "1", "GET r:stat:processed"));
	assert_true(says(w, "1", "GET r:stat:processed:h:1:high,low"));
}

static void settles_once_then_already_then_stale(void **state)
{
	struct world *w = *state;
	const struct stk_settle fail = {
		.seq = 1, .what = STK_SETTLE_FAIL, .record = stk_span_str("{\"failed_at\":\"now\"}")
	};

	push(w, "high", "one");
	push(w, "high", "two");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(settle(&w->a, fail), STK_ANSWER_OK);
	assert_int_equal(settle(&w->a, fail), STK_ANSWER_ALREADY);
	assert_int_equal(number(w, "LLEN r:failed"), 1);
	assert_true(says(w, "1", "GET r:stat:failed"));
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 2 }), STK_ANSWER_OK);
	assert_int_equal(settle(&w->a, fail), STK_ANSWER_STALE);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 9 }), STK_ANSWER_STALE);
	assert_true(says(w, "2", "GET r:stat:processed"));
}

static void a_foreign_statistic_does_not_cost_a_job(void **state)
{
	struct world *w = *state;

	stk_reply_free(ask(w, "SET r:stat:processed garbage"));
	push(w, "high", "one");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1 }), STK_ANSWER_OK);
	assert_int_equal(number(w, "EXISTS r:stockade:in:%s:high", w->a.instance), 0);
}

static void hands_back_to_the_front(void **state)
{
	struct world *w = *state;

	push(w, "high", "one");
	push(w, "high", "two");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(
	    settle(&w->a, (struct stk_settle){ .seq = 1, .what = STK_SETTLE_HANDBACK }),
	    STK_ANSWER_OK);
	assert_true(says(w, "one", "LINDEX r:queue:high 0"));
	assert_int_equal(number(w, "EXISTS r:stat:processed"), 0);
}

static void retries_by_parking_and_counts_attempts(void **state)
{
	struct world *w = *state;
	const struct stk_settle later = { .seq = 2, .what = STK_SETTLE_RETRY, .delay_ms = 60000 };

	push(w, "high", "one");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(w->got.tries, 0);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1, .what = STK_SETTLE_RETRY }),
	    STK_ANSWER_OK);
	push(w, "high", "zero");
	/* due at once: behind what waits already */
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(w->got.n_promoted, 1);
	assert_true(got(w, "zero"));
	assert_int_equal(settle(&w->a, later), STK_ANSWER_OK);
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_true(got(w, "one"));
	assert_int_equal(w->got.tries, 1);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 3 }), STK_ANSWER_OK);
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_EMPTY);
	assert_in_range(w->got.next_due_ms, 50000, 60000);
	/* success forgets the count */
	push(w, "high", "one");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(w->got.tries, 0);
}

static void counts_expire_after_two_days(void **state)
{
	struct world *w = *state;
	struct stk_reply *r;

	push(w, "high", "one");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1, .what = STK_SETTLE_RETRY }),
	    STK_ANSWER_OK);
	r = ask(w, "KEYS r:stockade:tries:*");
	assert_int_equal(r->n, 1);
	assert_in_range(number(w, "TTL %s", (const char *)r->elements[0].bytes.p), 172700, 172800);
	stk_reply_free(r);
}

static void parks_one_copy_per_signed_job_and_two_of_unsigned(void **state)
{
	struct world *w = *state;

	for (int i = 1; i <= 4; i++) {
		push(w, "high", "same");
		assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
		assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = i,
						   .what = STK_SETTLE_PARK,
						   .delay_ms = 60000,
						   .job_id = i <= 2 ? "aabb" : NULL }),
		    STK_ANSWER_OK);
	}
	assert_int_equal(number(w, "ZCARD r:stockade:parked:high"), 3);
	assert_int_equal(number(w, "HLEN r:stockade:parcel:high"), 3);
	assert_int_equal(number(w, "EXISTS r:stat:processed"), 0);
}

static void a_full_park_says_so_and_keeps_the_job(void **state)
{
	struct world *w = *state;
	struct stk_settle park = {
		.seq = 1, .what = STK_SETTLE_PARK, .delay_ms = 60000, .park_max = 1
	};

	push(w, "high", "one");
	push(w, "high", "two");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(settle(&w->a, park), STK_ANSWER_OK);
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	park.seq = 2;
	assert_int_equal(settle(&w->a, park), STK_ANSWER_PARK_FULL);
	assert_int_equal(number(w, "LLEN r:stockade:in:%s:high", w->a.instance), 1);
	assert_int_equal(
	    settle(&w->a, (struct stk_settle){ .seq = 2,
			      .what = STK_SETTLE_FAIL,
			      .record = stk_span_str("{\"exception\":\"Stockade::ParkFull\"}") }),
	    STK_ANSWER_OK);
}

static void promotes_at_most_eight_at_once(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 12; i++) {
		stk_reply_free(ask(w, "ZADD r:stockade:parked:low %d j%d", i, i));
		stk_reply_free(ask(w, "HSET r:stockade:parcel:low j%d body%d", i, i));
	}
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(w->got.n_promoted, 8);
	assert_true(got(w, "body0"));
	assert_int_equal(number(w, "ZCARD r:stockade:parked:low"), 4);
	assert_int_equal(number(w, "HLEN r:stockade:parcel:low"), 4);
	assert_int_equal(number(w, "SISMEMBER r:queues low"), 1);
}

static void quarantines_within_bounds(void **state)
{
	struct world *w = *state;
	char area[STK_AREA_BYTES], id[8];

	stk_area_unauthenticated(area, "high");
	for (int i = 1; i <= 5; i++) {
		(void)snprintf(id, sizeof(id), "U%d", i);
		push(w, "high", "junk");
		assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
		assert_int_equal(
		    settle(&w->a, (struct stk_settle){ .seq = i,
				      .what = STK_SETTLE_QUARANTINE,
				      .area = area,
				      .entry = stk_span_str("{\"n\":1,\"raw_b64\":\"\"}"),
				      .entry_id = id,
				      .max_entries = 3,
				      .reason = "E_UNSIGNED",
				      .note = stk_span_str("{\"note\":1}") }),
		    STK_ANSWER_OK);
	}
	assert_int_equal(number(w, "ZCARD r:stockade:quarantine:high"), 3);
	assert_int_equal(number(w, "HLEN r:stockade:quarantine:high#e"), 3);
	assert_int_equal(number(w, "HEXISTS r:stockade:quarantine:high#e U2"), 0);
	assert_true(says(w, "2", "HGET r:stockade:quarantine:#count quarantine:high:dropped"));
	assert_true(says(w, "60", "HGET r:stockade:quarantine:#count quarantine:high:bytes"));
	assert_int_equal(number(w, "LLEN r:failed"), 1);
	assert_int_equal(number(w, "EXISTS r:stat:processed r:stat:failed"), 0);
}

static void quarantine_bytes_are_bounded_too(void **state)
{
	struct world *w = *state;

	for (int i = 1; i <= 3; i++) {
		push(w, "low", "junk");
		assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
		assert_int_equal(
		    settle(&w->a, (struct stk_settle){ .seq = i,
				      .what = STK_SETTLE_QUARANTINE,
				      .area = "quarantine:low",
				      .entry = stk_span_str("{\"n\":1,\"raw_b64\":\"\"}"),
				      .entry_id = i == 1   ? "U1"
						  : i == 2 ? "U2"
							   : "U3",
				      .max_bytes = 45 }),
		    STK_ANSWER_OK);
	}
	assert_int_equal(number(w, "ZCARD r:stockade:quarantine:low"), 2);
	assert_true(says(w, "40", "HGET r:stockade:quarantine:#count quarantine:low:bytes"));
}

static void keeps_one_copy_per_refused_job_id_and_counts_it(void **state)
{
	struct world *w = *state;
	char area[STK_AREA_BYTES];

	stk_area_signed(area, "high", "E_EXPIRED");
	for (int i = 1; i <= 3; i++) {
		push(w, "high", "late");
		assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
		assert_int_equal(
		    settle(&w->a, (struct stk_settle){ .seq = i,
				      .what = STK_SETTLE_QUARANTINE,
				      .area = area,
				      .job_id = "aabb",
				      .entry = stk_span_str("{\"n\":1,\"raw_b64\":\"\"}"),
				      .entry_id = "ULID" }),
		    STK_ANSWER_OK);
	}
	assert_int_equal(number(w, "ZCARD r:stockade:quarantine:high#E_EXPIRED"), 1);
	assert_true(says(
	    w, "{\"n\":3,\"raw_b64\":\"\"}", "HGET r:stockade:quarantine:high#E_EXPIRED#e aabb"));
}

static void drops_with_at_most_one_note_a_minute(void **state)
{
	struct world *w = *state;

	for (int i = 1; i <= 3; i++) {
		push(w, "high", "dead");
		assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
		assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = i,
						   .what = STK_SETTLE_DROP,
						   .reason = i == 3 ? "E_OTHER" : "R_REPLAY_DONE",
						   .note = stk_span_str("{\"note\":1}") }),
		    STK_ANSWER_OK);
	}
	assert_int_equal(number(w, "LLEN r:failed"), 2);
	assert_int_equal(number(w, "LLEN r:queue:high"), 0);
}

static void settles_and_reserves_in_one_write(void **state)
{
	struct world *w = *state;
	enum stk_answer settled;

	push(w, "high", "one");
	push(w, "high", "two");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	stk_reply_free(ask(w, "SCRIPT FLUSH")); /* NOSCRIPT in a pipeline heals as well */
	assert_int_equal(stk_store_settle_and_reserve(&w->a, &(struct stk_settle){ .seq = 1 },
			     &settled, queues, 2, &w->got, &w->v),
	    STK_OK);
	assert_int_equal(settled, STK_ANSWER_OK);
	assert_int_equal(w->v, STK_ANSWER_JOB);
	assert_true(got(w, "two"));
	/* a settle that did nothing must not look like a fresh job */
	stk_reply_free(ask(w, "SET r:failed oops"));
	assert_int_equal(stk_store_settle_and_reserve(&w->a, &(struct stk_settle){ .seq = 2 },
			     &settled, queues, 2, &w->got, &w->v),
	    STK_OK);
	assert_int_equal(settled, STK_ANSWER_STORE);
	assert_int_equal(w->v, STK_ANSWER_AGAIN);
	stk_reply_free(ask(w, "DEL r:failed"));
}

/* --- recover ---------------------------------------------------------------------------------- */

static void recovers_a_dead_predecessor_to_the_front(void **state)
{
	struct world *w = *state;
	struct stk_recovered r;

	push(w, "high", "one");
	push(w, "high", "two");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(stk_store_show(&w->a, 1, stk_span_str("{}"), &w->v), STK_OK);
	/* killed here; a half-open blocking pop delivers one more */
	stk_reply_free(ask(w, "RPUSH r:stockade:in:%s:high late", w->a.instance));
	assert_int_equal(recover(w, &w->b, w->a.instance, NULL, "", &r), STK_ANSWER_OK);
	assert_int_equal(r.n_returned, 2);
	assert_true(says(w, "one", "LINDEX r:queue:high 0"));
	assert_true(says(w, "late", "LINDEX r:queue:high 1"));
	assert_true(says(w, "two", "LINDEX r:queue:high 2"));
	assert_int_equal(
	    number(w, "EXISTS r:worker:h:1:high,low r:worker:h:1:high,low:started"), 0);
	assert_int_equal(number(w, "SISMEMBER r:workers h:1:high,low"), 0);
	assert_int_equal(number(w, "SISMEMBER r:workers h:2:high,low"), 1);
	/* twice is harmless, and the dead one is fenced */
	assert_int_equal(recover(w, &w->b, w->a.instance, NULL, "", &r), STK_ANSWER_OK);
	assert_int_equal(r.n_returned, 0);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1 }), STK_ANSWER_FENCED);
	/* what a dead blocking pop still delivers is swept from the graves */
	stk_reply_free(ask(w, "RPUSH r:stockade:in:%s:low later", w->a.instance));
	assert_int_equal(recover(w, &w->b, w->a.instance, NULL, "", &r), STK_ANSWER_OK);
	assert_int_equal(r.n_returned, 1);
	assert_true(says(w, "later", "LINDEX r:queue:low 0"));
}

static void a_fourth_death_files_the_job_as_lost(void **state)
{
	struct world *w = *state;
	struct stk_recovered r;
	char digest[41];

	push(w, "high", "deadly");
	for (int i = 0; i < 4; i++) {
		char victim[STK_INSTANCE_CHARS + 1];

		assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
		assert_int_equal(w->got.recoveries, i);
		memcpy(victim, w->a.instance, sizeof(victim));
		assert_int_equal(stk_store_fresh_instance(&w->a), STK_OK);
		assert_int_equal(stk_store_register(&w->a, queues, 2, STARTED, &w->v), STK_OK);
		assert_int_equal(recover(w, &w->b, victim, NULL, "", &r),
		    i < 3 ? STK_ANSWER_OK : STK_ANSWER_LOST);
		if (i < 3)
			continue;
		/* named, and still in its durable place */
		assert_true(stk_span_eq(r.lost.bytes, stk_span_str("deadly")));
		assert_string_equal(r.lost.queue, "high");
		assert_int_equal(number(w, "LLEN r:stockade:in:%s:high", victim), 1);
		memcpy(digest, r.lost.digest, sizeof(digest));
		/* a wrong digest files nothing */
		r.lost.digest[0] = r.lost.digest[0] == '0' ? '1' : '0';
		assert_int_equal(
		    recover(w, &w->b, victim, &r.lost, "{\"wrong\":1}", &r), STK_ANSWER_LOST);
		assert_int_equal(number(w, "LLEN r:failed"), 0);
		memcpy(r.lost.digest, digest, sizeof(digest));
		assert_int_equal(
		    recover(w, &w->b, victim, &r.lost, "{\"lost\":1}", &r), STK_ANSWER_OK);
		assert_true(says(w, "{\"lost\":1}", "LINDEX r:failed 0"));
		assert_int_equal(number(w, "EXISTS r:stockade:in:%s:high", victim), 0);
		assert_int_equal(
		    recover(w, &w->b, victim, &r.lost, "{\"lost\":2}", &r), STK_ANSWER_OK);
		assert_int_equal(number(w, "LLEN r:failed"), 1);
	}
}

static void drops_our_copy_when_a_foreign_tool_filed_the_job(void **state)
{
	struct world *w = *state;
	struct stk_recovered r;

	push(w, "high", "one");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(stk_store_show(&w->a, 1, stk_span_str("{}"), &w->v), STK_OK);
	stk_reply_free(ask(w, "DEL r:worker:h:1:high,low"));
	assert_int_equal(recover(w, &w->b, w->a.instance, NULL, "", &r), STK_ANSWER_OK);
	assert_int_equal(r.n_foreign_filed, 1);
	assert_int_equal(number(w, "LLEN r:queue:high"), 0);
}

static void a_successor_under_the_same_id_notes_what_a_foreign_tool_did(void **state)
{
	struct world *w = *state;
	struct stk_recovered r;
	struct stk_store c;

	push(w, "high", "one");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(stk_store_show(&w->a, 1, stk_span_str("{}"), &w->v), STK_OK);
	stk_reply_free(ask(w, "DEL r:worker:h:1:high,low"));
	assert_int_equal(stk_store_init(&c, w->link, "r", "h:1:high,low"), STK_OK);
	assert_int_equal(stk_store_register(&c, queues, 2, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_ID_SHARED);
	assert_int_equal(recover(w, &c, w->a.instance, NULL, "", &r), STK_ANSWER_OK);
	assert_int_equal(r.n_foreign_filed, 1);
	assert_int_equal(number(w, "LLEN r:queue:high"), 0);
	/* the new owner of the id stays registered */
	assert_true(says(w, c.instance, "HGET r:stockade:wid h:1:high,low"));
	assert_int_equal(number(w, "SISMEMBER r:workers h:1:high,low"), 1);
	stk_store_clear(&c);
}

static void a_deleted_live_set_loses_nothing(void **state)
{
	struct world *w = *state;
	struct stk_peer dead[4];
	struct stk_recovered r;
	size_t n;

	push(w, "high", "one");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	stk_reply_free(ask(w, "DEL r:stockade:live"));
	assert_int_equal(stk_store_beat(&w->a, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_FENCED);
	assert_int_equal(stk_store_fresh_instance(&w->a), STK_OK);
	assert_int_equal(stk_store_register(&w->a, queues, 2, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
	assert_int_equal(stk_store_graves(&w->a, dead, 4, &n), STK_OK);
	assert_int_equal(n, 1);
	assert_int_equal(recover(w, &w->a, dead[0].instance, NULL, "", &r), STK_ANSWER_OK);
	assert_true(says(w, "one", "LINDEX r:queue:high 0"));
}

static void in_doubt_the_job_goes_back(void **state)
{
	struct world *w = *state;
	struct stk_recovered r;

	push(w, "high", "one");
	assert_int_equal(
	    reserve(w, &w->a), STK_ANSWER_JOB); /* died before show: the key never was */
	assert_int_equal(recover(w, &w->b, w->a.instance, NULL, "", &r), STK_ANSWER_OK);
	assert_int_equal(r.n_foreign_filed, 0);
	assert_int_equal(number(w, "LLEN r:queue:high"), 1);
}

static void fail_writes_no_second_record_after_a_foreign_one(void **state)
{
	struct world *w = *state;

	push(w, "high", "one");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(stk_store_show(&w->a, 1, stk_span_str("{}"), &w->v), STK_OK);
	stk_reply_free(ask(w, "DEL r:worker:h:1:high,low"));
	assert_int_equal(settle(&w->a,
			     (struct stk_settle){
				 .seq = 1, .what = STK_SETTLE_FAIL, .record = stk_span_str("{}") }),
	    STK_ANSWER_OK);
	assert_int_equal(number(w, "LLEN r:failed"), 0);
	assert_true(says(w, "1", "GET r:stat:processed"));
}

static void leaves_other_queues_to_their_own_workers(void **state)
{
	struct world *w = *state;
	static const char *const high[] = { "high" };
	struct stk_recovered r;

	stk_reply_free(ask(w, "RPUSH r:stockade:in:%s:high h", w->a.instance));
	stk_reply_free(ask(w, "RPUSH r:stockade:in:%s:low l", w->a.instance));
	assert_int_equal(
	    stk_store_recover(&w->b, w->a.instance, high, 1, NULL, stk_span_of("", 0), &r, &w->v),
	    STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
	assert_int_equal(number(w, "LLEN r:queue:high"), 1);
	assert_int_equal(number(w, "LLEN r:queue:low"), 0);
	assert_int_equal(r.orphans, 0);
	/* eleven minutes later nobody has come */
	stk_reply_free(ask(w, "ZINCRBY r:stockade:graves -660000 %s", w->a.instance));
	assert_int_equal(
	    stk_store_recover(&w->b, w->a.instance, high, 1, NULL, stk_span_of("", 0), &r, &w->v),
	    STK_OK);
	assert_int_equal(r.orphans, 1);
	/* a day later the grave still stands, because its list is not empty */
	stk_reply_free(ask(w, "ZINCRBY r:stockade:graves -90000000 %s", w->a.instance));
	assert_int_equal(
	    stk_store_recover(&w->b, w->a.instance, high, 1, NULL, stk_span_of("", 0), &r, &w->v),
	    STK_OK);
	assert_int_equal(number(w, "EXISTS r:stockade:w:%s", w->a.instance), 1);
	assert_int_equal(recover(w, &w->b, w->a.instance, NULL, "", &r), STK_ANSWER_OK);
	assert_int_equal(number(w, "LLEN r:queue:low"), 1);
	assert_int_equal(number(w, "EXISTS r:stockade:w:%s", w->a.instance), 0);
	assert_true(says(w, NULL, "ZSCORE r:stockade:graves %s", w->a.instance));
}

static void recovers_no_protocol_it_does_not_know(void **state)
{
	struct world *w = *state;
	struct stk_recovered r;

	push(w, "high", "one");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	stk_reply_free(ask(w, "HSET r:stockade:w:%s proto 2", w->a.instance));
	assert_int_equal(recover(w, &w->b, w->a.instance, NULL, "", &r), STK_ANSWER_NEWER);
	assert_false(says(w, NULL, "ZSCORE r:stockade:live %s", w->a.instance));
	assert_int_equal(number(w, "LLEN r:stockade:in:%s:high", w->a.instance), 1);
}

static void recovers_in_bounded_passes(void **state)
{
	struct world *w = *state;
	struct stk_recovered r;
	int64_t n = 0;

	for (int i = 0; i < 300; i++)
		stk_reply_free(ask(w, "RPUSH r:stockade:in:%s:low e%d", w->a.instance, i));
	assert_int_equal(recover(w, &w->b, w->a.instance, NULL, "", &r), STK_ANSWER_AGAIN);
	n += r.n_returned;
	assert_int_equal(recover(w, &w->b, w->a.instance, NULL, "", &r), STK_ANSWER_OK);
	n += r.n_returned;
	assert_int_equal(n, 300);
	assert_true(says(w, "e0", "LINDEX r:queue:low 0"));
}

/* --- a full Redis ----------------------------------------------------------------------------- */

static void keeps_working_at_maxmemory(void **state)
{
	struct world *w = *state;
	struct stk_settle park = { .seq = 2, .what = STK_SETTLE_PARK, .delay_ms = 0 };
	struct stk_store c;
	struct stk_recovered r;

	for (int i = 0; i < 6; i++)
		push(w, "high", "job");
	stk_reply_free(ask(w, "CONFIG SET maxmemory-policy noeviction"));
	stk_reply_free(ask(w, "CONFIG SET maxmemory 1"));
	/* the control: a plain write is refused, so Redis is full indeed */
	assert_null(ask(w, "SET r:stat:processed 0"));
	assert_int_equal(stk_redis_problem(w->tools), STK_RP_OOM);
	assert_int_equal(stk_store_beat(&w->a, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(stk_store_show(&w->a, 1, stk_span_str("{}"), &w->v), STK_OK);
	assert_int_equal(settle(&w->a,
			     (struct stk_settle){
				 .seq = 1, .what = STK_SETTLE_FAIL, .record = stk_span_str("{}") }),
	    STK_ANSWER_OK);
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(settle(&w->a, park), STK_ANSWER_OK);
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(w->got.n_promoted, 1);
	assert_int_equal(
	    settle(&w->a, (struct stk_settle){ .seq = 3, .what = STK_SETTLE_HANDBACK }),
	    STK_ANSWER_OK);
	/* a blocking pop delivered: adoption begins without a removal of its own */
	stk_reply_free(ask(w, "CONFIG SET maxmemory 0"));
	stk_reply_free(ask(w, "RPUSH r:stockade:in:%s:low delivered", w->a.instance));
	stk_reply_free(ask(w, "CONFIG SET maxmemory 1"));
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_true(got(w, "delivered"));
	assert_int_equal(recover(w, &w->b, w->a.instance, NULL, "", &r), STK_ANSWER_OK);
	assert_int_equal(r.n_returned, 1);
	assert_int_equal(stk_store_init(&c, w->link, "r", "h:9:high"), STK_OK);
	assert_int_equal(stk_store_register(&c, queues, 2, STARTED, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
	assert_int_equal(stk_store_unregister(&c, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
	stk_store_clear(&c);
	stk_reply_free(ask(w, "CONFIG SET maxmemory 0"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, each_begins, each_ends)

/* --- what an instance is doing ------------------------------------------------------------------
 */

static void says_what_it_is_doing_until_it_is_settled(void **state)
{
	struct world *w = *state;
	const struct stk_doing doing = { "ab12", "Images::Resize", 3, 50000 };

	push(w, "low", "x");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	/* nothing was shown: there is nothing to add to */
	assert_int_equal(stk_store_progress(&w->a, 1, 1, 2, stk_span_str("n"), &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_STALE);
	assert_int_equal(stk_store_show_doing(&w->a, 1, stk_span_str("{}"), &doing, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
	assert_true(says(w, "Images::Resize", "HGET r:stockade:doing:%s class", w->a.instance));
	assert_true(says(w, "low", "HGET r:stockade:doing:%s queue", w->a.instance));
	assert_true(says(w, "ab12", "HGET r:stockade:doing:%s job", w->a.instance));
	assert_in_range(number(w, "PTTL r:stockade:doing:%s", w->a.instance), 20000, 50000);
	assert_int_equal(
	    stk_store_progress(&w->a, 1, UINT64_MAX, 7, stk_span_str("half way"), &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
	assert_true(says(w, "9223372036854775807", "HGET r:stockade:doing:%s done", w->a.instance));
	assert_true(says(w, "half way", "HGET r:stockade:doing:%s note", w->a.instance));
	assert_in_range(number(w, "PTTL r:stockade:doing:%s", w->a.instance), 20000, 50000);
	/* another job's word, and another instance's */
	assert_int_equal(stk_store_progress(&w->a, 2, 1, 2, stk_span_str("n"), &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_STALE);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1 }), STK_ANSWER_OK);
	assert_int_equal(number(w, "EXISTS r:stockade:doing:%s", w->a.instance), 0);
	stk_reply_free(ask(w, "DEL r:stockade:live"));
	assert_int_equal(stk_store_progress(&w->a, 1, 1, 2, stk_span_str("n"), &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_FENCED);
}

static void a_foreign_type_there_costs_only_the_show_of_it(void **state)
{
	struct world *w = *state;
	const struct stk_doing doing = { "ab12", "X", 1, 50000 };

	stk_reply_free(ask(w, "SET r:stockade:doing:%s x", w->a.instance));
	push(w, "low", "x");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(stk_store_show_doing(&w->a, 1, stk_span_str("{}"), &doing, &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_OK);
	assert_int_equal(number(w, "EXISTS r:worker:h:1:high,low"), 1);
	assert_int_equal(stk_store_progress(&w->a, 1, 1, 2, stk_span_str("n"), &w->v), STK_OK);
	assert_int_equal(w->v, STK_ANSWER_STORE);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1 }), STK_ANSWER_OK);
	assert_int_equal(number(w, "EXISTS r:stockade:doing:%s", w->a.instance), 0);
}

/* --- releases --------------------------------------------------------------------------------- */

static enum stk_answer stage(
    struct world *w, struct stk_store *s, int64_t seq, const char *queue, const char *payload)
{
	const struct stk_staged what[] = { { queue, stk_span_str(payload) },
		{ "low", stk_span_str("second") } };
	enum stk_answer v;

	(void)w;
	assert_int_equal(stk_store_stage(s, seq, "ab12", 60000, what, 2, &v), STK_OK);
	return v;
}

static void releases_with_the_settlement_and_once(void **state)
{
	struct world *w = *state;

	push(w, "high", "x");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(stage(w, &w->a, 2, "other", "first"), STK_ANSWER_STALE);
	assert_int_equal(stage(w, &w->a, 1, "other", "lost"), STK_ANSWER_OK);
	assert_int_equal(stage(w, &w->a, 1, "other", "first"), STK_ANSWER_OK); /* asked again */
	assert_int_equal(number(w, "EXISTS r:queue:other"), 0);
	assert_in_range(number(w, "PTTL r:stockade:outbox:ab12"), 30000, 60000);
	assert_int_equal(
	    settle(&w->a, (struct stk_settle){ .seq = 1, .releases_of = "ab12" }), STK_ANSWER_OK);
	assert_int_equal(w->a.n_released, 2);
	assert_true(says(w, "first", "LINDEX r:queue:other 0"));
	assert_true(says(w, "second", "LINDEX r:queue:low 0"));
	assert_int_equal(number(w, "LLEN r:queue:other"), 1);
	assert_int_equal(number(w, "SISMEMBER r:queues other"), 1);
	assert_int_equal(number(w, "EXISTS r:stockade:outbox:ab12"), 0);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1, .releases_of = "ab12" }),
	    STK_ANSWER_ALREADY);
	assert_int_equal(number(w, "LLEN r:queue:other"), 1);
}

static void a_copy_that_is_dropped_releases_what_a_dead_worker_left(void **state)
{
	struct world *w = *state;

	push(w, "high", "x");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(stage(w, &w->a, 1, "other", "first"), STK_ANSWER_OK);
	/* it dies here; the ledger says done, and the copy that came back is dropped */
	assert_int_equal(
	    settle(&w->a,
		(struct stk_settle){ .seq = 1, .what = STK_SETTLE_DROP, .releases_of = "ab12" }),
	    STK_ANSWER_OK);
	assert_int_equal(w->a.n_released, 2);
	assert_int_equal(number(w, "LLEN r:queue:other"), 1);
	/* a second copy has nothing to release */
	push(w, "high", "x");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = w->got.parcel.seq,
					   .what = STK_SETTLE_DROP,
					   .releases_of = "ab12" }),
	    STK_ANSWER_OK);
	assert_int_equal(w->a.n_released, 0);
	assert_int_equal(number(w, "LLEN r:queue:other"), 1);
}

static void releases_of_a_run_that_does_not_count_are_forgotten(void **state)
{
	struct world *w = *state;

	push(w, "high", "x");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(stage(w, &w->a, 1, "other", "first"), STK_ANSWER_OK);
	assert_int_equal(
	    settle(&w->a,
		(struct stk_settle){ .seq = 1, .releases_of = "ab12", .forget_releases = true }),
	    STK_ANSWER_OK);
	assert_int_equal(number(w, "EXISTS r:queue:other r:stockade:outbox:ab12"), 0);
}

static void a_queue_of_another_type_is_known_before_the_job_is_done(void **state)
{
	struct world *w = *state;

	stk_reply_free(ask(w, "SET r:queue:other x"));
	push(w, "high", "x");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(stage(w, &w->a, 1, "other", "first"), STK_ANSWER_STORE);
	assert_string_equal(w->a.bad_key, "queue:other");
	assert_int_equal(number(w, "EXISTS r:stockade:outbox:ab12"), 0);
	stk_reply_free(ask(w, "DEL r:queue:other"));
	/* or afterwards: nothing of the settlement is done */
	assert_int_equal(stage(w, &w->a, 1, "other", "first"), STK_ANSWER_OK);
	stk_reply_free(ask(w, "SET r:queue:other x"));
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = 1, .releases_of = "ab12" }),
	    STK_ANSWER_STORE);
	assert_int_equal(number(w, "LLEN r:stockade:in:%s:high", w->a.instance), 1);
	stk_reply_free(ask(w, "DEL r:queue:other"));
}

/* --- kept results ----------------------------------------------------------------------------- */

/* Settles one job whose result @text is kept under @id within @max entries and @bytes. */
static bool keeps(
    struct world *w, const char *id, const char *text, int64_t ms, int64_t max, int64_t bytes)
{
	push(w, "low", id);
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = w->got.parcel.seq,
					   .result = stk_span_str(text),
					   .result_id = id,
					   .keep_ms = ms,
					   .results_max = max,
					   .results_max_bytes = bytes }),
	    STK_ANSWER_OK);
	return w->a.result_kept;
}

static void keeps_results_for_a_time(void **state)
{
	struct world *w = *state;
	int64_t left;

	assert_true(keeps(w, "aa", "\"first\"", 60000, 10, 1000));
	assert_true(says(w, "\"first\"", "GET r:stockade:result:aa"));
	left = number(w, "PTTL r:stockade:result:aa");
	assert_in_range(left, 30000, 60000);
	assert_in_range(number(w, "PTTL r:stockade:results"), left + 50000, left + 70000);
	assert_in_range(number(w, "PTTL r:stockade:results#bytes"), left + 50000, left + 70000);
	/* the same job again replaces what it gave before */
	assert_true(keeps(w, "aa", "\"2\"", 60000, 10, 1000));
	assert_true(says(w, "\"2\"", "GET r:stockade:result:aa"));
	assert_true(says(w, "3", "HGET r:stockade:results#bytes all"));
	assert_int_equal(number(w, "ZCARD r:stockade:results"), 1);
	/* a settlement that asks for none keeps none */
	push(w, "low", "x");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(
	    settle(&w->a, (struct stk_settle){ .seq = w->got.parcel.seq }), STK_ANSWER_OK);
	assert_false(w->a.result_kept);
}

static void results_are_bounded_by_number_and_bytes(void **state)
{
	struct world *w = *state;
	char id[8];

	for (int i = 0; i < 5; i++) {
		(void)snprintf(id, sizeof(id), "n%d", i);
		assert_true(keeps(w, id, "1234567890", 60000 + 1000 * i, 3, 1000));
	}
	assert_int_equal(number(w, "ZCARD r:stockade:results"), 3);
	assert_int_equal(number(w, "EXISTS r:stockade:result:n0 r:stockade:result:n1"), 0);
	assert_int_equal(number(w, "EXISTS r:stockade:result:n2 r:stockade:result:n4"), 2);
	assert_true(says(w, "30", "HGET r:stockade:results#bytes all"));
	/* bytes: the ones that end next make room */
	assert_true(keeps(w, "big", "123456789012345", 90000, 100, 40));
	assert_int_equal(number(w, "EXISTS r:stockade:result:n2"), 0);
	assert_true(says(w, "35", "HGET r:stockade:results#bytes all"));
	/* what does not fit alone costs nobody its place */
	assert_false(keeps(w, "huge", "12345678901234567890123456789012345678901", 90000, 100, 40));
	assert_int_equal(number(w, "EXISTS r:stockade:result:huge"), 0);
	assert_int_equal(number(w, "ZCARD r:stockade:results"), 3);
	assert_false(keeps(w, "none", "1", 90000, 100, 0));
	/* those that have ended leave the books */
	stk_reply_free(ask(w, "ZADD r:stockade:results 1 n3"));
	assert_true(keeps(w, "next", "1", 90000, 100, 40));
	assert_int_equal(number(w, "HEXISTS r:stockade:results#bytes n3"), 0);
	assert_true(says(w, "26", "HGET r:stockade:results#bytes all"));
}

static void foreign_hands_in_the_books_of_results(void **state)
{
	struct world *w = *state;

	assert_true(keeps(w, "aa", "1", 60000, 10, 100));
	stk_reply_free(ask(w, "HSET r:stockade:results#bytes all nan aa -7"));
	assert_true(keeps(w, "bb", "22", 60000, 10, 100));
	assert_true(says(w, "2", "HGET r:stockade:results#bytes all"));
	/* a sum that is too large empties the place once, and is right again */
	stk_reply_free(ask(w, "HSET r:stockade:results#bytes all 999999999"));
	assert_true(keeps(w, "cc", "333", 60000, 10, 100));
	assert_true(says(w, "3", "HGET r:stockade:results#bytes all"));
	/* another type: named, and the job stays in hand */
	stk_reply_free(ask(w, "DEL r:stockade:results"));
	stk_reply_free(ask(w, "SET r:stockade:results x"));
	push(w, "low", "dd");
	assert_int_equal(reserve(w, &w->a), STK_ANSWER_JOB);
	assert_int_equal(settle(&w->a, (struct stk_settle){ .seq = w->got.parcel.seq,
					   .result = stk_span_str("1"),
					   .result_id = "dd",
					   .keep_ms = 1000,
					   .results_max = 1,
					   .results_max_bytes = 10 }),
	    STK_ANSWER_STORE);
	assert_string_equal(w->a.bad_key, "stockade:results");
	stk_reply_free(ask(w, "DEL r:stockade:results"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(registers_in_every_place_that_resque_reads),
		T(computes_civil_dates_like_the_c_library),
		T(alarms_when_a_live_instance_shares_the_id),
		T(refuses_to_start_beside_a_newer_protocol),
		T(never_registers_an_instance_twice),
		T(beat_counts_and_heals_what_a_pruner_took),
		T(unregister_hands_back_and_forgets),
		T(reserves_in_strict_priority_and_fifo),
		T(answers_the_same_job_after_a_lost_reply),
		T(adopts_one_delivered_element_and_hands_the_rest_back),
		T(believes_no_queue_that_was_not_asked_for),
		T(pauses_as_resque_spells_it),
		T(pauses_one_queue_and_serves_the_other),
		T(removes_oversize_elements_and_goes_on),
		T(a_flood_of_oversize_elements_is_taken_in_bounded_passes),
		T(fenced_does_nothing),
		T(names_a_wrong_typed_key_and_does_nothing),
		T(answers_no_job_of_a_queue_not_asked_for),
		T(walks_no_endless_list_of_queues),
		T(writes_a_new_queue_down_before_its_first_use),
		T(shows_only_the_job_in_hand),
		T(settles_once_then_already_then_stale),
		T(a_foreign_statistic_does_not_cost_a_job),
		T(hands_back_to_the_front),
		T(retries_by_parking_and_counts_attempts),
		T(counts_expire_after_two_days),
		T(parks_one_copy_per_signed_job_and_two_of_unsigned),
		T(a_full_park_says_so_and_keeps_the_job),
		T(promotes_at_most_eight_at_once),
		T(quarantines_within_bounds),
		T(quarantine_bytes_are_bounded_too),
		T(keeps_one_copy_per_refused_job_id_and_counts_it),
		T(drops_with_at_most_one_note_a_minute),
		T(settles_and_reserves_in_one_write),
		T(recovers_a_dead_predecessor_to_the_front),
		T(a_fourth_death_files_the_job_as_lost),
		T(drops_our_copy_when_a_foreign_tool_filed_the_job),
		T(a_successor_under_the_same_id_notes_what_a_foreign_tool_did),
		T(a_deleted_live_set_loses_nothing),
		T(in_doubt_the_job_goes_back),
		T(fail_writes_no_second_record_after_a_foreign_one),
		T(leaves_other_queues_to_their_own_workers),
		T(recovers_no_protocol_it_does_not_know),
		T(recovers_in_bounded_passes),
		T(says_what_it_is_doing_until_it_is_settled),
		T(a_foreign_type_there_costs_only_the_show_of_it),
		T(releases_with_the_settlement_and_once),
		T(a_copy_that_is_dropped_releases_what_a_dead_worker_left),
		T(releases_of_a_run_that_does_not_count_are_forgotten),
		T(a_queue_of_another_type_is_known_before_the_job_is_done),
		T(keeps_results_for_a_time),
		T(results_are_bounded_by_number_and_bytes),
		T(foreign_hands_in_the_books_of_results),
		T(keeps_working_at_maxmemory),
	};

	return cmocka_run_group_tests(tests, start_world, stop_world);
}

/*
 * test_breaker.c - the breaker's counting on a real Redis, through settle: what opens it, what
 * never does, what its trial allows. Times are moved by moving what is stored, not by waiting.
 */
#include "tests/harness.h"

#include "tests/lib/redis_server.h"
#include "worker/breaker.h"
#include "worker/verdict.h"

#include <stdio.h>
#include <string.h>

static const char *const queues[] = { "q" };
static struct test_redis server;
static struct stk_redis *link_, *tools;
static struct stk_store s;
static enum stk_answer v;

static int start(void **state)
{
	(void)state;
	if (!test_redis_start(&server, NULL))
		return -1;
	link_ = test_redis_link(&server);
	tools = test_redis_link(&server);
	return link_ != NULL && tools != NULL ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	stk_redis_free(link_);
	stk_redis_free(tools);
	test_redis_stop(&server);
	return 0;
}

static void say(const char *words)
{
	stk_reply_free(test_redis_do(tools, words));
}

static int64_t number(const char *words)
{
	return test_redis_int(tools, words);
}

static int each_begins(void **state)
{
	(void)state;
	say("CONFIG SET maxmemory 0");
	say("FLUSHALL");
	assert_int_equal(stk_store_init(&s, link_, "r", "h:1:q"), STK_OK);
	assert_int_equal(
	    stk_store_register(&s, queues, 1, "2026-11-23 06:51:14 +0000", &v), STK_OK);
	return 0;
}

static int each_ends(void **state)
{
	(void)state;
	stk_store_clear(&s);
	return 0;
}

/* One job with id @id: a violation, or a first decision that is none. Did it open the breaker? */
static bool settle(const char *id, bool violated, const char *principal)
{
	struct stk_reserved got;
	struct stk_settle what = {
		.what = STK_SETTLE_DROP,
		.principal = principal,
		.judged = !violated,
		.violated = violated,
		.job_id = id,
		.rule = { 60000, 50, 20, 100, 300000, 60000 },
	};

	say("RPUSH r:queue:q x");
	assert_int_equal(stk_store_reserve(&s, queues, 1, &got, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_JOB);
	what.seq = got.parcel.seq;
	assert_int_equal(stk_store_settle(&s, &what, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_OK);
	return s.opened;
}

static int many(const char *letter, int n, bool violated)
{
	int opened = 0;
	char id[33];

	for (int i = 0; i < n; i++) {
		(void)snprintf(id, sizeof(id), "%s%d", letter, i);
		opened += settle(id, violated, "web");
	}
	return opened;
}

static struct stk_breaker_look look(const char *name)
{
	struct stk_breaker_look l;

	assert_int_equal(stk_store_breaker_look(&s, &name, 1, &l, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_OK);
	return l;
}

static void fifty_in_a_minute_open_it(void **state)
{
	(void)state;
	assert_int_equal(many("a", 49, true), 0);
	assert_int_equal(look("web").held_ms, 0);
	assert_true(settle("b", true, "web"));
	assert_in_range(look("web").held_ms, 290000, 300000);
	assert_in_range(look("web").trial_ms, 350000, 360000);
	assert_int_equal(look("other").held_ms, 0);
	assert_int_equal(many("c", 60, true), 0); /* once is enough, and its end stays */
	assert_in_range(look("web").held_ms, 280000, 300000);
}

static void copies_of_one_job_count_once(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++)
		assert_false(settle("captured", true, "web"));
	assert_int_equal(number("ZCARD r:stockade:violated:web"), 1);
	assert_int_equal(number("EVAL return(#redis.call('HVALS','r:stockade:judged:web')) 0"), 1);
	assert_true(test_redis_says(
	    tools, "EVAL return(redis.call('HVALS','r:stockade:judged:web')[1]) 0", "1"));
	assert_int_equal(look("web").held_ms, 0);
}

static void what_is_older_than_the_window_does_not_count(void **state)
{
	(void)state;
	assert_int_equal(many("a", 49, true), 0);
	for (int i = 0; i < 10; i++) { /* ten of them long ago */
		char words[128];

		(void)snprintf(words, sizeof(words), "ZADD r:stockade:violated:web 1000 a%d", i);
		say(words);
	}
	assert_int_equal(many("b", 10, true), 0);
	assert_true(settle("c", true, "web"));
}

static void a_fifth_of_a_hundred_opens_it(void **state)
{
	(void)state;
	assert_int_equal(many("good", 81, false), 0);
	assert_int_equal(many("bad", 18, true), 0); /* 18 of 99 */
	assert_false(settle("good", false, "web"));
	assert_int_equal(many("worse", 1, true), 0); /* 19 of 101 */
	assert_int_equal(many("more", 1, true), 0);  /* 20 of 102 */
	assert_int_equal(many("most", 1, true), 1);  /* 21 of 103 */
}

static void on_trial_one_is_enough(void **state)
{
	bool passed;

	(void)state;
	assert_int_equal(many("a", 50, true), 1);
	say("DEL r:stockade:held:web"); /* its time is over */
	assert_int_equal(look("web").held_ms, 0);
	assert_true(look("web").trial_ms > 0);
	assert_int_equal(stk_store_breaker_pass(&s, "web", &passed, &v), STK_OK);
	assert_true(passed);
	assert_int_equal(stk_store_breaker_pass(&s, "web", &passed, &v), STK_OK);
	assert_false(passed);
	assert_in_range(number("PTTL r:stockade:trialslot:web"), 1, 1000);
	assert_false(settle("a0", true, "web")); /* a copy of an old one is nothing new */
	assert_true(settle("new", true, "web"));
	assert_true(look("web").held_ms > 0);
	/* after a trial without any it counts from the start */
	say("DEL r:stockade:held:web r:stockade:trial:web r:stockade:violated:web");
	assert_false(settle("again", true, "web"));
}

static void by_hand_and_without_an_end(void **state)
{
	(void)state;
	say("SET r:stockade:held:web why");
	assert_int_equal(look("web").held_ms, -1);
}

static void it_stays_small_and_never_half_done(void **state)
{
	struct stk_settle what = { .seq = 1, .what = STK_SETTLE_OK, .judged = true };
	struct stk_reserved got;

	(void)state;
	for (int i = 0; i < 5200; i += 4) {
		char words[160];

		(void)snprintf(words, sizeof(words),
		    "ZADD r:stockade:violated:web %d y%d %d y%d %d y%d %d y%d", i, i, i + 1, i + 1,
		    i + 2, i + 2, i + 3, i + 3);
		say(words);
	}
	say("ZREMRANGEBYRANK r:stockade:violated:web 5000 -1");
	assert_int_equal(number("ZCARD r:stockade:violated:web"), 5000);
	assert_false(settle("one", true, "web"));
	assert_int_equal(number("ZCARD r:stockade:violated:web"), 5000);
	assert_true(number("PTTL r:stockade:violated:web") > 0);
	assert_true(number("PTTL r:stockade:judged:web") > 0);
	assert_int_equal(stk_store_settle(&s, &what, &v), STK_E_FORMAT); /* of nobody */
	say("DEL r:stockade:judged:web");
	say("SET r:stockade:judged:web x");
	say("RPUSH r:queue:q x");
	assert_int_equal(stk_store_reserve(&s, queues, 1, &got, &v), STK_OK);
	what = (struct stk_settle){ .seq = got.parcel.seq,
		.what = STK_SETTLE_OK,
		.judged = true,
		.principal = "web",
		.rule = { 60000, 50, 20, 100, 300000, 60000 } };
	assert_int_equal(stk_store_settle(&s, &what, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_STORE);
	assert_string_equal(s.bad_key, "stockade:judged:web");
}

static void only_what_the_holder_causes_counts(void **state)
{
	static const char *const theirs[] = { "E_TIME_ORDER", "E_IAT_FUTURE", "E_KEY_WINDOW",
		"E_POLICY_DENIED", "E_POLICY_SIZE", "E_POLICY_RUNS", "E_POLICY_DELAY",
		"E_POLICY_WINDOW", "E_ARGS_JSON", "E_SCHEMA" };
	size_t n = 0;

	(void)state;
	for (int i = 0; i < STK_VERDICT_COUNT; i++)
		n += stk_verdict_by_holder((enum stk_verdict)i);
	assert_int_equal(n, STK_ARRAY_LEN(theirs));
	for (size_t i = 0; i < n; i++)
		assert_true(stk_verdict_by_holder(stk_verdict_find(theirs[i])));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, each_begins, each_ends)
	const struct CMUnitTest tests[] = {
		T(fifty_in_a_minute_open_it),
		T(copies_of_one_job_count_once),
		T(what_is_older_than_the_window_does_not_count),
		T(a_fifth_of_a_hundred_opens_it),
		T(on_trial_one_is_enough),
		T(by_hand_and_without_an_end),
		T(it_stays_small_and_never_half_done),
		T(only_what_the_holder_causes_counts),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

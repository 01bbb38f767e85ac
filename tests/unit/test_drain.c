/*
 * test_drain.c - drain on a real Redis: what may leave a queue and what never does, exact counts
 * under a lost reply, bounds of what is kept, a full Redis; and the guard's arithmetic.
 */
#include "tests/harness.h"

#include "tests/lib/redis_server.h"
#include "worker/guard.h"
#include "worker/store_drain.h"

#include <stdio.h>
#include <string.h>

static const char *const queues[] = { "high", "low" };
static struct test_redis server;
static struct stk_redis *link_, *tools;
static struct stk_store s;
static struct stk_drain plan;
static struct stk_drained seen;
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
	assert_int_equal(stk_store_init(&s, link_, "r", "h:1:high,low"), STK_OK);
	assert_int_equal(
	    stk_store_register(&s, queues, 2, "2026-11-23 06:51:14 +0000", &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_OK);
	memset(&plan, 0, sizeof(plan));
	return 0;
}

static int each_ends(void **state)
{
	(void)state;
	stk_store_clear(&s);
	return 0;
}

static enum stk_answer drain(size_t most)
{
	assert_int_equal(stk_store_drain(&s, &plan, queues, 2, most, &seen, &v), STK_OK);
	return v;
}

/* Names the first @n of what was seen, all of one reason, an entry for each in @area. */
static void name(size_t n, const char *area, int64_t max_entries, bool with_entries)
{
	static char text[8192];
	int at = 0;

	plan = (struct stk_drain){ .number = plan.number + 1, .n = n, .n_kinds = 1, .text = text };
	(void)snprintf(plan.queue, sizeof(plan.queue), "%s", seen.queue);
	plan.kind[0] = (struct stk_drain_kind){
		.reason = "E_UNSIGNED", .max_entries = max_entries, .max_bytes = 1 << 20
	};
	(void)snprintf(plan.kind[0].area, sizeof(plan.kind[0].area), "%s", area);
	for (size_t i = 0; i < n; i++) {
		int len;

		memcpy(plan.digests + i * STK_SHA1_CHARS, seen.sha1[i].p, STK_SHA1_CHARS);
		plan.kinds[i] = 'A';
		if (!with_entries)
			continue;
		len = snprintf(text + at, sizeof(text) - (size_t)at,
		    "{\"v\":1,\"id\":\"%lld%zu\",\"n\":1,\"raw_b64\":\"\"}", (long long)plan.number,
		    i);
		plan.entries[plan.n_entries].place = (int64_t)i + 1;
		plan.entries[plan.n_entries].at = (size_t)at;
		plan.entries[plan.n_entries++].len = (size_t)len;
		at += len;
	}
}

static void looks_without_touching(void **state)
{
	(void)state;
	say("RPUSH r:queue:low x");
	say("RPUSH r:queue:high a b c");
	assert_int_equal(drain(2), STK_ANSWER_OK);
	assert_string_equal(seen.queue, "high");
	assert_int_equal(seen.n, 2);
	assert_true(stk_span_eq(seen.bytes[1], stk_span_str("b")));
	assert_true(
	    stk_span_eq(seen.sha1[0], stk_span_str("86f7e437faa5a7fce15d1ddcb9eaeaea377667b8")));
	assert_int_equal(number("LLEN r:queue:high"), 3);
	say("SET r:stockade:paused:high 1");
	drain(64);
	assert_string_equal(seen.queue, "low");
	say("SET r:pause-all-workers true");
	drain(64);
	assert_string_equal(seen.queue, "");
	assert_int_equal(seen.n, 0);
}

static void only_named_heads_leave(void **state)
{
	(void)state;
	say("RPUSH r:queue:high a b good c");
	drain(64);
	name(2, "quarantine:high", 1000, true);
	assert_int_equal(drain(64), STK_ANSWER_OK);
	assert_int_equal(seen.counts[0], 2);
	assert_int_equal(seen.n, 2);
	assert_true(stk_span_eq(seen.bytes[0], stk_span_str("good")));
	assert_int_equal(number("ZCARD r:stockade:quarantine:high"), 2);
	assert_int_equal(number("LLEN r:failed"), 0); /* no note was given */
	/* c is named, but something else is at the head */
	seen.sha1[0] = seen.sha1[1];
	name(1, "quarantine:high", 1000, true);
	drain(0);
	assert_int_equal(seen.counts[0], 0);
	assert_int_equal(number("LLEN r:queue:high"), 2);
}

static void another_worker_was_faster(void **state)
{
	(void)state;
	say("RPUSH r:queue:high a b c d");
	drain(64);
	name(3, "quarantine:high", 1000, true);
	say("LPOP r:queue:high 2");
	drain(64);
	assert_int_equal(seen.counts[0], 1);
	assert_true(stk_span_eq(seen.bytes[0], stk_span_str("d")));
}

static void a_pause_that_came_between_holds(void **state)
{
	(void)state;
	say("RPUSH r:queue:high a b");
	drain(64);
	name(2, "quarantine:high", 1000, true);
	say("SET r:stockade:paused:high 1");
	drain(0);
	assert_int_equal(seen.counts[0], 0);
	assert_int_equal(number("LLEN r:queue:high"), 2);
}

static void a_lost_reply_is_told_again(void **state)
{
	(void)state;
	say("RPUSH r:queue:high a a b z z");
	drain(3);
	name(3, "quarantine:high", 1000, true);
	drain(64);
	assert_int_equal(seen.counts[0], 3);
	assert_int_equal(seen.n, 2);
	say("LPUSH r:queue:high a");
	drain(64); /* the same number: nothing leaves, the same counts */
	assert_int_equal(seen.counts[0], 3);
	assert_int_equal(number("LLEN r:queue:high"), 3);
	/* of two elements of the same bytes one is kept */
	assert_int_equal(number("ZCARD r:stockade:quarantine:high"), 2);
	assert_true(test_redis_says(
	    tools, "HGET r:stockade:quarantine:#count quarantine:high:dropped", "1"));
}

static void stops_before_what_is_too_large(void **state)
{
	(void)state;
	s.max_payload_bytes = 4;
	say("RPUSH r:queue:high a abcde c");
	drain(64);
	assert_int_equal(seen.n, 1);
	say("LPOP r:queue:high");
	drain(64);
	assert_int_equal(seen.n, 0);
	assert_string_equal(seen.queue, "high"); /* reserve's to remove */
}

static void many_bytes_end_a_look(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		say("EVAL redis.call('RPUSH','r:queue:high',string.rep('x',100000)) 0");
	drain(64);
	assert_int_equal(seen.n, 2); /* 262 144 bytes hold two */
}

static void keeps_within_bounds(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		say("RPUSH r:queue:high a b c d");
		drain(4);
		name(4, round < 2 ? "quarantine:high" : "unknownkey:high", 3, true);
		drain(0);
		assert_int_equal(seen.counts[0], 4);
		assert_int_equal(seen.area_full, round == 2);
	}
	assert_int_equal(number("ZCARD r:stockade:quarantine:high"), 3);
	assert_true(test_redis_says(
	    tools, "HGET r:stockade:quarantine:#count quarantine:high:dropped", "5"));
	/* the oldest left the sample; what may be genuine stays, and the newest found no room */
	assert_int_equal(number("ZCARD r:stockade:unknownkey:high"), 3);
	assert_int_equal(number("HEXISTS r:stockade:unknownkey:high#e 30"), 1);
	assert_int_equal(number("HEXISTS r:stockade:unknownkey:high#e 33"), 0);
	say("RPUSH r:queue:high a");
	drain(1);
	name(1, "quarantine:high", 3, false);
	drain(0);
	assert_int_equal(seen.counts[0], 1);
	assert_int_equal(number("ZCARD r:stockade:quarantine:high"), 3);
}

static void a_full_redis_is_emptied(void **state)
{
	(void)state;
	say("RPUSH r:queue:high a b c d");
	drain(2);
	say("CONFIG SET maxmemory 1");
	assert_false(test_redis_says(tools, "SET x y", "OK"));
	name(2, "quarantine:high", 1000, true);
	drain(2);
	assert_int_equal(seen.counts[0], 2);
	assert_true(seen.redis_full);
	assert_int_equal(number("ZCARD r:stockade:quarantine:high"), 0);
	name(2, "unknownkey:high", 1000, true); /* these may be genuine */
	drain(2);
	assert_int_equal(seen.counts[0], 2);
	assert_int_equal(number("ZCARD r:stockade:unknownkey:high"), 2);
	assert_int_equal(number("LLEN r:queue:high"), 0);
}

static void fence_hand_and_types(void **state)
{
	struct stk_reserved got;

	(void)state;
	say("RPUSH r:queue:high a b");
	drain(2);
	name(2, "quarantine:high", 1000, true);
	say("SET r:stockade:quarantine:high x");
	assert_int_equal(drain(0), STK_ANSWER_STORE);
	say("DEL r:stockade:quarantine:high");
	assert_int_equal(stk_store_reserve(&s, queues, 2, &got, &v), STK_OK);
	assert_int_equal(drain(2), STK_ANSWER_AGAIN); /* one job is in hand */
	say("DEL r:stockade:live");
	assert_int_equal(drain(2), STK_ANSWER_FENCED);
	assert_int_equal(number("LLEN r:queue:high"), 1);
}

static void refuses_incomplete_plans(void **state)
{
	(void)state;
	plan.n = STK_DRAIN_MOST + 1;
	assert_int_equal(stk_store_drain(&s, &plan, queues, 2, 0, &seen, &v), STK_E_FORMAT);
	plan.n = 1;
	assert_int_equal(stk_store_drain(&s, &plan, queues, 2, 0, &seen, &v), STK_E_FORMAT);
	plan = (struct stk_drain){ 0 };
	assert_int_equal(
	    stk_store_drain(&s, &plan, queues, 2, STK_DRAIN_MOST + 1, &seen, &v), STK_E_FORMAT);
}

/* One on its way while the worker judges; a reply that is lost, or a script that is, is asked for
 * again. */
static void two_halves_are_one_call(void **state)
{
	(void)state;
	say("RPUSH r:queue:high a b c d e f");
	assert_int_equal(drain(2), STK_ANSWER_OK);
	name(2, "quarantine:high", 10, true);
	plan.first = 2;
	assert_int_equal(stk_store_drain_send(&s, &plan, queues, 2, 2), STK_OK);
	assert_int_equal(stk_store_drain_hear(&s, &plan, queues, 2, &seen, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_OK);
	assert_int_equal(seen.counts[0], 2);
	assert_int_equal(seen.n, 2); /* behind c and d, which are judged meanwhile */
	assert_memory_equal(seen.bytes[0].p, "e", 1);
	assert_int_equal(number("LLEN r:queue:high"), 4);

	/* the reply is lost: the same number is asked for again and says the same */
	plan.number++;
	assert_int_equal(stk_store_drain_send(&s, &plan, queues, 2, 2), STK_OK);
	stk_redis_close(link_);
	assert_int_equal(stk_store_drain_hear(&s, &plan, queues, 2, &seen, &v), STK_E_CLOSED);
	assert_int_equal(stk_redis_connect(link_), STK_OK);
	assert_int_equal(drain(0), STK_ANSWER_OK);
	assert_int_equal(seen.counts[0], 0); /* neither c nor d was named */
	assert_int_equal(number("LLEN r:queue:high"), 4);

	say("SCRIPT FLUSH");
	assert_int_equal(stk_store_drain_send(&s, &plan, queues, 2, 2), STK_OK);
	assert_int_equal(stk_store_drain_hear(&s, &plan, queues, 2, &seen, &v), STK_E_REFUSED);
	assert_int_equal(drain(2), STK_ANSWER_OK);
	assert_int_equal(seen.n, 2);
}

static void guard_trips_once_and_a_signature_ends_it(void **state)
{
	static struct stk_guard g;
	struct stk_admission bad = { .verdict = STK_V_E_SIGNATURE },
			     junk = { .verdict = STK_V_E_UNSIGNED },
			     good = { .verdict = STK_V_E_EXPIRED,
				     .authenticated = true,
				     .signature_valid = true };

	(void)state;
	g = (struct stk_guard){ 0 };
	for (int i = 0; i < 1000; i++)
		assert_int_equal(stk_guard_saw(&g, 0, &junk), STK_GUARD_NOTHING);
	for (int i = 1; i < STK_GUARD_REFUSALS; i++)
		assert_int_equal(stk_guard_saw(&g, 0, &bad), STK_GUARD_NOTHING);
	assert_int_equal(stk_guard_saw(&g, 0, &bad), STK_GUARD_TRIPS);
	assert_int_equal(stk_guard_saw(&g, 0, &bad), STK_GUARD_DIVERTS);
	assert_int_equal(stk_guard_saw(&g, 1, &bad), STK_GUARD_NOTHING); /* another queue */
	assert_int_equal(stk_guard_saw(&g, 0, &good), STK_GUARD_NOTHING);
	assert_int_equal(stk_guard_saw(&g, 0, &bad), STK_GUARD_NOTHING);
	assert_int_equal(stk_guard_saw(&g, STK_WORKER_QUEUES_MAX, &bad), STK_GUARD_NOTHING);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, each_begins, each_ends)
	const struct CMUnitTest tests[] = {
		T(looks_without_touching),
		T(only_named_heads_leave),
		T(another_worker_was_faster),
		T(a_pause_that_came_between_holds),
		T(a_lost_reply_is_told_again),
		T(stops_before_what_is_too_large),
		T(many_bytes_end_a_look),
		T(keeps_within_bounds),
		T(a_full_redis_is_emptied),
		T(fence_hand_and_types),
		T(refuses_incomplete_plans),
		T(two_halves_are_one_call),
		T(guard_trips_once_and_a_signature_ends_it),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

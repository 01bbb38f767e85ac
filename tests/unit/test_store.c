/*
 * test_store.c - the typed calls themselves: what they refuse before Redis sees it, how they name
 * Redis's refusals, and that they speak no command outside the protocol (MONITOR).
 */
#include "tests/harness.h"

#include "tests/lib/redis_server.h"
#include "worker/store.h"
#include "worker/times.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct test_redis server;
static const char *const queues[] = { "high", "low" };

static int start_server(void **state)
{
	(void)state;
	return test_redis_start(&server, NULL) ? 0 : -1;
}

static int stop_server(void **state)
{
	(void)state;
	test_redis_stop(&server);
	return 0;
}

static struct stk_redis *begin(struct stk_store *s)
{
	struct stk_redis *r = test_redis_link(&server);
	char started[STK_TIME_BYTES];
	enum stk_answer v;

	assert_non_null(r);
	assert_int_equal(stk_redis_connected(r), true);
	stk_reply_free(test_redis_do(r, "FLUSHALL"));
	stk_time_shown(started, 0);
	assert_int_equal(stk_store_init(s, r, "resque", "h:1:high,low"), STK_OK);
	assert_int_equal(stk_store_register(s, queues, 2, started, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_OK);
	return r;
}

static void refuses_names_that_could_leave_their_place(void **state)
{
	static const char *const bad[] = { "", "a b", "a\nb", "a\"b", "a<b", "a>b", "a&b", "a'b",
		"a\\b", "a,b", "a#b", "a\x7f", "\xc3\xa9",
		"0123456789012345678901234567890123456789012345678901234567890123x" };
	struct stk_store s;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++) {
		assert_false(stk_queue_ok(bad[i]));
		if (i > 0 && strchr(bad[i], ',') == NULL && strlen(bad[i]) < 64) {
			assert_int_equal(stk_store_init(&s, NULL, bad[i], "h:1:q"), STK_E_FORMAT);
			assert_int_equal(stk_store_init(&s, NULL, "ns", bad[i]), STK_E_FORMAT);
		}
	}
	assert_true(stk_queue_ok("a:b.c-d_E/f*"));
	assert_int_equal(stk_store_init(&s, NULL, "ns", "h:1:a,b"), STK_OK);
	assert_int_equal(strlen(s.instance), STK_INSTANCE_CHARS);
}

static void refuses_incomplete_settlements(void **state)
{
	static const struct stk_settle bad[] = {
		{ .seq = 0 },
		{ .seq = 1, .what = STK_SETTLE_FAIL },
		{ .seq = 1, .what = (enum stk_settle_what)99 },
		{ .seq = 1, .what = STK_SETTLE_PARK, .delay_ms = -1 },
		{ .seq = 1, .what = STK_SETTLE_PARK, .job_id = "a b" },
		{ .seq = 1, .what = STK_SETTLE_QUARANTINE },
		{ .seq = 1,
		    .what = STK_SETTLE_QUARANTINE,
		    .area = "a",
		    .entry = { (const uint8_t *)"x", 1 } },
		{ .seq = 1, .what = STK_SETTLE_DROP, .note = { (const uint8_t *)"x", 1 } },
	};
	struct stk_store s;
	struct stk_redis *r = begin(&s);
	enum stk_answer v;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++)
		assert_int_equal(stk_store_settle(&s, &bad[i], &v), STK_E_FORMAT);
	stk_store_clear(&s);
	stk_redis_free(r);
}

static void refuses_victims_of_another_form(void **state)
{
	struct stk_store s;
	struct stk_redis *r = begin(&s);
	struct stk_recovered out;
	enum stk_answer v;

	(void)state;
	assert_int_equal(stk_store_recover(&s, "x", queues, 2, NULL, stk_span_of("", 0), &out, &v),
	    STK_E_FORMAT);
	assert_int_equal(stk_store_recover(&s, "0123456789abcdef0123456789abcde*", queues, 2, NULL,
			     stk_span_of("", 0), &out, &v),
	    STK_E_FORMAT);
	assert_int_equal(
	    stk_store_recover(&s, s.instance, queues, 0, NULL, stk_span_of("", 0), &out, &v),
	    STK_E_TOOBIG);
	stk_store_clear(&s);
	stk_redis_free(r);
}

static void loads_scripts_again_after_a_flush(void **state)
{
	struct stk_store s;
	struct stk_redis *r = begin(&s);
	enum stk_answer v;

	(void)state;
	assert_int_equal(stk_store_beat(&s, "x", &v), STK_OK);
	stk_reply_free(test_redis_do(r, "SCRIPT FLUSH"));
	assert_int_equal(stk_store_beat(&s, "x", &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_OK);
	assert_true(test_redis_says(r, "ZSCORE resque:stockade:live nobody", NULL));
	stk_store_clear(&s);
	stk_redis_free(r);
}

static void enqueues_set_and_list_together_or_says_no(void **state)
{
	struct stk_store s;
	struct stk_redis *r = begin(&s);

	(void)state;
	assert_int_equal(stk_store_enqueue(&s, "high", stk_span_of("a\0b", 3)), STK_OK);
	assert_int_equal(test_redis_int(r, "SISMEMBER resque:queues high"), 1);
	assert_int_equal(test_redis_int(r, "LLEN resque:queue:high"), 1);
	assert_int_equal(stk_store_enqueue(&s, "bad queue", stk_span_of("a", 1)), STK_E_FORMAT);
	stk_reply_free(test_redis_do(r, "SET resque:queue:low oops"));
	assert_int_equal(stk_store_enqueue(&s, "low", stk_span_of("a", 1)), STK_E_REFUSED);
	assert_int_equal(stk_redis_problem(r), STK_RP_WRONGTYPE);
	stk_reply_free(test_redis_do(r, "CONFIG SET maxmemory 1"));
	assert_int_equal(stk_store_enqueue(&s, "high", stk_span_of("a", 1)), STK_E_REFUSED);
	assert_int_equal(stk_redis_problem(r), STK_RP_OOM);
	stk_reply_free(test_redis_do(r, "CONFIG SET maxmemory 0"));
	assert_int_equal(test_redis_int(r, "LLEN resque:queue:high"), 1);
	stk_store_clear(&s);
	stk_redis_free(r);
}

/* Names that are no instance, among them one larger than a reply may be, stand before all others.
 */
static void junk_hides_nobody(struct stk_redis *r, struct stk_store *store)
{
	static uint8_t huge[400000];
	const struct stk_span argv[] = { stk_span_str("ZADD"),
		stk_span_str("resque:stockade:graves"), stk_span_str("1"),
		stk_span_of(huge, sizeof(huge)) };
	struct stk_reply *reply = NULL;
	struct stk_peer peer;
	char words[80];
	int64_t at = 0;
	size_t n;

	memset(huge, 'z', sizeof(huge));
	assert_int_equal(stk_redis_call(r, argv, 4, &reply), STK_OK);
	stk_reply_free(reply);
	for (int i = 0; i < 9000; i++) {
		(void)snprintf(words, sizeof(words), "ZADD resque:stockade:graves 2 junk%d", i);
		stk_reply_free(test_redis_do(r, words));
	}
	assert_int_equal(stk_store_graves_from(store, &at, &peer, 1, &n), STK_OK);
	assert_int_equal(n, 1);
	assert_int_equal(at, 0);
	at = 8000;
	assert_int_equal(stk_store_graves_from(store, &at, &peer, 1, &n), STK_OK);
	assert_int_equal(n, 1);
}

static void lists_the_living_and_the_dead(void **state)
{
	struct stk_store s, other;
	struct stk_redis *r = begin(&s);
	struct stk_peer peers[4];
	struct stk_recovered rec;
	enum stk_answer v;
	size_t n;

	(void)state;
	assert_int_equal(stk_store_init(&other, r, "resque", "h:2:high"), STK_OK);
	assert_int_equal(stk_store_register(&other, queues, 2, "x", &v), STK_OK);
	stk_reply_free(test_redis_do(r, "ZADD resque:stockade:live 5 garbage"));
	assert_int_equal(stk_store_beat(&s, "x", &v), STK_OK);
	assert_int_equal(stk_store_live(&s, peers, 4, &n), STK_OK);
	assert_int_equal(n, 2);
	assert_string_equal(peers[0].instance, other.instance);
	assert_int_equal(peers[1].score, 2);
	assert_int_equal(stk_store_live(&s, peers, 1, &n), STK_OK);
	assert_int_equal(n, 1);
	assert_int_equal(
	    stk_store_recover(&s, other.instance, queues, 2, NULL, stk_span_of("", 0), &rec, &v),
	    STK_OK);
	assert_int_equal(stk_store_graves(&s, peers, 4, &n), STK_OK);
	assert_int_equal(n, 1);
	assert_true(peers[0].score > 1600000000000);
	junk_hides_nobody(r, &s);
	stk_store_clear(&other);
	stk_store_clear(&s);
	stk_redis_free(r);
}

static void only_one_holds_the_prune_lock(void **state)
{
	struct stk_store s;
	struct stk_redis *r = begin(&s);
	bool won;

	(void)state;
	assert_int_equal(stk_store_prune_lock(&s, &won), STK_OK);
	assert_true(won);
	assert_int_equal(stk_store_prune_lock(&s, &won), STK_OK);
	assert_false(won);
	assert_in_range(test_redis_int(r, "TTL resque:pruning_dead_workers_in_progress"), 1, 60);
	stk_store_clear(&s);
	stk_redis_free(r);
}

static void keeps_the_parcel_until_the_next_one(void **state)
{
	struct stk_store s;
	struct stk_redis *r = begin(&s);
	struct stk_reserved got;
	enum stk_answer v;

	(void)state;
	assert_int_equal(stk_store_enqueue(&s, "high", stk_span_of("\0\xff", 2)), STK_OK);
	assert_int_equal(stk_store_reserve(&s, queues, 2, &got, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_JOB);
	assert_int_equal(stk_store_beat(&s, "x", &v), STK_OK);
	assert_true(stk_span_eq(got.parcel.bytes, stk_span_of("\0\xff", 2)));
	stk_store_clear(&s);
	stk_redis_free(r);
}

static void awaits_a_job_without_holding_it_outside_redis(void **state)
{
	struct stk_store s;
	struct stk_redis *r = begin(&s), *side = test_redis_link(&server);
	struct stk_reply *reply = NULL;
	struct stk_reserved got;
	enum stk_answer v;
	int64_t began = stk_monotonic_ms();

	(void)state;
	assert_int_equal(stk_store_await(&s, side, "low", 100), STK_OK);
	assert_int_equal(stk_redis_receive(side, 1000, &reply), STK_OK);
	assert_int_equal(reply->type, STK_REPLY_NIL);
	stk_reply_free(reply);
	assert_in_range(stk_monotonic_ms() - began, 90, 900);
	assert_int_equal(stk_store_await(&s, side, "low", 1000), STK_OK);
	assert_int_equal(stk_store_enqueue(&s, "low", stk_span_str("one")), STK_OK);
	assert_int_equal(stk_redis_receive(side, 900, &reply), STK_OK);
	assert_true(stk_reply_is(reply, "one"));
	stk_reply_free(reply);
	stk_redis_free(side); /* whatever becomes of this link, the job is in our list */
	assert_int_equal(stk_store_reserve(&s, queues, 2, &got, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_JOB);
	assert_true(stk_span_eq(got.parcel.bytes, stk_span_str("one")));
	assert_int_equal(stk_store_await(&s, r, "low", 0), STK_E_FORMAT);
	stk_store_clear(&s);
	stk_redis_free(r);
}

static void says_when_a_foreign_tool_had_filed_the_job(void **state)
{
	struct stk_store s;
	struct stk_redis *r = begin(&s);
	struct stk_reserved got;
	enum stk_answer v;

	(void)state;
	for (int64_t seq = 1; seq <= 2; seq++) {
		assert_int_equal(stk_store_enqueue(&s, "low", stk_span_str("one")), STK_OK);
		assert_int_equal(stk_store_reserve(&s, queues, 2, &got, &v), STK_OK);
		assert_int_equal(stk_store_show(&s, seq, stk_span_str("{}"), &v), STK_OK);
		if (seq == 2)
			stk_reply_free(test_redis_do(r, "DEL resque:worker:h:1:high,low"));
		assert_int_equal(
		    stk_store_settle(&s, &(struct stk_settle){ .seq = seq }, &v), STK_OK);
		assert_int_equal(v, STK_ANSWER_OK);
		assert_int_equal(s.detail, seq - 1);
	}
	stk_store_clear(&s);
	stk_redis_free(r);
}

/* One line of MONITOR is the client's command or, marked "lua", one of a script. */
static bool allowed(const char *line)
{
	static const char *const never[] = { "\"KEYS\"", "\"SCAN\"", "\"LMOVE\"", "\"ZINCRBY\"",
		"\"FLUSH", "\"keys\"", "\"scan\"", "\"EVAL\"" };

	for (size_t i = 0; i < STK_ARRAY_LEN(never); i++)
		if (strstr(line, never[i]) != NULL)
			return false;
	return true;
}

static void speaks_no_command_outside_the_protocol(void **state)
{
	static const struct stk_span monitor = { (const uint8_t *)"MONITOR", 7 };
	struct stk_store s;
	struct stk_redis *r = begin(&s), *watch = test_redis_link(&server);
	struct stk_reply *line = NULL;
	struct stk_reserved got;
	enum stk_answer v, settled;
	int lines = 0, of_scripts = 0;

	(void)state;
	assert_int_equal(stk_redis_call(watch, &monitor, 1, &line), STK_OK);
	stk_reply_free(line);
	assert_int_equal(stk_store_enqueue(&s, "low", stk_span_of("a", 1)), STK_OK);
	assert_int_equal(stk_store_reserve(&s, queues, 2, &got, &v), STK_OK);
	assert_int_equal(stk_store_settle_and_reserve(&s,
			     &(struct stk_settle){ .seq = 1, .what = STK_SETTLE_RETRY }, &settled,
			     queues, 2, &got, &v),
	    STK_OK);
	assert_int_equal(v, STK_ANSWER_JOB);
	assert_int_equal(stk_store_settle(&s, &(struct stk_settle){ .seq = 2 }, &v), STK_OK);
	assert_int_equal(stk_store_beat(&s, "x", &v), STK_OK);
	assert_int_equal(stk_store_unregister(&s, &v), STK_OK);
	while (stk_redis_receive(watch, 100, &line) == STK_OK) {
		const char *text = (const char *)line->bytes.p;

		lines++;
		of_scripts += strstr(text, " lua] ") != NULL;
		if (!allowed(text))
			fail_msg("%s", text);
		stk_reply_free(line);
	}
	assert_true(lines > 50);
	assert_true(of_scripts > 40); /* the watch saw inside the scripts */
	stk_store_clear(&s);
	stk_redis_free(r);
	stk_redis_free(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_names_that_could_leave_their_place),
		cmocka_unit_test(refuses_incomplete_settlements),
		cmocka_unit_test(refuses_victims_of_another_form),
		cmocka_unit_test(loads_scripts_again_after_a_flush),
		cmocka_unit_test(enqueues_set_and_list_together_or_says_no),
		cmocka_unit_test(lists_the_living_and_the_dead),
		cmocka_unit_test(only_one_holds_the_prune_lock),
		cmocka_unit_test(keeps_the_parcel_until_the_next_one),
		cmocka_unit_test(awaits_a_job_without_holding_it_outside_redis),
		cmocka_unit_test(says_when_a_foreign_tool_had_filed_the_job),
		cmocka_unit_test(speaks_no_command_outside_the_protocol),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}

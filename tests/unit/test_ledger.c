/*
 * test_ledger.c - claim, finish and epoch on a real Redis in every state PROTOCOL.md names:
 * records, leases, limiters, places, loss of the ledger, a full server; and what a record measures.
 */
#include "tests/harness.h"

#include "tests/lib/redis_server.h"
#include "worker/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEASE_MS 3600000

struct world {
	struct test_redis server;
	struct stk_redis *link, *tools;
	struct stk_ledger a, b;
	struct stk_rates rates;
	struct stk_claimed got;
	int64_t exp_s;
};

static int start(void **state)
{
	static struct world w;

	*state = &w;
	if (!test_redis_start(&w.server, NULL))
		return -1;
	w.link = test_redis_link(&w.server);
	w.tools = test_redis_link(&w.server);
	return w.link != NULL && w.tools != NULL ? 0 : -1;
}

static int stop(void **state)
{
	struct world *w = *state;

	stk_redis_free(w->link);
	stk_redis_free(w->tools);
	test_redis_stop(&w->server);
	return 0;
}

static void see(struct stk_ledger *l)
{
	struct stk_ledger_sight s;

	assert_int_equal(stk_ledger_look(l, &s), STK_OK);
	l->known = s.epoch;
}

static void begin(struct world *w, int64_t min_iat)
{
	enum stk_answer v;

	assert_int_equal(stk_ledger_begin(&w->a, min_iat, 4, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_OK);
	see(&w->a);
	see(&w->b);
}

/* An empty server, one epoch, two workers. */
static int fresh(void **state)
{
	struct world *w = *state;

	stk_reply_free(test_redis_do(w->tools, "FLUSHALL"));
	w->a = w->b = (struct stk_ledger){ 0 };
	assert_int_equal(stk_store_init(&w->a.call, w->link, "r", "h:1:q"), STK_OK);
	assert_int_equal(stk_store_init(&w->b.call, w->link, "r", "h:2:q"), STK_OK);
	w->rates = (struct stk_rates){ 0 };
	w->exp_s = (int64_t)time(NULL) + 3600;
	begin(w, 0);
	return 0;
}

/* Job number @n as a claim with everything ordinary. */
static struct stk_claim job(struct world *w, unsigned n, int64_t seq)
{
	static char ids[16][33];
	char *id = ids[n % 16];

	(void)snprintf(id, 33, "%08x%024x", n * 2654435761u, n);
	return (struct stk_claim){ .seq = seq,
		.job_id = id,
		.exp_s = w->exp_s,
		.runs = 3,
		.iat_s = 1000,
		.lease_ms = LEASE_MS,
		.keep_s = 86400,
		.factor = 1000,
		.rates = &w->rates };
}

static enum stk_answer claim(struct world *w, struct stk_ledger *l, struct stk_claim c)
{
	enum stk_answer v;

	assert_int_equal(stk_ledger_claim(l, &c, &w->got, &v), STK_OK);
	return v;
}

static enum stk_answer finish(
    struct stk_ledger *l, struct stk_claim c, int64_t run, enum stk_finish what)
{
	enum stk_answer v;

	assert_int_equal(stk_ledger_finish(l, &c, run, what, &v), STK_OK);
	return v;
}

#define WORLD struct world *w = *state

/* --- runs ------------------------------------------------------------------------------------- */

static void a_done_job_is_done_for_ever(void **state)
{
	WORLD;
	struct stk_claim c = job(w, 1, 1), again = job(w, 1, 9);

	assert_int_equal(claim(w, &w->a, c), STK_ANSWER_RUN);
	assert_int_equal(w->got.run, 1);
	assert_int_equal(finish(&w->a, c, 1, STK_FINISH_DONE), STK_ANSWER_OK);
	assert_int_equal(finish(&w->a, c, 1, STK_FINISH_DONE), STK_ANSWER_ALREADY);
	assert_int_equal(claim(w, &w->a, c), STK_ANSWER_DONE);
	assert_int_equal(claim(w, &w->b, again), STK_ANSWER_DONE);
	assert_int_equal(claim(w, &w->b, job(w, 2, 1)), STK_ANSWER_RUN);
}

static void a_failed_job_runs_until_its_runs_are_spent(void **state)
{
	WORLD;

	for (int64_t n = 1; n <= 3; n++) {
		assert_int_equal(claim(w, &w->a, job(w, 1, n)), STK_ANSWER_RUN);
		assert_int_equal(w->got.run, n);
		assert_int_equal(finish(&w->a, job(w, 1, n), n, STK_FINISH_FAILED), STK_ANSWER_OK);
		assert_int_equal(
		    finish(&w->a, job(w, 1, n), n, STK_FINISH_FAILED), STK_ANSWER_ALREADY);
	}
	assert_int_equal(claim(w, &w->a, job(w, 1, 4)), STK_ANSWER_EXHAUSTED);
}

static void the_same_seq_gets_the_same_run(void **state)
{
	WORLD;

	for (int i = 0; i < 5; i++) { /* the reply was lost */
		assert_int_equal(claim(w, &w->a, job(w, 1, 7)), STK_ANSWER_RUN);
		assert_int_equal(w->got.run, 1);
	}
	assert_int_equal(claim(w, &w->a, job(w, 1, 8)), STK_ANSWER_BUSY);
}

static void a_lease_keeps_others_away_until_it_ends(void **state)
{
	WORLD;
	struct stk_claim c = job(w, 1, 1), d = job(w, 1, 2);

	c.lease_ms = 300;
	assert_int_equal(claim(w, &w->a, c), STK_ANSWER_RUN);
	assert_int_equal(claim(w, &w->b, d), STK_ANSWER_BUSY);
	assert_in_range(w->got.wait_ms, 1, 300);
	while (claim(w, &w->b, d) == STK_ANSWER_BUSY)
		assert_in_range(w->got.wait_ms, 1, 300);
	assert_int_equal(w->got.run, 2); /* the crashed run stays spent */
	/* the first owner comes back: late alone would not be stale, taken over is */
	assert_int_equal(finish(&w->a, c, 1, STK_FINISH_DONE), STK_ANSWER_STALE);
	assert_int_equal(finish(&w->b, d, 2, STK_FINISH_DONE), STK_ANSWER_OK);
	assert_int_equal(finish(&w->a, c, 1, STK_FINISH_DONE), STK_ANSWER_STALE);
	assert_int_equal(finish(&w->a, c, 1, STK_FINISH_FAILED), STK_ANSWER_STALE);
}

static void an_expired_lease_alone_is_not_stale(void **state)
{
	WORLD;
	struct stk_claim c = job(w, 1, 1);
	const struct timespec t = { .tv_nsec = 20000000 };

	c.lease_ms = 1;
	assert_int_equal(claim(w, &w->a, c), STK_ANSWER_RUN);
	(void)nanosleep(&t, NULL);
	assert_int_equal(finish(&w->a, c, 1, STK_FINISH_DONE), STK_ANSWER_OK);
}

static void a_successor_names_the_lease_that_has_ended(void **state)
{
	WORLD;
	struct stk_claim d = job(w, 1, 2);

	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RUN);
	d.over = w->b.call.instance;
	assert_int_equal(claim(w, &w->b, d), STK_ANSWER_BUSY); /* another's */
	d.over = w->a.call.instance;
	assert_int_equal(claim(w, &w->b, d), STK_ANSWER_RUN);
	assert_int_equal(w->got.run, 2);
}

static void a_run_that_never_started_is_given_back(void **state)
{
	WORLD;

	for (int64_t n = 1; n <= 10; n++) {
		assert_int_equal(claim(w, &w->a, job(w, 1, n)), STK_ANSWER_RUN);
		assert_int_equal(w->got.run, 1);
		assert_int_equal(finish(&w->a, job(w, 1, n), 1, STK_FINISH_UNUSED), STK_ANSWER_OK);
	}
	assert_int_equal(claim(w, &w->a, job(w, 1, 20)), STK_ANSWER_RUN);
	assert_int_equal(finish(&w->a, job(w, 1, 20), 1, STK_FINISH_FAILED), STK_ANSWER_OK);
	assert_int_equal(claim(w, &w->a, job(w, 1, 21)), STK_ANSWER_RUN);
	assert_int_equal(finish(&w->a, job(w, 1, 21), 2, STK_FINISH_UNUSED), STK_ANSWER_OK);
	assert_int_equal(finish(&w->a, job(w, 1, 21), 2, STK_FINISH_UNUSED), STK_ANSWER_ALREADY);
	assert_int_equal(claim(w, &w->a, job(w, 1, 22)), STK_ANSWER_RUN);
	assert_int_equal(w->got.run, 2);
}

static void a_missing_record_refuses_nobody_and_keeps_a_success(void **state)
{
	WORLD;

	assert_int_equal(finish(&w->a, job(w, 1, 1), 1, STK_FINISH_FAILED), STK_ANSWER_OK);
	assert_int_equal(finish(&w->a, job(w, 1, 1), 1, STK_FINISH_DONE), STK_ANSWER_OK);
	assert_int_equal(claim(w, &w->a, job(w, 1, 2)), STK_ANSWER_DONE);
}

/* The hash that holds the only record, and its field. */
static void set_record(struct world *w, const char *value, size_t len)
{
	struct stk_reply *keys = test_redis_do(w->tools, "KEYS r:stockade:l:*");
	struct stk_reply *fields, *out = NULL;
	struct stk_span argv[4];

	assert_int_equal(keys->n, 1);
	argv[0] = stk_span_str("HKEYS");
	argv[1] = keys->elements[0].bytes;
	assert_int_equal(stk_redis_call(w->tools, argv, 2, &fields), STK_OK);
	assert_int_equal(fields->n, 1);
	argv[0] = stk_span_str("HSET");
	argv[2] = fields->elements[0].bytes;
	argv[3] = stk_span_of(value, len);
	assert_int_equal(stk_redis_call(w->tools, argv, 4, &out), STK_OK);
	stk_reply_free(out);
	stk_reply_free(fields);
	stk_reply_free(keys);
}

static void blocked_and_damaged_records_have_their_names(void **state)
{
	static const char *const damaged[] = { "", "D", "Q1", "R1", "Dxx", "XX",
		"R\1aaaaaaaaaaaaaaaa:", "R\1aaaaaaaaaaaaaaaa1:x", "R\1aaa1:2" };
	WORLD;

	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RUN);
	set_record(w, "X", 1);
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_BLOCKED);
	assert_int_equal(finish(&w->a, job(w, 1, 1), 1, STK_FINISH_DONE), STK_ANSWER_OK);
	assert_int_equal(claim(w, &w->a, job(w, 1, 2)), STK_ANSWER_BLOCKED);
	for (size_t i = 0; i < STK_ARRAY_LEN(damaged); i++) {
		set_record(w, damaged[i], strlen(damaged[i]));
		assert_int_equal(claim(w, &w->a, job(w, 1, 2)), STK_ANSWER_CORRUPT);
		assert_int_equal(finish(&w->a, job(w, 1, 2), 1, STK_FINISH_DONE), STK_ANSWER_STALE);
	}
}

static void wrong_types_are_named_and_nothing_is_done(void **state)
{
	WORLD;
	struct stk_reply *keys;
	char words[200];

	w->rates.n_limiters = w->rates.n_places = 1;
	w->rates.limiters[0] = (struct stk_limiter){ .name = "p:web", .per_h = 3600, .burst = 5 };
	w->rates.places[0] = (struct stk_place){ .name = "c:X", .most = 1 };
	stk_reply_free(test_redis_do(w->tools, "LPUSH r:stockade:rate:p:web x"));
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_STORE);
	assert_string_equal(w->a.call.bad_key, "stockade:rate:p:web");
	stk_reply_free(test_redis_do(w->tools, "DEL r:stockade:rate:p:web"));
	stk_reply_free(test_redis_do(w->tools, "SET r:stockade:running:c:X x"));
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_STORE);
	stk_reply_free(test_redis_do(w->tools, "DEL r:stockade:running:c:X"));
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RUN);
	keys = test_redis_do(w->tools, "KEYS r:stockade:l:*");
	(void)snprintf(words, sizeof(words), "SET %s x", (const char *)keys->elements[0].bytes.p);
	stk_reply_free(keys);
	stk_reply_free(test_redis_do(w->tools, words));
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_STORE);
	assert_int_equal(finish(&w->a, job(w, 1, 1), 1, STK_FINISH_DONE), STK_ANSWER_STORE);
	stk_reply_free(test_redis_do(w->tools, "SET r:stockade:epoch x"));
	assert_int_equal(claim(w, &w->a, job(w, 2, 1)), STK_ANSWER_STORE);
}

/* --- loss of the ledger ----------------------------------------------------------------------- */

static void nothing_runs_on_an_emptied_ledger(void **state)
{
	WORLD;
	struct stk_ledger_sight s;

	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RUN);
	stk_reply_free(test_redis_do(w->tools, "FLUSHALL"));
	assert_int_equal(claim(w, &w->a, job(w, 2, 1)), STK_ANSWER_LOST);
	assert_int_equal(claim(w, &w->b, job(w, 1, 2)), STK_ANSWER_LOST);
	assert_int_equal(finish(&w->a, job(w, 1, 1), 1, STK_FINISH_DONE), STK_ANSWER_OK);
	assert_int_equal(stk_ledger_look(&w->a, &s), STK_OK);
	assert_false(stk_epoch_follows(&w->a.known, &s.epoch));
	/* a new epoch is believed, for younger jobs */
	begin(w, 2000);
	assert_int_equal(claim(w, &w->b, job(w, 1, 2)), STK_ANSWER_OLD);
	struct stk_claim young = job(w, 3, 3);

	young.iat_s = 2000;
	assert_int_equal(claim(w, &w->b, young), STK_ANSWER_RUN);
}

static void an_older_copy_is_not_believed(void **state)
{
	WORLD;
	struct stk_epoch known, seen, newer;

	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RUN);
	known = seen = w->a.known;
	assert_true(stk_epoch_follows(&known, &seen));
	seen.mark_ms = known.mark_ms - STK_LEDGER_FORGETS_MS; /* what a crash may lose */
	assert_true(stk_epoch_follows(&known, &seen));
	seen.mark_ms--;
	assert_false(stk_epoch_follows(&known, &seen));
	/* in the script too, for a server that was exchanged between the look and the claim */
	w->a.known.mark_ms += STK_LEDGER_FORGETS_MS + 3600000;
	assert_int_equal(claim(w, &w->a, job(w, 2, 1)), STK_ANSWER_LOST);
	/* an epoch from before, and one begun since */
	newer = known;
	memset(newer.id, 'a', 32);
	assert_false(stk_epoch_follows(&known, &newer));
	newer.at_ms++;
	assert_true(stk_epoch_follows(&known, &newer));
	assert_false(stk_epoch_follows(&newer, &known));
	assert_true(stk_epoch_follows(&(struct stk_epoch){ 0 }, &known));
	assert_false(stk_epoch_follows(&(struct stk_epoch){ 0 }, &(struct stk_epoch){ 0 }));
}

static void an_epoch_survives_as_text(void **state)
{
	static const char *const no[] = { "", "x", "0123456789abcdef0123456789abcdef",
		"0123456789abcdef0123456789abcdef 1", "0123456789abcdef0123456789abcdef 1 ",
		"0123456789abcdef0123456789abcdef 1 2 ", "0123456789abcdef0123456789abcdeF 1 2",
		"0123456789abcdef0123456789abcdef -1 2",
		"0123456789abcdef0123456789abcdef 1 99999999999999999999" };
	char text[STK_EPOCH_TEXT];
	struct stk_epoch back;
	WORLD;

	stk_epoch_text(&w->a.known, text);
	assert_true(stk_epoch_parse(stk_span_str(text), &back));
	assert_memory_equal(&back, &w->a.known, sizeof(back));
	for (size_t i = 0; i < STK_ARRAY_LEN(no); i++)
		assert_false(stk_epoch_parse(stk_span_str(no[i]), &back));
}

static void a_new_epoch_is_never_less_careful(void **state)
{
	WORLD;
	struct stk_ledger_sight s;
	char first[33];

	memcpy(first, w->a.known.id, sizeof(first));
	begin(w, 5000);
	assert_string_not_equal(w->a.known.id, first);
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_OLD);
	begin(w, 0); /* the earlier bound stays */
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_OLD);
	assert_int_equal(stk_ledger_look(&w->a, &s), STK_OK);
	assert_int_equal(s.min_iat_s, 5000);
	assert_int_equal(s.shards, 4);
	assert_string_equal(s.policy, "noeviction");
}

/* --- rates ------------------------------------------------------------------------------------ */

static void limiters_ask_all_before_they_take(void **state)
{
	WORLD;

	w->rates.n_limiters = 2;
	w->rates.limiters[0] = (struct stk_limiter){ .name = "p:web", .per_h = 1, .burst = 3 };
	w->rates.limiters[1] = (struct stk_limiter){ .name = "c:X", .per_h = 1, .burst = 2 };
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RUN);
	assert_int_equal(claim(w, &w->a, job(w, 2, 2)), STK_ANSWER_RUN);
	for (unsigned n = 3; n < 10; n++) {
		assert_int_equal(claim(w, &w->a, job(w, n, n)), STK_ANSWER_RATE);
		assert_string_equal(w->got.limiter, "c:X");
		assert_in_range(w->got.wait_ms, 3590000, 3600000);
		assert_in_range(w->got.interval_ms, 3600000, 3600000);
	}
	w->rates.n_limiters = 1; /* p:web has one left: the refused ones took nothing */
	assert_int_equal(claim(w, &w->a, job(w, 10, 10)), STK_ANSWER_RUN);
	assert_int_equal(claim(w, &w->a, job(w, 11, 11)), STK_ANSWER_RATE);
	assert_string_equal(w->got.limiter, "p:web");
}

static void replays_spend_nobodys_budget(void **state)
{
	WORLD;

	w->rates.n_limiters = 1;
	w->rates.limiters[0] = (struct stk_limiter){ .name = "p:web", .per_h = 1, .burst = 3 };
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RUN);
	for (int n = 2; n < 500; n++)
		assert_int_equal(claim(w, &w->b, job(w, 1, n)), STK_ANSWER_BUSY);
	assert_int_equal(finish(&w->a, job(w, 1, 1), 1, STK_FINISH_DONE), STK_ANSWER_OK);
	for (int n = 2; n < 500; n++)
		assert_int_equal(claim(w, &w->b, job(w, 1, n)), STK_ANSWER_DONE);
	assert_int_equal(claim(w, &w->a, job(w, 2, 2)), STK_ANSWER_RUN);
	assert_int_equal(claim(w, &w->a, job(w, 2, 2)), STK_ANSWER_RUN); /* asked again: free */
	assert_int_equal(claim(w, &w->a, job(w, 3, 3)), STK_ANSWER_RUN);
	assert_int_equal(claim(w, &w->a, job(w, 4, 4)), STK_ANSWER_RATE);
	assert_int_equal(test_redis_int(w->tools, "HLEN r:stockade:epoch"), 5);
}

static void a_clock_that_jumped_back_locks_nobody_out(void **state)
{
	WORLD;
	char words[120];

	w->rates.n_limiters = 1;
	w->rates.limiters[0] = (struct stk_limiter){ .name = "p:web", .per_h = 3600, .burst = 2 };
	(void)snprintf(words, sizeof(words), "SET r:stockade:rate:p:web %lld000000",
	    (long long)time(NULL) + 864000);
	stk_reply_free(test_redis_do(w->tools, words));
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RATE);
	assert_in_range(w->got.wait_ms, 900, 1000); /* as after a full burst, no longer */
}

static void a_factor_lowers_a_rate_and_never_raises_it(void **state)
{
	WORLD;
	struct stk_claim c = job(w, 2, 2);

	w->rates.n_limiters = 1;
	w->rates.limiters[0] = (struct stk_limiter){ .name = "p:web", .per_h = 3600, .burst = 1 };
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RUN);
	c.factor = 500;
	assert_int_equal(claim(w, &w->a, c), STK_ANSWER_RATE);
	assert_int_equal(w->got.interval_ms, 2000);
	c.factor = 1000;
	assert_int_equal(claim(w, &w->a, c), STK_ANSWER_RATE);
	assert_int_equal(w->got.interval_ms, 1000);
}

static void places_count_leases_on_all_workers(void **state)
{
	WORLD;
	struct stk_claim d = job(w, 5, 5);

	w->rates.n_places = 1;
	w->rates.places[0] = (struct stk_place){ .name = "c:X", .most = 2 };
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RUN);
	assert_int_equal(claim(w, &w->b, job(w, 2, 1)), STK_ANSWER_RUN);
	assert_int_equal(claim(w, &w->b, job(w, 2, 1)), STK_ANSWER_RUN); /* not twice */
	assert_int_equal(claim(w, &w->a, job(w, 3, 3)), STK_ANSWER_RATE);
	assert_string_equal(w->got.limiter, "running:c:X");
	assert_int_equal(finish(&w->b, job(w, 2, 1), 1, STK_FINISH_FAILED), STK_ANSWER_OK);
	assert_int_equal(claim(w, &w->a, job(w, 3, 3)), STK_ANSWER_RUN);
	assert_int_equal(claim(w, &w->a, job(w, 4, 4)), STK_ANSWER_RATE);
	/* a dead worker's place is free with its lease: here by its successor's word */
	d = job(w, 1, 9);
	d.over = w->a.call.instance;
	assert_int_equal(claim(w, &w->b, d), STK_ANSWER_RUN);
	assert_int_equal(test_redis_int(w->tools, "ZCARD r:stockade:running:c:X"), 2);
}

static void unsigned_queues_have_limits_without_records(void **state)
{
	WORLD;
	struct stk_claim c = job(w, 1, 1);

	c.job_id = NULL;
	w->rates.n_limiters = 1;
	w->rates.limiters[0] = (struct stk_limiter){ .name = "q:free", .per_h = 1, .burst = 1 };
	assert_int_equal(claim(w, &w->a, c), STK_ANSWER_RUN);
	assert_int_equal(w->got.run, 0);
	assert_int_equal(finish(&w->a, c, 0, STK_FINISH_DONE), STK_ANSWER_OK);
	assert_int_equal(claim(w, &w->a, c), STK_ANSWER_RATE);
	assert_int_equal(test_redis_int(w->tools, "DBSIZE"), 2); /* epoch and limiter */
}

/* --- a full server, and what it costs ------------------------------------------------------------
 */

static void claims_go_on_in_a_full_redis(void **state)
{
	WORLD;

	w->rates.n_limiters = w->rates.n_places = 1;
	w->rates.limiters[0] = (struct stk_limiter){ .name = "p:web", .per_h = 3600, .burst = 9 };
	w->rates.places[0] = (struct stk_place){ .name = "c:X", .most = 2 };
	stk_reply_free(test_redis_do(w->tools, "CONFIG SET maxmemory 1"));
	assert_null(test_redis_do(w->tools, "SET x y")); /* it is full */
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RUN);
	assert_int_equal(finish(&w->a, job(w, 1, 1), 1, STK_FINISH_DONE), STK_ANSWER_OK);
	assert_int_equal(claim(w, &w->b, job(w, 1, 2)), STK_ANSWER_DONE);
	stk_reply_free(test_redis_do(w->tools, "CONFIG SET maxmemory 0"));
}

static void records_go_when_nobody_needs_them(void **state)
{
	WORLD;
	struct stk_reply *keys;
	char words[200];
	int64_t ttl;

	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RUN);
	assert_int_equal(finish(&w->a, job(w, 1, 1), 1, STK_FINISH_DONE), STK_ANSWER_OK);
	keys = test_redis_do(w->tools, "KEYS r:stockade:l:*");
	(void)snprintf(words, sizeof(words), "TTL %s", (const char *)keys->elements[0].bytes.p);
	stk_reply_free(keys);
	ttl = test_redis_int(w->tools, words);
	assert_in_range(ttl, 3600 + 86400 - 5, 3600 + 86400 + 600);
}

static int64_t used(struct world *w)
{
	struct stk_ledger_sight s;

	assert_int_equal(stk_ledger_look(&w->a, &s), STK_OK);
	return s.used_bytes;
}

/* 20 000 jobs whose end times lie within ten minutes: 33 a second, the default number of shards. */
static void a_record_takes_at_most_40_bytes(void **state)
{
	WORLD;
	enum {
		N = 20000
	};
	struct stk_reply *keys;
	char words[200];
	int64_t sum = 0, before, n = 0;
	enum stk_answer v;

	stk_reply_free(test_redis_do(w->tools, "FLUSHALL"));
	assert_int_equal(stk_ledger_begin(&w->a, 0, STK_LEDGER_SHARDS, &v), STK_OK);
	see(&w->a);
	w->exp_s = w->exp_s / 600 * 600;
	before = used(w);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(claim(w, &w->a, job(w, i, i + 1)), STK_ANSWER_RUN);
		assert_int_equal(
		    finish(&w->a, job(w, i, i + 1), 1, STK_FINISH_DONE), STK_ANSWER_OK);
	}
	keys = test_redis_do(w->tools, "KEYS r:stockade:l:*");
	for (size_t i = 0; i < keys->n; i++) {
		const char *key = (const char *)keys->elements[i].bytes.p;

		(void)snprintf(words, sizeof(words), "MEMORY USAGE %s SAMPLES 0", key);
		sum += test_redis_int(w->tools, words);
		(void)snprintf(words, sizeof(words), "HLEN %s", key);
		n += test_redis_int(w->tools, words);
	}
	print_message(
	    "%lld records in %zu hashes: %.1f bytes each by MEMORY USAGE, %.1f by used_memory\n",
	    (long long)n, keys->n, (double)sum / (double)n, (double)(used(w) - before) / (double)n);
	assert_int_equal(n, N);
	assert_true(sum <= (int64_t)STK_LEDGER_RECORD * N);
	stk_reply_free(keys);
}

/* The user that `stockade ledger acl` makes can do all of this, and nothing beside it. */
static void its_acl_user_suffices_and_reaches_nothing_else(void **state)
{
	static const char *const no[] = { "GET r:queue:x", "LPOP r:queue:x",
		"SET r:stockade:live x", "HSET r:stockade:w:x a b", "KEYS *", "FLUSHALL",
		"CONFIG GET *", "DEL r:stockade:lost:1" };
	WORLD;
	char acl[1024], words[1400];
	struct stk_redis *link = test_redis_link(&w->server);

	stk_ledger_acl("r", acl, sizeof(acl));
	(void)snprintf(words, sizeof(words), "ACL SETUSER ledger on >x %s", acl);
	assert_true(test_redis_says(w->tools, words, "OK"));
	assert_true(test_redis_says(link, "AUTH ledger x", "OK"));
	w->a.call.link = link;
	memset(w->a.call.sha, 0, sizeof(w->a.call.sha));
	w->rates.n_limiters = w->rates.n_places = 1;
	w->rates.limiters[0] = (struct stk_limiter){ .name = "p:web", .per_h = 3600, .burst = 9 };
	w->rates.places[0] = (struct stk_place){ .name = "c:X", .most = 2 };
	begin(w, 0);
	assert_int_equal(claim(w, &w->a, job(w, 1, 1)), STK_ANSWER_RUN);
	assert_int_equal(finish(&w->a, job(w, 1, 1), 1, STK_FINISH_DONE), STK_ANSWER_OK);
	for (size_t i = 0; i < STK_ARRAY_LEN(no); i++) {
		stk_reply_free(test_redis_do(link, no[i]));
		assert_int_equal(stk_redis_problem(link), STK_RP_NOPERM);
	}
	stk_redis_free(link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_done_job_is_done_for_ever, fresh),
		cmocka_unit_test_setup(a_failed_job_runs_until_its_runs_are_spent, fresh),
		cmocka_unit_test_setup(the_same_seq_gets_the_same_run, fresh),
		cmocka_unit_test_setup(a_lease_keeps_others_away_until_it_ends, fresh),
		cmocka_unit_test_setup(an_expired_lease_alone_is_not_stale, fresh),
		cmocka_unit_test_setup(a_successor_names_the_lease_that_has_ended, fresh),
		cmocka_unit_test_setup(a_run_that_never_started_is_given_back, fresh),
		cmocka_unit_test_setup(a_missing_record_refuses_nobody_and_keeps_a_success, fresh),
		cmocka_unit_test_setup(blocked_and_damaged_records_have_their_names, fresh),
		cmocka_unit_test_setup(wrong_types_are_named_and_nothing_is_done, fresh),
		cmocka_unit_test_setup(nothing_runs_on_an_emptied_ledger, fresh),
		cmocka_unit_test_setup(an_older_copy_is_not_believed, fresh),
		cmocka_unit_test_setup(an_epoch_survives_as_text, fresh),
		cmocka_unit_test_setup(a_new_epoch_is_never_less_careful, fresh),
		cmocka_unit_test_setup(limiters_ask_all_before_they_take, fresh),
		cmocka_unit_test_setup(replays_spend_nobodys_budget, fresh),
		cmocka_unit_test_setup(a_clock_that_jumped_back_locks_nobody_out, fresh),
		cmocka_unit_test_setup(a_factor_lowers_a_rate_and_never_raises_it, fresh),
		cmocka_unit_test_setup(places_count_leases_on_all_workers, fresh),
		cmocka_unit_test_setup(unsigned_queues_have_limits_without_records, fresh),
		cmocka_unit_test_setup(claims_go_on_in_a_full_redis, fresh),
		cmocka_unit_test_setup(records_go_when_nobody_needs_them, fresh),
		cmocka_unit_test_setup(a_record_takes_at_most_40_bytes, fresh),
		cmocka_unit_test_setup(its_acl_user_suffices_and_reaches_nothing_else, fresh),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

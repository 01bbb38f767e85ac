/*
 * test_recover.c - what decides over life and death, case by case: the observation of beats, the
 * wait for Redis, the pulse page, and what is taken for a dead Ruby worker. Whole workers die in
 * tests/integration/31x to 39x.
 */
#include "tests/harness.h"

#include "tests/lib/redis_server.h"
#include "worker/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * In libc's place. While it is held the clock goes on by what a test sleeps and by nothing else, so
 * that a machine that stands still for a while decides over nobody's death; it never goes back.
 */
static int64_t held_ms, ahead_ms;

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);
	int64_t ms;

	if (rc != 0 || id != CLOCK_MONOTONIC)
		return rc;
	ms = held_ms != 0 ? held_ms : (int64_t)ts->tv_sec * 1000 + ts->tv_nsec / 1000000 + ahead_ms;
	*ts = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	return 0;
}

static int hold_clock(void **state)
{
	(void)state;
	held_ms = stk_monotonic_ms();
	return 0;
}

static int let_clock_go(void **state)
{
	int64_t was = held_ms;

	(void)state;
	held_ms = 0;
	if (was > stk_monotonic_ms())
		ahead_ms += was - stk_monotonic_ms();
	return 0;
}

static struct test_redis server;
static const char *queues[] = { "q" };

static int start_server(void **state)
{
	(void)state;
	stk_log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), STK_LOG_JSON, STK_LOG_ERROR);
	return test_redis_start(&server, NULL) ? 0 : -1;
}

static int stop_server(void **state)
{
	(void)state;
	test_redis_stop(&server);
	return 0;
}

static void sleep_ms(int64_t ms)
{
	if (held_ms != 0)
		held_ms += ms;
	else
		(void)usleep((useconds_t)ms * 1000);
}

/* A worker without a cage: what recover.c needs of one. */
static struct stk_worker *worker_new(const struct stk_config *c, const char *id)
{
	struct stk_worker *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->config = c;
	w->life.config = c;
	w->life.signal_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	w->link = test_redis_link(&server);
	assert_non_null(w->link);
	w->life.outage.link = w->link;
	w->queues = queues;
	w->n_queues = 1;
	stk_jw_init(&w->record, 1 << 20);
	stk_jw_init(&w->note, 4096);
	stk_time_shown(w->life.started, 0);
	assert_int_equal(stk_store_init(&w->store, w->link, "resque", id), STK_OK);
	assert_int_equal(stk_worker_register(w), 0);
	w->life.store = &w->store;
	return w;
}

static void worker_free(struct stk_worker *w)
{
	stk_store_clear(&w->store);
	stk_redis_free(w->link);
	stk_close(&w->life.signal_fd);
	stk_jw_clear(&w->record);
	stk_jw_clear(&w->note);
	free(w);
}

static const struct stk_config quick = { .beat_ms = 20,
	.dead_after_ms = 300,
	.stuck_after_ms = 30000,
	.term_timeout_ms = 200,
	.prune_after_ms = 300000,
	.redis_timeout_ms = 500 };

/* Ticks and passes for @ms, as the idle loop does. */
static void live_for(struct stk_worker *w, int64_t ms)
{
	int64_t until = stk_monotonic_ms() + ms;

	while (stk_monotonic_ms() < until) {
		(void)stk_life_tick(&w->life);
		stk_recovery_pass(w);
		sleep_ms(5);
	}
}

static struct stk_redis *fresh_redis(void)
{
	struct stk_redis *r = test_redis_link(&server);

	assert_non_null(r);
	stk_reply_free(test_redis_do(r, "FLUSHALL"));
	return r;
}

static void a_silent_instance_is_dead_and_its_job_returns(void **state)
{
	struct stk_redis *r = fresh_redis();
	struct stk_worker *dead = worker_new(&quick, "a:1:q"), *w = worker_new(&quick, "b:1:q");
	struct stk_reserved job;
	enum stk_answer v;

	(void)state;
	assert_int_equal(test_redis_int(r, "RPUSH resque:queue:q {}"), 1);
	assert_int_equal(stk_store_reserve(&dead->store, queues, 1, &job, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_JOB);
	live_for(w, 150);
	assert_int_equal(test_redis_int(r, "ZCARD resque:stockade:live"), 2);
	live_for(w, 500);
	assert_int_equal(test_redis_int(r, "ZCARD resque:stockade:live"), 1);
	assert_int_equal(test_redis_int(r, "LLEN resque:queue:q"), 1);
	assert_int_equal(w->counters.recovered, 1);
	assert_true(test_redis_says(r, "GET resque:pruning_dead_workers_in_progress", "b:1:q"));
	assert_in_range(test_redis_int(r, "TTL resque:pruning_dead_workers_in_progress"), 1, 60);
	worker_free(dead);
	worker_free(w);
	stk_redis_free(r);
}

static void nobody_dies_while_another_holds_the_lock(void **state)
{
	struct stk_redis *r = fresh_redis();
	struct stk_worker *dead = worker_new(&quick, "a:1:q"), *w = worker_new(&quick, "b:1:q");

	(void)state;
	stk_reply_free(
	    test_redis_do(r, "SET resque:pruning_dead_workers_in_progress ruby:1:q EX 60"));
	live_for(w, 700);
	assert_int_equal(test_redis_int(r, "ZCARD resque:stockade:live"), 2);
	stk_reply_free(test_redis_do(r, "DEL resque:pruning_dead_workers_in_progress"));
	live_for(w, 200);
	assert_int_equal(test_redis_int(r, "ZCARD resque:stockade:live"), 1);
	worker_free(dead);
	worker_free(w);
	stk_redis_free(r);
}

static void an_outage_of_the_observer_starts_anew(void **state)
{
	struct stk_redis *r = fresh_redis();
	struct stk_worker *dead = worker_new(&quick, "a:1:q"), *w = worker_new(&quick, "b:1:q");

	(void)state;
	for (int i = 0; i < 6; i++) { /* 1 200 ms in all, never 300 on one connection */
		live_for(w, 200);
		stk_redis_close(w->link);
	}
	assert_int_equal(test_redis_int(r, "ZCARD resque:stockade:live"), 2);
	assert_int_equal(w->life.outage.n, 5);
	live_for(w, 900);
	assert_int_equal(test_redis_int(r, "ZCARD resque:stockade:live"), 1);
	worker_free(dead);
	worker_free(w);
	stk_redis_free(r);
}

static void a_stop_of_the_observer_starts_anew(void **state)
{
	struct stk_redis *r = fresh_redis();
	struct stk_worker *other = worker_new(&quick, "a:1:q"), *w = worker_new(&quick, "b:1:q");

	(void)state;
	live_for(w, 100);
	sleep_ms(600); /* both stood still, as on one suspended machine */
	live_for(w, 100);
	assert_int_equal(test_redis_int(r, "ZCARD resque:stockade:live"), 2);
	worker_free(other);
	worker_free(w);
	stk_redis_free(r);
}

static void a_refused_beat_starts_anew_and_is_counted_by_name(void **state)
{
	struct stk_redis *r = fresh_redis();
	struct stk_worker *dead = worker_new(&quick, "a:1:q"), *w = worker_new(&quick, "b:1:q");

	(void)state;
	live_for(w, 200);
	stk_reply_free(test_redis_do(r, "CONFIG SET min-replicas-to-write 1"));
	live_for(w, 200);
	assert_true(w->life.outage.away);
	assert_int_equal(w->life.outage.problem, STK_RP_NOREPLICAS);
	assert_int_equal(stk_life_steady_since(&w->life), 0);
	stk_reply_free(test_redis_do(r, "CONFIG SET min-replicas-to-write 0"));
	live_for(w, 250);
	assert_false(w->life.outage.away);
	assert_true(w->life.outage.problems[STK_RP_NOREPLICAS] > 0);
	assert_int_equal(test_redis_int(r, "ZCARD resque:stockade:live"), 2);
	worker_free(dead);
	worker_free(w);
	stk_redis_free(r);
}

static void graves_are_swept_in_turns(void **state)
{
	struct stk_redis *r = fresh_redis();
	struct stk_worker *w = worker_new(&quick, "b:1:q");
	char words[256];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(
		    words, sizeof(words), "ZADD resque:stockade:graves %u %032x", 1000000 + i, i);
		assert_int_equal(test_redis_int(r, words), 1);
		(void)snprintf(
		    words, sizeof(words), "HSET resque:stockade:w:%032x proto 1 queues q", i);
		assert_int_equal(test_redis_int(r, words), 2);
		(void)snprintf(
		    words, sizeof(words), "RPUSH resque:stockade:in:%032x:q {\"n\":%u}", i, i);
		assert_int_equal(test_redis_int(r, words), 1);
	}
	live_for(w, 300);
	assert_int_equal(test_redis_int(r, "LLEN resque:queue:q"), 100);
	assert_int_equal(test_redis_int(r, "ZCARD resque:stockade:graves"), 0);
	worker_free(w);
	stk_redis_free(r);
}

static void an_outcome_is_asked_for_until_the_order_to_stop_is_old(void **state)
{
	struct stk_redis *r = fresh_redis();
	struct stk_worker *w = worker_new(&quick, "b:1:q");
	int64_t start;

	(void)state;
	assert_true(stk_life_again(&w->life, STK_E_CLOSED, true));
	assert_false(stk_life_again(&w->life, STK_OK, true));
	assert_false(w->life.outage.away);
	w->life.stop = STK_STOP_DRAIN;
	assert_false(stk_life_again(&w->life, STK_E_TIMEOUT, false));
	start = stk_monotonic_ms();
	while (stk_life_again(&w->life, STK_E_TIMEOUT, true))
		assert_true(stk_monotonic_ms() - start < 60000);
	assert_true(stk_monotonic_ms() - start >= quick.term_timeout_ms);
	worker_free(w);
	stk_redis_free(r);
}

static void nonsense_is_not_asked_for_ever(void **state)
{
	struct stk_outage o = { .link = test_redis_link(&server) };

	(void)state;
	for (int i = 0; i < STK_OUTAGE_ODD_MAX - 1; i++)
		stk_outage_note(&o, STK_E_FORMAT);
	assert_false(o.hopeless);
	stk_outage_note(&o, STK_OK);
	for (int i = 0; i < STK_OUTAGE_ODD_MAX; i++)
		stk_outage_note(&o, STK_E_FORMAT);
	assert_true(o.hopeless);
	stk_redis_free(o.link);
}

static void backoff_grows_to_its_cap(void **state)
{
	struct stk_outage o = { .link = test_redis_link(&server) };
	int64_t wait = 0;

	(void)state;
	stk_outage_note(&o, STK_E_TIMEOUT);
	assert_in_range(o.retry_at_ms - stk_monotonic_ms() + 2, 1, STK_OUTAGE_FIRST_MS + 2);
	for (int i = 0; i < 40; i++) {
		stk_outage_note(&o, STK_E_TIMEOUT);
		wait = o.retry_at_ms - stk_monotonic_ms();
		assert_true(wait <= STK_OUTAGE_MAX_MS);
	}
	assert_true(wait >= STK_OUTAGE_MAX_MS / 2 - 10);
	assert_int_equal(o.n, 1);
	stk_redis_free(o.link);
}

/* A beat that passes proves nothing about the call that was refused. */
static void a_beat_does_not_end_what_a_call_met(void **state)
{
	struct stk_redis *r = fresh_redis();
	struct stk_outage o = { .link = r };
	struct stk_reply *reply = NULL;
	enum stk_err e;

	(void)state;
	stk_reply_free(test_redis_do(r, "SET k v"));
	e = stk_redis_words(r, &reply, "LPOP", "k", NULL);
	assert_int_equal(e, STK_E_REFUSED);
	stk_outage_note(&o, e);
	assert_int_equal(o.problem, STK_RP_WRONGTYPE);
	stk_outage_note_beat(&o, STK_OK);
	assert_true(o.away);
	stk_outage_note(&o, STK_OK);
	assert_false(o.away);
	stk_redis_free(r);
}

static void a_class_that_is_not_idempotent_is_ended_before_others_run_it(void **state)
{
	struct stk_redis *r = fresh_redis();
	struct stk_worker *w = worker_new(&quick, "b:1:q");

	(void)state;
	w->life.running = true;
	w->life.store = NULL; /* no beat gets through */
	assert_int_equal(stk_life_tick(&w->life), STK_RUN_ON);
	sleep_ms(quick.dead_after_ms / 3 * 2 + 20);
	w->life.may_repeat = true;
	assert_int_equal(stk_life_tick(&w->life), STK_RUN_ON);
	w->life.may_repeat = false;
	assert_int_equal(stk_life_tick(&w->life), STK_RUN_KILL);
	assert_true(w->life.abandoned);
	worker_free(w);
	stk_redis_free(r);
}

/* --- the pulse page ------------------------------------------------------------------------------
 */

static void the_page_tells_tick_and_instance(void **state)
{
	static const uint8_t one[STK_INSTANCE_BYTES] = { 1 }, two[STK_INSTANCE_BYTES] = { 2 };
	int fd = stk_pulse_create();
	struct stk_pulse *p = stk_pulse_open(fd);
	struct stk_pulse_view v;

	(void)state;
	assert_non_null(p);
	assert_int_equal(stk_pulse_read(fd, &v), STK_OK);
	assert_int_equal(v.tick_ms, 0);
	assert_false(v.has_instance);
	stk_pulse_tick(p);
	stk_pulse_instance(p, one);
	stk_pulse_instance(p, two);
	assert_int_equal(stk_pulse_read(fd, &v), STK_OK);
	assert_true(stk_monotonic_ms() - v.tick_ms < 1000);
	assert_int_equal(v.patience_ms, 0);
	assert_true(v.has_instance);
	assert_memory_equal(v.instance, two, sizeof(two));
	assert_int_equal(ftruncate(fd, 0), -1); /* sealed: a reader never meets a short page */
	assert_int_equal(stk_pulse_reset(fd), STK_OK);
	assert_int_equal(stk_pulse_read(fd, &v), STK_OK);
	assert_false(v.has_instance);
	stk_pulse_close(p);
	stk_close(&fd);
}

static void a_fork_does_not_inherit_the_page(void **state)
{
	int fd = stk_pulse_create(), status;
	struct stk_pulse *p = stk_pulse_open(fd);
	pid_t pid;

	(void)state;
	assert_non_null(p);
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGSEGV, SIG_DFL);
		stk_pulse_tick(p); /* not mapped here: SIGSEGV */
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	stk_pulse_close(p);
	stk_close(&fd);
}

static void standing_still_is_seen_by_a_steady_looker_alone(void **state)
{
	struct stk_pulse_watch w = { 0 };
	struct stk_pulse_view v = { .tick_ms = 5 };
	int64_t now = 1000;

	(void)state;
	assert_false(stk_pulse_stuck(&w, &v, now, 400, 100));
	for (int i = 0; i < 3; i++)
		assert_false(stk_pulse_stuck(&w, &v, now += 100, 400, 100));
	assert_true(stk_pulse_stuck(&w, &v, now += 100, 400, 100));
	v.tick_ms = 6;
	assert_false(stk_pulse_stuck(&w, &v, now += 100, 400, 100));
	/* the looker itself stood still */
	assert_false(stk_pulse_stuck(&w, &v, now += 5000, 400, 100));
	assert_false(stk_pulse_stuck(&w, &v, now += 100, 400, 100));
	/* patience that the worker asked for */
	v.patience_ms = 1000;
	for (int i = 0; i < 12; i++)
		assert_false(stk_pulse_stuck(&w, &v, now += 100, 400, 100));
	assert_true(stk_pulse_stuck(&w, &v, now += 100, 400, 100));
}

/* --- Ruby's words --------------------------------------------------------------------------------
 */

static void heartbeats_of_every_form_that_ruby_accepts(void **state)
{
	static const struct {
		const char *text;
		int64_t s;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-23T06:51:14+00:00", 1795416674 },
		{ "2026-11-23T06:51:14Z", 1795416674 },
		{ "2026-11-23T06:51:14.341769Z", 1795416674 },
		{ "2026-11-23T07:51:14+01:00", 1795416674 },
		{ "2026-11-23T02:21:14-0430", 1795416674 },
		{ "2024-02-29T00:00:00Z", 1709164800 },
	};
	static const char *const bad[] = { "", "garbage", "1795416674", "2026-11-23",
		"2026-11-23T06:51:14", "2026-11-23 06:51:14 +0000", "2026-02-31T00:00:00Z",
		"2026-13-01T00:00:00Z", "2026-11-23T25:00:00Z", "2026-11-23T06:51:60Z",
		"2026-11-23T06:51:14.Z", "2026-11-23T06:51:14+1:00", "2026-11-23T06:51:14+99:00",
		"2026-11-23T06:51:14Zx", "2026-11-23T06:51:14+00:00x", "-026-11-23T06:51:14Z",
		"1950-01-01T00:00:00Z", "2026-11-23T06:51:14+00-00" };
	int64_t s;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(good); i++) {
		assert_true(stk_heartbeat_parse(stk_span_str(good[i].text), &s));
		assert_int_equal(s, good[i].s);
	}
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++)
		if (stk_heartbeat_parse(stk_span_str(bad[i]), &s))
			fail_msg("accepted: %s", bad[i]);
}

static void ids_of_ruby_workers_alone(void **state)
{
	static const char *const good[] = { "host:1:q", "h.example:4999999:a,b", "h:1:*",
		"h:1:a:b" };
	static const char *const bad[] = { "", "name", "host:1", "host:1:", ":1:q", "host::q",
		"host:x:q", "host:1-0:q", "host:12345678901:q", "host:1:,q", "host:1:q,",
		"host:1:a,,b", "host:1:a b", "host:1:<b>", "host:1:q\n" };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(good); i++)
		if (!stk_ruby_worker_id(good[i]))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++)
		if (stk_ruby_worker_id(bad[i]))
			fail_msg("accepted: %s", bad[i]);
}

static void the_lock_is_renewed_only_while_it_is_ours(void **state)
{
	struct stk_redis *r = fresh_redis();
	struct stk_worker *w = worker_new(&quick, "b:1:q");
	bool held;

	(void)state;
	assert_int_equal(stk_store_prune_renew(&w->store, &held), STK_OK);
	assert_false(held);
	assert_int_equal(stk_store_prune_lock(&w->store, &held), STK_OK);
	assert_true(held);
	stk_reply_free(test_redis_do(r, "EXPIRE resque:pruning_dead_workers_in_progress 10"));
	assert_int_equal(stk_store_prune_renew(&w->store, &held), STK_OK);
	assert_true(held);
	assert_in_range(test_redis_int(r, "TTL resque:pruning_dead_workers_in_progress"), 50, 60);
	stk_reply_free(test_redis_do(r, "SET resque:pruning_dead_workers_in_progress ruby:1:q"));
	assert_int_equal(stk_store_prune_renew(&w->store, &held), STK_OK);
	assert_false(held);
	assert_true(test_redis_says(r, "GET resque:pruning_dead_workers_in_progress", "ruby:1:q"));
	worker_free(w);
	stk_redis_free(r);
}

static void pruning_never_touches_what_changed_meanwhile(void **state)
{
	struct stk_redis *r = fresh_redis();
	struct stk_worker *w = worker_new(&quick, "b:1:q");
	struct stk_beating who = { .id = "h:1:q", .heartbeat = "2026-01-01T00:00:00Z" };
	enum stk_answer v;

	(void)state;
	(void)test_redis_int(r, "HSET resque:workers:heartbeat h:1:q 2026-01-01T00:00:00Z");
	stk_reply_free(test_redis_do(r, "SET resque:worker:h:1:q {}"));
	/* it began a job */
	assert_int_equal(
	    stk_store_prune_file(&w->store, &who, stk_span_of("", 0), stk_span_of("", 0), &v),
	    STK_OK);
	assert_int_equal(v, STK_ANSWER_STALE);
	/* it beats again */
	strcpy(who.heartbeat, "2025-01-01T00:00:00Z");
	assert_int_equal(stk_store_prune_file(
			     &w->store, &who, stk_span_str("{}"), stk_span_str("{\"r\":1}"), &v),
	    STK_OK);
	assert_int_equal(v, STK_ANSWER_STALE);
	/* it is one of ours */
	(void)test_redis_int(r, "HSET resque:workers:heartbeat b:1:q 2026-01-01T00:00:00Z");
	who = (struct stk_beating){ .id = "b:1:q", .heartbeat = "2026-01-01T00:00:00Z" };
	assert_int_equal(
	    stk_store_prune_file(&w->store, &who, stk_span_of("", 0), stk_span_of("", 0), &v),
	    STK_OK);
	assert_int_equal(v, STK_ANSWER_STALE);
	assert_int_equal(test_redis_int(r, "HLEN resque:workers:heartbeat"), 2);
	assert_int_equal(test_redis_int(r, "LLEN resque:failed"), 0);
	worker_free(w);
	stk_redis_free(r);
}

#define T(f)    cmocka_unit_test(f)
#define HELD(f) cmocka_unit_test_setup_teardown(f, hold_clock, let_clock_go)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HELD(a_silent_instance_is_dead_and_its_job_returns),
		HELD(nobody_dies_while_another_holds_the_lock),
		HELD(an_outage_of_the_observer_starts_anew),
		HELD(a_stop_of_the_observer_starts_anew),
		HELD(a_refused_beat_starts_anew_and_is_counted_by_name),
		HELD(graves_are_swept_in_turns),
		T(an_outcome_is_asked_for_until_the_order_to_stop_is_old),
		T(nonsense_is_not_asked_for_ever),
		HELD(backoff_grows_to_its_cap),
		T(a_beat_does_not_end_what_a_call_met),
		T(a_class_that_is_not_idempotent_is_ended_before_others_run_it),
		T(the_page_tells_tick_and_instance),
		T(a_fork_does_not_inherit_the_page),
		T(standing_still_is_seen_by_a_steady_looker_alone),
		T(heartbeats_of_every_form_that_ruby_accepts),
		T(ids_of_ruby_workers_alone),
		T(the_lock_is_renewed_only_while_it_is_ours),
		T(pruning_never_touches_what_changed_meanwhile),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}

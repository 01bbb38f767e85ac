/*
 * test_ledger_model.c - signed jobs through reserve, claim, finish and settle at random: workers
 * killed at every step, buried alive, with lost replies, copies of every job, a rate, and a clock
 * that jumps.
 *
 * The model counts starts, recorded successes and what the limiter let through. Then the storm
 * calms down, and every job must have ended. Rules switched off one at a time must be found.
 */
#include "tests/harness.h"

#include "tests/lib/clock.h"
#include "tests/lib/redis_server.h"
#include "worker/ledger.h"
#include "worker/scripts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WORKERS    3
#define JOBS       48
#define LEASE_MS   6000
#define OWN_PARKED 30

enum at {
	IDLE,
	HAVE,    /* a parcel in hand */
	CLAIMED, /* a run in hand */
	RAN,     /* GO was sent */
	TOLD,    /* the ledger knows how it ended */
};
struct worker {
	struct stk_store store;
	struct stk_ledger ledger;
	enum at at;
	int job;
	int64_t seq, run, unheard; /* unheard: the run of a reply that was lost */
	unsigned jumps;
	bool done; /* how it ended */
	char over[STK_INSTANCE_CHARS + 1];
};
struct job {
	char id[33], body[24];
	int64_t runs, starts, successes;
	bool pushed, ended;
};

static const char *const queues[] = { "q" };
static struct test_redis server;
static struct stk_redis *tools, *main_link, *ledger_link;
static struct worker workers[WORKERS];
static struct job jobs[JOBS];
static struct stk_rates rates;
static int64_t exp_s, granted, advanced_ms, offset_s;
static int64_t per_h, burst; /* tight or wide, by turns: a tight rate keeps jobs from meeting */
static char graves[4096][STK_INSTANCE_CHARS + 1];
static unsigned n_graves, n_jumps, n_deaths, n_rate, n_busy, n_done, n_stale;
static bool calm;
static uint64_t dice;
static char violation[160];

static unsigned roll(unsigned sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (unsigned)(dice >> 33) % sides;
}

__attribute__((format(printf, 1, 2))) static void wrong(const char *text, ...)
{
	va_list ap;

	if (violation[0] != '\0')
		return;
	va_start(ap, text);
	(void)vsnprintf(violation, sizeof(violation), text, ap);
	va_end(ap);
}

static bool lost(void)
{
	return !calm && roll(9) == 0;
}

/* --- the server's clock ---------------------------------------------------------------------- */

static struct test_clock server_clock;

static void jump(int64_t s)
{
	n_jumps++;
	offset_s += s;
	if (s > 0)
		advanced_ms += s * 1000;
	test_clock_set(&server_clock, offset_s * 1000);
}

/* --- a worker's life -------------------------------------------------------------------------- */

static void enlist(struct worker *w)
{
	enum stk_answer v;

	assert_int_equal(stk_store_fresh_instance(&w->store), STK_OK);
	memcpy(w->ledger.call.instance, w->store.instance, sizeof(w->store.instance));
	assert_int_equal(
	    stk_store_register(&w->store, queues, 1, "2026-11-23 06:51:14 +0000", &v), STK_OK);
	w->at = IDLE;
	w->unheard = 0;
}

static void recover(struct worker *w, const char *victim)
{
	struct stk_recovered r = { 0 };
	struct stk_lost filed = { 0 };
	enum stk_answer v = STK_ANSWER_AGAIN;

	for (int i = 0; i < 50 && (v == STK_ANSWER_AGAIN || v == STK_ANSWER_LOST); i++) {
		bool file = v == STK_ANSWER_LOST;

		filed = r.lost;
		if (file) /* WorkerLost: it stands in `failed` for an operator */
			for (int n = 0; n < JOBS; n++)
				if (stk_span_eq(filed.bytes, stk_span_str(jobs[n].body)))
					jobs[n].ended = true;
		assert_int_equal(
		    stk_store_recover(&w->store, victim, queues, 1, file ? &filed : NULL,
			file ? filed.bytes : stk_span_of(NULL, 0), &r, &v),
		    STK_OK);
	}
}

/* Its supervisor saw it die and tells the successor; or nobody did, and its lease must end by
 * itself. */
static void die(struct worker *w)
{
	char old[STK_INSTANCE_CHARS + 1];
	bool seen = roll(2) == 0;

	n_deaths++;
	memcpy(old, w->store.instance, sizeof(old));
	memcpy(graves[n_graves++ % 4096], old, sizeof(old));
	enlist(w);
	(void)snprintf(w->over, sizeof(w->over), "%s", seen ? old : "");
	if (seen)
		recover(w, old);
}

/* FENCED: its child is dead, its job forgotten; what the former instance holds has ended. */
static bool fenced(struct worker *w, enum stk_answer v)
{
	char old[STK_INSTANCE_CHARS + 1];

	if (v != STK_ANSWER_FENCED)
		return false;
	memcpy(old, w->store.instance, sizeof(old));
	enlist(w);
	memcpy(w->over, old, sizeof(old));
	return true;
}

static struct stk_claim claim_of(const struct worker *w)
{
	return (struct stk_claim){ .seq = w->seq,
		.over = w->over,
		.job_id = jobs[w->job].id,
		.exp_s = exp_s,
		.runs = jobs[w->job].runs,
		.lease_ms = LEASE_MS,
		.keep_s = 86400,
		.factor = 1000,
		.rates = &rates };
}

static void settle(struct worker *w, struct stk_settle how)
{
	enum stk_answer v;

	how.seq = w->seq;
	how.job_id = jobs[w->job].id;
	how.principal = "web";
	how.own_park_max = OWN_PARKED;
	do
		assert_int_equal(stk_store_settle(&w->store, &how, &v), STK_OK);
	while (lost());
	if (fenced(w, v))
		return;
	w->at = IDLE;
	if (v == STK_ANSWER_PARK_FULL) {
		jobs[w->job].ended = true; /* in `failed`, retryable */
		how = (struct stk_settle){
			.seq = w->seq, .what = STK_SETTLE_FAIL, .record = stk_span_str("ParkFull")
		};
		assert_int_equal(stk_store_settle(&w->store, &how, &v), STK_OK);
		return;
	}
	if (how.what == STK_SETTLE_OK && v != STK_ANSWER_STALE && ++jobs[w->job].successes > 1)
		wrong("%s: two recorded successes", jobs[w->job].body);
}

static void park(struct worker *w, int64_t ms, int64_t slot_ms)
{
	settle(
	    w, (struct stk_settle){ .what = STK_SETTLE_PARK, .delay_ms = ms, .slot_ms = slot_ms });
}

static void reserve(struct worker *w)
{
	struct stk_reserved got = { 0 };
	enum stk_answer v;
	int n = 0;

	assert_int_equal(stk_store_reserve(&w->store, queues, 1, &got, &v), STK_OK);
	if (fenced(w, v) || v != STK_ANSWER_JOB)
		return;
	if (lost())
		return; /* asked again with the same seq */
	while (n < JOBS && !stk_span_eq(got.parcel.bytes, stk_span_str(jobs[n].body)))
		n++;
	assert_true(n < JOBS);
	w->job = n;
	w->seq = got.parcel.seq;
	w->at = HAVE;
}

static void claim(struct worker *w)
{
	struct job *j = &jobs[w->job];
	struct stk_claim c = claim_of(w);
	struct stk_claimed got;
	enum stk_answer v;

	assert_int_equal(stk_ledger_claim(&w->ledger, &c, &got, &v), STK_OK);
	if (v == STK_ANSWER_RUN && w->unheard == 0)
		granted++;
	/* after a leap of the clock its lease may have ended and another have taken it */
	if (w->unheard != 0 && w->jumps == n_jumps &&
	    (v != STK_ANSWER_RUN || got.run != w->unheard))
		wrong("%s: asked again, another answer", j->body);
	if (lost()) {
		w->unheard = v == STK_ANSWER_RUN ? got.run : 0;
		w->jumps = n_jumps;
		return;
	}
	w->unheard = 0;
	switch ((int)v) {
	case STK_ANSWER_RUN:
		w->run = got.run;
		w->at = CLAIMED;
		if (got.run < 1 || got.run > j->runs)
			wrong("%s: run %d of %d", j->body, (int)got.run, (int)j->runs);
		break;
	case STK_ANSWER_DONE:
		n_done++;
		j->ended = true;
		settle(w, (struct stk_settle){ .what = STK_SETTLE_DROP });
		break;
	case STK_ANSWER_EXHAUSTED:
		j->ended = true;
		settle(w, (struct stk_settle){ .what = STK_SETTLE_QUARANTINE,
			      .area = "quarantine:q#E_RUNS_EXHAUSTED",
			      .entry = stk_span_str(j->body),
			      .entry_id = j->id });
		break;
	case STK_ANSWER_BUSY:
		n_busy++;
		park(w, got.wait_ms + 1, 0);
		break;
	case STK_ANSWER_RATE:
		n_rate++;
		park(w, got.wait_ms, got.interval_ms);
		break;
	default: wrong("claim says %s", stk_answer_text(v));
	}
}

static void go(struct worker *w)
{
	struct stk_claim c = claim_of(w);
	enum stk_answer v;

	if (roll(8) == 0) { /* the cage did not open, or TERM came: the run is given back */
		do
			assert_int_equal(
			    stk_ledger_finish(&w->ledger, &c, w->run, STK_FINISH_UNUSED, &v),
			    STK_OK);
		while (lost());
		if (v == STK_ANSWER_STALE)
			park(w, 1000, 0);
		else
			settle(w, (struct stk_settle){ .what = STK_SETTLE_HANDBACK });
		return;
	}
	if (++jobs[w->job].starts > jobs[w->job].runs)
		wrong("%s was started %d times, signed for %d", jobs[w->job].body,
		    (int)jobs[w->job].starts, (int)jobs[w->job].runs);
	w->done = roll(3) != 0;
	w->at = RAN;
}

static void finish(struct worker *w)
{
	struct stk_claim c = claim_of(w);
	enum stk_answer v;

	assert_int_equal(stk_ledger_finish(&w->ledger, &c, w->run,
			     w->done ? STK_FINISH_DONE : STK_FINISH_FAILED, &v),
	    STK_OK);
	if (lost())
		return;
	if (v == STK_ANSWER_STALE) {
		n_stale++;
		park(w, 1000, 0); /* never ok or fail */
		return;
	}
	w->at = TOLD;
}

static void told(struct worker *w)
{
	if (w->done)
		jobs[w->job].ended = true;
	settle(w, (struct stk_settle){
		      .what = w->done ? STK_SETTLE_OK : STK_SETTLE_RETRY, .delay_ms = 500 });
}

static void step(struct worker *w)
{
	if (!calm && roll(60) == 0) {
		die(w);
		return;
	}
	switch (w->at) {
	case IDLE: reserve(w); break;
	case HAVE: claim(w); break;
	case CLAIMED: go(w); break;
	case RAN:
		if (calm || roll(4) == 0) /* the handler takes its time */
			finish(w);
		break;
	case TOLD: told(w); break;
	}
}

/* --- the storm -------------------------------------------------------------------------------- */

static unsigned newest;

static void push(void)
{
	/* copies of what ran, runs or waits, as anybody can push; most of what is new */
	struct job *j = &jobs[roll(4) == 0 ? roll(JOBS) : newest + roll(3)];

	j->pushed = true;
	assert_int_equal(stk_store_enqueue(&workers[0].store, "q", stk_span_str(j->body)), STK_OK);
}

static void happen(void)
{
	struct worker *w = &workers[roll(WORKERS)];

	switch (roll(24)) {
	case 0:
	case 4:
	case 6:
	case 7: push(); break;
	case 1: recover(w, workers[roll(WORKERS)].store.instance); break; /* perhaps alive */
	case 2:
		if (n_graves > 0)
			recover(w, graves[roll(n_graves < 4096 ? n_graves : 4096)]);
		break;
	case 3:
	case 5: jump(roll(4) == 0 ? -(int64_t)roll(300) : (int64_t)roll(12)); break;
	default: step(w);
	}
}

static int64_t left(void)
{
	int64_t n = test_redis_int(tools, "LLEN r:queue:q") +
		    test_redis_int(tools, "ZCARD r:stockade:parked:q");

	if (test_redis_int(tools, "HLEN r:stockade:parcel:q") !=
	    test_redis_int(tools, "ZCARD r:stockade:parked:q"))
		wrong("a parked job and its bytes are not both there");
	for (int i = 0; i < WORKERS; i++)
		n += workers[i].at != IDLE;
	return n;
}

/* Everybody works until each has looked once and found nothing. */
static void work_off(void)
{
	for (int i = 0, empty = 0; i < 60 && empty < WORKERS; i++) {
		struct worker *w = &workers[i % WORKERS];
		bool idle = w->at == IDLE;

		step(w);
		empty = idle && w->at == IDLE ? empty + 1 : 0;
	}
}

static void calm_down(void)
{
	calm = true;
	for (int round = 0; round < 400 && violation[0] == '\0'; round++) {
		for (unsigned g = 0; round < 2 && g < n_graves && g < 4096; g++)
			recover(&workers[0], graves[g]);
		work_off();
		if (left() == 0)
			return;
		jump(600); /* what was parked before the clock was set back is due hours from now */
	}
	wrong("%d jobs are left and never end", (int)left());
}

static void use_script(enum stk_script which, const char *from, const char *to)
{
	struct stk_span text = stk_script_text(which);
	char *copy = strndup((const char *)text.p, text.len), *at = strstr(copy, from),
	     *changed = NULL;
	struct stk_reply *r = NULL;

	assert_non_null(at);
	assert_true(
	    asprintf(&changed, "%.*s%s%s", (int)(at - copy), copy, to, at + strlen(from)) > 0);
	assert_int_equal(
	    stk_redis_words(tools, &r, "SCRIPT", "LOAD", changed, (char *)NULL), STK_OK);
	for (int i = 0; i < WORKERS; i++)
		memcpy(workers[i].ledger.call.sha[which], r->bytes.p, 41);
	stk_reply_free(r);
	free(changed);
	free(copy);
}

static void prepare(uint64_t seed)
{
	struct stk_ledger_sight sight;
	enum stk_answer v;

	stk_reply_free(test_redis_do(tools, "FLUSHALL"));
	dice = seed * 0x9e3779b97f4a7c15u + 1;
	granted = advanced_ms = 0;
	n_graves = 0;
	calm = false;
	violation[0] = '\0';
	per_h = seed % 2 == 0 ? 36 : 360000;
	burst = seed % 2 == 0 ? 3 : 1000;
	rates = (struct stk_rates){ .n_limiters = 1,
		.limiters = { { .name = "p:web", .per_h = per_h, .burst = burst } } };
	for (int i = 0; i < WORKERS; i++) {
		char id[16];

		stk_store_clear(&workers[i].store);
		stk_store_clear(&workers[i].ledger.call);
		workers[i] = (struct worker){ 0 };
		(void)snprintf(id, sizeof(id), "h:%d:q", i);
		assert_int_equal(stk_store_init(&workers[i].store, main_link, "r", id), STK_OK);
		assert_int_equal(
		    stk_store_init(&workers[i].ledger.call, ledger_link, "r", id), STK_OK);
	}
	assert_int_equal(stk_ledger_begin(&workers[0].ledger, 0, 4, &v), STK_OK);
	assert_int_equal(stk_ledger_look(&workers[0].ledger, &sight), STK_OK);
	/* the storm's clock leaps far: an expiry must not be what ends a record */
	exp_s = sight.now_ms / 1000 + 30 * 86400;
	for (int i = 0; i < WORKERS; i++) {
		workers[i].ledger.known = sight.epoch;
		enlist(&workers[i]);
	}
	for (int n = 0; n < JOBS; n++) {
		jobs[n] = (struct job){ .runs = 1 + n % 4 };
		(void)snprintf(
		    jobs[n].id, sizeof(jobs[n].id), "%08x%024x", (unsigned)n * 40503u, (unsigned)n);
		(void)snprintf(jobs[n].body, sizeof(jobs[n].body), "job%04d", n);
	}
}

static void within_budget(int64_t began_ms)
{
	int64_t earned =
	    burst + (advanced_ms + stk_monotonic_ms() - began_ms) * per_h / 3600000 + 1;

	if (granted > earned)
		wrong("%d runs were granted where %d were earned", (int)granted, (int)earned);
}

/* NULL: nothing wrong was seen. */
static const char *storm(
    uint64_t seed, int steps, enum stk_script which, const char *from, const char *to)
{
	int64_t began = stk_monotonic_ms();

	prepare(seed);
	if (from != NULL)
		use_script(which, from, to);
	for (int i = 0; i < steps && violation[0] == '\0'; i++) {
		newest = (unsigned)(i * (JOBS - 3) / steps);
		happen();
	}
	within_budget(began);
	if (from != NULL) /* what a missing rule does is seen in the storm, or in the next */
		return violation[0] == '\0' ? NULL : violation;
	if (violation[0] == '\0')
		calm_down();
	within_budget(began);
	for (int n = 0; n < JOBS; n++)
		if (jobs[n].pushed && !jobs[n].ended)
			wrong("%s is lost", jobs[n].body);
	if (test_redis_int(tools, "ZCARD r:stockade:parkedby:web") > OWN_PARKED + 1)
		wrong("more is parked than the principal may");
	return violation[0] == '\0' ? NULL : violation;
}

static int start(void **state)
{
	bool started;

	(void)state;
	if (!test_clock_enter(&server_clock))
		return -1;
	started = test_redis_start(&server, NULL);
	test_clock_leave();
	if (!started)
		return -1;
	tools = test_redis_link(&server);
	main_link = test_redis_link(&server);
	ledger_link = test_redis_link(&server);
	return tools != NULL && main_link != NULL && ledger_link != NULL ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(workers); i++) {
		stk_store_clear(&workers[i].store);
		stk_store_clear(&workers[i].ledger.call);
	}
	stk_redis_free(tools);
	stk_redis_free(main_link);
	stk_redis_free(ledger_link);
	test_redis_stop(&server);
	test_clock_close(&server_clock);
	return 0;
}

static void nothing_is_lost_doubled_or_over_budget(void **state)
{
	const char *n = getenv("STORMS");
	int storms = n != NULL ? atoi(n) : 4;

	(void)state;
	for (int seed = 1; seed <= storms; seed++) {
		const char *what = storm((uint64_t)seed, 1500, STK_SCRIPT_CLAIM, NULL, NULL);

		if (what != NULL)
			fail_msg("seed %d: %s", seed, what);
	}
	print_message("%d storms: %u deaths, %u clock jumps, %u times BUSY, %u RATE, %u DONE, %u "
		      "finishes STALE\n",
	    storms, n_deaths, n_jumps, n_busy, n_rate, n_done, n_stale);
	assert_true(n_deaths > 30 && n_jumps > 100 && n_busy > 2 && n_rate > 100 && n_done > 10);
}

static void each_rule_switched_off_is_found(void **state)
{
	static const struct {
		enum stk_script which;
		const char *from, *to;
		int likely; /* the seed that found it last: tried first, then all others */
	} rules[] = {
		{ STK_SCRIPT_CLAIM, "if spent >= runs then", "if false then", 1 },
		{ STK_SCRIPT_CLAIM, "if was.kind == 'D' then return {'DONE', ms} end", "", 3 },
		{ STK_SCRIPT_CLAIM, "if not run and wait > 0 then", "if false then", 2 },
		{ STK_SCRIPT_CLAIM, "run = spent\n", "run = nil\n", 8 },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(rules); i++) {
		const char *what = NULL;
		int seed = 0;

		for (int n = 0; what == NULL && n < 80; n++) {
			seed = n == 0 ? rules[i].likely : n;
			what =
			    storm((uint64_t)seed, 1500, rules[i].which, rules[i].from, rules[i].to);
		}
		if (what == NULL)
			fail_msg("nobody misses: %s", rules[i].from);
		print_message("without \"%s\", seed %d: %s\n", rules[i].from, seed, what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_doubled_or_over_budget),
		cmocka_unit_test(each_rule_switched_off_is_found),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

/*
 * test_rates.c - which limits a job asks for, how pressure lowers them, and that over 600 seconds
 * of a server's clock, which the test sets, exactly rate x time + burst jobs are admitted.
 */
#include "tests/harness.h"

#include "tests/lib/clock.h"
#include "tests/lib/redis_server.h"
#include "worker/ledger.h"
#include "worker/policy.h"
#include "worker/pressure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct stk_keyring *ring(void)
{
	static char queue[] = "files", cls[] = "X", other[] = "Y";
	char *const queues[] = { queue }, *const classes[] = { cls }, *const others[] = { other };
	const struct stk_principal web = { .name = "web",
		.max_runs = 3,
		.max_delay_s = 0,
		.max_window_s = 86400,
		.rate_per_h = 36000,
		.burst = 50,
		.park_max = 9,
		.quarantine_max = 9 };
	struct stk_keyring *r = stk_keyring_new();
	const char *why;

	assert_int_equal(stk_keyring_add_principal(r, &web, &why), STK_OK);
	assert_int_equal(stk_keyring_add_grant(r, 0, queues, 1, classes, 1, 100, &why), STK_OK);
	assert_int_equal(stk_keyring_limit_grant(r, 0, 7200, 2, &why), STK_OK);
	assert_int_equal(stk_keyring_add_grant(r, 0, queues, 1, others, 1, 100, &why), STK_OK);
	return r;
}

static enum stk_err limit(struct stk_keyring *r, struct stk_policy_limit l)
{
	const char *why = NULL;
	enum stk_err e = stk_keyring_add_limit(r, &l, &why);

	assert_true(e == STK_OK || why != NULL);
	return e;
}

static void every_limit_that_fits_is_asked_for(void **state)
{
	static char x[] = "X", q[] = "files", low[] = "low", star[] = "*";
	struct stk_keyring *r = ring();
	struct stk_rates out;
	const char *why;

	(void)state;
	assert_int_equal(limit(r,
			     (struct stk_policy_limit){
				 .cls = x, .rate_per_h = 1, .burst = 2, .max_running = 3 }),
	    STK_OK);
	assert_int_equal(
	    limit(r, (struct stk_policy_limit){ .queue = q, .rate_per_h = 4, .burst = 5 }), STK_OK);
	assert_int_equal(
	    limit(r, (struct stk_policy_limit){ .queue = low, .max_running = 6 }), STK_OK);
	assert_int_equal(
	    limit(r, (struct stk_policy_limit){ .rate_per_h = 7, .burst = 8, .max_running = 9 }),
	    STK_OK);
	stk_rates_for(r, &r->principals[0], "X", "files", &out);
	assert_int_equal(out.n_limiters, 5);
	assert_string_equal(out.limiters[0].name, "p:web");
	assert_string_equal(out.limiters[1].name, "pc:web:X");
	assert_int_equal(out.limiters[1].per_h, 7200);
	assert_string_equal(out.limiters[2].name, "c:X");
	assert_string_equal(out.limiters[3].name, "q:files");
	assert_string_equal(out.limiters[4].name, "all");
	assert_int_equal(out.n_places, 2);
	assert_string_equal(out.places[0].name, "c:X");
	assert_string_equal(out.places[1].name, "all");
	assert_int_equal(out.places[1].most, 9);
	stk_rates_for(r, &r->principals[0], "Y", "low", &out);
	assert_int_equal(out.n_limiters, 2); /* p:web, all */
	assert_int_equal(out.n_places, 2);
	stk_rates_for(r, NULL, "Y", "low", &out); /* an unsigned queue */
	assert_int_equal(out.n_limiters, 1);
	/* what makes no sense */
	assert_int_equal(
	    limit(r, (struct stk_policy_limit){ .cls = x, .max_running = 1 }), STK_E_REFUSED);
	assert_int_equal(limit(r, (struct stk_policy_limit){ .max_running = 1 }), STK_E_REFUSED);
	assert_int_equal(
	    limit(r, (struct stk_policy_limit){ .queue = star, .max_running = 1 }), STK_E_REFUSED);
	assert_int_equal(
	    limit(r, (struct stk_policy_limit){ .cls = star, .max_running = 1 }), STK_E_REFUSED);
	assert_int_equal(
	    limit(r, (struct stk_policy_limit){ .cls = x, .queue = q, .max_running = 1 }),
	    STK_E_REFUSED);
	assert_int_equal(stk_keyring_limit_grant(r, 0, 1, 0, &why), STK_E_REFUSED);
	stk_keyring_free(r);
}

static void a_ledger_too_small_is_refused_with_the_sum(void **state)
{
	struct stk_keyring *r = ring();
	struct stk_conf_error e = { 0 };
	size_t worst = 9;

	(void)state;
	/* 10/s for a day and a day to readmit, and the burst */
	assert_int_equal(stk_keyring_ledger_records(r, 86400, &worst), 10 * 2 * 86400 + 50);
	assert_int_equal(worst, 0);
	assert_int_equal(
	    stk_policy_fits(r, "p.conf", 86400, 40, (10 * 2 * 86400 + 50) * 40, &e), STK_OK);
	assert_int_equal(
	    stk_policy_fits(r, "p.conf", 86400, 40, (10 * 2 * 86400 + 50) * 40 - 40, &e),
	    STK_E_FORMAT);
	assert_non_null(strstr(e.sentence, "1728050 records of 40 bytes, 65 MiB"));
	assert_non_null(strstr(e.sentence,
	    "\"web\": 10.000/s x (max_delay 0d + max_window 1d + 1d to readmit) + burst 50"));
	stk_keyring_free(r);
}

/* --- pressure --------------------------------------------------------------------------------- */

static void put(const char *root, const char *path, const char *text)
{
	char full[256];
	FILE *f;

	(void)snprintf(full, sizeof(full), "%s%s", root, path);
	f = fopen(full, "we");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

static void make(const char *root, const char *path)
{
	char full[256];

	(void)snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(mkdir(full, 0700), 0);
}

#define CALM "some avg10=0.50 avg60=0 avg300=0 total=1\n"

static void pressure_halves_the_rates_and_calm_raises_them_slowly(void **state)
{
	char root[64] = "/tmp/stk-pressure-XXXXXX", command[128];
	struct stk_pressure p = { 0 };
	int64_t now = 1;

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(stk_pressure_factor(&p), 1000);
	assert_false(stk_pressure_look(&p, root, now)); /* a machine that tells nothing */
	make(root, "/proc");
	make(root, "/proc/pressure");
	make(root, "/sys");
	make(root, "/sys/fs");
	make(root, "/sys/fs/cgroup");
	put(root, "/proc/pressure/cpu", CALM);
	put(root, "/proc/pressure/memory", "some avg10=12.00 avg60=0 avg300=0 total=1\n");
	assert_false(stk_pressure_look(&p, root, now + 5000)); /* not yet time to look */
	assert_true(stk_pressure_look(&p, root, now += 10000));
	assert_int_equal(stk_pressure_factor(&p), 500);
	assert_string_equal(p.cause, "memory");
	for (int i = 0; i < 5; i++)
		(void)stk_pressure_look(&p, root, now += 10000);
	assert_int_equal(stk_pressure_factor(&p), STK_FACTOR_LEAST);
	put(root, "/proc/pressure/memory", CALM);
	for (int i = 0; i < 5; i++)
		assert_false(stk_pressure_look(&p, root, now += 10000));
	assert_true(stk_pressure_look(&p, root, now += 10000)); /* a minute later: a tenth more */
	assert_int_equal(stk_pressure_factor(&p), STK_FACTOR_LEAST + 100);
	for (int i = 0; i < 200; i++)
		(void)stk_pressure_look(&p, root, now += 10000);
	assert_int_equal(stk_pressure_factor(&p), 1000); /* and never above */
	put(root, "/sys/fs/cgroup/memory.max", "1000000\n");
	put(root, "/sys/fs/cgroup/memory.current", "950000\n");
	assert_true(stk_pressure_look(&p, root, now += 10000));
	assert_string_equal(p.cause, "cgroup");
	put(root, "/sys/fs/cgroup/memory.max", "max\n");
	put(root, "/proc/pressure/cpu", "some avg10=95.00 avg60=0 avg300=0 total=1\n");
	assert_true(stk_pressure_look(&p, root, now += 10000));
	assert_string_equal(p.cause, "cpu");
	(void)snprintf(command, sizeof(command), "%s", root);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
	assert_int_equal(system(command), 0);
}

/* --- conformance ------------------------------------------------------------------------------ */

static int64_t server_ms(struct stk_ledger *l)
{
	struct stk_ledger_sight s;

	assert_int_equal(stk_ledger_look(l, &s), STK_OK);
	l->known = s.epoch;
	return s.now_ms;
}

/* The server's clock is ours, and stands still between. */
static struct test_clock server_clock;
static int64_t clock_ms;

static void clock_set(int64_t ms)
{
	clock_ms = ms;
	test_clock_set(&server_clock, ms);
}

#define OFFERED_FOR_MS INT64_C(600000)

/* A quarter more jobs than the rate admits are offered for 600 s of the server's clock: how many
 * start. */
static int64_t admitted(struct stk_ledger *l, struct stk_rates *rates)
{
	int64_t step_ms = 3600000 / rates->limiters[0].per_h * 4 / 5;
	int64_t from = clock_ms, n = 0;
	char id[33];

	for (unsigned i = 0; clock_ms - from <= OFFERED_FOR_MS; i++) {
		struct stk_claim c = { .seq = i + 1,
			.job_id = id,
			.exp_s = from / 1000 + 7200,
			.runs = 1,
			.lease_ms = 1000,
			.keep_s = 60,
			.factor = 1000,
			.rates = rates };
		struct stk_claimed got;
		enum stk_answer v;

		(void)snprintf(id, sizeof(id), "%08x%024x", i * 2654435761u, i);
		assert_int_equal(stk_ledger_claim(l, &c, &got, &v), STK_OK);
		assert_true(v == STK_ANSWER_RUN || v == STK_ANSWER_RATE);
		n += v == STK_ANSWER_RUN;
		clock_set(clock_ms + step_ms);
	}
	assert_int_equal(server_ms(l), clock_ms);
	return n;
}

static void over_600_seconds_exactly_the_rate_is_admitted(void **state)
{
	static const struct {
		int64_t per_h, burst;
	} cases[] = { { 36000, 50 }, { 7200, 200 } };
	struct test_redis server;
	struct stk_ledger l = { 0 };
	struct stk_rates rates = { .n_limiters = 1 };
	struct stk_redis *link;
	enum stk_answer v;

	(void)state;
	assert_true(test_clock_enter(&server_clock));
	clock_set((int64_t)time(NULL) * 1000);
	assert_true(test_redis_start(&server, NULL));
	test_clock_leave();
	link = test_redis_link(&server);
	assert_int_equal(stk_store_init(&l.call, link, "r", "h:1:q"), STK_OK);
	assert_int_equal(stk_ledger_begin(&l, 0, 256, &v), STK_OK);
	assert_int_equal(server_ms(&l), clock_ms);
	for (size_t i = 0; i < STK_ARRAY_LEN(cases); i++) {
		int64_t n;
		double want;

		(void)snprintf(rates.limiters[0].name, sizeof(rates.limiters[0].name), "p:%zu", i);
		rates.limiters[0].per_h = cases[i].per_h;
		rates.limiters[0].burst = cases[i].burst;
		n = admitted(&l, &rates);
		want = (double)cases[i].per_h / 3600000 * (double)OFFERED_FOR_MS +
		       (double)cases[i].burst;
		print_message("%lld admitted in 600 s of the server's clock; rate x t + burst = "
			      "%.1f (%+.2f %%)\n",
		    (long long)n, want, ((double)n / want - 1) * 100);
		assert_true((double)n <= want * 1.02 && (double)n >= want * 0.98);
	}
	stk_store_clear(&l.call);
	stk_redis_free(link);
	test_redis_stop(&server);
	test_clock_close(&server_clock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_limit_that_fits_is_asked_for),
		cmocka_unit_test(a_ledger_too_small_is_refused_with_the_sum),
		cmocka_unit_test(pressure_halves_the_rates_and_calm_raises_them_slowly),
		cmocka_unit_test(over_600_seconds_exactly_the_rate_is_admitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

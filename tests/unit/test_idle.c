/*
 * test_idle.c - waiting for a job without the whole worker around it: a push wakes, what was
 * delivered is adopted or put back, an order to stop is heard, and nothing is lost in a few hundred
 * races.
 */
#include "tests/harness.h"

#include "tests/lib/redis_server.h"
#include "worker/idle.h"
#include "worker/log.h"
#include "worker/record.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 150

static struct test_redis server;
static const char *const queues[] = { "high", "low" };

/* One worker's end of things. */
struct waiter {
	struct stk_config config;
	struct stk_redis *link;
	struct stk_store store;
	struct stk_life life;
	struct stk_idle idle;
	struct stk_reserved got;
};

/* What the worker logs meanwhile. */
static FILE *log_begin(void)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	stk_log_open(fileno(f), STK_LOG_JSON, STK_LOG_INFO);
	return f;
}

static bool log_has(FILE *f, const char *needle)
{
	static char text[65536];
	ssize_t n = pread(fileno(f), text, sizeof(text) - 1, 0);

	stk_log_open(STDERR_FILENO, STK_LOG_JSON, STK_LOG_INFO);
	(void)fclose(f);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, needle) != NULL;
}

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

static void begin(struct waiter *w)
{
	enum stk_answer v;

	memset(w, 0, sizeof(*w));
	w->config.beat_ms = 10000;
	w->config.poll_ms = 20;
	assert_non_null(w->link = test_redis_link(&server));
	stk_reply_free(test_redis_do(w->link, "FLUSHALL"));
	assert_int_equal(stk_store_init(&w->store, w->link, "resque", "h:1:high,low"), STK_OK);
	assert_int_equal(stk_life_open(&w->life, &w->config), STK_OK);
	assert_int_equal(stk_store_register(&w->store, queues, 2, w->life.started, &v), STK_OK);
	w->life.store = &w->store;
	w->life.next_beat_ms = stk_monotonic_ms() + w->config.beat_ms;
	stk_idle_open(&w->idle, &w->store, &w->life, false);
}

static void end(struct waiter *w)
{
	stk_idle_close(&w->idle);
	stk_life_close(&w->life);
	stk_store_clear(&w->store);
	stk_redis_free(w->link);
}

static enum stk_answer look(struct waiter *w)
{
	enum stk_answer v;

	assert_int_equal(stk_store_reserve(&w->store, queues, 2, &w->got, &v), STK_OK);
	return v;
}

static bool wait_once(struct waiter *w)
{
	return stk_idle_wait(&w->idle, queues, 2, STK_ANSWER_EMPTY, &w->got);
}

/* A producer that says @words after @delay_us. */
static pid_t later(useconds_t delay_us, const char *words)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	struct stk_redis *r = test_redis_link(&server);

	(void)usleep(delay_us);
	stk_reply_free(test_redis_do(r, words));
	_exit(0);
}

static void a_push_wakes(void **state)
{
	struct waiter w;
	int64_t before;
	pid_t pid;

	(void)state;
	begin(&w);
	assert_int_equal(look(&w), STK_ANSWER_EMPTY);
	pid = later(200000, "RPUSH resque:queue:low job");
	before = stk_monotonic_ms();
	assert_true(wait_once(&w));
	assert_in_range(stk_monotonic_ms() - before, 100, 700);
	assert_int_equal(
	    test_redis_int(w.link, "LLEN resque:queue:low"), 0); /* it is in our list */
	assert_int_equal(look(&w), STK_ANSWER_JOB);
	assert_string_equal(w.got.parcel.queue, "low");
	(void)waitpid(pid, NULL, 0);
	end(&w);
}

static void nothing_comes_within_a_second(void **state)
{
	struct waiter w;
	int64_t before;

	(void)state;
	begin(&w);
	assert_int_equal(look(&w), STK_ANSWER_EMPTY);
	before = stk_monotonic_ms();
	assert_false(wait_once(&w));
	assert_in_range(stk_monotonic_ms() - before, 900, 1500);
	w.got.next_due_ms = 50; /* a parked job is due soon */
	before = stk_monotonic_ms();
	assert_false(wait_once(&w));
	assert_in_range(stk_monotonic_ms() - before, 40, 500);
	end(&w);
}

static void the_second_delivery_goes_back(void **state)
{
	struct waiter w;
	pid_t pid;

	(void)state;
	begin(&w);
	assert_int_equal(look(&w), STK_ANSWER_EMPTY);
	pid =
	    later(50000, "EVAL redis.call('RPUSH','resque:queue:low','b')return(redis.call('RPUSH',"
			 "'resque:queue:high','a')) 0");
	assert_true(wait_once(&w));
	assert_int_equal(look(&w), STK_ANSWER_JOB);
	assert_string_equal(w.got.parcel.queue, "high");
	assert_int_equal(test_redis_int(w.link, "LLEN resque:queue:low"), 1);
	(void)waitpid(pid, NULL, 0);
	end(&w);
}

static void only_what_is_not_paused_is_blocked_on(void **state)
{
	struct waiter w;

	(void)state;
	begin(&w);
	stk_reply_free(test_redis_do(w.link, "SET resque:stockade:paused:low 1"));
	assert_int_equal(look(&w), STK_ANSWER_EMPTY);
	assert_int_equal(test_redis_int(w.link, "RPUSH resque:queue:low job"), 1);
	assert_false(wait_once(&w));
	assert_int_equal(test_redis_int(w.link, "LLEN resque:queue:low"), 1);
	end(&w);
}

static void an_order_to_stop_is_heard(void **state)
{
	struct waiter w;
	pid_t pid, self = getpid();
	int64_t before;

	(void)state;
	begin(&w);
	w.config.drain_timeout_ms = 1000;
	assert_int_equal(look(&w), STK_ANSWER_EMPTY);
	if ((pid = fork()) == 0) {
		(void)usleep(100000);
		(void)kill(self, SIGTERM);
		_exit(0);
	}
	before = stk_monotonic_ms();
	assert_false(wait_once(&w));
	assert_int_equal(w.life.stop, STK_STOP_DRAIN);
	assert_in_range(stk_monotonic_ms() - before, 50, 600);
	(void)waitpid(pid, NULL, 0);
	end(&w);
}

/* --- what refuses a pop ----------------------------------------------------------------------- */

struct refusal {
	enum stk_redis_problem problem;
	const char *provoke[3]; /* said on another link */
	const char *mend[3];
};

static void say(struct stk_redis *r, const char *const *words)
{
	for (size_t i = 0; i < 3 && words[i] != NULL; i++) {
		struct stk_reply *reply = test_redis_do(r, words[i]);

		assert_non_null(reply);
		stk_reply_free(reply);
	}
}

static const struct refusal refusals[] = {
	{ STK_RP_READONLY, { "REPLICAOF 127.0.0.1 1" }, { "REPLICAOF NO ONE" } },
	{ STK_RP_MASTERDOWN,
	    { "CONFIG SET replica-serve-stale-data no", "CONFIG SET replica-read-only no",
		"REPLICAOF 127.0.0.1 1" },
	    { "REPLICAOF NO ONE", "CONFIG SET replica-read-only yes",
		"CONFIG SET replica-serve-stale-data yes" } },
	{ STK_RP_NOREPLICAS, { "CONFIG SET min-replicas-to-write 1" },
	    { "CONFIG SET min-replicas-to-write 0" } },
	{ STK_RP_OOM, { "CONFIG SET maxmemory 1" }, { "CONFIG SET maxmemory 0" } },
	{ STK_RP_WRONGTYPE, { "SET resque:queue:low oops" }, { "DEL resque:queue:low" } },
	{ STK_RP_NOPERM, { "ACL SETUSER default -blmove" }, { "ACL SETUSER default +blmove" } },
};

/* The pop is refused: named, and polled for a while. */
static void refused_by_name(struct waiter *w, enum stk_redis_problem problem)
{
	FILE *log = log_begin();
	char reason[64];

	(void)snprintf(
	    reason, sizeof(reason), "\"event.reason\":\"%s\"", stk_redis_problem_text(problem));
	(void)wait_once(w); /* an error may hide a delivery: it says "look" */
	assert_int_equal(w->idle.trouble, problem);
	assert_true(w->idle.block_again_ms > stk_monotonic_ms());
	assert_true(log_has(log, reason));
}

/* It is over: the next push wakes the worker. The seconds of polling are not waited for. */
static void blocks_again(struct waiter *w)
{
	pid_t pid;

	w->idle.block_again_ms = 0;
	if (!stk_redis_connected(w->link))
		assert_int_equal(stk_redis_connect(w->link), STK_OK);
	assert_int_equal(look(w), STK_ANSWER_EMPTY);
	pid = later(200000, "RPUSH resque:queue:low job");
	assert_true(wait_once(w));
	assert_int_equal(look(w), STK_ANSWER_JOB);
	(void)waitpid(pid, NULL, 0);
}

/* Between the look that found nothing and the pop. */
static void each_refusal_is_named_and_passes(void **state)
{
	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(refusals); i++) {
		struct stk_redis *tools = test_redis_link(&server);
		struct waiter w;

		begin(&w);
		assert_int_equal(look(&w), STK_ANSWER_EMPTY);
		say(tools, refusals[i].provoke);
		refused_by_name(&w, refusals[i].problem);
		say(tools, refusals[i].mend);
		stk_redis_free(tools);
		blocks_again(&w);
		end(&w);
	}
}

static bool is_loading(struct stk_redis *r)
{
	struct stk_reply *info = test_redis_do(r, "INFO persistence");
	bool yes = info != NULL && info->bytes.p != NULL &&
		   strstr((const char *)info->bytes.p, "loading:1") != NULL;

	stk_reply_free(info);
	return yes;
}

/* A server of its own reads its data again, slowly, and answers LOADING meanwhile. */
static void loading_is_named_and_passes(void **state)
{
	static const char *const extra[] = { "--enable-debug-command", "yes",
		"--loading-process-events-interval-bytes", "1024", NULL };
	const struct test_redis common = server;
	struct waiter w;
	pid_t pid;

	(void)state;
	if (!test_redis_start(&server, extra)) {
		server = common;
		skip_because("a redis-server that takes --enable-debug-command (7.0)");
	}
	begin(&w);
	stk_reply_free(test_redis_do(w.link, "DEBUG POPULATE 4000"));
	stk_reply_free(test_redis_do(w.link, "CONFIG SET key-load-delay 500"));
	assert_int_equal(look(&w), STK_ANSWER_EMPTY);
	pid = later(0, "DEBUG RELOAD");
	for (int i = 0; i < 2000 && !is_loading(w.link); i++)
		(void)usleep(1000);
	assert_true(is_loading(w.link));
	refused_by_name(&w, STK_RP_LOADING);
	(void)waitpid(pid, NULL, 0);
	while (is_loading(w.link))
		(void)usleep(10000);
	blocks_again(&w);
	end(&w);
	test_redis_stop(&server);
	server = common;
}

/* Pops are begun and ended at random moments around pushes; every element comes out once. */
static void races_lose_nothing(void **state)
{
	static const char *const words[] = { "RPUSH resque:queue:high x",
		"RPUSH resque:queue:low x" };
	size_t n_done = 0, n_pushed = 0;
	struct waiter w;

	(void)state;
	begin(&w);
	srandom(11);
	for (int round = 0; round < ROUNDS; round++) {
		enum stk_answer v = look(&w);
		pid_t pid = later((useconds_t)(random() % 4000), words[random() % 2]);

		n_pushed++;
		for (bool more = true; more; v = look(&w)) {
			const struct stk_settle ok = { .seq = w.got.parcel.seq,
				.what = STK_SETTLE_OK };
			enum stk_answer settled;

			if (v == STK_ANSWER_JOB) {
				assert_int_equal(stk_store_settle(&w.store, &ok, &settled), STK_OK);
				assert_int_equal(settled, STK_ANSWER_OK);
				n_done++;
			} else {
				w.got.next_due_ms =
				    random() % 5; /* pops that time out as the push comes */
				(void)wait_once(&w);
			}
			more = n_done < n_pushed;
		}
		(void)waitpid(pid, NULL, 0);
	}
	assert_int_equal(n_done, ROUNDS);
	assert_true(test_redis_says(w.link, "GET resque:stat:processed", "150"));
	assert_int_equal(test_redis_int(w.link, "EXISTS resque:queue:high resque:queue:low"), 0);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_push_wakes),
		cmocka_unit_test(nothing_comes_within_a_second),
		cmocka_unit_test(the_second_delivery_goes_back),
		cmocka_unit_test(only_what_is_not_paused_is_blocked_on),
		cmocka_unit_test(an_order_to_stop_is_heard),
		cmocka_unit_test(each_refusal_is_named_and_passes),
		cmocka_unit_test(loading_is_named_and_passes),
		cmocka_unit_test(races_lose_nothing),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}

/*
 * test_queues.c - which queues a worker looks at: patterns as Ruby's Resque matched and ordered
 * them (tests/vectors/resque/queue-globs.txt was written by Resque itself), what bounds them, what
 * is refused, and what the reserve script makes of them and of pauses.
 */
#include "tests/harness.h"

#include "tests/lib/redis_server.h"
#include "worker/config.h"
#include "worker/glob.h"
#include "worker/queues.h"
#include "worker/store.h"
#include "worker/times.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE "tests/vectors/resque/queue-globs.txt"

static struct test_redis server;

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

/* --- Resque's own table ----------------------------------------------------------------------- */

struct words {
	char text[40][64];
	char *v[40];
	size_t n;
};

/* "a|b" as a list that borrows @w; "" is one empty entry. */
static struct stk_strings split(struct words *w, const char *text)
{
	for (w->n = 0;; w->n++, text++) {
		size_t len = strcspn(text, "|");

		(void)snprintf(w->text[w->n], sizeof(w->text[0]), "%.*s", (int)len, text);
		w->v[w->n] = w->text[w->n];
		text += len;
		if (*text == '\0')
			break;
	}
	w->n++;
	return (struct stk_strings){ w->v, w->n };
}

/* ["a", "b\\*"] at @p; returns what follows it. */
static const char *read_list(const char *p, struct words *w)
{
	w->n = 0;
	assert_int_equal(*p, '[');
	for (p++; *p != ']';) {
		size_t len = 0;

		assert_int_equal(*p, '"');
		for (p++; *p != '"'; p++) {
			p += *p == '\\';
			assert_in_range(len, 0, sizeof(w->text[0]) - 2);
			w->text[w->n][len++] = *p;
		}
		w->text[w->n][len] = '\0';
		w->v[w->n] = w->text[w->n];
		w->n++;
		p += strspn(p + 1, ", ") + 1;
	}
	return p + 1;
}

/* What Resque's set held when the table was written: the row of "*" says it, but for this one. */
static struct words existing;

/* Entries in text form, as QUEUES= takes them; false: refused there. */
static bool from_text(struct stk_config *c, const char *text)
{
	struct stk_conf_error e = { 0 };

	return stk_conf_set(stk_config_table, stk_config_table_len, c, "queues", text, "QUEUES",
		   &e) == STK_OK &&
	       stk_queues_check(&c->queues, &c->queues_allowed, &e) == STK_OK;
}

static void polls(const struct stk_strings *entries, const struct words *want)
{
	const char *out[64];
	size_t n = 0;

	if (stk_queues_dynamic(entries)) {
		n = stk_queues_expand(entries, (const char *const *)existing.v, existing.n, out);
	} else {
		for (; n < entries->n; n++)
			out[n] = entries->v[n];
	}
	assert_int_equal(n, want->n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(out[i], want->v[i]);
}

static void has_id(const struct stk_strings *entries, const char *line)
{
	char id[128], want[128];

	assert_non_null(line = strstr(line, "id=H:P:"));
	line += strlen("id=H:P:");
	(void)snprintf(want, sizeof(want), "%.*s", (int)strcspn(line, " "), line);
	assert_int_equal(stk_queues_id(entries, id, sizeof(id)), STK_OK);
	assert_string_equal(id, want);
}

/* One row of lists: ["a", "!b"] id=... polls=[...], or the error that Resque raised. */
static void row_of_lists(const char *line)
{
	struct stk_conf_error e = { 0 };
	struct words entries, want;
	struct stk_strings list;
	bool blanks = strstr(line, "[\" a \"") != NULL;
	struct stk_config c = { 0 };

	(void)read_list(line, &entries);
	list = (struct stk_strings){ entries.v, entries.n };
	if (strstr(line, "NoQueueError") != NULL || strncmp(line, "[\"\"]", 4) == 0) {
		assert_int_equal(stk_queues_check(&list, &c.queues_allowed, &e), STK_E_FORMAT);
		return;
	}
	(void)read_list(strstr(line, "polls=") + strlen("polls="), &want);
	if (blanks) {
		assert_true(from_text(&c, " a ,b "));
		list = c.queues;
	}
	polls(&list, &want);
	has_id(&list, line);
	stk_config_clear(&c);
}

/* One row of the environment: QUEUES="a, b ,!c" id=... polls=[...] */
static void row_of_environment(const char *line)
{
	const char *text = strchr(line, '"') + 1;
	struct stk_config c = { 0 };
	struct words want;
	char value[64];

	(void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(text, "\""), text);
	if (strstr(line, "NoQueueError") != NULL || strcmp(value, ",a,") == 0) {
		/* Resque polls the queue "" for `,a,`; no signature can name that one */
		assert_true(!from_text(&c, value) || c.queues.n == 0);
	} else {
		assert_true(from_text(&c, value));
		(void)read_list(strstr(line, "polls=") + strlen("polls="), &want);
		polls(&c.queues, &want);
		has_id(&c.queues, line);
	}
	stk_config_clear(&c);
}

static void agrees_with_resques_own_table(void **state)
{
	FILE *f = fopen(TABLE, "r");
	size_t n_lists = 0, n_environment = 0;
	char line[512];

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (n_lists == 0) {
			(void)read_list(strstr(line, "polls=") + strlen("polls="), &existing);
			(void)snprintf(existing.text[existing.n], 64, ".hidden");
			existing.v[existing.n] = existing.text[existing.n];
			existing.n++;
		}
		if (line[0] == '[') {
			row_of_lists(line);
			n_lists++;
		} else if (strncmp(line, "QUEUE", 5) == 0) {
			row_of_environment(line);
			n_environment++;
		}
	}
	(void)fclose(f);
	assert_int_equal(n_lists, 27);
	assert_int_equal(n_environment, 5);
}

/* --- the matcher ------------------------------------------------------------------------------ */

static void matches_as_ruby_does_at_the_corners(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} cases[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "*", "", true },
		{ "**", "a", true },
		{ "a*", "a", true },
		{ "*a", "bca", true },
		{ "*a", "bcab", false },
		{ "*a*b", "xaxbxb", true },
		{ "*ab", "aab", true },
		{ "a?c", "ac", false },
		{ "?", "", false },
		{ "?", "\xc3\xa9", true }, /* one character */
		{ "??", "\xc3\xa9", false },
		{ "??", "\xc3\x28", true }, /* not UTF-8: bytes */
		{ "[a-c]", "b", true },
		{ "[a-c]", "d", false },
		{ "[a-]", "-", true },
		{ "[-a]", "-", true },
		{ "[c-a]", "b", false },
		{ "[]", "a", false }, /* closes at once */
		{ "[!]", "a", true }, /* everything but nothing */
		{ "[a", "a", false }, /* never closed */
		{ "[a-", "a", false },
		{ "[", "[", false },
		{ "[\\]]", "]", true },
		{ "[\xc3\xa0-\xc3\xaf]", "\xc3\xa9", true },
		{ "\\*", "*", true },
		{ "\\?", "a", false },
		{ "a\\", "a", true },
		{ "a\\", "a\\", false },
		{ "{a,b}", "{a,b}", true },
		{ ".*", ".a", true },
		{ "\\.*", ".a", true },
		{ "?a", ".a", false },
		{ "[.]a", ".a", false },
		{ "a*", "a.b/c", true },
		{ "*x", "*x", true },
	};

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(cases); i++)
		if (stk_glob_match(stk_span_str(cases[i].pattern), stk_span_str(cases[i].name)) !=
		    cases[i].match)
			fail_msg("'%s' against '%s'", cases[i].pattern, cases[i].name);
}

static void hostile_patterns_cost_little(void **state)
{
	char pattern[4096], name[4096];
	int64_t before = stk_monotonic_ms();

	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	memset(name, 'a', sizeof(name));
	pattern[sizeof(pattern) - 1] = 'b';
	assert_false(
	    stk_glob_match(stk_span_of(pattern, sizeof(pattern)), stk_span_of(name, sizeof(name))));
	assert_true(stk_glob_match(
	    stk_span_of(pattern, sizeof(pattern) - 1), stk_span_of(name, sizeof(name))));
	assert_in_range(stk_monotonic_ms() - before, 0, 1000);
}

/* --- what is refused, what bounds a list ------------------------------------------------------ */

static void refuses_lists_by_name(void **state)
{
	static const struct {
		const char *entries, *allowed, *sentence;
	} bad[] = {
		{ "!low", NULL, "excludes from nothing" },
		{ "!", NULL, "names no queue" },
		{ "", NULL, "names no queue" },
		{ "a|a", NULL, "named twice" },
		{ "a b", NULL, "a signature can bind" },
		{ "foo/bar", NULL, "a signature can bind" },
		{ "{a,b}", NULL, "no usable pattern" },
		{ "\\*", NULL, "no usable pattern" },
		{ "<*>", NULL, "no usable pattern" },
		{ "!a b", NULL, "no usable pattern" },
		{ "a", "b", "not among `queues_allowed`" },
		{ "*", "b*", "is not a queue name" },
	};
	struct words w, a;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(bad); i++) {
		struct stk_strings entries = split(&w, bad[i].entries), allowed = { 0 };
		struct stk_conf_error e = { 0 };

		if (bad[i].allowed != NULL)
			allowed = split(&a, bad[i].allowed);
		assert_int_equal(stk_queues_check(&entries, &allowed, &e), STK_E_FORMAT);
		if (strstr(e.sentence, bad[i].sentence) == NULL)
			fail_msg("%s", e.sentence);
	}
}

static struct stk_keyring *ring_granting(const char *queues)
{
	struct words q, c;
	struct stk_strings names = split(&q, queues), classes = split(&c, "Class");
	const struct stk_principal web = { .name = "web",
		.max_runs = 1,
		.max_delay_s = 1,
		.max_window_s = 1,
		.rate_per_h = 1,
		.burst = 1,
		.park_max = 1,
		.quarantine_max = 1 };
	struct stk_keyring *r = stk_keyring_new();
	const char *why = "";

	assert_non_null(r);
	assert_int_equal(stk_keyring_add_principal(r, &web, &why), STK_OK);
	for (size_t i = 0; i < names.n; i++)
		if (stk_keyring_add_grant(r, 0, &names.v[i], 1, classes.v, 1, 1024, &why) != STK_OK)
			fail_msg("%s", why);
	return r;
}

static void is(const struct stk_queues *q, const char *want)
{
	char got[512] = "";

	for (size_t i = 0; i < q->n; i++)
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s",
		    i > 0 ? "," : "", q->names[i]);
	assert_string_equal(got, want);
}

static void the_policy_bounds_a_dynamic_list(void **state)
{
	struct stk_keyring *ring = ring_granting("low|critical|low_x|Zed");
	struct words w, a;
	struct stk_strings entries = split(&w, "critical|*"), allowed = split(&a, "Zed|other"),
			   nothing = { NULL, 0 };
	struct stk_queues q = { 0 };

	(void)state;
	assert_int_equal(stk_queues_bind(&entries, &nothing, ring, &q), STK_OK);
	assert_true(q.dynamic);
	is(&q, "critical,Zed,low,low_x");
	entries = split(&w, "critical|*|!low*");
	assert_int_equal(stk_queues_bind(&entries, &nothing, ring, &q), STK_OK);
	is(&q, "critical,Zed");
	assert_int_equal(stk_queues_bind(&entries, &allowed, ring, &q), STK_OK);
	is(&q, "Zed,other"); /* the operator's word alone */
	entries = split(&w, "q*");
	assert_int_equal(stk_queues_bind(&entries, &nothing, ring, &q), STK_E_ABSENT);
	is(&q, "Zed,other"); /* the last good list stays */
	entries = split(&w, "anything|b");
	assert_int_equal(stk_queues_bind(&entries, &nothing, ring, &q), STK_OK);
	assert_false(q.dynamic);
	is(&q, "anything,b");
	stk_queues_clear(&q);
	stk_keyring_free(ring);
}

static void a_list_of_too_many_is_refused(void **state)
{
	char *names[STK_WORKER_QUEUES_MAX + 1];
	struct words w;
	struct stk_strings entries = split(&w, "*"), allowed = { names, STK_WORKER_QUEUES_MAX };
	struct stk_keyring *ring = ring_granting("other");
	struct stk_queues q = { 0 };

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(names); i++)
		assert_int_not_equal(asprintf(&names[i], "q%zu", i), -1);
	assert_int_equal(stk_queues_bind(&entries, &allowed, ring, &q), STK_OK);
	assert_int_equal(q.n, STK_WORKER_QUEUES_MAX);
	allowed.n++;
	assert_int_equal(stk_queues_bind(&entries, &allowed, ring, &q), STK_E_TOOBIG);
	for (size_t i = 0; i < STK_ARRAY_LEN(names); i++)
		free(names[i]);
	stk_queues_clear(&q);
	stk_keyring_free(ring);
}

/* --- what reserve makes of it ----------------------------------------------------------------- */

static const char *const three[] = { "critical", "a", "low" };

static struct stk_redis *begin(struct stk_store *s, bool dynamic)
{
	struct stk_redis *r = test_redis_link(&server);
	char started[STK_TIME_BYTES];
	enum stk_answer v;

	assert_non_null(r);
	assert_true(stk_redis_connected(r));
	stk_reply_free(test_redis_do(r, "FLUSHALL"));
	stk_time_shown(started, 0);
	assert_int_equal(stk_store_init(s, r, "resque", "h:1:*"), STK_OK);
	s->dynamic_queues = dynamic;
	assert_int_equal(stk_store_register(s, three, 3, started, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_OK);
	return r;
}

static enum stk_answer look(struct stk_store *s, struct stk_reserved *got)
{
	enum stk_answer v;

	assert_int_equal(stk_store_reserve(s, three, 3, got, &v), STK_OK);
	return v;
}

static void settle(struct stk_store *s, const struct stk_reserved *got)
{
	const struct stk_settle ok = { .seq = got->parcel.seq, .what = STK_SETTLE_OK };
	enum stk_answer v;

	assert_int_equal(stk_store_settle(s, &ok, &v), STK_OK);
	assert_int_equal(v, STK_ANSWER_OK);
}

static void a_dynamic_list_sees_queues_when_they_are_created(void **state)
{
	struct stk_reserved got;
	struct stk_store s;
	struct stk_redis *r = begin(&s, true);

	(void)state;
	assert_int_equal(test_redis_int(r, "RPUSH resque:queue:a one"), 1);
	assert_int_equal(look(&s, &got), STK_ANSWER_EMPTY); /* no member of `queues` yet */
	assert_int_equal(got.n_ours, 0);
	assert_int_equal(test_redis_int(r, "SADD resque:queues a stranger"), 2);
	assert_int_equal(look(&s, &got), STK_ANSWER_JOB);
	assert_string_equal(got.parcel.queue, "a");
	settle(&s, &got);
	assert_int_equal(test_redis_int(r, "RPUSH resque:queue:low two"), 1);
	assert_int_equal(test_redis_int(r, "RPUSH resque:queue:critical three"), 1);
	assert_int_equal(test_redis_int(r, "SADD resque:queues low critical"), 2);
	assert_int_equal(look(&s, &got), STK_ANSWER_JOB);
	assert_string_equal(got.parcel.queue, "critical");
	settle(&s, &got);
	assert_int_equal(test_redis_int(r, "SREM resque:queues low"), 1);
	assert_int_equal(look(&s, &got), STK_ANSWER_EMPTY);
	assert_int_equal(got.n_ours, 2);
	assert_int_equal(got.n_known, 3);
	stk_store_clear(&s);
	stk_redis_free(r);
}

static void a_due_job_of_an_absent_queue_brings_it_back(void **state)
{
	struct stk_reserved got;
	struct stk_store s;
	struct stk_redis *r = begin(&s, true);

	(void)state;
	assert_int_equal(test_redis_int(r, "ZADD resque:stockade:parked:low 1 h"), 1);
	assert_int_equal(test_redis_int(r, "HSET resque:stockade:parcel:low h late"), 1);
	assert_int_equal(look(&s, &got), STK_ANSWER_JOB);
	assert_string_equal(got.parcel.queue, "low");
	assert_int_equal(test_redis_int(r, "SISMEMBER resque:queues low"), 1);
	stk_store_clear(&s);
	stk_redis_free(r);
}

static void set_pause(struct stk_redis *r, const char *text)
{
	const struct stk_span argv[] = { stk_span_str("SET"),
		stk_span_str("resque:pause-all-workers"), stk_span_str(text) };
	struct stk_reply *reply = NULL;

	assert_int_equal(stk_redis_call(r, argv, STK_ARRAY_LEN(argv), &reply), STK_OK);
	stk_reply_free(reply);
}

static void pauses_are_read_as_resque_reads_them(void **state)
{
	static const struct {
		const char *text;
		bool pauses;
	} cases[] = { { "true", true }, { "TRUE", true }, { " TRUE ", true }, { " true ", true },
		{ "1", false }, { "yes", false }, { "false", false }, { "", false } };
	struct stk_reserved got;
	struct stk_store s;
	struct stk_redis *r = begin(&s, false);

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(cases); i++) {
		set_pause(r, cases[i].text);
		assert_int_equal(
		    look(&s, &got), cases[i].pauses ? STK_ANSWER_PAUSED : STK_ANSWER_EMPTY);
	}
	stk_store_clear(&s);
	stk_redis_free(r);
}

static void the_answer_says_which_queues_are_paused(void **state)
{
	struct stk_reserved got;
	struct stk_store s;
	struct stk_redis *r = begin(&s, false);

	(void)state;
	assert_int_equal(test_redis_int(r, "RPUSH resque:queue:a one"), 1);
	stk_reply_free(test_redis_do(r, "SET resque:stockade:paused:a whatever"));
	assert_int_equal(look(&s, &got), STK_ANSWER_EMPTY);
	assert_int_equal(got.paused.len, 3);
	assert_memory_equal(got.paused.p, "010", 3);
	assert_int_equal(test_redis_int(r, "LLEN resque:queue:a"), 1);
	stk_reply_free(test_redis_do(r, "SET resque:stockade:paused:low 1"));
	stk_reply_free(test_redis_do(r, "SET resque:stockade:paused:critical 1"));
	assert_int_equal(look(&s, &got), STK_ANSWER_PAUSED);
	assert_memory_equal(got.paused.p, "111", 3);
	assert_int_equal(test_redis_int(r, "DEL resque:stockade:paused:a"), 1);
	assert_int_equal(look(&s, &got), STK_ANSWER_JOB);
	stk_store_clear(&s);
	stk_redis_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_resques_own_table),
		cmocka_unit_test(matches_as_ruby_does_at_the_corners),
		cmocka_unit_test(hostile_patterns_cost_little),
		cmocka_unit_test(refuses_lists_by_name),
		cmocka_unit_test(the_policy_bounds_a_dynamic_list),
		cmocka_unit_test(a_list_of_too_many_is_refused),
		cmocka_unit_test(a_dynamic_list_sees_queues_when_they_are_created),
		cmocka_unit_test(a_due_job_of_an_absent_queue_brings_it_back),
		cmocka_unit_test(pauses_are_read_as_resque_reads_them),
		cmocka_unit_test(the_answer_says_which_queues_are_paused),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}

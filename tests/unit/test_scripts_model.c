/*
 * test_scripts_model.c - no storm (tests/lib/storm.h) loses or doubles a job with the scripts as
 * they are; with any one rule of them switched off a storm over the same seeds finds out.
 * STOCKADE_SEED is one more seed to try, STOCKADE_STEPS the length of its storm, STOCKADE_SEEDS how
 * many seeds follow it.
 */
#include "tests/harness.h"

#include "tests/lib/redis_server.h"
#include "tests/lib/storm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS       700
#define FIXED_SEEDS 16
#define TEXT_MAX    32768

#define ONLY(s) (1u << STK_SCRIPT_##s)

struct mutation {
	const char *rule; /* what is switched off */
	unsigned scripts;
	const char *find, *put;
};

#define FENCE      "if not call('ZSCORE', LIVE, me) then return {'FENCED'} end"
#define TYPES      "if t ~= 'none' and t ~= wants[n + 1] then"
#define PUT_BACK   "call('LPUSH', queue(q), body)"
#define FOREIGN    "return filed == '1' or (shown == '1'"
#define NO_FOREIGN "return false and (shown == '1'"

static const struct mutation mutations[] = {
	{ "reserve without the fence", ONLY(RESERVE), FENCE, "" },
	{ "settle without the fence", ONLY(SETTLE), FENCE, "" },
	{ "beat without the fence", ONLY(BEAT), FENCE, "" },
	{ "recover without the fence", ONLY(RECOVER), FENCE, "" },
	{ "unregister without the fence", ONLY(UNREGISTER), FENCE, "" },
	{ "register takes a buried instance again", ONLY(REGISTER),
	    "if call('EXISTS', mine) == 1 or call('ZSCORE', GRAVES, me) then", "if false then" },
	{ "register does not say that the id is shared", ONLY(REGISTER),
	    "shared and 'ID_SHARED' or 'OK'", "'OK'" },
	{ "register forgets what a foreign tool did to the former instance", ONLY(REGISTER),
	    "if filed then", "if false then" },
	{ "what lies in in:<i>:* is not adopted", ONLY(RESERVE), "for _, q in ipairs(holding) do",
	    "for _, q in ipairs({}) do" },
	{ "the rest does not go back when one is adopted", ONLY(RESERVE),
	    "while call('LLEN', from) > keep_head do", "while false do" },
	{ "the same seq is not answered again", ONLY(RESERVE),
	    "if open > 0 and given[state[4]] then", "if false then" },
	{ "a pause does not hold what was delivered", ONLY(RESERVE), "given[q] and not paused[q]",
	    "given[q]" },
	{ "a pause is not looked at", ONLY(RESERVE), "everything = string.lower(",
	    "everything = false and string.lower(" },
	{ "drain without the fence", ONLY(DRAIN), FENCE, "" },
	{ "drain takes whatever is at the head", ONLY(DRAIN),
	    "head and places[redis.sha1hex(head)]", "head and 1" },
	{ "drain does not remember what it counted", ONLY(DRAIN), "if last == number then",
	    "if false then" },
	{ "drain goes on with a job in hand", ONLY(DRAIN), "return {'AGAIN'}", "local _ = 0" },
	{ "settle does not ask whether this seq is open", ONLY(SETTLE), "if state[1] ~= seq then",
	    "if false then" },
	{ "settle leaves the job open", ONLY(SETTLE),
	    "call('HDEL', mine, 'open')\ncall('HSET', mine, 'open', 0,", "call('HSET', mine," },
	{ "settle does not remember what was done", ONLY(SETTLE), "'done', seq, ", "" },
	{ "hand-back to the back", ONLY(SETTLE), PUT_BACK, "call('RPUSH', queue(q), body)" },
	{ "recovery to the back", ONLY(RECOVER), PUT_BACK, "call('RPUSH', queue(q), body)" },
	{ "recovery in the wrong order", ONLY(RECOVER), "local body = call('LINDEX', from, -1)",
	    "local body = call('LINDEX', from, 0) call('LREM', from, 1, body or '') if body then "
	    "call('RPUSH', from, body) end" },
	{ "recoveries are not counted", ONLY(RECOVER), "count('lost', ms, d)", "" },
	{ "one recovery too many", ONLY(RECOVER), "times < most", "times <= most" },
	{ "LOST is filed without the digest", ONLY(RECOVER), "record == '' or named ~= d",
	    "record == ''" },
	{ "the victim is not taken from live", ONLY(RECOVER), "call('ZREM', LIVE, victim)", "" },
	{ "the victim is not buried", ONLY(RECOVER), "call('ZADD', GRAVES, ms, victim)", "" },
	{ "who unregisters is not buried", ONLY(UNREGISTER), "call('ZADD', GRAVES, ms, me)", "" },
	{ "graves are not swept", ONLY(RECOVER), "if not known and not was_live and not died",
	    "if not was_live" },
	{ "a grave is forgotten at once", ONLY(RECOVER), "ms - died > 86400000", "true" },
	{ "a foreign tool's filing is not seen by recover", ONLY(RECOVER), FOREIGN, NO_FOREIGN },
	{ "a foreign tool's filing is not seen by settle", ONLY(SETTLE), FOREIGN, NO_FOREIGN },
	{ "a foreign tool's filing is not seen by unregister", ONLY(UNREGISTER), FOREIGN,
	    NO_FOREIGN },
	{ "any missing worker:<id> counts as filed by others", ONLY(RECOVER) | ONLY(SETTLE),
	    "shown == '1' and", "true and" },
	{ "settle touches worker:<id> of another", ONLY(SETTLE),
	    "if owner then call('DEL', shown_at)", "if true then call('DEL', shown_at)" },
	{ "show touches worker:<id> of another", ONLY(SHOW), "if call('HGET', WID, id) ~= me then",
	    "if false then" },
	{ "beat touches the registration of another", ONLY(BEAT), "if owner == me then",
	    "if true then" },
	{ "recover touches worker:<id> of another", ONLY(RECOVER),
	    "if owner then forget_worker(id)", "if id then forget_worker(id)" },
	{ "unregister touches worker:<id> of another", ONLY(UNREGISTER),
	    "if call('HGET', WID, id) == me then", "if true then" },
	{ "beat does not heal the registration", ONLY(BEAT), "call('SADD', R .. 'workers', id)",
	    "" },
	{ "a signed job is parked in more than one copy", ONLY(SETTLE), "if not signed then",
	    "if true then" },
	{ "beat does not begin with a removal", ONLY(BEAT), "call('ZREM', LIVE, me)", "" },
	{ "beat looks at no type", ONLY(BEAT), TYPES, "if false then" },
	{ "reserve looks at no type", ONLY(RESERVE), TYPES, "if false then" },
	{ "settle looks at no type", ONLY(SETTLE), TYPES, "if false then" },
	{ "show looks at no type", ONLY(SHOW), TYPES, "if false then" },
	{ "recover looks at no type", ONLY(RECOVER), TYPES, "if false then" },
	{ "unregister looks at no type", ONLY(UNREGISTER), TYPES, "if false then" },
	{ "prune looks at no type", ONLY(PRUNE), TYPES, "if false then" },
	{ "register looks at no type", ONLY(REGISTER), TYPES, "if false then" },
	{ "PARKFULL is not said", ONLY(SETTLE), "call('ZCARD', parked) >= park_max", "false" },
	{ "PARKFULL is said too early", ONLY(SETTLE), "call('ZCARD', parked) >= park_max",
	    "call('ZCARD', parked) + 1 >= park_max" },
	{ "an element of any size is a job", ONLY(RESERVE), "if #body <= max_payload then",
	    "if true then" },
	{ "a delivered element of any size is a job", ONLY(RESERVE), "if #head <= max_payload then",
	    "if true then" },
	{ "an element too large leaves no record", ONLY(RESERVE), "keep('quarantine:' .. q, name,",
	    "(function() end)('quarantine:' .. q, name," },
	{ "recovery counts what is no job", ONLY(RECOVER), "if #body > max_payload then",
	    "if false then" },
	{ "parked jobs are not promoted", ONLY(RESERVE), "n_promoted < 8", "false" },
	{ "parked jobs are promoted before they are due", ONLY(RESERVE), "'-inf', ms, 'LIMIT'",
	    "'-inf', '+inf', 'LIMIT'" },
	{ "promotion leaves the parcel", ONLY(RESERVE), "call('HDEL', parcel, handle)", "" },
	{ "promotion drops the parcel", ONLY(RESERVE), "call('RPUSH', queue(q), body)", "" },
	{ "prune looks at our own", ONLY(PRUNE), "and call('HEXISTS', WID, id) == 0", "" },
	{ "prune files in spite of a heartbeat", ONLY(PRUNE), "call('HGET', BEATS, victim) ~= beat",
	    "false" },
	{ "prune files in spite of another job", ONLY(PRUNE),
	    "or (call('GET', shown_at) or '') ~= value", "" },
	{ "prune files a worker that became ours", ONLY(PRUNE),
	    "or call('HEXISTS', WID, victim) == 1", "" },
	{ "prune leaves the worker registered", ONLY(PRUNE), "forget_worker(victim)", "" },
	{ "show does not begin with a removal", ONLY(SHOW), "call('DEL', shown_at)", "" },
};

static struct test_redis server;
static struct stk_redis *tools;

static uint64_t seed_of(unsigned i)
{
	return 0x9e3779b97f4a7c15u * (i + 1);
}

/* Every occurrence; the number of them. */
static unsigned replace(char *out, struct stk_span text, const char *find, const char *put)
{
	size_t n_find = strlen(find), n_put = strlen(put), used = 0;
	unsigned n = 0;

	for (size_t i = 0; i < text.len;) {
		assert_true(used + n_put + 1 < TEXT_MAX);
		if (text.len - i >= n_find && memcmp(text.p + i, find, n_find) == 0) {
			memcpy(out + used, put, n_put);
			used += n_put;
			i += n_find;
			n++;
		} else {
			out[used++] = (char)text.p[i++];
		}
	}
	out[used] = '\0';
	return n;
}

static void load(const char *text, char *sha)
{
	const struct stk_span argv[] = { stk_span_str("SCRIPT"), stk_span_str("LOAD"),
		stk_span_str(text) };
	struct stk_reply *r = NULL;

	assert_int_equal(stk_redis_call(tools, argv, STK_ARRAY_LEN(argv), &r), STK_OK);
	assert_int_equal(r->bytes.len, 40);
	memcpy(sha, r->bytes.p, 40);
	sha[40] = '\0';
	stk_reply_free(r);
}

/* Fails where the text is not there any more: the table is stale. */
static void mutate(const struct mutation *m, struct storm_plan *plan)
{
	static char text[TEXT_MAX];

	for (int s = 0; s < STK_SCRIPT_COUNT; s++) {
		if ((m->scripts >> s & 1) == 0)
			continue;
		if (replace(text, stk_script_text((enum stk_script)s), m->find, m->put) == 0)
			fail_msg("stale: '%s' stands in %s no more (%s)", m->find,
			    stk_script_name((enum stk_script)s), m->rule);
		load(text, plan->sha[s]);
	}
}

static void the_scripts_keep_every_job(void **state)
{
	struct storm_seen seen, all = { 0 };

	(void)state;
	for (unsigned i = 0; i < FIXED_SEEDS; i++) {
		const struct storm_plan plan = { .seed = seed_of(i), .steps = STEPS };
		const char *found = storm_run(tools, &plan, &seen);

		if (found != NULL)
			fail_msg("seed %u: %s", i, found);
		all.deaths += seen.deaths;
		all.fenced += seen.fenced;
		all.lost += seen.lost;
		all.shared += seen.shared;
		all.filed_by_others += seen.filed_by_others;
	}
	(void)printf(
	    "# %u deaths, %u fenced, %u filed as lost, %u under a shared id, %u filed by others\n",
	    all.deaths, all.fenced, all.lost, all.shared, all.filed_by_others);
	assert_true(all.deaths > 500 && all.fenced > 100 && all.lost > 10 && all.shared > 100 &&
		    all.filed_by_others > 10);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void nor_does_any_other_seed_lose_one(void **state)
{
	struct storm_plan plan = { .seed = setting(
				       "STOCKADE_SEED", (uint64_t)getpid() * 2654435761u + 1),
		.steps = (unsigned)setting("STOCKADE_STEPS", STEPS) };
	uint64_t more = setting("STOCKADE_SEEDS", 1);
	struct storm_seen seen;

	(void)state;
	for (uint64_t i = 0; i < more; i++, plan.seed++) {
		const char *found = storm_run(tools, &plan, &seen);

		if (found != NULL)
			fail_msg("STOCKADE_SEED=%llu: %s", (unsigned long long)plan.seed, found);
	}
	(void)printf("# STOCKADE_SEED=%llu was the last\n", (unsigned long long)(plan.seed - 1));
}

static void without_any_one_rule_a_storm_finds_out(void **state)
{
	unsigned survived = 0;

	(void)state;
	for (size_t i = 0; i < STK_ARRAY_LEN(mutations); i++) {
		struct storm_plan plan = { .steps = STEPS };
		struct storm_seen seen;
		const char *found = NULL;
		unsigned k = 0;

		mutate(&mutations[i], &plan);
		while (found == NULL && k < FIXED_SEEDS) {
			plan.seed = seed_of(k++);
			found = storm_run(tools, &plan, &seen);
		}
		(void)printf("# %s: %s (storm %u)\n", mutations[i].rule,
		    found == NULL ? "SURVIVED" : found, k);
		survived += found == NULL;
	}
	if (survived > 0)
		fail_msg("%u rules can be switched off and no storm finds out: see SURVIVED above",
		    survived);
}

static int start_server(void **state)
{
	(void)state;
	if (!test_redis_start(&server, NULL))
		return -1;
	tools = test_redis_link(&server);
	return tools != NULL ? 0 : -1;
}

static int stop_server(void **state)
{
	(void)state;
	stk_redis_free(tools);
	test_redis_stop(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_scripts_keep_every_job),
		cmocka_unit_test(nor_does_any_other_seed_lose_one),
		cmocka_unit_test(without_any_one_rule_a_storm_finds_out),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}

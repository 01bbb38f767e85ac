/*
 * storm_ruby.c - see storm_world.h: a Ruby worker that died is filed by the steps of its own
 * pruner, once, and only while nothing about it changes between the look and the filing.
 */
#include "tests/lib/redis_server.h"
#include "tests/lib/storm_world.h"

#include <stdio.h>
#include <string.h>

#define RUBY "ruby:9:high"
#define BEAT "2020-01-01T00:00:00+00:00"

static const char *const changes[] = { "EXISTS nothing",
	"HSET r:workers:heartbeat " RUBY " 2030-01-01T00:00:00+00:00",
	"SET r:worker:" RUBY " other", "DEL r:worker:" RUBY, "HSET r:stockade:wid " RUBY " x" };

static bool looks(struct worker *w, struct stk_beating *out)
{
	static struct stk_beating page[512];
	enum stk_answer v = STK_ANSWER_OK;
	uint64_t cursor = 0;
	bool found = false;
	int64_t now;
	size_t n;

	do {
		if (!storm_answered(
			stk_store_prune_look(&w->store, &cursor, page, 512, &n, &now, &v), "prune"))
			return false;
		for (size_t i = 0; i < n; i++) {
			if (page[i].id[0] == 'h')
				storm_wrong("prune looks at a worker of ours");
			if (strcmp(page[i].id, RUBY) != 0)
				continue;
			*out = page[i];
			found = true;
		}
	} while (cursor != 0);
	return found;
}

void storm_ruby(struct worker *w)
{
	size_t change = storm_roll(2) * storm_roll(STK_ARRAY_LEN(changes));
	struct stk_beating who;
	struct stk_span value;
	enum stk_answer v = STK_ANSWER_OK;
	char copy[16] = "";
	bool too_long;
	int64_t failed;

	if (!storm_live(w))
		return;
	storm_redis("SADD r:workers " RUBY);
	storm_redis("HSET r:workers:heartbeat " RUBY " " BEAT);
	storm_redis("SET r:worker:" RUBY " working");
	if (!looks(w, &who))
		storm_wrong("prune does not see a Ruby worker");
	else if (storm_answered(
		     stk_store_prune_show(&w->store, RUBY, &value, &too_long, &v), "prune")) {
		(void)snprintf(copy, sizeof(copy), "%.*s", (int)value.len, (const char *)value.p);
		storm_redis(changes[change]);
		failed = test_redis_int(sw.tools, "LLEN r:failed");
		for (int again = 0; again < 2; again++) {
			if (!storm_answered(stk_store_prune_file(&w->store, &who,
						stk_span_str(copy), stk_span_str("ruby's"), &v),
				"prune"))
				return;
			if ((v == STK_ANSWER_OK) != (change == 0 && again == 0))
				storm_wrong("prune says %s after '%s'", stk_answer_text(v),
				    changes[change]);
		}
		if (test_redis_int(sw.tools, "LLEN r:failed") != failed + (change == 0))
			storm_wrong("prune files another number of records than one");
		if (test_redis_int(sw.tools, "SISMEMBER r:workers " RUBY) != (change != 0))
			storm_wrong(
			    "prune leaves a filed worker registered, or forgets a living one");
	}
	storm_redis("SREM r:workers " RUBY);
	storm_redis("HDEL r:workers:heartbeat " RUBY);
	storm_redis("DEL r:worker:" RUBY);
	storm_redis("HDEL r:stockade:wid " RUBY);
}

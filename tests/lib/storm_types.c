/*
 * storm_types.c - see storm_world.h: one key of another type, and the script says STORE and does
 * nothing. A script that wrote before it looked would fail half done: Lua does not roll back.
 */
#include "tests/lib/redis_server.h"
#include "tests/lib/storm_world.h"

#include <stdio.h>
#include <string.h>

enum call {
	CALL_BEAT,
	CALL_RESERVE,
	CALL_SETTLE,
	CALL_PARK,
	CALL_SHOW,
	CALL_RECOVER,
	CALL_UNREGISTER,
	CALL_PRUNE,
	CALL_REGISTER
};

/* In the keys: I this instance, V the victim, Q the job's queue, W the worker id. */
static const struct {
	enum call call;
	const char *key;
} cases[] = {
	{ CALL_BEAT, "r:workers" },
	{ CALL_BEAT, "r:workers:heartbeat" },
	{ CALL_BEAT, "r:worker:W:started" },
	{ CALL_BEAT, "r:stockade:live" },
	{ CALL_RESERVE, "r:stockade:w:I" },
	{ CALL_RESERVE, "r:queues" },
	{ CALL_RESERVE, "r:pause-all-workers" },
	{ CALL_SETTLE, "r:stockade:w:I" },
	{ CALL_SETTLE, "r:stockade:wid" },
	{ CALL_SETTLE, "r:stockade:in:I:Q" },
	{ CALL_SETTLE, "r:failed" },
	{ CALL_PARK, "r:stockade:parked:Q" },
	{ CALL_PARK, "r:stockade:parcel:Q" },
	{ CALL_SHOW, "r:worker:W" },
	{ CALL_SHOW, "r:stockade:wid" },
	{ CALL_RECOVER, "r:workers" },
	{ CALL_RECOVER, "r:stockade:graves" },
	{ CALL_RECOVER, "r:stockade:w:V" },
	{ CALL_RECOVER, "r:stockade:in:V:high" },
	{ CALL_UNREGISTER, "r:workers" },
	{ CALL_UNREGISTER, "r:stockade:w:I" },
	{ CALL_UNREGISTER, "r:stockade:in:I:low" },
	{ CALL_PRUNE, "r:workers" },
	{ CALL_REGISTER, "r:workers:heartbeat" },
	{ CALL_REGISTER, "r:worker:W" },
};

static void spell(char *out, size_t size, const char *key, const struct worker *w)
{
	const char *victim = sw.instances[w->self > 0 ? w->self - 1 : w->self + 1].i;
	size_t n = 0;

	for (; *key != '\0' && n + 1 < size; key++) {
		const char *word = *key == 'I'   ? sw.instances[w->self].i
				   : *key == 'V' ? victim
				   : *key == 'Q' ? w->queue
				   : *key == 'W' ? storm_ids[storm_id_of_worker[w - sw.workers]]
						 : NULL;
		n += (size_t)(word == NULL ? snprintf(out + n, size - n, "%c", *key)
					   : snprintf(out + n, size - n, "%s", word));
	}
}

static enum stk_err call(struct worker *w, enum call which, enum stk_answer *v)
{
	const struct stk_settle how = { .seq = w->seq,
		.what = which == CALL_PARK ? STK_SETTLE_PARK : STK_SETTLE_FAIL,
		.record = stk_span_str("x"),
		.delay_ms = 3600000 };
	struct stk_store fresh = w->store;
	struct stk_recovered r;
	struct stk_reserved got;
	struct stk_beating one;
	uint64_t cursor = 0;
	int64_t now;
	size_t n;
	enum stk_err e;

	switch (which) {
	case CALL_BEAT: return stk_store_beat(&w->store, STARTED, v);
	case CALL_RESERVE: return stk_store_reserve(&w->store, storm_queues, 2, &got, v);
	case CALL_SETTLE:
	case CALL_PARK: return stk_store_settle(&w->store, &how, v);
	case CALL_SHOW: return stk_store_show(&w->store, w->seq, stk_span_str("x"), v);
	case CALL_RECOVER:
		return stk_store_recover(&w->store,
		    sw.instances[w->self > 0 ? w->self - 1 : w->self + 1].i, storm_queues, 2, NULL,
		    stk_span_of("", 0), &r, v);
	case CALL_UNREGISTER: return stk_store_unregister(&w->store, v);
	case CALL_PRUNE: return stk_store_prune_look(&w->store, &cursor, &one, 1, &n, &now, v);
	case CALL_REGISTER:
		fresh.in_hand = NULL;
		e = stk_store_fresh_instance(&fresh);
		return e != STK_OK ? e : stk_store_register(&fresh, storm_queues, 2, STARTED, v);
	}
	return STK_E_FORMAT;
}

void storm_wrong_type(struct worker *w)
{
	size_t k = storm_roll(STK_ARRAY_LEN(cases));
	char key[160], words[400];
	enum stk_answer v = STK_ANSWER_OK;
	bool had;

	if (!storm_live(w) || sw.n_instances < 2 ||
	    ((cases[k].call == CALL_SETTLE || cases[k].call == CALL_PARK ||
		 cases[k].call == CALL_SHOW) &&
		!w->knows) ||
	    (strcmp(cases[k].key, "r:worker:W") == 0 && cases[k].call == CALL_SHOW &&
		sw.owner[storm_id_of_worker[w - sw.workers]] != w->self))
		return;
	spell(key, sizeof(key), cases[k].key, w);
	(void)snprintf(words, sizeof(words), "EXISTS %s", key);
	had = test_redis_int(sw.tools, words) == 1;
	(void)snprintf(words, sizeof(words), "RENAME %s aside", key);
	if (had)
		storm_redis(words);
	(void)snprintf(words, sizeof(words),
	    strcmp(cases[k].key, "r:worker:W") == 0 ||
		    strcmp(cases[k].key, "r:worker:W:started") == 0 ||
		    strcmp(cases[k].key, "r:pause-all-workers") == 0
		? "RPUSH %s oops"
		: "SET %s oops",
	    key);
	storm_redis(words);
	if (storm_answered(call(w, cases[k].call, &v), "a script at a wrong type") &&
	    v != STK_ANSWER_STORE)
		storm_wrong("%s is of the wrong type, and the answer is %s", cases[k].key,
		    stk_answer_text(v));
	(void)snprintf(words, sizeof(words), "DEL %s", key);
	if (test_redis_int(sw.tools, words) != 1)
		storm_wrong("%s was of the wrong type and is gone", cases[k].key);
	(void)snprintf(words, sizeof(words), "RENAME aside %s", key);
	if (had)
		storm_redis(words);
}

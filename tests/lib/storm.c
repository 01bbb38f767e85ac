/*
 * storm.c - see storm.h: the steps, and what a storm begins with.
 */
#include "tests/lib/redis_server.h"
#include "tests/lib/storm_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct storm_world sw;
const char *const storm_queues[] = { "high", "low" };
/* the first two are one id: a container that started again while its former self still runs */
const char *const storm_ids[] = { "h:7:high,low", "h:8:high,low" };
const int storm_id_of_worker[WORKERS] = { 0, 0, 1 };

/* xorshift64: the same seed is the same run on every machine */
unsigned storm_roll(unsigned sides)
{
	sw.dice ^= sw.dice << 13;
	sw.dice ^= sw.dice >> 7;
	sw.dice ^= sw.dice << 17;
	return (unsigned)(sw.dice >> 33) % sides;
}

void storm_wrong(const char *text, ...)
{
	va_list ap;

	if (sw.violation[0] != '\0')
		return;
	va_start(ap, text);
	(void)vsnprintf(sw.violation, sizeof(sw.violation), text, ap);
	va_end(ap);
}

bool storm_answered(enum stk_err e, const char *call)
{
	if (e != STK_OK)
		storm_wrong("%s: Redis refused the script (%s)", call, stk_strerror(e));
	return e == STK_OK;
}

void storm_redis(const char *words)
{
	stk_reply_free(test_redis_do(sw.tools, words));
}

bool storm_live(const struct worker *w)
{
	return sw.instances[w->self].live;
}

/* A buried instance must hear FENCED, a living one must not. */
bool storm_fence_holds(const struct worker *w, enum stk_answer v, const char *call)
{
	if (storm_live(w) == (v == STK_ANSWER_FENCED))
		storm_wrong("%s: %s", call,
		    storm_live(w) ? "a living instance was fenced"
				  : "a buried instance was served");
	return v != STK_ANSWER_FENCED;
}

static void step(void)
{
	struct worker *w = &sw.workers[storm_roll(WORKERS)];

	switch (storm_roll(18)) {
	case 0:
	case 1: storm_enqueue(); break;
	case 2:
	case 3:
	case 4: storm_reserve(w); break;
	case 5:
	case 6: storm_settle(w); break;
	case 7:
	case 8: storm_deliver(); break;
	case 9: storm_reborn(w); break; /* kill -9 */
	case 10:
		storm_recover(w, sw.workers[storm_roll(WORKERS)].self);
		break; /* wrongly: it lives */
	case 11:
	case 12:
		storm_recover(
		    w, sw.n_instances - 1 -
			   (int)storm_roll((unsigned)(sw.n_instances < 9 ? sw.n_instances : 9)));
		break;
	case 13: storm_roll(3) == 0 ? storm_pause_or_resume() : storm_beat(w); break;
	case 14: storm_roll(3) == 0 ? storm_unregister(w) : storm_foreign_pruner(); break;
	case 15: storm_full_redis(w); break;
	case 16: storm_wrong_type(w); break;
	case 17: storm_roll(2) == 0 ? storm_drain(w) : storm_ruby(w); break;
	}
}

static void begin(const struct storm_plan *plan)
{
	storm_redis("FLUSHALL");
	storm_redis("CONFIG SET maxmemory 0");
	sw.dice = plan->seed;
	sw.n_instances = 0;
	sw.n_oversize = 0;
	sw.paused = false;
	sw.violation[0] = sw.old_lost.digest[0] = sw.old_record[0] = '\0';
	for (int n = 0; n < STORM_JOBS; n++)
		sw.jobs[n] = (struct job){ .filed_at = NOBODY };
	for (int id = 0; id < 2; id++) {
		sw.owner[id] = NOBODY;
		sw.shown[id][0] = '\0';
		sw.listed[id] = false;
	}
	for (int i = 0; i < WORKERS; i++) {
		if (stk_store_init(&sw.workers[i].store, sw.tools, "r",
			storm_ids[storm_id_of_worker[i]]) != STK_OK)
			storm_wrong("no store");
		for (int s = 0; s < STK_SCRIPT_COUNT; s++)
			memcpy(sw.workers[i].store.sha[s], plan->sha[s], sizeof(plan->sha[s]));
		sw.workers[i].store.max_payload_bytes = PAYLOAD_MAX;
		sw.workers[i].full = false;
		storm_enlist(&sw.workers[i]);
	}
}

const char *storm_run(struct stk_redis *r, const struct storm_plan *plan, struct storm_seen *out)
{
	*out = (struct storm_seen){ 0 };
	sw.tools = r;
	sw.seen = out;
	begin(plan);
	for (unsigned i = 0; i < plan->steps && sw.violation[0] == '\0'; i++) {
		step();
		storm_ids_are_their_owners();
		if (i % 20 == 0)
			storm_every_job_is_in_one_place();
	}
	if (sw.violation[0] == '\0')
		storm_calm();
	if (sw.violation[0] == '\0')
		storm_every_job_is_in_one_place();
	for (int i = 0; i < WORKERS; i++)
		stk_store_clear(&sw.workers[i].store);
	return sw.violation[0] == '\0' ? NULL : sw.violation;
}

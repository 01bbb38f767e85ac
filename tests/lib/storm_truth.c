/*
 * storm_truth.c - see storm.h: what must be true after each step, and after the storm.
 */
#include "tests/lib/redis_server.h"
#include "tests/lib/storm_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "" stands for no such key */
static bool value_is(const char *words, const char *want)
{
	struct stk_reply *r = test_redis_do(sw.tools, words);
	bool same =
	    r != NULL && (want[0] == '\0' ? r->type == STK_REPLY_NIL : stk_reply_is(r, want));

	stk_reply_free(r);
	return same;
}

void storm_ids_are_their_owners(void)
{
	char words[128];

	for (int id = 0; id < 2; id++) {
		(void)snprintf(words, sizeof(words), "GET r:worker:%s", storm_ids[id]);
		if (!value_is(words, sw.shown[id]))
			storm_wrong("worker:%s was touched by an instance that does not own it",
			    storm_ids[id]);
		(void)snprintf(words, sizeof(words), "SISMEMBER r:workers %s", storm_ids[id]);
		if (test_redis_int(sw.tools, words) != sw.listed[id])
			storm_wrong("%s is %s workers, by an instance that does not own it",
			    storm_ids[id], sw.listed[id] ? "not in" : "in");
	}
}

static void areas_are_bounded(void)
{
	char words[96];
	int64_t n = 0;

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(words, sizeof(words), "ZCARD r:stockade:parked:%s", storm_queues[i]);
		if (test_redis_int(sw.tools, words) > PARK_MAX)
			storm_wrong("%s has more parked jobs than park_max", storm_queues[i]);
		(void)snprintf(
		    words, sizeof(words), "ZCARD r:stockade:quarantine:%s", storm_queues[i]);
		n += test_redis_int(sw.tools, words);
	}
	if (n != sw.n_oversize)
		storm_wrong("%lld elements were too large, %lld left a record",
		    (long long)sw.n_oversize, (long long)n);
}

void storm_every_job_is_in_one_place(void)
{
	struct storm_places p;

	areas_are_bounded();
	storm_places(sw.tools, &p);
	for (int n = 0; n < (int)sw.seen->jobs; n++) {
		const struct job *j = &sw.jobs[n];
		bool done = j->finished || j->gone;

		if (storm_is_signed(n) && p.parked[n] > 1)
			storm_wrong("job%04d is parked in %u copies of one id", n, p.parked[n]);
		if (!done && p.all[n] == 0)
			storm_wrong("job%04d is lost", n);
		if (p.all[n] > (storm_is_signed(n) ? j->copies : !done))
			storm_wrong("job%04d stands in %u places, done %d", n, p.all[n], done);
	}
}

/* As the workers' own passes do: who is live and silent, then the graves. */
static void pass(struct worker *w)
{
	static struct stk_peer peers[INSTANCES];
	size_t n = 0, m = 0;

	if (!storm_answered(stk_store_live(&w->store, peers, INSTANCES, &n), "live") ||
	    !storm_answered(stk_store_graves(&w->store, peers + n, INSTANCES - n, &m), "graves"))
		return;
	for (size_t i = 0; i < n + m; i++)
		for (int k = 0; k < sw.n_instances; k++)
			if (strcmp(sw.instances[k].i, peers[i].instance) == 0 &&
			    k != sw.workers[0].self && k != sw.workers[1].self &&
			    k != sw.workers[2].self)
				storm_recover(w, k);
}

/* After the storm everything that was in hand or buried comes back. */
void storm_calm(void)
{
	struct storm_places p = { .in_hand = true };

	for (int i = 0; i < WORKERS; i++)
		storm_reborn(&sw.workers[i]);
	for (int k = 0; k < CALM_PASSES && p.in_hand && sw.violation[0] == '\0'; k++) {
		pass(&sw.workers[0]);
		storm_places(sw.tools, &p);
	}
	if (p.in_hand)
		storm_wrong("a job stays in a dead worker's hand for ever");
}

/*
 * storm_life.c - see storm.h: a worker registers, beats, dies and leaves.
 */
#include "tests/lib/redis_server.h"
#include "tests/lib/storm_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void storm_disown(int instance)
{
	int id = sw.instances[instance].id;

	sw.instances[instance].live = false;
	if (sw.owner[id] != instance)
		return;
	sw.owner[id] = NOBODY;
	sw.listed[id] = false;
	sw.shown[id][0] = '\0';
}

void storm_enlist(struct worker *w)
{
	int id = storm_id_of_worker[w - sw.workers];
	bool shared = sw.owner[id] != NOBODY && sw.instances[sw.owner[id]].live;
	enum stk_answer v = STK_ANSWER_OK;

	w->knows = w->lost = false;
	if (sw.n_instances == INSTANCES) {
		storm_wrong("the storm is longer than the model");
		return;
	}
	w->self = sw.n_instances++;
	sw.instances[w->self] = (struct instance){ .live = true, .id = id };
	memcpy(sw.instances[w->self].i, w->store.instance, sizeof(w->store.instance));
	if (!storm_answered(
		stk_store_register(&w->store, storm_queues, 2, STARTED, &v), "register"))
		return;
	if (v != (shared ? STK_ANSWER_ID_SHARED : STK_ANSWER_OK))
		storm_wrong("register says %s", stk_answer_text(v));
	sw.seen->shared += shared;
	sw.owner[id] = w->self;
	sw.listed[id] = true;
	sw.shown[id][0] = '\0';
}

/* Dies, or finds itself fenced; a successor takes over the id. */
void storm_reborn(struct worker *w)
{
	enum stk_answer v;

	sw.seen->deaths++;
	if (!storm_live(w) &&
	    storm_answered(
		stk_store_register(&w->store, storm_queues, 2, STARTED, &v), "register") &&
	    v != STK_ANSWER_FENCED)
		storm_wrong("register: a buried instance came back to life");
	if (stk_store_fresh_instance(&w->store) != STK_OK)
		storm_wrong("no random bytes");
	storm_enlist(w);
}

void storm_fenced(struct worker *w)
{
	sw.seen->fenced++;
	storm_reborn(w);
}

void storm_beat(struct worker *w)
{
	enum stk_answer v;
	int id = storm_id_of_worker[w - sw.workers];

	if (!storm_answered(stk_store_beat(&w->store, STARTED, &v), "beat"))
		return;
	if (!storm_fence_holds(w, v, "beat")) {
		storm_fenced(w);
		return;
	}
	if (sw.owner[id] == NOBODY)
		sw.owner[id] = w->self;
	sw.listed[id] = sw.listed[id] || sw.owner[id] == w->self;
}

void storm_unregister(struct worker *w)
{
	enum stk_answer v;

	if (!storm_answered(stk_store_unregister(&w->store, &v), "unregister"))
		return;
	if (storm_fence_holds(w, v, "unregister")) {
		storm_drop_filed(w->self);
		storm_disown(w->self);
		if (storm_in_hand_of(w) != 0)
			storm_wrong("unregister leaves jobs behind");
	}
	storm_reborn(w);
}

void storm_full_redis(struct worker *w)
{
	storm_redis("CONFIG SET maxmemory 1");
	if (w->knows && storm_live(w) && !w->showed && storm_roll(2) == 0)
		storm_show(w);
	else
		storm_beat(w);
	storm_redis("CONFIG SET maxmemory 0");
}

/*
 * storm_death.c - see storm.h: recovery, and a Ruby pruner that sees none of our processes.
 */
#include "tests/lib/redis_server.h"
#include "tests/lib/storm_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hands(int victim, const char *queue, struct storm_list *out)
{
	char key[128];

	(void)snprintf(key, sizeof(key), "r:stockade:in:%s:%s", sw.instances[victim].i, queue);
	storm_list(sw.tools, key, 64, out);
}

/* Jobs that a foreign tool filed in this hand are dropped with it. */
void storm_drop_filed(int victim)
{
	for (int n = 0; n < STORM_JOBS; n++)
		if (sw.jobs[n].filed_at == victim) {
			sw.jobs[n].filed_at = NOBODY;
			sw.jobs[n].gone = true;
		}
}

static void count_returned(const struct storm_list *before)
{
	for (size_t i = 0; i < before->n; i++) {
		struct job *j = &sw.jobs[atoi(before->body[i] + 3)];

		if (before->body[i][0] != 'j') /* too large: not a job, and not counted */
			continue;
		if (j->gone || j->copies != 1 || ++j->returned <= RECOVERIES)
			continue;
		storm_wrong(
		    "%s came back from the dead more than %d times", before->body[i], RECOVERIES);
	}
}

void storm_recover(struct worker *w, int victim)
{
	struct storm_list before[2], front;
	struct stk_recovered r = { 0 };
	struct stk_lost lost = sw.old_lost;
	char record[16] = "", key[64];
	bool replay = sw.old_lost.digest[0] != '\0' && storm_roll(2) == 0, quiet = true;
	enum stk_answer v;

	for (size_t i = 0; i < 2; i++)
		hands(victim, storm_queues[i], &before[i]);
	/* a signed job's second copy has the same record: it may be filed under it at once */
	for (size_t i = 0; replay && i < 2; i++)
		for (size_t k = 0; k < before[i].n; k++)
			quiet = quiet && strcmp(before[i].body[k], sw.old_record) != 0;
	if (!storm_answered(stk_store_recover(&w->store, sw.instances[victim].i, storm_queues, 2,
				replay ? &lost : NULL, stk_span_str(sw.old_record), &r, &v),
		"recover"))
		return;
	if (victim == w->self)
		return;
	if (!storm_fence_holds(w, v, "recover")) {
		storm_fenced(w);
		return;
	}
	storm_disown(victim);
	for (int n = 0; n < STORM_JOBS; n++)
		quiet = quiet && sw.jobs[n].filed_at != victim;
	storm_drop_filed(victim);
	for (size_t i = 0; quiet && v == STK_ANSWER_OK && i < 2; i++) {
		(void)snprintf(key, sizeof(key), "r:queue:%s", storm_queues[i]);
		front = before[i];
		if (!storm_begins(sw.tools, key, &front))
			storm_wrong("recovered jobs do not stand at the front of %s in their order",
			    storm_queues[i]);
		count_returned(&before[i]);
	}
	while (v == STK_ANSWER_LOST && storm_roll(3) != 0) { /* else this caller dies in between */
		sw.seen->lost++;
		if (storm_number(r.lost.bytes) < 0)
			storm_wrong("recover: LOST is said of what is no job");
		lost = r.lost;
		(void)snprintf(record, sizeof(record), "%.*s", (int)lost.bytes.len,
		    (const char *)lost.bytes.p);
		if (!storm_answered(stk_store_recover(&w->store, sw.instances[victim].i,
					storm_queues, 2, &lost, stk_span_str(record), &r, &v),
			"recover"))
			return;
		sw.old_lost = lost;
		memcpy(sw.old_record, record, sizeof(record));
	}
}

/* A Ruby pruner that cannot see our processes. */
void storm_foreign_pruner(void)
{
	int id = (int)storm_roll(2);
	char words[128];

	if (sw.shown[id][0] != '\0') {
		(void)snprintf(
		    words, sizeof(words), "RPUSH r:failed ruby:job%04d", sw.shown_job[id]);
		storm_redis(words);
		sw.jobs[sw.shown_job[id]].filed_at = sw.owner[id];
		sw.seen->filed_by_others++;
	}
	(void)snprintf(words, sizeof(words), "DEL r:worker:%s r:worker:%s:started", storm_ids[id],
	    storm_ids[id]);
	storm_redis(words);
	(void)snprintf(words, sizeof(words), "SREM r:workers %s", storm_ids[id]);
	storm_redis(words);
	sw.shown[id][0] = '\0';
	sw.listed[id] = false;
}

void storm_pause_or_resume(void)
{
	sw.paused = storm_roll(3) == 0;
	storm_redis(sw.paused ? "SET r:pause-all-workers true" : "DEL r:pause-all-workers");
}

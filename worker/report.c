/*
 * report.c - queues with signatures = "report": never popped, looked at now and then, and told what
 * would become of their jobs. And which of a worker's queues are of that kind.
 *
 * The judgement is the gate's; schema, ledger and limits are not asked, because asking costs a
 * child or a run.
 */
#include "worker/worker.h"

#include <stdio.h>
#include <string.h>

#define LOOKED_AT_MOST 1000 /* elements of one queue in one look */

/* Stable: what is worked on keeps its order of priority and stands first. */
void stk_worker_part_queues(struct stk_worker *w)
{
	char **names = w->queue_list.names;
	char *reported[STK_WORKER_QUEUES_MAX];
	size_t n = 0;

	w->n_reported = 0;
	for (size_t i = 0; i < w->queue_list.n; i++) {
		if (stk_config_signatures(w->config, names[i]) == STK_SIGNATURES_REPORT)
			reported[w->n_reported++] = names[i];
		else
			names[n++] = names[i];
	}
	for (size_t i = 0; i < w->n_reported; i++)
		names[n + i] = reported[i];
	w->queues = (const char *const *)names;
	w->n_queues = n;
	w->reported = w->queues + n;
}

/* Loudly: each is a decision that somebody should take back one day. */
void stk_worker_log_signatures(const struct stk_worker *w)
{
	for (size_t i = 0; i < w->n_queues + w->n_reported; i++) {
		const char *q = w->queues[i];
		struct stk_jw *line;

		if (i >= w->n_queues)
			line = stk_log_start(STK_LOG_WARN, "signatures.report", "unknown",
			    "this worker takes no job of queue %s: it only tells what would become "
			    "of them (signatures = report)",
			    q);
		else if (stk_config_signatures(w->config, q) == STK_SIGNATURES_OFF)
			line = stk_log_start(STK_LOG_WARN, "signatures.off", "unknown",
			    "UNSIGNED JOBS RUN: whoever can write queue %s can run any of the %zu "
			    "classes its rule lists; have the producers sign and remove the rule",
			    q, stk_config_rule(w->config, q)->classes.n);
		else
			continue;
		stk_jw_cstr(line, "stockade.queue", q);
		stk_log_end();
	}
}

static void count(struct stk_worker *w, uint64_t counts[STK_VERDICT_COUNT])
{
	struct stk_drained *seen = &w->flood.seen;
	struct stk_parcel parcel = { 0 };

	memcpy(parcel.queue, seen->queue, sizeof(parcel.queue));
	for (size_t i = 0; i < seen->n; i++) {
		struct stk_admission a = { 0 };

		parcel.bytes = seen->bytes[i];
		counts[stk_admit(&w->gate, &parcel, stk_worker_now_s(), &a)]++;
		stk_admission_clear(&a);
	}
}

static void tell(const char *queue, uint64_t total, const uint64_t counts[STK_VERDICT_COUNT])
{
	struct stk_jw *line = stk_log_start(STK_LOG_INFO, "report.looked", "success",
	    "of the first %llu jobs of queue %s, %llu would be accepted and %llu are not signed",
	    (unsigned long long)total, queue, (unsigned long long)counts[STK_V_ACCEPT],
	    (unsigned long long)counts[STK_V_E_UNSIGNED]);

	stk_jw_cstr(line, "stockade.queue", queue);
	stk_jw_int(line, "stockade.looked_at", (int64_t)total);
	for (size_t v = 0; v < STK_VERDICT_COUNT; v++) {
		char key[64];

		(void)snprintf(
		    key, sizeof(key), "stockade.would.%s", stk_verdict_text((enum stk_verdict)v));
		if (counts[v] > 0)
			stk_jw_int(line, key, (int64_t)counts[v]);
	}
	stk_log_end();
}

/* One queue; an element over max_payload is counted and passed over. */
static void look(struct stk_worker *w, const char *queue)
{
	uint64_t counts[STK_VERDICT_COUNT] = { 0 };
	struct stk_drain from = { 0 };
	enum stk_answer v = STK_ANSWER_AGAIN;
	enum stk_err e = STK_OK;

	while (from.first < LOOKED_AT_MOST) {
		e = stk_store_drain(
		    &w->store, &from, &queue, 1, STK_DRAIN_MOST, &w->flood.seen, &v);
		stk_outage_note(&w->life.outage, e);
		if (e != STK_OK || v != STK_ANSWER_OK || w->flood.seen.queue[0] == '\0')
			break;
		count(w, counts);
		from.first += (int64_t)w->flood.seen.n;
		if (w->flood.seen.n > 0)
			continue;
		if (!w->flood.seen.more)
			break;
		counts[STK_V_E_TOO_LARGE]++;
		from.first++;
	}
	if (v == STK_ANSWER_FENCED)
		w->life.fenced = true;
	w->counters.reported += (uint64_t)from.first;
	if (e == STK_OK && v == STK_ANSWER_OK)
		tell(queue, (uint64_t)from.first, counts);
}

void stk_report_pass(struct stk_worker *w)
{
	if (w->n_reported == 0 || stk_monotonic_ms() < w->next_report_ms || w->life.outage.away)
		return;
	w->next_report_ms = stk_monotonic_ms() + w->config->report_every_ms;
	for (size_t i = 0; i < w->n_reported && !w->life.fenced; i++)
		look(w, w->reported[i]);
}

bool stk_report_only(struct stk_worker *w)
{
	stk_report_pass(w);
	if (w->config->drain_and_exit)
		w->life.stop = STK_STOP_DRAIN;
	else
		stk_life_wait(&w->life, 100);
	(void)stk_life_tick(&w->life);
	stk_trail_tick(&w->trail);
	stk_reload_look(w);
	return true;
}

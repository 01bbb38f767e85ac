/*
 * measure.c - how long the queues are, how old their heads say they are, how much is kept of them;
 * and how Redis is. One worker of a service looks, every ten seconds, at 32 queues in one round
 * trip; a job in its cage has its limits first. What it is told is shown and decides nothing.
 */
#include "worker/meter.h"

#include "worker/scan.h"
#include "worker/store_measure.h"
#include "worker/worker.h"

#define EVERY_MS     10000
#define NEXT_PART_MS 1000
#define MOST_WAIT_MS 1000
#define AGE_MAX_S    (10 * 366 * 86400LL) /* older is no age but somebody's joke */

/* The issue time that the head's envelope names: nobody verified it yet. -1: it names none. */
static int64_t issued_s(struct stk_span head)
{
	struct stk_payload p;
	struct stk_envelope e;
	uint8_t text[STK_HEADER_MAX + 1];
	size_t n;

	if (head.len == 0 || stk_payload_scan(head, &p) != STK_V_ACCEPT)
		return -1;
	n = stk_json_unescape(p.header, text, sizeof(text));
	if (n > STK_HEADER_MAX || stk_envelope_parse(stk_span_of(text, n), &e) != STK_V_ACCEPT)
		return -1;
	return e.iat_s;
}

static void tell_age(struct stk_worker *w, const char *queue, const struct stk_measured *q)
{
	int64_t issued = issued_s(q->head), age = stk_worker_now_s() - issued;

	if (q->depth == 0)
		stk_meter_set(w->metering.sheet, STK_METRIC_OLDEST, queue, "", 0, 0);
	else if (issued >= 0 && age <= AGE_MAX_S)
		stk_meter_set(w->metering.sheet, STK_METRIC_OLDEST, queue, "", 0,
		    age > 0 ? (uint64_t)age : 0);
	else
		stk_meter_set(w->metering.sheet, STK_METRIC_OLDEST, queue, "", 0, STK_CELL_UNSET);
}

static void set(struct stk_worker *w, enum stk_metric id, const char *queue, int64_t v)
{
	stk_meter_set(w->metering.sheet, id, queue, "", 0, v < 0 ? STK_CELL_UNSET : (uint64_t)v);
}

static void tell(struct stk_worker *w, const char *queue, const struct stk_measured *q)
{
	set(w, STK_METRIC_DEPTH, queue, q->depth);
	set(w, STK_METRIC_PARKED_NOW, queue, q->parked);
	set(w, STK_METRIC_QUARANTINE, queue, q->kept);
	tell_age(w, queue, q);
}

/* False: the link is not what it was. */
static bool look_at_queues(struct stk_worker *w)
{
	struct stk_metering *m = &w->metering;
	struct stk_measured all[STK_MEASURE_QUEUES];
	struct stk_reply *owner = NULL;
	size_t n = w->n_queues - m->next_queue;
	enum stk_err e;

	n = n < STK_MEASURE_QUEUES ? n : STK_MEASURE_QUEUES;
	e = stk_store_measure(&w->store, w->queues + m->next_queue, n, all, &owner);
	for (size_t i = 0; i < n; i++) {
		if (e != STK_OK) /* what is not known now is not shown */
			all[i] = (struct stk_measured){ .depth = -1, .parked = -1, .kept = -1 };
		tell(w, w->queues[m->next_queue + i], &all[i]);
	}
	stk_reply_free(owner);
	m->next_queue += n;
	m->shown = true;
	return e == STK_OK || e == STK_E_REFUSED;
}

static void look_at_redis(struct stk_worker *w)
{
	struct stk_server_look s;
	enum stk_err e;

	if (w->metering.no_info)
		return;
	e = stk_store_server(&w->store, &s);
	/* its user may not: it is not asked again, or its log would fill */
	w->metering.no_info = e == STK_E_REFUSED && stk_redis_problem(w->link) == STK_RP_NOPERM;
	if (e != STK_OK) /* what is not known now is not shown */
		s = (struct stk_server_look){ -1, -1, -1, -1 };
	stk_meter_memory(w, "queues", s.used_bytes, s.max_bytes);
	set(w, STK_METRIC_EVICTED, "queues", s.evicted);
	set(w, STK_METRIC_CONN_REJECTED, "queues", s.rejected);
}

void stk_measure_pass(struct stk_worker *w, int64_t back_by_ms)
{
	struct stk_metering *m = &w->metering;
	int64_t now = stk_monotonic_ms();

	if (m->sheet == NULL || !m->looks || now < m->next_look_ms || w->n_queues == 0 ||
	    w->life.fenced || w->life.outage.away || !stk_redis_connected(w->link) ||
	    back_by_ms - now < MOST_WAIT_MS)
		return;
	if (m->next_queue >= w->n_queues)
		m->next_queue = 0;
	/* as for a beat: a running job's clocks wait no longer for a Redis that does not answer */
	stk_redis_bound(w->link, w->life.running ? now + MOST_WAIT_MS : 0);
	if (look_at_queues(w) && m->next_queue >= w->n_queues)
		look_at_redis(w);
	stk_redis_bound(w->link, 0);
	m->next_look_ms =
	    stk_monotonic_ms() + (m->next_queue < w->n_queues ? NEXT_PART_MS : EVERY_MS);
}

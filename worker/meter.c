/*
 * meter.c - see meter.h.
 */
#include "worker/meter.h"

#include "worker/cli/cli.h"
#include "worker/scripts.h"
#include "worker/worker.h"

#include <errno.h>
#include <string.h>

#define TELL_MS 200
#define NO_KEY  "none"
#define SERVERS 2

static const char *const servers[SERVERS] = { "queues", "ledger" };

/* --- rows
 * ----------------------------------------------------------------------------------------- */

static void row(struct stk_worker *w, enum stk_metric id, const char *a, const char *b)
{
	stk_meter_row(w->metering.sheet, id, a, b);
}

static bool is_ours(const struct stk_worker *w, const char *queue)
{
	for (size_t i = 0; i < w->n_queues; i++)
		if (strcmp(w->queues[i], queue) == 0)
			return true;
	return false;
}

static void rows_of_class(struct stk_worker *w, const char *queue, const char *class_name)
{
	static const enum stk_metric all[] = { STK_METRIC_DURATION, STK_METRIC_CPU,
		STK_METRIC_MAXRSS, STK_METRIC_VIOLATIONS };

	if (stk_class_find(&w->cage.table, stk_span_str(class_name)) < 0)
		return;
	row(w, STK_METRIC_FINISHED, queue, class_name);
	for (size_t i = 0; i < STK_ARRAY_LEN(all); i++)
		row(w, all[i], class_name, "");
	stk_meter_set(w->metering.sheet, STK_METRIC_RUNNING, class_name, "", 0, 0);
}

static void rows_of_grant(
    struct stk_worker *w, size_t principal, const struct stk_policy_grant *g, const char *queue)
{
	for (size_t k = 0; k < w->ring->n_keys; k++)
		if (w->ring->keys[k].principal == principal)
			row(w, STK_METRIC_RECEIVED, queue, w->ring->keys[k].kid);
	for (size_t c = 0; c < g->n_classes; c++)
		rows_of_class(w, queue, g->classes[c]);
}

static void rows_of_policy(struct stk_worker *w)
{
	for (size_t p = 0; p < w->ring->n_principals; p++)
		for (size_t i = 0; i < w->ring->principals[p].n_grants; i++) {
			const struct stk_policy_grant *g = &w->ring->principals[p].grants[i];

			for (size_t q = 0; q < g->n_queues; q++)
				if (is_ours(w, g->queues[q]))
					rows_of_grant(w, p, g, g->queues[q]);
		}
}

static void rows_of_queue(struct stk_worker *w, const char *queue)
{
	const struct stk_queue_rule *r = stk_config_rule(w->config, queue);

	row(w, STK_METRIC_RECEIVED, queue, STK_SHEET_OTHER);
	row(w, STK_METRIC_REJECTED, queue, "");
	row(w, STK_METRIC_WAIT, queue, "");
	if (r == NULL || r->signatures != STK_SIGNATURES_OFF)
		return;
	row(w, STK_METRIC_RECEIVED, queue, NO_KEY);
	for (size_t i = 0; i < r->classes.n; i++)
		rows_of_class(w, queue, r->classes.v[i]);
}

static void rows_of_keys(struct stk_worker *w)
{
	stk_meter_unset(w->metering.sheet, STK_METRIC_KEY_EXPIRY);
	for (size_t i = 0; i < w->ring->n_keys; i++)
		if (!w->ring->keys[i].revoked)
			stk_meter_set(w->metering.sheet, STK_METRIC_KEY_EXPIRY,
			    w->ring->keys[i].kid, "", 0, (uint64_t)w->ring->keys[i].iat_to_s);
}

static void rows_without_labels(struct stk_worker *w)
{
	static const enum stk_script usual[] = { STK_SCRIPT_RESERVE, STK_SCRIPT_SHOW,
		STK_SCRIPT_SETTLE, STK_SCRIPT_BEAT, STK_SCRIPT_CLAIM, STK_SCRIPT_FINISH };

	for (unsigned m = 0; m < STK_METRIC_COUNT; m++)
		if (stk_metric_desc((enum stk_metric)m)->counter != SIZE_MAX)
			row(w, (enum stk_metric)m, "", "");
	for (size_t i = 0; i < STK_ARRAY_LEN(usual); i++)
		row(w, STK_METRIC_COMMAND, stk_script_name(usual[i]), "");
	for (size_t i = 0; i < SERVERS; i++)
		row(w, STK_METRIC_REDIS_RECONNECTS, servers[i], "");
	row(w, STK_METRIC_LOG_DROPPED, "", "");
	row(w, STK_METRIC_PROCESS_CPU, "worker", "");
	if ((w->cage.profiles & STK_PROFILE_NET) != 0)
		row(w, STK_METRIC_NET, "", "");
	if (w->config->audit_dir != NULL)
		row(w, STK_METRIC_AUDIT, "", "");
}

/* While Redis is away nobody knows how long a queue is: what was known is not shown for it. */
static void forget_looks(struct stk_worker *w)
{
	static const enum stk_metric looked_at[] = { STK_METRIC_DEPTH, STK_METRIC_OLDEST,
		STK_METRIC_PARKED_NOW, STK_METRIC_QUARANTINE };

	for (size_t i = 0; i < STK_ARRAY_LEN(looked_at); i++)
		stk_meter_unset(w->metering.sheet, looked_at[i]);
	if (w->metering.shown)
		stk_meter_memory(w, servers[0], -1, -1);
	w->metering.shown = false;
	w->metering.next_look_ms = 0;
	w->metering.next_queue = 0;
}

void stk_meter_rows(struct stk_worker *w)
{
	if (w->metering.sheet == NULL)
		return;
	forget_looks(w); /* a queue that left the list would keep its last length for ever */
	rows_without_labels(w);
	for (size_t i = 0; i < w->n_queues; i++)
		rows_of_queue(w, w->queues[i]);
	row(w, STK_METRIC_REJECTED, STK_SHEET_OTHER, ""); /* too large: its queue is not told */
	rows_of_policy(w);
	rows_of_keys(w);
}

/* --- events
 * ---------------------------------------------------------------------------------------- */

void stk_meter_judged(
    struct stk_worker *w, const char *queue, const struct stk_admission *a, enum stk_verdict v)
{
	struct stk_meter *m = w->metering.sheet;
	const char *kid = a->signature_valid ? a->kid : a->plain ? NO_KEY : STK_SHEET_OTHER;

	if (m == NULL)
		return;
	stk_meter_add(m, STK_METRIC_RECEIVED, queue, kid, 0, 1);
	if (a->signature_valid)
		stk_meter_set(m, STK_METRIC_KEY_USED, kid, "", 0, (uint64_t)w->now_s);
	if (v != STK_V_ACCEPT) {
		stk_meter_add(m, STK_METRIC_REJECTED, queue, "", v, 1);
	} else if (a->ticket != NULL && !a->plain && w->run <= 1) {
		int64_t iat = stk_ticket_iat_s(a->ticket), nbf = stk_ticket_nbf_s(a->ticket);
		int64_t due = iat > nbf ? iat : nbf;

		stk_meter_observe(
		    m, STK_METRIC_WAIT, queue, w->now_s > due ? (uint64_t)(w->now_s - due) : 0);
	}
}

void stk_meter_removed(struct stk_worker *w, const char *queue, enum stk_verdict v, uint64_t n)
{
	if (n == 0)
		return;
	if (is_ours(w, queue))
		stk_meter_add(w->metering.sheet, STK_METRIC_RECEIVED, queue, STK_SHEET_OTHER, 0, n);
	stk_meter_add(w->metering.sheet, STK_METRIC_REJECTED, queue, "", v, n);
}

void stk_meter_running(struct stk_worker *w, const struct stk_ticket *t, bool running)
{
	stk_meter_set(w->metering.sheet, STK_METRIC_RUNNING, stk_ticket_class(t), "", 0, running);
}

/* Outcomes that say: it tried more than its cage lets it. */
static int violation_of(enum stk_outcome_name name)
{
	switch ((int)name) {
	case STK_OUT_SYSCALL_DENIED: return STK_VIOLATION_SYSCALL;
	case STK_OUT_MEMORY_LIMIT:
	case STK_OUT_CPU_LIMIT:
	case STK_OUT_FILE_SIZE_LIMIT:
	case STK_OUT_STACK_OVERFLOW:
	case STK_OUT_TASK_LIMIT:
	case STK_OUT_WORK_QUOTA:
	case STK_OUT_LEFT_PROCESSES:
	case STK_OUT_OUTPUT_LIMIT: return STK_VIOLATION_RLIMIT;
	case STK_OUT_REPORT_FLOOD:
	case STK_OUT_REPORT_MALFORMED: return STK_VIOLATION_REPORT;
	default: return -1;
	}
}

static uint64_t whole(int64_t n)
{
	return n > 0 ? (uint64_t)n : 0;
}

void stk_meter_finished(struct stk_worker *w, const char *queue, const struct stk_ticket *t,
    const struct stk_outcome *o)
{
	struct stk_meter *m = w->metering.sheet;
	const char *class_name = stk_ticket_class(t);
	int violation = violation_of(o->name);

	if (m == NULL)
		return;
	stk_meter_add(m, STK_METRIC_FINISHED, queue, class_name, o->name, 1);
	if (violation >= 0)
		stk_meter_add(m, STK_METRIC_VIOLATIONS, class_name, "", (size_t)violation, 1);
	if (!o->started)
		return;
	stk_meter_observe(m, STK_METRIC_DURATION, class_name, whole(o->wall_ms));
	stk_meter_observe(m, STK_METRIC_CPU, class_name, whole(o->cpu_ms));
	stk_meter_observe(m, STK_METRIC_MAXRSS, class_name, whole(o->maxrss_kib));
}

void stk_meter_net_refused(struct stk_worker *w, const struct stk_ticket *t)
{
	stk_meter_add(w->metering.sheet, STK_METRIC_VIOLATIONS, stk_ticket_class(t), "",
	    STK_VIOLATION_NET, 1);
}

void stk_meter_memory(struct stk_worker *w, const char *server, int64_t used, int64_t max)
{
	stk_meter_set(w->metering.sheet, STK_METRIC_MEMORY_RATIO, server, "", 0,
	    used >= 0 && max > 0 ? (uint64_t)((double)used / (double)max * 1e6) : STK_CELL_UNSET);
}

/* --- with the ticks
 * ---------------------------------------------------------------------------------- */

/* What it grew by since it was told. */
static void tell(struct stk_worker *w, enum stk_metric id, const char *a, size_t cell, uint64_t now,
    uint64_t *told)
{
	if (now > *told)
		stk_meter_add(w->metering.sheet, id, a, "", cell, now - *told);
	*told = now;
}

static void tell_counters(struct stk_worker *w)
{
	struct stk_metering *m = &w->metering;

	for (unsigned i = 0; i < STK_METRIC_COUNT; i++) {
		size_t at = stk_metric_desc((enum stk_metric)i)->counter;
		uint64_t now;

		if (at == SIZE_MAX)
			continue;
		memcpy(&now, (const uint8_t *)&w->counters + at, sizeof(now));
		tell(w, (enum stk_metric)i, "", 0, now, &m->told[i]);
	}
	for (size_t i = 0; i < STK_NET_COUNT; i++)
		tell(w, STK_METRIC_NET, "", i, w->counters.net[i], &m->told_net[i]);
	tell(w, STK_METRIC_LOG_DROPPED, "", 0, stk_log_dropped(), &m->told_lines);
	tell(w, STK_METRIC_REDIS_RECONNECTS, servers[0], 0, w->life.outage.n, &m->told_outages[0]);
	tell(
	    w, STK_METRIC_REDIS_RECONNECTS, servers[1], 0, w->ledger.outage.n, &m->told_outages[1]);
	if (w->config->audit_dir != NULL && w->trail.audit.seq > m->told_audit) {
		stk_meter_add(m->sheet, STK_METRIC_AUDIT, "", "", 0,
		    (uint64_t)(w->trail.audit.seq - m->told_audit));
		m->told_audit = w->trail.audit.seq;
	}
}

static void tell_gauges(struct stk_worker *w)
{
	struct stk_meter *m = w->metering.sheet;
	uint64_t unavailable = 0;

	if (w->metering.shown && w->life.outage.away)
		forget_looks(w);
	for (uint32_t i = 0; i < w->cage.table.head.n_classes; i++)
		unavailable += w->unavailable[i] >= 3;
	stk_meter_set(m, STK_METRIC_UNAVAILABLE, "", "", 0, unavailable);
	stk_meter_set(m, STK_METRIC_REDIS_UP, servers[0], "", 0,
	    !w->life.outage.away && stk_redis_connected(w->link));
	stk_meter_set(m, STK_METRIC_REDIS_UP, servers[1], "", 0,
	    !w->ledger.outage.away && w->ledger.link != NULL &&
		stk_redis_connected(w->ledger.link));
}

static uint32_t health(const struct stk_worker *w)
{
	uint32_t h = w->life.store != NULL ? STK_HEALTH_REGISTERED : 0;

	if (!w->life.outage.away)
		h |= STK_HEALTH_REDIS;
	if (!w->ledger.outage.away && stk_ledger_fit(w))
		h |= STK_HEALTH_LEDGER;
	if (!stk_worker_wall_is_gone(w))
		h |= STK_HEALTH_WALL;
	if (w->life.stop != STK_STOP_NO)
		h |= STK_HEALTH_STOPPING;
	if (w->life.paused)
		h |= STK_HEALTH_PAUSED;
	if (w->trail_lost)
		h |= STK_HEALTH_UNAUDITED;
	return h;
}

void stk_meter_tick(struct stk_worker *w)
{
	int64_t now = stk_monotonic_ms();

	stk_pulse_health(w->life.pulse, health(w));
	if (w->metering.sheet == NULL || now < w->metering.next_ms)
		return;
	w->metering.next_ms = now + TELL_MS;
	tell_counters(w);
	tell_gauges(w);
	stk_self_tell(&w->metering.self, w->metering.sheet, "worker", now);
}

int stk_meter_begin(struct stk_worker *w, const struct stk_worker_start *start)
{
	w->metering = (struct stk_metering){ .self = { .statm = -1 }, .looks = start->slot == 0 };
	if (w->config->metrics_listen == NULL)
		return 0;
	w->metering.sheet = stk_meter_open(start->pulse_fd);
	if (w->metering.sheet == NULL)
		return stk_complain(STK_EX_OS, "the sheet of counters: %s", strerror(errno));
	stk_self_open(&w->metering.self);
	return 0;
}

/* The last numbers, for those who look later. */
void stk_meter_end(struct stk_worker *w)
{
	if (w->metering.sheet == NULL)
		return;
	tell_counters(w);
	stk_self_close(&w->metering.self);
	stk_meter_close(w->metering.sheet);
	w->metering.sheet = NULL;
}

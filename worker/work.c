/*
 * work.c - the worker's loop: reserve, admit, run, settle. It reads top to bottom on purpose.
 */
#include "worker/worker.h"

#include "worker/cli/cli.h"
#include "worker/scan.h"
#include "worker/seal.h"
#include "worker/title.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RESULT_MAX (65u << 20) /* the largest ceiling.result, and our words */
#define RECORD_MAX (2u << 20)  /* a payload of max_payload's ceiling, in base64, and our words */

int64_t stk_worker_now_s(void)
{
	return (int64_t)time(NULL);
}

/* The decoded class of a payload that may be no STK1 at all; empty if there is none. */
static struct stk_span class_of(struct stk_worker *w, struct stk_span bytes)
{
	struct stk_payload p = { 0 };
	size_t n;

	if (stk_payload_scan(bytes, &p) == STK_V_E_OUTER_JSON)
		return stk_span_of(NULL, 0);
	n = stk_json_unescape(p.class_text, w->class_name, sizeof(w->class_name));
	return stk_span_of(w->class_name, n <= sizeof(w->class_name) ? n : 0);
}

void stk_worker_record_raw(
    struct stk_worker *w, const char *queue, struct stk_span bytes, struct stk_record_job *out)
{
	uint8_t digest[32];

	stk_sha256(bytes, digest);
	stk_hex(digest, sizeof(digest), w->sha256);
	*out = (struct stk_record_job){
		.queue = queue,
		.worker_id = w->store.id,
		.payload = bytes,
		.recognised =
		    stk_json_recognise(bytes, STK_JSON_DEPTH, STK_JSON_OBJECT, NULL) == STK_OK,
		.sha256 = w->sha256,
	};
	if (out->recognised)
		out->class_name = class_of(w, bytes);
}

void stk_worker_record_job(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_ticket *t, struct stk_record_job *out)
{
	stk_worker_record_raw(w, r->parcel.queue, r->parcel.bytes, out);
	out->class_name = stk_span_str(stk_ticket_class(t));
}

/* Whoever took the job from us tells how it ends. */
static void log_forgotten(const struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_ticket *t, const struct stk_outcome *o)
{
	struct stk_jw *line = stk_log_start(STK_LOG_WARN, "job.forgotten", "unknown",
	    "FENCED while it ran: its outcome %s counts for nothing", stk_outcome_text(o->name));

	stk_worker_say_job(w, line);
	stk_jw_cstr(line, "stockade.queue", r->parcel.queue);
	stk_jw_cstr(line, "stockade.class", stk_ticket_class(t));
	stk_jw_int(line, "stockade.seq", r->parcel.seq);
	stk_log_end();
}

static void hand_back(const struct stk_reserved *r, struct stk_settle *s)
{
	*s = (struct stk_settle){ .seq = r->parcel.seq, .what = STK_SETTLE_HANDBACK };
}

/* Everything between reserve and settle for one parcel; after FENCED there is nothing to settle. */
static void handle(struct stk_worker *w, const struct stk_reserved *r, struct stk_settle *settle)
{
	struct stk_admission admission = { 0 };
	struct stk_outcome outcome = { 0 };

	enum stk_verdict v;

	w->counters.reserved++;
	w->job_id[0] = w->trace[0] = '\0';
	w->run = 0;
	w->now_s = stk_worker_now_s();
	stk_jw_reset(&w->record);
	stk_jw_reset(&w->note);
	v = stk_admit(&w->gate, &r->parcel, w->now_s, &admission);
	stk_flood_saw(w, stk_worker_is_junk(&admission));
	if (admission.signature_valid)
		(void)stk_worker_guarded(w, r->parcel.queue, &admission);
	if (admission.authenticated || admission.plain) {
		stk_hex(admission.job_id, sizeof(admission.job_id), w->job_id);
		stk_worker_trace(w, &admission);
	}
	if (v == STK_V_ACCEPT && (v = stk_breaker_ask(w, r, &admission)) == STK_V_ACCEPT)
		v = stk_worker_claim(w, r, &admission);
	w->counters.verdicts[v]++;
	stk_meter_judged(w, r->parcel.queue, &admission, v);
	if (admission.authenticated && !stk_worker_audited(w, r, &admission)) {
		if (v == STK_V_ACCEPT)
			stk_worker_unclaim(w);
		hand_back(r, settle);
	} else if (v == STK_V_ACCEPT) {
		stk_worker_log_admitted(w, r, &admission);
		stk_worker_run(w, r, admission.ticket, &outcome);
		if (!w->life.fenced)
			stk_worker_settle(w, r, admission.ticket, &outcome, settle);
		else
			log_forgotten(w, r, admission.ticket, &outcome);
	} else if (admission.nomem) {
		/* no judgement was possible: the job goes back as if never taken */
		hand_back(r, settle);
		stk_life_wait(&w->life, 1000);
	} else {
		if (!admission.authenticated)
			stk_trail_count(&w->trail, admission.verdict, r->parcel.queue, 1);
		stk_worker_refuse(w, r, &admission, settle);
	}
	stk_outcome_clear(&outcome);
	stk_admission_clear(&admission);
}

bool stk_worker_may_go_on(const struct stk_worker *w)
{
	return w->life.stop == STK_STOP_NO && !w->life.fenced && !w->life.outage.hopeless &&
	       !w->nursery_lost;
}

/*
 * Settles, and reserves the next parcel in the same write while there is to be one. While Redis is
 * away the outcome waits here in memory; settle is known by its seq, so asking again is harmless.
 */
static enum stk_answer settle_and_go_on(
    struct stk_worker *w, const struct stk_settle *settle, struct stk_reserved *next_job)
{
	enum stk_answer settled = STK_ANSWER_OK, next = STK_ANSWER_AGAIN;
	struct stk_reserved fresh = { .next_due_ms = -1 };
	enum stk_err e;

	do {
		if (stk_worker_may_go_on(w) && !w->life.paused && !stk_recovery_due(w) &&
		    stk_ledger_unasked(w) && !stk_flood_is_on(w))
			e = stk_store_settle_and_reserve(
			    &w->store, settle, &settled, w->queues, w->n_queues, &fresh, &next);
		else
			e = stk_store_settle(&w->store, settle, &settled);
	} while (
	    stk_life_again(&w->life, e, true) || stk_worker_wait_for_type(w, e, settled, true));
	if (e != STK_OK)
		return STK_ANSWER_AGAIN;
	stk_worker_settled(w, settle, settled);
	if (settled == STK_ANSWER_OK) {
		stk_worker_result_settled(w, settle);
		stk_worker_released(w);
	}
	if (w->store.opened)
		w->breaker.looked_ms = 0; /* told by the next look */
	w->counters.parkfull_copies += w->store.filed_before;
	if (w->store.area_full)
		stk_worker_tell_area_full(w);
	if (settled == STK_ANSWER_STALE)
		w->counters.stale++;
	if (settled == STK_ANSWER_FENCED)
		w->life.fenced = true;
	if (settled == STK_ANSWER_PARK_FULL || settled == STK_ANSWER_STORE)
		return settled; /* nothing was done: the parcel is still the one in hand */
	*next_job = fresh;
	return next;
}

enum stk_answer stk_worker_reserve(
    struct stk_worker *w, const char *const *queues, size_t n, struct stk_reserved *r)
{
	enum stk_answer answer = STK_ANSWER_AGAIN;
	enum stk_err e;

	do
		e = stk_store_reserve(&w->store, queues, n, r, &answer);
	while (stk_life_again(&w->life, e, false));
	return e == STK_OK ? answer : STK_ANSWER_AGAIN;
}

/* Nothing to do: what the look at Redis said decides how to wait for the next. */
static enum stk_answer idle(struct stk_worker *w, enum stk_answer answer, struct stk_reserved *job)
{
	if (w->queue_list.dynamic)
		stk_queues_heard(&w->queue_list, job->n_known, job->n_ours);
	if (!stk_idle_wait(&w->idle, w->queues, w->n_queues, answer, job) ||
	    !stk_worker_may_go_on(w))
		return answer;
	return stk_worker_reserve(w, w->queues, w->n_queues,
	    job); /* before a USR2 is heard: it must not lie in our lists until CONT */
}

/* USR2: nothing new until CONT or the end. */
static enum stk_answer sit_out(struct stk_worker *w)
{
	stk_title_set("Paused");
	while (w->life.paused && stk_worker_may_go_on(w)) {
		stk_life_wait(&w->life, 1000);
		stk_recovery_pass(w);
		stk_reload_pass(w);
		stk_measure_pass(w, INT64_MAX);
	}
	stk_title_set("Waiting");
	return STK_ANSWER_AGAIN;
}

/* Nothing signed starts without its ledger, so nothing is reserved either. */
static enum stk_answer sit_out_ledger(struct stk_worker *w)
{
	while (!stk_ledger_ready(w) && stk_worker_may_go_on(w)) {
		stk_life_wait(&w->life, 250);
		stk_recovery_pass(w);
		stk_reload_pass(w);
		stk_measure_pass(w, INT64_MAX);
	}
	return STK_ANSWER_AGAIN;
}

/* Runs @job and settles it; what to do next, and the next parcel in *@job. */
static enum stk_answer work_on(struct stk_worker *w, struct stk_reserved *job)
{
	struct stk_settle settle;
	enum stk_answer next;

	if (stk_ledger_clock_jumped(w) && !stk_ledger_ready(w))
		hand_back(
		    job, &settle); /* by a clock that is off it would be refused for its times */
	else
		handle(w, job, &settle);
	if (w->life.fenced)
		return STK_ANSWER_AGAIN;
	next = settle_and_go_on(w, &settle, job);
	if (next == STK_ANSWER_PARK_FULL) {
		stk_worker_settle_full(w, job, &settle);
		next = settle_and_go_on(w, &settle, job);
	}
	stk_worker_note_oversize(w, job);
	return next;
}

/*
 * A batch (INTERVAL=0) ends when there is nothing to take, as Ruby's does, also where everything is
 * paused: whoever scheduled it does not wait for the end of a pause. Parked jobs that are not due
 * stay where they are, for whoever comes next; due ones may hide behind handles without a parcel.
 */
static bool batch_is_over(
    const struct stk_worker *w, enum stk_answer next, const struct stk_reserved *look)
{
	if (!w->config->drain_and_exit || w->life.paused || w->reload.examining)
		return false;
	return next == STK_ANSWER_PAUSED || (next == STK_ANSWER_EMPTY && look->next_due_ms != 0);
}

static void loop(struct stk_worker *w)
{
	enum stk_answer next = STK_ANSWER_AGAIN;
	struct stk_reserved job = { 0 };

	while (stk_worker_may_go_on(w)) {
		if (w->life.paused && next != STK_ANSWER_JOB)
			next = sit_out(w);
		if (!stk_worker_still_itself(w, &next) || !stk_worker_may_go_on(w))
			return;
		stk_worker_look_at_pressure(w);
		if (next == STK_ANSWER_JOB)
			stk_reload_look(w);
		else
			stk_reload_pass(w);
		if (next != STK_ANSWER_JOB) {
			stk_report_pass(w);
			stk_breaker_look(w, false);
		}
		if (w->n_queues == 0 && stk_report_only(w))
			continue;
		if (next != STK_ANSWER_JOB && !stk_ledger_ready(w)) {
			next = sit_out_ledger(w);
			continue;
		}
		if (next != STK_ANSWER_JOB) {
			next = stk_flood_is_on(w)
				   ? stk_flood_drain(w, &job)
				   : stk_worker_reserve(w, w->queues, w->n_queues, &job);
			stk_worker_note_oversize(w, &job);
		}
		if (next == STK_ANSWER_JOB) {
			next = work_on(w, &job);
			stk_idle_worked(&w->idle);
		}
		if (!stk_worker_still_itself(w, &next))
			return;
		if (stk_worker_wall_is_gone(w) || !stk_worker_past_wrong_type(w, next))
			return;
		if (batch_is_over(w, next, &job))
			return;
		if ((next == STK_ANSWER_EMPTY || next == STK_ANSWER_PAUSED) &&
		    !w->reload.examining) {
			next = idle(w, next, &job);
			stk_worker_note_oversize(w, &job);
		}
		(void)stk_life_tick(&w->life);
		stk_trail_tick(&w->trail);
		stk_measure_pass(w, INT64_MAX);
		if (!stk_worker_still_itself(w, &next))
			return;
		if (next != STK_ANSWER_JOB) /* its answers replace the parcel in hand */
			stk_recovery_pass(w);
	}
}

struct stk_worker *stk_worker_new(const struct stk_config *config)
{
	struct stk_worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->config = config;
	w->life.signal_fd = -1;
	w->metering.self.statm = -1;
	w->trail.audit.dir = w->trail.audit.fd = w->trail.audit.lock = -1;
	stk_jw_init(&w->record, RECORD_MAX);
	stk_jw_init(&w->note, 8192);
	stk_jw_init(&w->result, RESULT_MAX);
	stk_flood_open(&w->flood);
	return w;
}

void stk_worker_free(struct stk_worker *w)
{
	if (w == NULL)
		return;
	stk_meter_end(w);
	stk_handed_clear(&w->handed);
	stk_cage_setup_clear(&w->cage);
	stk_group_close(w->group);
	stk_store_clear(&w->store);
	stk_ledger_close(&w->ledger);
	stk_redis_free(w->link);
	stk_keyring_free(w->ring);
	stk_queues_clear(&w->queue_list);
	stk_life_close(&w->life);
	stk_trail_close(&w->trail);
	stk_jw_clear(&w->record);
	stk_jw_clear(&w->note);
	stk_jw_clear(&w->result);
	stk_flood_close(&w->flood);
	stk_breaker_clear(&w->breaker);
	free(w);
}

int stk_worker_main(const struct stk_worker_start *start)
{
	struct stk_worker *w = stk_worker_new(start->config);
	int code;

	if (w == NULL)
		return stk_complain(STK_EX_OS, "out of memory");
	stk_log_open(STDERR_FILENO, (enum stk_log_format)w->config->log_format,
	    (enum stk_log_level)w->config->log_level);
	code = stk_worker_come_alive(w, start);
	if (code == 0) {
		stk_title_set("Waiting");
		stk_idle_open(&w->idle, &w->store, &w->life, w->queue_list.dynamic);
		loop(w);
		stk_idle_close(&w->idle);
		code = stk_worker_farewell(w);
		stk_worker_trail_end(w);
	}
	stk_worker_free(w);
	return code;
}

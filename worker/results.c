/*
 * results.c - what a job gave back, kept for as long as its class says: becomes part of the
 * settlement. The text is the handler's, an enemy's word: spliced only if it is JSON.
 */
#include "worker/scan.h"
#include "worker/times.h"
#include "worker/worker.h"

#include <string.h>

#define RESULTS_MAX 20000 /* at a time, whatever their size */

/* Why a result is not kept: stable names. */
#define NOT_JSON "RESULT_NOT_JSON"
#define NO_ROOM  "RESULT_NO_ROOM"

static bool is_json(struct stk_span text)
{
	return stk_json_recognise(text, STK_JSON_DEPTH, STK_JSON_ANY, NULL) == STK_OK;
}

static void not_kept(struct stk_worker *w, const char *reason, const char *sentence)
{
	struct stk_jw *line =
	    stk_log_start(STK_LOG_WARN, "result.not_kept", "failure", "%s: %s", reason, sentence);

	w->counters.results_not_kept++;
	stk_jw_cstr(line, "event.reason", reason);
	stk_worker_say_job(w, line);
	stk_log_end();
}

void stk_worker_keep_result(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_ticket *t, const struct stk_outcome *o, struct stk_settle *out)
{
	const struct stk_class_desc *d = &w->cage.table.classes[stk_ticket_class_index(t)];
	struct stk_span text = stk_span_of(o->result, o->result_len);
	char at[STK_TIME_BYTES];

	if (d->keep_result_s == 0 || o->name != STK_OUT_DONE || out->what != STK_SETTLE_OK)
		return;
	if (text.len > 0 && !is_json(text)) {
		not_kept(w, NOT_JSON,
		    "the handler gave something that is no JSON; the job is done, its result is "
		    "not kept: mend the handler");
		return;
	}
	stk_time_iso(at, stk_worker_now_s());
	stk_jw_reset(&w->result);
	stk_jw_open(&w->result, NULL, '{');
	stk_jw_int(&w->result, "v", 1);
	stk_jw_cstr(&w->result, "job", w->job_id);
	stk_jw_cstr(&w->result, "class", stk_ticket_class(t));
	stk_jw_cstr(&w->result, "queue", r->parcel.queue);
	stk_jw_int(&w->result, "attempt", w->run);
	stk_jw_cstr(&w->result, "at", at);
	if (text.len > 0)
		stk_jw_raw(&w->result, "result", text);
	else
		stk_jw_null(&w->result, "result");
	stk_jw_close(&w->result, '}');
	if (w->result.sour) {
		not_kept(w, NO_ROOM, "the worker has no memory for it");
		return;
	}
	out->result = stk_span_of(w->result.buf, w->result.len);
	out->result_id = w->job_id;
	out->keep_ms = (int64_t)d->keep_result_s * 1000;
	out->results_max = RESULTS_MAX;
	out->results_max_bytes = w->config->results_max_bytes;
}

void stk_worker_result_settled(struct stk_worker *w, const struct stk_settle *what)
{
	if (what->result.len == 0)
		return;
	if (w->store.result_kept)
		w->counters.results_kept++;
	else
		not_kept(w, NO_ROOM,
		    "it alone is larger than results_max, or others would not make room; raise "
		    "results_max or give back less");
}

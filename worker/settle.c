/*
 * settle.c - an outcome becomes one settlement: ok, fail with Resque's record, retry, or hand-back.
 */
#include "worker/worker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define UNAVAILABLE_PARK_MS 10000

/* Which outcomes another attempt may mend; the rest would only fail again the same way. */
static const bool retryable[STK_OUT_COUNT] = {
	[STK_OUT_RETRY_ASKED] = true,
	[STK_OUT_FAILED] = true,
	[STK_OUT_NON_ZERO_EXIT] = true,
	[STK_OUT_NO_RESULT] = true,
	[STK_OUT_WALL_TIMEOUT] = true,
	[STK_OUT_STALLED] = true,
	[STK_OUT_CRASH] = true,
	[STK_OUT_ABORT] = true,
	[STK_OUT_OOM_KILLED] = true,
	[STK_OUT_KILLED_EXTERNALLY] = true,
};

/* Death by a signal that no limit explains: Resque's own exception and text (ARCHITECTURE.md,
 * Decisions 26). */
static bool is_dirty_exit(const struct stk_outcome *o)
{
	return o->name == STK_OUT_CRASH || o->name == STK_OUT_ABORT ||
	       o->name == STK_OUT_KILLED_EXTERNALLY;
}

static int64_t jitter(int64_t ms)
{
	uint32_t r;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return ms;
	return ms + (int64_t)(r % 1000) * ms / 5000; /* up to a fifth more */
}

/* Milliseconds until the next automatic attempt. */
static int64_t backoff_ms(
    const struct stk_class_desc *d, int64_t tries, const struct stk_outcome *o)
{
	int64_t ms = d->retry_base_ms;

	if (o->name == STK_OUT_RETRY_ASKED && o->retry_ms > 0)
		return o->retry_ms;
	if (d->retry_kind == STK_RETRY_EXPONENTIAL)
		ms <<= tries < 16 ? tries : 16;
	return jitter(ms < 86400000 ? ms : 86400000);
}

/*
 * Automatic attempts leave one run for an operator's retry (ARCHITECTURE.md, Decisions 17). Runs
 * that crashed are spent too, so the ledger's number counts; the class's RETRY counts attempts
 * alone.
 */
static bool may_retry(const struct stk_class_desc *d, const struct stk_ticket *t,
    const struct stk_outcome *o, int64_t run, int64_t tries)
{
	if (!retryable[o->name])
		return false;
	if (stk_ticket_plain(t))
		return tries < (int64_t)d->retry_max;
	if (run >= (int64_t)stk_ticket_runs(t) - 1)
		return false;
	/* the handler asked, and its class has no RETRY: the signature's runs are the bound */
	return tries < (int64_t)d->retry_max ||
	       (o->name == STK_OUT_RETRY_ASKED && d->retry_max == 0);
}

static void fail(struct stk_worker *w, const struct stk_reserved *r, const struct stk_ticket *t,
    const struct stk_outcome *o, const char *name, struct stk_settle *out)
{
	struct stk_record_job job;
	char exception[64], text[640], used[160], left_out[48] = "";
	const char *const lines[] = { used };
	bool dirty = name == NULL && is_dirty_exit(o);
	struct stk_span error;

	(void)snprintf(exception, sizeof(exception), "Stockade::%s",
	    name != NULL ? name : stk_outcome_text(o->name));
	(void)snprintf(text, sizeof(text), "%s", o->why);
	error = stk_span_str(text);
	/* where tools show a stack trace, which a job of ours has none of: what it took, or where
	 * it crashed */
	if (o->unlogged > 0)
		(void)snprintf(left_out, sizeof(left_out), ", %lu lines not logged",
		    (unsigned long)o->unlogged);
	(void)snprintf(used, sizeof(used),
	    "used: %lld ms wall clock, %lld ms CPU, %lld KiB peak, %lu bytes printed%s",
	    (long long)o->wall_ms, (long long)o->cpu_ms, (long long)o->maxrss_kib,
	    (unsigned long)o->output_bytes, left_out);
	if (dirty) {
		(void)snprintf(used, sizeof(used), "%.159s", o->why);
		(void)snprintf(exception, sizeof(exception), "Resque::DirtyExit");
		stk_record_dirty_exit(text, sizeof(text), o->pid, o->status < 0 ? -o->status : 0);
		error = stk_span_str(text);
	} else if (name == NULL && o->message != NULL && o->message_len > 0) {
		error = stk_span_of(o->message, o->message_len);
	}
	stk_worker_record_job(w, r, t, &job);
	stk_jw_reset(&w->record);
	stk_record_failed(&w->record, &job, exception, error, lines,
	    (dirty && !o->has_fault) || o->pid == 0 ? 0 : 1, stk_worker_now_s());
	out->what = STK_SETTLE_FAIL;
	out->record = stk_span_of(w->record.buf, w->record.len);
}

/* A signed job is parked once for its id and counts for its principal; an unsigned one is itself.
 */
static void park_as(struct stk_worker *w, const struct stk_ticket *t, struct stk_settle *out)
{
	if (stk_ticket_plain(t))
		return;
	out->job_id = w->job_id;
	stk_worker_park_limits(stk_ticket_principal(t), out);
}

static void fail_or_retry(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_ticket *t, const struct stk_outcome *o, struct stk_settle *out)
{
	const struct stk_class_desc *d = &w->cage.table.classes[stk_ticket_class_index(t)];
	int64_t delay = backoff_ms(d, r->tries, o);

	if (!may_retry(d, t, o, w->run, r->tries)) {
		fail(w, r, t, o, NULL, out);
	} else if (!stk_ticket_plain(t) &&
		   stk_worker_now_s() + delay / 1000 >= stk_ticket_exp_s(t)) {
		fail(w, r, t, o, "RetryWindowEnded", out);
	} else {
		out->what = STK_SETTLE_RETRY;
		out->delay_ms = delay;
		park_as(w, t, out);
		w->counters.retried++;
	}
}

/* How a settlement is told. */
static const char *const settled[] = {
	[STK_SETTLE_OK] = "ok",
	[STK_SETTLE_FAIL] = "failed",
	[STK_SETTLE_RETRY] = "retry",
	[STK_SETTLE_HANDBACK] = "handed_back",
	[STK_SETTLE_PARK] = "parked",
	[STK_SETTLE_QUARANTINE] = "quarantined",
	[STK_SETTLE_DROP] = "dropped",
};

static void log_finished(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_ticket *t, const struct stk_outcome *o, const struct stk_settle *s)
{
	bool good = o->name == STK_OUT_DONE || o->name == STK_OUT_SKIPPED;
	/* a handler's own sentence may quote arguments: it stands in `failed`, beside the payload
	 */
	bool quotes = o->message != NULL && o->name != STK_OUT_ARGS_SCHEMA;
	struct stk_jw *line = stk_log_start(good ? STK_LOG_INFO : STK_LOG_WARN, "job.finished",
	    good ? "success" : "failure", "%s: %s", stk_outcome_text(o->name),
	    !quotes ? o->why
	    : s->what == STK_SETTLE_RETRY
		? "it will be tried again; what the handler said goes to "
		  "`failed` when the last attempt fails"
		: "what the handler said stands in its record in `failed`");

	stk_jw_cstr(line, "event.reason", stk_outcome_text(o->name));
	stk_jw_int(line, "event.duration", o->wall_ms * 1000000);
	stk_worker_say_job(w, line);
	stk_jw_cstr(line, "stockade.queue", r->parcel.queue);
	stk_jw_cstr(line, "stockade.class", stk_ticket_class(t));
	stk_jw_int(line, "stockade.seq", r->parcel.seq);
	stk_jw_int(line, "stockade.attempt", w->run);
	stk_jw_cstr(line, "stockade.sha256", w->sha256);
	stk_jw_cstr(line, "stockade.settled", settled[s->what]);
	if (o->name == STK_OUT_FAILED || o->name == STK_OUT_FAILED_FOR_GOOD)
		stk_jw_int(line, "stockade.code", o->code);
	stk_jw_int(line, "stockade.wall_ms", o->wall_ms);
	stk_jw_int(line, "stockade.cpu_ms", o->cpu_ms);
	stk_jw_int(line, "stockade.maxrss_kib", o->maxrss_kib);
	stk_jw_int(line, "stockade.output_bytes", o->output_bytes);
	stk_jw_int(line, "stockade.result_bytes", (int64_t)o->result_len);
	stk_log_end();
}

static void park(struct stk_worker *w, const struct stk_ticket *t, struct stk_settle *out)
{
	out->what = STK_SETTLE_PARK;
	out->delay_ms = UNAVAILABLE_PARK_MS;
	park_as(w, t, out);
}

void stk_worker_settle(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_ticket *t, struct stk_outcome *o, struct stk_settle *out)
{
	size_t class = stk_ticket_class_index(t);
	enum stk_release_end releases = stk_worker_stage_releases(w, r, t, o);

	*out = (struct stk_settle){ .seq = r->parcel.seq, .what = STK_SETTLE_OK };
	w->counters.outcomes[o->name]++;
	stk_meter_finished(w, r->parcel.queue, t, o);
	if (releases == STK_RELEASE_NOT_NOW || !stk_worker_finish(w, o)) {
		/* another worker holds or finished this job, or its end could not be recorded:
		 * the ledger decides when this copy comes back */
		park(w, t, out);
	} else if (!o->started && o->name != STK_OUT_SHUTDOWN) {
		/* before GO the wall, not the job, is at fault: no run is spent, the job waits */
		if (w->unavailable[class] < UINT8_MAX)
			w->unavailable[class]++;
		park(w, t, out);
	} else if (o->name == STK_OUT_SHUTDOWN) {
		out->what = STK_SETTLE_HANDBACK;
		w->counters.handed_back++;
	} else {
		w->unavailable[class] = 0;
		if (o->name != STK_OUT_DONE && o->name != STK_OUT_SKIPPED)
			fail_or_retry(w, r, t, o, out);
	}
	if (out->what != STK_SETTLE_PARK && out->what != STK_SETTLE_HANDBACK)
		stk_breaker_note_ran(w, t, o->started,
		    o->name == STK_OUT_ARGS_JSON || o->name == STK_OUT_ARGS_SCHEMA, out);
	if (out->what == STK_SETTLE_OK && w->cage.table.classes[class].releases > 0) {
		out->releases_of = w->job_id;
		/* an earlier run of ours may have written some down and then not counted */
		out->forget_releases = releases != STK_RELEASE_STAGED;
	}
	stk_worker_keep_result(w, r, t, o, out);
	log_finished(w, r, t, o, out);
}

void stk_worker_settled(
    const struct stk_worker *w, const struct stk_settle *what, enum stk_answer answer)
{
	struct stk_jw *line = stk_log_start(STK_LOG_DEBUG, "job.settled", "unknown", "%s: %s",
	    settled[what->what], stk_answer_text(answer));

	if (w->job_id[0] != '\0')
		stk_worker_say_job(w, line);
	stk_jw_int(line, "stockade.seq", what->seq);
	stk_log_end();
}

void stk_worker_fail(struct stk_worker *w, const struct stk_reserved *r, const char *exception,
    const char *sentence, struct stk_settle *out)
{
	struct stk_record_job job;

	stk_worker_record_raw(w, r->parcel.queue, r->parcel.bytes, &job);
	stk_jw_reset(&w->record);
	stk_record_failed(
	    &w->record, &job, exception, stk_span_str(sentence), NULL, 0, stk_worker_now_s());
	*out = (struct stk_settle){
		.seq = out->seq,
		.job_id = out->job_id,
		.principal = out->principal,
		.judged = out->judged,
		.violated = out->violated,
		.rule = out->rule,
		.what = STK_SETTLE_FAIL,
		.record = stk_span_of(w->record.buf, w->record.len),
	};
}

/* park_max reached: an ordinary failed record, spliced and retryable (PROTOCOL.md, Outcomes).
 */
void stk_worker_settle_full(
    struct stk_worker *w, const struct stk_reserved *r, struct stk_settle *settle)
{
	stk_worker_fail(w, r, "Stockade::ParkFull",
	    "ParkFull: too many jobs of this queue or principal wait already, or are kept "
	    "refused; retry it later",
	    settle);
	settle->reason = "ParkFull";
}

/*
 * refuse.c - what becomes of a job that was not admitted.
 *
 * Deferred jobs are parked, never lost. Signed but refused jobs go to an area of their own per
 * queue and reason, one copy per id; unauthenticated junk goes to a small sample per queue. Nothing
 * here spends more on junk than a bounded record, and none of its text reaches the log or `failed`.
 */
#include "worker/worker.h"

#include "worker/scan.h"
#include "worker/seal.h"

#include <stdio.h>
#include <string.h>

#define CLASS_ABSENT_PARK_MS  30000
#define CLASS_ABSENT_WINDOW_S 900 /* a rolling deploy may take 15 minutes */
#define STK_REFUSED_CLASS     "Stockade::Refused"
/* Log lines per reason; counters stay exact. One copied job, replayed, is authenticated for ever.
 */
#define REFUSALS_PER_MINUTE      10
#define AUTHENTICATED_PER_MINUTE 100
#define OVERSIZE_PER_MINUTE      10

static void log_refusal(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_admission *a, const char *action)
{
	struct stk_log_budget *budget = &w->refusal_logs[a->verdict];
	uint64_t missed = 0;
	struct stk_jw *line;

	if (!stk_log_allow(budget,
		a->authenticated ? AUTHENTICATED_PER_MINUTE : REFUSALS_PER_MINUTE,
		stk_monotonic_ms(), &missed))
		return;
	line = stk_log_start(a->authenticated ? STK_LOG_WARN : STK_LOG_INFO, action, "failure",
	    "%s: %s", stk_verdict_text(a->verdict), stk_verdict_sentence(a->verdict));
	stk_jw_cstr(line, "event.reason", stk_verdict_text(a->verdict));
	stk_jw_cstr(line, "stockade.queue", r->parcel.queue);
	stk_jw_int(line, "stockade.seq", r->parcel.seq);
	stk_jw_int(line, "stockade.bytes", (int64_t)r->parcel.bytes.len);
	stk_jw_cstr(line, "stockade.sha256", w->sha256);
	if (a->authenticated) {
		stk_worker_say_job(w, line);
		stk_jw_cstr(line, "stockade.kid", a->kid);
		stk_jw_cstr(line, "stockade.principal", a->principal);
	}
	if (a->limiter[0] != '\0')
		stk_jw_cstr(line, "stockade.limit", a->limiter);
	if (w->entry_id[0] != '\0')
		stk_jw_cstr(line, "stockade.quarantine_id", w->entry_id);
	if (missed > 0)
		stk_jw_int(line, "stockade.lines_left_out", (int64_t)missed);
	stk_log_end();
}

static bool is_string(struct stk_scan *s, const char *want)
{
	struct stk_span text;

	if (stk_scan_next(s, &text) != STK_TOKEN_STRING)
		return false;
	return want == NULL || stk_json_string_is(text, want);
}

/* {"class":"Stockade::Refused","args":[reason, sha256, bytes]}, keys in any order, nothing else. */
static bool has_notes_shape(struct stk_span bytes)
{
	struct stk_scan s = { .bytes = bytes };
	bool class_seen = false, args_seen = false;
	struct stk_span key;

	if (stk_scan_next(&s, NULL) != STK_TOKEN_OBJECT_BEGIN)
		return false;
	for (int i = 0; i < 2; i++) {
		if (stk_scan_next(&s, &key) != STK_TOKEN_STRING ||
		    stk_scan_next(&s, NULL) != STK_TOKEN_COLON)
			return false;
		if (stk_json_string_is(key, "class") && !class_seen)
			class_seen = is_string(&s, STK_REFUSED_CLASS);
		else if (stk_json_string_is(key, "args") && !args_seen)
			args_seen =
			    stk_scan_next(&s, NULL) == STK_TOKEN_ARRAY_BEGIN &&
			    is_string(&s, NULL) && stk_scan_next(&s, NULL) == STK_TOKEN_COMMA &&
			    is_string(&s, NULL) && stk_scan_next(&s, NULL) == STK_TOKEN_COMMA &&
			    stk_scan_next(&s, NULL) == STK_TOKEN_NUMBER &&
			    stk_scan_next(&s, NULL) == STK_TOKEN_ARRAY_END;
		if (stk_scan_next(&s, NULL) != (i == 0 ? STK_TOKEN_COMMA : STK_TOKEN_OBJECT_END))
			return false;
	}
	return class_seen && args_seen && stk_scan_next(&s, NULL) == STK_TOKEN_END;
}

bool stk_worker_is_refusal_note(const struct stk_reserved *r, const struct stk_admission *a)
{
	return a->verdict == STK_V_E_UNSIGNED && has_notes_shape(r->parcel.bytes);
}

bool stk_worker_is_junk(const struct stk_admission *a)
{
	return a->verdict != STK_V_ACCEPT && !a->authenticated && !a->signature_valid &&
	       !a->plain && !a->nomem;
}

/* When the job was meant to start, by its signed header. */
static int64_t start_s(const struct stk_admission *a)
{
	struct stk_envelope e;

	if (stk_envelope_parse(stk_span_str(a->header), &e) != STK_V_ACCEPT)
		return 0;
	return e.nbf_s > e.iat_s ? e.nbf_s : e.iat_s;
}

/* How long a deferred job waits; 0: it has waited long enough and is refused. */
static int64_t park_ms(const struct stk_admission *a, int64_t now_s)
{
	if (a->verdict == STK_V_D_NOT_BEFORE)
		return (a->not_before_s - now_s) * 1000;
	if (a->verdict == STK_V_D_BUSY || a->verdict == STK_V_D_RATE || a->verdict == STK_V_D_HELD)
		return a->wait_ms > 0 ? a->wait_ms : 1;
	if (a->verdict == STK_V_D_CLASS_ABSENT && now_s - start_s(a) < CLASS_ABSENT_WINDOW_S)
		return CLASS_ABSENT_PARK_MS;
	return 0;
}

static size_t number_of(const struct stk_worker *w, const char *queue)
{
	size_t i = 0;

	while (i < w->n_queues && strcmp(w->queues[i], queue) != 0)
		i++;
	return i;
}

static void alarm_guard(struct stk_worker *w, const char *queue)
{
	struct stk_jw *line = stk_log_start(STK_LOG_ERROR, "guard.diverts", "failure",
	    "GUARD_DIVERTS: %d jobs of this queue look signed and not one signature fits since the "
	    "policy was loaded: further ones are kept in unknownkey:<queue>; was a key taken away "
	    "or "
	    "changed too early?",
	    STK_GUARD_REFUSALS);

	stk_jw_cstr(line, "event.reason", "GUARD_DIVERTS");
	stk_jw_cstr(line, "stockade.queue", queue);
	stk_log_end();
	w->counters.guards++;
	(void)!stk_trail_step(&w->trail, "guard", queue, "", "GUARD_DIVERTS");
}

bool stk_worker_guarded(struct stk_worker *w, const char *queue, const struct stk_admission *a)
{
	enum stk_guard_word word = stk_guard_saw(&w->guard, number_of(w, queue), a);

	if (word == STK_GUARD_TRIPS)
		alarm_guard(w, queue);
	return word != STK_GUARD_NOTHING;
}

void stk_worker_tell_area_full(struct stk_worker *w)
{
	uint64_t missed;
	struct stk_jw *line;

	w->counters.areas_full++;
	if (!stk_log_allow(&w->area_lines, 1, stk_monotonic_ms(), &missed))
		return;
	line = stk_log_start(STK_LOG_ERROR, "area.full", "failure",
	    "AREA_FULL: this area takes no more, and jobs of a key that may yet be "
	    "published are dropped and counted: publish the key, or look through that area and "
	    "empty it");
	stk_jw_cstr(line, "event.reason", "AREA_FULL");
	stk_jw_cstr(line, "stockade.area", w->area);
	stk_log_end();
}

/* Where a refused job is kept, and within which bounds (ARCHITECTURE.md, Decisions 13, 14). */
void stk_worker_choose_area(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_admission *a, struct stk_settle *out)
{
	bool diverted = stk_worker_guarded(w, r->parcel.queue, a);

	out->max_entries = STK_SIGNED_MAX_ENTRIES;
	out->max_bytes = STK_SIGNED_MAX_BYTES;
	if (a->verdict == STK_V_E_KEY_REVOKED && a->signature_valid) {
		(void)snprintf(w->area, sizeof(w->area), "revoked:%s", a->kid);
	} else if (a->verdict == STK_V_E_KEY_UNKNOWN || diverted) {
		(void)snprintf(w->area, sizeof(w->area), "unknownkey:%s", r->parcel.queue);
	} else if (a->authenticated) {
		stk_area_signed(w->area, r->parcel.queue, stk_verdict_text(a->verdict));
	} else {
		stk_area_unauthenticated(w->area, r->parcel.queue);
		out->max_entries = STK_UNAUTH_MAX_ENTRIES;
		out->max_bytes = STK_UNAUTH_MAX_BYTES;
	}
	out->area = w->area;
	if (a->authenticated && stk_verdict_by_holder(a->verdict)) {
		out->principal =
		    a->who->name; /* the ring's: the admission goes before it is used */
		out->own_quarantine_max = a->who->quarantine_max;
	}
}

void stk_worker_entry(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_admission *a, struct stk_jw *out)
{
	uint8_t digest[32];
	struct stk_quarantine_entry entry = {
		.id = w->entry_id,
		.reason = stk_verdict_text(a->verdict),
		.queue = r->parcel.queue,
		.sha256 = w->sha256,
		.kid = a->kid[0] != '\0' ? a->kid : NULL,
		.job_id = a->signature_valid ? w->job_id : NULL,
		.raw = r->parcel.bytes,
		.now_s = stk_worker_now_s(),
	};

	stk_sha256(r->parcel.bytes, digest);
	stk_hex(digest, sizeof(digest), w->sha256);
	out->comma = false;
	if (stk_ulid(w->entry_id, entry.now_s * 1000) != STK_OK)
		out->sour = true;
	else
		stk_record_quarantine(out, &entry);
}

static bool quarantine(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_admission *a, struct stk_settle *out)
{
	stk_worker_entry(w, r, a, &w->record);
	if (w->record.sour)
		return false;
	stk_worker_choose_area(w, r, a, out);
	out->what = STK_SETTLE_QUARANTINE;
	out->entry = stk_span_of(w->record.buf, w->record.len);
	out->entry_id = w->entry_id;
	out->job_id = a->signature_valid ? w->job_id : NULL;
	return true;
}

void stk_worker_note(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_admission *a, bool kept, struct stk_jw *out)
{
	struct stk_refusal refusal = {
		.reason = stk_verdict_text(a->verdict),
		.sentence = stk_verdict_sentence(a->verdict),
		.queue = r->parcel.queue,
		.worker_id = w->store.id,
		.quarantine_id = kept ? w->entry_id : NULL,
		.sha256 = w->sha256,
		.bytes = (int64_t)r->parcel.bytes.len,
		.now_s = stk_worker_now_s(),
	};

	out->comma = false;
	stk_record_refused(out, &refusal);
}

static void write_note(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_admission *a, struct stk_settle *out)
{
	stk_worker_note(w, r, a, out->what == STK_SETTLE_QUARANTINE, &w->note);
	if (w->note.sour)
		return;
	out->reason = stk_verdict_text(a->verdict);
	out->note = stk_span_of(w->note.buf, w->note.len);
}

static void park(struct stk_worker *w, const struct stk_reserved *r, const struct stk_admission *a,
    int64_t delay_ms, struct stk_settle *out)
{
	out->what = STK_SETTLE_PARK;
	out->delay_ms = delay_ms;
	if (!a->plain)
		out->job_id = w->job_id;
	if (a->who != NULL)
		stk_worker_park_limits(a->who, out);
	if (a->plain) { /* nobody's: its queue's own slots */
		(void)snprintf(w->area, sizeof(w->area), "@%s", r->parcel.queue);
		out->principal = w->area;
	}
	out->slot_ms = a->verdict == STK_V_D_RATE ? a->slot_ms : 0;
}

void stk_worker_park_limits(const struct stk_principal *p, struct stk_settle *out)
{
	out->principal = p->name;
	out->own_park_max = p->park_max;
}

/*
 * The ledger says that it is done, and it came back from a dead worker: that one died between the
 * ledger's record and the settlement. Its success is settled now, once: doing so forgets that these
 * bytes came back.
 */
static void settle_late(struct stk_worker *w, const struct stk_reserved *r, struct stk_settle *out)
{
	struct stk_jw *line = stk_log_start(STK_LOG_INFO, "job.settled_late", "success",
	    "its worker died after it was done and before that was counted: it is counted now");

	stk_jw_cstr(line, "stockade.job_id", w->job_id);
	stk_jw_cstr(line, "stockade.queue", r->parcel.queue);
	stk_jw_int(line, "stockade.seq", r->parcel.seq);
	stk_log_end();
	w->counters.settled_late++;
	out->what = STK_SETTLE_OK;
}

void stk_worker_refuse(struct stk_worker *w, const struct stk_reserved *r,
    const struct stk_admission *a, struct stk_settle *out)
{
	uint8_t digest[32];
	int64_t delay;

	*out = (struct stk_settle){ .seq = r->parcel.seq, .what = STK_SETTLE_DROP };
	w->entry_id[0] = '\0';
	stk_sha256(r->parcel.bytes, digest);
	stk_hex(digest, sizeof(digest), w->sha256);
	stk_hex(a->job_id, sizeof(a->job_id), w->job_id);
	if (stk_worker_is_refusal_note(r, a)) {
		/* a dashboard retried one of our own refusal notes: no new record of it */
		w->counters.refusal_notes++;
		return;
	}
	if (a->verdict == STK_V_D_LEDGER_DOWN) {
		/* as if never taken; the loop reserves nothing before the ledger serves again */
		out->what = STK_SETTLE_HANDBACK;
		w->counters.handed_back++;
		log_refusal(w, r, a, "job.deferred");
		return;
	}
	if (a->verdict == STK_V_R_REPLAY_DONE) {
		out->releases_of = w->job_id; /* its worker may have died before it pushed them */
		if (r->recoveries > 0)
			settle_late(w, r, out);
		else
			log_refusal(w, r, a, "job.refused");
		return; /* a copy is dropped and counted: its success stands recorded */
	}
	if (a->plain && a->verdict == STK_V_D_CLASS_ABSENT) {
		/* it says no time from which to count a deploy's minutes */
		stk_worker_fail(w, r, "Stockade::E_CLASS_UNKNOWN",
		    "E_CLASS_UNKNOWN: its queue lists this class "
		    "unsigned, but no handler of that name is compiled in; deploy one, then retry",
		    out);
		log_refusal(w, r, a, "job.refused");
		return;
	}
	delay = park_ms(a, w->now_s);
	if (delay > 0) {
		park(w, r, a, delay, out);
		w->counters.parked++;
		log_refusal(w, r, a, "job.deferred");
		return;
	}
	if (!quarantine(w, r, a, out) && (a->authenticated || a->plain)) {
		/* an authenticated job is never dropped: without a record it waits */
		*out = (struct stk_settle){ .seq = r->parcel.seq };
		park(w, r, a, 10000, out);
		return;
	}
	stk_breaker_note_refused(w, a, out);
	write_note(w, r, a, out);
	log_refusal(w, r, a, "job.refused");
}

/* The reserve script removed these from the queue's head: only a short record of each is left. */
void stk_worker_note_oversize(struct stk_worker *w, struct stk_reserved *job)
{
	int64_t n = job->n_oversize;
	struct stk_jw *line;
	uint64_t missed;

	job->n_oversize = 0;
	if (n <= 0)
		return;
	w->counters.verdicts[STK_V_E_TOO_LARGE] += (uint64_t)n;
	stk_meter_removed(w, STK_SHEET_OTHER, STK_V_E_TOO_LARGE, (uint64_t)n);
	stk_trail_count(&w->trail, STK_V_E_TOO_LARGE, "(any)", (uint64_t)n);
	if (!stk_log_allow(&w->refusal_logs[STK_V_E_TOO_LARGE], OVERSIZE_PER_MINUTE,
		stk_monotonic_ms(), &missed))
		return;
	line = stk_log_start(STK_LOG_WARN, "job.refused", "failure", "E_TOO_LARGE: %s",
	    stk_verdict_sentence(STK_V_E_TOO_LARGE));
	stk_jw_cstr(line, "event.reason", stk_verdict_text(STK_V_E_TOO_LARGE));
	stk_jw_int(line, "stockade.count", n);
	if (missed > 0)
		stk_jw_int(line, "stockade.lines_left_out", (int64_t)missed);
	stk_log_end();
}

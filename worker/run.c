/*
 * run.c - a ticket goes behind the wall and comes back as an outcome.
 *
 * Order: show, then GO; the ledger's claim came before both. Log lines of the
 * handler are its own text: escaped, cut, and marked as such.
 */
#include "worker/worker.h"

#include "sandbox/net_addr.h"
#include "worker/net_setup.h"
#include "worker/title.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SHOW_PAUSE_MS  1000
#define DOING_GRACE_MS 600000 /* a zygote may start first, and Redis be away at the end */

struct running {
	struct stk_worker *w;
	const struct stk_reserved *r;
	const struct stk_ticket *t;
};

static void add_job(struct stk_jw *line, const struct running *run)
{
	stk_worker_say_job(run->w, line);
	stk_jw_cstr(line, "stockade.queue", run->r->parcel.queue);
	stk_jw_cstr(line, "stockade.class", stk_ticket_class(run->t));
	stk_jw_int(line, "stockade.seq", run->r->parcel.seq);
	stk_jw_int(line, "stockade.attempt", run->w->run);
}

static enum stk_run_order tick(void *ctx, int64_t back_by_ms)
{
	struct running *run = ctx;

	enum stk_run_order order;

	run->w->life.back_by_ms = back_by_ms;
	order = stk_life_tick(&run->w->life);
	if (order == STK_RUN_ON)
		stk_progress_tell(run->w, run->r->parcel.seq, back_by_ms);
	if (order == STK_RUN_ON)
		stk_measure_pass(run->w, back_by_ms);
	return order;
}

/* job.h's levels are syslog's numbers. */
static enum stk_log_level level_of(uint32_t level)
{
	if (level >= 7)
		return STK_LOG_DEBUG;
	if (level >= 5)
		return STK_LOG_INFO;
	return level == 4 ? STK_LOG_WARN : STK_LOG_ERROR;
}

/* A handler that told a secret by accident is told on, without the secret. */
static bool redact(struct running *run, uint8_t *text, size_t len)
{
	uint32_t index = stk_ticket_class_index(run->t);
	struct stk_jw *line;

	if (!stk_handed_redact(
		&run->w->handed.of[index], &run->w->cage.table.classes[index], text, len))
		return false;
	run->w->counters.redacted++;
	line = stk_log_start(STK_LOG_WARN, "job.redacted", "unknown",
	    "the handler of %s gave away a secret of its class; it was blotted out here, but mend "
	    "the handler",
	    stk_ticket_class(run->t));
	add_job(line, run);
	stk_log_end();
	return true;
}

static void handler_log(void *ctx, uint32_t level, struct stk_span text)
{
	struct running *run = ctx;
	struct stk_jw *line;
	uint8_t copy[1024];

	text.len = text.len < sizeof(copy) ? text.len : sizeof(copy);
	memcpy(copy, text.p, text.len);
	(void)redact(run, copy, text.len);
	line = stk_log_start(level_of(level), "job.log", "unknown", "the handler says");
	add_job(line, run);
	stk_jw_str(line, "stockade.text", stk_span_of(copy, text.len), sizeof(copy));
	stk_log_end();
}

/* The handler learns nothing of it, so whoever reads its log must. */
static void tell_unlogged(struct running *run, const struct stk_outcome *o)
{
	struct stk_jw *line;

	if (o->unlogged == 0)
		return;
	run->w->counters.unlogged += o->unlogged;
	line = stk_log_start(STK_LOG_WARN, "job.unlogged", "unknown",
	    "%s%" PRIu32 " line%s of %s did not fit into what it may log: raise REPORT_KIB, and "
	    "ceiling.report where that is lower, or log less",
	    o->status < 0 ? "at least " : "", o->unlogged, o->unlogged == 1 ? "" : "s",
	    stk_ticket_class(run->t));
	add_job(line, run);
	stk_jw_int(line, "stockade.lines", o->unlogged);
	stk_log_end();
}

static void progress(void *ctx, const struct stk_progress *p, struct stk_span note)
{
	struct running *run = ctx;
	uint8_t copy[STK_NOTE_MAX];

	note.len = note.len < sizeof(copy) ? note.len : sizeof(copy);
	memcpy(copy, note.p, note.len);
	/* told once a job: it may come ten times a second */
	if (run->w->told.redacted)
		(void)stk_handed_redact(&run->w->handed.of[stk_ticket_class_index(run->t)],
		    &run->w->cage.table.classes[stk_ticket_class_index(run->t)], copy, note.len);
	else
		run->w->told.redacted = redact(run, copy, note.len);
	stk_progress_heard(&run->w->told, p, stk_span_of(copy, note.len));
}

/* What the job said goes on to `failed` and to whoever fetches results. */
static void redact_words(struct running *run, struct stk_outcome *o)
{
	/* the sentence quotes the message */
	if (redact(run, (uint8_t *)o->message, o->message_len))
		(void)snprintf(o->why, sizeof(o->why), "%.480s", o->message);
	(void)redact(run, o->result, o->result_len);
}

static void recycled(void *ctx, uint32_t jobs, const char *reason)
{
	struct running *run = ctx;
	struct stk_jw *line = stk_log_start(STK_LOG_INFO, "zygote.recycled", "success",
	    "a zygote is replaced (%s); the next one has a fresh address layout", reason);

	run->w->counters.zygotes_recycled++;
	stk_jw_cstr(line, "event.reason", reason);
	stk_jw_int(line, "stockade.jobs", jobs);
	stk_log_end();
}

static bool is_connected(uint32_t name)
{
	return name == STK_NET_OK;
}

/* Refused by a rule, as opposed to not reached. */
static bool is_refusal(uint32_t name)
{
	int err = stk_net_errno(name);

	return err == EACCES || err == EINVAL || err == EDQUOT || err == EPROTO;
}

static void net(void *ctx, const struct stk_net_event *e)
{
	struct running *run = ctx;
	const char *action = is_connected(e->name) ? "net.connected"
			     : is_refusal(e->name) ? "net.refused"
						   : "net.failed";
	struct stk_jw *line = stk_log_start(is_connected(e->name) ? STK_LOG_INFO : STK_LOG_WARN,
	    action, is_connected(e->name) ? "success" : "failure", "%s: %s: %s%s%s",
	    stk_ticket_class(run->t), stk_net_text(e->name), stk_net_sentence(e->name),
	    e->err == 0 ? "" : ": ", e->err == 0 ? "" : strerror(e->err));
	struct stk_net_addr a = { .family = e->peer.family };
	char text[48] = "";

	run->w->counters.net[e->name]++;
	add_job(line, run);
	stk_jw_cstr(line, "stockade.net", stk_net_text(e->name));
	if (e->host[0] != '\0')
		stk_jw_str(line, "destination.domain", stk_span_str(e->host), STK_NET_HOST_MAX);
	if (a.family != 0) {
		memcpy(a.bytes, e->peer.bytes, sizeof(a.bytes));
		stk_net_addr_text(&a, text);
		stk_jw_cstr(line, "destination.ip", text);
	}
	if (e->port != 0)
		stk_jw_int(line, "destination.port", e->port);
	stk_jw_int(line, "stockade.net_ms", e->took_ms);
	stk_log_end();
	if (is_refusal(e->name)) {
		const struct stk_trail_refusal r = { .job_id = run->w->job_id,
			.class_name = stk_ticket_class(run->t),
			.name = stk_net_text(e->name),
			.host = e->host,
			.ip = text,
			.port = e->port };

		stk_trail_net(&run->w->trail, &r);
		stk_meter_net_refused(run->w, run->t);
	}
}

static bool go(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	struct running *run = ctx;
	struct stk_jw *line;

	if (run->w->life.fenced || run->w->life.stop == STK_STOP_NOW)
		return false;
	stk_title_set("Forked %d at %lld", (int)pid, (long long)time(NULL));
	line = stk_log_start(STK_LOG_INFO, "job.started", "unknown",
	    "%s runs in the cage as pid %d", stk_ticket_class(run->t), (int)pid);
	add_job(line, run);
	stk_jw_int(line, "stockade.pid", pid);
	stk_jw_int(line, "stockade.cage.seccomp", proof->seccomp);
	stk_jw_int(line, "stockade.cage.filters", proof->filters);
	stk_log_end();
	return true;
}

/* worker:<id> for Resque's screens. Only bytes that the recogniser accepted are spliced there. */
static bool show(struct running *run, uint32_t wall_ms)
{
	struct stk_worker *w = run->w;
	const struct stk_doing doing = { .job_id = w->job_id,
		.class_name = stk_ticket_class(run->t),
		.attempt = w->run,
		.ms = (int64_t)wall_ms + DOING_GRACE_MS };
	struct stk_record_job job;
	enum stk_answer answer;
	enum stk_err e;

	stk_worker_record_job(w, run->r, run->t, &job);
	stk_jw_reset(&w->record);
	stk_record_working(&w->record, &job, stk_worker_now_s());
	if (w->record.sour)
		return true; /* a screen without it is no reason not to run */
	e = stk_store_show_doing(&w->store, run->r->parcel.seq,
	    stk_span_of(w->record.buf, w->record.len), &doing, &answer);
	stk_outage_note(&w->life.outage, e);
	if (e != STK_OK)
		return false;
	if (answer == STK_ANSWER_FENCED)
		w->life.fenced = true;
	/* somebody made another type of the screen's key: the job runs without a screen */
	return answer == STK_ANSWER_OK || answer == STK_ANSWER_STORE;
}

void stk_worker_log_admitted(
    struct stk_worker *w, const struct stk_reserved *r, const struct stk_admission *a)
{
	struct stk_jw *line = stk_log_start(STK_LOG_INFO, "job.admitted", "success", "%s %s%s",
	    stk_ticket_class(a->ticket),
	    a->plain ? "not signed: its queue has signatures = off" : "signed by ", a->principal);

	stk_worker_say_job(w, line);
	stk_jw_cstr(line, "stockade.queue", r->parcel.queue);
	stk_jw_cstr(line, "stockade.class", stk_ticket_class(a->ticket));
	stk_jw_int(line, "stockade.seq", r->parcel.seq);
	if (!a->plain) {
		stk_jw_cstr(line, "stockade.kid", a->kid);
		stk_jw_cstr(line, "stockade.principal", a->principal);
		stk_jw_str(line, "stockade.ref", stk_ticket_ref(a->ticket), STK_REF_MAX);
	}
	stk_log_end();
	if (a->plain) {
		w->counters.unsigned_runs++;
		stk_trail_count(&w->trail, STK_V_ACCEPT, r->parcel.queue, 1);
	}
}

/* Where Redis is now, which no job of a net class may reach. */
static void tell_broker(struct stk_worker *w)
{
	if ((w->cage.profiles & STK_PROFILE_NET) == 0)
		return;
	stk_net_terms_peer(&w->cage.net, stk_redis_fd(w->link));
	if (w->ledger.link != NULL)
		stk_net_terms_peer(&w->cage.net, stk_redis_fd(w->ledger.link));
}

/* From here on beats, signals and the supervisor's patience are those of a worker with a child. */
static void begin_running(struct stk_worker *w, const struct stk_ticket *t)
{
	w->life.kill_child = false; /* USR1 is for the child that runs when it comes */
	w->life.running = true;
	w->life.back_by_ms = INT64_MAX;
	w->life.abandoned = false;
	w->life.may_repeat = w->cage.table.classes[stk_ticket_class_index(t)].idempotent != 0;
	stk_pulse_patience(w->life.pulse, 60000); /* a zygote may have to start first */
	stk_meter_running(w, t, true);
}

static void end_running(struct stk_worker *w, const struct stk_ticket *t)
{
	stk_meter_running(w, t, false);
	stk_pulse_tick(w->life.pulse);
	w->life.running = false;
	w->counters.abandoned += w->life.abandoned;
}

void stk_worker_run(struct stk_worker *w, const struct stk_reserved *r, const struct stk_ticket *t,
    struct stk_outcome *out)
{
	struct running run = { .w = w, .r = r, .t = t };
	struct stk_run_hooks hooks = {
		.ctx = &run,
		.wake_fd = w->life.signal_fd,
		.tick = tick,
		.tick_ms = (uint32_t)stk_life_tick_ms(&w->life),
		.log = handler_log,
		.progress = progress,
		.net = net,
		.recycled = recycled,
		.go = go,
	};
	struct stk_run_request request = {
		.class_index = stk_ticket_class_index(t),
		.limits = stk_config_clamp(
		    w->config, &w->cage.table.classes[stk_ticket_class_index(t)].ask),
		.attempt = (uint32_t)w->run,
		.queue = r->parcel.queue,
		.args = stk_ticket_args(t),
		.handed = stk_handed_span(&w->handed, stk_ticket_class_index(t)),
	};

	memset(out, 0, sizeof(*out));
	stk_progress_begin(&w->told);
	memcpy(request.trace, w->trace, sizeof(request.trace));
	memcpy(request.job_id, stk_ticket_job_id(t), sizeof(request.job_id));
	stk_hex(request.job_id, sizeof(request.job_id), w->job_id);
	if (!show(&run, request.limits.wall_ms)) {
		out->name = STK_OUT_SHUTDOWN;
		(void)snprintf(
		    out->why, sizeof(out->why), "not started: Redis did not take the show");
		stk_life_wait(
		    &w->life, SHOW_PAUSE_MS); /* else the hand-back meets us again at once */
		return;
	}
	tell_broker(w);
	begin_running(w, t);
	if (stk_cage_run(w->cage.cage, &request, &hooks, out) != STK_OK)
		w->nursery_lost = true;
	redact_words(&run, out);
	tell_unlogged(&run, out);
	end_running(w, t);
	if (w->life.kill_child && out->name == STK_OUT_SHUTDOWN) {
		out->name = STK_OUT_KILLED_EXTERNALLY;
		(void)snprintf(out->why, sizeof(out->why),
		    "killed: an operator sent USR1 to end this job and go on with the next");
	}
	stk_title_set("Waiting");
}

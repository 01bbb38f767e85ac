/*
 * recover.c - see recover.h.
 *
 * Locking: the dead by beat are recovered under Resque's prune lock, so that no Ruby pruner reads
 * worker:<id> meanwhile. Graves are swept without it: whoever lies there gave up its worker id when
 * it was buried, so nothing of theirs is shown to Ruby any more, and taking the lock at each pass
 * would keep Ruby from ever pruning.
 */
#include "worker/recover.h"

#include "worker/worker.h"

#include <string.h>
#include <sys/random.h>

#define LOCK_MS        60000 /* its EX */
#define FULL_SWEEP_MS  600000
#define LOCK_MARGIN_MS 5000 /* a pass that begins with less left asks again */

static bool log_once_a_minute(struct stk_log_budget *b)
{
	uint64_t missed;

	return stk_log_allow(b, 1, stk_monotonic_ms(), &missed);
}

/* --- one victim ------------------------------------------------------------------------------- */

/* The job that its killers could not stop being recovered goes to `failed`, never away. */
static bool file_lost(struct stk_worker *w, const struct stk_lost *lost)
{
	struct stk_record_job job;

	stk_worker_record_raw(w, lost->queue, lost->bytes, &job);
	stk_jw_reset(&w->record);
	stk_record_failed(&w->record, &job, "Stockade::WorkerLost",
	    stk_span_str(
		"WorkerLost: workers died more than three times while this job was in their "
		"hands; find out why before retrying it"),
	    NULL, 0, stk_worker_now_s());
	if (w->record.sour)
		return false;
	w->counters.lost++;
	(void)stk_log_start(STK_LOG_ERROR, "job.lost", "failure",
	    "WorkerLost: a job of queue %s outlived more than three workers; it is in `failed`",
	    lost->queue);
	stk_log_end();
	return true;
}

static void note_orphans(struct stk_worker *w, const char *victim, int64_t n)
{
	struct stk_jw *line;

	if (n <= 0 || !log_once_a_minute(&w->recovery.orphans))
		return;
	line = stk_log_start(STK_LOG_ERROR, "jobs.orphaned", "failure",
	    "ORPHANED: %lld jobs of the dead worker %s lie in queues that are not ours for more "
	    "than "
	    "10 minutes; start a worker for those queues",
	    (long long)n, victim);
	stk_jw_cstr(line, "event.reason", "ORPHANED");
	stk_jw_int(line, "stockade.count", n);
	stk_log_end();
}

static void note_skipped(struct stk_worker *w, const char *victim, enum stk_answer answer)
{
	if (answer == STK_ANSWER_FENCED)
		w->life.fenced = true;
	else if (log_once_a_minute(&w->recovery.skipped)) {
		(void)stk_log_start(STK_LOG_WARN, "worker.not_recovered", "failure",
		    "the dead worker %s stays as it is: %s %s", victim, stk_answer_text(answer),
		    answer == STK_ANSWER_STORE ? w->store.bad_key : "protocol");
		stk_log_end();
	}
}

enum stk_err stk_recover_one(struct stk_worker *w, const char *victim)
{
	enum stk_answer answer = STK_ANSWER_AGAIN;
	struct stk_recovered found = { 0 };
	struct stk_lost lost = { 0 };
	bool filing = false;

	while (answer == STK_ANSWER_AGAIN || answer == STK_ANSWER_LOST) {
		struct stk_span record = stk_span_of(w->record.buf, w->record.len);
		enum stk_err e = stk_store_recover(&w->store, victim, w->queues, w->n_queues,
		    filing ? &lost : NULL, filing ? record : stk_span_of(NULL, 0), &found, &answer);

		if (e != STK_OK)
			return e;
		w->counters.recovered += (uint64_t)found.n_returned;
		w->counters.foreign_filed += (uint64_t)found.n_foreign_filed;
		lost = found.lost;
		filing = answer == STK_ANSWER_LOST && file_lost(w, &lost);
		if (answer == STK_ANSWER_LOST && !filing)
			return STK_OK; /* no memory for its record: the next pass finds it here */
		/* a list that never ends must not keep signals and the beat waiting */
		(void)stk_life_tick(&w->life);
		if (w->life.stop != STK_STOP_NO || w->life.fenced)
			return STK_OK;
	}
	if (answer != STK_ANSWER_OK)
		note_skipped(w, victim, answer);
	note_orphans(w, victim, found.orphans);
	return STK_OK;
}

/* --- death by beat ---------------------------------------------------------------------------- */

static int64_t seen_since(const struct stk_recovery *r, const struct stk_peer *p, int64_t now)
{
	for (size_t i = 0; i < r->n_seen; i++)
		if (memcmp(r->seen[i].peer.instance, p->instance, STK_INSTANCE_CHARS) == 0)
			return r->seen[i].peer.score == p->score ? r->seen[i].since_ms : now;
	return now;
}

/* What is in Redis now against what was there before: since when does each counter stand still? */
static void observe(struct stk_worker *w, size_t n_peers)
{
	struct stk_recovery *r = &w->recovery;
	int64_t now = stk_monotonic_ms();
	size_t n = 0;

	for (size_t i = 0; i < n_peers; i++)
		if (strcmp(r->peers[i].instance, w->store.instance) != 0) {
			r->next[n].peer = r->peers[i];
			r->next[n++].since_ms = seen_since(r, &r->peers[i], now);
		}
	memcpy(r->seen, r->next, n * sizeof(r->next[0]));
	r->n_seen = n;
}

enum stk_err stk_recovery_lock(struct stk_worker *w, bool *held)
{
	struct stk_recovery *r = &w->recovery;
	int64_t now = stk_monotonic_ms();
	enum stk_err e = STK_OK;

	*held = now < r->lock_until_ms - LOCK_MARGIN_MS;
	if (*held && (w->config->prune_lock == 0 || now < r->lock_until_ms - LOCK_MS / 2))
		return STK_OK;
	if (*held)
		e = stk_store_prune_renew(&w->store, held);
	if (e == STK_OK && !*held)
		e = stk_store_prune_lock(&w->store, held);
	r->lock_until_ms = e == STK_OK && *held ? now + LOCK_MS : 0;
	return e;
}

static enum stk_err bury(struct stk_worker *w, const struct stk_seen *dead)
{
	uint64_t before = w->counters.recovered;
	char victim[STK_INSTANCE_CHARS + 1];
	bool held;
	enum stk_err e = stk_recovery_lock(w, &held);

	if (e != STK_OK || !held)
		return e; /* somebody prunes: the next pass asks again */
	memcpy(victim, dead->peer.instance, sizeof(victim));
	if ((e = stk_recover_one(w, victim)) != STK_OK || w->life.fenced)
		return e;
	(void)stk_log_start(STK_LOG_WARN, "worker.recovered", "success",
	    "the worker instance %s has not beaten for %lld ms: dead; %llu of its jobs went back "
	    "to "
	    "the front of their queues",
	    victim, (long long)(stk_monotonic_ms() - dead->since_ms),
	    (unsigned long long)(w->counters.recovered - before));
	stk_log_end();
	return STK_OK;
}

static enum stk_err find_dead(struct stk_worker *w)
{
	struct stk_recovery *r = &w->recovery;
	int64_t steady = stk_life_steady_since(&w->life);
	size_t n = 0;
	enum stk_err e;

	if (steady == 0 || steady != r->steady_since_ms)
		r->n_seen = 0;
	r->steady_since_ms = steady;
	if (steady == 0)
		return STK_OK;
	if ((e = stk_store_live(&w->store, r->peers, STK_RECOVERY_WATCHED, &n)) != STK_OK)
		return e;
	observe(w, n);
	for (size_t i = 0; i < r->n_seen && e == STK_OK; i++) {
		/* a beat of ours may fail while we bury others: then nothing seen counts any more
		 */
		if (w->life.fenced || stk_life_steady_since(&w->life) != steady)
			break;
		if (stk_monotonic_ms() - r->seen[i].since_ms >= w->config->dead_after_ms)
			e = bury(w, &r->seen[i]);
	}
	return e;
}

/* --- graves ----------------------------------------------------------------------------------- */

/*
 * A grave that holds nothing of ours costs one EXISTS; the script, which also tells orphans and
 * lets old graves go, visits all of them every ten minutes.
 */
static enum stk_err sweep_grave(struct stk_worker *w, const char *instance)
{
	bool visit = w->recovery.full;
	enum stk_err e = STK_OK;

	if (strcmp(instance, w->store.instance) == 0)
		return STK_OK;
	if (!visit)
		e = stk_store_grave_holds(&w->store, instance, w->queues, w->n_queues, &visit);
	return e == STK_OK && visit ? stk_recover_one(w, instance) : e;
}

static void choose_sweep(struct stk_recovery *r)
{
	int64_t now = stk_monotonic_ms();

	if (r->grave_at != 0)
		return; /* in the middle of one */
	r->full = r->next_full_ms != 0 && now >= r->next_full_ms;
	if (r->full || r->next_full_ms == 0)
		r->next_full_ms = now + FULL_SWEEP_MS;
}

/* A half-open blocking pop can still deliver there, and other queues' jobs wait for their workers.
 */
static enum stk_err sweep_graves(struct stk_worker *w)
{
	struct stk_recovery *r = &w->recovery;
	size_t n = 0;
	enum stk_err e;

	choose_sweep(r);
	e = stk_store_graves_from(&w->store, &r->grave_at, r->peers, STK_RECOVERY_GRAVES, &n);
	for (size_t i = 0; i < n && e == STK_OK && !w->life.fenced; i++) {
		char instance[STK_INSTANCE_CHARS + 1];

		memcpy(instance, r->peers[i].instance, sizeof(instance));
		e = sweep_grave(w, instance);
	}
	return e;
}

/* --- the pass --------------------------------------------------------------------------------- */

/* Somewhere within one interval. */
static int64_t first_delay(const struct stk_worker *w)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return w->config->dead_after_ms / 9;
	return (int64_t)(r % (uint32_t)(w->config->dead_after_ms / 9 + 1)) + 1;
}

bool stk_recovery_due(const struct stk_worker *w)
{
	return stk_monotonic_ms() >= w->recovery.next_pass_ms;
}

void stk_recovery_pass(struct stk_worker *w)
{
	enum stk_err e;

	if (w->n_queues == 0 || !stk_recovery_due(w) || w->life.outage.away || w->life.fenced ||
	    w->life.stop != STK_STOP_NO)
		return;
	if (w->recovery.next_pass_ms == 0) {
		/* a fleet that starts together does not sweep the same graves in one moment */
		w->recovery.next_pass_ms = stk_monotonic_ms() + first_delay(w);
		return;
	}
	w->recovery.next_pass_ms = stk_monotonic_ms() + w->config->dead_after_ms / 9;
	e = sweep_graves(w);
	if (e == STK_OK && !w->life.fenced)
		e = find_dead(w);
	if (e == STK_OK && !w->life.fenced)
		e = stk_prune_pass(w);
	if (e != STK_OK)
		stk_outage_note(&w->life.outage, e);
}

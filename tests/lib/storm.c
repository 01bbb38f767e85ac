/*
 * storm.c - see storm.h: the steps and the model.
 */
#include "tests/lib/storm.h"

#include "tests/lib/redis_server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS     3
#define INSTANCES   4096
#define NOBODY      (-1)
#define STARTED     "2026-11-23 06:51:14 +0000"
#define RECOVERIES  3
#define CALM_PASSES 24

static const char *const queues[] = { "high", "low" };
/* the first two are one id: a container that started again while its former self still runs */
static const char *const ids[] = { "h:7:high,low", "h:8:high,low" };
static const int id_of_worker[WORKERS] = { 0, 0, 1 };

struct instance {
	char i[STK_INSTANCE_CHARS + 1];
	bool live;
	int id;
};
struct worker {
	struct stk_store store;
	int self;    /* its instance */
	bool knows;  /* a reserve reply arrived */
	bool lost;   /* a reserve reply was lost on the way */
	bool showed; /* a worker shows each job once */
	int64_t seq;
	char body[16], queue[16];
};
struct job {
	unsigned copies, returned;
	bool finished, gone; /* gone: a foreign tool's record stands for it */
	int filed_at;        /* the instance in whose hand it was when a foreign tool filed it */
};

static struct stk_redis *tools;
static struct storm_seen *seen;
static struct worker workers[WORKERS];
static struct instance instances[INSTANCES];
static int n_instances;
static struct job jobs[STORM_JOBS];
static int owner[2], shown_job[2];
static bool listed[2], paused;
static char shown[2][80], violation[200];
static struct stk_lost old_lost; /* a record of an earlier recovery: it may arrive again */
static char old_record[16];
static uint64_t dice;

/* xorshift64: the same seed is the same run on every machine */
static unsigned roll(unsigned sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (unsigned)(dice >> 33) % sides;
}

__attribute__((format(printf, 1, 2))) static void wrong(const char *text, ...)
{
	va_list ap;

	if (violation[0] != '\0')
		return;
	va_start(ap, text);
	(void)vsnprintf(violation, sizeof(violation), text, ap);
	va_end(ap);
}

static bool answered(enum stk_err e, const char *call)
{
	if (e != STK_OK)
		wrong("%s: Redis refused the script (%s)", call, stk_strerror(e));
	return e == STK_OK;
}

static void redis(const char *words)
{
	stk_reply_free(test_redis_do(tools, words));
}

static bool live(const struct worker *w)
{
	return instances[w->self].live;
}

/* A buried instance must hear FENCED, a living one must not. */
static bool fence_holds(const struct worker *w, enum stk_answer v, const char *call)
{
	if (live(w) == (v == STK_ANSWER_FENCED))
		wrong("%s: %s", call,
		    live(w) ? "a living instance was fenced" : "a buried instance was served");
	return v != STK_ANSWER_FENCED;
}

/* --- registration ----------------------------------------------------------------------------- */

static void disown(int instance)
{
	int id = instances[instance].id;

	instances[instance].live = false;
	if (owner[id] != instance)
		return;
	owner[id] = NOBODY;
	listed[id] = false;
	shown[id][0] = '\0';
}

static void enlist(struct worker *w)
{
	int id = id_of_worker[w - workers];
	bool shared = owner[id] != NOBODY && instances[owner[id]].live;
	enum stk_answer v = STK_ANSWER_OK;

	w->knows = w->lost = false;
	if (n_instances == INSTANCES) {
		wrong("the storm is longer than the model");
		return;
	}
	w->self = n_instances++;
	instances[w->self] = (struct instance){ .live = true, .id = id };
	memcpy(instances[w->self].i, w->store.instance, sizeof(w->store.instance));
	if (!answered(stk_store_register(&w->store, queues, 2, STARTED, &v), "register"))
		return;
	if (v != (shared ? STK_ANSWER_ID_SHARED : STK_ANSWER_OK))
		wrong("register says %s", stk_answer_text(v));
	seen->shared += shared;
	owner[id] = w->self;
	listed[id] = true;
	shown[id][0] = '\0';
}

/* Dies, or finds itself fenced; a successor takes over the id. */
static void reborn(struct worker *w)
{
	enum stk_answer v;

	seen->deaths++;
	if (!live(w) &&
	    answered(stk_store_register(&w->store, queues, 2, STARTED, &v), "register") &&
	    v != STK_ANSWER_FENCED)
		wrong("register: a buried instance came back to life");
	if (stk_store_fresh_instance(&w->store) != STK_OK)
		wrong("no random bytes");
	enlist(w);
}

static void fenced(struct worker *w)
{
	seen->fenced++;
	reborn(w);
}

static void beat(struct worker *w)
{
	enum stk_answer v;
	int id = id_of_worker[w - workers];

	if (!answered(stk_store_beat(&w->store, STARTED, &v), "beat"))
		return;
	if (!fence_holds(w, v, "beat")) {
		fenced(w);
		return;
	}
	if (owner[id] == NOBODY)
		owner[id] = w->self;
	listed[id] = listed[id] || owner[id] == w->self;
}

/* --- a job's way ------------------------------------------------------------------------------ */

/* every tenth is signed: its bytes may come again, and one parked copy stands for all */
static bool is_signed(int n)
{
	return n % 10 == 0;
}

static void enqueue(void)
{
	char body[16];
	int n = seen->jobs > 0 && roll(4) == 0 ? (int)roll(seen->jobs) / 10 * 10 : (int)seen->jobs;

	if (n >= STORM_JOBS || jobs[n].finished)
		return;
	(void)snprintf(body, sizeof(body), "job%04d", n);
	if (!answered(
		stk_store_enqueue(&workers[0].store,
		    queues[is_signed(n) ? (unsigned)n / 10 % 2 : roll(2)], stk_span_str(body)),
		"enqueue"))
		return;
	jobs[n].copies++;
	seen->jobs += n == (int)seen->jobs;
}

static int in_hand_of(const struct worker *w)
{
	char words[160];
	int n = 0;

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(
		    words, sizeof(words), "LLEN r:stockade:in:%s:%s", w->store.instance, queues[i]);
		n += (int)test_redis_int(tools, words);
	}
	return n;
}

static void show(struct worker *w)
{
	char value[80];
	int id = id_of_worker[w - workers];
	enum stk_answer v;

	if (w->showed || is_signed(atoi(w->body + 3)))
		return;
	w->showed = true;
	(void)snprintf(value, sizeof(value), "%s:%lld", w->store.instance, (long long)w->seq);
	if (!answered(stk_store_show(&w->store, w->seq, stk_span_str(value), &v), "show"))
		return;
	if (v != STK_ANSWER_OK)
		wrong("show says %s", stk_answer_text(v));
	if (owner[id] != w->self)
		return;
	memcpy(shown[id], value, sizeof(value));
	shown_job[id] = atoi(w->body + 3);
}

static void note_job(struct worker *w, const struct stk_reserved *got)
{
	int n = storm_number(got->parcel.bytes);

	if (n < 0) {
		wrong("reserve: bytes that nobody enqueued");
		return;
	}
	if (w->lost && (!got->again || got->parcel.seq != w->seq || n != atoi(w->body + 3)))
		wrong("job%04d: a lost reply was not answered again with its seq", n);
	if (!got->again && jobs[n].filed_at != NOBODY)
		wrong("job%04d runs again after a foreign tool filed it", n);
	if (!got->again && paused)
		wrong("job%04d was started in a pause", n);
	if (!got->again && in_hand_of(w) != 1)
		wrong("job%04d: further jobs wait behind the one in hand", n);
	w->seq = got->parcel.seq;
	w->showed = false;
	(void)snprintf(w->body, sizeof(w->body), "job%04d", n);
	(void)snprintf(w->queue, sizeof(w->queue), "%.15s", got->parcel.queue);
}

static void take(
    struct worker *w, const struct stk_reserved *got, enum stk_answer v, bool reply_lost)
{
	if (!fence_holds(w, v, "reserve")) {
		fenced(w);
		return;
	}
	if (w->lost && v != STK_ANSWER_JOB)
		wrong("reserve says %s with a job in hand", stk_answer_text(v));
	w->knows = w->lost = false;
	if (v != STK_ANSWER_JOB) {
		if (v != STK_ANSWER_EMPTY && v != STK_ANSWER_PAUSED)
			wrong("reserve says %s", stk_answer_text(v));
		if (in_hand_of(w) != 0)
			wrong("reserve says %s, and a delivered job stays behind",
			    stk_answer_text(v));
		return;
	}
	w->lost = false;
	note_job(w, got);
	w->lost = reply_lost;
	w->knows = !reply_lost;
}

static void reserve(struct worker *w)
{
	struct stk_reserved got;
	enum stk_answer v;
	bool was_lost = w->lost;

	if (w->knows || !answered(stk_store_reserve(&w->store, queues, 2, &got, &v), "reserve"))
		return;
	if (was_lost && v == STK_ANSWER_JOB && (!got.again || got.parcel.seq != w->seq))
		wrong("%s: a lost reply was not answered again with its seq", w->body);
	take(w, &got, v, roll(8) == 0);
	if (w->knows && roll(4) != 0)
		show(w);
}

/* What a first OK means for the job. */
static void settled(struct worker *w, const struct stk_settle *how, bool foreign)
{
	struct job *j = &jobs[atoi(w->body + 3)];
	int id = id_of_worker[w - workers];
	char key[64];

	if (foreign != (j->filed_at != NOBODY))
		wrong("%s: settle %s that a foreign tool filed it", w->body,
		    foreign ? "invents" : "misses");
	j->filed_at = NOBODY;
	if (owner[id] == w->self)
		shown[id][0] = '\0';
	if (how->what == STK_SETTLE_OK && j->finished)
		wrong("%s: two recorded successes", w->body);
	j->finished = j->finished || how->what == STK_SETTLE_OK || how->what == STK_SETTLE_DROP;
	j->gone = j->gone ||
		  (foreign && (how->what == STK_SETTLE_FAIL || how->what == STK_SETTLE_HANDBACK));
	if (how->what == STK_SETTLE_HANDBACK && !foreign) {
		struct storm_list front = { .n = 1 };

		memcpy(front.body[0], w->body, sizeof(w->body));
		(void)snprintf(key, sizeof(key), "r:queue:%s", w->queue);
		if (!storm_begins(tools, key, &front))
			wrong("%s: handed back, but not to the front", w->body);
	}
}

static void settle(struct worker *w)
{
	static const enum stk_settle_what whats[] = { STK_SETTLE_OK, STK_SETTLE_OK, STK_SETTLE_FAIL,
		STK_SETTLE_RETRY, STK_SETTLE_HANDBACK, STK_SETTLE_PARK, STK_SETTLE_QUARANTINE,
		STK_SETTLE_DROP };
	int n = atoi(w->body + 3);
	struct stk_settle how = { .seq = w->seq,
		.what = jobs[n].finished ? STK_SETTLE_DROP : whats[roll(8)],
		.record = stk_span_str(w->body),
		.delay_ms = roll(2) == 0 ? 0 : 3600000,
		.job_id = is_signed(n) ? w->body : NULL,
		.area = "quarantine:all",
		.entry = stk_span_str(w->body),
		.entry_id = w->body };
	struct stk_reserved got;
	enum stk_answer v = STK_ANSWER_STALE, next = STK_ANSWER_AGAIN;
	bool alone = how.what == STK_SETTLE_HANDBACK;
	int asks = roll(4) == 0 ? 2 : 1; /* a lost reply is asked for again */

	if (!w->knows)
		return;
	for (int i = 0; i < asks && violation[0] == '\0'; i++) {
		if (!answered(alone ? stk_store_settle(&w->store, &how, &v)
				    : stk_store_settle_and_reserve(
					  &w->store, &how, &v, queues, 2, &got, &next),
			"settle"))
			return;
		if (!fence_holds(w, v, "settle")) {
			fenced(w);
			return;
		}
		if (v != (i == 0 ? STK_ANSWER_OK : STK_ANSWER_ALREADY))
			wrong("%s: settle says %s", w->body, stk_answer_text(v));
		/* the reply to the reserve beside it replaces the store's detail */
		if (i == 0)
			settled(w, &how, alone ? w->store.detail == 1 : jobs[n].filed_at != NOBODY);
		w->knows = false;
		if (!alone)
			take(w, &got, next, i + 1 < asks || roll(8) == 0);
	}
}

/* --- death ------------------------------------------------------------------------------------ */

static void hands(int victim, const char *queue, struct storm_list *out)
{
	char key[128];

	(void)snprintf(key, sizeof(key), "r:stockade:in:%s:%s", instances[victim].i, queue);
	storm_list(tools, key, 64, out);
}

/* Jobs that a foreign tool filed in this hand are dropped with it. */
static void drop_filed(int victim)
{
	for (int n = 0; n < STORM_JOBS; n++)
		if (jobs[n].filed_at == victim) {
			jobs[n].filed_at = NOBODY;
			jobs[n].gone = true;
		}
}

static void count_returned(const struct storm_list *before)
{
	for (size_t i = 0; i < before->n; i++) {
		struct job *j = &jobs[atoi(before->body[i] + 3)];

		if (j->gone || j->copies != 1 || ++j->returned <= RECOVERIES)
			continue;
		wrong("%s came back from the dead more than %d times", before->body[i], RECOVERIES);
	}
}

static void recover(struct worker *w, int victim)
{
	struct storm_list before[2], front;
	struct stk_recovered r = { 0 };
	struct stk_lost lost = old_lost;
	char record[16] = "", key[64];
	bool replay = old_lost.digest[0] != '\0' && roll(2) == 0, quiet = true;
	enum stk_answer v;

	for (size_t i = 0; i < 2; i++)
		hands(victim, queues[i], &before[i]);
	/* a signed job's second copy has the same record: it may be filed under it at once */
	for (size_t i = 0; replay && i < 2; i++)
		for (size_t k = 0; k < before[i].n; k++)
			quiet = quiet && strcmp(before[i].body[k], old_record) != 0;
	if (!answered(stk_store_recover(&w->store, instances[victim].i, queues, 2,
			  replay ? &lost : NULL, stk_span_str(old_record), &r, &v),
		"recover"))
		return;
	if (victim == w->self)
		return;
	if (!fence_holds(w, v, "recover")) {
		fenced(w);
		return;
	}
	disown(victim);
	for (int n = 0; n < STORM_JOBS; n++)
		quiet = quiet && jobs[n].filed_at != victim;
	drop_filed(victim);
	for (size_t i = 0; quiet && v == STK_ANSWER_OK && i < 2; i++) {
		(void)snprintf(key, sizeof(key), "r:queue:%s", queues[i]);
		front = before[i];
		if (!storm_begins(tools, key, &front))
			wrong("recovered jobs do not stand at the front of %s in their order",
			    queues[i]);
		count_returned(&before[i]);
	}
	while (v == STK_ANSWER_LOST && roll(3) != 0) { /* else this caller dies in between */
		seen->lost++;
		lost = r.lost;
		(void)snprintf(record, sizeof(record), "%.*s", (int)lost.bytes.len,
		    (const char *)lost.bytes.p);
		if (!answered(stk_store_recover(&w->store, instances[victim].i, queues, 2, &lost,
				  stk_span_str(record), &r, &v),
			"recover"))
			return;
		old_lost = lost;
		memcpy(old_record, record, sizeof(record));
	}
}

static void unregister(struct worker *w)
{
	enum stk_answer v;

	if (!answered(stk_store_unregister(&w->store, &v), "unregister"))
		return;
	if (fence_holds(w, v, "unregister")) {
		drop_filed(w->self);
		disown(w->self);
		if (in_hand_of(w) != 0)
			wrong("unregister leaves jobs behind");
	}
	reborn(w);
}

/* --- others ----------------------------------------------------------------------------------- */

/* A blocking pop delivers, to the living and, half open, to the dead. */
static void deliver(void)
{
	const char *q = queues[roll(2)];
	int to = roll(2) == 0 ? (int)roll((unsigned)n_instances) : workers[roll(WORKERS)].self;
	char words[160];

	(void)snprintf(words, sizeof(words), "LMOVE r:queue:%s r:stockade:in:%s:%s LEFT RIGHT", q,
	    instances[to].i, q);
	redis(words);
	seen->delivered++;
}

/* A Ruby pruner that cannot see our processes. */
static void foreign_pruner(void)
{
	int id = (int)roll(2);
	char words[128];

	if (shown[id][0] != '\0') {
		(void)snprintf(words, sizeof(words), "RPUSH r:failed ruby:job%04d", shown_job[id]);
		redis(words);
		jobs[shown_job[id]].filed_at = owner[id];
		seen->filed_by_others++;
	}
	(void)snprintf(
	    words, sizeof(words), "DEL r:worker:%s r:worker:%s:started", ids[id], ids[id]);
	redis(words);
	(void)snprintf(words, sizeof(words), "SREM r:workers %s", ids[id]);
	redis(words);
	shown[id][0] = '\0';
	listed[id] = false;
}

static void pause_or_resume(void)
{
	paused = roll(3) == 0;
	redis(paused ? "SET r:pause-all-workers true" : "DEL r:pause-all-workers");
}

static void full_redis(struct worker *w)
{
	redis("CONFIG SET maxmemory 1");
	if (w->knows && live(w) && !w->showed && roll(2) == 0)
		show(w);
	else
		beat(w);
	redis("CONFIG SET maxmemory 0");
}

static void step(void)
{
	struct worker *w = &workers[roll(WORKERS)];

	switch (roll(16)) {
	case 0:
	case 1: enqueue(); break;
	case 2:
	case 3:
	case 4: reserve(w); break;
	case 5:
	case 6: settle(w); break;
	case 7:
	case 8: deliver(); break;
	case 9: reborn(w); break;                                /* kill -9 */
	case 10: recover(w, workers[roll(WORKERS)].self); break; /* wrongly: it lives */
	case 11:
	case 12:
		recover(
		    w, n_instances - 1 - (int)roll((unsigned)(n_instances < 9 ? n_instances : 9)));
		break;
	case 13: roll(3) == 0 ? pause_or_resume() : beat(w); break;
	case 14: roll(3) == 0 ? unregister(w) : foreign_pruner(); break;
	case 15: full_redis(w); break;
	}
}

/* --- what must be true ------------------------------------------------------------------------ */

/* "" stands for no such key */
static bool value_is(const char *words, const char *want)
{
	struct stk_reply *r = test_redis_do(tools, words);
	bool same =
	    r != NULL && (want[0] == '\0' ? r->type == STK_REPLY_NIL : stk_reply_is(r, want));

	stk_reply_free(r);
	return same;
}

static void ids_are_their_owners(void)
{
	char words[128];

	for (int id = 0; id < 2; id++) {
		(void)snprintf(words, sizeof(words), "GET r:worker:%s", ids[id]);
		if (!value_is(words, shown[id]))
			wrong("worker:%s was touched by an instance that does not own it", ids[id]);
		(void)snprintf(words, sizeof(words), "SISMEMBER r:workers %s", ids[id]);
		if (test_redis_int(tools, words) != listed[id])
			wrong("%s is %s workers, by an instance that does not own it", ids[id],
			    listed[id] ? "not in" : "in");
	}
}

static void every_job_is_in_one_place(void)
{
	struct storm_places p;

	storm_places(tools, &p);
	for (int n = 0; n < (int)seen->jobs; n++) {
		const struct job *j = &jobs[n];
		bool done = j->finished || j->gone;

		if (is_signed(n) && p.parked[n] > 1)
			wrong("job%04d is parked in %u copies of one id", n, p.parked[n]);
		if (!done && p.all[n] == 0)
			wrong("job%04d is lost", n);
		if (p.all[n] > (is_signed(n) ? j->copies : !done))
			wrong("job%04d stands in %u places, done %d", n, p.all[n], done);
	}
}

/* As the workers' own passes do: who is live and silent, then the graves. */
static void pass(struct worker *w)
{
	static struct stk_peer peers[INSTANCES];
	size_t n = 0, m = 0;

	if (!answered(stk_store_live(&w->store, peers, INSTANCES, &n), "live") ||
	    !answered(stk_store_graves(&w->store, peers + n, INSTANCES - n, &m), "graves"))
		return;
	for (size_t i = 0; i < n + m; i++)
		for (int k = 0; k < n_instances; k++)
			if (strcmp(instances[k].i, peers[i].instance) == 0 &&
			    k != workers[0].self && k != workers[1].self && k != workers[2].self)
				recover(w, k);
}

/* After the storm everything that was in hand or buried comes back. */
static void calm(void)
{
	struct storm_places p = { .in_hand = true };

	for (int i = 0; i < WORKERS; i++)
		reborn(&workers[i]);
	for (int k = 0; k < CALM_PASSES && p.in_hand && violation[0] == '\0'; k++) {
		pass(&workers[0]);
		storm_places(tools, &p);
	}
	if (p.in_hand)
		wrong("a job stays in a dead worker's hand for ever");
}

static void begin(const struct storm_plan *plan)
{
	redis("FLUSHALL");
	redis("CONFIG SET maxmemory 0");
	dice = plan->seed;
	n_instances = 0;
	paused = false;
	violation[0] = old_lost.digest[0] = old_record[0] = '\0';
	for (int n = 0; n < STORM_JOBS; n++)
		jobs[n] = (struct job){ .filed_at = NOBODY };
	for (int id = 0; id < 2; id++) {
		owner[id] = NOBODY;
		shown[id][0] = '\0';
		listed[id] = false;
	}
	for (int i = 0; i < WORKERS; i++) {
		if (stk_store_init(&workers[i].store, tools, "r", ids[id_of_worker[i]]) != STK_OK)
			wrong("no store");
		for (int s = 0; s < STK_SCRIPT_COUNT; s++)
			memcpy(workers[i].store.sha[s], plan->sha[s], sizeof(plan->sha[s]));
		enlist(&workers[i]);
	}
}

const char *storm_run(struct stk_redis *r, const struct storm_plan *plan, struct storm_seen *out)
{
	*out = (struct storm_seen){ 0 };
	tools = r;
	seen = out;
	begin(plan);
	for (unsigned i = 0; i < plan->steps && violation[0] == '\0'; i++) {
		step();
		ids_are_their_owners();
		if (i % 20 == 0)
			every_job_is_in_one_place();
	}
	if (violation[0] == '\0')
		calm();
	if (violation[0] == '\0')
		every_job_is_in_one_place();
	for (int i = 0; i < WORKERS; i++)
		stk_store_clear(&workers[i].store);
	return violation[0] == '\0' ? NULL : violation;
}

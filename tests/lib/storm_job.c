/*
 * storm_job.c - see storm.h: a job's way: enqueued, delivered, reserved, shown, settled.
 */
#include "tests/lib/redis_server.h"
#include "tests/lib/storm_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* every tenth is signed: its bytes may come again, and one parked copy stands for all */
bool storm_is_signed(int n)
{
	return n % 10 == 0;
}

void storm_enqueue(void)
{
	char body[16], words[PAYLOAD_MAX * 2 + 64];
	int n = sw.seen->jobs > 0 && storm_roll(4) == 0 ? (int)storm_roll(sw.seen->jobs) / 10 * 10
							: (int)sw.seen->jobs;

	if (storm_roll(12) == 0) {
		(void)snprintf(words, sizeof(words), "RPUSH r:queue:%s %0*d",
		    storm_queues[storm_roll(2)], PAYLOAD_MAX + 1, 0);
		storm_redis(words);
	}
	if (n >= STORM_JOBS || sw.jobs[n].finished)
		return;
	(void)snprintf(body, sizeof(body), "job%04d", n);
	if (!storm_answered(
		stk_store_enqueue(&sw.workers[0].store,
		    storm_queues[storm_is_signed(n) ? (unsigned)n / 10 % 2 : storm_roll(2)],
		    stk_span_str(body)),
		"enqueue"))
		return;
	sw.jobs[n].copies++;
	sw.seen->jobs += n == (int)sw.seen->jobs;
}

int storm_in_hand_of(const struct worker *w)
{
	char words[160];
	int n = 0;

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(words, sizeof(words), "LLEN r:stockade:in:%s:%s", w->store.instance,
		    storm_queues[i]);
		n += (int)test_redis_int(sw.tools, words);
	}
	return n;
}

void storm_show(struct worker *w)
{
	char value[80];
	int id = storm_id_of_worker[w - sw.workers];
	enum stk_answer v;

	if (w->showed || storm_is_signed(atoi(w->body + 3)))
		return;
	w->showed = true;
	(void)snprintf(value, sizeof(value), "%s:%lld", w->store.instance, (long long)w->seq);
	if (!storm_answered(stk_store_show(&w->store, w->seq, stk_span_str(value), &v), "show"))
		return;
	if (v != STK_ANSWER_OK)
		storm_wrong("show says %s", stk_answer_text(v));
	if (sw.owner[id] != w->self)
		return;
	memcpy(sw.shown[id], value, sizeof(value));
	sw.shown_job[id] = atoi(w->body + 3);
}

static void note_job(struct worker *w, const struct stk_reserved *got)
{
	int n = storm_number(got->parcel.bytes);

	if (n < 0) {
		storm_wrong("reserve: bytes that nobody enqueued");
		return;
	}
	if (w->lost && (!got->again || got->parcel.seq != w->seq || n != atoi(w->body + 3)))
		storm_wrong("job%04d: a lost reply was not answered again with its seq", n);
	if (!got->again && sw.jobs[n].far && sw.jobs[n].copies == 1)
		storm_wrong("job%04d runs before it is due", n);
	if (!got->again && sw.jobs[n].filed_at != NOBODY)
		storm_wrong("job%04d runs again after a foreign tool filed it", n);
	if (!got->again && sw.paused)
		storm_wrong("job%04d was started in a pause", n);
	if (!got->again && storm_in_hand_of(w) != 1)
		storm_wrong("job%04d: further jobs wait behind the one in hand", n);
	w->seq = got->parcel.seq;
	w->showed = false;
	(void)snprintf(w->body, sizeof(w->body), "job%04d", n);
	(void)snprintf(w->queue, sizeof(w->queue), "%.15s", got->parcel.queue);
}

/* EMPTY is only said when no parked job is due either: all of the storm are due at once, or in an
 * hour. */
static void nothing_is_due(void)
{
	struct timespec now;
	char words[96];

	(void)clock_gettime(CLOCK_REALTIME, &now);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(words, sizeof(words), "ZCOUNT r:stockade:parked:%s -inf %lld",
		    storm_queues[i], (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
		if (test_redis_int(sw.tools, words) != 0)
			storm_wrong(
			    "reserve says EMPTY, and a parked job of %s is due", storm_queues[i]);
	}
}

static void take(
    struct worker *w, const struct stk_reserved *got, enum stk_answer v, bool reply_lost)
{
	sw.n_oversize += got->n_oversize;
	if (!storm_fence_holds(w, v, "reserve")) {
		storm_fenced(w);
		return;
	}
	if (w->lost && v != STK_ANSWER_JOB)
		storm_wrong("reserve says %s with a job in hand", stk_answer_text(v));
	w->knows = w->lost = false;
	if (v != STK_ANSWER_JOB) {
		if (v == STK_ANSWER_AGAIN && got->n_oversize >= 8)
			return;
		if (v != STK_ANSWER_EMPTY && v != STK_ANSWER_PAUSED)
			storm_wrong("reserve says %s", stk_answer_text(v));
		if (v == STK_ANSWER_EMPTY)
			nothing_is_due();
		if (storm_in_hand_of(w) != 0)
			storm_wrong("reserve says %s, and a delivered job stays behind",
			    stk_answer_text(v));
		return;
	}
	w->lost = false;
	note_job(w, got);
	w->lost = reply_lost;
	w->knows = !reply_lost;
}

void storm_reserve(struct worker *w)
{
	struct stk_reserved got;
	enum stk_answer v;
	bool was_lost = w->lost;

	if (w->knows ||
	    !storm_answered(stk_store_reserve(&w->store, storm_queues, 2, &got, &v), "reserve"))
		return;
	if (was_lost && v == STK_ANSWER_JOB && (!got.again || got.parcel.seq != w->seq))
		storm_wrong("%s: a lost reply was not answered again with its seq", w->body);
	take(w, &got, v, storm_roll(8) == 0);
	if (w->knows && storm_roll(4) != 0)
		storm_show(w);
}

/* PARKFULL did nothing: the job is still in hand. */
static void is_full(struct worker *w)
{
	char words[96];

	(void)snprintf(words, sizeof(words), "ZCARD r:stockade:parked:%s", w->queue);
	if (test_redis_int(sw.tools, words) < PARK_MAX)
		storm_wrong("PARKFULL, and there was room");
	w->full = true;
}

/* What a first OK means for the job. */
static void settled(struct worker *w, const struct stk_settle *how, bool foreign)
{
	struct job *j = &sw.jobs[atoi(w->body + 3)];
	int id = storm_id_of_worker[w - sw.workers];
	char key[64];

	if (foreign != (j->filed_at != NOBODY))
		storm_wrong("%s: settle %s that a foreign tool filed it", w->body,
		    foreign ? "invents" : "misses");
	j->filed_at = NOBODY;
	if (sw.owner[id] == w->self)
		sw.shown[id][0] = '\0';
	if (how->what == STK_SETTLE_OK && j->finished)
		storm_wrong("%s: two recorded successes", w->body);
	j->far =
	    how->delay_ms > 0 && (how->what == STK_SETTLE_RETRY || how->what == STK_SETTLE_PARK);
	j->finished = j->finished || how->what == STK_SETTLE_OK || how->what == STK_SETTLE_DROP;
	j->gone = j->gone ||
		  (foreign && (how->what == STK_SETTLE_FAIL || how->what == STK_SETTLE_HANDBACK));
	if (how->what == STK_SETTLE_HANDBACK && !foreign) {
		struct storm_list front = { .n = 1 };

		memcpy(front.body[0], w->body, sizeof(w->body));
		(void)snprintf(key, sizeof(key), "r:queue:%s", w->queue);
		if (!storm_begins(sw.tools, key, &front))
			storm_wrong("%s: handed back, but not to the front", w->body);
	}
}

void storm_settle(struct worker *w)
{
	static const enum stk_settle_what whats[] = { STK_SETTLE_OK, STK_SETTLE_OK, STK_SETTLE_FAIL,
		STK_SETTLE_RETRY, STK_SETTLE_HANDBACK, STK_SETTLE_PARK, STK_SETTLE_QUARANTINE,
		STK_SETTLE_DROP };
	int n = atoi(w->body + 3);
	struct stk_settle how = { .seq = w->seq,
		.what = sw.jobs[n].finished ? STK_SETTLE_DROP : whats[storm_roll(8)],
		.record = stk_span_str(w->body),
		.delay_ms = storm_roll(3) != 0 ? 0 : 3600000,
		.park_max = PARK_MAX,
		.job_id = storm_is_signed(n) ? w->body : NULL,
		.area = "quarantine:all",
		.entry = stk_span_str(w->body),
		.entry_id = w->body };
	struct stk_reserved got = { 0 };
	enum stk_answer v = STK_ANSWER_STALE, next = STK_ANSWER_AGAIN;
	bool alone = how.what == STK_SETTLE_HANDBACK;
	int asks = storm_roll(4) == 0 ? 2 : 1; /* a lost reply is asked for again */

	if (!w->knows)
		return;
	if (w->full) /* it was told PARKFULL: an ordinary failure */
		how.what = STK_SETTLE_FAIL;
	w->full = false;
	for (int i = 0; i < asks && sw.violation[0] == '\0'; i++) {
		if (!storm_answered(alone ? stk_store_settle(&w->store, &how, &v)
					  : stk_store_settle_and_reserve(
						&w->store, &how, &v, storm_queues, 2, &got, &next),
			"settle"))
			return;
		if (!storm_fence_holds(w, v, "settle")) {
			storm_fenced(w);
			return;
		}
		if (v == STK_ANSWER_PARK_FULL) {
			is_full(w);
			return;
		}
		if (v != (i == 0 ? STK_ANSWER_OK : STK_ANSWER_ALREADY))
			storm_wrong("%s: settle says %s", w->body, stk_answer_text(v));
		/* the reply to the reserve beside it replaces the store's detail */
		if (i == 0)
			settled(
			    w, &how, alone ? w->store.detail == 1 : sw.jobs[n].filed_at != NOBODY);
		w->knows = false;
		if (!alone)
			take(w, &got, next, i + 1 < asks || storm_roll(8) == 0);
	}
}

/* A blocking pop delivers, to the living and, half open, to the dead. */
void storm_deliver(void)
{
	const char *q = storm_queues[storm_roll(2)];
	int to = storm_roll(2) == 0 ? (int)storm_roll((unsigned)sw.n_instances)
				    : sw.workers[storm_roll(WORKERS)].self;
	char words[160];

	(void)snprintf(words, sizeof(words), "LMOVE r:queue:%s r:stockade:in:%s:%s LEFT RIGHT", q,
	    sw.instances[to].i, q);
	storm_redis(words);
	sw.seen->delivered++;
}

/*
 * progress.c - what a running job says of how far it is, carried to Redis: at most once a second,
 * the latest word alone, and never at the cost of the job or of a beat.
 */
#include "worker/utf8.h"
#include "worker/worker.h"

#include <string.h>

#define EVERY_MS      1000
#define LEAST_WAIT_MS 50   /* less is not worth asking for */
#define MOST_WAIT_MS  1000 /* the same loop watches the child */

void stk_progress_begin(struct stk_progress_told *t)
{
	memset(t, 0, sizeof(*t));
}

/* Control characters become spaces, what is no UTF-8 a question mark: readers are many. */
static size_t tame(uint8_t *out, struct stk_span note)
{
	size_t n = 0, len;

	for (size_t i = 0; i < note.len; i += len) {
		len = stk_utf8_len(note.p + i, note.len - i);
		if (len > 1) {
			memcpy(out + n, note.p + i, len);
			n += len;
			continue;
		}
		out[n++] = len == 0 ? '?' : note.p[i] < 0x20 || note.p[i] == 0x7f ? ' ' : note.p[i];
		len = 1;
	}
	return n;
}

void stk_progress_heard(
    struct stk_progress_told *t, const struct stk_progress *p, struct stk_span note)
{
	t->last = *p;
	t->note_len = tame(
	    t->note, stk_span_of(note.p, note.len < sizeof(t->note) ? note.len : sizeof(t->note)));
	t->fresh = true;
}

/* It is only a show: where Redis does not take it, the job has none, and says so once. */
static void give_up(struct stk_worker *w, const char *why)
{
	struct stk_jw *line = stk_log_start(STK_LOG_WARN, "job.progress_lost", "failure",
	    "Redis does not take the progress of this job, which goes on: %s", why);

	w->told.mute = true;
	stk_worker_say_job(w, line);
	stk_log_end();
}

void stk_progress_tell(struct stk_worker *w, int64_t seq, int64_t back_by_ms)
{
	struct stk_progress_told *t = &w->told;
	int64_t now = stk_monotonic_ms(), until = now + MOST_WAIT_MS;
	enum stk_answer answer = STK_ANSWER_OK;
	enum stk_err e;

	if (!t->fresh || t->mute || now < t->next_ms || w->life.fenced || w->life.outage.away ||
	    !stk_redis_connected(w->link))
		return;
	if (back_by_ms < until)
		until = back_by_ms;
	if (until - now < LEAST_WAIT_MS)
		return;
	stk_redis_bound(w->link, until);
	e = stk_store_progress(&w->store, seq, t->last.done, t->last.total,
	    stk_span_of(t->note, t->note_len), &answer);
	stk_redis_bound(w->link, 0);
	t->fresh = false;
	t->next_ms = now + EVERY_MS;
	if (e == STK_OK && answer == STK_ANSWER_FENCED)
		w->life.fenced = true;
	else if (e == STK_E_REFUSED)
		give_up(w, stk_redis_why(w->link));
	else if (e == STK_OK && answer != STK_ANSWER_OK)
		give_up(w, answer == STK_ANSWER_STORE ? w->store.bad_key : stk_answer_text(answer));
	/* else the link is gone: the beat looks for Redis again */
	else if (e == STK_OK)
		w->counters.progress_told++;
}

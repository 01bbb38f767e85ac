/*
 * mistyped.c - see mistyped.h.
 */
#include "worker/worker.h"

#include <stdio.h>
#include <string.h>

#define PAUSE_MS 1000 /* between two attempts at what cannot be left out */

void stk_mistyped_note(struct stk_mistyped *m, const char *ns, const char *key)
{
	int64_t now = stk_monotonic_ms();
	struct stk_jw *line;
	uint64_t missed;

	if (strcmp(m->key, key) != 0) {
		(void)snprintf(m->key, sizeof(m->key), "%s", key);
		m->n++;
	} else if (now < m->say_ms) {
		return;
	}
	m->say_ms = now + STK_MISTYPED_SAY_MS;
	if (!stk_log_allow(&m->lines, STK_MISTYPED_PER_MINUTE, now, &missed))
		return;
	line = stk_log_start(STK_LOG_ERROR, "redis.wrong_type", "failure",
	    "STORE: %s:%s has another type than this protocol keeps there; nothing was taken or "
	    "written, and this worker asks again until somebody looks at the key (TYPE) and "
	    "renames or deletes it",
	    ns, key);
	stk_jw_cstr(line, "event.reason", "STORE");
	if (missed > 0)
		stk_jw_int(line, "stockade.lines_left_out", (int64_t)missed);
	stk_log_end();
}

void stk_mistyped_over(struct stk_mistyped *m, const char *ns)
{
	if (m->key[0] == '\0')
		return;
	(void)stk_log_start(STK_LOG_INFO, "redis.type_mended", "success",
	    "%s:%s no longer stands in the way", ns, m->key);
	stk_log_end();
	m->key[0] = '\0';
}

bool stk_worker_wait_for_type(
    struct stk_worker *w, enum stk_err e, enum stk_answer answer, bool outcome_in_hand)
{
	if (e != STK_OK || answer != STK_ANSWER_STORE)
		return false;
	stk_mistyped_note(&w->mistyped, w->store.ns, w->store.bad_key);
	if (!w->config->drain_and_exit && stk_life_linger(&w->life, PAUSE_MS, outcome_in_hand))
		return true;
	w->unsettled = outcome_in_hand;
	return false;
}

bool stk_worker_past_wrong_type(struct stk_worker *w, enum stk_answer looked)
{
	if (w->unsettled)
		return false;
	if (looked == STK_ANSWER_EMPTY) /* only then every queue was looked at */
		stk_mistyped_over(&w->mistyped, w->store.ns);
	if (looked != STK_ANSWER_STORE)
		return true;
	stk_mistyped_note(&w->mistyped, w->store.ns, w->store.bad_key);
	if (w->config->drain_and_exit)
		return false;
	stk_life_wait(&w->life, w->config->poll_ms);
	return true;
}

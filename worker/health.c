/*
 * health.c - see health.h. Pure.
 */
#include "worker/health.h"

static const struct {
	const char *name, *sentence;
} texts[STK_UNWELL_COUNT] = {
#define X(id, sentence) [STK_##id] = { #id, sentence },
	STK_UNWELL(X)
#undef X
};

const char *stk_unwell_text(enum stk_unwell u)
{
	return texts[u].name;
}

const char *stk_unwell_sentence(enum stk_unwell u)
{
	return texts[u].sentence;
}

/* Twice as long as it takes until it would have been killed for it. */
static bool is_still(const struct stk_service *s, const struct stk_pulse_view *v)
{
	return v->tick_ms != 0 && s->now_ms - v->tick_ms > 2 * s->stuck_after_ms + v->patience_ms;
}

enum stk_unwell stk_service_alive(const struct stk_service *s)
{
	if (is_still(s, &s->supervisor))
		return STK_SUPERVISOR_STILL;
	for (size_t i = 0; i < s->n; i++)
		if (is_still(s, &s->workers[i]))
			return STK_WORKER_STILL;
	return STK_WELL;
}

/* What keeps this one worker from taking a job. */
static enum stk_unwell lacks(const struct stk_service *s, const struct stk_pulse_view *v)
{
	if ((v->health & STK_HEALTH_REGISTERED) == 0 || is_still(s, v))
		return STK_NO_WORKER;
	if ((v->health & STK_HEALTH_REDIS) == 0)
		return STK_REDIS_AWAY;
	if ((v->health & STK_HEALTH_LEDGER) == 0)
		return STK_LEDGER_AWAY;
	if ((v->health & STK_HEALTH_WALL) == 0)
		return STK_SANDBOX_UNAVAILABLE;
	if ((v->health & STK_HEALTH_STOPPING) != 0)
		return STK_STOPPING;
	if ((v->health & STK_HEALTH_UNAUDITED) != 0)
		return STK_AUDIT_LOST;
	return (v->health & STK_HEALTH_PAUSED) != 0 ? STK_PAUSED : STK_WELL;
}

enum stk_unwell stk_service_ready(const struct stk_service *s)
{
	enum stk_unwell best = STK_NO_WORKER;

	if ((s->supervisor.health & STK_HEALTH_STOPPING) != 0)
		return STK_STOPPING;
	for (size_t i = 0; i < s->n; i++) {
		enum stk_unwell u = lacks(s, &s->workers[i]);

		if (u == STK_WELL)
			return STK_WELL;
		/* the worker that came furthest says what is wrong */
		if (best == STK_NO_WORKER || (u != STK_NO_WORKER && u > best))
			best = u;
	}
	return best;
}

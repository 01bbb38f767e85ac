/*
 * breaker.c - see breaker.h. Each worker tells each step when it sees it.
 */
#include "worker/breaker.h"

#include "worker/worker.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LOOK_MS          1000
#define LOOK_IN_HAND_MS  2000
#define ENDLESS_WAIT_MS  60000 /* held by hand, without an expiry */
#define WOULD_HOLD_LINES 10

const char *stk_breaker_text(enum stk_breaker_state s)
{
	static const char *const texts[] = { "CLOSED", "OPEN", "HALF_OPEN" };

	return texts[s];
}

void stk_breaker_clear(struct stk_breaker *b)
{
	free(b->of);
	*b = (struct stk_breaker){ 0 };
}

/* --- looking ---------------------------------------------------------------------------------- */

static void tell(struct stk_worker *w, const char *principal, enum stk_breaker_state s)
{
	static const char *const sentences[] = {
		"the breaker is closed: no violation during its trial; jobs of this principal "
		"start "
		"as ever",
		"the breaker is OPEN: this principal's own producer signs jobs that its grants or "
		"schemas refuse; its jobs wait, none is lost: find out what was deployed there",
		"the breaker is on trial: one job a second of this principal starts, and one more "
		"violation opens it again",
	};
	static const char *const actions[] = { "breaker.closed", "breaker.opened",
		"breaker.half_open" };
	struct stk_jw *line = stk_log_start(s == STK_BREAKER_OPEN ? STK_LOG_ERROR : STK_LOG_WARN,
	    actions[s], "unknown", "%s", sentences[s]);

	stk_jw_cstr(line, "event.reason", stk_breaker_text(s));
	stk_jw_cstr(line, "stockade.principal", principal);
	stk_log_end();
	w->counters.breaker_steps[s]++;
	(void)!stk_trail_step(&w->trail, "breaker", "", principal, stk_breaker_text(s));
}

static void take(struct stk_worker *w, size_t i, const struct stk_breaker_look *l, int64_t now)
{
	struct stk_breaker_of *of = &w->breaker.of[i];
	enum stk_breaker_state s = l->held_ms != 0    ? STK_BREAKER_OPEN
				   : l->trial_ms != 0 ? STK_BREAKER_HALF_OPEN
						      : STK_BREAKER_CLOSED;
	int64_t ms = s == STK_BREAKER_OPEN ? l->held_ms : l->trial_ms;

	of->until_ms = now + (ms < 0 ? ENDLESS_WAIT_MS : ms);
	if (s == of->state)
		return;
	of->state = s;
	tell(w, w->ring->principals[i].name, s);
}

static bool fits(struct stk_worker *w)
{
	struct stk_breaker *b = &w->breaker;

	if (b->n == w->ring->n_principals && b->of != NULL)
		return true;
	stk_breaker_clear(b);
	b->of = calloc(w->ring->n_principals, sizeof(*b->of));
	b->n = b->of == NULL ? 0 : w->ring->n_principals;
	return b->of != NULL;
}

void stk_breaker_look(struct stk_worker *w, bool in_hand)
{
	int64_t now = stk_monotonic_ms();
	const char *names[STK_BREAKER_NAMES];
	struct stk_breaker_look looks[STK_BREAKER_NAMES];
	enum stk_answer v = STK_ANSWER_AGAIN;

	if (w->breaker.looked_ms != 0 &&
	    now - w->breaker.looked_ms < (in_hand ? LOOK_IN_HAND_MS : LOOK_MS))
		return;
	if (w->life.outage.away || w->life.fenced || !fits(w))
		return;
	for (size_t from = 0; from < w->ring->n_principals; from += STK_BREAKER_NAMES) {
		size_t n = w->ring->n_principals - from;
		enum stk_err e;

		n = n < STK_BREAKER_NAMES ? n : STK_BREAKER_NAMES;
		for (size_t i = 0; i < n; i++)
			names[i] = w->ring->principals[from + i].name;
		e = stk_store_breaker_look(&w->store, names, n, looks, &v);
		stk_outage_note(&w->life.outage, e);
		if (v == STK_ANSWER_FENCED)
			w->life.fenced = true;
		if (e != STK_OK || v != STK_ANSWER_OK)
			return; /* what was known stands; whoever takes or settles a job hears the
				   rest */
		for (size_t i = 0; i < n; i++)
			take(w, from + i, &looks[i], now);
	}
	w->breaker.looked_ms = now;
}

/* --- asking ----------------------------------------------------------------------------------- */

static int64_t up_to(int64_t ms)
{
	uint32_t r;

	if (ms < 1 || getrandom(&r, sizeof(r), 0) != sizeof(r))
		return 0;
	return (int64_t)r % ms;
}

static bool observed(struct stk_worker *w, const struct stk_reserved *r)
{
	const struct stk_queue_rule *rule = stk_config_rule(w->config, r->parcel.queue);

	return rule != NULL && rule->breaker == STK_BREAKER_OBSERVE;
}

/* One job a second; Redis away counts as no. */
static bool passes(struct stk_worker *w, const char *principal)
{
	enum stk_answer v = STK_ANSWER_AGAIN;
	bool passed = false;

	stk_outage_note(&w->life.outage, stk_store_breaker_pass(&w->store, principal, &passed, &v));
	if (v == STK_ANSWER_FENCED)
		w->life.fenced = true;
	return passed;
}

static enum stk_verdict only_told(
    struct stk_worker *w, const struct stk_reserved *r, const struct stk_admission *a)
{
	uint64_t missed;
	struct stk_jw *line;

	w->counters.would_hold++;
	if (!stk_log_allow(
		&w->refusal_logs[STK_V_D_HELD], WOULD_HOLD_LINES, stk_monotonic_ms(), &missed))
		return STK_V_ACCEPT;
	line = stk_log_start(STK_LOG_WARN, "breaker.would_hold", "unknown",
	    "this job starts although its principal is held: its queue only observes the breaker");
	stk_jw_cstr(line, "stockade.queue", r->parcel.queue);
	stk_jw_cstr(line, "stockade.principal", a->principal);
	stk_log_end();
	return STK_V_ACCEPT;
}

enum stk_verdict stk_breaker_ask(
    struct stk_worker *w, const struct stk_reserved *r, struct stk_admission *a)
{
	const struct stk_breaker_of *of;
	int64_t left;

	if (a->who == NULL)
		return STK_V_ACCEPT;
	stk_breaker_look(w, true);
	if ((size_t)(a->who - w->ring->principals) >= w->breaker.n)
		return STK_V_ACCEPT;
	of = &w->breaker.of[a->who - w->ring->principals];
	if (of->state == STK_BREAKER_CLOSED)
		return STK_V_ACCEPT;
	if (observed(w, r))
		return only_told(w, r, a);
	if (of->state == STK_BREAKER_HALF_OPEN && passes(w, a->principal))
		return STK_V_ACCEPT;
	left = of->until_ms - stk_monotonic_ms();
	left = left < 0 ? 0 : left;
	/* what was held comes back over a while, so that there is always one to try */
	a->wait_ms = of->state == STK_BREAKER_OPEN
			 ? left + 1 + up_to(w->config->breaker.hold_ms / 10)
			 : 1000 + up_to(left);
	return a->verdict = STK_V_D_HELD;
}

/* --- what a settlement says ------------------------------------------------------------------- */

static void add_rule(const struct stk_worker *w, struct stk_settle *out)
{
	out->rule = (struct stk_breaker_rule){
		.window_ms = w->config->breaker.window_ms,
		.violations = w->config->breaker.violations,
		.ratio = w->config->breaker.ratio,
		.least = w->config->breaker.least,
		.hold_ms = w->config->breaker.hold_ms,
		.trial_ms = w->config->breaker.trial_ms,
	};
}

void stk_breaker_note_refused(
    struct stk_worker *w, const struct stk_admission *a, struct stk_settle *out)
{
	if (!a->authenticated || !stk_verdict_by_holder(a->verdict))
		return;
	out->violated = true;
	out->principal = a->who->name;
	add_rule(w, out);
}

void stk_breaker_note_ran(struct stk_worker *w, const struct stk_ticket *t, bool started,
    bool violated, struct stk_settle *out)
{
	if (stk_ticket_plain(t) || (!violated && (!started || w->run != 1)))
		return;
	out->judged = !violated;
	out->violated = violated;
	out->principal = stk_ticket_principal(t)->name;
	if (violated)
		out->job_id = w->job_id;
	add_rule(w, out);
}

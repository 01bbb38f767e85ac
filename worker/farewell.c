/*
 * farewell.c - how a worker ends, by name: the endings, their sentences and exit codes. Called by
 * work.c when its loop returned; trusts the worker's own state and nothing from outside.
 */
#include "worker/worker.h"

#include "worker/cli/cli.h"

#include <stdio.h>

/* Every class in a row of three SandboxUnavailable: this worker cannot run anything
 * (ARCHITECTURE.md, Decisions 27).
 */
bool stk_worker_wall_is_gone(const struct stk_worker *w)
{
	for (uint32_t i = 0; i < w->cage.table.head.n_classes; i++)
		if (w->unavailable[i] < 3)
			return false;
	return w->cage.table.head.n_classes > 0;
}

/* How a worker can end. Signals and an empty drain are the good endings. */
enum ending {
	END_NURSERY_LOST,
	END_FENCED,
	END_REDIS_LOST,
	END_REDIS_ODD,
	END_SANDBOX_UNAVAILABLE,
	END_STORE,
	END_DONE
};

static const struct {
	const char *name, *why;
	int code;
} endings[] = {
	[END_NURSERY_LOST] = { "NURSERY_LOST",
	    "the nursery died; a new worker starts with a fresh one", STK_EX_OS },
	[END_FENCED] = { "FENCED",
	    "other workers held this one for dead and took its job; it forgets it", STK_EX_REDIS },
	[END_REDIS_LOST] = { "REDIS_LOST",
	    "told to stop while Redis was away; a job in hand stays in flight", STK_EX_REDIS },
	[END_REDIS_ODD] = { "REDIS_ODD",
	    "Redis answers what this protocol does not know; a job in hand stays in flight",
	    STK_EX_REDIS },
	[END_SANDBOX_UNAVAILABLE] = { "SANDBOX_UNAVAILABLE",
	    "no class could be caged three times in a row; `stockade run-job` shows which step "
	    "fails on this machine",
	    STK_EX_OS },
	[END_STORE] = { "STORE", "a key has the wrong type; see redis.wrong_type above",
	    STK_EX_REDIS },
	[END_DONE] = { "DONE", "told to stop, or the queues are empty", STK_EX_OK },
};

/* The first that applies; the order is from what explains the others to what does not. */
static enum ending how_it_ended(const struct stk_worker *w)
{
	if (w->nursery_lost)
		return END_NURSERY_LOST;
	if (w->life.fenced)
		return END_FENCED;
	if (w->life.outage.hopeless)
		return END_REDIS_ODD;
	if (w->life.outage.away)
		return END_REDIS_LOST;
	if (stk_worker_wall_is_gone(w))
		return END_SANDBOX_UNAVAILABLE;
	if (w->unsettled)
		return END_STORE;
	return w->life.stop == STK_STOP_NO && w->store.bad_key[0] != '\0' ? END_STORE : END_DONE;
}

/* What the ending's sentence is about: the key, or what Redis said last. */
static const char *detail_of(const struct stk_worker *w, enum ending e)
{
	return e == END_REDIS_LOST || e == END_REDIS_ODD ? stk_redis_why(w->link)
							 : w->store.bad_key;
}

int stk_worker_farewell(struct stk_worker *w)
{
	enum ending end = how_it_ended(w);
	int code = endings[end].code;
	char detail[256];
	enum stk_answer answer;
	struct stk_jw *line;

	(void)snprintf(detail, sizeof(detail), "%s", detail_of(w, end)); /* before unregister */
	w->counters.outages = w->life.outage.n;
	w->counters.wrong_types = w->mistyped.n;
	stk_ledger_note(w);
	w->counters.ledger_outages = w->ledger.outage.n;
	if (stk_redis_connected(w->link) && !w->life.fenced && !w->life.outage.away &&
	    stk_store_unregister(&w->store, &answer) != STK_OK)
		code = code == STK_EX_OK ? STK_EX_REDIS : code;
	line = stk_log_start(code == STK_EX_OK ? STK_LOG_INFO : STK_LOG_ERROR, "worker.stopped",
	    code == STK_EX_OK ? "success" : "failure", "%s: %s%s%s", endings[end].name,
	    endings[end].why, detail[0] != '\0' ? ": " : "", detail);
	stk_jw_cstr(line, "event.reason", endings[end].name);
	stk_counters_write(&w->counters, line);
	stk_log_end();
	return code;
}

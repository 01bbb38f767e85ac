/*
 * fenced.c - a worker that the others held for dead: it forgets its job and begins again under a
 * fresh instance, or ends.
 */
#include "worker/worker.h"

#include <string.h>
#include <sys/random.h>

/*
 * The others hold this instance for dead and have its job: it is forgotten, and a fresh instance
 * begins. The supervisor's page has it before Redis does, so that a death in between is covered.
 */
static bool begin_again(struct stk_worker *w)
{
	uint8_t fresh[STK_INSTANCE_BYTES];
	bool registered;

	w->counters.fenced++;
	(void)stk_log_start(STK_LOG_WARN, "worker.fenced", "unknown",
	    "FENCED: others held this worker for dead and took its job; it registers anew");
	stk_log_end();
	if (getrandom(fresh, sizeof(fresh), 0) != sizeof(fresh))
		return false;
	stk_pulse_instance(w->life.pulse, fresh);
	/* its child is dead: what the former instance holds in the ledger has ended */
	memcpy(w->over, w->store.instance, sizeof(w->over));
	stk_hex(fresh, sizeof(fresh), w->store.instance);
	w->life.fenced = false;
	w->life.steady_since_ms = 0;
	w->life.store = NULL; /* a beat of an instance that is not registered yet would be FENCED */
	registered = stk_worker_register(w) == 0;
	w->life.store = &w->store;
	return registered;
}

/* A worker that was held for dead begins again; false when it should end. */
bool stk_worker_still_itself(struct stk_worker *w, enum stk_answer *next)
{
	if (*next == STK_ANSWER_FENCED)
		w->life.fenced = true;
	if (!w->life.fenced)
		return true;
	*next = STK_ANSWER_AGAIN;
	if (w->life.stop != STK_STOP_NO || begin_again(w))
		return w->life.stop == STK_STOP_NO;
	w->life.fenced = true; /* that is how it ends */
	return false;
}

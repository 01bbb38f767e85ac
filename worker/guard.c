/*
 * guard.c - see guard.h. drain.c and refuse.c ask it about every refusal, work.c about every job.
 */
#include "worker/guard.h"

static bool looks_signed(enum stk_verdict v)
{
	return v == STK_V_E_KEY_UNKNOWN || v == STK_V_E_KEY_REVOKED || v == STK_V_E_SIG_FORMAT ||
	       v == STK_V_E_SIGNATURE;
}

enum stk_guard_word stk_guard_saw(struct stk_guard *g, size_t q, const struct stk_admission *a)
{
	if (q >= STK_WORKER_QUEUES_MAX)
		return STK_GUARD_NOTHING;
	if (a->signature_valid)
		g->valid[q] = true;
	if (g->valid[q] || a->nomem || !looks_signed(a->verdict))
		return STK_GUARD_NOTHING;
	if (g->refused[q] < STK_GUARD_REFUSALS) {
		g->refused[q]++;
		return g->refused[q] == STK_GUARD_REFUSALS ? STK_GUARD_TRIPS : STK_GUARD_NOTHING;
	}
	return STK_GUARD_DIVERTS;
}

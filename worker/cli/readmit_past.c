/*
 * readmit_past.c - what became of a job already, before it is put back or signed again. The one
 * place where the `quarantine` commands meet the run ledger.
 */
#include "worker/cli/quarantine.h"

enum stk_past stk_readmit_past(
    const struct stk_config *config, const char *job_id, int64_t exp_s, uint32_t runs)
{
	(void)config;
	(void)job_id;
	(void)exp_s;
	(void)runs;
	return STK_PAST_NOT_ASKED; /* the ledger is not built yet, and the command says so */
}

/*
 * readmit_past.c - what became of a job already, before it is put back or signed again. The one
 * place where the `quarantine` commands meet the run ledger.
 */
#include "worker/cli/ledger_link.h"
#include "worker/cli/quarantine.h"

/* Asked for each job of a command that may readmit thousands; ends with the process. */
static struct {
	bool tried, connected;
	struct stk_ledger ledger;
} past;

static bool connect_once(const struct stk_config *config)
{
	STK_AUTO_CLOSE int fd = -1;

	if (!past.tried)
		past.connected = stk_cli_ledger_password(config, &fd) == 0 &&
				 stk_cli_ledger_connect(config, fd, &past.ledger) == 0;
	past.tried = true;
	return past.connected;
}

enum stk_past stk_readmit_past(
    const struct stk_config *config, const char *job_id, int64_t exp_s, uint32_t runs)
{
	if (config->ledger_url == NULL)
		return STK_PAST_NOT_ASKED;
	return connect_once(config) ? stk_ledger_past(&past.ledger, job_id, exp_s, runs)
				    : STK_PAST_AWAY;
}

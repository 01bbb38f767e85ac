/*
 * check_args.c - see check_args.h. What the child says of the arguments quotes them, so nothing of
 * it may steer a terminal.
 */
#include "worker/cli/check_args.h"

#include <stdio.h>
#include <string.h>

static enum stk_run_order keep_on(void *ctx, int64_t back_by_ms)
{
	(void)ctx, (void)back_by_ms;
	return STK_RUN_ON;
}

static void no_log(void *ctx, uint32_t level, struct stk_span text)
{
	(void)ctx;
	(void)level;
	(void)text;
}

static bool go(void *ctx, pid_t pid, const struct stk_cage_proof *proof)
{
	(void)ctx;
	(void)pid;
	(void)proof;
	return true;
}

bool stk_check_args(const struct stk_config *config, const struct stk_cage_setup *setup,
    const struct stk_ticket *ticket, enum stk_verdict *verdict, char *why, size_t why_size)
{
	const struct stk_run_hooks hooks = {
		.wake_fd = -1, .tick = keep_on, .tick_ms = 1000, .log = no_log, .go = go
	};
	struct stk_run_request r = { .class_index = stk_ticket_class_index(ticket),
		.limits = stk_config_clamp(
		    config, &setup->table.classes[stk_ticket_class_index(ticket)].ask),
		.attempt = 1,
		.check_only = true,
		.args = stk_ticket_args(ticket) };
	const char *label = stk_cage_setup_unmapped(setup, r.class_index);
	struct stk_outcome o = { 0 };

	*verdict = STK_V_ACCEPT;
	why[0] = '\0';
	if (label != NULL) {
		(void)snprintf(why, why_size,
		    "not checked: label `%.63s` is mapped to no directory; name the worker's "
		    "--config",
		    label);
		return false;
	}
	memcpy(r.job_id, stk_ticket_job_id(ticket), sizeof(r.job_id));
	/* STK_E_CLOSED is said by the outcome as well */
	if (stk_cage_run(setup->cage, &r, &hooks, &o) != STK_OK)
		o.name = STK_OUT_SANDBOX_UNAVAILABLE;
	if (o.name == STK_OUT_ARGS_JSON)
		*verdict = STK_V_E_ARGS_JSON;
	if (o.name == STK_OUT_ARGS_SCHEMA)
		*verdict = STK_V_E_SCHEMA;
	if (o.name != STK_OUT_DONE)
		(void)snprintf(why, why_size, "%.63s: %.511s", stk_outcome_text(o.name), o.why);
	for (char *c = why; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	stk_outcome_clear(&o);
	return true;
}

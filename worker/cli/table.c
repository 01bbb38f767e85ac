/*
 * table.c - see table.h. A new subcommand is one file and one line here.
 */
#include "worker/cli/table.h"

const struct stk_command *const stk_commands[] = {
	&stk_cmd_work,
	&stk_cmd_run_job,
	&stk_cmd_top,
	&stk_cmd_doctor,
	&stk_cmd_classes,
	&stk_cmd_schema,
	&stk_cmd_explain,
	&stk_cmd_shadow,
	&stk_cmd_policy,
	&stk_cmd_keys,
	&stk_cmd_ledger,
	&stk_cmd_sign,
	&stk_cmd_enqueue,
	&stk_cmd_audit,
	&stk_cmd_quarantine,
	&stk_cmd_result,
};
const size_t stk_n_commands = STK_ARRAY_LEN(stk_commands);

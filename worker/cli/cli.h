/*
 * cli.h - one file per subcommand; table.c lists them; main.c looks them up.
 */
#ifndef WORKER_CLI_CLI_H
#define WORKER_CLI_CLI_H

#include "sandbox/base.h"

/* sysexits(3), as PROTOCOL.md lists them; run-job and explain have results of their own. */
enum stk_exit {
	STK_EX_OK = 0,
	STK_EX_USAGE = 64,
	STK_EX_NOINPUT = 66,
	STK_EX_REDIS = 69,
	STK_EX_BUG = 70,
	STK_EX_OS = 71,
	STK_EX_NOPERM = 77,
	STK_EX_CONFIG = 78,
};

/* Only a person can mend these; before anything ever worked they end the service. */
bool stk_exit_is_final(int code);

struct stk_command {
	const char *name;
	const char *summary; /* one line for `stockade --help` */
	const char *usage;   /* what follows "usage: stockade ", may span lines */
	/* argv[0] is the subcommand's name; returns the exit code */
	int (*run)(int argc, char **argv);
};

extern const struct stk_command stk_cmd_audit, stk_cmd_classes, stk_cmd_doctor, stk_cmd_enqueue,
    stk_cmd_explain, stk_cmd_keys, stk_cmd_ledger, stk_cmd_policy, stk_cmd_quarantine,
    stk_cmd_result, stk_cmd_run_job, stk_cmd_schema, stk_cmd_shadow, stk_cmd_sign, stk_cmd_top,
    stk_cmd_work;

/* Prints "stockade: <sentence>" to stderr and returns @code, so callers write return
 * stk_complain(…). */
int stk_complain(int code, const char *fmt, ...) STK_PRINTF(2, 3);
/* From now on complaints are put into @text and not printed, the last one stays; NULL ends that. */
void stk_complain_into(char *text, size_t size);
/* Prints the command's usage to stderr (64) or, for --help, to stdout (0). */
int stk_usage(const struct stk_command *c, int code);

/*
 * Reads the operand FILE, or standard input for "-", at most @max bytes; complains by itself.
 * Returns 0, or the exit code (66). @out is owned by the caller.
 */
STK_CHECK int stk_read_operand(const char *path, size_t max, uint8_t **out, size_t *len);

#endif

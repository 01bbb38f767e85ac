/*
 * sign.c - `stockade sign`: prints the payload of one signed job, ready for RPUSH.
 */
#include "worker/cli/signing.h"

#include <stdio.h>

static int run(int argc, char **argv)
{
	struct stk_signed s;
	int code = stk_sign_options(&stk_cmd_sign, NULL, 0, argc, argv, &s);

	if (code != 0)
		return code == -1 ? 0 : code;
	if (printf("%s\n", s.payload) < 0 || fflush(stdout) != 0)
		code = stk_complain(STK_EX_OS, "cannot write the payload");
	stk_signed_clear(&s);
	return code;
}

const struct stk_command stk_cmd_sign = {
	.name = "sign",
	.summary = "sign one job and print its payload",
	.usage = "sign " STK_SIGN_USAGE,
	.run = run,
};

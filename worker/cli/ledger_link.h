/*
 * ledger_link.h - a command's own link to the run ledger.
 */
#ifndef WORKER_CLI_LEDGER_LINK_H
#define WORKER_CLI_LEDGER_LINK_H

#include "worker/config.h"
#include "worker/ledger.h"

/* Opens ledger_password_file, -1 if none is set. 0, or 66 after complaining. */
STK_CHECK int stk_cli_ledger_password(const struct stk_config *c, int *fd);
/* Connects with the password of @fd; 0 or an exit code after complaining. On success the caller
 * frees out->call.link and clears out->call. */
STK_CHECK int stk_cli_ledger_connect(const struct stk_config *c, int fd, struct stk_ledger *out);

#endif

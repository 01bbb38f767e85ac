/*
 * ledger_link.c - see ledger_link.h.
 */
#include "worker/cli/ledger_link.h"

#include "worker/cli/cli.h"
#include "worker/outage.h"
#include "worker/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int stk_cli_ledger_password(const struct stk_config *c, int *fd)
{
	*fd = -1;
	if (c->ledger_password_file == NULL ||
	    (*fd = stk_open_password_file(c->ledger_password_file)) != -1)
		return 0;
	return stk_complain(STK_EX_NOINPUT, "cannot read ledger_password_file %s: %s",
	    c->ledger_password_file, strerror(errno));
}

int stk_cli_ledger_connect(const struct stk_config *c, int fd, struct stk_ledger *out)
{
	struct stk_redis_url url;
	char why[STK_REDIS_WHY_BYTES];
	struct stk_redis_config config = {
		.url = &url,
		.password_fd = fd,
		.client_name = "stockade-ledger",
		.connect_timeout_ms = (int)c->redis_timeout_ms,
		.command_timeout_ms = (int)c->redis_timeout_ms,
	};
	struct stk_redis *link = NULL;
	int code = 0;

	if (c->ledger_url == NULL)
		return stk_complain(STK_EX_CONFIG, "LEDGER_UNSET: ledger_url is not set");
	if (stk_redis_url_parse(c->ledger_url, &url, why, sizeof(why)) != STK_OK)
		return stk_complain(STK_EX_CONFIG, "ledger_url: %s", why);
	if (c->ledger_user != NULL)
		(void)snprintf(url.user, sizeof(url.user), "%s", c->ledger_user);
	if (url.has_password)
		code = stk_complain(
		    STK_EX_CONFIG, "ledger_url holds a password; use ledger_password_file");
	else if (stk_redis_new(&config, &link) != STK_OK ||
		 stk_store_init(&out->call, link, c->ns, "ledger") != STK_OK)
		code = stk_complain(STK_EX_CONFIG, "namespace '%s' cannot be used", c->ns);
	else if (stk_redis_connect(link) != STK_OK)
		code =
		    stk_complain(STK_EX_REDIS, "LEDGER_DOWN: the ledger at %s: %s%s", c->ledger_url,
			stk_redis_why(link), stk_outage_advice(stk_redis_problem(link), true));
	stk_redis_url_clear(&url);
	if (code != 0)
		stk_redis_free(link);
	return code;
}

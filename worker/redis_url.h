/*
 * redis_url.h - where Redis is, in every spelling Resque accepts.
 *
 * Called once at start by whoever reads REDIS_URL or the configuration. Trusts nothing: the text
 * may come from an environment; every part is bounded, and what is not understood is refused with
 * the sentence an operator needs.
 */
#ifndef WORKER_REDIS_URL_H
#define WORKER_REDIS_URL_H

#include "sandbox/base.h"

#define STK_REDIS_WHY_BYTES 256

struct stk_redis_url {
	char socket_path[108]; /* unix socket (sun_path's size); empty for TCP */
	char host[256];        /* name or address, IPv6 without brackets; empty for a unix socket */
	uint16_t port;
	int db;             /* 0..65535 */
	char user[128];     /* ACL user, percent-decoded; empty for Redis's default user */
	char password[512]; /* percent-decoded; the caller moves it to a sealed memfd and clears
			       this */
	bool has_password;
	char ns[129]; /* namespace of the host:port/ns forms; empty where the text names none */
};

/*
 * Forms: redis://[user[:password]@]host[:port][/db], unix:///path[?db=n],
 * unix://path, host, host:port, host:port:db, host/ns, host:port/ns, host:port:db/ns. IPv6 stands
 * in brackets. Default port 6379, db 0. @text at most 2 KiB, NUL-terminated. On refusal returns
 * STK_E_FORMAT or STK_E_TOOBIG (STK_E_REFUSED for rediss://), @out is cleared and
 * @why (STK_REDIS_WHY_BYTES) says what is wrong and what to write instead, never quoting the
 * password.
 */
STK_CHECK enum stk_err stk_redis_url_parse(
    const char *text, struct stk_redis_url *out, char *why, size_t why_bytes);
/* Wipes everything, the password first of all. */
void stk_redis_url_clear(struct stk_redis_url *u);

#endif

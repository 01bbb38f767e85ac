/*
 * schema_role.c - has the cage program do schema work for `stockade schema` (jobs/schema/role.h):
 * one request, one reply, over a socket of its own. The reply is shown to a person and believed by
 * nobody.
 */
#include "sandbox/parent.h"

#include "sandbox/fds.h"
#include "sandbox/nursery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define REPLY_BYTES (16u << 20)
#define REPLY_MS    30000

/* The role reads to the end before it answers, so writing first cannot lock up with it. */
static enum stk_err send_request(int sock, struct stk_span request)
{
	const struct timeval patience = { .tv_sec = REPLY_MS / 1000 };

	if (setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == -1 ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == -1)
		return STK_E_SYSTEM;
	for (size_t at = 0; at < request.len;) {
		ssize_t n = send(sock, request.p + at, request.len - at, MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return STK_E_CLOSED;
		at += (size_t)n;
	}
	return shutdown(sock, SHUT_WR) == -1 ? STK_E_SYSTEM : STK_OK;
}

enum stk_err stk_cage_schema(
    struct stk_cage *c, struct stk_span request, char **reply, bool *good, const char **why)
{
	struct stk_child child = { .pidfd = -1, .sock = -1 };
	uint8_t *text = NULL;
	size_t len = 0;
	int pair[2];
	enum stk_err e;

	*why = c->why;
	*reply = NULL;
	(void)snprintf(c->why, sizeof(c->why), "no socket for the schema role");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return STK_E_SYSTEM;
	e = stk_birth(c, STK_ROLE_SCHEMA, 0, pair[1], &child, c->why);
	stk_close(&pair[1]);
	if (e == STK_OK) {
		(void)snprintf(c->why, sizeof(c->why),
		    "the cage program did not answer; is it of this version?");
		e = send_request(pair[0], request);
	}
	if (e == STK_OK)
		e = stk_read_all(pair[0], REPLY_BYTES, &text, &len);
	if (e == STK_OK &&
	    (len < 3 || (memcmp(text, "ok\n", 3) != 0 && memcmp(text, "no\n", 3) != 0)))
		e = STK_E_FORMAT;
	stk_close(&pair[0]);
	(void)stk_child_end(&child);
	if (e != STK_OK) {
		free(text);
		return e;
	}
	*good = text[0] == 'o';
	memmove(text, text + 3, len - 3 + 1);
	*reply = (char *)text;
	return STK_OK;
}

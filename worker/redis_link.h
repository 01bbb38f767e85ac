/*
 * redis_link.h - what redis_link.c and redis_login.c share: the link's inside.
 *
 * For these two files only.
 */
#ifndef WORKER_REDIS_LINK_H
#define WORKER_REDIS_LINK_H

#include "worker/redis.h"
#include "worker/redis_codec.h"

struct stk_redis {
	struct stk_redis_url url; /* password cleared */
	char client_name[64];
	int password_fd;
	int connect_timeout_ms, command_timeout_ms;
	struct stk_redis_caps caps;
	int fd;
	int64_t connected_at_ms;
	int64_t bound_ms;        /* no wait goes past this; 0: none */
	struct stk_codec *codec; /* NULL when not connected */
	enum stk_redis_problem problem;
	char why[STK_REDIS_WHY_BYTES];
};

/* Ends the link, because what a late reply would answer is unknown; returns @e, its sentence in
 * why. */
enum stk_err stk_link_broken(struct stk_redis *r, enum stk_err e, const char *doing);
/* Forgets the last call's problem and sentence. */
void stk_link_forget(struct stk_redis *r);
/* When a wait of @timeout_ms that begins now ends. */
int64_t stk_link_deadline(const struct stk_redis *r, int timeout_ms);
/* One command, one reply, judged as stk_redis_call does, until @deadline_ms. */
STK_CHECK enum stk_err stk_link_ask(struct stk_redis *r, const struct stk_span *argv, size_t argc,
    int64_t deadline_ms, struct stk_reply **out);

#endif

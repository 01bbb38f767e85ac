/*
 * redis_codec.h - RESP in and out, within a budget: what redis.c (hiredis) gives to redis_link.c.
 *
 * Nobody else calls it, except the fuzz target. The bytes fed are Redis's and not believed.
 */
#ifndef WORKER_REDIS_CODEC_H
#define WORKER_REDIS_CODEC_H

#include "worker/redis.h"

struct stk_codec;

/* STK_E_NOMEM. Owned by the caller: stk_codec_free. */
STK_CHECK enum stk_err stk_codec_new(const struct stk_redis_caps *caps, struct stk_codec **out);
void stk_codec_free(struct stk_codec *c);
/* Takes bytes off the wire. STK_E_TOOBIG (the reply being read is over its cap), STK_E_NOMEM. */
STK_CHECK enum stk_err stk_codec_feed(struct stk_codec *c, const void *p, size_t len);
/*
 * The next complete reply, owned by the caller; *out NULL with STK_OK: more bytes are needed.
 * STK_E_TOOBIG, STK_E_FORMAT, STK_E_NOMEM: the codec is spent.
 */
STK_CHECK enum stk_err stk_codec_next(struct stk_codec *c, struct stk_reply **out);
/* One command as RESP; *out of *len bytes, for stk_codec_wipe. STK_E_TOOBIG, STK_E_NOMEM. */
STK_CHECK enum stk_err stk_codec_format(
    const struct stk_redis_command *cmd, char **out, size_t *len);
/* Zeroes and frees: a password may have gone this way. */
void stk_codec_wipe(char *text, size_t len);

#endif

/*
 * net_setup.h - from configuration to what brokers are told: bounds, refused ranges, and where
 * Redis is, which no job is connected to unless its class lists that very address and port.
 */
#ifndef WORKER_NET_SETUP_H
#define WORKER_NET_SETUP_H

#include "sandbox/cage.h"
#include "worker/config.h"

/*
 * The settings, and the addresses that the host of @c->redis has now (libc's resolver, without a
 * deadline: at start only, and only where some class has net grants). A host that does not resolve
 * adds none; see stk_net_terms_peer().
 */
void stk_net_terms_make(const struct stk_config *c, struct stk_net_terms *out);
/* Adds the other end of the connected TCP socket @fd, if it is not there yet; the oldest gives way.
 */
void stk_net_terms_peer(struct stk_net_terms *t, int fd);

/* NULL, or a sentence fragment about the first setting of these that cannot be. */
const char *stk_net_refuse_wrong(const struct stk_strings *ranges);

#endif
